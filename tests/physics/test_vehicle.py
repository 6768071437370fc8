"""Vehicularity: shells that follow wholly, in part, or not at all."""

import numpy as np
import pytest

from mda_ionmech import InputError, IonSpecies, OnsagerDecomposition, datasets
from mda_ionmech.events import SolvationEvents
from mda_ionmech.microstates import CutoffShell

from ..builders import brownian, decompose, make_universe
from ..conftest import liquid_species
from .test_known_answers import solvated, vehicle_and_jumps


def in_loose_shells(rng, n_frames, n, follow, diffusion, stray, mass):
    """Ions in cages too wide to leave, with ligands that follow a part of their motion.

    follow (ligands,): how much of the ion's displacement each ligand takes part in, beside steps
    of its own with diffusion coefficient `stray`.
    """
    ions = brownian(rng, n_frames, n, diffusion, 1.0)
    n_ligands = len(follow)
    own = brownian(rng, n_frames, n * n_ligands, stray, 1.0).reshape(n_frames, n, n_ligands, 3)
    ligands = np.asarray(follow)[:, None] * ions[:, :, None] + own
    ligands += 2.0 * np.eye(3)[np.arange(n_ligands) % 3]
    lattice = 100.0 * np.indices((n, 1, 1)).reshape(3, -1).T + 20.0
    positions = np.concatenate(
        [ions + lattice, (ligands + lattice[:, None]).reshape(n_frames, -1, 3)], axis=1
    )
    return make_universe(
        positions, (100.0 * n, 200.0, 200.0, 90, 90, 90), names=["I"] * n + ["S"] * n * n_ligands,
        masses=[7.0] * n + list(mass) * n,
    )  # fmt: skip


def follow(universe, cutoff, windows):
    ions = IonSpecies(
        universe.select_atoms("name I"), charge=1, name="ion",
        microstates=CutoffShell(cutoff, solvent=universe.select_atoms("name S")),
        events=SolvationEvents(),
    )  # fmt: skip
    return OnsagerDecomposition(
        [ions], temperature=300.0, windows=windows, frame="laboratory", unwrap=False,
        projection="vehicle",
    ).run()  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "share", "expected"),
    [
        ("stands still", [0.0, 0.0], 0.0),
        ("follows in part", [0.9, 0.3], (0.9 * 30 + 0.3 * 10) / 40),
    ],
)
def test_case_6_a_shell_that_does_not_follow_is_no_vehicle(record, name, share, expected):
    """V is the mass-weighted part of the ion's motion that the ligands take part in."""
    rng = np.random.default_rng(6)
    n_frames, n, diffusion, stray, mass = 3000, 12, 0.004, 0.001, (30.0, 10.0)
    universe = in_loose_shells(rng, n_frames, n, share, diffusion, stray, mass)
    windows = np.array([1.0, 10.0, 50.0])
    run = follow(universe, 45.0, windows)
    assert not run.results.decomposition["event_count"].drop_sel(event="vehicular").any()
    table = run.vehicularity()
    # the part of the centre of mass that is independent of the ion
    alone = stray * (30**2 + 10**2) / 40**2
    # overlapping origins of independent products: sum of (1 - s / n)^2 over shifts s
    overlap = 2 / 3 + 1 / (3 * windows**2)
    error = np.sqrt(alone / diffusion * windows * overlap / (3 * n * n_frames))
    record.within(6, f"$V$ of a shell that {name}, window", table["vehicularity"], expected, error,
                  at=windows)  # fmt: skip
    half = (table["vehicularity_high"] - table["vehicularity_low"]) / 2
    sound = table["blocks"].values >= 20
    np.testing.assert_allclose(half[sound], error[sound], rtol=0.3)


@pytest.mark.slow
def test_case_5_vehicles_carry_their_windows_and_jumps_the_rest(record):
    rng = np.random.default_rng(5)
    universe, _ = vehicle_and_jumps(rng, 3000, 27, 0.02, 0.02, 3.0)
    n = len(universe.atoms)
    universe.add_TopologyAttr("masses", np.where(np.arange(n) < 27, 7.0, 14.0))
    run = solvated(universe, [1.0, 4.0, 16.0, 64.0], projection="vehicle")
    table = run.vehicularity()
    # positions of up to 600 A are stored in single precision
    record.equal(5, "$V$ of vehicular windows", table["vehicularity"], 1.0, 1e-3)
    share = run.results.decomposition["share"].sel(species="ion", event="vehicular").values
    parts = table[["share_shell", "share_relative", "share_alone"]]
    record.equal(5, "parts of shell, relative and alone, minus the share",
                 parts.sum(axis=1) - share, 0.0, 1e-12)  # fmt: skip
    assert np.all(table["share_alone"] == 0)


