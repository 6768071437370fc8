"""How exactly hops between cores are dated, and what it means for the resolution of labels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..lib.errors import InputError

if TYPE_CHECKING:
    import pandas as pd


def dates_of(settings: Mapping[str, Any], species: str) -> Mapping[str, Any]:
    """The distribution of entry minus crossing of a species; empty where there is none."""
    for one in settings["species"]:
        if one["name"] == species:
            return dict((one.get("microstates") or {}).get("entry_minus_crossing", {}))
    return {}


def finer_than_dates(
    settings: Mapping[str, Any], species: str, resolution: float | None
) -> str | None:
    """Why labels of a resolution (ps) depend on how hops are dated; None where they need not."""
    width = float(dates_of(settings, species).get("width_ps", 0.0))
    if resolution is None or resolution >= width * (1 - 1e-6):
        return None
    return (
        f"Labels would be read over {resolution:g} ps, and entry into a core is later than the "
        f"crossing half way by times that scatter over {width:.2g} ps (the middle 68%): which "
        "hops share a window depends on how they are dated. Shares of hops "
        f"can be read over {width:.2g} ps or longer: view slope, with such a resolution and a "
        "horizon."
    )


def hop_dates(settings: Mapping[str, Any], species: str) -> pd.DataFrame:
    """See `Results.hop_dates`."""
    import pandas as pd

    from ..lib.unit_table import UnitTable

    found = dates_of(settings, species)
    if not found:
        raise InputError(
            f"hop_dates(): {species!r} has no hops between cores in this result; it is for "
            "SiteAssignment with assignment='core', and for CageAssignment"
        )
    at = found["percentiles_ps"]
    table = pd.DataFrame(
        {"entry_minus_crossing": [float(v) for v in at.values()]},
        index=pd.Index([int(k) for k in at], name="percentile"),
    )
    table.attrs = {"species": species, **{k: v for k, v in found.items() if k != "percentiles_ps"}}
    table.attrs["units"] = {"entry_minus_crossing": "ps"}
    return UnitTable.of(table)
