"""What a run has answered stays, whatever is done with its detectors, rules and universe."""

import copy
import io
import pickle
import threading
import time
from dataclasses import FrozenInstanceError

import numpy as np
import pandas as pd
import pytest
from MDAnalysis import AtomGroup
from MDAnalysis.transformations.nojump import NoJump

from mda_ionmech import InputError, IonSpecies, OnsagerDecomposition
from mda_ionmech.events import CrystalEvents, EventRule, PolymerEvents, SolvationEvents
from mda_ionmech.macrostates import IonPairing, ShellComposition, SiteType
from mda_ionmech.microstates import CageAssignment, CutoffShell, Detector, HullShell, SiteAssignment
from mda_ionmech.trajectory.reader_position import check_reader

from ..builders import brownian, make_universe

N_FRAMES = 240


def liquid(seed, spacing=2.2):
    """Ions among ligands at a distance that depends on `spacing`; ligands come and go."""
    rng = np.random.default_rng(seed)
    ions = brownian(rng, N_FRAMES, 4, 0.02, 1.0) + np.array([[7, 7, 7], [7, 7, 21], [7, 21, 7],
                                                            [21, 7, 7.0]])  # fmt: skip
    corners = np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]]) / np.sqrt(3)
    near = rng.random((N_FRAMES, 4, 4, 1)) < 0.9
    far = np.where(near, spacing, 2 * spacing)
    ligands = ions[:, :, None] + far * corners + rng.normal(scale=0.05, size=(N_FRAMES, 4, 4, 3))
    others = ions[:, :, None] + 3.2 * spacing * corners[:1]
    positions = np.concatenate(
        [ions, ligands.reshape(N_FRAMES, -1, 3), others.reshape(N_FRAMES, -1, 3)], axis=1
    )
    return make_universe(
        positions, (28, 28, 28, 90, 90, 90), names=["I"] * 4 + ["O"] * 16 + ["X"] * 4,
        masses=[7.0] * 4 + [16.0] * 16 + [40.0] * 4,
        residue=np.r_[np.arange(4), 4 + np.repeat(np.arange(8), 2), 12 + np.arange(4)],
        bonds=[(4 + 2 * k, 5 + 2 * k) for k in range(8)],
    )  # fmt: skip


def crystal(seed, shift=0.0):
    """Ions that hop along rows of sites in a host that lies elsewhere in every trajectory."""
    rng = np.random.default_rng(seed)
    step = rng.choice([-1, 0, 1], size=(N_FRAMES, 6), p=[0.1, 0.8, 0.1])
    x = (2 * np.arange(6) + np.cumsum(step, axis=0)) % 12
    ions = np.stack([x, np.broadcast_to(2.0 * np.arange(6), x.shape), 0 * x], axis=-1) + 0.5
    host = np.array([[0.0, 0.0, 0.0], [6.0, 2.0, 3.0], [3.0, 7.0, 5.0]])
    positions = np.concatenate(
        [ions, np.broadcast_to(host, (N_FRAMES, 3, 3))], axis=1
    ) + rng.normal(scale=0.05, size=(N_FRAMES, 9, 3))
    return make_universe(
        positions + shift, (12, 12, 12, 90, 90, 90), names=["I"] * 6 + ["H"] * 3,
        masses=[7.0] * 6 + [90.0] * 3,
    ), host  # fmt: skip


def places():
    grid = np.stack(np.meshgrid(np.arange(12), np.arange(6), indexing="ij"), axis=-1).reshape(-1, 2)
    sites = np.column_stack([grid[:, 0], 2 * grid[:, 1], np.zeros(len(grid))]) + 0.5
    return sites / 12, ["a" if k % 2 else "b" for k in grid[:, 0]]


def answers(run):
    """Everything a run answers, by name."""
    name = run.species[0].name
    found = {
        "summary": run.results.summary(2.0),
        "plain": run.plain().summary(2.0),
        "plain settings": run.plain().settings["species"],
        "relabelled": run.relabelled(3.0).summary(2.0),
        "settings": run.results.settings,
        "warnings": run.results.warnings,
        "residence_times": run.residence_times(),
        "events": run.events(2.0).label,
        "states": run.results.states["microstate"].values,
        "displacement": run.results.states["displacement"].values,
        "dense": run.microstates[name].state,
        "positions": np.asarray(run.paths.position),
        "frames": np.asarray(run.frames),
        "exponents": run.exponents(),
        "detector": run.species[0].microstates.describe(),
    }
    if isinstance(run.species[0].microstates, SiteAssignment):
        found |= {
            "rate_control": run.rate_control(),
            "hops": run.hops(1.0),
            "channel_rates": run.channel_rates(),
        }
    return found


