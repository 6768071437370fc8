"""Tables of results: rows under several keys, in the order they come in."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd


def indexed(table: pd.DataFrame, n_levels: int) -> pd.DataFrame:
    """The first columns as the index, names in the order they come in, which counts as sorted."""
    import pandas as pd

    keys = list(table.columns[:n_levels])
    for key in keys:
        table[key] = pd.Categorical(table[key], categories=table[key].unique(), ordered=True)
    return table.set_index(keys).sort_index()
