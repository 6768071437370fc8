"""The page of known answers lists every case, and a test stands behind each."""

import re
from pathlib import Path

from . import table


def test_the_page_holds_the_cases_that_are_tested_and_no_other():
    tested = {
        int(number)
        for path in Path(__file__).parents[1].rglob("test_*.py")
        for number in re.findall(r"^def test_case_(\d+)_", path.read_text("utf-8"), re.MULTILINE)
    }
    text = table.PAGE.read_text(encoding="utf-8")
    rows = text[text.index("| quantity |") :].splitlines()[2:]
    shown = [int(row.split(" | ")[0].strip("| ")) for row in rows]
    assert set(shown) == tested
    assert shown == sorted(shown)
    assert list(table.CASES) == list(range(1, 21))
    for case, system in table.CASES.items():
        assert f"| {case} | {system} |" in text
