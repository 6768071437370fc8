"""Labels that no result could hold are refused before frames are read."""

import numpy as np
import pytest

from mda_ionmech import InputError, IonSpecies, OnsagerDecomposition
from mda_ionmech.events import CrystalEvents, EventRule, SolvationEvents
from mda_ionmech.macrostates import MacrostateRule, Macrostates, SiteType
from mda_ionmech.microstates import Contacts, CutoffShell, Detector, SiteAssignment

from ..builders import brownian, make_universe


def universe(n_frames=60, n=6):
    rng = np.random.default_rng(0)
    start = 6.0 * np.arange(n)[:, None] + 3
    positions = brownian(rng, n_frames, n, 0.01, 1.0) + start
    half = n // 2
    return make_universe(
        positions, names=["I"] * half + ["O"] * (n - half), masses=[7.0] * n, bonds=None
    )


def analysis(u, *, events=None, macrostates=None, microstates=None, **options):
    ions = IonSpecies(
        u.select_atoms("name I"), charge=1, name="ion", events=events, macrostates=macrostates,
        microstates=microstates or CutoffShell(11.0, solvent=u.select_atoms("name O")),
    )  # fmt: skip
    options = {"windows": [1.0, 2.0], "resolutions": None, "frame": "laboratory"} | options
    return OnsagerDecomposition([ions], temperature=300.0, **options)


class Named(EventRule):
    def __init__(self, names):
        self.names = names

    def label(self, before, after):
        return self.names[0]


class NamedState(MacrostateRule):
    def __init__(self, names, state=None):
        self.names, self.state = names, state

    def assign(self, states, index):
        shape = (states.n_frames, states.species[index].n_carriers)
        state = np.zeros(shape, dtype=np.int16) if self.state is None else self.state(shape)
        return Macrostates(state, self.names)


@pytest.mark.parametrize("kind", ["events", "macrostates"])
@pytest.mark.parametrize(
    ("names", "message"),
    [
        (("kept", "lost", "kept"), "holds 'kept' more than once"),
        (("kept", "ligand lost"), "holds 'ligand lost'.* word without blanks"),
        (("kept", "ligand\tlost"), "word without blanks"),
        (("kept", "ligand\nlost"), "word without blanks"),
        (("kept", ""), "holds ''"),
        (("kept", "lost\0"), "holds 'lost.x00'"),
        (("kept", 3), "holds 3"),
        (("kept", None), "holds None"),
        ("kept", "must be a tuple of strings, got 'kept'"),
        (3, "must be a tuple of strings, got 3"),
        (tuple(f"label_{k}" for k in range(40_000)), "'ion' has 40000 .* GiB"),
    ],
)
def test_names_that_break_a_result(kind, names, message):
    rule = Named(names) if kind == "events" else NamedState(names)
    with pytest.raises(InputError, match=message):
        analysis(universe(), **{kind: rule})


def test_a_rule_without_names():
    with pytest.raises(InputError, match="Named of 'ion' has no names"):
        analysis(universe(), events=Named(()))
    # a macrostate rule may find its names later, but not none
    with pytest.raises(InputError, match="NamedState of 'ion' has no names"):
        analysis(universe(), macrostates=NamedState(())).run()


def test_words_of_any_kind_are_fine():
    names = ("24d->48g", "Übergang", "a+b", "x_y-z", "1.5")
    results = analysis(universe(), events=Named(names), macrostates=NamedState(names)).run().results
    assert results.states["event"].attrs["flag_meanings"].split(" ") == list(names)
    assert results.states["macrostate"].attrs["flag_meanings"].split(" ") == list(names)


@pytest.mark.parametrize(
    ("state", "message"),
    [
        (lambda shape: np.zeros(shape[::-1], int), r"states of shape \(3, 60\); .* \(60, 3\)"),
        (lambda shape: np.full(shape, 2), "states from 2 to 2: each is a place in its 2 names"),
        (lambda shape: np.full(shape, -1), "states from -1 to -1"),
    ],
)
def test_macrostates_of_a_users_rule_that_do_not_fit(state, message):
    with pytest.raises(InputError, match=message):
        analysis(universe(), macrostates=NamedState(("a", "b"), state)).run()


