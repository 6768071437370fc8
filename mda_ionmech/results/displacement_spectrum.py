"""Displacements by event and length, as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..lib.checks import species_with
from ..lib.errors import InputError
from ..observables.displacement_spectrum import Spectrum, spectrum_table
from .ends import species_with_values

if TYPE_CHECKING:
    import pandas as pd


def species_with_displacements(results: Any) -> list[str]:
    """Names of the species whose displacements a result holds."""
    return species_with_values(results.displacement_data, "bin_width")


def displacement_spectrum(results: Any, window: float | None, species: str | None) -> pd.DataFrame:
    """See `Results.displacement_spectrum`."""
    able = species_with_displacements(results)
    if not able:
        raise InputError(
            "this result holds no displacements by event; they are stored for species with "
            "microstates=... and events=..., by run() of this version; run again"
        )
    remedy = "microstates=... and events=..., e.g. SolvationEvents()"
    name = species_with(species, able, "displacement_spectrum()", "event rule", remedy)
    wanted = float(results.at_window(window)["window"])
    one = results.displacement_data.sel(species=name).sel(window=wanted, method="nearest")
    width = float(one["bin_width"])
    one = one.transpose("event", "bin")
    mine = one["displacement_count"].notnull()
    one = one.isel(
        event=np.flatnonzero(mine.any("bin").values), bin=np.flatnonzero(mine.any("event").values)
    )
    count, share, low, high = (
        one[f"displacement_{end}"].values for end in ("count", "share", "share_low", "share_high")
    )
    edges = width * np.arange(count.shape[1] + 1)
    about = {
        "species": name,
        "window_ps": float(one["window"]),
        "level": float(one["displacement_share_low"].attrs["level"]),
    }
    found = Spectrum(edges, count, share, low, high, np.full((2, len(count)), np.nan))
    return spectrum_table(found, [str(e) for e in one["event"].values], about)


def carried_by_long_ones(table: pd.DataFrame) -> str:
    """In words: which part of the transport the longer displacements carry.

    Parameters
    ----------
    table : pandas.DataFrame
        From `displacement_spectrum`.
    """
    of_bin = table.groupby(level="from")[["count", "share"]].sum().iloc[::-1].cumsum()
    at = int(np.argmin(abs(of_bin["share"].to_numpy() - 0.5)))
    carriers = of_bin["count"].iloc[at] / of_bin["count"].iloc[-1]
    name, window = table.attrs["species"], table.attrs["window_ps"]
    return (
        f"In windows of {window:g} ps the {100 * carriers:.0f}% of the displacements of {name} "
        f"that are longer than {of_bin.index[at]:.4g} Å carry {100 * of_bin['share'].iloc[at]:.0f}"
        f"% of L({name}, {name})."
    )
