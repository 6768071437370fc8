"""Everything public says what it is, and the reference says what goes in, comes out and fails."""

import ast
import dataclasses
import functools
import importlib
import inspect
import re
import textwrap
from pathlib import Path

ROOT = Path(__file__).parents[1]
ENTRY = re.compile(
    r"^\.\. auto(?:class|function|exception):: ([\w.]+)$((?:\n +:?[\w\-, :]+)*)", re.MULTILINE
)
SECTION = re.compile(r"^([A-Z][A-Za-z ]+)\n-{3,}$", re.MULTILINE)
#: Published methods: what uses them, and whose they are.
SOURCES = {
    "mda_ionmech.OnsagerDecomposition": ("Jun", "Fong"),
    "mda_ionmech.OnsagerDecomposition.residence_times": ("Impey",),
    "mda_ionmech.Results.diffusion": ("Yeh and Hummer",),
    "mda_ionmech.events.SolvationEvents": ("Jun",),
    "mda_ionmech.events.PolymerEvents": ("Jun", "Maitra and Heuer"),
    "mda_ionmech.events.CrystalEvents": ("Bortz",),
    "mda_ionmech.microstates.CageAssignment": ("Candelier", "Smessaert", "Killick", "Kulis"),
    "mda_ionmech.microstates.HullShell": ("Jun",),
    "mda_ionmech.microstates.SiteAssignment": ("Buchete and Hummer", "Morgan"),
    "mda_ionmech.observables.markov_diffusion": ("Haus and", "Campbell"),
    "mda_ionmech.observables.rate_control": ("Campbell",),
    "mda_ionmech.onsager.evaluate": ("Fong",),
    "mda_ionmech.onsager.interval": ("Kuensch",),
    "mda_ionmech.onsager.optimal_block_length": ("Politis and White",),
    "mda_ionmech.onsager.resampling_weights": ("Kuensch",),
    "mda_ionmech.results.fit_vtf": ("Vogel", "Tammann", "Fulcher"),
    "mda_ionmech.trajectory.Paths": ("von Bulow",),
}
CITED = re.compile(r"\((?:19|20)\d\d\)")


def definitions(node, prefix="", owner=None):
    """Public functions, classes, methods and properties below a node of the syntax tree."""
    for one in ast.iter_child_nodes(node):
        if isinstance(one, ast.If | ast.Try):
            yield from definitions(one, prefix, owner)
        if isinstance(one, ast.FunctionDef | ast.ClassDef) and not one.name.startswith("_"):
            yield f"{prefix}{one.name}", one, owner
            if isinstance(one, ast.ClassDef):
                yield from definitions(one, f"{prefix}{one.name}.", one)


def parsed():
    """Every module of both packages, with its syntax tree."""
    for package in ("mda_ionmech", "ovito_modifiers"):
        for path in sorted((ROOT / package).rglob("*.py")):
            yield path.relative_to(ROOT), ast.parse(path.read_text("utf-8"))


def test_no_bars_of_a_docstring_are_a_substitution():
    """Sphinx takes bars about words, as of a magnitude, for a name to be replaced."""
    bars = re.compile(r"(?<![\w`|])\|[^|\s](?:[^|`\n]*[^|\s])?\|(?=[\s.,:;!?)\]'\"-]|$)")
    assert bars.search("the sum of |L_e / L| of events")
    assert not bars.search("least squares of ln|X|. Intervals of <|d|^2>")
    found = [
        f"{path}: {name}: {line.strip()}"
        for path, tree in parsed()
        for name, one, _ in definitions(tree)
        for line in (ast.get_docstring(one) or "").splitlines()
        if bars.search(line) and "\\" not in line  # a formula
    ]
    assert not found


def test_everything_public_has_a_docstring():
    trees = list(parsed())
    assert not [path for path, tree in trees if not ast.get_docstring(tree)]
    documented = {
        (owner.name, name.rpartition(".")[2])
        for _, tree in trees
        for name, one, owner in definitions(tree)
        if owner is not None and ast.get_docstring(one)
    }

    def inherited(name, owner):
        bases = [ast.unparse(base).rpartition(".")[2] for base in owner.bases] if owner else []
        return any((base, name.rpartition(".")[2]) in documented for base in bases)

    missing = [
        f"{path}: {name}"
        for path, tree in trees
        for name, one, owner in definitions(tree)
        if not ast.get_docstring(one) and not inherited(name, owner)
    ]
    assert not missing


