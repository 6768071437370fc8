"""The states file for OVITO: schema ``ionmech-states/1``, readable by numpy alone."""

from __future__ import annotations

import zipfile
from typing import Any

import numpy as np

from ovito_modifiers.archive import CHECKSUM, checksum_of

from .colors import EVENT_COLORS, MACROSTATE_COLORS, colors_of

STATES_SCHEMA = "ionmech-states/1"
#: Size of the pieces in which an array is written, bytes.
PIECE = 2**21


def states_archive(
    *, events: tuple[str, ...], macrostates: tuple[str, ...], arrays: dict[str, Any]
) -> dict[str, np.ndarray]:
    """Arrays of a states file, schema ``ionmech-states/1``, and their checksum."""
    archive = {
        "schema": np.array(STATES_SCHEMA),
        "event_names": np.array(events, dtype=str),
        "event_colors": np.array(colors_of(events, EVENT_COLORS), dtype=str),
        "macrostate_names": np.array(macrostates, dtype=str),
        "macrostate_colors": np.array(colors_of(macrostates, MACROSTATE_COLORS), dtype=str),
        **{name: np.asarray(values) for name, values in arrays.items()},
    }
    return archive | {CHECKSUM: checksum_of(archive)}


def write_archive(name: str, arrays: dict[str, np.ndarray]) -> None:
    """Write arrays as `numpy.savez_compressed` does, a few megabytes at a time.

    Parameters
    ----------
    name : str
        Name of the file, which is overwritten.
    arrays : dict of str to numpy.ndarray
    """
    with zipfile.ZipFile(name, "w", zipfile.ZIP_DEFLATED) as archive:
        for key, values in arrays.items():
            with archive.open(f"{key}.npy", "w", force_zip64=True) as file:
                about = np.lib.format.header_data_from_array_1_0(np.empty(0, values.dtype))
                about |= {"shape": values.shape, "fortran_order": False}
                np.lib.format.write_array_header_1_0(file, about)
                if values.ndim == 0:
                    file.write(values.tobytes())
                    continue
                row = max(values[:1].nbytes, 1)
                rows = max(PIECE // row, 1)
                for first in range(0, len(values), rows):
                    file.write(np.ascontiguousarray(values[first : first + rows]).tobytes())
