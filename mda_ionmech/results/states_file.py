"""The file that OVITO colours by: schema ``ionmech-states/1``, read by numpy alone."""

from __future__ import annotations

from typing import Any

import numpy as np

from .colors import EVENT_COLORS, MACROSTATE_COLORS, colors_of

STATES_SCHEMA = "ionmech-states/1"


def states_archive(
    *, events: tuple[str, ...], macrostates: tuple[str, ...], arrays: dict[str, Any]
) -> dict[str, np.ndarray]:
    """Arrays of a states file, schema ``ionmech-states/1``, for `numpy.savez_compressed`."""
    return {
        "schema": np.array(STATES_SCHEMA),
        "event_names": np.array(events, dtype=str),
        "event_colors": np.array(colors_of(events, EVENT_COLORS), dtype=str),
        "macrostate_names": np.array(macrostates, dtype=str),
        "macrostate_colors": np.array(colors_of(macrostates, MACROSTATE_COLORS), dtype=str),
        **{name: np.asarray(values) for name, values in arrays.items()},
    }
