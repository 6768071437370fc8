"""What a run of all mutants found, kept in ``record.json``, and the page of the documentation."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
RECORD = HERE / "record.json"
PAGE = HERE.parents[1] / "docs" / "validation" / "mutants.md"

HEAD = """\
# Small faults put into the code

How much do the tests notice? Small faults are put into the code, one at a time, and the tests
beside the module are run: a comparison or an arithmetic operator exchanged, a number one up or
down, a condition negated, a statement removed. A fault that no test finds either
changes no result, and then the reason is given below, or it gets a test.

The modules are those whose faults would be wrong numbers: sums, intervals and coefficients, event
rules, macrostates, shells, core sets, and everything between a frame and the path of a carrier. Of
each module as many mutants are tried as the root of their number. The choice depends on the text of
the mutants and the seed alone, so that the same ones are tried again until their statement changes.
Each has the few quick tests named in `tests/mutation/modules.py`, none longer than four seconds: a
fault must be found near the place where it is made. A mutant with which they take more than twice
as long and 20 s counts as killed. A run that was stopped goes on where it was. Terms of the package
are defined in the {{doc}}`../glossary`.

```console
$ python -m tests.mutation --seed {seed} --write    # about an hour on one core
$ python -m tests.mutation onsager --factor 2  # twice as many of some
```

{n} mutants of {total} modules, seed {seed}. The score is the part killed of those that change a
result. "at once" is the score before tests were written for the survivors of this very sample: that
is what to expect of faults that were not looked for.

"""
TAIL = """
Kernels are changed as the Python they are written in, and run as such. Messages, hints and
docstrings are left as they are. This page is written from `tests/mutation/record.json`, and the
tests compare the two.
"""


def listed(name: str) -> dict[tuple[str, str], str]:
    """Reasons given in a TOML file beside this one, by module and name of the mutant."""
    found = tomllib.loads((HERE / name).read_text("utf-8"))
    return {(m, mutant): why for m, some in found.items() for mutant, why in some.items()}


def read() -> dict[str, Any]:
    """The record: seed, factor, and by module the numbers killed and killed at once, and the
    survivors."""
    return json.loads(RECORD.read_text("utf-8"))


def recorded(tried: dict[str, Any], seed: str, factor: float) -> dict[str, Any]:
    """The record of what was tried, by module and name of the mutant."""
    modules = {}
    for module in sorted(tried):
        dead = [one for one in tried[module].values() if one["status"] != "passed"]
        modules[module] = {
            "killed": len(dead),
            "at_once": sum(not one["survived"] for one in dead),
            "survived": sorted(n for n, one in tried[module].items() if one["status"] == "passed"),
        }
    return {"seed": seed, "factor": factor, "modules": modules}


def counts(record: dict[str, Any]) -> dict[str, dict[str, int]]:
    """By folder and for all: mutants, killed, killed at once, equivalent and survived."""
    same = listed("equivalent.toml")
    out: dict[str, dict[str, int]] = {}
    for module, one in record["modules"].items():
        equal = sum((module, name) in same for name in one["survived"])
        number = {
            "mutants": one["killed"] + len(one["survived"]),
            "killed": one["killed"],
            "at_once": one["at_once"],
            "equivalent": equal,
            "survived": len(one["survived"]) - equal,
        }
        for row in (module.partition("/")[0], "all"):
            sums = out.setdefault(row, dict.fromkeys(number, 0))
            for name, value in number.items():
                sums[name] += value
    return {row: out[row] for row in sorted(out, key=lambda row: (row == "all", row))}


def score(one: dict[str, int], killed: str = "killed") -> float:
    """Part killed, %, of those that are not equivalent."""
    return 100 * one[killed] / max(one["mutants"] - one["equivalent"], 1)


def _change(before: str, after: str) -> tuple[str, str]:
    """The words in which two statements differ, with two on each side."""
    one, other = before.split(), after.split()
    if "pass" in (before, after):
        return before, after
    first = next((k for k, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), 0)
    last = next(
        (k for k, (a, b) in enumerate(zip(one[::-1], other[::-1], strict=False)) if a != b), 0
    )

    def part(words: list[str]) -> str:
        begin, end = max(first - 2, 0), len(words) - max(last - 2, 0)
        return f"{'... ' * (begin > 0)}{' '.join(words[begin:end])}{' ...' * (end < len(words))}"

    return part(one), part(other)


def _reasons(record: dict[str, Any], name: str) -> str:
    why = listed(name)
    out = "| module | function | before | after | reason |\n|---|---|---|---|---|\n"
    for module, one in record["modules"].items():
        for mutant in one["survived"]:
            if (module, mutant) in why:
                where, _, change = mutant.partition(": ")
                before, _, after = change.partition(" -> ")
                cells = (module, where, *_change(before, after))
                cells = [f"`{x}`".replace("|", "\\|") for x in cells]
                out += f"| {' | '.join(cells)} | {why[module, mutant]} |\n"
    return out


def page(record: dict[str, Any]) -> str:
    """The page of the documentation."""
    rows = counts(record)
    modules = sum(bool(one["killed"] + len(one["survived"])) for one in record["modules"].values())
    text = HEAD.format(seed=record["seed"], n=rows["all"]["mutants"], total=modules)
    text += "| folder | mutants | killed | equivalent | survived | score | at once |\n"
    text += "|---|--:|--:|--:|--:|--:|--:|\n"
    for row, one in rows.items():
        name = row if row == "all" else f"`{row}`"
        cells = [name, *(str(one[k]) for k in ("mutants", "killed", "equivalent", "survived"))]
        cells += [f"{score(one):.1f}%", f"{score(one, 'at_once'):.1f}%"]
        text += f"| {' | '.join(cells)} |\n"
    if rows["all"]["survived"]:
        text += "\n## Survivors\n\n" + _reasons(record, "survivors.toml")
    text += "\n## Mutants that change no result\n\n" + _reasons(record, "equivalent.toml")
    return text + TAIL
