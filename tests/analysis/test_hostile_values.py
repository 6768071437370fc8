"""Every public number, given as what it cannot be, is refused by name before frames are read."""

import contextlib
import math
import re
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mda_ionmech import (
    InputError,
    IonSpecies,
    OnsagerDecomposition,
    arrhenius,
    combine,
    plotting,
)
from mda_ionmech.events import CrystalEvents, SolvationEvents
from mda_ionmech.lib.checks import as_number, number, shown, whole
from mda_ionmech.macrostates import IonPairing, ShellComposition
from mda_ionmech.microstates import CutoffShell, HullShell, SiteAssignment

from ..builders import brownian, make_universe

#: Python writes no integer of so many digits.
LONG = 10**5000
#: No numbers at all.
NONE = [
    True, False, np.True_, "1", "abc", "", b"1", math.nan, math.inf, -math.inf, np.float32("nan"),
    10**400, -(10**400), LONG, 1j, np.complex64(1), {}, {1: 2}, np.array([1.0, 2.0]),
    np.array([[1.0]]), np.array("1"), np.array(None), object(), float, [None], [[1.0, 2.0]],
    Decimal("NaN"), np.datetime64("2020-01-01"), range(0), slice(3),
]  # fmt: skip
#: The same number in other types.
KINDS = [
    float, int, np.float32, np.float16, np.float64, np.int8, np.int64, np.uint16, Fraction, Decimal,
    np.array,
]  # fmt: skip


def universe():
    positions = brownian(np.random.default_rng(0), 40, 6, 0.01, 1.0)
    positions = positions + 6.0 * np.arange(6)[:, None] + 3
    return make_universe(positions, names=list("IIIOOO"), masses=[7.0] * 3 + [16.0] * 3)


U = universe()
IONS, OXYGENS = U.select_atoms("name I"), U.select_atoms("name O")


def species(**options):
    options = {"charge": 1, "name": "ion"} | options
    return IonSpecies(IONS, **options)


def analysis(**options):
    shell = CutoffShell(11.0, recorded=[10.0], solvent=OXYGENS)
    options = {
        "temperature": 300, "frame": "laboratory", "windows": [1.0, 2.0], "resolutions": [1.0],
        "horizons": [2.0],
    } | options  # fmt: skip
    return OnsagerDecomposition([species(microstates=shell, events=SolvationEvents())], **options)


@pytest.fixture(scope="module")
def finished():
    return analysis().run()


@pytest.fixture
def unread(monkeypatch):
    def read(self):
        raise AssertionError("frames are read")

    monkeypatch.setattr(OnsagerDecomposition, "_single_frame", read)


def sites(**options):
    places = [[0.1, 0.1, 0.1], [0.6, 0.6, 0.6]]
    return SiteAssignment.from_structure(places, ["a", "b"], framework=OXYGENS, **options)


def density(**options):
    return SiteAssignment.from_density(framework=OXYGENS, **options)


