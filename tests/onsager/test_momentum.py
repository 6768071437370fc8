"""What conservation of momentum fixes is called an identity, and its sum rule is reported."""

import numpy as np
import pytest

from mda_ionmech import IonSpecies, OnsagerDecomposition, combine, load
from mda_ionmech.onsager.momentum import fixed_transference, momentum_balance
from mda_ionmech.report import write_report
from mda_ionmech.results.tables import momentum_line

from ..builders import brownian, make_universe, wrap

CELL = 25.0


def melt(kinds, n_frames=400, *, conserve=True, drift=0.0, seed=0):
    """Single ions that walk; the momentum of all is zero unless it is not to be conserved.

    kinds: name, number, mass, charge of each.
    """
    rng = np.random.default_rng(seed)
    mass = np.repeat([k[2] for k in kinds], [k[1] for k in kinds])
    steps = rng.normal(size=(n_frames - 1, len(mass), 3)) * 0.3 / np.sqrt(mass)[:, None]
    if conserve:
        steps -= np.average(steps, axis=1, weights=mass)[:, None]
    x = np.concatenate([np.zeros((1, len(mass), 3)), np.cumsum(steps, axis=0)])
    x += rng.uniform(0, CELL, (1, len(mass), 3))
    x += drift * np.arange(n_frames)[:, None, None]
    names = [k[0] for k in kinds for _ in range(k[1])]
    return make_universe(wrap(x, CELL), (CELL,) * 3 + (90,) * 3, names=names, masses=mass)


def run(u, kinds, frame="barycentric", listed=None, **options):
    chosen = [k for k in kinds if listed is None or k[0] in listed]
    species = [
        IonSpecies(u.select_atoms(f"name {name}"), charge=z, name=name) for name, _, _, z in chosen
    ]
    options = {"windows": [1.0, 4.0], "resolutions": None} | options
    return OnsagerDecomposition(species, temperature=1000, frame=frame, **options).run()


LICL = [("LI", 20, 6.94, 1), ("CL", 20, 35.45, -1)]
ZNCL2 = [("ZN", 10, 65.38, 2), ("CL", 20, 35.45, -1)]
MIXED = [("LI", 10, 6.94, 1), ("K", 10, 39.1, 1), ("CL", 20, 35.45, -1)]
SOLUTION = [("LI", 10, 6.94, 1), ("CL", 10, 35.45, -1), ("AR", 20, 39.95, 0)]
CRYSTAL = [("LI", 10, 6.94, 1), ("CL", 10, 35.45, -1)]


@pytest.mark.parametrize("kinds", [LICL, ZNCL2])
@pytest.mark.parametrize(("frame", "conserve"), [("barycentric", False), ("laboratory", True)])
def test_transference_numbers_of_a_salt_alone_are_no_measurement(kinds, frame, conserve):
    u = melt(kinds, conserve=conserve)
    results = run(u, kinds, frame).results
    data = results.decomposition
    assert np.isnan(data["transference_number"]).all()
    assert np.isnan(data["transference_number_low"]).all()
    assert np.isfinite(data["conductivity"]).all()
    limit = 1e-12 if frame == "barycentric" else 1e-3
    assert float(results.diagnostics["momentum_balance"].max()) < limit
    # what is withheld is indeed what the masses give
    z, m = (np.array([k[i] for k in kinds], dtype=float) for i in (3, 2))
    current = z @ data["onsager"].isel(window=-1).values
    np.testing.assert_allclose(z * current / (z @ current), fixed_transference(z, m), rtol=2e-2)
    (said,) = (text for text in results.warnings if "an identity, not a measurement" in text)
    assert f"at {fixed_transference(z, m)[0]:.3f} and" in said
    assert not any("the system as a whole moves" in t for t in results.warnings)
    assert momentum_line(results).startswith("Momentum: the species hold all mass")
    for table in (results.transport(), results.transference()):
        assert table.attrs["comment"] == said
    assert results.transport().loc["transference number CL", "value"] != 1
    assert np.isnan(results.transport().loc["transference number CL", "value"])
    assert results.transference()["transference"].isna().all()
    assert results.transference()["conductivity"].sum() == pytest.approx(
        float(results.at_window()["conductivity"])
    )


@pytest.mark.parametrize(
    ("kinds", "listed", "frame", "conserve", "all_mass"),
    [
        (MIXED, None, "barycentric", True, True),  # two coefficients are free
        (SOLUTION, None, "barycentric", True, True),  # the solvent is a species
        (SOLUTION, ("LI", "CL"), "barycentric", True, False),
        (SOLUTION, ("LI", "CL"), "solvent", True, False),
        (LICL, None, "laboratory", False, True),  # momentum goes elsewhere
    ],
)
def test_transference_numbers_that_are_measured_stay(kinds, listed, frame, conserve, all_mass):
    results = run(melt(kinds, conserve=conserve), kinds, frame, listed).results
    data = results.decomposition
    assert np.isfinite(data["transference_number"]).all()
    assert (results.diagnostics is not None) == all_mass
    assert not any("identity" in text for text in results.warnings)
    assert "comment" not in results.transport().attrs
    if all_mass:
        worst = float(results.diagnostics["momentum_balance"].max())
        assert (worst > 0.1) == (frame == "laboratory")
        moves = any("the system as a whole moves" in text for text in results.warnings)
        assert moves == (frame == "laboratory")
    else:
        assert momentum_line(results) is None


