"""Cells that change: a barostat is followed, another run is refused."""

import warnings

import numpy as np
import pytest

from mda_ionmech import InputError, IonSpecies, OnsagerDecomposition

from ..builders import brownian, halves, make_universe
from .test_snapshot import in_file

N_FRAMES = 60


def run_in(lengths, backend="serial", path=None, **part):
    """Ions that walk in fractional coordinates, in cubes of these lengths."""
    rng = np.random.default_rng(1)
    steps = rng.normal(0, 0.01, (len(lengths), 8, 3))
    fractional = (rng.random((8, 3)) + np.cumsum(steps, axis=0)) % 1
    dimensions = np.column_stack(
        [np.repeat(lengths[:, None], 3, 1), np.full((len(lengths), 3), 90)]
    )
    universe = make_universe(
        fractional * lengths[:, None, None], dimensions, masses=rng.uniform(1, 9, 8)
    )
    if path is not None:
        universe = in_file(universe, path)
    ions = halves(universe)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return OnsagerDecomposition(ions, temperature=300, windows=[1], resolutions=None).run(
            backend=backend, **part
        )


@pytest.mark.parametrize("backend", ["serial", "multiprocessing"])
def test_a_cell_that_jumps_is_refused(backend, tmp_path):
    lengths = np.where(np.arange(N_FRAMES) < 37, 40.0, 59.0)
    with pytest.raises(InputError, match=r"the cell jumps: .* to frame 37 it changes by 48%"):
        run_in(lengths, backend, tmp_path / "npt.xtc")
    for part in ({"stop": 37}, {"start": 37}):
        assert run_in(lengths, backend, tmp_path / "npt.xtc", **part).paths.volume_variance < 1e-9


def test_one_frame_with_a_wrong_cell_is_refused():
    lengths = np.full(N_FRAMES, 40.0)
    lengths[20] = 30.0
    with pytest.raises(InputError, match=r"to frame 20 it changes by 25% of"):
        run_in(lengths)


def test_a_cell_that_is_compressed_step_by_step_is_followed():
    lengths = 40.0 * 0.995 ** np.arange(N_FRAMES)
    found = run_in(lengths).paths
    assert np.isclose(found.volume, np.mean(lengths**3), rtol=1e-5)
    assert np.isclose(found.volume_variance, np.var(lengths**3), rtol=1e-4)


def test_a_lattice_that_cannot_be_followed_is_named_with_its_frame():
    positions = brownian(np.random.default_rng(0), 40, 6, 0.05, 1.0) + 15.0
    cells = np.tile([40.0, 40, 40, 90, 90, 90], (40, 1))
    cells[23, :3] = 1000.0
    u = make_universe(positions, cells, masses=[7.0, 35.0] * 3)
    ions = IonSpecies(u.atoms, charge=1, name="ion")
    run = OnsagerDecomposition([ions], temperature=300, frame="laboratory", resolutions=None)
    with pytest.raises(InputError, match="cell of frame 23, 1000 x 1000 x 1000 Å, cannot be rel"):
        run.run()
