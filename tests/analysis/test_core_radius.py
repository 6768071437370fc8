"""Other core radii without reading frames: a full run with each radius, and loops, as twins."""

import numpy as np
import pytest

from mda_ionmech import InputError, IonSpecies, OnsagerDecomposition, load_run
from mda_ionmech.analysis.labelling import label
from mda_ionmech.events import CrystalEvents
from mda_ionmech.microstates import SiteAssignment

from ..builders import make_universe

pytestmark = pytest.mark.filterwarnings("ignore")
#: An oblique lattice of 5 x 5 x 5 sites, with a quarter as many ions, of two species.
N, N_FRAMES, N_IONS = 5, 250, 30
CELL = np.array([18.0, 19.0, 20.0, 82.0, 97.0, 104.0])
RECORDED = (0.55, 0.9, 1.1)
LINKED = ("multi_fraction", "multi_fraction_circular", "multi_fraction_exclusion")


def vectors():
    a, b, c, *angles = CELL
    alpha, beta, gamma = np.cos(np.radians(angles))
    sine = np.sqrt(1 - gamma**2)
    y = (alpha - beta * gamma) / sine
    z = np.sqrt(1 - beta**2 - y**2)
    return np.array([[a, 0, 0], [b * gamma, b * sine, 0], [c * beta, c * y, c * z]])


SITES = np.stack(np.meshgrid(*[np.arange(N) / N + 0.1] * 3, indexing="ij"), axis=-1).reshape(-1, 3)


def motion(seed):
    """Fractional positions of ions on a random walk between sites, and of the framework.

    Ions vibrate widely, the cell breathes, and everything drifts.
    """
    rng = np.random.default_rng(seed)
    place = np.empty((N_FRAMES, N_IONS, 3))
    place[0] = SITES[rng.permutation(len(SITES))[:N_IONS]]
    for t in range(1, N_FRAMES):
        step = np.zeros((N_IONS, 3))
        hop = np.flatnonzero(rng.random(N_IONS) < 0.05)
        step[hop, rng.integers(0, 3, len(hop))] = rng.choice([-1, 1], len(hop)) / N
        place[t] = place[t - 1] + step
    ions = place + np.clip(rng.normal(scale=0.035, size=place.shape), -0.07, 0.07)
    still = np.array([[0.28, 0.41, 0.33], [0.61, 0.72, 0.08], [0.93, 0.15, 0.66]])
    framework = still + rng.normal(scale=0.003, size=(N_FRAMES, 3, 3))
    drift = np.cumsum(rng.normal(scale=0.002, size=(N_FRAMES, 1, 3)), axis=0)
    breath = 1 + 0.01 * np.sin(np.arange(N_FRAMES) / 30)
    return ions + drift, framework + drift, still, breath


def run_of(seed=3, **options):
    ions, framework, still, breath = motion(seed)
    cell = vectors()
    fractional = np.concatenate([ions, framework], axis=1)
    fractional -= np.floor(fractional)
    u = make_universe(
        (fractional @ cell) * breath[:, None, None],
        np.column_stack([np.outer(breath, CELL[:3]), np.tile(CELL[3:], (N_FRAMES, 1))]),
        names=["A"] * 9 + ["B"] * (N_IONS - 9) + ["H"] * 3,
        masses=[7.0] * N_IONS + [90.0] * 3,
    )
    one = {"r_core": 0.8} | options
    species = [
        IonSpecies(
            u.select_atoms(f"name {name}"),
            charge=1,
            name=name,
            microstates=SiteAssignment.from_structure(
                SITES,
                ["s", "t", "t", "s", "t"] * 25,
                framework=u.select_atoms("name H"),
                framework_fractional=still,
                **one,
            ),
            events=CrystalEvents(),
        )
        for name in "AB"
    ]
    return OnsagerDecomposition(
        species, temperature=300, windows=[1, 4], resolutions=None, unwrap=True
    ).run()


@pytest.fixture(scope="module")
def base():
    return run_of(recorded=RECORDED)


