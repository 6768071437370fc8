"""Every absurd input of the table is spoken of, in the terminal and in the result."""

import pytest

from . import plausibility_table as table


@pytest.mark.parametrize("situation", list(table.SITUATIONS))
def test_a_run_says_what_the_page_shows(situation):
    said = table.texts_of(situation)
    assert said, "nothing was said, or not in the terminal and in results.warnings both"
    assert table.page({situation: said}).splitlines()[13] in table.PAGE.read_text(), (
        "the text changed: run python -m tests.plausibility_table"
    )


def test_the_page_holds_nothing_else():
    page = table.PAGE.read_text()
    shown = [line for line in page.splitlines() if line.startswith("| ")]
    rows = [row.split(" | ")[0][2:] for row in shown[1:]]
    assert rows[: len(table.SITUATIONS)] == list(table.SITUATIONS)
    assert page.endswith(table.page({}).split("## Thresholds")[1]), (
        "thresholds changed: run python -m tests.plausibility_table"
    )
