"""Blocks of carriers, or of time origins, that are processed one after the other.

Temporary arrays are then small compared with the positions. Where labels depend on all carriers,
blocks are of origins, each with the frames at both ends of its windows; else they are of carriers
in all frames.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np

#: Positions of a block of carriers, bytes.
BLOCK_BYTES = 2**23
#: Numbers of a block of frames, one for each carrier and frame.
BLOCK_NUMBERS = 50_000
#: Fewest frames of a block.
FEWEST = 8


def carrier_blocks(position: Any) -> Iterator[tuple[int, int]]:
    """First and last + 1 of blocks of carriers whose positions fill about `BLOCK_BYTES`.

    Parameters
    ----------
    position : numpy.ndarray
        Shape (carriers, ..., frames).
    """
    n_carriers, n_frames = position.shape[0], position.shape[-1]
    size = max(1, BLOCK_BYTES // (24 * max(n_frames, 1)))
    for first in range(0, n_carriers, size):
        yield first, min(first + size, n_carriers)


def frames_at_once(n_carriers: int) -> int:
    """Number of frames, or time origins, in a block of `n_carriers` carriers."""
    return max(BLOCK_NUMBERS // max(n_carriers, 1), FEWEST)


def origin_blocks(
    n_frames: int, window: int, most: int, first: int = 0
) -> Iterator[tuple[int, int]]:
    """First and last + 1 of blocks of time origins of one window length, of nearly equal size.

    Parameters
    ----------
    n_frames : int
        Windows end before this frame.
    window : int
        Frames.
    most : int
        Most origins in a block.
    first : int
        The first origin.
    """
    last = n_frames - window
    if last > first:
        n_blocks = -(-(last - first) // max(most, 1))
        yield from pairwise(np.linspace(first, last, n_blocks + 1).astype(np.int64).tolist())
