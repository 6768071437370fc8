"""The page of the documentation says what is tried, and by which tests."""

from pathlib import Path

from . import table

ROOT = Path(__file__).parents[2]


def test_the_page_is_that_of_the_tests():
    assert table.PAGE.read_text("utf-8") == table.page(), "run python -m tests.robustness"


def test_six_hundred_files_are_damaged():
    assert sum(n for harms in table.FILES.values() for _, n in harms.values()) >= 600


def test_every_command_names_tests_that_are_there():
    for *_, paths in table._ROWS:
        for path in paths.split():
            assert (ROOT / path).is_file(), path
