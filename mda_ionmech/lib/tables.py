"""Tables of results with several index levels, in the given order."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd


def indexed(table: pd.DataFrame, n_levels: int) -> pd.DataFrame:
    """The first columns as the index, whose values are sorted in the given order."""
    import pandas as pd

    keys = list(table.columns[:n_levels])
    for key in keys:
        table[key] = pd.Categorical(table[key], categories=table[key].unique(), ordered=True)
    return table.set_index(keys).sort_index()
