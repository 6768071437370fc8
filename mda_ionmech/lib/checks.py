"""Checks of single arguments that several parts of the package share."""

from __future__ import annotations

from typing import Any

import numpy as np

from .errors import InputError


def positive(argument: str, value: Any, unit: str, remedy: str) -> float:
    """A finite number above 0."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = np.nan
    if not np.isfinite(number) or number <= 0:
        raise InputError(f"{argument} must be a number above 0 in {unit}, got {value!r}; {remedy}")
    return number
