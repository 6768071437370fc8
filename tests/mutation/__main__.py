"""Mutation testing: how many small faults in a module do the tests beside it find?

    python -m tests.mutation [PART ...] [--factor 1] [--out mutants.json] [--write]

Tries a sample of the mutants of the modules whose names contain a PART (default: all of
`TESTS`), as many of each as the root of their number times the factor. Tests that run the changed
statement go first, the quick ones before the slow; those of more than four seconds are left out. A
mutant survives if all tests pass; one that runs twice as long as they do counts as found.
What was found is kept in the file given by --out after every mutant; of these only survivors
without a reason are tried again. Reasons are listed in ``equivalent.toml`` for those that change no
result, in ``survivors.toml`` for others. ``--write`` writes ``record.json`` and the page of the
documentation.
"""

from __future__ import annotations

import argparse
import ast
import json
from pathlib import Path
from typing import Any

from .changes import SEED, Mutant, sampled
from .modules import TESTS
from .record import PAGE, RECORD, counts, listed, page, recorded, score
from .trial import ROOT, Marks, attempt, warm_up

#: Tests that take longer, s, are left out: others must find the mutant.
LONGEST = 4.0


def try_module(module: str, given: argparse.Namespace, tried: dict[str, Any]) -> bool:
    """Try the sample of one module; what was found before stays. False where that cannot be.

    What is found is written after every mutant, so that a run that was stopped goes on.
    """
    log = given.out.with_suffix(".log")
    source = (ROOT / "mda_ionmech" / module).read_text("utf-8")
    path, tests, tree = f"mda_ionmech/{module}", list(TESTS[module]), ast.parse(source)
    chosen = sampled(module, tree, given.factor, given.seed)
    known = tried.get(module, {})
    tried[module] = {one.name: known[one.name] for one in chosen if one.name in known}
    explained = listed("equivalent.toml") | listed("survivors.toml")
    chosen = [
        one for one in chosen
        if one.name not in known
        or (known[one.name]["status"] == "passed" and (module, one.name) not in explained)
    ]  # fmt: skip
    if not chosen:
        return True
    marked = Marks().visit(ast.parse(source))
    whole = attempt(path, marked, tests, 600, until_failure=False, log=log)
    if whole["status"] != "passed":
        print(f"{module}: the tests fail without a change: {whole['failed']}; see {log}")
        return False
    lines, seconds = whole["lines"], whole["seconds"]
    for one in chosen:
        before = known.get(one.name)
        result = _try(path, tree, tests, one, lines, seconds, whole["wall"], log)
        tried[module][one.name] = result | {"survived": before is not None}
        given.out.write_text(json.dumps(tried, indent=1))
        print(
            f"{result['status']:8} {result['wall']:5.1f} s  {module}:{one.line} {one.name}",
            flush=True,
        )
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("parts", nargs="*", help="of the names of modules")
    parser.add_argument("--factor", type=float, default=1.0)
    parser.add_argument("--seed", default=SEED, help="of the choice of mutants")
    parser.add_argument("--out", type=Path, default=Path("mutants.json"), help="kept between calls")
    parser.add_argument("--write", action="store_true", help=f"the record and {PAGE.name}")
    given = parser.parse_args()
    tried = json.loads(given.out.read_text()) if given.out.exists() else {}
    warm_up()
    whole = True
    for module in TESTS:
        if not given.parts or any(part in module for part in given.parts):
            whole &= try_module(module, given, tried)
    tried = {module: tried[module] for module in TESTS if module in tried}
    record = recorded(tried, given.seed, given.factor)
    known = listed("equivalent.toml") | listed("survivors.toml")
    for row, one in counts(record).items():
        print(f"{row}: {one}, {score(one):.1f}%")
    for module, some in tried.items():
        for name, one in some.items():
            if one["status"] == "passed" and (module, name) not in known:
                reached = "" if one["reached"] else " (not reached)"
                print(f"unexplained: {module}:{one['line']} {name}{reached}")
    if given.write and whole:
        RECORD.write_text(json.dumps(record, indent=1) + "\n", "utf-8")
        PAGE.write_text(page(record), "utf-8")


if __name__ == "__main__":
    main()
