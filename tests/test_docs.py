"""The reference names everything public, and code shown as runnable runs as it is shown."""

import ast
import dataclasses
import importlib
import inspect
import re
import shlex
import sys
import threading
from pathlib import Path

import matplotlib
import pytest
from typer.testing import CliRunner

from mda_ionmech import OnsagerDecomposition, datasets, plotting
from mda_ionmech.cli.app import app
from mda_ionmech.cli.config import Config
from mda_ionmech.cli.demos import liquid_analysis
from mda_ionmech.results.results import Results
from mda_ionmech.results.schema import load_schema

DOCS = Path(__file__).parents[1] / "docs"
MODULES = (
    "mda_ionmech",
    "mda_ionmech.microstates",
    "mda_ionmech.events",
    "mda_ionmech.macrostates",
    "mda_ionmech.trajectory",
    "mda_ionmech.onsager",
    "mda_ionmech.observables",
    "mda_ionmech.results",
    "mda_ionmech.datasets",
    "mda_ionmech.report",
    "ovito_modifiers",
)
RUNNABLE = re.compile(r"^% runnable\n```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
DIRECTIVE = re.compile(r"^\.\. (?:auto)?(?:class|function|exception|data):: (\w+)$", re.MULTILINE)


@pytest.fixture
def generated(monkeypatch):
    """The module that fills tables into pages when they are built."""
    monkeypatch.syspath_prepend(str(DOCS))
    yield importlib.import_module("generated")
    sys.modules.pop("generated", None)


def documented() -> dict[str, set[str]]:
    """Names that have an entry in the reference, by module."""
    out: dict[str, set[str]] = {}
    for page in sorted((DOCS / "reference").glob("*.md")):
        module = re.search(r"^\.\. module:: ([\w.]+)$", page.read_text("utf-8"), re.MULTILINE)
        if module:
            out[module[1]] = set(DIRECTIVE.findall(page.read_text("utf-8")))
    return out


def test_the_reference_holds_every_public_name():
    pages = documented()
    for name in MODULES:
        public = set(importlib.import_module(name).__all__)
        assert public == pages[name], name


def test_the_reference_holds_every_figure():
    drawn = set(plotting.__all__)
    assert drawn == documented()["mda_ionmech.plotting"]


def test_the_reference_names_only_what_exists():
    for name, entries in documented().items():
        module = importlib.import_module(name)
        assert all(hasattr(module, entry) for entry in entries), name


def test_members_named_by_hand_exist():
    text = (DOCS / "reference" / "analysis.md").read_text("utf-8")
    module = importlib.import_module("mda_ionmech")
    for class_name, members in re.findall(
        r"autoclass:: (\w+)\n   :members: (.+(?:\n      .+)*)", text
    ):
        one = getattr(module, class_name)
        for member in re.split(r",\s+", members):
            assert hasattr(one, member), f"{class_name}.{member}"
        named = set(re.split(r",\s+", members)) | {"event_names"}
        own = {
            key
            for key, value in vars(one).items()
            if not key.startswith("_") and inspect.isfunction(value)
        }
        assert own <= named, class_name


def test_every_key_of_the_configuration_is_in_its_table(generated):
    text = generated.config_keys()

    def check(model):
        for key, field in model.model_fields.items():
            inner = generated._sections(field.annotation)
            assert inner or f"| `{key}` |" in text
            for section in inner:
                assert str(section.__doc__) in text
                check(section)

    check(Config)
    assert "`[[species.microstates" not in text
    assert "### " not in text


def test_every_command_and_option_is_shown(generated):
    text = generated.commands()
    for command in app.registered_commands:
        assert f"## `ionmech {command.callback.__name__}`" in text
    for option in ("--traceback", "--output", "--force", "--window", "--format", "--n-workers"):
        assert f"`{option}`" in text


def test_every_variable_that_is_written_is_in_the_table(generated, liquid_run):
    text = generated.result_variables()
    for group in ("decomposition", "transitions", "states"):
        data = liquid_run.results.tree[group].to_dataset()
        for name in data.data_vars:
            assert f"| `{re.sub('_(low|high)$', '', str(name))}` |" in text
    assert load_schema()["schema"] in (DOCS / "reference" / "result-file.md").read_text("utf-8")


def test_fields_of_public_dataclasses_are_described():
    for name in MODULES:
        module = importlib.import_module(name)
        for public in module.__all__:
            one = getattr(module, public)
            if dataclasses.is_dataclass(one):
                for field in dataclasses.fields(one):
                    assert re.search(rf"\b{field.name}\b", one.__doc__), f"{public}.{field.name}"


def runnable(page: str) -> list[tuple[str, str]]:
    """Blocks marked as runnable, with their language, in order."""
    return RUNNABLE.findall((DOCS / page).read_text("utf-8"))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("page", "blocks"),
    [
        ("getting-started.md", 9),
        ("how-to/own-rule.md", 12),
        ("how-to/read-results.md", 5),
        ("how-to/report.md", 1),
        ("how-to/figures.md", 1),
        ("how-to/how-long.md", 1),
        ("how-to/replicas.md", 1),
        ("concepts/finite-size.md", 1),
        ("how-to/save-a-run.md", 3),
        ("how-to/several-temperatures.md", 3),
    ],
)
def test_code_marked_as_runnable_runs(page, blocks, tmp_path, monkeypatch):
    matplotlib.use("agg")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    found = runnable(page)
    assert len(found) == blocks
    names = {"__name__": "page"}
    for language, code in found:
        named = re.match(r"# (\w+\.\w+)\n", code)
        if named:
            Path(named[1]).write_text(code, encoding="utf-8")
        if language == "python":
            exec(compile(code, f"{page}: {code.splitlines()[0]}", "exec"), names)
        if language in ("python", "toml"):
            continue
        for line in code.splitlines():
            program, *arguments = shlex.split(line)
            assert program == "ionmech"
            outcome = CliRunner().invoke(app, arguments)
            assert outcome.exit_code == 0, f"{line}: {outcome.output} {outcome.exception}"
    assert names.get("same", True)


