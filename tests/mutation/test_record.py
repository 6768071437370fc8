"""The page of mutants says what was found, and every survivor has a reason."""

from . import record


def test_the_page_is_that_of_the_record():
    assert record.PAGE.read_text("utf-8") == record.page(record.read()), (
        "run python -m tests.mutation --write"
    )


def test_totals_are_those_of_the_folders_and_high_enough():
    rows = record.counts(record.read())
    whole = rows.pop("all")
    assert whole == {k: sum(one[k] for one in rows.values()) for k in whole}
    assert {*rows} == {"onsager", "events", "macrostates", "trajectory", "microstates"}
    assert whole["mutants"] >= 420
    assert whole["killed"] + whole["equivalent"] + whole["survived"] == whole["mutants"]
    assert whole["at_once"] <= whole["killed"]
    assert record.score(whole) > 92


def test_every_survivor_has_one_reason():
    same, alive = record.listed("equivalent.toml"), record.listed("survivors.toml")
    assert not same.keys() & alive.keys()
    for module, one in record.read()["modules"].items():
        for name in one["survived"]:
            assert len({**same, **alive}[module, name].split()) > 2, name


def test_statements_are_shown_where_they_differ():
    for before, after, shown in (
        ("a = b + c * d - e + f", "a = b + c / d - e + f",
         ("... + c * d - ...", "... + c / d - ...")),
        ("if x:", "if not x:", ("if x:", "if not x:")),
        ("x += one", "pass", ("x += one", "pass")),
        ("n = size(x, 1)", "n = size(x, 0)", ("... = size(x, 1)", "... = size(x, 0)")),
    ):  # fmt: skip
        assert record._change(before, after) == shown


def test_a_record_counts_each_mutant_once():
    one = {"status": "failed", "survived": False}
    tried = {
        "events/base.py": {
            "a: 1 -> 2": one,
            "b: 1 -> 2": one | {"survived": True},
            "c: 1 -> 2": one | {"status": "timeout"},
            "d: 1 -> 2": one | {"status": "passed", "survived": True},
        }
    }
    found = record.recorded(tried, "1", 2.0)
    assert found["modules"]["events/base.py"] == {
        "killed": 3, "at_once": 2, "survived": ["d: 1 -> 2"]
    }  # fmt: skip
    rows = record.counts(found)
    assert rows["all"] == rows["events"]
    assert rows["all"] == {
        "mutants": 4, "killed": 3, "at_once": 2, "equivalent": 0, "survived": 1
    }  # fmt: skip
    assert record.score(rows["all"]) == 75
    assert record.score(rows["all"], "at_once") == 50
