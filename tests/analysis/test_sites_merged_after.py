"""Sites merged after a run: what a run on merged sites gives, loops as a twin, refusals."""

import numpy as np
import pytest

from mda_ionmech import InputError, IonSpecies, OnsagerDecomposition, load_run
from mda_ionmech.events import CrystalEvents
from mda_ionmech.microstates import SiteAssignment

from ..builders import make_universe

#: Split sites, 0.9 A apart, on lines along x, one ion on each line; A.
LENGTH, HALF, N_IONS, N_FRAMES = 16.0, 0.45, 3, 600
SPLIT = np.array([x + s * HALF for x in (2.0, 6.0, 10.0, 14.0) for s in (-1, 1)])


def path(rng):
    """Ions that change between the halves of a split site often, and to the next one seldom."""
    place = np.zeros((N_FRAMES, N_IONS), dtype=int)
    half = np.zeros_like(place)
    for t in range(1, N_FRAMES):
        hop = rng.random(N_IONS) < 0.03
        place[t] = place[t - 1] + np.where(hop, rng.choice([-1, 1], N_IONS), 0)
        half[t] = np.where(rng.random(N_IONS) < 0.3, 1 - half[t - 1], half[t - 1])
    x = np.zeros((N_FRAMES, N_IONS, 3))
    x[..., 0] = 2.0 + 4.0 * place + np.where(half, HALF, -HALF)
    x[..., 1] = 2.0 + 4.0 * np.arange(N_IONS)
    x[..., 2] = 6.0
    return x + rng.normal(scale=0.08, size=x.shape), place


def run_of(x, labels=("h", "h"), **options):
    host = np.full((N_FRAMES, 1, 3), 0.5)
    u = make_universe(
        np.concatenate([x, host], axis=1) % LENGTH, (LENGTH,) * 3 + (90.0,) * 3,
        names=["I"] * N_IONS + ["H"], masses=[7.0] * N_IONS + [90.0],
    )  # fmt: skip
    sites = np.array([[s, 2.0 + 4.0 * k, 6.0] for k in range(N_IONS) for s in SPLIT])
    detector = SiteAssignment.from_structure(
        sites / LENGTH, [labels[k % 2] for k in range(len(sites))],
        framework=u.select_atoms("name H"), framework_fractional=[[0.5 / LENGTH] * 3], **options,
    )  # fmt: skip
    ion = IonSpecies(
        u.select_atoms("name I"), charge=1, name="I+", microstates=detector, events=CrystalEvents()
    )
    return OnsagerDecomposition(
        [ion], temperature=300, windows=[1, 4], resolutions=None, unwrap=True
    ).run()


@pytest.fixture(scope="module")
def moved():
    return path(np.random.default_rng(5))


@pytest.fixture(scope="module")
def split(moved):
    return run_of(moved[0], r_core=0.35)


@pytest.mark.slow
@pytest.mark.parametrize("window", [1.0, 4.0])
def test_it_is_what_a_run_on_merged_sites_gives(moved, split, window):
    """Ions lie well inside both the cores of the halves and the one core of the whole."""
    with pytest.warns(UserWarning, match=r"keeps the cores of the parts .* 0\.35 Å, .* of 1\.10 Å"):
        table = split.robustness(merge=[1.0], window=window)
    other = run_of(moved[0], merge=1.0, r_core=0.9).results
    found = table.loc[("merge", "1 A: 12 sites")]
    summary = other.summary(window)
    np.testing.assert_allclose(found["share"], summary["share"], atol=1e-12)
    np.testing.assert_allclose(found["low"], summary["share_low"], atol=1e-12)
    data = other.at_window(window).sel(species="I+")
    np.testing.assert_allclose(found["multi_fraction"].iloc[0], data["multi_fraction"])
    # the run itself counts every change between the halves as a hop
    assert table.loc[("as run", "", "no_hop"), "share"] < found.loc["no_hop", "share"]