def test_rules_of_ones_own_are_short():
    modules = [code for _, code in runnable("how-to/own-rule.md") if re.match(r"# \w+\.py", code)]
    assert len(modules) == 4
    for code in modules:
        lines = [line for line in code.splitlines()[1:] if line.strip()]
        assert len(lines) < 15, code


@pytest.mark.slow
def test_what_getting_started_shows_is_what_the_demo_does(tmp_path, monkeypatch):
    from mda_ionmech import datasets
    from mda_ionmech.cli.demos import liquid_analysis

    monkeypatch.chdir(tmp_path)
    code = next(c for _, c in runnable("getting-started.md") if "OnsagerDecomposition(" in c)
    names = {"__name__": "page"}
    exec(code.replace(".run()", ".run(stop=200)"), names)
    demo = liquid_analysis(datasets.liquid()).run(stop=200)
    assert names["run"].results.summary(4).equals(demo.results.summary(4))


def rows(page: str, first: str) -> list[list[str]]:
    """Cells of the Markdown table whose first heading is `first`, without its head."""
    lines = (DOCS / page).read_text("utf-8").splitlines()
    begin = next(k for k, line in enumerate(lines) if line.startswith(f"| {first} |"))
    table = lines[begin + 2 :]
    end = next(k for k, line in enumerate(table) if not line.startswith("|"))
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table[:end]]


@pytest.fixture(scope="module")
def demo_run():
    """What the demo runs; following the ligands changes nothing of it."""
    from mda_ionmech import OnsagerDecomposition, datasets
    from mda_ionmech.cli.demos import liquid_analysis

    species = liquid_analysis(datasets.liquid()).species
    return OnsagerDecomposition(species, temperature=330.0, projection="vehicle").run()


@pytest.mark.slow
def test_ion_pairs_by_shell_in_the_text():
    from mda_ionmech import OnsagerDecomposition
    from mda_ionmech.lib.frozen import changed
    from mda_ionmech.macrostates import IonPairing

    species = liquid_analysis(datasets.liquid()).species
    by_shell = [changed(one, macrostates=IonPairing(by="shell")) for one in species]
    run = OnsagerDecomposition(by_shell, temperature=330.0, windows=[2.0], resolutions=None).run()
    held = run.results.transitions["population"].sel(species="Li+").values
    text = "({:.1%}, {:.1%} and {:.1%} in the same liquid)".format(*held)
    assert text in (DOCS / "concepts" / "events.md").read_text("utf-8")


