"""Inputs of the simulations in `examples/simulate` that a script writes."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import shortest_path

MIXED = Path(__file__).parents[1] / "examples" / "simulate" / "mixed" / "build.py"


@pytest.fixture
def built(tmp_path, monkeypatch):
    spec = importlib.util.spec_from_file_location("build_mixed", MIXED)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.chdir(tmp_path)
    module.main()
    return module, tmp_path


def sections(text):
    """Rows of every section of a topology by molecule type."""
    found, molecule, section = {}, "", ""
    for line in text.splitlines():
        row = line.split()
        if not row or line.startswith("#"):
            continue
        if row[0] == "[":
            section = row[1]
        elif section == "moleculetype":
            molecule = row[0]
        else:
            found.setdefault((molecule, section), []).append(row)
    return found


def test_the_mixed_solvent_is_neutral_and_has_its_bonded_terms(built):
    module, folder = built
    found = sections((folder / "system.top").read_text())
    charges = {
        name: sum(float(row[6]) for row in found[name, "atoms"]) for name in module.COUNTS
    }  # fmt: skip
    assert charges == pytest.approx({"LI": 0.8, "PF6": -0.8, "EC": 0.0, "DMC": 0.0}, abs=1e-9)
    assert sum(charges[name] * n for name, n in module.COUNTS.items()) == pytest.approx(0, abs=1e-9)
    masses = {name: sum(float(row[7]) for row in found[name, "atoms"]) for name in module.COUNTS}
    known = {"LI": 6.94, "PF6": 144.96, "EC": 88.06, "DMC": 90.08}
    assert masses == pytest.approx(known, abs=0.02), "masses go from carbons to hydrogens"
    # an atom with n bonds has n (n - 1) / 2 angles, a bond (n - 1) (m - 1) torsions; of the 15
    # angles of PF6 the three of 180 degrees have no term; one improper of each C=O
    numbers = {
        name: [len(found.get((name, what), [])) for what in ("bonds", "angles", "dihedrals")]
        for name in ("PF6", "EC", "DMC")
    }
    assert numbers == {"PF6": [6, 12, 0], "EC": [10, 17, 19 + 1], "DMC": [11, 17, 10 + 1]}
    for name in ("EC", "DMC"):
        atoms = found[name, "atoms"]
        bonds = [(int(a) - 1, int(b) - 1) for a, b, _ in found[name, "bonds"]]
        near = csr_matrix(
            ([1] * len(bonds), tuple(zip(*bonds, strict=True))), shape=(len(atoms),) * 2
        )
        steps = shortest_path(near, directed=False, unweighted=True)
        wanted = {tuple(sorted(pair)) for pair in np.argwhere(steps == 3).tolist()}
        assert {(int(a) - 1, int(b) - 1) for a, b, _ in found[name, "pairs"]} == wanted
    for name in ("em", "compress", "mix", "equilibrate", "prod"):
        assert "rcoulomb = 1.0" in (folder / f"{name}.mdp").read_text()
