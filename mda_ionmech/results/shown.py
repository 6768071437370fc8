"""What a result says of itself in an interactive session: a line, and HTML in a notebook."""

from __future__ import annotations

from html import escape
from typing import Any

import numpy as np

from ..lib.number_text import with_interval
from .ends import with_ends


def results_line(results: Any) -> str:
    """Species, frames, length and the number of the reading with its interval.

    Parameters
    ----------
    results : Results

    Returns
    -------
    str
    """
    data, settings = results.decomposition, results.settings
    species = ", ".join(str(s) for s in data["species"].values)
    length = (settings["n_frames"] - 1) * settings["dt_ps"]
    head = f"{species}; {settings['n_frames']} frames, {length:g} ps; "
    if not results.has_diffusive_view:
        windows = data["window"].values
        return (
            f"{head}{len(windows)} windows from {windows[0]:g} to {windows[-1]:g} ps, no diffusive "
            "view"
        )
    return f"{head}{_number(data)}"


def _number(data: Any) -> str:
    """Conductivity, or the Onsager coefficient of the first species where no carrier is charged."""
    if np.any(data["diffusive_event_conductivity"].fillna(0.0) != 0):
        value, low, high = with_ends(data, "diffusive_conductivity")
        return f"conductivity {with_interval(value, low, high)} S/m"
    one = str(data["species"].values[0])
    found = with_ends(data, "diffusive_onsager", species=one, species_2=one)
    return f"L({one}, {one}) {with_interval(*found)} 1/(J m s)"


def results_html(results: Any) -> str:
    """The verdict, and the tables of events and of transport.

    Parameters
    ----------
    results : Results

    Returns
    -------
    str
    """
    table = results.summary()
    at = table.attrs
    lengths = (
        f"labels over {at['resolution_ps']:g} ps, lags from {at['first_lag_ps']:g} ps on"
        if "resolution_ps" in at
        else f"window {at['window_ps']:g} ps"
    )
    said = "".join(f"<li>{escape(one.text)}</li>" for one in results.verdict())
    head = (
        f"<b>{escape(at['species'])}</b>, {lengths}, frame of reference "
        f"{escape(str(results.settings['frame']))}"
    )
    return (
        f"<p>{escape(results_line(results))}</p><ul>{said}</ul><p>{head}</p>"
        f"{table._repr_html_()}{results.transport()._repr_html_()}"
    )
