"""Restores the current frame of a trajectory."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any


@contextmanager
def where_it_was(trajectory: Any) -> Iterator[None]:
    """Context manager that returns a trajectory to its current frame at the end."""
    frame = trajectory.frame
    try:
        yield
    finally:
        # a file that can no longer be read raises its own error
        with suppress(Exception):
            if trajectory.frame != frame:
                trajectory[frame]