@pytest.mark.slow
def test_numbers_of_split_classes(demo_run):
    table = demo_run.results.summary(16.0, by="swap")
    shown = rows("concepts/events.md", "event | swap")
    assert len(shown) == 4
    for event, swap, share, interval, reach in shown:
        row = table.loc[(event.strip("`"), swap == "True")]
        assert share == f"{row['share']:.3f}"
        assert interval == f"{row['share_low']:.3f} to {row['share_high']:.3f}"
        assert reach == f"{row['effectiveness']:.1f}"


@pytest.fixture(scope="module")
def demo_results(demo_run):
    return demo_run.results


@pytest.mark.slow
def test_shares_in_the_text_are_those_of_the_liquid(demo_results):
    shown = rows("concepts/windows.md", "window (ps)")
    assert len(shown) == 5
    for window, *shares in shown:
        found = demo_results.summary(float(window))["share"]
        assert shares == [f"{abs(share):.3f}" for share in found]


@pytest.mark.slow
def test_intervals_in_the_text_are_those_of_the_liquid(demo_results):
    shown = rows("concepts/intervals.md", "window (ps)")
    assert len(shown) == 5
    for window, blocks, value, interval, flag in shown:
        data = demo_results.at_window(float(window))
        low, high = (float(data[f"conductivity_{end}"]) for end in ("low", "high"))
        assert int(blocks) == int(data["blocks"])
        assert (flag == "flagged") == (int(blocks) < 10)
        assert value == f"{float(data['conductivity']):.2f}"
        assert interval == ("none" if int(blocks) < 3 else f"{low:.2f} to {high:.2f}")


def span(row, name, digits, scale=1.0):
    low, high = (row[f"{name}_{end}" if name else end] * scale for end in ("low", "high"))
    return f"{low:.{digits}f} to {high:.{digits}f}"


def test_quoted_numbers_in_the_text_are_those_of_the_liquid(demo_run):
    table = demo_run.results.diffusion(64)
    shown = rows("concepts/quoting.md", "quantity")
    assert [quantity for quantity, *_ in shown] == list(table.index)
    for quantity, value, interval in shown:
        row = table.loc[quantity]
        assert value == f"{row['value'] * 1e5:.2f}"
        assert interval == span(row, "", 2, 1e5)
    table = demo_run.exponents().loc[("Li+", "self")]
    for windows, exponent, around, diffusivity, reach in rows(
        "concepts/quoting.md", "windows (ps)"
    ):
        row = table.loc[tuple(float(w) for w in windows.split(" to "))]
        assert exponent == f"{row['exponent']:.2f}"
        assert around == span(row, "exponent", 2)
        assert diffusivity == f"{row['diffusivity'] * 1e5:.2f}"
        assert reach == span(row, "diffusivity", 2, 1e5)
    table = demo_run.residence_times().loc["Li+"]
    for ligand, definition, fall, interval, integral in rows("concepts/quoting.md", "ligand"):
        row = table.loc[(ligand, definition)]
        assert fall == f"{row['decay_time']:.1f}"
        assert interval == span(row, "decay_time", 1)
        assert integral == f"{row['integral_time']:.1f}"


def test_checks_in_the_text_are_those_of_the_liquid(demo_run):
    text = (DOCS / "concepts" / "checks.md").read_text("utf-8")
    quoted = text.split("## Does it look the same backwards?")[1]
    quoted = " ".join(line[2:] for line in quoted.splitlines() if line.startswith("> "))
    assert quoted == demo_run.results.convergence(16).text
    for window, value, interval, shells, rest in rows("concepts/checks.md", "window (ps)"):
        row = demo_run.vehicularity(float(window)).iloc[0]
        assert value == f"{row['vehicularity']:.3f}"
        assert interval == span(row, "vehicularity", 3)
        assert shells == f"{row['share_shell']:.3f}"
        assert rest == f"{row['share_relative']:.3f}"


def test_pages_are_reachable_and_pictures_small():
    pages = {p.relative_to(DOCS).with_suffix("").as_posix() for p in DOCS.rglob("*.md")}
    pages = {p for p in pages if not p.startswith("_build")}
    notebooks = {f"tutorials/{p.stem}" for p in (DOCS.parent / "examples").glob("*.ipynb")}
    listed = {"index"}
    for page in pages:
        text = (DOCS / f"{page}.md").read_text("utf-8")
        for tree in re.findall(r"```\{toctree\}\n(.*?)```", text, re.DOTALL):
            entries = [e for e in tree.splitlines() if e and not e.startswith(":")]
            listed |= {(Path(page).parent / e).as_posix() for e in entries}
    assert listed == pages | notebooks
    most = {".png": 200_000, ".gif": 1_500_000}
    for picture in (DOCS / "images").iterdir():
        assert picture.stat().st_size < most[picture.suffix], picture.name


