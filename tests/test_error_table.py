"""Every situation of the table is refused, with the text the documentation shows."""

import pytest

from . import error_table


@pytest.mark.parametrize("situation", list(error_table.SITUATIONS))
def test_error_is_the_documented_one(situation):
    text = error_table.text_of(situation)
    assert error_table.page({situation: text}).splitlines()[-1] in error_table.PAGE.read_text(), (
        "the text changed: run python -m tests.error_table"
    )
    # a value or a name, and a remedy
    assert len(text) > 60


def test_the_page_holds_nothing_else():
    rows = [line for line in error_table.PAGE.read_text().splitlines() if line.startswith("| ")]
    assert [row.split(" | ")[0][2:] for row in rows[1:]] == list(error_table.SITUATIONS)
