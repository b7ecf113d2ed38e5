"""HTML built from Python values. Every value that is not `Html` is text and is escaped.

There is no way to write an inline style, an event handler or an address that a browser would fetch.
"""

from collections.abc import Iterable
from html import escape

from smart_trader.report.text import visible

EXPLORER = "https://solscan.io/"
"""The one outside address to which the page links. The page loads nothing from it."""
_VOID = frozenset(("br", "col", "hr", "link", "meta", "rect", "path", "line", "circle"))
_SVG_VOID = frozenset(("rect", "path", "line", "circle"))
_LINKS = ("#", EXPLORER)


class Html(str):
    """Markup made by `element`. Joined to plain text it becomes plain text again, and is escaped."""

    __slots__ = ()


Content = str | int | None | Iterable["Content"]
Attribute = str | int | bool | None


def element(tag: str, *content: Content, **attributes: Attribute) -> Html:
    """`<tag attributes>content</tag>`. Attribute names lose a trailing `_`, and `_` inside becomes `-`.

    An attribute that is None or False is left out. Raises ValueError for an attribute that could run or load something.
    """
    written = "".join(_attribute(name, value) for name, value in attributes.items())
    if tag in _VOID:
        return Html(f"<{tag}{written}{'/' if tag in _SVG_VOID else ''}>")
    return Html(f"<{tag}{written}>{join(content)}</{tag}>")


def join(content: Content) -> Html:
    """The pieces one after the other, text escaped."""
    if content is None:
        return Html("")
    if isinstance(content, Html):
        return content
    if isinstance(content, str | int):
        return Html(_escaped(str(content)))
    return Html("".join(map(join, content)))


def _attribute(name: str, value: Attribute) -> str:
    if value is None or value is False:
        return ""
    name = name.rstrip("_").replace("_", "-")
    text = "" if value is True else str(value)
    if name.startswith("on") or name in ("style", "src", "srcset", "srcdoc", "action", "formaction"):
        raise ValueError(f"the page has no attribute {name}")
    if name == "href" and not text.startswith(_LINKS):
        raise ValueError("the page links to its own parts and to the explorer only")
    return f" {name}" if value is True else f' {name}="{_escaped(text)}"'


def _escaped(text: str) -> str:
    return escape(visible(text))