def test_ions_without_a_shell_are_kept_apart():
    """No ion ever meets the ligand: vehicular by name, carried by no shell."""
    rng = np.random.default_rng(1)
    positions = np.concatenate(
        [brownian(rng, 400, 5, 0.05, 1.0) + 20, np.full((400, 1, 3), 5.0)], axis=1
    )
    universe = make_universe(positions, names=["I"] * 5 + ["S"], masses=[7.0] * 5 + [14.0])
    table = follow(universe, 1.5, [1.0, 4.0]).vehicularity()
    assert np.all(np.isnan(table["vehicularity"]))
    np.testing.assert_allclose(table["share_alone"], 1.0)
    assert np.all(table["count"] == 0)
    np.testing.assert_array_equal(table["count_alone"], [5 * 399, 5 * 396])


def test_the_split_against_plain_loops():
    """The shipped liquid with plain Python sets, window by window and ion by ion."""
    universe = datasets.liquid()
    run = OnsagerDecomposition(
        liquid_species(universe), temperature=330.0, windows=[2.0], projection="vehicle"
    ).run(stop=120)
    micro, ligands = run.microstates["Li+"], run._finished("").gathered.ligands[0]
    paths, ligand_paths = run.paths.position[:16], run._finished("").gathered.ligand_paths[0]
    masses = universe.atoms.masses
    along = square = shell_part = relative_part = whole_part = count = 0
    for t in range(118):
        whole = (paths[:, :, t + 2] - paths[:, :, t]).sum(axis=0)
        whole_part += whole @ whole
        for i in range(16):
            before, after = (micro.shells[micro.state[t + k, i]] for k in (0, 2))
            if before.molecule_set() != after.molecule_set():
                continue
            kept = np.array(sorted(set(before.atoms) & set(after.atoms)), dtype=int)
            if not len(kept):
                continue
            place = np.searchsorted(ligands.atom, kept)
            moved = ligand_paths[place, :, t + 2] - ligand_paths[place, :, t]
            shell = np.average(moved, axis=0, weights=masses[kept])
            d = paths[i, :, t + 2] - paths[i, :, t]
            along += d @ shell
            square += d @ d
            shell_part += shell @ whole
            relative_part += (d - shell) @ whole
            count += 1
    row = run.vehicularity(2.0).iloc[0]
    assert row["vehicularity"] == pytest.approx(along / square, rel=1e-10)
    assert row["share_shell"] == pytest.approx(shell_part / whole_part, rel=1e-9)
    assert row["share_relative"] == pytest.approx(relative_part / whole_part, rel=1e-9)
    assert row["count"] == count


@pytest.mark.slow
def test_following_ligands_changes_nothing_else(liquid_run, tmp_path):
    from mda_ionmech import load

    run = OnsagerDecomposition(
        liquid_species(datasets.liquid()), temperature=330.0, projection="vehicle"
    ).run()
    for name in ("onsager", "event_onsager", "share"):
        np.testing.assert_array_equal(
            run.results.decomposition[name], liquid_run.results.decomposition[name]
        )
    np.testing.assert_array_equal(run.paths.position, liquid_run.paths.position)
    again = load(run.save(tmp_path / "vehicle.nc"))
    assert again.vehicularity(16.0).equals(run.vehicularity(16.0))
    assert run.plain().vehicularity(1.0)["vehicularity"].notna().all()


@pytest.mark.slow
def test_refusals(liquid_run):
    with pytest.raises(InputError, match="run it with projection='vehicle'"):
        liquid_run.vehicularity()
    rng = np.random.default_rng(0)
    universe = make_universe(brownian(rng, 60, 4, 0.05, 1.0) + 20, masses=[1.0, 2.0, 3.0, 4.0])
    with pytest.raises(InputError, match="no species has shells and a rule with that label"):
        decompose(universe, windows=[1.0], projection="vehicle")
