"""Rates of hops between sites by labels and distance, in the result."""

import numpy as np
import pandas as pd
import pytest

from mda_ionmech import InputError, load
from mda_ionmech.observables.hop_channels import SpeciesChannels, channels_of
from mda_ionmech.results.hop_network import edges_of, network
from mda_ionmech.results.schema import check_schema

from ..builders import brownian, decompose, make_universe
from ..site_lattices import CELL, hopping_run


def test_rates_of_a_walk_on_two_kinds_of_sites():
    """Ions leave a with 0.05 per ps and b with 0.15; the nearest sites are half a cell apart."""
    run = hopping_run()
    table = run.results.hop_channels()
    for start, end, known in (("a", "b", 50.0), ("b", "a", 150.0)):
        row = table.loc[start, end]
        assert list(row.index) == pytest.approx([CELL / 2], abs=0.01)
        one = row.iloc[0]
        # ions all start on a, so that counts in both directions differ by at most their number
        assert one["rate"] == pytest.approx(known, abs=4 * known / np.sqrt(one["count"]))
        assert one["low"] < one["rate"] < one["high"]
        half = (one["high"] - one["low"]) / 2
        assert half == pytest.approx(one["rate"] / np.sqrt(one["count"]), rel=0.5)
    sites = table.attrs["sites"]
    assert {label: number for label, (number, _) in sites.items()} == {"a": 108, "b": 108}
    assert sum(number * mean for number, mean in sites.values()) == pytest.approx(24)
    # over all distances they are the rates by labels
    merged = table.groupby(["start", "end"])[["rate", "count"]].sum()
    by_label = run.channel_rates()
    for ends in merged.index:
        assert merged.loc[ends, "count"] == by_label.loc[ends, "count"]
        assert merged.loc[ends, "rate"] == pytest.approx(by_label.loc[ends, "rate"])


def test_both_directions_are_listed_where_one_was_taken():
    run = hopping_run()
    one = run._labelled("hops").species[0]
    found = channels_of(run._labelled("hops"), one)
    ends = {(int(a), int(b)) for a, b in zip(found.start, found.end, strict=True)}
    assert ends == {(b, a) for a, b in ends}
    never = found.count == 0
    assert np.all(found.rate[never] == 0)
    assert np.all(found.high[never] > 0)


@pytest.mark.slow
def test_channels_are_kept_in_the_file(tmp_path):
    results = hopping_run().results
    again = load(results.save(tmp_path / "hops.nc"))
    assert again.hop_channels().equals(results.hop_channels())
    assert again.hop_channels().attrs == results.hop_channels().attrs
    check_schema(again.tree)


def test_results_without_channels_say_what_holds_them():
    none = decompose(
        make_universe(brownian(np.random.default_rng(0), 60, 4, 0.05, 1.0)), windows=[1.0]
    )
    assert none.hop_channel_data is None
    with pytest.raises(InputError, match="holds no rates of hops between sites; they are stored"):
        none.hop_channels()
    with pytest.raises(InputError, match=r"species='Na\+' has no hops between sites"):
        hopping_run().results.hop_channels(species="Na+")


def test_the_network_has_a_line_for_each_channel():
    table = hopping_run().results.hop_channels()
    nodes, curves = network(table)
    assert [(n.label, n.sites) for n in nodes] == [("a", 108), ("b", 108)]
    edges = edges_of(table)
    assert {c.edge.name for c in curves} == {e.name for e in edges[: len(curves)]}
    run = hopping_run()
    per_ion = sum(e.hops for e in edges) / 24 / ((run.results.settings["n_frames"] - 1) * 1e-3)
    assert sum(e.flux for e in edges) == pytest.approx(per_ion, rel=1e-9)
    for one in curves:
        start = next(n for n in nodes if n.label == one.edge.start)
        end = next(n for n in nodes if n.label == one.edge.end)
        assert (one.x[0], one.y[0]) == pytest.approx((start.x, start.y))
        assert (one.x[-1], one.y[-1]) == pytest.approx((end.x, end.y))


def test_names_differ_where_labels_hold_arrows():
    ones = np.ones(2)
    found = SpeciesChannels(
        ("a", "a->b", "b", "b->b"), np.ones(4), np.ones(4), np.array([0, 1]), np.array([3, 2]),
        2 * ones, ones, ones, ones, ones,
    )  # fmt: skip
    assert found.names() == ["a->b->b 2.00 A (1+4)", "a->b->b 2.00 A (4+1)"]
    index = pd.MultiIndex.from_tuples(
        [("a", "b-a", 2.0), ("b-a", "a", 2.0), ("a-b", "a", 2.0), ("a", "a-b", 2.0)],
        names=["start", "end", "distance"],
    )
    table = pd.DataFrame({"rate": 1.0, "low": 1.0, "high": 1.0, "count": 1}, index=index)
    table.attrs["sites"] = dict.fromkeys(("a", "a-b", "b-a"), (1, 0.5))
    assert len({one.name for one in edges_of(table)}) == 2
