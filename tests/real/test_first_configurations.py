"""`ionmech init` on real files: what it takes them for, and that the file it writes is complete."""

import pytest
from typer.testing import CliRunner

from mda_ionmech import datasets
from mda_ionmech.cli.app import app
from mda_ionmech.cli.config import build_analysis, load_config


def configuration(folder, *arguments):
    """The analysis of the configuration that the command writes, and what it prints."""
    path = folder / "first.toml"
    done = CliRunner().invoke(app, ["init", *map(str, arguments), "-o", str(path)])
    assert done.exception is None, done.exception
    return build_analysis(load_config(path)), done.output


def test_a_published_xdatcar(shared_data, tmp_path):
    pytest.importorskip("ase", reason="ASE is not installed")
    path = shared_data / "argyrodite" / "XDATCAR_Li6PS5Cl_0p_run1.gz"
    if not path.exists():
        pytest.skip(f"the argyrodite trajectories are not at {path.parent}")
    analysis, said = configuration(tmp_path, path, "--dt", "0.1", "--temperature", "500")
    (lithium,) = analysis.species
    assert (lithium.name, lithium.n_carriers, lithium.charge) == ("Li+", 192, 1.0)
    assert analysis.framework.n_atoms == 416 - 192
    assert analysis.frame_spacing().described.startswith("140 frames, 0.1 ps apart")
    assert "Not in the files" not in said


def test_a_lammps_run_with_the_columns_of_its_data_file(shared_data, tmp_path):
    pytest.importorskip("gemmi", reason="gemmi is not installed")
    folder = shared_data / "crystal"
    if not folder.is_dir():
        pytest.skip(f"the garnet trajectories are not at {folder}")
    files = folder / "final0.T800.data", folder / "llzo.T800.xtc"
    cif = datasets.path("crystal") / "llzo.cif"
    analysis, said = configuration(tmp_path, *files, "--cif", cif, "--temperature", "800")
    (lithium,) = analysis.species
    assert lithium.n_carriers == 56
    assert len(lithium.microstates.labels) == 72
    assert "0.60 times the formal charges" in said


@pytest.mark.slow
def test_a_polymer(shared_data, tmp_path):
    folder = shared_data / "polymer"
    if not folder.is_dir():
        pytest.skip(f"the polymer trajectory is not at {folder}")
    files = folder / "litfsi_peo12_480K.tpr", folder / "litfsi_peo12_480K.xtc"
    analysis, said = configuration(tmp_path, *files, "--temperature", "480")
    lithium, tfsi = analysis.species
    assert (lithium.n_carriers, tfsi.n_carriers) == (15, 15)
    ligands = lithium.microstates.ligands
    assert {k: g.n_atoms for k, g in ligands.items()} == {"polymer": 20 * 12, "anion": 15 * 4}
    assert "0.80 times the formal charges" in said
