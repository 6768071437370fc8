"""The shipped polymer: what is rare has an interval, and what its description says is counted."""

import numpy as np
import pytest

from mda_ionmech import datasets
from mda_ionmech.cli.demos import polymer_analysis

from ..test_docs import DOCS, rows

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def polymer_run():
    return polymer_analysis(datasets.polymer()).run()


def test_changes_of_chain_are_as_frequent_as_described(polymer_run):
    labels = polymer_run.events(2.0)
    counts = dict(zip(labels.names, np.bincount(labels.label.ravel(), minlength=6), strict=True))
    assert counts["interchain"] == 34
    assert (counts["intrachain"], counts["denticity"]) == (360, 2647)
    text = datasets.describe("polymer")["statistics"]
    assert "34 interchain, 360 intrachain and 2647 denticity changes" in text
    shift = labels.flags >> labels.flag_names.index("shift") & 1
    stepped = int(shift[labels.label == labels.names.index("intrachain")].sum())
    page = " ".join((DOCS / "concepts" / "polymers.md").read_text("utf-8").split())
    assert f"Of the {360 + 2647} windows of 2 ps" in page
    assert f"2647 are a change of denticity; of the other 360, {stepped} end" in page
    lithium_ns = 15 * float(polymer_run.times[-1]) / 1000
    assert f"{lithium_ns:.0f} Li ns" in text


def test_numbers_of_the_page_on_polymers(polymer_run):
    table = polymer_run.results.summary(64.0)
    shown = rows("concepts/polymers.md", "event")
    assert len(shown) == len(table)
    for (event, count, share, interval, reach), (name, row) in zip(
        shown, table.iterrows(), strict=True
    ):
        assert event == f"`{name}`"
        assert count == f"{row['count']:.0f}"
        assert share == f"{row['share']:.3f}"
        assert interval == f"{row['share_low']:.3f} to {row['share_high']:.3f}"
        assert reach == (f"{row['effectiveness']:.1f}" if row["count"] else "")
    text = (DOCS / "concepts" / "polymers.md").read_text("utf-8")
    short = polymer_run.results.summary(2.0).loc["vehicular", "share"]
    assert f"vehicular: {short:.3f} at 2 ps" in " ".join(text.split())
    held = polymer_run.results.transitions["population"].sel(species="Li+")
    for name in ("polymer_only", "polymer_anion"):
        assert f"{float(held.sel(macrostate_start=name)):.1%}" in text


def test_numbers_of_renewal_on_the_page(polymer_run):
    found = []
    for window in polymer_run.results.decomposition["window"].values[:8]:
        table = polymer_run.results.summary(window, by="renewal")
        met = table.xs(True, level="renewal")
        for event, row in met[met["count"] > 0].iterrows():
            others = table.loc[(event, False), "effectiveness"]
            interval = f"{row['share_low']:.3f} to {row['share_high']:.3f}"
            numbers = f"{row['effectiveness']:.1f}", f"{others:.1f}"
            counted = f"{window:g}", f"`{event}`", f"{row['count']:.0f}", f"{row['share']:.3f}"
            found.append([*counted, interval.replace("-0.000", "0.000"), *numbers])
    assert rows("concepts/polymers.md", "window (ps)") == found
    labels = polymer_run.events(128.0)
    flagged = labels.flags >> labels.flag_names.index("renewal") & 1 > 0
    page = (DOCS / "concepts" / "polymers.md").read_text("utf-8")
    assert f"({100 * flagged.mean():.2f}% of the windows)" in page
    assert flagged.any(axis=0).sum() == 3
    for window in (64.0, 128.0, 256.0):
        plain = polymer_run.results.summary(window)
        mean = (plain["count"] * plain["effectiveness"].fillna(0)).sum() / plain["count"].sum()
        found = polymer_run.results.summary(window, by="renewal").loc[("interchain", True)]
        assert 7 < found["effectiveness"] / mean < 8
    assert "seven to eight times as much as the mean window" in " ".join(page.split())


def test_interchain_hops_are_rare_and_reach_farther(polymer_run):
    table = polymer_run.results.summary(64.0)
    row = table.loc["interchain"]
    assert (
        f"{row['share']:.3f} ({row['share_low']:.3f} to {row['share_high']:.3f})"
        in (datasets.describe("polymer")["statistics"])
    )
    assert 0 < row["share_low"] < row["share"] < row["share_high"] < 0.05
    assert table["share"].sum() == pytest.approx(1.0, abs=1e-10)
    # creeping along the chain carries most once a window is longer than a contact lives
    assert table["share"].idxmax() == "intrachain"
    assert table.loc["denticity", "effectiveness"] < table.loc["intrachain", "effectiveness"]
    assert float(polymer_run.results.decomposition["residual"].max()) < 1e-12
