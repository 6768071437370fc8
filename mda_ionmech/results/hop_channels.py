"""Rates of hops between sites by channel, as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..lib.checks import species_with
from ..lib.errors import InputError
from ..lib.unit_table import UnitTable
from .ends import species_with_values

if TYPE_CHECKING:
    import pandas as pd


def species_with_channels(results: Any) -> list[str]:
    """Names of the species whose channels a result holds."""
    return species_with_values(results.hop_channel_data, "hop_rate")


def hop_channels(results: Any, species: str | None) -> pd.DataFrame:
    """See `Results.hop_channels`."""
    import pandas as pd

    able = species_with_channels(results)
    if not able:
        raise InputError(
            "this result holds no rates of hops between sites; they are stored for species with "
            "microstates=SiteAssignment... and events=CrystalEvents(), by run() of this version; "
            "run again"
        )
    remedy = "microstates=SiteAssignment... and events=CrystalEvents()"
    name = species_with(species, able, "hop_channels()", "hops between sites", remedy)
    one = results.hop_channel_data.sel(species=name)
    mine = one.isel(channel=np.flatnonzero(np.isfinite(one["hop_rate"].values)))
    index = pd.MultiIndex.from_arrays(
        [mine["label_start"].values.astype(str), mine["label_end"].values.astype(str),
         mine["hop_distance"].values],
        names=["start", "end", "distance"],
    )  # fmt: skip
    table = pd.DataFrame(
        {
            "rate": mine["hop_rate"].values,
            "low": mine["hop_rate_low"].values,
            "high": mine["hop_rate_high"].values,
            "count": mine["hop_count"].values.astype(np.int64),
        },
        index=index,
    )
    sites = {
        str(label): (int(number), float(mean))
        for label, number, mean in zip(
            one["site_label"].values, one["site_count"].values, one["site_occupancy"].values,
            strict=True,
        )
        if number > 0
    }  # fmt: skip
    table.attrs = {
        "species": name,
        "level": float(one["hop_rate_low"].attrs["level"]),
        "sites": sites,
        "units": {"rate": "1/ns", "distance": "angstrom"},
    }
    return UnitTable.of(table)
