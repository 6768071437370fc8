"""Mistakes that first users make: each is answered with argument, value and remedy."""

import pytest

from mda_ionmech import InputError, IonSpecies, OnsagerDecomposition, datasets
from mda_ionmech.microstates import CutoffShell, SiteAssignment
from mda_ionmech.trajectory import from_ase


@pytest.fixture(scope="module")
def u():
    return datasets.liquid()


@pytest.fixture(scope="module")
def ions(u):
    li = IonSpecies(u.select_atoms("resname LI"), charge=1, name="Li+")
    tfsi = IonSpecies(u.select_atoms("resname TFS"), charge=-1, name="TFSI-", compound="residues")
    return li, tfsi


def test_a_selection_text_in_place_of_atoms(u):
    message = r"got str 'resname LI'; give the atoms: universe.select_atoms\('resname LI'\)"
    with pytest.raises(TypeError, match=message):
        IonSpecies("resname LI", charge=1, name="Li+")
    with pytest.raises(
        TypeError, match=r"ligand type 'solvent' must be .* got str 'name N1'; give"
    ):
        CutoffShell(2.8, solvent="name N1")
    with pytest.raises(TypeError, match=r"got ResidueGroup; give its .atoms"):
        IonSpecies(u.residues, charge=1, name="Li+")
    with pytest.raises(TypeError, match=r"got Universe; make one with universe.select_atoms"):
        IonSpecies(u, charge=1, name="Li+")


@pytest.mark.parametrize(
    ("cutoff", "meant"),
    [
        ("RDF ", r"got 'RDF '; did you mean cutoff='rdf'\?"),
        ("auto", r"did you mean cutoff='rdf'\?"),
        ("2.8", r"give the number without quotes: cutoff=2.8"),
        ("first minimum", r"give e.g. cutoff='rdf' or cutoff=2.8"),
        ({"solvent": "RDF"}, r"cutoff of 'solvent' .* did you mean cutoff='rdf'\?"),
        ([2.8, 3.0], r"give one radius for each ligand type, cutoff=\{'solvent': 2.8"),
    ],
)
def test_misspelt_cutoffs(u, cutoff, meant):
    with pytest.raises(InputError, match=meant):
        CutoffShell(cutoff, solvent=u.select_atoms("name N1"))


def test_a_charge_in_quotes(u):
    with pytest.raises(InputError, match=r"got '\+1'; give a number without quotes"):
        IonSpecies(u.select_atoms("resname LI"), charge="+1", name="Li+")


@pytest.mark.parametrize("name", ["summary", "transport", "decomposition", "save", "plot"])
def test_results_before_the_run(ions, name):
    run = OnsagerDecomposition(ions, temperature=330)
    with pytest.raises(AttributeError, match=rf"results.{name} needs a finished run: call .run"):
        getattr(run.results, name)
    assert not hasattr(run.results, "summary")


def test_one_species_needs_no_list(ions):
    assert [
        s.name for s in OnsagerDecomposition(ions[0], temperature=330, frame="laboratory").species
    ] == ["Li+"]


def test_a_forgotten_compound(u, ions):
    atoms = IonSpecies(u.select_atoms("resname TFS"), charge=-1, name="TFSI-")
    message = (
        r"every atom of TFSI- counts as a carrier.*\(240 carriers\).*give compound='fragments'"
    )
    with pytest.raises(InputError, match=message):
        OnsagerDecomposition([ions[0], atoms], temperature=330)


def test_species_that_overlap(u, ions):
    both = IonSpecies(
        u.select_atoms("resname LI TFS"), charge=-1, name="TFSI-", compound="residues"
    )
    message = r"overlap in atom index 0 \(name LI.*16 atoms are in both, of 16 and 256.*and not"
    with pytest.raises(InputError, match=message):
        OnsagerDecomposition([ions[0], both], temperature=330)


def test_folders_in_place_of_files(u, tmp_path):
    pytest.importorskip("ase", reason="ASE is not installed")
    pytest.importorskip("gemmi", reason="gemmi is not installed")
    with pytest.raises(InputError, match=r"is a folder; give a file in it, e\.g\. XDATCAR"):
        from_ase(tmp_path, dt=1.0)
    with pytest.raises(FileNotFoundError, match="this is a folder, give a file in it"):
        SiteAssignment.from_cif(tmp_path, species="Li", framework=u.atoms)
