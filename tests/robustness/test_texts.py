"""Text from outside is text: shown as it stands, or refused where it comes in."""

import io
import json
import re
import tomllib
import warnings
from html.parser import HTMLParser

import numpy as np
import pytest
import xarray as xr
from matplotlib.text import Text

from mda_ionmech import InputError, IonSpecies, Results, load, plotting
from mda_ionmech.cli.app import main
from mda_ionmech.cli.toml_file import toml_string
from mda_ionmech.events import SolvationEvents
from mda_ionmech.lib.errors import warn_user
from mda_ionmech.lib.plain_text import is_formula, on_one_line, printable
from mda_ionmech.lib.terminal import Terminal
from mda_ionmech.microstates import CutoffShell
from mda_ionmech.microstates.sites.site_assignment import SiteAssignment
from mda_ionmech.results.tables import print_result
from ovito_modifiers import read_states

from ..builders import make_universe
from .written import small_run

#: Names that are taken, and mean something to a terminal, a figure, a page or a spreadsheet.
TAKEN = [
    "[red]Li[/red]", "[/]", "[link=file:///etc/passwd]Li[/link]", ":smile:", "Li$^+$", "$", "$x",
    "a$\\frac$b", "Li_x^2", "_Li", "<b>Li</b>", "<script>alert(1)</script>", "&lt;", "a&b", '"Li"',
    "'Li'", "{{7*7}}", "{% x %}", "%s%n", "\\x1b", "${HOME}", "`id`", "Li\N{SUPERSCRIPT PLUS SIGN}",
    "リチウム", "\N{BATTERY}", "Li;rm", "a,b", "a|b", "../Li", "None", "nan", "+", "-1",
]  # fmt: skip
#: Names that are refused.
REFUSED = [
    "a\x1b[31mb", "a\x00b", "a\nb", "a\rb", "a\x07", "a\x7fb", "a\x9bb", "a\ud800b", "a\udcffb",
    "a\N{RIGHT-TO-LEFT OVERRIDE}b", "a\N{LEFT-TO-RIGHT ISOLATE}b", "a\N{ZERO WIDTH SPACE}b",
    "a\N{LINE SEPARATOR}b", "\N{ZERO WIDTH NO-BREAK SPACE}a", "=1+1", "=cmd|' /C calc'!A0", "+1+1",
    "-1-1", "@SUM(A1)", "", " ", "\t", "L" * 20_000,
]  # fmt: skip
#: Warnings of a result: atoms and files have names of any kind.
WARNED = (
    "[red]x[/red] :smile: $y$ <b>z</b> \x1b[2J\x1b]8;;http://x\x07 \u202e\u2066 \x00 \ud800 =1+1 "
    "{{1}}"
)


def seen(text):
    """That nothing in a text steers what shows it."""
    return all(c in "\n\t" or c.isprintable() or c == "\N{NO-BREAK SPACE}" for c in text)


