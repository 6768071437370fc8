"""Split sites become one: of one label or of several, from a list or a CIF."""

import numpy as np
import pytest

from mda_ionmech import InputError
from mda_ionmech.microstates import SiteAssignment
from mda_ionmech.microstates.sites.cif import sites_from_cif
from mda_ionmech.microstates.sites.merged_sites import merge_sites

from .test_site_assignment import CELL, HOST, SITES, run_sites, universe_of, visits

#: Each site split in two, 0.6 A apart; by another label, and across the face of the cell.
OFF = np.array([0.3, 0.0, 0.0]) @ np.linalg.inv(CELL)


def apart(found, wanted):
    difference = found[:, None] - wanted[None]
    difference -= np.rint(difference)
    return np.linalg.norm(difference @ CELL, axis=-1)


def test_sites_of_a_label_and_across_labels():
    rng = np.random.default_rng(0)
    for shift in (0.0, 0.65, -0.1):  # -0.1: pairs on both sides of a face
        whole = SITES + np.array([shift, 0, 0])
        sites = np.concatenate([whole - OFF, whole + OFF])
        order = rng.permutation(len(sites))
        same = np.array(list("aabc") * 2)[order]
        found, labels = merge_sites(sites[order], same, CELL, 1.0, across=False)
        gap = apart(found, whole)
        assert gap.shape == (4, 4)
        assert gap.min(axis=0).max() < 1e-9
        assert [labels[k] for k in gap.argmin(axis=0)] == list("aabc")
        two = np.array(list("aabcdddd"))[order]
        kept, _ = merge_sites(sites[order], two, CELL, 1.0, across=False)
        assert len(kept) == 8
        found, labels = merge_sites(sites[order], two, CELL, 1.0, across=True)
        joined = [labels[k] for k in apart(found, whole).argmin(axis=0)]
        assert [sorted(x.split("+")) for x in joined] == [["a", "d"]] * 2 + [["b", "d"], ["c", "d"]]
        assert len(set(joined)) == 3, "one order of the labels"
    same, labels = merge_sites(SITES, list("aabc"), CELL, 0.0, across=True)
    assert same is SITES
    assert labels == tuple("aabc")


def test_chains_of_neighbours_are_refused():
    row = np.array([[x, 0, 0] for x in np.arange(0, 6, 0.9)]) @ np.linalg.inv(CELL)
    with pytest.raises(InputError, match=r"merge=1 Å joins 7 sites to one that extends over \d"):
        merge_sites(row, ["a"] * 7, CELL, 1.0, across=False)


@pytest.mark.parametrize("distance", [1e6, 1e200])
def test_distances_beyond_the_cell_are_refused(distance):
    with pytest.raises(InputError, match="smallest height of the cell"):
        merge_sites(SITES, list("aabc"), CELL, distance, across=True)


@pytest.mark.parametrize("across", [False, True])
def test_a_run_on_split_sites_is_one_on_whole_sites(across):
    fractional, held, names = visits(np.random.default_rng(3), n_frames=200)
    split = np.concatenate([SITES - OFF, SITES + OFF])
    second = "aabc" if not across else "wxyz"
    universe = universe_of(fractional, names)
    detector = SiteAssignment.from_structure(
        split, list("aabc" + second), framework=universe.select_atoms("name H"), r_core=0.8,
        framework_fractional=HOST, merge=1.0, merge_across=across,
    )  # fmt: skip
    found, micro = run_of(universe, detector)
    np.testing.assert_array_equal(micro.state, held)
    expected = ("a+w", "a+x", "b+y", "c+z") if across else tuple("aabc")
    assert found.labels == expected
    about = found.describe()
    assert (about["n_sites"], about["sites_given"], about["merge_angstrom"]) == (4, 8, 1.0)
    _, whole = run_sites(universe)
    np.testing.assert_array_equal(micro.state, whole.state)


def run_of(universe, detector):
    from mda_ionmech import IonSpecies, OnsagerDecomposition

    ions = IonSpecies(universe.select_atoms("name I"), charge=1, name="ion", microstates=detector)
    run = OnsagerDecomposition([ions], temperature=300, windows=[1.0]).run()
    return run.species[0].microstates, run.microstates["ion"]


#: F -4 3 m with Li on 48h and on 24g between pairs of them, 0.64 A from each.
SPLIT = """data_split
_cell_length_a 10.0
_cell_length_b 10.0
_cell_length_c 10.0
_cell_angle_alpha 90
_cell_angle_beta 90
_cell_angle_gamma 90
_symmetry_space_group_name_H-M 'F -4 3 m'
loop_
_atom_site_label
_atom_site_type_symbol
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
_atom_site_occupancy
P1 P 0 0 0.5 1
S1 S 0 0 0 1
S2 S 0.25 0.25 0.25 1
Li1 Li 0.295 0.045 0.25 0.4
Li2 Li 0.25 0.02 0.25 0.2
"""


def test_split_orbits_of_a_cif(tmp_path):
    pytest.importorskip("gemmi")
    pytest.importorskip("spglib")
    path = tmp_path / "split.cif"
    path.write_text(SPLIT)
    one = sites_from_cif(path, "Li", 1.0)
    whole = sites_from_cif(path, "Li", 1.0, across=True)
    assert len(whole.sites) < len(one.sites)
    cell = 10 * np.eye(3)
    gap = whole.sites[:, None] - whole.sites[None]
    gap = np.linalg.norm((gap - np.rint(gap)) @ cell, axis=-1) + 99 * np.eye(len(whole.sites))
    assert gap.min() > 1.0
    # the framework is untouched, and labels are multiplicities and letters of the new orbits
    np.testing.assert_array_equal(whole.framework, one.framework)
    for label in set(whole.labels):
        assert whole.labels.count(label) == int(label[:-1])


def test_what_does_not_merge_is_refused():
    universe = universe_of(*(visits(np.random.default_rng(0), n_frames=5)[k] for k in (0, 2)))
    for options, message in (
        ({"merge": -1.0}, "merge must be a distance in Angstrom, 0 or more"),
        ({"merge": "wide"}, "merge must be a distance in Angstrom"),
        ({"merge_across": True}, "merge_across=True has no meaning without merge="),
        ({"merge": 1.0, "merge_across": "yes"}, "merge_across must be True or False, got 'yes'"),
    ):
        with pytest.raises(InputError, match=message):
            run_sites(universe, **options)
