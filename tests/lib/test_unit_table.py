"""Tables that are printed whole, with units and intervals."""

import pickle

import numpy as np
import pandas as pd

from mda_ionmech.lib.unit_table import WIDTH, UnitTable

VALUES = {
    "share": [0.25, np.nan],
    "share_low": [0.2, np.nan],
    "share_high": [0.3, np.nan],
    "rate": [1234.5, 0.00123],
    "low": [1000.0, np.nan],
    "high": [2000.0, np.nan],
    "count": [1e6, 3.0],
    "label": ["a", "b"],
}


def table():
    made = UnitTable(VALUES, index=pd.Index(["hop", "rest"], name="event"))
    made.attrs = {"units": {"rate": "1/ns", "count": "1"}}
    return made


def test_intervals_stand_beside_values_and_units_in_headers():
    text = table().printed()
    assert list(text.columns) == ["share", "rate, 1/ns", "count", "label"]
    assert list(text["share"]) == ["25% (20 to 30)", "-"]
    assert list(text["rate, 1/ns"]) == ["1200 (1000 to 2000)", "0.00123"]
    assert list(text["count"]) == ["1000000", "3"]


def test_wide_tables_show_every_column_within_the_width():
    wide = UnitTable({f"column_{k}": [float(k)] for k in range(40)})
    lines = repr(wide).splitlines()
    assert max(map(len, lines)) <= WIDTH
    assert all(f"column_{k}" in repr(wide) for k in range(40))


def test_numbers_are_those_of_a_plain_table_and_so_is_what_is_computed():
    made = table()
    pd.testing.assert_frame_equal(pd.DataFrame(made), pd.DataFrame(VALUES, index=made.index))
    assert type(made.head(1)) is pd.DataFrame
    assert type(made[["rate"]] * 2) is pd.DataFrame
    back = pickle.loads(pickle.dumps(made))
    assert repr(back) == repr(made)
    assert back.attrs == made.attrs


def test_one_unit_may_stand_for_all_columns():
    made = UnitTable({"x": [1.0], "y": [2.0]})
    made.attrs = {"units": "S/m"}
    assert list(made.printed().columns) == ["x, S/m", "y, S/m"]


def test_round_off_is_printed_as_zero():
    made = UnitTable(
        {"x": [1e39, -2e21, 3e30], "low": [9e38, -3e21, 0.0], "high": [2e39, 1.0, 4e30]}
    )
    power = "\N{MULTIPLICATION SIGN}10"
    assert list(made.printed()["x"]) == [
        f"1.0 (0.9 to 2.0) {power}³⁹",
        "0",
        f"3.0 (0.0 to 4.0) {power}³⁰",
    ]
    assert made["x"][1] == -2e21


def test_html_is_escaped_and_empty_tables_have_a_form():
    assert "<b>" not in UnitTable({"x": ["<b>"]})._repr_html_()
    assert "Empty" in repr(UnitTable())
    assert "x" in repr(UnitTable({"x": np.zeros(0)}))
    assert UnitTable({"x": np.zeros(0)})._repr_html_()


def test_quantities_of_different_sizes_are_printed_side_by_side():
    """A conductivity of 7 S/m beside an Onsager coefficient of 1e38 is not zero within rounding."""
    text = repr(UnitTable({"value": [7.08, 1.34e38, 0.0]}, index=["conductivity", "L", "none"]))
    assert [line.split()[-1] for line in text.splitlines()[1:]] == ["7.08", "1.34e+38", "0"]
    alike = repr(UnitTable({"onsager": [1e-20, 1.34e38]}))
    assert alike.splitlines()[1].split()[-1] == "0"
