"""Tables in a terminal that is too narrow for them."""

import io

from mda_ionmech.lib.terminal import Terminal
from mda_ionmech.results.plain_tables import plain_table


def test_names_are_folded_and_not_cut():
    table = plain_table("", ["event", *"abcdef"], 1)
    table.add_row("solvent_exchange", *["1.234 to 5.678"] * 6)
    out = io.StringIO()
    Terminal(file=out, width=100).print(table)
    rows = [line.split("  ")[0].strip() for line in out.getvalue().splitlines()]
    assert "…" not in out.getvalue()
    assert "solvent_exchange" in "".join(rows)
