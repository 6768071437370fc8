"""Which atoms a frame of reference weighs, and which frames have a meaning."""

from types import SimpleNamespace

import numpy as np
import pytest

from mda_ionmech import InputError, IonSpecies
from mda_ionmech.trajectory.frames_of_reference import reference_weights, resolve_frame
from mda_ionmech.trajectory.masses import atom_masses

from ..builders import make_universe

MASSES = np.array([7.0, 7.0, 35.0, 35.0, 16.0, 1.0, 1.0, 0.0, 0.25, 0.0])


def universe():
    """Two cations, two anions, a water of four sites and a light particle with a massless site."""
    return make_universe(
        np.random.default_rng(0).uniform(0, 40, (2, 10, 3)),
        names=["L", "L", "A", "A", "O", "H", "H", "M", "D", "E"], masses=MASSES,
        residue=[0, 1, 2, 3, 4, 4, 4, 4, 5, 5],
    )  # fmt: skip


def salt(u, cation=1.0, anions="A"):
    return [
        IonSpecies(u.select_atoms("name L"), charge=cation, name="L"),
        IonSpecies(u.select_atoms(f"name {anions}"), charge=-1, name="A"),
    ]


@pytest.mark.parametrize("masses", ["found", "given"])
def test_weights_are_masses_of_the_reference_atoms(masses):
    u = universe()
    known = None if masses == "found" else atom_masses(u).value
    every = np.arange(10)
    for frame, framework, chosen in (
        ("barycentric", None, every),
        ("solvent", None, every[4:]),
        ("framework", None, every[4:]),
        ("framework", u.select_atoms("name O A"), every[[2, 3, 4]]),
        # a site of a light particle counts with the rest
        ("framework", u.select_atoms("name O E"), every[[4, 9]]),
        # the centre of mass of all, whatever else is given
        ("barycentric", u.select_atoms("name O"), every),
    ):
        found = reference_weights(frame, salt(u), framework, u, known)
        expected = np.where(np.isin(every, chosen), MASSES, 0)
        np.testing.assert_allclose(found, expected / expected.sum())
    assert reference_weights("laboratory", salt(u), None, u, known).shape == (0,)


def test_a_molecule_of_the_reference_needs_mass():
    u = universe()
    # the water without its oxygen and hydrogens has none
    masses = np.where(np.isin(np.arange(10), [4, 5, 6]), 0.0, MASSES)
    with pytest.raises(InputError, match=r"frame='solvent' but are zero for some atoms: 4 atoms"):
        reference_weights("solvent", salt(u), None, u, masses)
    # any molecule, the first as well
    residue = u.atoms.resindices
    for k in range(6):
        masses = np.where(residue == k, 0.0, MASSES)
        number = np.count_nonzero(residue == k)
        with pytest.raises(InputError, match=rf"are zero for some atoms: {number} atom"):
            reference_weights("barycentric", salt(u), None, u, masses)


def test_a_reference_without_atoms_is_refused():
    u = universe()
    ions = [IonSpecies(u.select_atoms(n), charge=1, name="X") for n in ("name L", "not name L")]
    with pytest.raises(InputError, match=r"frame='solvent' needs atoms that belong to no species"):
        reference_weights("solvent", ions, None, u)


def test_the_frame_that_is_meant():
    u = universe()
    on_sites = SimpleNamespace(has_sites=True)
    assert resolve_frame("auto", salt(u)) == "barycentric"
    crystal = salt(u)[:1]
    crystal = [
        SimpleNamespace(**{k: getattr(crystal[0], k) for k in ("atoms", "charge", "name")},
                        n_carriers=2, microstates=on_sites)
    ]  # fmt: skip
    assert resolve_frame("auto", crystal) == "framework"
    # one species on sites is enough
    assert resolve_frame("auto", [*salt(u)[1:], *crystal]) == "framework"
    for frame in ("barycentric", "solvent", "framework", "laboratory"):
        assert resolve_frame(frame, salt(u)) == frame
    for frame in ("", "Barycentric", None, 3):
        with pytest.raises(InputError, match="frame must be 'auto' or one of"):
            resolve_frame(frame, salt(u))


def test_charges_must_sum_to_zero_where_the_reference_holds_the_rest():
    u = universe()
    charged = salt(u, cation=2.0)
    for frame in ("barycentric", "solvent"):
        with pytest.raises(InputError, match=rf"frame='{frame}' needs all charged .* sum to \+2 e"):
            resolve_frame(frame, charged)
    for frame in ("framework", "laboratory"):
        assert resolve_frame(frame, charged) == frame
    assert resolve_frame("barycentric", salt(u, cation=1 + 4e-7)) == "barycentric"


def test_one_species_that_is_every_atom_has_no_reference():
    u = make_universe(np.zeros((2, 3, 3)), masses=[7.0] * 3)
    everything = [IonSpecies(u.atoms, charge=0, name="X")]
    for frame in ("barycentric", "framework"):
        with pytest.raises(InputError, match=rf"frame='{frame}': species 'X' is every atom"):
            resolve_frame(frame, everything)
        assert resolve_frame(frame, everything, given=True) == frame
    assert resolve_frame("laboratory", everything) == "laboratory"
    # a part of the atoms, and all atoms in two species
    part = [IonSpecies(u.atoms[:2], charge=0, name="X")]
    assert resolve_frame("barycentric", part) == "barycentric"
    assert resolve_frame("barycentric", [*part, IonSpecies(u.atoms[2:], charge=0, name="Y")])
