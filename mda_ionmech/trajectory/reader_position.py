"""A trajectory is left at the frame it was at."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any


@contextmanager
def where_it_was(trajectory: Any) -> Iterator[None]:
    """Go back, at the end, to the frame a trajectory was at before."""
    frame = trajectory.frame
    try:
        yield
    finally:
        # a file that can no longer be read has an error of its own
        with suppress(Exception):
            if trajectory.frame != frame:
                trajectory[frame]
