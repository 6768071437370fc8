"""A frame in a notebook: every ion has the colour of its event, and nothing is downloaded."""

import io

import MDAnalysis as mda
import numpy as np
import pytest

from mda_ionmech import InputError, datasets
from mda_ionmech.cli.demos import crystal_analysis
from mda_ionmech.results.colors import EVENT_COLORS
from mda_ionmech.viewing.notebook import pdb_text


@pytest.fixture(scope="module")
def results():
    return crystal_analysis(datasets.crystal()).run(stop=60).results


def representations(widget):
    return [
        (m["args"][0], m["kwargs"])
        for m in widget._ngl_msg_archive
        if m["methodName"] == "addRepresentation"
    ]


def test_ions_have_the_colours_of_their_events(results):
    pytest.importorskip("nglview", reason="nglview is not installed: the extra notebook")
    widget = results.view(20)
    found = {
        kwargs["color"]: set(map(int, kwargs["sele"][1:].split(",")))
        for kind, kwargs in representations(widget)
        if kind == "spacefill"
    }
    data = results.states
    names = data["event"].attrs["flag_meanings"].split()
    ids = data["carrier_atom_id"].values
    code = data["event"].values[20]
    for name in ("single_ion_hop", "multi_ion_hop"):
        atoms = set((ids[code == names.index(name)] - 1).tolist())
        assert found.pop(EVENT_COLORS[name], set()) == atoms
    assert found.pop("#9E9E9E") == set((ids[code == names.index("no_hop")] - 1).tolist())
    assert not found
    with pytest.raises(InputError, match="frame=70 was not analysed; analysed are 0 to 59"):
        results.view(70)
    with pytest.raises(InputError, match="'hop' is no event of this result; it has no_hop"):
        results.view(events="hop")
    # without a frame: the one with most ions in these events
    most = int((data["event"].values == names.index("multi_ion_hop")).sum(axis=1).max())
    kinds = {
        kwargs["color"]: kwargs["sele"]
        for kind, kwargs in representations(results.view(events="multi_ion_hop"))
        if kind == "spacefill"
    }
    assert len(kinds[EVENT_COLORS["multi_ion_hop"]].split(",")) == most


def test_the_frame_is_that_of_the_trajectory():
    universe = datasets.liquid()
    ts = universe.trajectory[5]
    again = mda.Universe(io.StringIO(pdb_text(universe, ts)), format="PDB", topology_format="PDB")
    assert again.atoms.n_atoms == 928
    assert set(again.atoms.elements) == {"Li", "C", "N", "O", "F", "S"}
    apart = again.atoms.positions - ts.positions
    apart -= np.rint(apart / ts.dimensions[:3]) * ts.dimensions[:3]
    assert np.abs(apart).max() < 2e-3
    np.testing.assert_allclose(again.dimensions, ts.dimensions, atol=2e-3)


def test_without_nglview_the_extra_is_named(results, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "nglview", None)
    with pytest.raises(InputError, match=r"pip install 'mda-ionmech\[notebook\]'"):
        results.view(0)
