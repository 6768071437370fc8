"""The longest resolution at which labels are elementary: few carriers have two events in it."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

import numpy as np

from ..onsager.block_sums import Blocks

if TYPE_CHECKING:
    import xarray as xr

#: Largest fraction of carrier-windows with more than one event for which a label is elementary.
MOST_REPEATED = 0.10


def elementary_resolution(
    blocks: Blocks, species: int, among: Collection[int] | None = None
) -> tuple[int | None, float, str]:
    """The longest resolution with few repeated events.

    Parameters
    ----------
    blocks : Blocks
    species : int
    among : collection of int, optional
        Resolutions to choose from, in frames; default all.

    Returns
    -------
    resolution : int or None
        Frames; None where carriers change too often even within the shortest.
    repeated : float
        Fraction of the carrier-windows with more than one change there, or within the shortest.
    reason : str
    """
    among = blocks.resolutions if among is None else among
    share: dict[int, float] = {}
    for entry in blocks.windows:
        if entry.frames not in among:
            continue
        n = entry.sums.origins.sum() * blocks.system.n_carriers[species]
        share[entry.frames] = float(entry.sums.repeated[:, species].sum() / n)
        if entry.frames == 1:  # a second change between two frames cannot be detected
            still = 1 - float(entry.sums.changed[:, species].sum() / n)
            share[1] = 1 - still * (1 - np.log(still)) if still > 0 else 1.0
    shortest = min(share)
    if not blocks.system.ruled_species[species]:
        return shortest, share[shortest], "it has one label, so all resolutions are equivalent"
    sound = [n for n in share if share[n] < MOST_REPEATED]
    if not sound:
        return (
            None,
            share[shortest],
            f"at the shortest resolution of {shortest * blocks.dt:g} ps {share[shortest]:.0%} of "
            "the carriers have more than one change of microstate in it: frames are too far apart, "
            "or contacts flicker (hysteresis, persistence)",
        )
    best = max(sound)
    return (
        best,
        share[best],
        f"at {best * blocks.dt:g} ps {share[best]:.1%} of the carriers have more than one change "
        f"of microstate, below {MOST_REPEATED:.0%}",
    )


def reading_resolution(data: xr.Dataset, blocks: Blocks, species: int) -> int | None:
    """The resolution at which the labels of a species are read in the diffusive view.

    Parameters
    ----------
    data : xarray.Dataset
        The group decomposition of a result.
    blocks : Blocks
    species : int

    Returns
    -------
    int or None
        Frames: the longest at which labels are elementary among those that divide the lags; the
        shortest of these where carriers change too often at any; None without a diffusive view.
    """
    if "diffusive_event_onsager" not in data:
        return None
    values = data["diffusive_event_onsager"].values[species, species]
    known = [n for n, v in zip(blocks.resolutions, values.T, strict=True) if np.isfinite(v).all()]
    if not known:
        return None
    found = elementary_resolution(blocks, species, known)[0]
    return min(known) if found is None else found