@pytest.mark.parametrize("name", [*TAKEN, *REFUSED], ids=lambda name: ascii(name)[:40])
def test_names_are_taken_or_refused_at_every_door(name):
    """One rule for species, ligand types, labels of events and of sites; blanks aside."""
    universe = make_universe(np.zeros((3, 4, 3)), names=list("IIAA"))
    ions, others = universe.select_atoms("name I"), universe.select_atoms("name A")
    rule = type("Own", (SolvationEvents,), {"names": ("vehicular", name)})
    doors = [
        lambda: IonSpecies(ions, charge=1, name=name),
        lambda: CutoffShell(3.0, **{name: others}),
        lambda: SiteAssignment.from_structure([[0.1, 0, 0]], [name], framework=others),
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for door in doors:
            if name in TAKEN and " " not in name:
                door()
                continue
            if name in TAKEN:
                continue
            with pytest.raises(InputError) as refused:
                door()
            assert seen(str(refused.value))
            assert len(str(refused.value)) < 500
    from mda_ionmech.analysis.label_checks import check_label_names

    if name in REFUSED:
        with pytest.raises(InputError):
            check_label_names(rule.names, "Own")
    elif " " not in name:
        check_label_names(rule.names, "Own")


def renamed(results, name, warning=WARNED):
    """A result in which the species, an event and a macrostate have a name, and with a warning."""
    tree = results.tree.copy(deep=True)
    settings = results.settings
    old = settings["species"][0]["name"]
    settings["species"][0]["name"] = name
    settings["species"][0]["selection"] = warning
    settings |= {"trajectory": warning, "topology": warning}
    groups = {}
    for node in tree.subtree:
        data = node.to_dataset(inherit=False)
        for dim in (
            "species",
            "species_2",
            "event",
            "event_2",
            "macrostate_start",
            "macrostate_end",
        ):
            if dim in data.coords:
                known = {old: name, "vehicular": name, "CIP": name}
                data[dim] = [known.get(t, t) for t in data[dim].values.tolist()]
        for key in ("species", "events", "macrostates"):
            if key in data.attrs and node.path == "/blocks":
                words = str(data.attrs[key]).split("\n")
                data.attrs[key] = "\n".join(
                    name if w in (old, "vehicular", "CIP") else w for w in words
                )
        for one in data.variables.values():
            if "flag_meanings" in one.attrs and " " not in name:
                words = one.attrs["flag_meanings"].split()
                one.attrs["flag_meanings"] = " ".join(
                    name if w in (old, "vehicular", "CIP") else w for w in words
                )
        groups[node.path] = data
    out = xr.DataTree.from_dict(groups)
    out.attrs = tree.attrs | {"settings": json.dumps(settings), "warnings": warning}
    return Results(out)


@pytest.fixture(scope="module")
def results():
    return small_run().results


SHOWN = [name for name in TAKEN if " " not in name]


@pytest.mark.slow
@pytest.mark.parametrize("width", [80])
def test_a_terminal_shows_text_as_it_stands(results, width):
    for name in SHOWN:
        file = io.StringIO()
        console = Terminal(file=file, force_terminal=True, width=400, color_system="standard")
        print_result(console, renamed(results, name), None)
        text = file.getvalue()
        assert name in text
        plain = re.sub(r"\x1b\[[0-9;]*m", "", text)
        assert seen(plain), "the colours of the console itself are all that steers"
        assert printable(WARNED) in " ".join(plain.split()).replace("  ", " ")
        assert "[red]x[/red] :smile:" in plain


class Reader(HTMLParser):
    """The elements and texts of a page."""

    def __init__(self):
        super().__init__()
        self.elements, self.texts = [], []

    def handle_starttag(self, tag, attrs):
        self.elements.append(tag)

    def handle_data(self, data):
        self.texts.append(data)


def read(page):
    reader = Reader()
    reader.feed(page)
    return reader


@pytest.mark.slow
def test_pages_show_text_as_it_stands(results, tmp_path):
    """The report and what notebooks show: the same elements whatever the names."""
    expected = read(results.report(tmp_path / "plain.html").read_text("utf-8")).elements
    notebook = read(results._repr_html_()).elements
    for name in [n for n in SHOWN if set(n) & set("<&{'\"") or n == "リチウム"]:
        other = renamed(results, name)
        page = other.report(tmp_path / "other.html").read_text("utf-8")
        found = read(page)
        assert set(found.elements) == set(expected)
        assert abs(len(found.elements) - len(expected)) < 4  # the list of warnings
        assert any(name in text for text in found.texts)
        assert any("[red]x[/red] :smile: $y$ <b>z</b> \\x1b[2J" in text for text in found.texts)
        assert seen(page)
        shown = read(other._repr_html_())
        assert shown.elements == notebook
        assert any(name in text for text in shown.texts)


@pytest.mark.slow
def test_figures_show_text_as_it_stands(results):
    """No name is a formula, none is left out of a legend; every figure is drawn."""
    import matplotlib.pyplot as plt

    for name in SHOWN:
        drawn = plotting.figures(renamed(results, name))
        for title, draw in drawn.items():
            if title in ("view-curves", "view-map") and name not in ("$x", "_Li"):
                continue
            ax = draw()
            figure = ax.get_figure(root=True)
            with warnings.catch_warnings():
                warnings.filterwarnings("error", message=".*starts with.*")
                warnings.filterwarnings("ignore", message="Glyph.*missing")
                figure.canvas.draw() if name in ("$x", "a$\\frac$b", "_Li", "$") else None
            # the units are formulas of the figures' own
            own = re.compile(r"\$\^\{-1\}\$|\$10\^\{[-\d]+\}\$|\$\\mathrm\{\\AA\}\^2\$")
            texts = [(t, own.sub("", t.get_text())) for t in figure.findobj(Text)]
            named = [(t, text) for t, text in texts if name in text.replace(r"\$", "$")]
            assert named, title
            # what is in the labels of logarithmic axes, too, tells nothing
            for one, text in named if name != "$" else ():
                assert one._preprocess_math(text) == (text.replace(r"\$", "$"), False)
            plt.close(figure)


@pytest.mark.slow
def test_files_of_states_hold_names_as_they_are(tmp_path):
    for number, name in enumerate(("[red]Li[/red]", "Li$^+$", "<b>Li</b>", "リチウム")):
        run = small_run(name)
        states = read_states(run.save_states(tmp_path / f"{number}.npz"))
        assert states.species_names == (name,)
        again = load(run.save(tmp_path / f"{number}.nc"))
        assert again.decomposition["species"].values.tolist() == [name]
        assert again.summary().equals(run.results.summary())


def test_the_legend_in_ovito_takes_no_name_for_html():
    legend = pytest.importorskip("ovito_modifiers.event_legend")
    assert legend.as_it_is("plain & simple $x$") == "plain & simple $x$"
    assert legend.as_it_is("<b>a</b>") == "<span>&lt;b&gt;a&lt;/b&gt;</span>"


def test_tables_for_spreadsheets_hold_no_formulas(results):
    """No cell of text begins as a formula does, as names that do are refused."""
    tables = (
        results.summary(), results.transport(), results.transference(), results.convergence().table,
        results.summary(view="slope", resolution=1.0, horizon=4.0),
    )  # fmt: skip
    for table in tables:
        for line in table.to_csv().splitlines():
            for cell in line.split(","):
                is_number = re.fullmatch(r"-?[\d.]+(e[-+]?\d+)?", cell)
                assert is_number or not is_formula(cell), line


def test_errors_and_warnings_hold_what_can_be_seen(monkeypatch, capsys):
    error = InputError(f"no such thing: {WARNED}")
    assert seen(str(error))
    with pytest.warns(UserWarning, match="red") as caught:
        warn_user(WARNED)
    assert seen(str(caught[0].message))
    monkeypatch.setattr("sys.argv", ["ionmech", "show", "a\x1b[31m\u202e.nc"])
    with pytest.raises(SystemExit):
        main()
    assert capsys.readouterr().err == (
        "ionmech: no result file at a\\x1b[31m\\u202e.nc; write one with run.save(path)\n"
    )


def test_texts_that_ionmech_init_writes_are_read_back():
    for text in [*TAKEN, "a\x1bb", "a\x00b", "a\nb", "a\x7fb", 'a"""b', "a\\", "\u202ea"]:
        assert tomllib.loads(f"x = {toml_string(text)}")["x"] == text


def test_what_cannot_be_seen_is_written_out():
    assert printable("a b\n\tµ\N{NO-BREAK SPACE}Å³") == "a b\n\tµ\N{NO-BREAK SPACE}Å³"
    assert printable("\x1b[0m\x00\ud800\u202e") == "\\x1b[0m\\x00\\ud800\\u202e"
    assert on_one_line("a\n\tb\r") == "a b\\r"
