"""A dump for OVITO Basic: every atom, with identifiers and integer columns."""

import warnings

import MDAnalysis as mda
import numpy as np
import pytest
from typer.testing import CliRunner

from mda_ionmech import InputError, datasets
from mda_ionmech.cli.app import app
from mda_ionmech.viewing.dump import write_dump
from ovito_modifiers import ColorByEvent, read_states

from ..builders import make_universe
from . import builders

pytestmark = pytest.mark.filterwarnings("error", "ignore:Reload offsets")


def small_universe(**options):
    return make_universe(
        builders.positions(), np.array([builders.LENGTH] * 3 + [90.0] * 3), **options
    )


def test_every_atom_has_the_code_of_its_carrier(states_file, tmp_path):
    path, legend = write_dump(small_universe(), states_file, tmp_path / "small.lammpstrj")
    assert legend["event"] == dict(enumerate(builders.EVENTS, start=1))
    assert legend["macrostate"] == {1: "SSIP", 2: "CIP"}
    states = read_states(states_file)
    pipeline = builders.load(path)
    pipeline.modifiers.append(
        ColorByEvent(
            events_file=states_file,
            events="no_hop single_ion_hop multi_ion_hop all",
            match="source frame",
        )
    )
    for frame in range(builders.N_FRAMES):
        data = pipeline.compute(frame)
        assert data.particles.count == builders.N_ATOMS
        # OVITO Basic, which runs no modifier of ours, finds what the modifier would have written
        np.testing.assert_array_equal(data.particles["event"], data.particles["Ion Event"])
        kinds = np.zeros(builders.N_ATOMS, dtype=int)
        kinds[states.atom_index] = states.macrostate[frame, states.carrier_of_atom] + 1
        np.testing.assert_array_equal(data.particles["macrostate"], kinds)
        np.testing.assert_allclose(data.particles.positions, builders.positions()[frame], atol=1e-4)
        np.testing.assert_allclose(np.diag(data.cell[:, :3]), builders.LENGTH)
    atoms = path.read_text().splitlines()[9:]
    assert all(word.isdigit() for line in atoms[:12] for word in line.split()[-2:])


def test_frames_that_were_not_analysed_have_no_codes(tmp_path):
    states = builders.write_states(tmp_path / "s.states.npz", frame=[2, 4])
    path, _ = write_dump(small_universe(), states, tmp_path / "s.lammpstrj", start=1, stop=6)
    pipeline = builders.load(path, 5)
    some = [bool(np.any(pipeline.compute(k).particles["event"])) for k in range(5)]
    assert some == [False, True, True, True, False]


@pytest.mark.parametrize("angles", [(90, 90, 90), (60, 70, 80), (110, 100, 95)])
def test_tilted_cells_survive(angles, states_file, tmp_path):
    cell = np.array([20.0, 22.0, 24.0, *angles])
    universe = make_universe(builders.positions(), cell)
    path, _ = write_dump(universe, states_file, tmp_path / "s.lammpstrj", stop=1)
    data = builders.load(path, 1).compute(0)
    wanted = mda.lib.mdamath.triclinic_vectors(cell)
    np.testing.assert_allclose(data.cell[:, :3].T, wanted, atol=1e-4)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a dump has no masses, and X is no element
        again = mda.Universe(str(path), format="LAMMPSDUMP", topology_format="LAMMPSDUMP")
    np.testing.assert_allclose(again.dimensions, cell, atol=1e-3)


def test_the_command(crystal_states, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    options = ["export", str(crystal_states), "out.lammpstrj", "-d", "crystal", "--stop", "20"]
    done = CliRunner().invoke(app, [*options, "--step", "10"])
    assert done.exit_code == 0, done.output
    assert "event: 0 none, 1 no_hop, 2 single_ion_hop" in done.output
    data = builders.load("out.lammpstrj", 2).compute(1)
    assert data.attributes["Timestep"] == 500
    assert [t.name for t in data.particles.particle_types.types] == ["La", "Li", "O", "Zr"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "its result crystal.nc is not beside it; give the trajectory of the analysis: --top"),
        (["-d", "crystal", "-c", "x.toml"], "give the analysed trajectory in one way"),
        (["--topology", "x.psf"], "give both, --topology FILE and --trajectory FILE"),
        (["-d", "liquid"], "the topology has 928 atoms, but 192 were analysed"),
        (["-d", "crystal", "--start", "90", "--stop", "10"], "choose none of the 5001 frames"),
    ],
)
def test_commands_refuse_what_does_not_fit(options, message, crystal_states, tmp_path):
    arguments = ["export", str(crystal_states), str(tmp_path / "out.lammpstrj"), *options]
    done = CliRunner().invoke(app, arguments)
    assert isinstance(done.exception, InputError)
    assert message in str(done.exception)


def test_a_short_trajectory_is_refused(tmp_path, states_file):
    universe = make_universe(builders.positions()[:5])
    with pytest.raises(InputError, match="the trajectory has 5 frames, but frames up to 9 were"):
        write_dump(universe, states_file, tmp_path / "s.lammpstrj")


def test_files_of_the_analysis_are_taken_from_its_configuration(crystal_states, tmp_path):
    folder = datasets.path("crystal")
    (tmp_path / "run.toml").write_text(
        f'topology = "{folder}/llzo.T800.data"\ntrajectory = "{folder}/llzo.T800.xtc"\n'
        "[universe]\ntopology_format = \"DATA\"\natom_style = 'id type charge x y z'\n"
        "[analysis]\ntemperature = 800\n"
        '[[species]]\nname = "Li+"\nselection = "type 1"\ncharge = 1\n'
    )
    arguments = ["export", str(crystal_states), str(tmp_path / "out.lammpstrj")]
    done = CliRunner().invoke(app, [*arguments, "-c", str(tmp_path / "run.toml"), "--stop", "1"])
    assert done.exit_code == 0, repr(done.exception)
    assert (tmp_path / "out.lammpstrj").read_text().splitlines()[8] == (
        "ITEM: ATOMS id type element x y z event macrostate"
    )