def states(run):
    return [run.microstates[name].runs for name in "AB"]


def same_runs(one, other):
    return all(
        np.array_equal(getattr(one, name), getattr(other, name))
        for name in ("offsets", "start", "value")
    )


@pytest.mark.slow
def test_what_is_recorded_beside_leaves_the_run_as_it_was(base):
    plain = run_of()
    assert plain.species[0].microstates.radii == pytest.approx((0.64, 0.8, 0.96))
    assert base.species[0].microstates.radii == pytest.approx((0.55, 0.64, 0.8, 0.9, 0.96, 1.1))
    assert all(same_runs(a, b) for a, b in zip(states(base), states(plain), strict=True))
    found, wanted = (run.results.decomposition for run in (base, plain))
    assert found.equals(wanted)


@pytest.mark.slow
@pytest.mark.parametrize(("hop_time", "persistence"), [("entry", None), ("crossing", 3.0)])
def test_labels_are_those_of_a_run_with_the_radius_bit_for_bit(hop_time, persistence):
    options = {"hop_time": hop_time, "persistence": persistence}
    run = run_of(recorded=RECORDED, **options)
    gathered = run._finished("test").gathered
    hops = set()
    for radius in (0.55, 0.64, 0.96, 1.1):
        again = label(gathered, radii={k: {"r_core": radius} for k in (0, 1)})
        other = run_of(r_core=radius, **options)
        for one, name in zip(again.species, "AB", strict=True):
            mine, theirs = one.microstates, other.microstates[name]
            assert same_runs(mine.runs, theirs.runs)
            assert mine.report == theirs.report
        hops.add(again.species[0].microstates.report["hops"])
    assert len(hops) == 4, "radii make no difference to this path"


@pytest.mark.slow
def test_robustness_gives_what_a_run_with_the_radius_gives():
    """Of a species alone, as the others keep their radius."""
    run = run_of(recorded=RECORDED)
    table = run.robustness(r_core=[0.55, 0.8, 1.1], window=4, species="A")
    np.testing.assert_array_equal(
        table.loc[("r_core", "0.8 A")].to_numpy(), table.loc[("as run", "")].to_numpy()
    )
    # both species have the radius in the group of definitions
    for name, radius in (("smaller core, entry", 0.64), ("larger core, entry", 0.96)):
        other = run_of(r_core=radius).results
        for species in "AB":
            found = run.results.hop_definitions(species=species)
            assert found.loc[name, "core_radius"] == radius
            at = other.at_window(found.attrs["window_ps"]).sel(species=species)
            for variable in LINKED:
                np.testing.assert_allclose(found.loc[name, variable], float(at[variable]))


@pytest.mark.parametrize("radius", [0.55, 0.96])
def test_shares_are_those_of_loops(base, radius):
    """Core sets and shares of one species, from positions alone, in windows of one frame."""
    ions, framework, still, breath = motion(3)
    cell = vectors()
    # the framework's drift as the mean over its atoms, of small displacements
    drift = (framework - still).mean(axis=1, keepdims=True)
    held = np.empty((N_FRAMES, 9), dtype=int)
    for c in range(9):
        at, cored = [], []
        for t in range(N_FRAMES):
            d = SITES - (ions[t, c] - drift[t, 0])
            d -= np.rint(d)
            images = np.stack(np.meshgrid(*[[-1, 0, 1]] * 3), axis=-1).reshape(-1, 1, 3)
            apart = np.linalg.norm((d + images) @ cell * breath[t], axis=-1).min(axis=0)
            at.append(int(apart.argmin()))
            cored.append(bool(apart.min() <= radius))
        now = at[cored.index(True)]
        for t in range(N_FRAMES):
            now = at[t] if cored[t] else now
            held[t, c] = now
    gathered = base._finished("test").gathered
    runs = label(gathered, radii={0: {"r_core": radius}}).species[0].microstates.runs
    # positions are rounded to float32 in the file: labels on the edge of a core may differ
    found = runs.between(0, N_FRAMES).T
    assert np.mean(found != held) < 1e-3
    stayed = held[1:] == held[:-1]
    table = base.robustness(r_core=[radius], window=1, species="A")
    position = base.paths.carriers(0, 9)
    d = np.diff(position, axis=2).transpose(2, 0, 1)
    whole = d.sum(axis=1)
    share = np.sum((d * stayed[..., None]).sum(axis=1) * whole) / np.sum(whole**2)
    assert table.loc[("r_core", f"{radius:g} A", "no_hop"), "share"] == pytest.approx(
        share, abs=5e-3
    )


