"""Numbers as text."""

from __future__ import annotations

import math


def three_digits(value: float) -> str:
    """A number with three digits, final zeros kept; a dash where it is unknown."""
    if value != value:
        return "-"
    if value == 0:
        return "0"
    if 1e-3 <= abs(value) < 1e5:
        return f"{value:.{max(2 - math.floor(math.log10(abs(value))), 0)}f}"
    return f"{value:.2e}"
