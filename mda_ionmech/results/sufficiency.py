"""Length of trajectory for a given error, from the measured errors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..lib.checks import as_number, shown
from ..lib.errors import InputError
from ..onsager.memory_models import TOO_LONG
from .ends import ENDS, with_ends
from .recommend import memory_left_open

if TYPE_CHECKING:
    import pandas as pd


#: Memories that a trajectory must span to decide on one that is left open.
MEMORIES = 1 / TOO_LONG
#: Shares below this are zero within rounding.
ROUND_OFF = 1e-12


def data_sufficiency(results: Any, target: float, species: str | None) -> pd.DataFrame:
    """See `Results.data_sufficiency`."""
    import pandas as pd

    from ..lib.unit_table import UnitTable

    target = as_number(target)
    if not 0 < target < 1:
        raise InputError(
            f"target must be a relative error between 0 and 1, got {shown(target)}; e.g. 0.1"
        )
    name = results._species(species)
    summary = results.summary(view="diffusive", species=name)
    data, blocks = results.decomposition, results.blocks
    rows: dict[str, tuple[float, ...]] = {}
    if np.any(blocks.system.charge != 0):
        rows["conductivity"] = with_ends(data, "diffusive_conductivity")
    rows[f"L({name}, {name})"] = summary.attrs["total"]
    for event, row in summary.iterrows():
        if abs(row["share"]) > ROUND_OFF:  # not where it is undefined either
            rows[f"share of {event}"] = tuple(float(row[f"share{end}"]) for end in ENDS)
    memory = memory_left_open(data)
    length = sum(blocks.lags[0].frames) * blocks.dt / 1000
    values = np.array(list(rows.values()))
    with np.errstate(divide="ignore", invalid="ignore"):
        error = (values[:, 2] - values[:, 1]) / 2 / np.abs(values[:, 0])
    table = pd.DataFrame(
        {
            "value": values[:, 0],
            "relative_error": error,
            "length": length,
            "needed": np.maximum(length * (error / target) ** 2, memory * MEMORIES / 1000),
        },
        index=pd.Index(list(rows), name="quantity"),
    )
    table.attrs = {
        "species": name,
        "target": target,
        "level": blocks.level,
        "open_memory_ps": memory,
        "units": {"length": "ns", "needed": "ns"},
    }
    return UnitTable.of(table)
