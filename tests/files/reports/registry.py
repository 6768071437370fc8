"""What is reported of other programs, what this package does with it, and the page of both."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from mda_ionmech import InputError

from ..table import bound

PAGE = Path(__file__).parents[3] / "docs" / "validation" / "reports.md"


@dataclass(frozen=True)
class Report:
    """What was reported, and what this package does with it.

    Attributes
    ----------
    situation : str
        A paraphrase of the report.
    expected : str
    attempt : callable
        Of an empty folder: does it, and returns what came out, or raises InputError.
    """

    situation: str
    expected: str
    attempt: Callable[[Path], str]


REPORTS: dict[str, Report] = {}


def report(name: str, situation: str, expected: str) -> Callable:
    """Enter the function below as the attempt at a report, ``"project number"``."""

    def enter(attempt: Callable[[Path], str]) -> Callable:
        REPORTS[name] = Report(situation, expected, attempt)
        return attempt

    return enter


def right(value: float, most: float = 1e-5) -> str:
    """That a deviation is small."""
    assert value < most, f"the largest deviation is {value:.1e}"
    return f"right, largest deviation below {bound(value):.0e}"


#: Reports that could not be found in the stored public threads that were searched, by number and by
#: topic; nothing is said of what they hold.
NOT_FOUND = ("MDANSE 1212", "mdtraj 2032")


def obtained(name: str) -> str:
    """What comes out of a report: an answer, or the reason for which it is refused."""
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            text = REPORTS[name].attempt(Path(folder))
        except InputError as error:
            text = f"refused: {error}"
        return text.replace(f"{Path(folder).resolve()}/", "").replace(f"{folder}/", "")


HEAD = """\
# Problems reported for other programs

Problems that users of other programs reported in public, paraphrased, reproduced in small files,
analysed with this package, and compared with an independent calculation. "right" is followed by the
power of ten above the largest relative deviation from it. Where a file cannot be analysed, or does
not hold the data that an analysis needs, the right answer is an error with the reason, or a warning
(in the terminal, in `results.warnings` and in the report). {n} reports of {projects} projects:
{n_right} right, {n_refused} refused with the reason, {n_said} with a warning.

This page is written by the tests, and a test checks each row:
`tests/files/test_reports.py::test_a_report_is_answered[PROJECT NUMBER]`, which runs the function
named in the last column, of a module in `tests/files/reports`. Terms are defined in the
{{doc}}`../glossary`.

| project | number | situation | expected | obtained | test |
|---|---|---|---|---|---|
"""


def row(name: str, text: str) -> str:
    """The line of the page for a report and what came out."""
    project, number = name.rsplit(" ", 1)
    one = REPORTS[name]
    place = f"`{one.attempt.__module__.rsplit('.', 1)[1]}.{one.attempt.__name__}`"
    cells = [project, number, one.situation, one.expected, text.replace("\n", "<br>"), place]
    return "| " + " | ".join(c.replace("|", "\\|") for c in cells) + " |"


def page(texts: dict[str, str]) -> str:
    """The page of the documentation, from what came out of every report."""
    names = sorted(texts, key=lambda n: (n.rsplit(" ", 1)[0].lower(), int(n.rsplit(" ", 1)[1])))
    starts = [text.split(":")[0].split(",")[0] for text in texts.values()]
    refused, said = starts.count("refused"), starts.count("warned")
    head = HEAD.format(
        n=len(texts), projects=len({n.rsplit(" ", 1)[0] for n in names}), n_refused=refused,
        n_said=said, n_right=len(texts) - refused - said,
    )  # fmt: skip
    missing = ", ".join(NOT_FOUND)
    tail = f"""
Not tried, because neither number nor topic could be found in public threads: {missing}.
"""
    return head + "\n".join(row(n, texts[n]) for n in names) + "\n" + tail
