"""Reasons for a linked fraction without an exclusion gas beside it, for results and warnings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr

from ..onsager.labelled_run import LabelledRun
from .length_sums import LinkedSpecies


def without_gas(
    run: LabelledRun, linked: Sequence[LinkedSpecies], decomposition: xr.Dataset
) -> dict[str, str]:
    """Why species have no exclusion gas in windows with hops, by name; written to the dataset too.

    Parameters
    ----------
    run : LabelledRun
    linked : sequence of LinkedSpecies
    decomposition : xarray.Dataset
        The group decomposition; the attribute ``comment`` of ``multi_fraction_exclusion`` is set
        where there is a reason.
    """
    found: dict[str, str] = {}
    name = "multi_fraction_exclusion"
    if name not in decomposition:
        return found
    for one in linked:
        for k in one.members:
            at = decomposition.isel(species=k)
            lacking = np.isfinite(at["multi_fraction"].values) & ~np.isfinite(at[name].values)
            if not lacking.any():
                continue
            windows = at["window"].values[lacking]
            found[run.names[k]] = one.why_no_gas or (
                f"in windows of {windows.min():g} ps the exclusion gas has no hop, or a window is "
                "longer than a fifth of the run; analyse a longer trajectory"
            )
    if found:
        decomposition[name].attrs["comment"] = "; ".join(f"{k}: {v}" for k, v in found.items())
    return found


def gas_notes(missing: Mapping[str, str]) -> list[str]:
    """Warnings about `without_gas`."""
    return [
        f"hops of {name} have no exclusion gas beside them (multi_fraction_exclusion is NaN): {why}"
        for name, why in missing.items()
    ]
