"""Text from outside is text: shown as it stands, or refused where it comes in."""

import io
import json
import re
import shlex
import subprocess
import tomllib
import warnings
from html.parser import HTMLParser

import numpy as np
import pytest
import xarray as xr
from matplotlib.text import Text

from mda_ionmech import InputError, IonSpecies, Results, datasets, load, plotting
from mda_ionmech.cli.app import main
from mda_ionmech.cli.toml_file import toml_string
from mda_ionmech.events import SolvationEvents
from mda_ionmech.lib.errors import warn_user
from mda_ionmech.lib.plain_text import in_shell, is_formula, on_one_line, printable
from mda_ionmech.lib.terminal import Terminal
from mda_ionmech.microstates import CutoffShell
from mda_ionmech.microstates.sites.site_assignment import SiteAssignment
from mda_ionmech.results.states_file import write_archive
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
    "-1-1", "@SUM(A1)", "\uff1d1+1", "a\u3164", "", " ", "\t", "L" * 20_000,
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


@pytest.mark.parametrize("name", REFUSED, ids=lambda name: ascii(name)[:40])
def test_names_are_refused_in_files_of_other_writers(results, name, tmp_path):
    """With right checksums and throughout the file: a name from outside comes in this way, too."""
    if "\ud800" in name or "\udcff" in name:
        return  # no file holds them
    path = renamed(results, name, "w").save(tmp_path / "run.nc")
    with pytest.raises(InputError, match="is damaged: ") as refused:
        load(path)
    assert seen(str(refused.value))
    assert len(str(refused.value)) < 500


@pytest.mark.parametrize("name", REFUSED, ids=lambda name: ascii(name)[:40])
def test_names_are_refused_in_states_of_other_writers(name, tmp_path):
    """Those that steer nothing in OVITO, a name of blanks in another alphabet, are shown."""
    with np.load(small_run().save_states(tmp_path / "run.npz")) as archive:
        arrays = {key: archive[key] for key in archive.files if key != "checksum"}
    arrays["event_names"] = np.array([name, *arrays["event_names"][1:]])
    write_archive(str(tmp_path / "other.npz"), arrays)
    if name == "a\u3164":
        assert read_states(tmp_path / "other.npz").event_names[0] == name
        return
    with pytest.raises(ValueError, match="is damaged: ") as refused:
        read_states(tmp_path / "other.npz")
    assert seen(str(refused.value))


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
        "ionmech: no result file at a\\x1b[31m\\u202e.nc; "
        "`ionmech run` writes one, and run.save(path) in Python\n"
    )


def test_texts_that_ionmech_init_writes_are_read_back():
    for text in [*TAKEN, "a\x1bb", "a\x00b", "a\nb", "a\x7fb", 'a"""b', "a\\", "\u202ea"]:
        assert tomllib.loads(f"x = {toml_string(text)}")["x"] == text


def hostile_topology(name):
    """The shipped liquid with another name of its anion, and sulfur for its oxygen.

    The anion is then known by its residue name alone.
    """
    lines = []
    for line in (datasets.path("liquid") / "liquid.psf").read_text().split("\n"):
        words = line.split()
        if len(words) == 9 and len(line) > 60 and words[3] == "TFS":
            words[3], words[6] = name, str(1.25 * float(words[6]))
            words[7] = "32.06" if words[4][0] == "O" else words[7]
            line = " ".join(words)
        lines.append(line)
    return "\n".join(lines)


#: Names of residues as topologies may hold them, and of the species that `ionmech init` makes.
RESIDUES = {
    "\x1b[2J": "[2J", "=1+1": "1+1", "@SUM": "SUM", "a\u202eb": "ab", "\x07": "anion", "#]": "#]",
    "L" * 70: "L" * 50, "[BMIM]": "[BMIM]", 'x"y': 'x"y', "$x": "$x", "\u3164": "anion",
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("name", RESIDUES, ids=lambda name: ascii(name)[:40])
def test_the_configuration_of_any_topology_is_taken(name, tmp_path, capsys, monkeypatch):
    """Names that no species can have are made such that a run takes the configuration."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.psf").write_text(hostile_topology(name), encoding="utf-8")
    trajectory = str(datasets.path("liquid") / "liquid.part1.xtc")
    output = "my run;id.toml"
    words = ["init", "a.psf", trajectory, "-o", output, "--temperature", "330", "--no-figure"]
    for command in (words, ["init", "--check", output]):
        monkeypatch.setattr("sys.argv", ["ionmech", *command])
        with pytest.raises(SystemExit) as ended:
            main()
        assert ended.value.code == 0
    told = capsys.readouterr()
    assert seen(told.out)
    made = tomllib.loads((tmp_path / output).read_text("utf-8"))
    assert [one["name"] for one in made["species"]] == ["Li+", RESIDUES[name]]
    # the commands to go on with are one word each to a shell
    commands = re.findall(r"ionmech (?:run|rdf|init --check) [^#\n]+", told.out)
    assert len(commands) == 4
    assert {shlex.split(one)[-1] for one in commands} == {output}


def test_words_of_commands_are_read_as_they_are_by_a_shell(tmp_path):
    for text in (
        *TAKEN,
        "a b.nc",
        "-rf",
        "$(touch x)",
        "a'b",
        "a\nb",
        "\x1b[2J",
        "\u202ea",
        "~",
        "*",
    ):
        word = in_shell(text)
        assert seen(word)
        assert "\n" not in word
        done = subprocess.run(
            ["bash", "-c", f"printf %s {word}"], capture_output=True, check=True, cwd=tmp_path
        )
        expected = f"./{text}" if text.startswith("-") else text
        assert done.stdout.decode() == expected
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_seen_is_written_out():
    assert printable("a b\n\tµ\N{NO-BREAK SPACE}Å³") == "a b\n\tµ\N{NO-BREAK SPACE}Å³"
    assert printable("\x1b[0m\x00\ud800\u202e") == "\\x1b[0m\\x00\\ud800\\u202e"
    assert on_one_line("a\n\tb\r") == "a b\\r"