class _WithoutAtoms(pickle.Pickler):
    """Groups of atoms by their indices: their universe keeps what it was asked for."""

    def persistent_id(self, one):
        return f"atoms {one.ix.tolist()}" if isinstance(one, AtomGroup) else None


def frozen_bytes(species):
    file = io.BytesIO()
    _WithoutAtoms(file).dump((species.microstates, species.events, species.macrostates))
    return file.getvalue()


def assert_same(one, other):
    assert one.keys() == other.keys()
    for name, value in one.items():
        if isinstance(value, pd.DataFrame):
            pd.testing.assert_frame_equal(value, other[name], obj=name)
        elif isinstance(value, np.ndarray):
            np.testing.assert_array_equal(value, other[name], err_msg=name)
        else:
            assert value == other[name], name


def analysis(species, **options):
    options = {"windows": [1.0, 2.0, 4.0], "resolutions": [1.0], "horizons": [4.0]} | options
    on_sites = SiteAssignment | CageAssignment
    if not any(isinstance(one.microstates, on_sites) for one in species):
        options = {"frame": "laboratory"} | options
    return OnsagerDecomposition(species, temperature=300, **options)


def on_liquid(kind, universe):
    options = {"solvent": universe.select_atoms("name O")}
    shell = {
        "cutoff": lambda: CutoffShell("rdf", hysteresis=0.3, persistence=1.0, **options),
        "hull": lambda: HullShell(host=universe.select_atoms("name X"), search=8.0, **options),
    }[kind]()
    rule = PolymerEvents() if kind == "cutoff" else SolvationEvents()
    return IonSpecies(
        universe.select_atoms("name I"), charge=1, name="ion", microstates=shell, events=rule,
        macrostates=ShellComposition("molecules"),
    )  # fmt: skip


def on_crystal(kind, universe, host):
    framework = universe.select_atoms("name H")
    if kind == "cages":
        sites = CageAssignment(distance=0.7)
    elif kind == "density":
        sites = SiteAssignment.from_density(framework=framework, separation=0.8)
    else:
        options = {"assignment": kind} | ({"coordination": 0} if kind == "polyhedron" else {})
        sites = SiteAssignment.from_structure(
            *places(), framework=framework, framework_fractional=host / 12, **options
        )
    return IonSpecies(
        universe.select_atoms("name I"), charge=1, name="ion", microstates=sites,
        events=CrystalEvents(), macrostates=SiteType(),
    )  # fmt: skip


def joined(first, second):
    """The frames of two trajectories of one system, one after the other, in one universe."""
    found = np.concatenate([[ts.positions.copy() for ts in u.trajectory] for u in (first, second)])
    first.load_new(found, dimensions=np.tile(first.dimensions, (len(found), 1)), dt=1.0)
    return first


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["cutoff", "hull", "core", "nearest", "polyhedron", "density"])
def test_two_runs_with_one_detector_cannot_touch_each_other(kind):
    if kind in ("cutoff", "hull"):
        universe = joined(liquid(1), liquid(2, spacing=2.6))
        species = on_liquid(kind, universe)
    else:
        (universe, host), (other, _) = crystal(1), crystal(2, shift=0.4)
        universe = joined(universe, other)
        species = on_crystal(kind, universe, host)
    universe.trajectory[7]
    before = frozen_bytes(species)
    first = analysis([species]).run(stop=N_FRAMES)
    told = answers(first)
    second = analysis([species]).run(start=N_FRAMES)
    assert_same(told, answers(first))
    assert frozen_bytes(species) == before
    # the first run is what it would be alone, and the second one too
    alone = analysis([species]).run(start=N_FRAMES)
    assert_same(answers(alone), answers(second))
    if kind != "hull":
        described = first.species[0].microstates.describe()
        assert described != second.species[0].microstates.describe()
    assert universe.trajectory.frame == 7


