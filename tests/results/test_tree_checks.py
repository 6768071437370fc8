"""What is looked at in the tree of a result file, whoever wrote it."""

import numpy as np
import pytest
import xarray as xr

from mda_ionmech.results.checksums import DamagedError
from mda_ionmech.results.tree_checks import _NEEDED, _check_sums


def contributions(residual: float) -> xr.Dataset:
    """Two species, two labels, two windows; the second is off by a part of its L(0, 0)."""
    event = np.tile([[[1.0, 1.5], [0.5, 0.25]], [[0.5, 0.25], [2.0, 3.0]]], (2, 1, 1, 1))
    whole = event.sum(axis=-1)
    matrix = np.zeros((2, 2, 2, 2, 2))
    matrix[..., 0, 0] = whole
    event[1, 0, 0, 0] += 4.0 * residual
    sizes = {
        "onsager": whole, "onsager_self": np.tile([4.0, 9.0], (2, 1)), "event_onsager": event,
        "event_matrix": matrix, "event_conductivity": np.tile([[1.0, 2.0], [3.0, 4.0]], (2, 1, 1)),
        "conductivity": np.array([10.0, 10.0]), "nernst_einstein": np.array([50.0, 50.0]),
    }  # fmt: skip
    data = {name: sizes.get(name, np.zeros(2)) for name in _NEEDED}
    axes = {
        name: ("window", *(f"{name}_{k}" for k in range(one.ndim - 1)))
        for name, one in data.items()
    }
    return xr.Dataset(
        {name: (axes[name], one) for name, one in data.items()}, coords={"window": [1.0, 2.0]}
    )


def test_contributions_that_do_not_add_up_in_one_window_are_refused_above_round_off():
    for residual in (0.0, 0.9e-10, -0.9e-10):
        _check_sums(contributions(residual))
    for residual in (1.1e-10, -1.1e-10, 0.5, np.nan):
        with pytest.raises(DamagedError, match=r"add up to the whole at window 2 ps: residual"):
            _check_sums(contributions(residual))
