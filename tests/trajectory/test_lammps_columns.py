"""Columns of LAMMPS data files, from texts with and without the name of their style."""

import pytest

from mda_ionmech import InputError
from mda_ionmech.trajectory.lammps_columns import atom_style_of, check_dump

ATOMIC, CHARGE = "id type x y z", "id type charge x y z"
MOLECULAR, FULL = "id resid type x y z", "id resid type charge x y z"


@pytest.mark.parametrize(
    ("head", "row", "columns"),
    [
        ("Atoms", "1 1 0.5 0.5 0.5", ATOMIC),
        ("Atoms", "1 1 0.5 0.5 0.5 0 0 -1", ATOMIC),
        ("Atoms", "1 1 0.5 0.5 0.5 # 1 2 3", ATOMIC),
        ("Atoms", "1 1 +1 0.5 0.5 0.5", MOLECULAR),
        ("Atoms", "1 1 +1.0 0.5 0.5 0.5", CHARGE),
        ("Atoms", "1 1 2 0.5 0.5 0.5 0 0 0", MOLECULAR),
        ("Atoms", "1 1 1.0 0.5 0.5 0.5 0 -1 0", CHARGE),
        ("Atoms", "1 1 2 -1 0.5 0.5 0.5", FULL),
        ("Atoms", "1 1 2 -1 0.5 0.5 0.5 1 0 0", FULL),
        ("Atoms", "1 1 2 -1 0.5 0.5 0.5 1.0 0 0", None),  # ten numbers of some other style
        ("Atoms", "1 1 2 3", None),
        ("Atoms", "1 1 1 1 0 0 0 1", ATOMIC),  # every number is whole
        ("Atoms # charge", "1 1 1 2 3 4", CHARGE),
        ("  Atoms  # full", "1 1 1 2 3 4", FULL),
        ("Atoms # bond", "1 1 1 2 3 4", MOLECULAR),
        ("Atoms # sphere", "1 1 1.0 0.5 0.5 0.5", CHARGE),  # a style without columns here
        ("Masses", "1 1 0.5 0.5 0.5", None),
        ("Atoms", "", None),
    ],
)
def test_columns_of_the_section_atoms(tmp_path, head, row, columns):
    path = tmp_path / "salt.data"
    path.write_text(f"a title # Atoms\n\n1 atoms\n\n{head}\n\n\n{row}\n2 1 1 1\n")
    assert atom_style_of(path) == columns


@pytest.mark.parametrize(
    ("first", "atoms", "message"),
    [
        ("", "id type x y z", None),
        ("ITEM: UNITS\nreal\n", "id x y z", "holds lines ITEM: UNITS "),
        ("ITEM: UNITS\nreal\nITEM: TIME\n0.5\n", "id x y z", "ITEM: UNITS and ITEM: TIME"),
        ("", "type x y z", r"has no column id \(type x y z\)"),
        ("", "x y z id", None),
    ],
)
def test_dumps_that_mdanalysis_does_not_read(tmp_path, first, atoms, message):
    path = tmp_path / "run.dump"
    head = "ITEM: TIMESTEP\n0\nITEM: NUMBER OF ATOMS\n1\nITEM: BOX BOUNDS pp pp pp\n"
    path.write_text(f"{first}{head}0 1\n0 1\n0 1\nITEM: ATOMS {atoms}\n1 0 0 0\n")
    if message is None:
        check_dump(path)
        return
    with pytest.raises(InputError, match=message):
        check_dump(path)


def test_cells_in_general_vectors_are_refused(tmp_path):
    path = tmp_path / "run.dump"
    path.write_text(
        "ITEM: TIMESTEP\n0\nITEM: NUMBER OF ATOMS\n1\nITEM: BOX BOUNDS abc origin\n"
        "1 0 0 0\n0 1 0 0\n0 0 1 0\nITEM: ATOMS id x y z\n1 0 0 0\n"
    )
    with pytest.raises(InputError, match="general vectors"):
        check_dump(path)
    check_dump(tmp_path / "none.dump")
