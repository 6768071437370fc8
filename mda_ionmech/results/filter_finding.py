"""How much the leading share depends on the filters of the shells or sites."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from ..lib.number_text import percent_like
from .ends import ENDS

#: Change of the leading share, as a part of the whole, from which it depends on the filters.
CHANGE = 0.1


def filter_finding(results: Any, species: str, apart: float) -> tuple[str, str] | None:
    """Finding and sentence on the leading share with the filters next to those of the run.

    Parameters
    ----------
    results : Results
    species : str
    apart : float
        Standard errors that a change must exceed, beside `CHANGE`.

    Returns
    -------
    (str, str) or None
        ``sensitive`` or ``insensitive``, and the sentence; None for results without other filters.
    """
    data = results.filters
    if data is None or species not in data["species"].values:
        return None
    table = results.summary(view="diffusive", species=species)
    share = table["share"]
    if len(share) < 2 or not np.isfinite(share).all():
        return None
    leading, own = str(share.idxmax()), float(share.max())
    at = data.sel(species=species, event=list(share.index))
    said, sensitive = [], False
    _, low, high = (float(table.loc[leading, f"share{end}"]) for end in ENDS)
    for name in map(str, data["filter"].values):
        other = at.sel(filter=name)
        value, error = (
            float(other[k].sel(event=leading)) for k in ("filter_share", "filter_share_error")
        )
        if not np.isfinite(value):
            continue
        sensitive |= abs(value - own) > max(CHANGE, apart * error)
        text = f"{percent_like(value, low, high)}% with {in_words(name)}"
        first = str(other["event"].values[int(np.argmax(other["filter_share"].values))])
        said.append(text if first == leading else f"{text} (where {first} leads)")
    if not said:
        return None
    as_run = percent_like(own, low, high)
    numbers = f"the share of {leading} of {species}, {as_run}%, is {listed(said)}"
    if sensitive:
        return "sensitive", f"The leading share depends on the filters: {numbers}."
    return "insensitive", f"The leading share depends little on the filters: {numbers}."


def in_words(name: str) -> str:
    """The name of a filter for a text: in results its unit is a plain letter, which users type.

    >>> in_words("cores of 0.48 A")
    'cores of 0.48 Å'
    """
    return re.sub(r"(?<=[0-9]) A\b", " Å", name)


def listed(parts: list[str]) -> str:
    """Parts of a sentence as ``a, b and c``."""
    return " and ".join(filter(None, [", ".join(parts[:-1]), parts[-1]]))