def test_hops_left_are_those_between_whole_sites(moved, split):
    _, place = moved
    merged = run_of(moved[0], merge=1.0, r_core=0.9)
    true = np.count_nonzero(np.diff(place, axis=0))
    assert merged.microstates["I+"].report["hops"] == true
    assert split.microstates["I+"].report["hops"] > 5 * true


@pytest.mark.parametrize("assignment", ["core", "nearest"])
def test_labels_are_those_of_loops(moved, assignment):
    """Ions that are often outside of every core: on which site they are is history."""
    x = moved[0] + np.random.default_rng(6).normal(scale=0.35, size=moved[0].shape)
    options = {"r_core": 0.35} if assignment == "core" else {"assignment": "nearest"}
    run = run_of(x, ("a", "b"), **options)
    table = run.robustness(merge=[(1.0, True)], window=1.0)
    places = run.species[0].microstates.sites_in_cell * LENGTH
    position = run.paths.carriers(0, N_IONS)  # (carriers, 3, frames)
    start = x[0] % LENGTH
    held = np.empty((N_IONS, N_FRAMES), dtype=int)
    for c in range(N_IONS):
        at, cored = [], []
        for t in range(N_FRAMES):
            r = start[c] + position[c, :, t] - position[c, :, 0]
            d = places - r
            d = np.linalg.norm(d - LENGTH * np.rint(d / LENGTH), axis=1)
            at.append(int(d.argmin()) // 2)  # the halves of a site follow one another
            cored.append(bool(d.min() <= 0.35))
        if assignment == "nearest":
            held[c] = at
            continue
        now = at[cored.index(True)]
        for t in range(N_FRAMES):
            now = at[t] if cored[t] else now
            held[c, t] = now
    d = np.diff(position, axis=2)
    stayed = held[:, 1:] == held[:, :-1]
    whole = d.sum(axis=0)
    share = np.sum((d * stayed[:, None]).sum(axis=0) * whole) / np.sum(whole**2)
    found = table.loc[("merge", "1 A, across labels: 12 sites", "no_hop"), "share"]
    assert found == pytest.approx(share, abs=1e-9)
    assert 0.01 < 1 - stayed.mean() < 0.5


def test_labels_of_different_sites_are_merged_only_where_asked(moved):
    run = run_of(moved[0], ("a", "b"), r_core=0.35)
    table = run.robustness(merge=[1.0, (1.0, True)], window=1.0)
    values = list(dict.fromkeys(table.loc["merge"].index.get_level_values("value")))
    assert values == ["1 A: 24 sites", "1 A, across labels: 12 sites"]
    # nothing merged: as run
    np.testing.assert_array_equal(
        table.loc[("merge", values[0])]["share"], table.loc[("as run", "")]["share"]
    )
    assert len(run.species[0].microstates.labels) == 24, "the run itself is left as it was"


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (0.0, "merge must be a distance in Angstrom above 0: .* got 0"),
        ((1.0, "yes"), r"merge holds \(1.0, 'yes'\); give a distance in Angstrom, or"),
        ((1.0, True, 2), "give a distance in Angstrom, or"),
        (3.5, r"merge=3.5 Å joins 8 sites to one that extends over .* as neighbours are chained"),
    ],
)
def test_refusals(split, value, message):
    with pytest.raises(InputError, match=message):
        split.robustness(merge=[value], window=1.0)


def test_a_saved_run_gives_the_same(split, tmp_path):
    loaded = load_run(split.save_run(tmp_path / "split.run"))
    wanted = split.robustness(merge=[1.0], window=1.0)
    assert loaded.robustness(merge=[1.0], window=1.0).equals(wanted)


@pytest.mark.slow
def test_shells_have_no_sites_to_merge(liquid_run):
    with pytest.raises(
        InputError, match=r"merge=\.\.\. is of a SiteAssignment, and 'Li\+' has Cut"
    ):
        liquid_run.robustness(merge=[1.0])