@pytest.mark.slow
def test_one_detector_serves_species_with_other_cutoffs():
    universe = joined(liquid(1), liquid(2))
    positions = np.array([ts.positions.copy() for ts in universe.trajectory])
    # the ligands of the last two ions are farther away
    for ion in (2, 3):
        mine = slice(4 + 4 * ion, 8 + 4 * ion)
        centre = positions[:, ion][:, None]
        positions[:, mine] = centre + 1.3 * (positions[:, mine] - centre)
    universe.load_new(positions, dimensions=[28, 28, 28, 90, 90, 90], dt=1.0)
    shell = CutoffShell(solvent=universe.select_atoms("name O"))
    ions = universe.select_atoms("name I")
    species = [
        IonSpecies(part, charge=1, name=name, microstates=shell, events=SolvationEvents())
        for part, name in ((ions[:2], "A"), (ions[2:], "B"))
    ]
    run = analysis(species).run()
    near, far = (one.microstates.inner["solvent"] for one in run.species)
    assert far > near + 0.3
    assert shell.inner == {}


@pytest.mark.slow
def test_a_later_look_at_g_of_r_leaves_a_run_as_it_was():
    universe = joined(liquid(1), liquid(2, spacing=2.6))
    species = on_liquid("cutoff", universe)
    run = analysis([species]).run(stop=N_FRAMES)
    told = answers(run)
    ((measured, _),) = run.measure_shells(start=N_FRAMES)
    assert measured.microstates.inner != run.species[0].microstates.inner
    assert species.microstates.inner == {}
    assert_same(told, answers(run))


@pytest.mark.slow
def test_other_frames_in_the_universe_leave_a_run_as_it_was():
    (universe, host), (other, _) = crystal(1), crystal(2, shift=0.4)
    run = analysis([on_crystal("core", universe, host)]).run()
    told = answers(run)
    universe.load_new([ts.positions.copy() for ts in other.trajectory], dt=5.0)
    assert_same(told, answers(run))


@pytest.mark.slow
def test_a_second_run_that_fails_leaves_the_first():
    universe = liquid(1)
    run = analysis([on_liquid("cutoff", universe)]).run()
    told = answers(run)
    results = run.results
    with pytest.raises(ValueError, match="three or more are needed"):
        run.run(stop=2)
    assert run.results is results
    assert_same(told, answers(run))


def test_results_of_an_earlier_run_of_one_analysis_stay():
    universe = joined(liquid(1), liquid(2, spacing=2.6))
    run = analysis([on_liquid("cutoff", universe)]).run(stop=N_FRAMES)
    first, told = run.results, run.results.summary(2.0)
    settings = first.settings
    run.run(start=N_FRAMES)
    pd.testing.assert_frame_equal(first.summary(2.0), told)
    assert first.settings == settings != run.results.settings


class OwnShell(Detector):
    """A detector that keeps the cutoff it finds in itself, and a rule that does the same."""

    reach = 0.0

    def settle(self, sample):
        self.reach = float(np.mean([f.cell[0, 0] for f in sample()])) / 12
        self.seen = True

    def contacts(self, frame):
        return CutoffShell(self.reach, **self.ligands).contacts(frame)


class OwnRule(EventRule):
    names = ("same", "other")

    def prepare(self, universe, ligands):
        self.n_atoms = universe.atoms.n_atoms

    def label(self, before, after):
        assert self.n_atoms
        return "same" if np.array_equal(before.atoms, after.atoms) else "other"


def test_a_users_detector_and_rule_that_keep_things_serve_many_runs():
    universe = liquid(1)
    shell, rule = OwnShell(solvent=universe.select_atoms("name O")), OwnRule()
    species = IonSpecies(
        universe.select_atoms("name I"), charge=1, name="ion", microstates=shell, events=rule
    )
    before = pickle.dumps((list(vars(shell)), vars(rule)))
    run = analysis([species]).run()
    assert run.species[0].microstates.seen
    assert run.species[0].microstates.reach == pytest.approx(28 / 12)
    assert pickle.dumps((list(vars(shell)), vars(rule))) == before


def choices():
    universe = liquid(1)
    framework = universe.select_atoms("name X")
    solvent = universe.select_atoms("name O")
    sites = SiteAssignment.from_structure([[0.1, 0.1, 0.1]], ["a"], framework=framework)
    return [
        CutoffShell(3.0, solvent=solvent), HullShell(solvent=solvent), sites, SolvationEvents(),
        PolymerEvents(), CrystalEvents(), IonPairing(), ShellComposition(), SiteType(),
        IonSpecies(framework, charge=1, name="X"),
    ]  # fmt: skip


