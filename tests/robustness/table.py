"""What was tried, by kind, and the page of the documentation."""

from __future__ import annotations

from dataclasses import dataclass

from . import damage


@dataclass
class Verdict:
    """Numbers of files of one kind that were refused, and that were read as they were written."""

    refused: int = 0
    same: int = 0


def _each(number: int, which: dict[str, damage.Damage]) -> dict:
    return {name: (harm, number) for name, harm in which.items()}


#: Kinds of damage and how many files of each, by the ending of the file.
FILES: dict[str, dict[str, tuple[damage.Damage, int]]] = {
    "nc": _each(22, damage.BYTES) | _each(5, damage.CONTENTS) | {
        "warnings of 60 MB": (damage.CONTENTS["warnings of 60 MB"], 1)
    },
    "npz": _each(22, damage.BYTES) | _each(6, damage.ARRAYS),
    "toml": _each(18, damage.BYTES) | _each(5, damage.TEXTS) | {
        "a value of another kind": (damage.TEXTS["a value of another kind"], 40)
    },
}  # fmt: skip