#: name in the message, call, values beyond NONE that are refused, a value that is fine.
ARGUMENTS = {
    "temperature": (lambda x: analysis(temperature=x), [0, -1, 1e300, None, [300]], 100),
    "dt": (lambda x: analysis(dt=x), [0, -1, 1e300], 1),
    "level": (lambda x: analysis(level=x), [0, 1, -1, 68, None], None),
    "seed": (lambda x: analysis(seed=x), [-1, 0.5, 1.0, 2**63, None], None),
    "windows": (lambda x: analysis(windows=x), [0, -1, [], [1, -1], [1, 0], "lin", None], 2),
    "resolutions": (lambda x: analysis(resolutions=x), [0, -1, [], [1, math.nan]], 1),
    "horizons": (lambda x: analysis(horizons=x), [0, -1, [], [True]], 2),
    "memory": (
        lambda x: analysis(memory=x),
        [0, -1, 4, "4", "4 XB", "1B", "-1GB", "9" * 400 + "GB", "nanGB", "1e3MB"],
        None,
    ),
    "unwrap": (lambda x: analysis(unwrap=x), [0, 1, "yes", None], None),
    "uneven": (lambda x: analysis(uneven=x), [0, None, "keep"], None),
    "axes": (lambda x: analysis(axes=x), [0, "xx", "abc", None, ["x"]], None),
    "projection": (lambda x: analysis(projection=x), [0, "sites"], None),
    "frame": (lambda x: analysis(frame=x), [0, None, "lab"], None),
    "charge": (lambda x: species(charge=x), [1e160, -1e7, None, [1, -1]], 1),
    "name": (lambda x: species(name=x), [0, None, " ", "a\nb", "a\0", "x" * 300], None),
    "compound": (lambda x: species(compound=x), [0, "residue"], None),
    "cutoff": (lambda x: CutoffShell(x, solvent=OXYGENS), [0, -1, "rdfs", [3, 4], None], 3),
    "hysteresis": (lambda x: CutoffShell(3.0, hysteresis=x, solvent=OXYGENS), [-1, [1], "a"], 1),
    "recorded": (
        lambda x: CutoffShell(3.0, recorded=x, solvent=OXYGENS),
        [0, -1, [1, -1], np.linspace(1, 4, 300)],
        3,
    ),
    "persistence": (lambda x: CutoffShell(3.0, persistence=x, solvent=OXYGENS), [-1, "a"], 3),
    "search": (lambda x: HullShell(search=x, solvent=OXYGENS), [0, -1, None], 6),
    "ratio": (lambda x: HullShell(ratio=x, solvent=OXYGENS), [1, 0, -1, None], 2),
    "fallback": (lambda x: HullShell(fallback=x, solvent=OXYGENS), [0, -1, 7], 3),
    "r_core": (lambda x: sites(r_core=x), [0, -1], 1),
    "supercell": (
        lambda x: sites(supercell=x),
        [0, 2, (1, 1), (1, 1, 0), (1, 1, 1.5), (1, 1, 10**9), (1, 1, True), None, "111"],
        None,
    ),
    "fractional": (
        lambda x: SiteAssignment.from_structure(x, ["a"], framework=OXYGENS),
        [0.5, [], [0.1, 0.2], [[0.1, 0.2, math.nan]], [["0.1", "0.2", "0.3"]], [[True] * 3]],
        None,
    ),
    "threshold": (lambda x: density(threshold=x), [0, 1, -1, None], None),
    "separation": (lambda x: density(separation=x), [0, -1, None], 1),
    "origin": (
        lambda x: density(origin=x, known={"a": [[0.0, 0, 0]]}),
        [0.5, [0.1], [[0.1, 0.1, 0.1]], [0.1, 0.1, math.inf], ["0", "0", "0"]],
        None,
    ),
    "distance": (lambda x: CrystalEvents("proximity", x), [0, -1, None], 2),
    "shared": (lambda x: CrystalEvents(shared=x), [-1], 2),
    "most": (lambda x: ShellComposition("molecules", most=x), [0, -1, 1.5, None], None),
}  # fmt: skip


def is_list(value):
    """The list of two numbers among those that are no number."""
    return isinstance(value, np.ndarray) and value.shape == (2,)


def is_empty(value):
    return isinstance(value, dict | range) and not value


#: What of these is fine for some arguments.
FINE = dict.fromkeys(["windows", "resolutions", "horizons"], is_list) | {
    "unwrap": lambda x: isinstance(x, bool | np.bool_),
    "name": lambda x: isinstance(x, str) and bool(x),
    "hysteresis": lambda x: isinstance(x, dict) and not x,
    "recorded": lambda x: is_list(x) or is_empty(x),
}


def refusal(call, value, match):
    """The message with which a value is refused; it must speak of the argument."""
    try:
        call(value)
    except InputError as error:
        message = str(error)
    else:
        pytest.fail(f"{shown(value)} is taken")
    assert re.search(match, message), f"{shown(value)}: {message}"
    return message


@pytest.mark.parametrize("argument", ARGUMENTS)
def test_what_is_no_number_is_refused(argument):
    call = ARGUMENTS[argument][0]
    for value in NONE:
        if FINE.get(argument, lambda x: False)(value):
            call(value)
        else:
            assert len(refusal(call, value, argument)) < 400


@pytest.mark.parametrize("argument", ARGUMENTS)
def test_numbers_out_of_range_are_refused(argument):
    call, values, _ = ARGUMENTS[argument]
    for value in values:
        refusal(call, value, argument)


@pytest.mark.parametrize("argument", [a for a, (*_, fine) in ARGUMENTS.items() if fine])
def test_a_number_of_any_type_is_taken(argument):
    call, _, fine = ARGUMENTS[argument]
    for kind in KINDS:
        call(kind(fine))


