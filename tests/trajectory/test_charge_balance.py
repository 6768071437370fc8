"""Signs that names tell, and charges that would make the listed species neutral."""

from types import SimpleNamespace

import numpy as np
import pytest

from mda_ionmech import InputError, IonSpecies
from mda_ionmech.trajectory.charge_balance import (
    _sign_of_name,
    _valences,
    charges_in_words,
    check_charges,
    did_you_mean,
    likely_charges,
    net_charge,
)

from ..builders import make_universe


def species(*listed):
    """Name, charge and number of carriers of each."""
    return [SimpleNamespace(name=n, charge=z, n_carriers=k) for n, z, k in listed]


def test_signs_of_names():
    for name, sign in (
        ("Li+", 1), ("TFSI-", -1), ("Zn2+", 1), ("SO4 2-", -1), ("[BF4]-", -1), ("EMIM(a)+", 1),
        ("Li", 1), ("K", 1), ("anion", 0), ("S", 0), ("Cl", 0), ("+", 0), ("a+b", 0),
    ):  # fmt: skip
        assert _sign_of_name(name) == sign, name


def test_charges_that_would_make_the_whole_neutral():
    for listed, likely in (
        ([("Li", 1, 8), ("A", -1, 8)], {}),
        ([("Li", 1, 8), ("A", -1 + 1e-8, 8)], {}),
        ([("Li", 2, 8), ("A", -1, 8)], {"Li": 1, "A": -2}),
        ([("Li", 1, 8), ("A", 1, 8)], {"A": -1}),  # not Li: its name is a metal's
        ([("Li+", 1, 8), ("A+", 1, 8)], {}),
        # neither 0.5 nor 5 is a charge, 0.8 is that of the other
        ([("X", 1, 8), ("A", -1, 4)], {"X": 0.5, "A": -2}),
        ([("X", 5, 8), ("A", -0.5, 8)], {"X": 0.5, "A": -5}),
        ([("X", 0.8, 8), ("A", -1, 8)], {"X": 1, "A": -0.8}),
        ([("X", 4, 2), ("A", -1, 2)], {"X": 1, "A": -4}),
        ([("X", 5, 2), ("A", -1, 2), ("B", 1, 1)], {"X": 0.5}),
    ):
        found = likely_charges(species(*listed))
        # the species and the values, where whole or known from another
        others = {n: [abs(z) for m, z, _ in listed if m != n] for n, _, _ in listed}
        wanted = {
            n: z for n, z in likely.items()
            if (float(z).is_integer() and 1 <= abs(z) <= 4) or abs(z) in others[n]
        }  # fmt: skip
        assert found == pytest.approx(wanted), listed
        for name, charge in found.items():
            changed = [(n, charge if n == name else z, k) for n, z, k in listed]
            assert abs(net_charge(species(*changed))) < 1e-5


@pytest.mark.parametrize(
    ("names", "valence"),
    [("Li Na K Rb Cs", 1), ("Mg Ca Sr Ba Zn", 2), ("Al", 3), ("F Cl Br I", -1)],
)
def test_elements_of_one_valence_are_thought_to_have_no_other_charge(names, valence):
    for name in names.split():
        found = likely_charges(species((name, 2 * valence, 1), ("X", -valence, 1)))
        assert found[name] == valence
        found = likely_charges(species((name, valence, 1), ("X", -2 * valence, 1)))
        assert found == {"X": -valence}


def test_what_is_said_of_charges():
    one = species(("Li+", 2, 16), ("X", -1, 1))
    words = "charge of Li+ is +2 (16 carriers), of X -1 (1 carrier): together +31 e"
    assert charges_in_words(one) == words
    assert did_you_mean(species(("Li", 2, 8), ("A", -1, 8))) == (
        "did you mean charge=+1 for Li or charge=-2 for A? "
    )
    assert did_you_mean(species(("Li", 1, 8), ("A", -1, 8))) == ""
    for name, charge, said in (
        ("Zn2+", 2, 0), ("Zn2+", 2.1, 0), ("Zn2+", 2.2, 1), ("Zn2+", 1.2, 0), ("Zn2+", 1.1, 1),
        ("Xx2+", 9, 0), ("Zn5+", 9, 0), ("zn2+", 9, 0),
    ):  # fmt: skip
        assert len(_valences(species((name, charge, 4)))) == said, (name, charge)


@pytest.mark.parametrize("bonded", [0, 2, 4])
def test_the_compound_that_is_meant_follows_from_bonds_of_all_atoms(bonded):
    """Four molecules of two atoms, some of them bonded, beside four ions."""
    u = make_universe(
        np.random.default_rng(0).uniform(0, 40, (2, 12, 3)), masses=np.arange(1.0, 13),
        names=["L"] * 4 + ["A", "B"] * 4, residue=[0, 1, 2, 3, 4, 4, 5, 5, 6, 6, 7, 7],
        bonds=[(4 + 2 * k, 5 + 2 * k) for k in range(bonded)] or None,
    )  # fmt: skip
    listed = [
        IonSpecies(u.select_atoms("name L"), charge=1, name="L"),
        IonSpecies(u.select_atoms("name A B"), charge=-1, name="X"),
    ]
    compound = "fragments" if bonded == 4 else "residues"
    with pytest.raises(InputError, match=f"4 molecules of X, .* give compound='{compound}'"):
        check_charges(listed, u, u.atoms.resindices)
