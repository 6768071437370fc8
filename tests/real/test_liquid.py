"""The shipped electrolyte against independent calculations of the same numbers."""

from itertools import pairwise

import MDAnalysis as mda
import numpy as np
import pytest
from MDAnalysis.analysis.msd import EinsteinMSD
from MDAnalysis.lib.distances import capped_distance, minimize_vectors
from MDAnalysis.lib.mdamath import triclinic_vectors
from scipy import constants

from mda_ionmech import OnsagerDecomposition, datasets, load
from mda_ionmech.results.schema import check_schema

from ..builders import make_universe
from ..conftest import liquid_species

STOP = 400
WINDOWS = (1, 5, 20)
EVENTS = ("vehicular", "renewal", "solvent_exchange", "anion_exchange", "mixed_exchange")


def run_liquid(universe, windows=WINDOWS, *, backend="serial", n_workers=None, **options):
    run = OnsagerDecomposition(
        liquid_species(universe), temperature=330.0, windows=list(windows), **options
    )
    return run.run(stop=STOP, backend=backend, n_workers=n_workers)


@pytest.fixture(scope="module")
def reference():
    return run_liquid(datasets.liquid())


def brute_force(universe):
    """L, self L and marginals from plain sets and NumPy: no code of the package.

    Cartesian minimum-image steps of every atom by MDAnalysis, shells by capped_distance.
    """
    lithium = universe.select_atoms("resname LI")
    nitrogen = universe.select_atoms("resname ACN and name N1")
    oxygen = universe.select_atoms("resname TFS and name O*")
    tfsi = universe.select_atoms("resname TFS")
    masses = universe.atoms.masses
    path = np.zeros((STOP, universe.atoms.n_atoms, 3))
    shells = []
    before = None
    for t, ts in enumerate(universe.trajectory[:STOP]):
        now = ts.positions.astype(np.float64)
        if before is not None:
            path[t] = path[t - 1] + minimize_vectors(now - before, ts.dimensions)
        before = now
        found = [set() for _ in lithium]
        for role, ligands, cutoff in (("s", nitrogen, 2.8), ("a", oxygen, 2.9)):
            pairs = capped_distance(
                lithium, ligands, cutoff, box=ts.dimensions, return_distances=False
            )
            for i, j in pairs:
                found[i].add((role, int(ligands[j].resindex)))
        shells.append(found)
    barycentre = np.einsum("taj,a->tj", path, masses / masses.sum())
    path -= barycentre[:, None]
    anions = np.stack(
        [np.average(path[:, r.atoms.ix], axis=1, weights=r.atoms.masses) for r in tfsi.residues],
        axis=1,
    )
    position = {"Li+": path[:, lithium.ix], "TFSI-": anions}
    volume = np.linalg.det(triclinic_vectors(universe.dimensions).astype(np.float64))
    out = {}
    for n in WINDOWS:
        factor = 1e-20 / (6 * constants.k * 330.0 * volume * 1e-30 * n * 1e-12)
        moved = {name: r[n:] - r[:-n] for name, r in position.items()}
        total = {name: d.sum(axis=1) for name, d in moved.items()}
        parts = {event: np.zeros((STOP - n, 3)) for event in EVENTS}
        counts = dict.fromkeys(EVENTS, 0)
        for t in range(STOP - n):
            for i in range(len(lithium)):
                event = name_of(shells[t][i], shells[t + n][i])
                parts[event][t] += moved["Li+"][t, i]
                counts[event] += 1
        onsager = {
            (a, b): factor * np.mean(np.sum(total[a] * total[b], axis=1))
            for a in moved
            for b in moved
        }
        own = {a: factor * np.mean(np.sum(d**2, axis=(1, 2))) for a, d in moved.items()}
        marginal = {
            (e, b): factor * np.mean(np.sum(parts[e] * total[b], axis=1))
            for e in EVENTS
            for b in moved
        }
        out[n] = onsager, own, marginal, counts
    return out


def name_of(before, after):
    changed = before ^ after
    if not changed:
        return "vehicular"
    if not before & after and before and after:
        return "renewal"
    roles = {role for role, _ in changed}
    return {"s": "solvent_exchange", "a": "anion_exchange"}.get(
        "".join(sorted(roles)), "mixed_exchange"
    )


@pytest.fixture(scope="module")
def independent():
    return brute_force(datasets.liquid())


