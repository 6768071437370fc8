"""Text from outside as text: nothing in it steers a terminal or hides from a reader."""

from __future__ import annotations

import os
import re
import shlex
import unicodedata

#: Begin formulas in programs that open tables of text, some also in the width of East Asian signs.
FORMULA = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")
#: Letters that are drawn as blanks.
_BLANK = "\u115f\u1160\u2800\u3164\uffa0"


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
    if is_visible(text):
        return text
    return "".join(c if _is_shown(c) else ascii(c)[1:-1] for c in text)


def is_visible(text: str) -> bool:
    """Whether a text holds no invisible characters besides single-line spaces.

    >>> is_visible("a b"), is_visible("a\\u202eb"), is_visible("\\u3164")
    (True, False, False)

    Parameters
    ----------
    text : str
    """
    return text.isprintable() and not any(c in text for c in _BLANK)


def in_shell(text: str | os.PathLike[str]) -> str:
    """A text, such as a path, as one word of a command to be copied into a shell.

    >>> in_shell("a.nc"), in_shell("my run.nc"), in_shell("-a.nc")
    ('a.nc', "'my run.nc'", './-a.nc')

    Parameters
    ----------
    text : str or path-like

    Returns
    -------
    str
        What cannot be seen is in the notation that bash and zsh read.
    """
    word = os.fspath(text)
    word = f"./{word}" if word.startswith("-") else word
    if is_visible(word):
        return shlex.quote(word)
    raw = os.fsencode(word)
    shown = "".join(
        f"\\x{byte:02x}" if not 32 <= byte < 127 or byte in b"'\\" else chr(byte) for byte in raw
    )
    return f"$'{shown}'"


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
        is_visible(character)
        or character in "\n\t"
        or unicodedata.category(character) == "Zs"  # spaces of all widths
    )
