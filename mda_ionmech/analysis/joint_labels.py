"""Events and clusters of every carrier and origin, where labels depend on all carriers."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np

from ..lib.frame_blocks import FrameFile
from ..onsager.window_sums import LabelledTogether, carrier_blocks

#: The per-frame arrays of a result that are filled, and their types.
KINDS: dict[str, np.dtype[Any]] = {"event": np.dtype("i2"), "cluster": np.dtype("i4")}


def fill_joint(
    linked: LabelledTogether,
    names: Sequence[np.ndarray],
    carriers: np.ndarray,
    window: int,
    out: dict[str, Any],
    room: Path | None,
) -> None:
    """Fill events and clusters of species that are labelled together; -1 where no window begins.

    Cost: labels of one window length; on disk they are written twice, by frames and by carriers.

    Parameters
    ----------
    linked : LabelledTogether
    names : sequence of numpy.ndarray
        From the event codes of each species to those of the result.
    carriers : numpy.ndarray
        Shape (carriers,): columns of these carriers.
    window : int
        Frames.
    out : dict
        Arrays (frames, carriers) by the names in `KINDS`, in memory or of Zarr.
    room : Path or None
        An empty folder; None where `out` is in memory.
    """
    edges = linked.edges(window)
    files: dict[str, FrameFile] = {}
    with ExitStack() as stack:
        opened = {}
        if room is not None:
            for name, kind in KINDS.items():
                path = room / f"{name}.bin"
                files[name] = FrameFile(path, kind, (), len(carriers), np.array(edges))
                opened[name] = stack.enter_context(open(path, "wb"))
        for block in linked.blocks(window):
            code = [to_result[linked.codes(block, k)] for k, to_result in enumerate(names)]
            found = {"event": np.concatenate(code), "cluster": block.cluster}
            for name, values in found.items():
                if room is None:
                    out[name][block.first : block.last, carriers] = values.T
                else:
                    values.astype(KINDS[name]).tofile(opened[name])
    for name in KINDS:
        if room is None:
            out[name][edges[-1] :, carriers] = -1
            continue
        n_frames = out[name].shape[0]
        for first, last in carrier_blocks(files[name]):
            part = np.full((n_frames, last - first), -1, dtype=KINDS[name])
            part[: edges[-1]] = files[name][first:last].T
            write_columns(out[name], carriers[first:last], part)
        files[name].path.unlink()


def write_columns(array: Any, columns: np.ndarray, values: np.ndarray) -> None:
    """Write columns (rows, columns) of a Zarr array, neighbours together."""
    for part in np.split(np.arange(len(columns)), np.flatnonzero(np.diff(columns) != 1) + 1):
        array[:, int(columns[part[0]]) : int(columns[part[-1]]) + 1] = values[:, part]
