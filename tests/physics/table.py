"""Cases with known answers, as a page of the documentation.

``python -m tests.physics.table`` runs them and writes docs/known-answers.md anew; every other run
of the tests compares what it finds with the page.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

PAGE = Path(__file__).parents[2] / "docs" / "known-answers.md"

#: What each case is.
CASES = {
    1: "Brownian ions, coefficient $D_c$",
    2: "Poisson hops, rate $k$, length $a$",
    3: "$n$ carriers that hop in parallel",
    4: "swaps in opposite directions",
    5: "vehicle that diffuses, with jumps of length $b$ at rate $k$ that renew the shell",
    6: "rigid ion and shell",
    7: "rigid pairs of opposite ions",
    8: "caged ions (Ornstein-Uhlenbeck)",
    9: "cage and hops",
    10: "back-hopper in one dimension, reversal probability $p$",
    11: "chain of alternating barriers",
    12: "exclusion lattice gas",
    13: "tracers of a single vacancy",
    14: "chance coincidence of independent hops",
    15: "ideal independent ions",
    16: "anisotropic hops",
    17: "common drift of all atoms",
    18: "fluctuating cell",
    19: "Arrhenius with one negative mode",
    20: "coverage of intervals, 300 replicas of case 2",
}


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    case: int
    what: str
    expected: str
    obtained: str
    deviation: str

    def __str__(self) -> str:
        cells = (str(self.case), self.what, self.expected, self.obtained, self.deviation)
        return f"| {' | '.join(cells)} |"


class Record:
    """Compares what a case gave with what it must give, and keeps the lines of the table."""

    def __init__(self) -> None:
        self.rows: list[Row] = []

    def within(self, case, what, obtained, expected, error, *, limit=3.0, at=None) -> None:
        """All of `obtained` must lie within `limit` standard errors; the farthest is shown.

        `at` names the elements, e.g. the windows.
        """
        obtained, expected, error = np.broadcast_arrays(obtained, expected, error)
        deviation = np.abs(obtained - expected) / error
        assert np.all(deviation < limit), (
            f"case {case}, {what}: {obtained} for {expected}, {deviation} standard errors off"
        )
        worst = np.unravel_index(np.argmax(deviation), deviation.shape)
        if at is not None:
            place = np.broadcast_to(np.asarray(at, dtype=object), deviation.shape)[worst]
            what = f"{what} {place if isinstance(place, str) else f'{place:g}'}"
        shown = _number(expected[worst]), _number(obtained[worst])
        self.rows.append(Row(case, what, *shown, f"{deviation[worst]:.1f} s.e."))

    def near(self, case, what, obtained, expected, tolerance) -> None:
        """A number must be the expected one within a relative tolerance."""
        gap = abs(obtained / expected - 1)
        assert gap <= tolerance, f"case {case}, {what}: {obtained} for {expected}"
        shown = _number(expected), _number(obtained)
        self.rows.append(Row(case, what, *shown, f"{gap:.2%} of {tolerance:.0%}"))

    def equal(self, case, what, obtained, expected, tolerance) -> None:
        """All of `obtained` must equal the number `expected` but for an absolute tolerance."""
        gap = np.abs(np.asarray(obtained, dtype=float) - expected)
        assert np.all(gap <= tolerance), f"case {case}, {what}: {obtained} for {expected}"
        value = _number(expected)
        text = "none" if tolerance == 0 else f"less than {tolerance:g}"
        self.rows.append(Row(case, what, value, value, text))

    def between(self, case, what, obtained, low, high) -> None:
        """A number must lie in a range."""
        assert low <= obtained <= high, f"case {case}, {what}: {obtained} outside {low} to {high}"
        span = f"{_number(low)} to {_number(high)}"
        self.rows.append(Row(case, what, span, _number(obtained), "in range"))

    def undefined(self, case, what, obtained) -> None:
        """All of `obtained` must be NaN."""
        assert np.all(np.isnan(obtained)), f"case {case}, {what}: {obtained}"
        self.rows.append(Row(case, what, "undefined", "undefined", "none"))


def _number(value: float) -> str:
    return "0" if value == 0 else f"{value:.4g}"


def page(rows: Sequence[Row]) -> str:
    """The page of the documentation."""
    lines = [
        "# Known answers",
        "",
        "Additivity holds for any labels and does not test them. These cases do: systems whose",
        "transport is known analytically, simulated with a fixed seed and analysed like any other.",
        "$K = k_B T V L$ in A$^2$/ps for $N$ carriers, windows in ps. A result may deviate by",
        "three standard errors (s.e.), which are known analytically, too; of several windows the",
        "one with the largest deviation is shown. This page is written by the tests, and each test",
        "compares its results with it. Terms are defined in the {doc}`glossary`.",
        "",
        "| case | system |",
        "|---|---|",
    ]
    lines += [f"| {case} | {text} |" for case, text in CASES.items()]
    lines += ["", "| case | quantity | expected | obtained | deviation |", "|---|---|---|---|---|"]
    lines += [str(row) for row in sorted(rows, key=lambda r: r.case)]
    return "\n".join(lines) + "\n"


class Collector:
    """Takes the rows of all tests of a session instead of comparing them."""

    def __init__(self) -> None:
        self.rows: list[Row] = []

    def pytest_configure(self, config) -> None:
        config.known_answers = self.rows


def main() -> int:
    collector = Collector()
    tests = str(Path(__file__).parents[1])
    status = pytest.main(["-n", "0", "-q", "-k", "test_case_", tests], plugins=[collector])
    if status == 0:
        PAGE.write_text(page(collector.rows), encoding="utf-8")
    return int(status)


if __name__ == "__main__":
    sys.exit(main())