@functools.cache
def in_the_reference():
    """Names that have an entry in the reference: (name, object, its class or None)."""
    return list(_in_the_reference())


def _in_the_reference():
    for page in sorted((ROOT / "docs" / "reference").glob("*.md")):
        text = page.read_text("utf-8")
        module = re.search(r"^\.\. module:: ([\w.]+)$", text, re.MULTILINE)
        for name, options in ENTRY.findall(text) if module else ():
            full = name if name.startswith("mda_ionmech.") else f"{module[1]}.{name}"
            where, _, last = full.rpartition(".")
            found = getattr(importlib.import_module(where), last)
            yield full, found, None
            members = re.search(r":members:(.*(?:\n      .*)*)", options)
            if members is None or not inspect.isclass(found):
                continue
            listed = re.findall(r"\w+", members[1])
            own = vars(found) if "inherited-members" not in options else dir(found)
            for member in listed or [key for key in own if not key.startswith("_")]:
                one = inspect.getattr_static(found, member)
                if inspect.isfunction(one) or isinstance(one, property | classmethod):
                    yield f"{full}.{member}", one, found


def described_by(one, owner, name):
    """Its docstring, and those of what it overrides."""
    found = [inspect.getdoc(one) or ""]
    for base in owner.__mro__[1:] if owner is not None else ():
        found.append(inspect.getdoc(vars(base).get(name)) or "" if name in vars(base) else "")
    return "\n\n".join(found)


def what_is_missing(name, one, owner):
    """Sections that the docstring of a name of the reference lacks."""
    text = described_by(one, owner, name.rpartition(".")[2])
    sections = set(SECTION.findall(text))
    if not text.strip():
        yield "a docstring"
    if isinstance(one, property):
        return
    call = one.__func__ if isinstance(one, classmethod) else one
    if inspect.isclass(one):
        call = inspect.unwrap(vars(one).get("__init__", object.__init__))
    if call is object.__init__ or (inspect.isclass(one) and issubclass(one, Exception)):
        return
    parameters = [key for key in inspect.signature(call).parameters if key not in ("self", "cls")]
    if parameters and not sections & {"Parameters", "Attributes"}:
        yield "Parameters"
    for key in parameters:
        if not re.search(rf"\b{key}\b", text):
            yield f"parameter {key}"
    answer = inspect.signature(call).return_annotation
    gives = not inspect.isclass(one) and answer not in ("None", None, inspect.Signature.empty)
    if gives and not sections & {"Returns", "Yields"}:
        yield "Returns"
    if dataclasses.is_dataclass(one) and inspect.isclass(one):
        call = getattr(one, "__post_init__", None)  # its constructor has no source
    if "Raises" not in sections and call is not None:
        code = ast.parse(textwrap.dedent(inspect.getsource(call)))
        raised = [node.exc for node in ast.walk(code) if isinstance(node, ast.Raise)]
        if any("InputError" in ast.unparse(exc) for exc in raised if exc is not None):
            yield "Raises"


def undescribed_arrays(text):
    """Arrays among the parameters, attributes and answers whose shape is not told."""
    for entry in re.split(r"\n(?=\S)", text):
        if re.match(r"[\w, ]+ : (numpy\.ndarray|array_like)", entry) and "hape" not in entry:
            yield entry.partition("\n")[0]


def test_the_reference_says_what_goes_in_comes_out_and_fails():
    missing = [
        f"{name}: {what}"
        for name, one, owner in in_the_reference()
        for what in what_is_missing(name, one, owner)
    ]
    assert not missing


def test_arrays_of_the_reference_have_shapes():
    missing = [
        f"{name}: {entry}"
        for name, one, _ in in_the_reference()
        for entry in undescribed_arrays(inspect.getdoc(one) or "")
    ]
    assert not missing


def test_published_methods_name_their_source():
    found = {key: one for key, one, _ in in_the_reference()}
    for name, authors in SOURCES.items():
        text = re.sub(r"\s+", " ", inspect.getdoc(found[name]))
        assert CITED.search(text), name
        assert all(author in text for author in authors), name
