"""Every public report that was tried here is answered as the log says."""

import pytest

from . import reports


@pytest.mark.parametrize("name", list(reports.REPORTS))
def test_a_report_is_answered(name):
    """The number right, or refused with the reason; what comes out is what the log says."""
    text = reports.obtained(name)
    line = reports.row(name, text)
    assert line in reports.PAGE.read_text(encoding="utf-8").splitlines(), (
        "what comes out changed: run python -m tests.files.reports"
    )


def test_the_log_holds_nothing_else():
    lines = reports.PAGE.read_text(encoding="utf-8").splitlines()
    rows = [line for line in lines if line.startswith("| ")][1:]
    logged = [" ".join(row.split(" | ")[:2])[2:] for row in rows]
    assert sorted(logged) == sorted(reports.REPORTS)
