"""Table of the diffusive view of one species, and the sentences about its lags."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ..lib.errors import InputError
from ..lib.unit_table import UnitTable
from .elementary import elementary_resolution, reading_resolution
from .ends import ENDS, with_ends

if TYPE_CHECKING:
    from .tree import ResultTree


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
    same = np.isclose(data["window"].values, frames * blocks.dt, rtol=1e-9)
    for name in ("event_frequency", "effectiveness", "event_count"):
        short = name.removeprefix("event_")
        table[short] = np.nan
        if same.any():
            one = data[name].isel(window=int(np.argmax(same))).sel(species=species)
            table[short] = one.sel(event=labels).values
    table.attrs = {
        "species": species,
        "view": "diffusive",
        "resolution_ps": frames * blocks.dt,
        "first_lag_ps": float(about["first_lag_ps"]),
        "last_lag_ps": float(np.max(about["lag_ps"])),
        "level": blocks.level,
        "total": with_ends(data, "diffusive_onsager", species=species, species_2=species),
        "repeated": float(elementary_resolution(blocks, k, [frames])[1]),
        "units": {
            "onsager": "1/(J m s)",
            "conductivity": "S/m",
            "frequency": "1/ns",
            "effectiveness": "angstrom2",
        },
    }
    return UnitTable.of(table)
