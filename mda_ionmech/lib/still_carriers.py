"""The warning on species whose carriers do not move, and which species a result warns of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

_BEFORE, _AFTER = "no carrier of ", " moves"


def still_note(names: Sequence[str]) -> str:
    """The warning on species that do not move.

    >>> still_note(["Li+", "Cl-"])
    'no carrier of Li+, Cl- moves'
    """
    return f"{_BEFORE}{', '.join(names)}{_AFTER}"


def is_still(name: str, notes: Iterable[str]) -> bool:
    """Whether one of the warnings of a result says that a species does not move.

    >>> [is_still(name, ["no carrier of Li+, Cl- moves"]) for name in ("Cl-", "Cl")]
    [True, False]
    """
    return any(
        name in text.removeprefix(_BEFORE).removesuffix(_AFTER).split(", ")
        for text in notes
        if text.startswith(_BEFORE) and text.endswith(_AFTER)
    )
