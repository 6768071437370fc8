"""The terminal, the page and the figure of every demo show one reading."""

import html
import io
import re

import matplotlib.pyplot as plt
import numpy as np
import pytest
from rich.console import Console

from mda_ionmech import datasets, plotting
from mda_ionmech.cli.demos import DEMOS
from mda_ionmech.lib.number_text import percent, with_interval
from mda_ionmech.results.ends import ENDS, with_ends
from mda_ionmech.results.tables import print_result


def words(text):
    return " ".join(text.split())


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", DEMOS)
def test_terminal_page_and_figure_show_the_same_numbers(name, tmp_path):
    results = DEMOS[name](getattr(datasets, name)()).run().results
    data, table = results.decomposition, results.summary()
    sigma = with_interval(*with_ends(data, "diffusive_conductivity"))
    value, ends = sigma.rstrip(")").split(" (")
    shares = [
        " ".join(percent(*(row[f"share{end}"] for end in ENDS))) for _, row in table.iterrows()
    ]

    console = Console(file=io.StringIO(), width=80)
    print_result(console, results, None)
    terminal = words(console.file.getvalue())
    assert f"The conductivity is {sigma} S/m" in terminal
    assert f"conductivity {value} {ends} S/m" in terminal
    page = results.report(tmp_path / "page.html").read_text("utf-8")
    page = words(html.unescape(re.sub(r"<[^>]*>", " ", page)))
    assert f"{value} S/m" in page
    assert f"interval {ends}" in page
    for event, share in zip(table.index, shares, strict=True):
        assert f"{event} {share}" in terminal
        assert f"{event} {share}" in page
    for sentence in results.verdict():
        assert words(str(sentence)) in terminal
        assert words(str(sentence)) in page

    ax = plotting.contributions(results)
    assert [t.get_text() for t in ax.get_xticklabels()][-1] == "limit"
    bars = [p for p in ax.patches if p.get_x() > len(data["window"])]
    heights = np.array([p.get_height() for p in bars])
    np.testing.assert_allclose(heights / heights.sum(), table["share"], rtol=1e-9, atol=1e-12)
    assert results.transport().loc["conductivity", "value"] == data["diffusive_conductivity"]
    plt.close("all")
