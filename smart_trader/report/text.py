"""Text that strangers chose, made harmless for people and for spreadsheets.

Anybody can name a token anything. Characters that control a screen are shown by their number.
"""

import unicodedata

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠", "﹢", "﹣", "﹦", "﹫")
# Letters and marks by their category, but invisible.
_BLANK = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0")
_MOST_MARKS = 3
"""Marks on one letter that living scripts need. More marks would cover the lines above and below."""


def visible(text: str) -> str:
    """`text` with every control, bidirectional and invisible character replaced by its number, such as [U+202E].

    Each kind of blank becomes a space, so the result is one line of visible characters.
    """
    if text.isascii() and text.isprintable():
        return text
    shown, marks = [], 0
    for char in text:
        category = unicodedata.category(char)
        marks = marks + 1 if category in ("Mn", "Me") else 0
        shown.append(_shown(char, category) if marks <= _MOST_MARKS else _number(char))
    return "".join(shown)


def clipped(text: str, most: int) -> str:
    """Visible text of at most `most` characters, with an ellipsis where it was cut."""
    whole = visible(text[: 4 * most]).strip()
    return whole if len(whole) <= most and len(text) <= 4 * most else whole[: most - 1] + "…"


def spreadsheet_text(text: str) -> str:
    """Text for a cell of a spreadsheet. A text that would start a formula gets an apostrophe in front."""
    return formula_mark(text) + visible(text)


def formula_mark(text: str) -> str:
    """The apostrophe before a text that would start a formula in a spreadsheet; empty before others."""
    return "'" if text.lstrip(" \n\v\f\x00\ufeff").startswith(_FORMULA_STARTS) else ""


def _shown(char: str, category: str) -> str:
    if category == "Zs":
        return " "
    return char if char.isprintable() and char not in _BLANK else _number(char)


def _number(char: str) -> str:
    return f"[U+{ord(char):04X}]"
