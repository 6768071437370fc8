"""Label names: distinct words, as result files need them, and those of classes that are split."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .checks import shown
from .errors import InputError
from .plain_text import is_formula, is_visible

#: Between the name of a class and that of a flag by which it is split.
WITH, WITHOUT = "_with_", "_without_"
#: In place of a flag: exchange of each solvent on its own.
LIGAND = "ligand"
#: Likewise: hops by the labels of the sites at their ends.
CHANNEL = "channel"
#: Longest name of a label.
MOST_LETTERS = 200


def check_label_names(names: Any, owner: str) -> None:
    """Refuse names that are not distinct words.

    Parameters
    ----------
    names : sequence of str
        The labels in order.
    owner : str
        Owner of the names, for the message, e.g. ``"MyRule"``.

    Raises
    ------
    InputError
        For no names, one that is no text or holds blanks, or one that occurs twice.
    """
    remedy = "give a tuple of words joined by underscores, e.g. names = ('kept', 'lost')"
    if isinstance(names, str) or not isinstance(names, Sequence):
        raise InputError(
            f"names of {owner} must be a tuple of strings, got {shown(names)}; {remedy}"
        )
    if not names:
        raise InputError(f"{owner} has no names, so there is no label to give; {remedy}")
    seen: set[str] = set()
    for name in names:
        if not isinstance(name, str) or not name or not is_visible(name) or len(name.split()) > 1:
            raise InputError(
                f"names of {owner} holds {name!r}: a result lists its labels in one line, so each "
                f"is a word without blanks; {remedy}"
            )
        if is_formula(name) or len(name) > MOST_LETTERS:
            raise InputError(
                f"names of {owner} holds {shown(name)}: a name begins with a letter, a digit or a "
                f"bracket, not as formulas of spreadsheets do, and has at most {MOST_LETTERS} "
                f"letters; {remedy}"
            )
        if name.strip() != name:
            raise InputError(f"names of {owner} holds {name!r}, with a blank at its end; {remedy}")
        if name in seen:
            raise InputError(
                f"names of {owner} holds {name!r} more than once; each label has a name of its own"
            )
        seen.add(name)


def split_names(names: Sequence[str], flag: str) -> tuple[str, ...]:
    """Names of classes split by a flag: of each class, with the flag and then without it.

    Parameters
    ----------
    names : sequence of str
    flag : str

    Returns
    -------
    tuple of str
        Twice as many.
    """
    return tuple(f"{name}{part}{flag}" for name in names for part in (WITH, WITHOUT))
