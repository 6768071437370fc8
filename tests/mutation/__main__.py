"""Mutation testing: how many small faults in a module do the tests beside it find?

    python -m tests.mutation [PART ...] [--factor 1] [--out mutants.json] [--write]

Tries a sample of the mutants of the modules whose names contain a PART (default: all of
`TESTS`), as many of each as the root of their number times the factor. Tests that run the changed
statement go first, the quick ones before the slow; those of more than four seconds are left out. A
mutant survives if all tests pass; one that runs twice as long as they do counts as found.
Survivors that change no result are listed with the reason in ``equivalent.toml``. ``--write`` puts
the counts into the page of the documentation.
"""

from __future__ import annotations

import argparse
import ast
import json
import tomllib
from pathlib import Path
from typing import Any

from .changes import SEED, Mutant, sampled
from .modules import TESTS
from .trial import ROOT, Marks, attempt, warm_up

PAGE = ROOT / "docs" / "validation" / "mutants.md"
#: Tests that take longer, s, are left out: others must find the mutant.
LONGEST = 4.0
BEGIN, END = "<!-- mutants: begin -->\n", "<!-- mutants: end -->\n"


def known_equivalents() -> dict[tuple[str, str], str]:
    """Reason of every mutant that changes no result, by module and name."""
    listed = tomllib.loads((Path(__file__).parent / "equivalent.toml").read_text("utf-8"))
    return {(m, name): why for m, some in listed.items() for name, why in some.items()}


def try_module(module: str, factor: float, tried: dict[str, Any], log: Path) -> bool:
    """Try the sample of one module; what was found before stays. False where that cannot be."""
    source = (ROOT / "mda_ionmech" / module).read_text("utf-8")
    path, tests = f"mda_ionmech/{module}", list(TESTS[module])
    marked = Marks().visit(ast.parse(source))
    whole = attempt(path, marked, tests, 600, until_failure=False, log=log)
    if whole["status"] != "passed":
        print(f"{module}: the tests fail without a change: {whole['failed']}; see {log}")
        return False
    lines, seconds = whole["lines"], whole["seconds"]
    tree = ast.parse(source)
    found: dict[str, Any] = {}
    for one in sampled(module, tree, factor):
        before = tried.get(module, {}).get(one.name)
        if before is not None and before["status"] != "passed":
            found[one.name] = before
            continue
        found[one.name] = _try(path, tree, tests, one, lines, seconds, whole["wall"], log)
        result = found[one.name]
        print(
            f"{result['status']:8} {result['wall']:5.1f} s  {module}:{one.line} {one.name}",
            flush=True,
        )
    tried[module] = found
    return True


def _try(
    path: str, tree: ast.Module, tests: list[str], one: Mutant,
    lines: dict[str, set[int]], seconds: dict[str, float], wall: float, log: Path,
) -> dict[str, Any]:  # fmt: skip
    near = [name for name, ran in lines.items() if one.line in ran and name in seconds]
    slow = frozenset(name for name, took in seconds.items() if took > LONGEST)
    undo = one.apply()
    try:
        found = attempt(
            path, tree, tests, 20 + 2 * wall, first=sorted(near, key=seconds.__getitem__),
            skip=slow, log=log,
        )  # fmt: skip
    finally:
        undo()
    about = {"line": one.line, "reached": bool(near), "wall": round(found["wall"], 2)}
    return {"status": found["status"], "failed": found["failed"]} | about


def table(tried: dict[str, Any]) -> tuple[str, list[tuple[str, str, dict[str, Any]]]]:
    """The counts of every module as a table, and the survivors that are not explained."""
    equivalents, left = known_equivalents(), []
    rows, sums = [], [0, 0, 0, 0]
    for module in sorted(tried):
        every = tried[module]
        alive = {name: one for name, one in every.items() if one["status"] == "passed"}
        same = [name for name in alive if (module, name) in equivalents]
        left += [(module, name, one) for name, one in alive.items() if name not in same]
        counts = [len(every), len(every) - len(alive), len(same), len(alive) - len(same)]
        sums = [a + b for a, b in zip(sums, counts, strict=True)]
        rows.append((f"`{module}`", *counts))
    rows.append(("all", *sums))
    text = "| module | mutants | found | change no result | left | found of the rest |\n"
    text += "|---|--:|--:|--:|--:|--:|\n"
    for name, n, dead, same_, alive_ in rows:
        score = 100 * dead / max(n - same_, 1)
        text += f"| {name} | {n} | {dead} | {same_} | {alive_} | {score:.0f} % |\n"
    return text, left


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("parts", nargs="*", help="of the names of modules")
    parser.add_argument("--factor", type=float, default=1.0)
    parser.add_argument("--out", type=Path, default=Path("mutants.json"), help="kept between calls")
    parser.add_argument("--write", action="store_true", help=f"put the table into {PAGE.name}")
    given = parser.parse_args()
    tried = json.loads(given.out.read_text()) if given.out.exists() else {}
    warm_up()
    whole = True
    for module in TESTS:
        if not given.parts or any(part in module for part in given.parts):
            whole &= try_module(module, given.factor, tried, given.out.with_suffix(".log"))
            given.out.write_text(json.dumps(tried, indent=1))
    text, left = table(tried)
    print(f"seed {SEED}\n\n{text}")
    for module, name, one in left:
        print(f"left: {module}:{one['line']} {name}{'' if one['reached'] else ' (not reached)'}")
    if given.write and whole:
        page = PAGE.read_text("utf-8")
        begin, end = page.index(BEGIN) + len(BEGIN), page.index(END)
        PAGE.write_text(f"{page[:begin]}{text}{page[end:]}", "utf-8")


if __name__ == "__main__":
    main()