@pytest.mark.slow
def test_every_coefficient_equals_brute_force(reference, independent):
    data = reference.results.decomposition
    for n, (onsager, own, marginal, counts) in independent.items():
        at = data.sel(window=float(n))
        scale = max(own.values())
        for (a, b), value in onsager.items():
            gap = abs(float(at["onsager"].sel(species=a, species_2=b)) - value)
            assert gap < 1e-10 * scale, (n, a, b)
        for a, value in own.items():
            np.testing.assert_allclose(at["onsager_self"].sel(species=a), value, rtol=1e-10)
        for (event, b), value in marginal.items():
            found = at["event_onsager"].sel(species="Li+", species_2=b, event=event)
            assert abs(float(found) - value) < 1e-10 * scale, (n, event, b)
        for event, value in counts.items():
            assert float(at["event_count"].sel(species="Li+", event=event)) == value


def test_residual_is_round_off_at_every_window(liquid_run):
    data = liquid_run.results.decomposition
    assert len(data["window"]) == 9
    assert float(data["residual"].max()) < 1e-13
    for species in ("Li+", "TFSI-"):
        for other in ("Li+", "TFSI-"):
            whole = data["onsager"].sel(species=species, species_2=other)
            parts = data["event_onsager"].sel(species=species, species_2=other).sum("event")
            np.testing.assert_allclose(parts, whole, rtol=1e-12)


def test_self_part_equals_einstein_msd(reference):
    """MDAnalysis' own mean squared displacement on the paths of the run."""
    position = reference.paths.position[:16].transpose(2, 0, 1)
    universe = make_universe(position, (1e4,) * 3 + (90.0,) * 3)
    msd = EinsteinMSD(universe, select="all", fft=False).run().results.timeseries
    diffusivity = reference.results.decomposition["diffusivity_self"].sel(species="Li+")
    for n in WINDOWS:
        expected = msd[n] / (6 * n) * 1e-4
        np.testing.assert_allclose(diffusivity.sel(window=float(n)), expected, rtol=1e-6)


def coordinates(universe):
    return np.stack([ts.positions.astype(np.float64) for ts in universe.trajectory[:STOP]])


def like_liquid(universe, positions, dimensions):
    """The liquid's atoms with other coordinates."""
    copy = mda.Universe(universe._topology.copy())
    dimensions = np.broadcast_to(np.asarray(dimensions, dtype=np.float32), (STOP, 6)).copy()
    copy.load_new(positions.astype(np.float32), dimensions=dimensions, dt=1.0)
    return copy


def assert_same(first, second, tolerance):
    a, b = first.results.decomposition, second.results.decomposition
    for name in ("onsager", "onsager_self", "event_onsager", "conductivity", "event_count"):
        scale = float(np.abs(a[name]).max())
        np.testing.assert_allclose(b[name], a[name], rtol=0, atol=tolerance * scale, err_msg=name)


def unwrapped(universe):
    positions = coordinates(universe)
    out = positions.copy()
    for t, (before, now) in enumerate(pairwise(positions), start=1):
        out[t] = out[t - 1] + minimize_vectors(now - before, universe.dimensions)
    return out


@pytest.mark.slow
def test_wrapped_and_unwrapped_input_agree(reference):
    universe = datasets.liquid()
    continuous = unwrapped(universe)
    for unwrap in ("auto", True, False):
        run = run_liquid(like_liquid(universe, continuous, universe.dimensions), unwrap=unwrap)
        assert_same(reference, run, 1e-6)
    assert reference.results.settings["unwrap"]["found"].startswith("wrapped")
    assert run.results.settings["unwrap"]["jumps"] == 0


def test_another_choice_of_the_same_cell_agrees(reference):
    """Vectors (a + b, b, c - b) of the cubic cell, turned into the orientation of the file."""
    universe = datasets.liquid()
    length = float(universe.dimensions[0])
    vectors = length * np.array([[1.0, 1, 0], [0, 1, 0], [0, -1, 1]])
    lengths = np.linalg.norm(vectors, axis=1)
    a, b, c = vectors / lengths[:, None]
    angles = np.degrees(np.arccos([b @ c, a @ c, a @ b]))
    dimensions = np.concatenate([lengths, angles])
    turned = triclinic_vectors(dimensions, dtype=np.float64)
    rotation = np.linalg.inv(vectors) @ turned
    np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=1e-6)
    # the input is in single precision: its rounding must not be what is compared
    positions = coordinates(universe) @ rotation
    assert_same(reference, run_liquid(like_liquid(universe, positions, dimensions)), 1e-6)


