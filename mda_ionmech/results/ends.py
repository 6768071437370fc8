"""A variable of a dataset with the ends of its interval."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import xarray as xr

#: What follows the name of a variable in those of its value and the ends of its interval.
ENDS = ("", "_low", "_high")


def value_at(data: xr.Dataset, name: str, where: Mapping[str, str]) -> float:
    """The number of a variable at given labels of all its dimensions.

    Parameters
    ----------
    data : xarray.Dataset
    name : str
    where : mapping of str to str
        Labels by dimension.

    Returns
    -------
    float

    Raises
    ------
    KeyError
        For an unknown variable or label.
    """
    variable = data.variables[name]
    # by the indices themselves: DataArray.sel makes a dataset for every number
    at: tuple[Any, ...] = tuple(data.get_index(d).get_loc(where[str(d)]) for d in variable.dims)
    return float(variable.values[at])


def with_ends(data: xr.Dataset, name: str, **where: str) -> tuple[float, float, float]:
    """Value, low and high end of a variable at given labels.

    Parameters
    ----------
    data : xarray.Dataset
    name : str
    **where
        Labels, e.g. ``species="Li+"``.

    Returns
    -------
    value, low, high : float
    """
    value, low, high = (value_at(data, name + end, where) for end in ENDS)
    return value, low, high


def species_with_values(data: xr.Dataset | None, variable: str) -> list[str]:
    """Names of the species for which a variable (species, other) has values; none without data."""
    if data is None:
        return []
    known = np.isfinite(data[variable].values).any(axis=1)
    return [str(name) for name, has in zip(data["species"].values, known, strict=True) if has]