def on_many_sites(n_labels):
    """A line of sites, each with a label of its own, and ions that hop along it."""
    rng = np.random.default_rng(1)
    n_frames, step = 80, 2.0
    moves = rng.choice([-1, 0, 1], size=(n_frames, 2), p=[0.1, 0.8, 0.1])
    place = (np.array([3, 150]) + np.cumsum(moves, axis=0)) % n_labels
    ions = np.stack([step * place, 5.0 + 0 * place, 5.0 + 0 * place], axis=-1)
    ions = ions + rng.normal(scale=0.05, size=ions.shape)
    host = np.broadcast_to([[0.0, 1, 1], [40, 8, 9], [90, 3, 4]], (n_frames, 3, 3))
    u = make_universe(
        np.concatenate([ions, host], axis=1), (step * n_labels, 12, 12, 90, 90, 90),
        names=list("IIHHH"), masses=[7.0, 7, 90, 90, 90],
    )  # fmt: skip
    places = np.stack([np.arange(n_labels) / n_labels, *[np.full(n_labels, 5 / 12)] * 2], axis=-1)
    sites = SiteAssignment.from_structure(
        places, [f"s{k}" for k in range(n_labels)], framework=u.select_atoms("name H"),
        framework_fractional=host[0] / [step * n_labels, 12, 12],
    )  # fmt: skip
    return u, sites


@pytest.mark.parametrize("n_labels", [182, 400, 5000])
def test_channels_of_more_labels_than_fit(n_labels):
    u, sites = on_many_sites(n_labels)
    with pytest.raises(InputError, match=rf"'ion' has {1 + n_labels**2} event labels: .* GiB"):
        analysis(u, microstates=sites, events=CrystalEvents(detail="channel"), frame="auto")


def test_channel_codes_of_many_labels():
    rule = CrystalEvents(detail="channel")
    code = rule.channel_codes(
        np.array([1, 0, 2]), np.array([199, 0, 0]), np.array([199, 3, 1]), 200
    )
    assert code.tolist() == [40_000, 0, 2]


@pytest.mark.slow
def test_many_labels_without_channels_are_fine():
    u, sites = on_many_sites(200)
    run = analysis(
        u, microstates=sites, events=CrystalEvents(), macrostates=SiteType(), frame="auto"
    ).run()
    assert run.results.transitions.sizes["macrostate_start"] == 200
    hops = run.hops(1.0)
    assert (hops["label_start"] == [f"s{k}" for k in hops["site_start"]]).all()
    assert hops["site_start"].max() > 127


class JointRule(EventRule):
    """A joint rule of the user's own: labels from the carrier's own sites."""

    names = ("stay", "hop")
    joint = True

    def label(self, before, after):
        return "stay" if np.array_equal(before.atoms, after.atoms) else "hop"

    def check(self, ligand_types):
        pass


def test_a_joint_rule_of_ones_own_on_sites():
    u, sites = on_many_sites(60)
    options = {"resolutions": [1.0], "horizons": [2.0], "frame": "auto"}
    run = analysis(u, microstates=sites, events=JointRule(), **options).run()
    assert run.results.settings["projection"] == {"ion": None}
    assert list(run.results.decomposition["event"].values) == ["stay", "hop"]
    for ask in (run.hops, run.rate_control):
        with pytest.raises(InputError, match=r"CrystalEvents\(\)"):
            ask()
        with pytest.raises(InputError, match=r"species='ion' has no hops"):
            ask(species="ion")
    labels = run.events(1.0)
    state = run.microstates["ion"].state
    np.testing.assert_array_equal(labels.label, state[1:] != state[:-1])
    with pytest.raises(InputError, match="projection='site' needs a species"):
        analysis(u, microstates=sites, events=JointRule(), projection="site", frame="auto")


class Nothing(Detector):
    """No contact at all."""

    def contacts(self, frame):
        none = np.empty(0, dtype=np.int32)
        return Contacts(none, none, np.empty(0, dtype=bool))


@pytest.mark.parametrize("members", ["molecules", "atoms"])
@pytest.mark.parametrize("memory", [None, "1MB"])
def test_no_contact_at_all_gives_tables_without_rows(members, memory, monkeypatch):
    monkeypatch.setattr("mda_ionmech.analysis.choices.check_memory", lambda given: given and 10_000)
    u = universe()
    shell = Nothing(solvent=u.select_atoms("name O"))
    run = analysis(u, microstates=shell, events=SolvationEvents(), memory=memory).run()
    table = run.residence_times(members=members)
    assert table.shape == (0, 12)
    assert table.index.names == ["species", "ligand", "definition"]
    assert table["decay_time"].dtype == float
    assert table["endings"].dtype == int
    assert table.attrs["units"]["mean_stay"] == "ps"
    assert run.results.summary(1.0).loc["vehicular", "share"] == pytest.approx(1.0)


def test_no_hop_at_all_gives_a_table_without_rows():
    u, sites = on_many_sites(60)
    still = np.array([ts.positions.copy() for ts in u.trajectory])
    still[:, :2] = still[:1, :2] + np.random.default_rng(0).normal(scale=0.05, size=(80, 2, 3))
    u.load_new(still, dimensions=u.dimensions, dt=1.0)
    run = analysis(u, microstates=sites, events=CrystalEvents(), frame="auto").run()
    assert run.hops(1.0).shape[0] == 0
    assert len(run.residence_times())
    with pytest.raises(InputError, match="hop"):
        run.rate_control()
