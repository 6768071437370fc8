"""Table of the diffusive view of one species, and the sentences about its lags."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ..lib.errors import InputError
from ..lib.unit_table import UnitTable
from ..onsager import evaluate
from .elementary import elementary_resolution, reading_resolution
from .ends import ENDS, with_ends

if TYPE_CHECKING:
    from ..onsager.block_sums import Blocks
    from .tree import ResultTree

#: Columns that are counted over the windows of the labels, and their variables.
_COUNTED = {
    "frequency": "event_frequency", "effectiveness": "effectiveness", "count": "event_count",
}  # fmt: skip


def diffusive_table(results: ResultTree, species: str, resolution: float | None) -> pd.DataFrame:
    """See `Results.summary` with ``view="diffusive"``.

    Raises
    ------
    InputError
        Without a diffusive view, or for a resolution that does not divide its lags.
    """
    data = results.decomposition
    if "diffusive_onsager" not in data:
        raise InputError(
            "view='diffusive': this run has no diffusive view; run it again with "
            "resolutions='log' and horizons='log'"
        )
    about = data["diffusive_onsager"].attrs
    blocks = results.blocks
    k = blocks.names.index(species)
    own = reading_resolution(data, blocks, k)
    if own is None:
        raise InputError(
            f"view='diffusive': this run has no diffusive view: {about.get('comment', '')}; "
            "use a longer trajectory, or view='window'"
        )
    if resolution is None:
        resolution = own * blocks.dt
    frames = results._nearest("resolution", resolution, sorted(blocks.resolutions))
    at = data.isel(resolution=blocks.resolutions.index(frames)).sel(species=species)
    if not np.isfinite(at["diffusive_event_onsager"].sel(species_2=species)).all():
        raise InputError(
            f"resolution={frames * blocks.dt:g} ps does not divide the lags of the diffusive view, "
            f"which are whole multiples of {about['resolution_ps']:g} ps; give a shorter one"
        )
    labels = [blocks.events[e] for e in blocks.path_rows[1][blocks.path_rows[0] == k]]
    at = at.sel(event=labels)
    columns = {
        name: at[f"diffusive_{variable}{end}"].values
        for variable, short in (("share", "share"), ("event_conductivity", "conductivity"))
        for end in ENDS
        for name in [f"{short}{end}"]
    }
    for end in ENDS:
        columns[f"onsager{end}"] = at[f"diffusive_event_onsager{end}"].sel(species_2=species).values
    table = pd.DataFrame(columns, index=pd.Index(labels, name="event"))
    for name, values in _counted(blocks, frames, k, labels).items():
        table[name] = values
    total = with_ends(data, "diffusive_onsager", species=species, species_2=species)
    table.attrs = {
        "species": species,
        "view": "diffusive",
        "resolution_ps": frames * blocks.dt,
        "first_lag_ps": float(about["first_lag_ps"]),
        "last_lag_ps": float(np.max(about["lag_ps"])),
        "level": blocks.level,
        "total": total,
        "repeated": float(elementary_resolution(blocks, k, [frames])[1]),
        "units": {
            "onsager": "1/(J m s)",
            "conductivity": "S/m",
            "frequency": "1/ns",
            "effectiveness": "angstrom2",
        },
    }
    if table["share"].isna().any():
        table.attrs["comment"] = undefined_shares(species, total)
    return UnitTable.of(table)


def _counted(blocks: Blocks, frames: int, species: int, labels: list[str]) -> dict[str, np.ndarray]:
    """Frequency, effectiveness and count of labels read over `frames`."""
    entry = next((one for one in blocks.windows if one.frames == frames), None)
    if entry is None:
        return {name: np.full(len(labels), np.nan) for name in _COUNTED}
    whole = entry.sums.resampled(np.ones((1, entry.plan.n_sub_blocks)))
    found = evaluate(whole, blocks.system, frames * blocks.dt)
    at = [blocks.events.index(label) for label in labels]
    return {name: found[variable][0, species, at] for name, variable in _COUNTED.items()}


def undefined_shares(species: str, total: tuple[float, float, float]) -> str:
    """Why shares of a species have no value.

    Parameters
    ----------
    species : str
    total : tuple of float
        The coefficient that they are shares of, and the ends of its interval.
    """
    _, low, high = total
    if np.isnan(low):
        why = "has no interval: fewer than three blocks of time origins"
    elif low <= 0 <= high and low < high:
        why = "is zero within its interval"
    else:
        why = "is zero within rounding"
    return f"shares are undefined (NaN): L({species}, {species}) {why}"
