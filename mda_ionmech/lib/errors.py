"""Errors a user can act on: each message names the argument, the value and the remedy."""

from __future__ import annotations

import sys
import warnings
from types import FrameType

from .plain_text import printable


class InputError(ValueError):
    """The input cannot be analysed; the message says what to give instead.

    Parameters
    ----------
    text : str
        The message; unprintable characters in names of files, atoms and selections are escaped.
    """

    def __init__(self, text: str = "") -> None:
        super().__init__(printable(str(text)))


class AdditivityError(RuntimeError):
    """The contributions of the events do not sum to the whole: a bug, never bad data."""


def warn_user(text: str) -> None:
    """Issue a Python warning at the line that called this package, from any depth."""
    frame, level = sys._getframe(1), 2
    while frame.f_back is not None and _ours(frame):
        frame, level = frame.f_back, level + 1
    warnings.warn(printable(text), stacklevel=level)


def _ours(frame: FrameType) -> bool:
    name = str(frame.f_globals.get("__name__", ""))
    return name.partition(".")[0] in ("mda_ionmech", "MDAnalysis")
