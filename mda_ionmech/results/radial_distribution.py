"""g(r) of the ligands around the carriers, as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..lib.checks import species_with
from ..lib.errors import InputError
from ..lib.unit_table import UnitTable
from .ends import species_with_values

if TYPE_CHECKING:
    import pandas as pd

#: Variables of the columns.
COLUMNS = {
    "g": "radial_distribution", "error": "radial_distribution_error",
    "number_within": "number_within",
}  # fmt: skip


def species_with_distributions(results: Any) -> list[str]:
    """Names of the species whose g(r) a result holds."""
    return species_with_values(results.radial_distribution_data, "sampled_frames")


def radial_distribution(results: Any, species: str | None) -> pd.DataFrame:
    """See `Results.radial_distribution`."""
    able = species_with_distributions(results)
    if not able:
        raise InputError(
            "this result holds no g(r): it is stored for species with shells of ligands by run() "
            "of this version; run again"
        )
    remedy = "microstates=..., e.g. CutoffShell(...)"
    name = species_with(species, able, "radial_distribution()", "shell of ligands", remedy)
    held = results.radial_distribution_data.sel(species=name)
    rows: dict[Any, list[float]] = {}
    attrs: dict[str, Any] = {"species": name, "frames": {}, "radii": {}, "index_units": {"r": "A"}}
    for kind in held["ligand_type"].values:
        one = held.sel(ligand_type=kind)
        if not np.isfinite(frames := float(one["sampled_frames"])):
            continue
        attrs["frames"][str(kind)] = int(frames)
        radii = float(one["inner_radius"]), float(one["outer_radius"])
        if np.isfinite(radii).all():
            attrs["radii"][str(kind)] = radii
        columns = [one[variable].values for variable in COLUMNS.values()]
        for r, *values in zip(one["distance"].values, *columns, strict=True):
            if np.isfinite(values).all():
                rows[str(kind), float(r)] = [float(value) for value in values]
    return UnitTable.of_rows(rows, list(COLUMNS), ["ligands", "r"], attrs)
