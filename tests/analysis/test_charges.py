"""Charges, carriers and references that cannot be right are named with what was probably meant."""

import warnings

import numpy as np
import pytest

from mda_ionmech import InputError, IonSpecies, OnsagerDecomposition
from mda_ionmech.microstates import CutoffShell, HullShell, SiteAssignment

from ..builders import brownian, make_universe, mobility


def salt(n=8, size=4, *, bonds=False, residues="own", charges=None, lithium_mass=6.94):
    """n lithium ions and n anions of `size` atoms, then two waters."""
    rng = np.random.default_rng(0)
    names = ["LI"] * n + [f"F{k}" for k in range(size)] * n + ["OW", "HW1", "HW2"] * 2
    masses = [lithium_mass] * n + [19.0 + k for k in range(size)] * n + [16.0, 1.0, 1.0] * 2
    own = [*range(n), *np.repeat(np.arange(n, 2 * n), size), *[2 * n] * 3, *[2 * n + 1] * 3]
    kinds = [0] * n + [1] * (n * size) + [2] * 6
    residue = {"own": own, "kind": kinds, "none": [0] * len(own)}[residues]
    pairs = [(a, a + k) for a in range(n, n * (1 + size), size) for k in range(1, size)]
    u = make_universe(
        brownian(rng, 40, len(own), 0.02, 1.0) + rng.uniform(0, 40, (1, len(own), 3)),
        names=names, masses=masses, residue=residue, bonds=pairs if bonds else None,
    )  # fmt: skip
    if charges is not None:
        u.add_TopologyAttr("charges", charges)
    return u


def analysis(u, cation=1.0, anion=-1.0, *, compound="residues", frame="laboratory", **options):
    names = {"names": ("Li+", "TFSI-")} | options
    species = [
        IonSpecies(u.select_atoms("name LI"), charge=cation, name=names["names"][0]),
        IonSpecies(u.select_atoms("name F*"), charge=anion, name=names["names"][1],
                   compound=compound),
    ]  # fmt: skip
    return OnsagerDecomposition(species, temperature=300, frame=frame, resolutions=None)


def said(function):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        function()
    return [str(w.message) for w in caught]


FRAMES = ("laboratory", "barycentric", "solvent")


@pytest.mark.parametrize("frame", FRAMES)
def test_a_wrong_sign_is_named(frame):
    message = (
        r"charge of species 'TFSI-' is \+1, and its name ends in '-': charge of Li\+ is \+1 "
        r"\(8 carriers\), of TFSI- \+1 \(8 carriers\): together \+16 e; did you mean charge=-1"
    )
    with pytest.raises(InputError, match=message):
        analysis(salt(), anion=1, frame=frame)


@pytest.mark.parametrize("frame", ["barycentric", "solvent"])
@pytest.mark.parametrize(
    ("cation", "anion", "meant"),
    [
        (1, 1, r"charge=-1 for anion\?"),
        (2, -1, r"charge=\+1 for Li or charge=-2 for anion\?"),
        (1, 0, r"charge=-1 for anion\?"),
        (0.8, -1, r"charge=\+1 for Li or charge=-0.8 for anion\?"),
        (0, -1, r"charge=\+1 for Li\?"),
    ],
)
def test_wrong_charges_are_named_where_the_reference_needs_all(frame, cation, anion, meant):
    with pytest.raises(InputError, match=rf"together .* e; did you mean {meant}"):
        analysis(salt(), cation, anion, frame=frame, names=("Li", "anion"))


def test_wrong_charges_are_said_where_a_part_may_be_listed():
    texts = said(lambda: analysis(salt(), 1, 1, names=("Li", "anion")))
    assert any("together +16 e; did you mean charge=-1 for anion?" in text for text in texts)
    # two cations of a crystal are nothing unusual
    texts = said(lambda: analysis(salt(), 1, 1, names=("Li+", "Na+")))
    assert not any("did you mean" in text for text in texts)
    assert said(lambda: analysis(salt())) == []