#: Of a run and of what is asked of a finished one; all before frames are read.
CALLS = {
    "n_workers": (lambda run, x: run.run(n_workers=x), [0, -1, 1.0, 10**9]),
    "n_parts": (lambda run, x: run.run(n_parts=x), [0, -1, 2.5]),
    "step": (lambda run, x: run.run(step=x), [0, -1, 1.0, "2"]),
    "start": (lambda run, x: run.run(start=x), [0.0, "1"]),
    "stop": (lambda run, x: run.run(stop=x), [20.0, "20"]),
    "frames": (
        lambda run, x: run.run(frames=x),
        [
            3, 1.5, [0.0, 1.0, 2.0], np.arange(4.0), [0, 1, 40], [0, 1, -1], [True] * 39,
            np.ones(41, dtype=bool), [0, 1, True, 3], "abc", {0: 1}, np.zeros((2, 2), int),
            [0, 1, 10**400], [0, None, 2],
        ],
    ),
    "window": (lambda run, x: run.events(x), [0, -5, 1e9, 1e300]),
    "window ": (lambda run, x: run.save_states("no/x.npz", x), [0, -5, 1e9]),
    "window  ": (lambda run, x: run.results.summary(x), [0, -5, 1e9]),
    "window   ": (lambda run, x: run.results.transference(x), [0, -5]),
    "window    ": (lambda run, x: run.results.diffusion(x), [0, -5]),
    "window     ": (lambda run, x: run.robustness(persistence=[1.0], window=x), [0, -5]),
    "resolution": (
        lambda run, x: run.results.summary(view="path", resolution=x, horizon=2.0), [0, -5]
    ),
    "horizon": (
        lambda run, x: run.results.summary(view="path", resolution=1.0, horizon=x), [0, -5]
    ),
    "resolution ": (lambda run, x: run.path_parts(x, 2.0), [0, -5, 1e300]),
    "horizon ": (lambda run, x: run.path_parts(1.0, x), [0, -5, 1e300]),
    "viscosity": (lambda run, x: run.results.diffusion(viscosity=x), [0, -5]),
    "persistence": (lambda run, x: run.relabelled(x), [-5, None]),
    "persistence ": (lambda run, x: run.robustness(persistence=x), [-5, [-5], [1.0, -1.0]]),
    "hysteresis": (lambda run, x: run.robustness(hysteresis=x), [-5, [-5]]),
    "cutoffs": (lambda run, x: run.robustness(cutoffs=x), [-5, [0], [{"solvent": "a"}]]),
    "linking": (lambda run, x: run.robustness(linking=x), ["chain", [3]]),
}  # fmt: skip


@pytest.mark.parametrize("argument", CALLS)
def test_what_a_run_cannot_be_asked_is_refused(finished, unread, argument):
    call, out_of_range = CALLS[argument]
    # an empty list is none, and where a value is none there is a default
    others = "needs values to try|three or more are needed|no radius at which"
    for value in NONE:
        if not (argument == "persistence " and is_list(value)):
            refusal(lambda x: call(finished, x), value, f"{argument.strip()}|{others}")
    for value in out_of_range:
        refusal(lambda x: call(finished, x), value, argument.strip())


@pytest.mark.parametrize(
    "frames",
    [
        range(0, 40, 2), list(range(0, 40, 2)), np.arange(0, 40, 2),
        np.arange(0, 40, 2, dtype="u1"),
        [np.int64(k) for k in range(0, 40, 2)], np.arange(40) % 2 == 0,
        [k % 2 == 0 for k in range(40)], (k for k in range(0, 40, 2)), tuple(range(0, 40, 2)),
    ],
    ids=lambda one: type(one).__name__,
)  # fmt: skip
def test_frames_of_any_kind_are_the_same(frames):
    options = {"windows": [2.0], "resolutions": None}
    expected = analysis(**options).run(step=2)
    found = analysis(**options).run(frames=frames)
    np.testing.assert_array_equal(found.frames, expected.frames)
    np.testing.assert_array_equal(
        found.results.decomposition["onsager"], expected.results.decomposition["onsager"]
    )


def test_frames_are_told_once():
    with pytest.raises(InputError, match=r"frames=\.\.\. and step=\.\.\. both select"):
        analysis().run(step=2, frames=[0, 1, 2])


