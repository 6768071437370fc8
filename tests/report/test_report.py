"""The HTML page of a result: whole in itself, well formed, and with the numbers of the tables."""

import html
import io
import json
import re
import sys
from html.parser import HTMLParser

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from mda_ionmech import (
    InputError,
    IonSpecies,
    OnsagerDecomposition,
    combine,
    datasets,
    load,
)
from mda_ionmech.cli import demos
from mda_ionmech.events import SolvationEvents
from mda_ionmech.lib import number_text as numbers
from mda_ionmech.microstates import CutoffShell
from mda_ionmech.report import page, store, write_report
from mda_ionmech.results.ends import ENDS
from mda_ionmech.results.filter_finding import in_words
from mda_ionmech.results.results import Results
from mda_ionmech.results.tables import print_result

from ..builders import brownian, decompose, make_universe
from .vega_lite import check_chart

VOID = {"meta", "img", "br", "link", "input", "hr"}


class Checked(HTMLParser):
    """A page taken apart; refuses tags that do not nest."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.tags, self.open, self.words, self.rows, self.scripts = [], [], [], [], []
        self.feed(text)
        self.close()
        assert self.open == [], "every tag is closed"

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("th", "td"):
            self.rows[-1].append("")

    def handle_endtag(self, tag):
        assert self.open[-1:] == [tag], f"</{tag}> closes {self.open[-3:]}"
        self.open.pop()

    def handle_data(self, data):
        if "style" in self.open:
            return
        if "script" in self.open:
            self.scripts.append(data)
            return
        self.words.append(data)
        if self.open and {"th", "td"} & set(self.open):
            gap = " " if self.open[-1] == "small" else ""
            self.rows[-1][-1] += gap + data

    def all(self, tag):
        return [attrs for name, attrs in self.tags if name == tag]

    @property
    def text(self):
        return " ".join(" ".join(self.words).split())


def rows_of(columns):
    """Rows of data that a page holds by columns."""
    whole = [[c["of"][k] for k in c["at"]] if isinstance(c, dict) else c for c in columns]
    return [list(row) for row in zip(*whole, strict=True)]


def checked(path):
    """A page that opens offline, with everything in it, and that a screen reader can read."""
    text = path.read_text("utf-8")
    assert text.startswith('<!DOCTYPE html>\n<html lang="en">')
    found = Checked(text)
    names = {name for name, _ in found.tags}
    assert not names & {"iframe", "object", "embed", "link", "img"}
    for name, attrs in found.tags:
        assert not [a for a in attrs if a.startswith("on")]
        for key in ("src", "href", "srcset", "data", "action"):
            address = attrs.get(key) or ""
            if name == "a" and key == "href":
                assert address.startswith(("#", "https://doi.org/", "https://arxiv.org/"))
            else:
                assert not address
    (policy,) = [a["content"] for a in found.all("meta") if "http-equiv" in a]
    assert policy.startswith("default-src 'none'; ")
    assert "http" not in policy
    style = text[text.index("<style>") : text.index("</style>")]
    assert "url(" not in style
    assert "@import" not in style
    ids = [attrs["id"] for _, attrs in found.tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    for attrs in found.all("a"):
        if attrs["href"].startswith("#"):
            assert attrs["href"][1:] in ids
    assert len(found.all("h1")) == len(found.all("title")) == 1
    found.store = json.loads(found.scripts[0])
    for one in found.store["data"].values():
        one["rows"] = rows_of(one["values"])
    drawn = [attrs["data-chart"] for attrs in found.all("figure")]
    assert sorted(drawn) == sorted(found.store["charts"])
    for chart in found.store["charts"].values():
        assert chart["alt"]
        chart["spec"] = found.store["common"] | chart["spec"]
        check_chart(chart["spec"])
        known = {
            column[0] for one in chart["data"] for column in found.store["data"][one]["columns"]
        }
        made = set(re.findall(r'"as": "(\w+)"', json.dumps(chart["spec"])))
        inline = set(
            re.findall(
                r'"(\w+)"',
                json.dumps(
                    [
                        layer["data"]["values"]
                        for layer in chart["spec"]["layer"]
                        if "values" in layer.get("data", {})
                    ]
                ),
            )
        )
        for field in re.findall(r'"field": "(\w+)"', json.dumps(chart["spec"])):
            assert field in known | made | inline, (chart["alt"], field)
    for attrs in found.all("div"):
        if "data-table" in attrs:
            assert attrs["data-table"] in found.store["data"]
    assert len(found.all("figure")) == len(found.all("figcaption"))
    assert len(found.all("table")) == len(found.all("caption"))
    assert "nan" not in found.text.lower().split()
    return found


@pytest.mark.slow
@pytest.mark.parametrize("name", ["liquid", "crystal", "polymer"])
def test_every_demo_has_a_page(name, tmp_path):
    run = demos.DEMOS[name](datasets.load(name)).run(stop=400)
    found = checked(run.results.report(tmp_path / "page.html"))
    window = float(run.results.at_window()["window"])
    assert "Read before quoting a number" in found.text
    assert ("Macrostates of Li+" in found.text) is (name != "crystal")
    assert ("in an exclusion gas" in found.text) is (name == "crystal")
    assert f"Windows of {window:g} ps. Li+ in windows of the chosen length" in found.text
    drawn = {name.partition("-")[0] for name in found.store["charts"]}
    assert {"contributions", "conductivity", "ratios", "displacements", "exponents"} <= drawn
    assert {"shares", "effectiveness", "cross", "horizon", "timeline"} <= drawn
    assert ({"flow", "transition", "survival"} <= drawn) is (name != "crystal")
    assert {"displacement"} <= drawn
    for event, part in run.results.displacement_spectrum()["share"].groupby("event").sum().items():
        rows = found.store["data"]["displacements-1"]["rows"]
        assert sum(r[6] for r in rows if r[1:3] == [event, window]) == pytest.approx(part)
    assert ("concertedness" in drawn) is (name == "crystal")
    assert ("hop" in drawn) is (name == "crystal")
    assert (tmp_path / "page.html").stat().st_size < 1.8e6
    assert ("Other choices" in found.text) is (name == "crystal")
    if name == "crystal":
        for definition, row in run.results.hop_definitions().iterrows():
            (line,) = [r for r in found.rows if r[0] == definition]
            assert line[1] == numbers.number(row["core_radius"])
            assert float(line[2].split()[0]) == pytest.approx(100 * row["multi_fraction"], abs=0.6)
            assert line[-1] == row["finding"]
        if run.results.has_diffusive_view and (known := run.results.filters) is not None:
            for choice in map(str, known["filter"].values):
                (line,) = [r for r in found.rows if r[0] == in_words(choice)]
                shares = known["filter_share"].sel(species="Li+", filter=choice)
                events = run.results.summary(view="diffusive").index
                assert line[1:] == [numbers.part(shares.sel(event=e)) for e in events]


@pytest.mark.slow
def test_long_tables_are_cut_and_their_files_are_not(tmp_path):
    """A melt has 64 transitions of each of two species, and 192 pairs of them in time reversal."""
    results = demos.melt_analysis(datasets.melt()).run().results
    found = checked(results.report(tmp_path / "page.html"))
    assert (tmp_path / "page.html").stat().st_size < 1.8e6
    known = results.convergence(float(results.at_window()["window"])).table
    assert len(known) > 24
    assert len(found.store["data"]["time-reversal"]["rows"]) == len(known)
    assert f"The 24 largest differences of {len(known)}; the CSV file holds all." in found.text
    worst = known.nlargest(24, "standard_errors").index[0]
    (row,) = [r for r in found.rows if r[:3] == list(worst)]
    assert row[-1] == f"{known['standard_errors'].max():.1f}"
    pairs = {tuple(r[1:3]) for r in found.store["data"]["transitions-1"]["rows"]}
    assert f"The 24 most frequent of {len(pairs)}; the CSV file holds all." in found.text
    assert {len(rows) for rows in found.store["moving"]["transitions-1"]} == {24}


@pytest.mark.slow
def test_the_page_holds_the_numbers_of_the_tables(tmp_path):
    results = demos.liquid_analysis(datasets.liquid()).run().results
    found = checked(results.report(tmp_path / "page.html", window=16))
    text, rows = found.text, found.rows
    data = results.decomposition
    value, reach = numbers.measured(
        *(float(data[f"diffusive_conductivity{end}"]) for end in ("", "_low", "_high"))
    )
    assert f"Conductivity {value} S/m 68% interval {reach}" in text
    assert f"from all lags from {results.recommend().first_lag:g}" in text
    for line in (*results.warnings, results.convergence(16).text, results.recommend().text):
        assert line[1:] in text
    for event, row in results.summary().iterrows():
        ends = row["share"], row["share_low"], row["share_high"]
        assert [event, *numbers.percent(*ends)] in [r[:3] for r in rows]
    for quantity, row in results.transport().iterrows():
        ends = row["value"], row["low"], row["high"]
        assert [quantity, *numbers.measured(*ends), numbers.unit(row["unit"])] in rows
    events = results.summary(16)
    for event, row in events.iterrows():
        (line,) = [r for r in rows if r[0] == event and len(r) == 7]
        assert line[2:4] == [numbers.part(row["self"]), numbers.part(row["distinct"])]
        assert line[-1] == f"{row['count']:.0f}"
        assert float(line[1].split()[0]) == pytest.approx(100 * row["share"], abs=0.6)
    for (name, event), row in results.transference().iterrows():
        ends = row["transference"], row["low"], row["high"]
        split = numbers.measured(*ends, share=True)
        part = row["conductivity"] if split[0] != "0" else 0.0
        assert [event, name, numbers.number(part), *split] in rows


@pytest.mark.slow
def test_the_same_result_gives_the_same_bytes(tmp_path):
    results = few(windows=[2.0])
    pages = [results.report(tmp_path / f"{k}.html").read_bytes() for k in "ab"]
    assert pages[0] == pages[1]


@pytest.mark.slow
def test_the_file_is_named_with_its_checksum(liquid_run, tmp_path):
    import hashlib

    source = liquid_run.save(tmp_path / "liquid.nc")
    found = checked(write_report(load(source), tmp_path / "page.html", source=source))
    assert hashlib.sha256(source.read_bytes()).hexdigest() in found.text
    assert json.dumps(liquid_run.results.settings["cell_angstrom"][0][0]) in found.text


NAMES = ["<script>alert(1)</script>", "a\"b'c", "Li&amp;", "<!--", "{{ 7 * 7 }}"]


@pytest.mark.parametrize("name", NAMES)
def test_names_are_text_and_nothing_else(name, tmp_path):
    rng = np.random.default_rng(1)
    universe = make_universe(brownian(rng, 60, 4, 0.05, 1.0) + 20)
    ions = IonSpecies(universe.atoms, charge=1, name=name)
    results = OnsagerDecomposition([ions], temperature=300, frame="laboratory").run().results
    settings = results.settings | {"trajectory": name, "topology": name}
    results.tree.attrs["settings"] = json.dumps(settings)
    results.tree.attrs["warnings"] = f"read {name}"
    results.tree.attrs["citations"] = f"{name} 10.1000/{name}"
    path = results.report(tmp_path / "page.html")
    found = checked(path)
    assert f"Ion transport of {name}" in found.text
    assert f"Read {name}." in found.text
    assert len(found.all("script")) == 3
    assert name in {row[1] for row in found.store["data"]["contributions-by-window"]["rows"]}
    assert f"<h1>Ion transport of {html.escape(name)[:1]}" in path.read_text("utf-8")


def few(n_frames=60, **options):
    rng = np.random.default_rng(2)
    universe = make_universe(brownian(rng, n_frames, 4, 0.05, 1.0) + 20)
    return decompose(universe, **options)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"windows": [2.0], "n_frames": 200}, "the only window of the run"),
        ({"windows": [20.0], "n_frames": 41}, "this interval is a rough estimate"),
        ({"windows": [38.0], "n_frames": 40}, "no interval: fewer than three blocks"),
        ({"windows": "log", "resolutions": "log"}, "No species has an event rule"),
        ({"windows": [2.0], "axes": "xy"}, "directions analysed"),
    ],
)
def test_parts_that_a_result_lacks_are_left_out(options, said, tmp_path):
    found = checked(few(**options).report(tmp_path / "page.html"))
    assert said in found.text
    assert "No species has an event rule" in found.text
    assert "Macrostates" not in found.text


def test_a_result_without_charges_is_told_by_its_coefficient(tmp_path):
    """As files of earlier versions may be."""
    results = few(windows=[2.0, 4.0])
    settings = results.settings
    for species in settings["species"]:
        species["charge"] = 0.0
    results.tree.attrs["settings"] = json.dumps(settings)
    text = checked(results.report(tmp_path / "page.html")).text
    assert "Onsager coefficient L(ion, ion)" in text


@pytest.mark.slow
def test_each_species_with_a_rule_has_its_part(tmp_path):
    universe = datasets.liquid()
    lithium = universe.select_atoms("resname LI")
    oxygen = universe.select_atoms("resname TFS and element O")
    pairs = [("Li+", lithium, 1, oxygen), ("O", oxygen, -0.25, lithium)]
    species = [
        IonSpecies(
            atoms, charge=charge, name=name, events=SolvationEvents(),
            microstates=CutoffShell(cutoff=2.9, anion=others),
        )
        for name, atoms, charge, others in pairs
    ]  # fmt: skip
    run = OnsagerDecomposition(species, temperature=330.0, windows=[1.0, 2.0]).run(stop=100)
    found = checked(run.results.report(tmp_path / "page.html", window=2))
    for name, *_ in pairs:
        assert f"Contributions to {name} transport" in found.text
        assert f"{name} in windows of the chosen length" in found.text
    titles = [chart["alt"] for chart in found.store["charts"].values()]
    assert len(titles) == len(set(titles)), "no figure is drawn twice"


def test_no_warnings_are_said_too(tmp_path):
    results = few(windows=[2.0])
    results.tree.attrs["warnings"] = ""
    assert "The run gave no warnings." in checked(results.report(tmp_path / "page.html")).text


@pytest.mark.slow
def test_replicas_and_results_without_sums_over_blocks(liquid_run, tmp_path):
    paths = (brownian(np.random.default_rng(k), 400, 5, 0.05, 1.0) + 20.0 for k in (1, 2))
    both = combine([decompose(make_universe(x), windows=[1.0], resolutions="log") for x in paths])
    found = checked(both.report(tmp_path / "both.html"))
    assert "2 replicas pooled" in found.text
    assert "800 of all replicas" in found.text
    tree = liquid_run.results.tree.copy()
    del tree["blocks"]
    bare = checked(Results(tree).report(tmp_path / "bare.html"))
    assert "the window view alone" in bare.text
    assert "Time reversal" not in bare.text


def test_errors_of_the_page(liquid_run, tmp_path, monkeypatch):
    with pytest.raises(InputError, match="outside the scan"):
        liquid_run.results.report(tmp_path / "page.html", window=1e6)
    with pytest.raises(InputError, match="does not exist or is not writable"):
        liquid_run.results.report(tmp_path / "none" / "page.html")
    monkeypatch.setitem(sys.modules, "jinja2", None)
    with pytest.raises(InputError, match=r"pip install 'mda-ionmech\[report\]'"):
        liquid_run.results.report(tmp_path / "page.html")
    monkeypatch.undo()
    monkeypatch.setitem(sys.modules, "vl_convert", None)
    store.vega.cache_clear()
    with pytest.raises(InputError, match=r"vl-convert-python: pip install 'mda-ionmech\[report\]'"):
        liquid_run.results.report(tmp_path / "page.html")
    assert list(tmp_path.iterdir()) == []
    for wrong in ([], [liquid_run.results, 3], "liquid.nc"):
        with pytest.raises(InputError, match="must be the Results of a run, or a list of them"):
            write_report(wrong, tmp_path / "page.html")
    with pytest.raises(InputError, match="one for each of 2 results"):
        write_report([liquid_run.results] * 2, tmp_path / "page.html", source=__file__)


@pytest.mark.parametrize(
    ("ends", "share", "said"),
    [
        ((9.457, 9.07, 9.91), False, ("9.5", "9.1 to 9.9")),
        ((0.6942, 0.680, 0.706), True, ("69.4", "68.0 to 70.6")),
        ((1.921e-5, 1.89e-5, 1.94e-5), False, ("1.921 \u00d710⁻⁵", "(1.890 to 1.940) \u00d710⁻⁵")),
        ((497.99, 449.1, 546.9), False, ("500", "450 to 550")),
        ((-0.004, -0.02, 0.02), True, ("-0.4", "-2.0 to 2.0")),
        ((0.0, 0.0, 0.0), False, ("0", "-")),
        ((1e-19, -1e-19, 3e-19), True, ("0", "-")),
        ((1.0, 1.0, 1.0), False, ("1.00", "1.00 to 1.00")),
        ((np.nan, np.nan, np.nan), False, ("-", "-")),
        ((2.34567, np.nan, np.nan), False, ("2.35", "-")),
        ((-1e-7, -2e-3, 2e-3), True, ("0.00", "-0.20 to 0.20")),
        ((6.3e-5, 4.1e-5, 8.6e-5), True, ("0.0063", "0.0041 to 0.0086")),
        ((2e-7, 1e-7, 3.1e-7), True, ("2.0 \u00d710⁻⁵", "(1.0 to 3.1) \u00d710⁻⁵")),
    ],
)
def test_numbers_are_rounded_by_their_interval(ends, share, said):
    assert numbers.measured(*ends, share=share) == said


@given(
    st.floats(1e-40, 1e40),
    st.floats(1e-6, 10),
    st.booleans(),
)
def test_rounding_moves_a_value_by_less_than_a_fifth_of_its_interval(size, width, negative):
    value = -size if negative else size
    low, high = value - width * size, value + width * size
    text, reach = numbers.measured(value, low, high)
    digits = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")
    number, _, power = text.partition(" \u00d710")
    shown = float(number) * 10.0 ** int(power.translate(digits) or 0)
    assert abs(shown - value) <= 0.2 * width * size * (1 + 1e-9)
    assert " to " in reach


def test_citations_become_links():
    parts = page.parts_of("A, arXiv:2602.16636 (2026), 10.1002/jcc.21787.")
    assert "".join(text for text, _ in parts) == "A, arXiv:2602.16636 (2026), 10.1002/jcc.21787."
    assert [address for _, address in parts if address] == [
        "https://arxiv.org/abs/2602.16636",
        "https://doi.org/10.1002/jcc.21787",
    ]


@pytest.mark.slow
def test_terminal_report_and_figure_show_one_reading(liquid_run, tmp_path):
    results = liquid_run.results
    table, whole = results.summary(), results.transport().loc["conductivity"]
    file = io.StringIO()
    print_result(Console(file=file, width=80), results, None)
    printed = [line.split() for line in file.getvalue().splitlines()]
    for event, row in table.iterrows():
        shown = numbers.percent(*(row[f"share{end}"] for end in ENDS))
        carried = numbers.measured(*(row[f"conductivity{end}"] for end in ENDS))[0]
        assert [event, *" ".join((*shown, carried)).split()] in [w[: len(w) - 2] for w in printed]
    ends = whole["value"], whole["low"], whole["high"]
    assert ["conductivity", *" ".join(numbers.measured(*ends)).split(), "S/m"] in printed
    found = checked(results.report(tmp_path / "page.html"))
    assert "Conductivity {} S/m 68% interval {}".format(*numbers.measured(*ends)) in found.text
    for event, row in table.iterrows():
        ends = row["share"], row["share_low"], row["share_high"]
        assert [event, *numbers.percent(*ends)] in [r[:3] for r in found.rows]
    ax = results.plot()
    last = max(bar.get_x() for bar in ax.patches)
    heights = np.array([bar.get_height() for bar in ax.patches if bar.get_x() == last])
    np.testing.assert_allclose(heights / heights.sum(), table["share"], atol=1e-12)
    assert [t.get_text() for t in ax.get_xticklabels()][-1] == "limit"


@given(
    st.lists(
        st.one_of(st.none(), st.sampled_from(["free", "<b>", "Li+, Å"]), st.floats(width=32),
                  st.integers(-3, 3)).filter(lambda x: x is None or x == x)
    )
)  # fmt: skip
def test_columns_hold_every_value_once_where_that_is_shorter(values):
    kept = store.packed(values)
    (again,) = zip(*rows_of([kept]), strict=True) if values else [()]
    assert [(type(x), x) for x in again] == [(type(x), x) for x in values]
    assert len(json.dumps(kept)) <= len(json.dumps(values)) + 40


def test_repeated_words_and_lengths_are_written_once():
    words = ["solvent exchange", "vehicular"] * 50
    assert store.packed(words) == {"of": words[:2], "at": [0, 1] * 50}
    numbers = [k / 7 for k in range(50)]
    assert store.packed(numbers) == numbers
