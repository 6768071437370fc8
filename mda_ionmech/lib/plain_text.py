"""Text from outside as text: nothing in it steers a terminal or hides from a reader."""

from __future__ import annotations

import re
import unicodedata

#: Begin formulas in programs that open tables of text.
FORMULA = ("=", "+", "-", "@")


def is_formula(text: str) -> bool:
    """Whether a spreadsheet takes a cell with this text for a formula; signs and charges are none.

    >>> is_formula("=1+1"), is_formula("+"), is_formula("-2"), is_formula("Li+")
    (True, False, False, False)

    Parameters
    ----------
    text : str
    """
    return text.startswith(FORMULA) and re.fullmatch(r"[-+]\d*", text) is None


def printable(text: str) -> str:
    """A text with every character that is none to be seen written as an escape sequence.

    Control characters (but line breaks and tabs), marks of writing direction, surrogates and
    characters without a meaning are shown as Python would, e.g. ``\\x1b``.

    >>> printable("a\\x1b[31m")
    'a\\\\x1b[31m'

    Parameters
    ----------
    text : str

    Returns
    -------
    str
    """
    if text.isprintable():
        return text
    return "".join(c if _is_shown(c) else ascii(c)[1:-1] for c in text)


def on_one_line(text: str) -> str:
    """A text as `printable` gives it, its line breaks and tabs as single spaces.

    Parameters
    ----------
    text : str

    Returns
    -------
    str
    """
    return " ".join(printable(text).split())


def _is_shown(character: str) -> bool:
    return (
        character.isprintable()
        or character in "\n\t"
        or unicodedata.category(character) == "Zs"  # spaces of all widths
    )