@pytest.mark.parametrize(
    ("part", "value", "message"),
    [
        ("microstates", CutoffShell, "is the class CutoffShell itself; make an instance of it"),
        ("events", SolvationEvents, "is the class SolvationEvents itself"),
        ("macrostates", IonPairing, "is the class IonPairing itself"),
        ("microstates", "rdf", r"must be an object such as CutoffShell\(.*\), got 'rdf'"),
        ("events", "vehicular", r"must be an object such as SolvationEvents\(\), got 'vehicular'"),
        ("macrostates", 3, r"must be an object such as IonPairing\(\), got 3"),
        ("microstates", SolvationEvents(), "must be an object such as CutoffShell"),
        ("microstates", SiteAssignment.from_cif, "must be an object such as CutoffShell"),
        ("events", CutoffShell(3.0, solvent=OXYGENS), "must be an object such as SolvationEvents"),
    ],
)
def test_parts_of_a_species_are_instances(part, value, message):
    options = {"microstates": CutoffShell(3.0, solvent=OXYGENS)} | {part: value}
    with pytest.raises(InputError, match=f"{part} of species 'ion' {message}"):
        species(**options)


@pytest.mark.slow
@settings(max_examples=300, deadline=None)
@given(st.one_of(st.floats(), st.integers(), st.text(), st.binary(), st.booleans(), st.none(),
                 st.complex_numbers(), st.lists(st.floats()), st.fractions(), st.decimals(),
                 st.dictionaries(st.text(), st.floats())))  # fmt: skip
def test_a_number_is_one_number_or_none(value):
    found = as_number(value)
    is_number = not isinstance(value, bool) and isinstance(value, float | int | Fraction | Decimal)
    if math.isnan(found):
        with contextlib.suppress(OverflowError, ValueError):
            assert not (is_number and math.isfinite(float(value)))
        with pytest.raises(InputError, match="x must be a thing, got "):
            number("x", value, "a thing")
    else:
        assert is_number
        assert found == float(value)
    assert len(shown(value)) <= 80
    if isinstance(value, int) and not isinstance(value, bool):
        assert whole("x", value, remedy="") == value
    else:
        with pytest.raises(InputError, match="x must be a whole number"):
            whole("x", value, remedy="")


def test_a_store_that_cannot_be_is_refused_first(tmp_path):
    for store in ("", "a\0b", tmp_path / "none" / "run.zarr", tmp_path / ("x" * 300), 3, b"run"):
        with pytest.raises(InputError, match="store"):
            analysis(store=store)


@pytest.mark.parametrize("value", [None, 3, "Li+", {}, b"x", 1.5])
def test_what_is_no_list_of_species_or_results_is_refused(value, tmp_path):
    with pytest.raises(InputError, match="species"):
        OnsagerDecomposition(value, temperature=300)
    for function in (combine, arrhenius):
        with pytest.raises(
            InputError, match=r"results must be a list|results or more|holds 0|of a result file"
        ):
            function(value)
        with pytest.raises((InputError, FileNotFoundError), match="result file"):
            function([value if value != "Li+" else None] * 2)


def test_names_that_a_result_cannot_tell_apart_are_refused():
    for names in (("A b", "A_b"), ("A", "A "), ("A", "A")):
        listed = [
            IonSpecies(U.atoms[k : k + 1], charge=0, name=name) for k, name in enumerate(names)
        ]
        with pytest.raises(InputError, match="species names must differ"):
            OnsagerDecomposition(listed, temperature=300)


NAMES = {
    "species": lambda run, x: run.results.summary(1.0, species=x),
    "species ": lambda run, x: run.events(1.0, species=x),
    "species  ": lambda run, x: run.residence_times(species=x),
    "species   ": lambda run, x: run.results.recommend(species=x),
    "species    ": lambda run, x: run.path_parts(1.0, 2.0, species=x),
    "species     ": lambda run, x: plotting.contributions(run.results, species=x),
    "view": lambda run, x: run.results.summary(view=x),
    "members": lambda run, x: run.residence_times(members=x),
    "view ": lambda run, x: arrhenius([run.results] * 2, view=x),
    "model": lambda run, x: arrhenius([run.results] * 2, model=x),
    "backend": lambda run, x: run.run(backend=x),
    "resolutions": lambda run, x: plotting.view_curves(run.results, resolutions=x),
    "variable": lambda run, x: run.results.samples(x),
    "path": lambda run, x: run.save(x),
    "path ": lambda run, x: run.save_states(x),
    "linking": lambda run, x: CrystalEvents(x),
    "detail": lambda run, x: CrystalEvents(detail=x),
    "assignment": lambda run, x: sites(assignment=x),
}  # fmt: skip


@pytest.mark.parametrize("argument", NAMES)
def test_what_is_no_name_is_refused(finished, unread, argument):
    for value in NONE:
        a_list = argument == "resolutions" and (is_list(value) or is_empty(value))
        if not a_list and not isinstance(value, str) and value is not LONG:
            refusal(lambda x: NAMES[argument](finished, x), value, argument.strip())
