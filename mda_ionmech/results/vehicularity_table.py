"""The table of vehicularity, from the group ``vehicle`` of a result."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..lib.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

    from .tree import ResultTree


def vehicularity(results: ResultTree, window: float | None, species: str | None) -> pd.DataFrame:
    """Table of the group ``vehicle``; see `Results.vehicularity`."""
    from ..lib.unit_table import UnitTable

    data = results.vehicle
    if data is None:
        raise InputError("this run did not unwrap the ligands: run it with projection='vehicle'")
    name = results._species(species)
    if name not in data["species"].values:
        raise InputError(
            f"species={species!r} was not split; those that were are {list(data['species'].values)}"
        )
    one = data.sel(species=name).drop_vars("species")
    if window is not None:
        one = one.sel(window=[float(results.at_window(window)["window"])])
    table = one.to_dataframe()
    table.attrs = {"species": name, "units": {"window": "ps"}}
    return UnitTable.of(table)