def code_of(name):
    """The code that runs when a function or class of the package, or a method of one, is called."""
    parts = name.split(".")
    split = next(k for k, part in enumerate(parts) if part[0].isupper() or k == len(parts) - 1)
    found = importlib.import_module(".".join(parts[:split]))
    for part in parts[split:]:
        found = getattr(found, part)
    assert callable(found), name
    return inspect.unwrap(found.__init__ if inspect.isclass(found) else found).__code__


@pytest.mark.slow
def test_the_page_on_how_a_number_is_made_follows_a_run(tmp_path):
    page = (DOCS / "concepts" / "how-a-number-is-made.md").read_text("utf-8")
    names = [cells[1].strip("`") for cells in rows("concepts/how-a-number-is-made.md", "step")]
    assert len(names) > 20
    assert set(re.findall(r"`(mda_ionmech\.\w+\.[\w.]+)`", page)) == set(names)
    name_of = {code_of(name): name for name in names}
    called = []

    def note(frame, what, _):
        if what == "call" and frame.f_code in name_of:
            called.append(name_of[frame.f_code])

    before = sys.getprofile(), threading.getprofile()
    threading.setprofile(note)
    sys.setprofile(note)
    try:
        run = liquid_analysis(datasets.liquid()).run(stop=101)
        run.results.summary(8.0)
        run.save(tmp_path / "liquid.nc")
    finally:
        sys.setprofile(before[0])
        threading.setprofile(before[1])
    left = iter(called)
    assert [name for name in names if name in left] == names  # among the calls, in this order


def test_every_page_links_to_the_glossary():
    glossary = (DOCS / "glossary.md").read_text("utf-8")
    terms = re.findall(r"^(\w.*)$", glossary.partition("```{glossary}")[2], re.MULTILINE)
    assert len(terms) == len(set(terms)) > 30
    without = {"glossary", "bibliography", "changelog", "contributing"}
    for page in DOCS.rglob("*.md"):
        if page.stem not in without and "_build" not in page.parts:
            text = page.read_text("utf-8")
            linked = re.findall(r"\{term\}`(?:[^`<]*<)?([^`>]*)>?`", text)
            assert {" ".join(one.split()) for one in linked} <= set(terms), page
            assert linked or re.search(r"\{doc\}`(\.\./)?glossary`", text), page


def public_callables() -> dict[str, object]:
    """Public functions and classes by name, and the methods of analyses and results."""
    named: dict[str, object] = {}
    for name in MODULES[:-1]:
        module = importlib.import_module(name)
        named |= {one: getattr(module, one) for one in module.__all__}
    sites = named["SiteAssignment"]
    named |= {one: getattr(sites, one) for one in ("from_cif", "from_structure", "from_density")}
    for owner in (OnsagerDecomposition, Results):
        for one in dir(owner):
            if not one.startswith("_") and callable(getattr(owner, one)):
                named.setdefault(one, getattr(owner, one))
    return {name: one for name, one in named.items() if callable(one)}


def test_code_on_the_pages_is_python_and_names_arguments_that_exist():
    named = public_callables()
    checked = set()
    for page in [*DOCS.rglob("*.md"), DOCS.parent / "README.md"]:
        text = page.read_text("utf-8")
        for code in re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
            for call in (n for n in ast.walk(ast.parse(code)) if isinstance(n, ast.Call)):
                name = getattr(call.func, "id", getattr(call.func, "attr", None))
                keywords = {k.arg: None for k in call.keywords if k.arg is not None}
                if name in named and name not in ("run", "save"):
                    inspect.signature(named[name]).bind_partial(**keywords)
                    checked.add(name)
    assert {"CutoffShell", "IonSpecies", "robustness", "from_density", "summary"} <= checked


def test_percentages_are_written_without_a_space():
    """As reports, figures and the terminal write them."""
    root = DOCS.parent
    pages = [root / "README.md", root / "ovito_modifiers" / "README.md", *DOCS.rglob("*.md")]
    for page in [*pages, *(root / "examples").glob("*.ipynb")]:
        if "_build" not in page.parts:
            apart = re.findall(r".{0,30}\d[ \u202f\u00a0]%(?!  ).{0,10}", page.read_text("utf-8"))
            assert not apart, page