@pytest.mark.parametrize("frame", FRAMES)
def test_charges_that_are_all_zero_are_refused(frame):
    with pytest.raises(InputError, match="conductivity would be 0 because every charge is: charge"):
        analysis(salt(), 0, 0, frame=frame, names=("Li", "anion"))


@pytest.mark.parametrize("frame", FRAMES)
@pytest.mark.parametrize(
    ("bonds", "residues", "compound"),
    [(False, "own", "residues"), (True, "own", "fragments"), (True, "kind", "fragments")],
)
def test_a_forgotten_compound_is_named(frame, bonds, residues, compound):
    u = salt(bonds=bonds, residues=residues)
    message = (
        rf"every atom of TFSI- counts as a carrier: .* of TFSI- -1 \(32 carriers\): together -24 e;"
        rf".* 8 molecules of TFSI-, .* sum to zero: give compound='{compound}'"
    )
    with pytest.raises(InputError, match=message):
        analysis(u, compound=None, frame=frame)


@pytest.mark.parametrize("frame", FRAMES)
def test_molecules_that_share_a_residue_are_counted(frame):
    with pytest.raises(InputError, match="its 32 atoms look like 8 molecules of TFSI-, with which"):
        analysis(salt(residues="kind"), frame=frame)


@pytest.mark.parametrize(
    ("name", "charge", "warned"),
    [("Zn2+", 2, 0), ("Zn2+", 1.6, 0), ("Zn2+", 1, 1), ("Li1+", 0.8, 0), ("Mg2+", 3, 1)],
)
def test_valences_of_names(name, charge, warned):
    def make():
        u = salt(size=1)
        analysis(u, charge, -charge, names=(name, "X-"))

    assert sum("its name says" in text for text in said(make)) == warned


@pytest.mark.parametrize(("scale", "warned"), [(1.0, 0), (0.75, 0), (2.0, 2), (-1.0, 2), (0.0, 0)])
def test_charges_of_the_topology_are_compared(scale, warned):
    charges = np.array([1.0] * 8 + [-0.25] * 32 + [0.0] * 6) * scale
    texts = said(lambda: analysis(salt(charges=charges)))
    assert sum("in the topology sum to" in text for text in texts) == warned
    # a single atom of a molecule has any charge
    u = salt(charges=charges)
    part = IonSpecies(u.select_atoms("name F0"), charge=-1, name="TFSI-")
    texts = said(lambda: OnsagerDecomposition([part], temperature=300, frame="laboratory"))
    assert not any("in the topology sum to" in text for text in texts)


def framework(u, atoms, **options):
    ions = IonSpecies(u.select_atoms("name LI"), charge=1, name="Li+", **options)
    return OnsagerDecomposition([ions], temperature=300, framework=atoms, resolutions=None)


def test_a_framework_of_the_carriers_themselves_conducts_nothing_by_construction():
    u = salt()
    with pytest.raises(InputError, match=r"conductivity of Li\+ is zero by construction"):
        framework(u, u.select_atoms("name LI"))
    texts = said(lambda: framework(u, u.select_atoms("name LI OW")))
    assert any("framework=... holds 8 atoms of the carriers Li+" in text for text in texts)
    assert not any("carriers" in t and "framework=" in t for t in said(
        lambda: framework(u, u.select_atoms("name OW"))))  # fmt: skip


def test_a_species_that_is_the_framework_is_named():
    u = salt(size=1)
    species = [
        IonSpecies(u.select_atoms("name LI"), charge=1, name="Li+"),
        IonSpecies(u.select_atoms("name F0"), charge=-1, name="F-"),
    ]
    with pytest.warns(UserWarning, match="Onsager coefficients of F- are zero by construction"):
        run = OnsagerDecomposition(
            species, temperature=300, framework=species[1].atoms, resolutions=None
        )
    assert np.abs(mobility(run.run().results, "F-")).max() < 1e-12