@pytest.mark.slow
def test_a_saved_run_gives_the_same(base, tmp_path):
    wanted = base.robustness(r_core=[0.55, 1.1], window=4)
    loaded = load_run(base.save_run(tmp_path / "cores.run"))
    assert loaded.robustness(r_core=[0.55, 1.1], window=4).equals(wanted)
    assert loaded.species[0].microstates.radii == base.species[0].microstates.radii


def test_larger_cores_end_where_they_would_overlap():
    from mda_ionmech.microstates.sites.core_radii import radii_told_apart

    sites, cell = np.array([[0.1, 0, 0], [0.4, 0, 0]]), np.eye(3) * 10
    assert radii_told_apart(sites, cell, 1.4, ()) == pytest.approx((1.12, 1.4, 1.5))
    assert radii_told_apart(sites, cell, 1.5, ()) == pytest.approx((1.2, 1.5))
    assert radii_told_apart(sites, cell, 1.4, (1.2, 1.4)) == pytest.approx((1.12, 1.2, 1.4, 1.5))
    # cores beyond half the way, which assignment="nearest" may have
    assert radii_told_apart(sites, cell, 2.0, ()) == pytest.approx((1.5, 2.0))
    assert radii_told_apart(sites[:1], cell, 2.0, ()) == ()


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (0.7, r"0\.7 Å is no core radius that was recorded; those are 0\.55, 0\.64, 0\.8, 0\.9, "),
        (0.7, r"run again with SiteAssignment\(\.\.\., recorded=\[0\.7\]\)"),
        (-1, "r_core must be .* got -1"),
        ("wide", "r_core must be .* got 'wide'"),
    ],
)
def test_radii_that_are_not_recorded_are_refused(base, value, message):
    with pytest.raises(InputError, match=message):
        base.robustness(r_core=[value], window=1)


@pytest.mark.slow
def test_only_cores_have_a_radius():
    run = run_of(assignment="nearest")
    with pytest.raises(InputError, match=r"is the radius of cores, and 'A' has assignment='near"):
        run.robustness(r_core=[0.64], window=1)
    with pytest.raises(InputError, match=r"recorded holds 2 Å, a radius at which cores overlap"):
        run_of(recorded=[2.0])
    with pytest.raises(InputError, match="recorded must be core radii in Angstrom above 0, got -1"):
        run_of(recorded=[-1])
    with pytest.raises(
        InputError, match=r"recorded=\.\.\. are radii of cores, and assignment='poly"
    ):
        run_of(recorded=[0.6], assignment="polyhedron")
    with pytest.raises(InputError, match="recorded holds 300 radii; at most 247"):
        run_of(recorded=np.linspace(0.1, 0.9, 300))


@pytest.mark.slow
def test_shells_have_no_cores(liquid_run):
    with pytest.raises(InputError, match=r"r_core=\.\.\. is of a SiteAssignment, and 'Li\+' has"):
        liquid_run.robustness(r_core=[1.0])


@pytest.mark.slow
def test_a_store_of_other_radii_is_refused(tmp_path):
    def stored(**options):
        run = run_of(**options)
        analysis = OnsagerDecomposition(
            run.species, temperature=300, windows=[1, 4], resolutions=None, unwrap=True,
            store=tmp_path / "store",
        )  # fmt: skip
        return analysis.run()

    stored(recorded=[0.55])
    with pytest.raises(InputError, match="core_radii"):
        stored(recorded=[0.6])
