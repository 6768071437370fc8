"""A trajectory is known by how far its ions move; another one of the same system is refused."""

import shutil
import warnings

import MDAnalysis as mda
import numpy as np
import pytest
from typer.testing import CliRunner

from mda_ionmech import InputError, IonSpecies, OnsagerDecomposition, datasets
from mda_ionmech.cli.app import app
from mda_ionmech.viewing.opened import open_for_viewing
from mda_ionmech.viewing.same_frames import Moves, check_frames

from ..builders import brownian, make_universe
from ..conftest import liquid_species

FRAMES, IONS, REST = 61, 12, 20
CELLS = {
    "cubic": [20.0, 20, 20, 90, 90, 90],
    "triclinic": [20.0, 18, 22, 80, 95, 105],
}


def trajectory(seed, cell="cubic", breathe=0.0, wrapped=True, names=None):
    """Ions that diffuse in a drifting, vibrating remainder, in a cell that may breathe."""
    rng = np.random.default_rng(seed)
    box = np.tile(CELLS[cell], (FRAMES, 1))
    box[:, :3] *= 1 + breathe * rng.normal(size=(FRAMES, 1))
    start = rng.uniform(size=(1, IONS + REST, 3)) * 20
    moved = np.concatenate(
        [
            brownian(rng, FRAMES, IONS, 0.5, 1.0),
            rng.normal(scale=0.1, size=(FRAMES, REST, 3)),
        ],
        axis=1,
    )
    drift = np.cumsum(rng.normal(scale=0.2, size=(FRAMES, 1, 3)), axis=0)
    mean = mda.lib.mdamath.triclinic_vectors(np.array(CELLS[cell]))
    s = (start + moved + drift) @ np.linalg.inv(mean)
    if wrapped:
        s -= np.floor(s)
    place = np.array(
        [x @ mda.lib.mdamath.triclinic_vectors(b) for x, b in zip(s, box, strict=True)]
    )
    return make_universe(place, box, masses=np.full(IONS + REST, 10.0), names=names)


def moves_of(universe, **options):
    """What is recorded by a run over all frames but the first."""
    ions = [
        IonSpecies(universe.atoms[: IONS // 2], charge=1, name="A"),
        IonSpecies(universe.atoms[IONS // 2 : IONS], charge=-1, name="B"),
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        run = OnsagerDecomposition(
            ions, temperature=300.0, windows=[3.0], resolutions=None, horizons=None, **options
        ).run(start=1)
    states = run.results.states
    moves = Moves(
        frame=states["source_frame"].values,
        time_ps=states["time"].values,
        window_ps=3.0,
        displacement=np.nan_to_num(states["displacement"].values),
        atom_index=np.arange(IONS),
        carrier_of_atom=np.arange(IONS),
    )
    return moves, run.results.settings["cell_angstrom"]


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize(
    ("breathe", "frame"),
    [(0.0, "laboratory"), (0.0, "framework"), (0.01, "barycentric"), (0.01, "framework")],
)
@pytest.mark.parametrize("wrapped", [True, False])
def test_the_analysed_frames_are_accepted_and_others_refused(cell, breathe, frame, wrapped):
    options = {"cell": cell, "breathe": breathe, "wrapped": wrapped}
    moves, mean = moves_of(trajectory(1, **options), frame=frame)
    check_frames(trajectory(1, **options), moves, mean, "run.nc", "give it")
    check_frames(trajectory(1, **options), moves, None, "run.nc", "give it")
    for given in (mean, None):
        with pytest.raises(InputError, match=r"not those that run.nc was made from: from frame 1"):
            check_frames(trajectory(2, **options), moves, given, "run.nc", "give it")


def test_frames_that_are_the_same_only_at_the_beginning_are_refused():
    universe, other = trajectory(1), trajectory(2)
    moves, mean = moves_of(universe)
    mixed = universe.trajectory.timeseries(order="fac").copy()
    mixed[40:] = other.trajectory.timeseries(order="fac")[40:]
    with pytest.raises(InputError, match=r"from frame 1 to 43 its ions move otherwise"):
        check_frames(make_universe(mixed, CELLS["cubic"]), moves, mean, "run.nc", "give it")


def test_directions_that_are_left_out_and_cells_set_by_hand_are_accepted():
    universe = trajectory(1)
    moves, mean = moves_of(universe, axes="z")
    check_frames(universe, moves, mean, "run.nc", "give it")
    place = universe.trajectory.timeseries(order="fac")
    for dimensions in (None, [40.0, 40, 40, 90, 90, 90]):
        check_frames(make_universe(place, dimensions), moves, mean, "run.nc", "give it")


@pytest.fixture(scope="module")
def replaced(tmp_path_factory):
    """A result of the shipped liquid whose trajectory was overwritten by later frames."""
    folder = tmp_path_factory.mktemp("replaced")
    shipped = datasets.liquid()
    topology = folder / "top.psf"
    shutil.copyfile(shipped.filename, topology)

    def write(first):
        with mda.Writer(str(folder / "run.xtc"), shipped.atoms.n_atoms) as out:
            for _ in shipped.trajectory[first : first + 41]:
                out.write(shipped.atoms)

    write(0)
    universe = mda.Universe(str(topology), str(folder / "run.xtc"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        run = OnsagerDecomposition(
            liquid_species(universe),
            temperature=330.0,
            windows=[1.0, 4.0],
            resolutions=None,
            horizons=None,
        ).run()
    run.save(folder / "run.nc")
    run.save_states(folder / "four.states.npz", 4.0)
    assert open_for_viewing(folder / "run.nc").states.n_atoms == 928
    for end in (".xtc_offsets.npz", ".xtc_offsets.lock"):
        (folder / f".run{end}").unlink(missing_ok=True)
    write(500)
    return folder, run.results


@pytest.mark.slow
def test_a_file_that_was_overwritten_is_refused(replaced):
    folder, _ = replaced
    told = r"the frames of .*run.xtc are not those .*run.nc was made from.* --topology FILE"
    with pytest.raises(InputError, match=told):
        open_for_viewing(folder / "run.nc")
    given = mda.Universe(str(folder / "top.psf"), str(folder / "run.xtc"))
    with pytest.raises(InputError, match=r"not those that .*four.states.npz was made from"):
        open_for_viewing(folder / "four.states.npz", lambda: given)
    done = CliRunner().invoke(
        app, ["export", str(folder / "run.nc"), str(folder / "run.lammpstrj")]
    )
    assert done.exit_code != 0
    assert not (folder / "run.lammpstrj").exists()


def test_a_notebook_refuses_an_overwritten_file(replaced):
    pytest.importorskip("nglview")
    with pytest.raises(InputError, match=r"this result was made from.*universe="):
        replaced[1].view()


def test_the_garnet_against_its_framework_is_accepted(crystal_states):
    assert open_for_viewing(crystal_states, datasets.crystal).states.n_atoms > 0
