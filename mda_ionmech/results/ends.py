"""A variable of a dataset with the ends of its interval."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import xarray as xr

#: What follows the name of a variable in those of its value and the ends of its interval.
ENDS = ("", "_low", "_high")


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
    value, low, high = (float(data[name + end].sel(where)) for end in ENDS)
    return value, low, high
