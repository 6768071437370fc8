"""What was tried, by kind, and the page of the documentation."""

from __future__ import annotations

from dataclasses import dataclass

from . import mutations


@dataclass
class Verdict:
    """Numbers of files of one kind that were refused, and that were read as they were written."""

    refused: int = 0
    same: int = 0


def _each(number: int, which: dict[str, mutations.Mutation]) -> dict:
    return {name: (mutation, number) for name, mutation in which.items()}


#: Kinds of damage and how many files of each, by the ending of the file.
FILES: dict[str, dict[str, tuple[mutations.Mutation, int]]] = {
    "nc": _each(22, mutations.BYTES) | _each(5, mutations.CONTENTS) | {
        "warnings of 60 MB": (mutations.CONTENTS["warnings of 60 MB"], 1)
    },
    "npz": _each(22, mutations.BYTES) | _each(6, mutations.ARRAYS),
    "toml": _each(18, mutations.BYTES) | _each(5, mutations.TEXTS) | {
        "a value of another kind": (mutations.TEXTS["a value of another kind"], 40)
    },
}  # fmt: skip