@pytest.mark.slow
@pytest.mark.parametrize(("backend", "n_workers"), [("multiprocessing", 3), ("dask", 2)])
def test_backends_agree_bit_for_bit(reference, backend, n_workers):
    run = run_liquid(datasets.liquid(), backend=backend, n_workers=n_workers)
    for group in ("decomposition", "transitions", "states"):
        first = reference.results.tree[group].to_dataset()
        second = run.results.tree[group].to_dataset()
        assert first.identical(second)


@pytest.mark.slow
def test_shares_agree_with_an_independent_trial(liquid_run):
    """Another program gave these on the full trajectory with plain cutoffs of 2.8 and 2.9 A."""
    data = (
        OnsagerDecomposition(
            liquid_species(datasets.liquid()), temperature=330.0, windows=[1, 5, 20, 50, 200]
        )
        .run()
        .results.decomposition
    )
    np.testing.assert_allclose(data["conductivity"], [16.3, 11.2, 9.2, 8.4, 8.2], atol=0.06)
    np.testing.assert_allclose(
        data["transference_number"].sel(species="Li+"), [0.69, 0.65, 0.63, 0.60, 0.59], atol=0.01
    )
    share = data["share"].sel(species="Li+")
    np.testing.assert_allclose(
        share.sel(event="vehicular"), [0.50, 0.19, 0.04, 0.00, 0.00], atol=0.01
    )
    np.testing.assert_allclose(share.sel(event="renewal"), [0, 0, 0.03, 0.24, 0.86], atol=0.01)
    np.testing.assert_allclose(
        share.sel(event="solvent_exchange"), [0.39, 0.62, 0.65, 0.53, 0.10], atol=0.01
    )
    changed = liquid_run.results.settings["species"][0]["microstates"]["changed_per_frame"]
    assert changed == pytest.approx(0.42, abs=0.005)
    population = liquid_run.results.transitions["population"].sel(species="Li+")
    found = [float(population.sel(macrostate_start=m)) for m in ("SSIP", "CIP", "AGG")]
    # the trial counted CIP per pair; here components of the contact graph
    assert found[0] == pytest.approx(0.83, abs=0.01)
    assert sum(found) == pytest.approx(1.0)


@pytest.mark.slow
def test_result_file_comes_back_as_it_was(liquid_run, tmp_path):
    path = liquid_run.save(tmp_path / "liquid.nc")
    back = load(path)
    check_schema(back.tree)
    for group in liquid_run.results.tree.children:
        first = liquid_run.results.tree[group].to_dataset()
        second = back.tree[group].to_dataset()
        assert set(first.variables) == set(second.variables)
        for name in first.variables:
            np.testing.assert_array_equal(second[name].values, first[name].values)
            assert second[name].dtype.kind == first[name].dtype.kind or name in first.coords
    assert back.settings == liquid_run.results.settings
    assert back.warnings == liquid_run.results.warnings
    assert list(tmp_path.iterdir()) == [path]
    table = liquid_run.results.summary(window=20)
    assert table.equals(back.summary(window=20))
    assert table.attrs["window_ps"] == 16.0


def test_fragments_and_residues_are_the_same_molecules():
    universe = datasets.liquid()
    runs = []
    for compound in ("residues", "fragments"):
        species = liquid_species(universe)
        species[1] = type(species[1])(species[1].atoms, charge=-1, name="TFSI-", compound=compound)
        run = OnsagerDecomposition(species, temperature=330.0, windows=[5.0])
        runs.append(run.run(stop=100))
    assert_same(runs[0], runs[1], 1e-14)


@pytest.mark.slow
def test_acetonitrile_of_the_source_gives_the_same_transport(shared_data, liquid_run):
    """Heavy atoms with their hydrogens' masses move as the whole molecules do."""
    folder = shared_data / "liquid"
    universe = mda.Universe(
        folder / "litfsi_acetonitrile_330K.tpr", folder / "litfsi_acetonitrile_330K.xtc"
    )
    run = OnsagerDecomposition(
        liquid_species(universe), temperature=330.0, windows=[1.0, 16.0]
    ).run()
    source, shipped = run.results.decomposition, liquid_run.results.decomposition
    # at 1 ps the barycentre still feels how methyl groups turn about their carbons
    for window, tolerance in ((1.0, 1e-2), (16.0, 2e-3)):
        for name in ("onsager", "event_onsager", "conductivity"):
            whole, reduced = source[name].sel(window=window), shipped[name].sel(window=window)
            assert float(np.abs(whole - reduced).max() / np.abs(whole).max()) < tolerance, name
