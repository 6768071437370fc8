"""What was tried, by kind, and the page of the documentation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from . import damage, damage_of_runs
from . import damage_of_others as others

PAGE = Path(__file__).parents[2] / "docs" / "validation" / "robustness.md"


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
    "npz": _each(22, damage.BYTES) | _each(6, others.ARRAYS),
    "toml": _each(18, damage.BYTES) | _each(5, others.TEXTS) | {
        "a value of another kind": (others.TEXTS["a value of another kind"], 40)
    },
}  # fmt: skip
_CALLED = {
    "nc": "result, `*.nc`", "npz": "states, `*.states.npz`", "toml": "configuration, `*.toml`"
}  # fmt: skip
_DAMAGED = "tests/robustness/test_damage.py"

HEAD = """\
# Damaged files, unusual paths and texts

Invalid input is refused with an error that names it, or has no effect on the result. This page is
written by `python -m tests.robustness` and compared with the tests; the command given for each row
repeats its test. Terms are defined in the {{doc}}`../glossary`.

## Damaged files

{n} files of one small run are damaged with fixed seeds, and read. Each is refused with an error
that names it, or read exactly as it was written (a configuration may also be accepted, and a saved
run whose manifest was edited together with its checksum); none
raises any other error, takes more than 10 s, or more than half a gigabyte of memory. A result file
that another program copied without a change is read as before.

`pytest {path}` and, for saved runs, `pytest tests/robustness/test_damaged_runs.py`

| file | damage | files | outcome |
|---|---|---|---|
"""
OLDER = """
A result file of a version without checksums is read with a warning; damage is found where it
contradicts the schema, the settings, the sums of the events or the sums over blocks:

| damage to a file without checksums | outcome |
|---|---|
"""
REST = """
## Runs, paths and texts

| tried | outcome | command |
|---|---|---|
"""
#: What else is tried: what comes of it, and the tests.
_ROWS = (
    (
        "`combine` of a result with itself, with a result that holds it, of overlapping stretches "
        "of one trajectory, also from files with numbers of their own; `combined.nc` "
        "among `*.nc`; an output that is also an input",
        "refused, with the names of the files",
        "tests/results/test_combine.py",
    ),
    (
        "9 writers (result, combined result, states, fits, figure, report, dump, configuration, "
        "saved run) to 16 paths: folders, devices, pipes, sockets, protected files and folders, "
        "links to these, loops, missing folders, names too long, with NUL, not in UTF-8, none",
        "refused; existing files are not changed",
        "tests/robustness/test_writing.py",
    ),
    (
        "the same writers to a topology or trajectory that is read, also under another name",
        "refused, by the command before frames are read",
        "tests/robustness/test_writing.py",
    ),
    (
        "the same writers through a symbolic link, and on a full disk",
        "the file that the link points to is written and the link stays; on the full disk the old "
        "file is not changed, and writing elsewhere works",
        "tests/robustness/test_writing.py",
    ),
    (
        "a large result file that is written over, cut off or replaced after it was loaded",
        "what is left in the file is refused; what was there before it was replaced is read",
        "tests/results/test_write_file.py",
    ),
    (
        "names and warnings with markup of terminals, HTML, figures and templates, formulas of "
        "spreadsheets, control characters, marks of writing direction, surrogates",
        "shown literally in terminal, report, notebook, figures, OVITO, and tables copied as "
        "Markdown or LaTeX, or refused as input: in arguments, result files and states files",
        "tests/robustness/test_texts.py",
    ),
    (
        "residue names of 11 such kinds in a topology; paths with blanks, quotes and signs of "
        "shells in commands that are printed",
        "`ionmech init` writes a configuration that `ionmech run` takes; a shell reads each path "
        "as one word",
        "tests/robustness/test_texts.py",
    ),
    (
        "folders that a user may not look into, or only write to; no folder for temporary files; a "
        "present folder that was removed; no place for the locks of processes; Python without "
        "docstrings; a reader of the output that stops early",
        "one error that says so, or written",
        "tests/robustness/test_environments.py",
    ),
    (
        "no folder for compiled kernels, a full one, a damaged one; a user without write access; "
        "the C locale without UTF-8",
        "runs, with one message that compiled kernels are not stored",
        "tests/robustness/test_environments.py",
    ),
    (
        "another locale, time zone, order of sets and number of threads, Python without assertions",
        "results equal bit for bit; with Python in place of compiled kernels (NUMBA_DISABLE_JIT=1) "
        "within 1e-13 of the largest value",
        "tests/robustness/test_environments.py",
    ),
    (
        "1, 2 and 3 threads of the linear algebra library",
        "results equal bit for bit",
        "tests/onsager/test_products.py",
    ),
    (
        "runs that are killed, and damaged or changed stores",
        "resumed with results equal bit for bit, read again with a message, or refused",
        "tests/test_store.py tests/trajectory/test_run_store.py",
    ),
)


def rows(lines: Sequence[Sequence[str]]) -> str:
    """Lines of a table."""
    return "".join("| " + " | ".join(cells) + " |\n" for cells in lines)


def page() -> str:
    """The page of the documentation."""
    outcome = {
        "nc": "refused, or as written",
        "npz": "refused, or as written",
        "toml": "refused, or accepted",
    }
    damaged = [
        (_CALLED[kind], name, str(number), outcome[kind])
        for kind, harms in FILES.items()
        for name, (_, number) in harms.items()
    ]
    runs = [
        ("saved run, `*.run`", name, str(number), outcome["npz" if is_told else "toml"])
        for name, (_, number, is_told) in damage_of_runs.RUNS.items()
    ]
    n = sum(number for harms in FILES.values() for _, number in harms.values())
    n += sum(number for _, number, _ in damage_of_runs.RUNS.values())
    return (
        HEAD.format(n=n, path=_DAMAGED)
        + rows(damaged + runs)
        + OLDER
        + rows([(name, "refused") for name in damage.OLDER])
        + REST
        + rows([(tried, what, f"`pytest {path}`") for tried, what, path in _ROWS])
    )
