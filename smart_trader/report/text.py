"""Text that strangers chose, made harmless for people and for spreadsheets.

Anybody can name a token anything. What would steer a screen instead of standing on it is shown by its number.
"""

import unicodedata

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠", "﹢", "﹣", "﹦", "﹫")
# Letters and marks by their category, and yet nothing to see.
_BLANK = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0")
_MOST_MARKS = 3
"""Marks on one letter that living scripts need; more of them reach into the lines above and below."""


def visible(text: str) -> str:
    """`text` with every control, bidirectional and invisible character replaced by its number, such as [U+202E].

    All kinds of blanks become a space, so that the result is one line in which each character can be seen.
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
    """Visible text of at most `most` characters; an ellipsis says that something was cut."""
    whole = visible(text[: 4 * most]).strip()
    return whole if len(whole) <= most and len(text) <= 4 * most else whole[: most - 1] + "…"


def spreadsheet_text(text: str) -> str:
    """Text for a cell of a spreadsheet: what would start a formula there gets an apostrophe before it."""
    is_formula = text.lstrip(" \n\v\f\x00\ufeff").startswith(_FORMULA_STARTS)
    return ("'" if is_formula else "") + visible(text)


def _shown(char: str, category: str) -> str:
    if category == "Zs":
        return " "
    return char if char.isprintable() and char not in _BLANK else _number(char)


def _number(char: str) -> str:
    return f"[U+{ord(char):04X}]"
