"""A trajectory is read by one thread at a time, and left at the frame it was at."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TypeVar, cast
from weakref import WeakKeyDictionary

from ..lib.errors import InputError

F = TypeVar("F", bound=Callable[..., Any])

#: A reader is at one frame: who reads others of it meanwhile would get these.
_LOCKS: WeakKeyDictionary[Any, Any] = WeakKeyDictionary()
_GUARD = threading.Lock()
_RUNNING: set[int] = set()


@contextmanager
def where_it_was(trajectory: Any) -> Iterator[None]:
    """Go back, at the end, to the frame a trajectory was at before; other threads wait."""
    with _GUARD:
        lock = _LOCKS.setdefault(trajectory, threading.RLock())
    with lock:
        frame = trajectory.frame
        try:
            yield
        finally:
            # a file that can no longer be read has an error of its own
            with suppress(Exception):
                if trajectory.frame != frame:
                    trajectory[frame]


@contextmanager
def running_alone(analysis: Any) -> Iterator[None]:
    """Refuse to run an analysis that another thread is running.

    Raises
    ------
    InputError
    """
    with _GUARD:
        if id(analysis) in _RUNNING:
            raise InputError(
                "this analysis is running already, in another thread: it holds one result; make an "
                "analysis for each thread"
            )
        _RUNNING.add(id(analysis))
    try:
        yield
    finally:
        with _GUARD:
            _RUNNING.discard(id(analysis))


def in_one_thread(run: F) -> F:
    """Decorate the `run` of an analysis, so that another thread cannot run it meanwhile."""

    @functools.wraps(run)
    def alone(self: Any, *args: Any, **options: Any) -> Any:
        with running_alone(self):
            return run(self, *args, **options)

    return cast(F, alone)


def check_reader(ts: Any, frame: int) -> None:
    """Refuse a frame that the reader was moved away from while it was read.

    Raises
    ------
    InputError
    """
    if ts.frame != frame:
        raise InputError(
            f"frame {frame} was to be read and the reader is at frame {ts.frame}: something else "
            "reads this trajectory at the same time, another thread for instance; give it a "
            "universe of its own, universe.copy()"
        )