def test_a_drift_shows_in_the_sum_rule():
    still, moving = (
        run(melt(LICL, drift=d), LICL, "laboratory").results.diagnostics for d in (0.0, 0.05)
    )
    assert float(still["momentum_balance"].max()) < 1e-3
    assert float(moving["momentum_balance"].isel(window=-1).min()) > 0.1


def test_an_anion_followed_by_one_of_its_atoms_is_the_whole_of_it():
    """The carriers stand for all mass, so that windows tell the masses, whatever is followed."""
    rng = np.random.default_rng(1)
    n, n_frames = 8, 400
    mass = np.array([6.94] * n + [30.97] * n)
    steps = rng.normal(size=(n_frames - 1, 2 * n, 3)) * 0.3
    steps -= np.average(steps, axis=1, weights=mass)[:, None]
    centre = np.concatenate([np.zeros((1, 2 * n, 3)), np.cumsum(steps, axis=0)])
    centre += rng.uniform(0, CELL, (1, 2 * n, 3))
    offset = rng.normal(scale=0.02, size=(n_frames, n, 3))
    first, second = centre[:, n:] + offset, centre[:, n:] - offset
    x = np.concatenate([centre[:, :n], np.stack([first, second], 2).reshape(n_frames, -1, 3)], 1)
    u = make_universe(
        wrap(x, CELL), (CELL,) * 3 + (90,) * 3, names=["LI"] * n + ["A", "B"] * n,
        masses=[6.94] * n + [15.485] * 2 * n,
        residue=[*range(n), *np.repeat(np.arange(n, 2 * n), 2)],
    )  # fmt: skip
    for selection, compound in (("name A", None), ("name A B", "residues")):
        species = [
            IonSpecies(u.select_atoms("name LI"), charge=1, name="Li+"),
            IonSpecies(u.select_atoms(selection), charge=-1, name="A-", compound=compound),
        ]
        data = OnsagerDecomposition(
            species, temperature=300, resolutions=None, windows=[4.0]
        ).run().results.decomposition  # fmt: skip
        assert np.isnan(data["transference_number"]).all()


@pytest.mark.slow
def test_what_is_fixed_stays_so_in_files_replicas_and_reports(tmp_path):
    runs = [run(melt(LICL, seed=k), LICL).results for k in range(2)]
    path = runs[0].save(tmp_path / "a.nc")
    again = load(path)
    assert np.isnan(again.decomposition["transference_number"]).all()
    np.testing.assert_allclose(again.diagnostics["carrier_mass"], [6.94, 35.45])
    assert "identity, not a measurement" in again.transport().attrs["comment"]
    joined = combine(runs)
    assert np.isnan(joined.decomposition["transference_number"]).all()
    assert float(joined.diagnostics["momentum_balance"].max()) < 1e-12
    assert any("identity, not a measurement" in text for text in joined.warnings)
    page = write_report(again, tmp_path / "page.html").read_text("utf-8")
    assert page.count("an identity, not a measurement") >= 2
    assert "Momentum: the species hold all mass of the system" in page


def test_the_sum_rule_of_one_matrix():
    rng = np.random.default_rng(0)
    m = np.array([2.0, 3.0, 5.0])
    d = rng.normal(size=(50, 3, 3))
    own = (d**2).sum(axis=-1).mean(axis=0)
    gram = np.einsum("tai,tbi->ab", d, d) / 50
    expected = np.abs(gram @ m) / (np.sqrt(own[:, None] * own) @ m)
    np.testing.assert_allclose(momentum_balance(gram, own, m), expected)
    d -= np.einsum("tai,a->ti", d, m)[:, None] / m.sum()
    gram = np.einsum("tai,tbi->ab", d, d) / 50
    assert momentum_balance(gram, own, m).max() < 1e-14
    assert momentum_balance(np.zeros((3, 3)), np.zeros(3), m).tolist() == [0, 0, 0]
    # what two ions with one charge and one mass carry is undefined
    charge = np.array([1.0, 1.0])
    np.testing.assert_array_equal(fixed_transference(charge, m[:2] * 0 + 3), [np.nan, np.nan])
    np.testing.assert_allclose(fixed_transference(charge, np.array([1.0, 4.0])), [4 / 3, -1 / 3])


def test_beads_of_one_mass_that_was_never_set_tell_nothing():
    u = melt([("A", 20, 1.0, 1), ("B", 20, 1.0, -1)])
    kinds = [("A", 20, 1.0, 1), ("B", 20, 1.0, -1)]
    assert run(u, kinds, "laboratory").results.diagnostics is None


def test_brownian_ions_in_the_laboratory_frame_keep_their_numbers():
    """Independent walkers do not conserve momentum; their transference numbers are their own."""
    rng = np.random.default_rng(3)
    x = np.concatenate([brownian(rng, 4000, 20, d, 1.0) for d in (0.03, 0.01)], axis=1)
    u = make_universe(x, names=["LI"] * 20 + ["CL"] * 20, masses=[6.94] * 20 + [35.45] * 20)
    data = run(u, LICL, "laboratory").results.decomposition
    np.testing.assert_allclose(data["transference_number"].sel(species="LI"), 0.75, atol=0.08)
