"""Shares as text, rounded by their intervals."""

from __future__ import annotations

import math

#: Shares below this are rounding errors.
ROUND_OFF = 1e-12


def share_text(share: float, low: float, high: float) -> str:
    """A share in percent with the digits that its interval allows, as in the report.

    By the rule of the Particle Data Group; one decimal without an interval.
    """
    if not math.isfinite(share):
        return "-"
    if max(abs(share), abs(low), abs(high)) <= ROUND_OFF:
        return "0%"
    half, places = 50 * (high - low), 1
    if math.isfinite(half) and half > ROUND_OFF:
        power = math.floor(math.log10(half))
        lead = round(half / 10.0**power * 100)
        places = -power if lead >= 950 else (1 if lead < 355 else 0) - power
    text = f"{round(100 * float(share), places):.{max(places, 0)}f}"
    return f"{text.lstrip('-') if float(text) == 0 else text}%"