@pytest.mark.parametrize("one", choices(), ids=lambda one: type(one).__name__)
def test_choices_are_fixed_once_made(one):
    for name in [*vars(one), "anything"]:
        with pytest.raises(FrozenInstanceError, match="make a new one"):
            setattr(one, name, None)
    with pytest.raises(FrozenInstanceError):
        del one.name
    again = pickle.loads(pickle.dumps(one))
    with pytest.raises(FrozenInstanceError):
        again.name = "other"


def test_choices_do_not_follow_what_they_were_made_of():
    universe = liquid(1)
    solvent = universe.select_atoms("name O")
    cutoff, hysteresis = {"solvent": 3.0}, {"solvent": 0.5}
    shell = CutoffShell(cutoff, hysteresis=hysteresis, solvent=solvent)
    cutoff["solvent"] = hysteresis["solvent"] = 9.0
    assert shell.cutoff == {"solvent": 3.0}
    assert shell.hysteresis == {"solvent": 0.5}
    assert shell.outer == {"solvent": 3.5}
    chains = np.arange(universe.atoms.n_atoms)
    rule = PolymerEvents(chains)
    chains[:] = 0
    assert len(set(rule.chains)) == universe.atoms.n_atoms


def shells(universe):
    shell = CutoffShell(3.0, solvent=universe.select_atoms("name O"))
    return IonSpecies(
        universe.select_atoms("name I"), charge=1, name="ion", microstates=shell,
        events=SolvationEvents(),
    )  # fmt: skip


def answer(run):
    return run.results.decomposition["onsager"].values.tobytes()


def in_threads(*tasks):
    """What each task returned, or the error it ended in."""
    out = [None] * len(tasks)

    def work(k):
        try:
            out[k] = tasks[k]()
        except Exception as error:  # compared by the test
            out[k] = error

    threads = [threading.Thread(target=work, args=(k,)) for k in range(len(tasks))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return out


def test_analyses_of_one_universe_in_several_threads_wait_for_each_other():
    """A reader is at one frame, and every thread would read those of the others."""
    universe = liquid(1)
    species = shells(universe)
    first, second = {"stop": 120}, {"start": 120}
    expected = [answer(analysis([species]).run(**part)) for part in (first, second)]
    found = in_threads(
        lambda: answer(analysis([species]).run(**first)),
        lambda: answer(analysis([species]).run(**second)),
    )
    assert found == expected
    one = analysis([species])
    absorb, in_turn = one._absorb, threading.Event()

    def inside():
        one._absorb = lambda *part: in_turn.set() or time.sleep(0.5) or absorb(*part)
        return answer(one.run(**first))

    def beside():
        in_turn.wait(60)
        return one.run(**second)

    found = in_threads(inside, beside)
    assert found[0] == expected[0]
    assert isinstance(found[1], InputError)
    assert "running already, in another thread" in str(found[1])


def test_a_reader_that_is_moved_while_frames_are_read_is_noticed():
    ts = liquid(1).trajectory[7]
    check_reader(ts, 7)
    with pytest.raises(InputError, match="frame 5 was to be read and the reader is at frame 7"):
        check_reader(ts, 5)


def test_what_an_analysis_was_made_with_stays():
    universe = liquid(1)
    run = analysis([shells(universe)])
    for name in ("temperature", "dt", "frame", "windows", "axes", "unwrap", "seed", "memory"):
        with pytest.raises(InputError, match=f"{name} of this OnsagerDecomposition is fixed"):
            setattr(run, name, None)
    run.run()
    universe.load_new(liquid(2).trajectory.timeseries(order="fac"))
    for call in (run.run, run.frame_spacing, run.measure_shells):
        with pytest.raises(InputError, match="given another trajectory"):
            call()


@pytest.mark.slow
def test_a_transformation_that_is_added_later_is_seen():
    universe = liquid(1)
    run = analysis([shells(universe)])
    universe.trajectory.add_transformations(NoJump())
    with pytest.raises(InputError, match="the transformation NoJump"):
        run.run()


@pytest.mark.slow
def test_copies_of_analyses_answer_alike():
    universe = liquid(1)
    species = shells(universe)
    expected = analysis([species]).run()
    assert copy.deepcopy(species) is species
    for make in (copy.copy, copy.deepcopy, lambda one: pickle.loads(pickle.dumps(one))):
        assert answer(make(analysis([species])).run()) == answer(expected)
        again = make(expected)
        assert answer(again) == answer(expected)
        np.testing.assert_array_equal(
            again.plain().decomposition["onsager"], expected.plain().decomposition["onsager"]
        )
    assert copy.deepcopy(expected).universe is universe
