"""The table of `infinite_cell`: arithmetic, files, and what it does not hold for."""

import json

import numpy as np
import pytest
from scipy import constants, special

from mda_ionmech import InputError, load
from mda_ionmech.observables import CompositionFluctuations
from mda_ionmech.results import infinite_cell

#: 1/A^3, neutral for ions of charge +1 and -1.
SALT = 3e-4 * np.ones((2, 2))


def fluctuations(value=SALT, error=0.0, species=("Li+", "TFSI-"), frame="barycentric"):
    return CompositionFluctuations(
        tuple(species), value, np.full(value.shape, error), frame, np.zeros(1), value[None], 10
    )


@pytest.mark.slow
def test_the_table_by_hand_and_after_a_file(liquid_run, tmp_path):
    results = liquid_run.results
    table = infinite_cell(results, fluctuations(error=2e-5), viscosity=0.4)
    length = liquid_run.paths.volume ** (1 / 3) * 1e-10
    per = 2.837297 / (6 * np.pi * 0.4e-3 * length) * 1e30
    level = float(results.decomposition["diffusive_onsager_low"].attrs["level"])
    reach = special.ndtri((1 + level) / 2) * per * 2e-5
    labels = ["L(Li+, Li+)", "L(Li+, TFSI-)", "L(TFSI-, TFSI-)"]
    assert list(table.index[:3]) == labels
    for label, (a, b) in zip(labels, ((0, 0), (0, 1), (1, 1)), strict=True):
        row = table.loc[label]
        value, low, high = (
            float(results.decomposition[f"diffusive_onsager{end}"][a, b])
            for end in ("", "_low", "_high")
        )
        assert (row["value"], row["low"], row["high"]) == (value, low, high)
        assert row["shift"] == pytest.approx(per * 3e-4)
        assert row["shift_error"] == pytest.approx(per * 2e-5)
        assert row["infinite"] == pytest.approx(value + per * 3e-4)
        assert row["infinite_high"] == pytest.approx(
            row["infinite"] + np.hypot(high - value, reach)
        )
        assert row["infinite_low"] == pytest.approx(row["infinite"] - np.hypot(value - low, reach))
        assert row["unit"] == "1/(J m s)"
    for label in ("conductivity", "transference number Li+", "transference number TFSI-"):
        row = table.loc[label]
        assert row["shift"] == 0
        assert row["infinite"] == row["value"]
        assert row["infinite_low"] == row["low"]
    again = infinite_cell(load(results.save(tmp_path / "r.nc")), SALT, viscosity=0.4)
    np.testing.assert_allclose(again["infinite"], table["infinite"])
    assert (again["shift_error"] == 0).all()
    window = infinite_cell(results, SALT, viscosity=0.4, window=16.0)
    assert window.attrs["window_ps"] == 16.0
    assert window.loc[labels[0], "shift"] == pytest.approx(per * 3e-4)


def test_conductivity_and_transference_follow_unchanged_from_the_corrected_matrix(liquid_run):
    """sigma = e^2 sum z z L, t_A = e^2 sum_B z_A z_B L_AB / sigma, before and after."""
    table = infinite_cell(liquid_run.results, SALT, viscosity=0.4)
    for column in ("value", "infinite"):
        like, cross, other = table[column].iloc[:3]
        sigma = constants.e**2 * (like + other - 2 * cross)
        assert sigma == pytest.approx(table.loc["conductivity", column])
        number = constants.e**2 * (like - cross) / sigma
        assert number == pytest.approx(table.loc["transference number Li+", column])


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (np.diag([3e-4, 3e-4]), "the sum of z_B S_AB over B must be zero"),
        (np.array([[1e-4, 2e-4], [1e-4, 1e-4]]), "fluctuations must be symmetric"),
        (-SALT, "fluctuations must have no negative eigenvalue"),
        (np.ones(2), r"fluctuations must be an array of finite numbers, S_AB in 1/Å\^3"),
        ("rdf", "fluctuations must be an array of finite numbers"),
        (fluctuations(species=("Na+", "Cl-")), r"are of \['Na\+', 'Cl-'\] in the barycentric"),
        (fluctuations(frame="laboratory"), "in the laboratory frame, and this run has"),
    ],
)
def test_wrong_fluctuations_are_named(liquid_run, given, message):
    with pytest.raises(InputError, match=message):
        infinite_cell(liquid_run.results, given, viscosity=0.4)


def test_wrong_viscosities_and_results_are_named(liquid_run):
    for value in (0, -1, float("nan"), "0.4"):
        with pytest.raises(InputError, match="viscosity must be a number above 0 in mPa s"):
            infinite_cell(liquid_run.results, SALT, viscosity=value)
    with pytest.raises(InputError, match="results must be of type Results"):
        infinite_cell(liquid_run, SALT, viscosity=0.4)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"frame": "framework"}, "frame='framework', axes='xyz'; run with frame='barycentric'"),
        ({"frame": "solvent"}, "this run has frame='solvent'"),
        ({"axes": "xy"}, "this run has frame='barycentric', axes='xy'"),
        ({"cell_angstrom": [[30.0, 0, 0], [0, 30.0, 0], [0, 0, 60.0]]},
         "infinite_cell holds for a cubic cell, .*; extrapolate over cells of other sizes"),
        ("PolymerEvents", "PolymerEvents: over the size of the cell chains resist flow"),
        ("CrystalEvents", "a crystal does not flow"),
        ("charge", r"the charges of the species of this run sum to \+16 e; run again"),
    ],
)  # fmt: skip
def test_what_it_does_not_hold_for_is_refused(liquid_run, changes, message):
    results = liquid_run.results
    kept = results.tree.attrs["settings"]
    settings = json.loads(kept)
    if changes == "charge":
        settings["species"][1]["charge"] = 0.0
    elif isinstance(changes, str):
        settings["species"][0]["events"]["rule"] = changes
    else:
        settings |= changes
    tree = results.tree.copy()
    tree.attrs["settings"] = json.dumps(settings)
    with pytest.raises(InputError, match=message):
        infinite_cell(type(results)(tree), SALT, viscosity=0.4)


@pytest.mark.parametrize("rule", ["PolymerEvents", "CrystalEvents"])
def test_self_terms_of_what_does_not_flow_are_refused(liquid_run, rule):
    """In the shipped polymer 1 mPa s would make lithium 2.5 times as fast."""
    results = liquid_run.results
    assert "self-diffusivity Li+, infinite cell" in results.diffusion(viscosity=1.0).index
    settings = json.loads(results.tree.attrs["settings"])
    settings["species"][0]["events"]["rule"] = rule
    tree = results.tree.copy()
    tree.attrs["settings"] = json.dumps(settings)
    with pytest.raises(
        InputError, match=r"viscosity=\.\.\.: the correction .* cells of several sizes"
    ):
        type(results)(tree).diffusion(viscosity=1.0)