@pytest.mark.parametrize("frame", ["barycentric", "framework", "auto"])
def test_one_species_that_is_every_atom(frame):
    u = make_universe(brownian(np.random.default_rng(0), 20, 6, 0.1, 1.0), masses=[7.0] * 6,
                      names=["LI"] * 6)  # fmt: skip
    ions = IonSpecies(u.atoms, charge=1, name="Li+")
    with pytest.raises(InputError, match=r"species 'Li\+' is every atom .* zero by construction"):
        OnsagerDecomposition([ions], temperature=300, frame=frame)
    with pytest.raises(InputError, match="zero by construction"):
        OnsagerDecomposition([ions], temperature=300, framework=u.atoms)
    with pytest.warns(UserWarning, match="is the momentum of the whole system"):
        OnsagerDecomposition([ions], temperature=300, frame="laboratory")


def test_atoms_of_another_universe_are_refused_wherever_they_are():
    u, other = salt(), salt()
    with pytest.raises(InputError, match="framework holds 2 atoms of another universe"):
        framework(u, other.select_atoms("name OW"))
    solvent = u.select_atoms("name OW")
    detectors = [
        CutoffShell(3.0, solvent=other.select_atoms("name OW")),
        HullShell(solvent=other.select_atoms("name OW")),
        SiteAssignment.from_structure([[0.5, 0.5, 0.5]], ["a"], framework=solvent,
                                      vertices=other.select_atoms("name HW1 HW2"),
                                      assignment="polyhedron", coordination=4),
        SiteAssignment.from_structure([[0.5, 0.5, 0.5]], ["a"],
                                      framework=other.select_atoms("name OW")),
    ]  # fmt: skip
    for detector in detectors:
        with pytest.raises(InputError, match="atoms of another universe"):
            framework(u, solvent, microstates=detector)


@pytest.mark.parametrize("charge", [1.6e-19, -1e-10, 96485.0, -1.6e19])
def test_charges_in_other_units_are_refused(charge):
    with pytest.raises(InputError, match=r"units of the elementary charge, e.g. \+1 \(1.6e-19 C"):
        IonSpecies(salt().select_atoms("name LI"), charge=charge, name="Li")


def test_metals_that_are_anions_are_said():
    def make(cation, anion):
        return said(lambda: analysis(salt(size=1), cation, anion, names=("first", "second")))

    assert make(1, -1) == []
    texts = make(-1, 1)
    assert any("first is -1, and its carriers are Li atoms, whose ions have +1" in t for t in texts)
    assert any("second is +1, and its carriers are F atoms" in t for t in texts)


def test_nobody_is_asked_to_make_lithium_doubly_charged():
    texts = said(lambda: analysis(salt(), 1, -2, names=("Li+", "SO4")))
    assert any("together -8 e; did you mean charge=-1 for SO4?" in text for text in texts)


@pytest.mark.parametrize("frame", FRAMES)
def test_residues_that_cut_molecules_are_named(frame):
    """Two residues for each anion, whose bonds join them."""
    u = salt(bonds=True)
    own = u.atoms.resindices + 18 * np.isin(u.atoms.names, ["F2", "F3"])
    cut = make_universe(
        u.trajectory.timeseries(order="fac"), names=list(u.atoms.names), masses=u.atoms.masses,
        residue=np.unique(own, return_inverse=True)[1], bonds=u.bonds.indices,
    )  # fmt: skip
    with pytest.raises(InputError, match=r"makes several carriers of one molecule.*'fragments'"):
        analysis(cut, frame=frame)
    assert analysis(cut, compound="fragments", frame=frame).species[1].n_carriers == 8
    # monomers of a polyanion are carriers, too
    assert analysis(cut, 2, -1, names=("M", "A"), frame=frame).species[1].n_carriers == 16
