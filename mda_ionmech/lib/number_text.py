"""Numbers as text, those with an interval rounded according to it.

Digits by the rule of the Particle Data Group (Review of Particle Physics, section 5.3 of the
introduction): of the first three digits of the half width, 100 to 354 keep two, 355 to 949 one, and
950 to 999 become 1000 with two.
"""

from __future__ import annotations

import math

#: Most decimals of shares that are not small.
FINEST = 4
#: Shares below this are written with a power of ten.
LEAST = 1e-5
#: Relative size of rounding errors of sums.
ROUND_OFF = 1e-12
_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_UNITS = {
    "1": "",
    "angstrom2": "Å²",
    "cm2/s": "cm²/s",
    "1/ns": "1/ns",
    "1/(J m s)": "1/(J m s)",
}


def unit(name: str) -> str:
    """A unit of the result file in its printed form."""
    return _UNITS.get(name, name)


def three_digits(value: float) -> str:
    """A number with three digits, final zeros kept; a dash where it is unknown."""
    if value != value:
        return "-"
    if value == 0:
        return "0"
    if 1e-3 <= abs(value) < 1e5:
        return f"{value:.{max(2 - math.floor(math.log10(abs(value))), 0)}f}"
    return f"{value:.2e}"


def decimals(half: float) -> int:
    """Decimals of a number whose interval has this half width; negative for tens."""
    power = math.floor(math.log10(half))
    lead = round(half / 10.0**power * 100)
    if lead >= 950:
        return -power
    return (1 if lead < 355 else 0) - power


def _fixed(value: float, places: int) -> str:
    text = f"{round(value, places):.{max(places, 0)}f}"
    return text.lstrip("-") if float(text) == 0 else text


def _power_of_ten(exponent: int) -> str:
    return f"\u00d710{str(exponent).translate(_SUPERSCRIPT)}"


def number(value: float) -> str:
    """A number without an interval: three digits, or a dash where it is unknown."""
    if not math.isfinite(value):
        return "-"
    if value == 0:
        return "0"
    exponent = math.floor(math.log10(abs(value)))
    if -4 < exponent < 6:
        return _fixed(value, 2 - exponent) if exponent < 2 else f"{value:.0f}"
    return f"{value / 10.0**exponent:.2f} {_power_of_ten(exponent)}"


def part(value: float) -> str:
    """A fraction in percent without an interval: one decimal, or a dash where it is unknown."""
    return _fixed(100 * float(value), 1) if math.isfinite(value) else "-"


def measured(value: float, low: float, high: float, *, share: bool = False) -> tuple[str, str]:
    """A value and its interval, both rounded by the interval.

    Parameters
    ----------
    value, low, high : float
        NaN where unknown.
    share : bool
        Whether it is a fraction, to be written in percent: with at most `FINEST` decimals of the
        fraction, two digits where it is small.

    Returns
    -------
    value, interval : str
        Dashes where they are unknown.
    """
    if not math.isfinite(value):
        return "-", "-"
    if not (math.isfinite(low) and math.isfinite(high)):
        return (part(value) if share else number(value)), "-"
    half, largest = (high - low) / 2, max(abs(value), abs(low), abs(high))
    # zero in all samples, or a share that is rounding error
    if largest <= (ROUND_OFF if share else 0):
        return "0", "-"
    if share and largest >= LEAST:
        finest = max(FINEST, 1 - math.floor(math.log10(largest)))
        places = min(decimals(half), finest) if half > 0 else 3
        texts = [_fixed(100 * x, places - 2) for x in (value, low, high)]
        return texts[0], f"{texts[1]} to {texts[2]}"
    if share:
        return measured(100 * value, 100 * low, 100 * high)
    # an interval as narrow as rounding errors is zero
    if not half > ROUND_OFF * largest:
        return number(value), f"{number(low)} to {number(high)}"
    places, exponent = decimals(half), math.floor(math.log10(largest))
    if -4 < exponent < 6:
        texts = [_fixed(x, places) for x in (value, low, high)]
        return texts[0], f"{texts[1]} to {texts[2]}"
    texts = [_fixed(x / 10.0**exponent, places + exponent) for x in (value, low, high)]
    power = _power_of_ten(exponent)
    return f"{texts[0]} {power}", f"({texts[1]} to {texts[2]}) {power}"


def percent(value: float, low: float, high: float) -> tuple[str, str]:
    """A fraction and its interval in percent, formatted by `measured`."""
    if max(abs(value), abs(low), abs(high)) <= ROUND_OFF:
        return "0", "-"
    if not (math.isfinite(low) and math.isfinite(high)):
        return part(value), "-"
    return measured(100 * value, 100 * low, 100 * high)


def percent_like(value: float, low: float, high: float) -> str:
    """A fraction in percent, with as many digits as one with this interval has."""
    half = 50 * (high - low)
    if not (math.isfinite(value) and half > ROUND_OFF):
        return part(value)
    return _fixed(100 * value, decimals(half))


def percent_with_interval(value: float, low: float, high: float) -> str:
    """A fraction in percent with its interval in brackets, in the digits of `percent`."""
    text, reach = percent(value, low, high)
    return f"{text}%" if reach == "-" else f"{text}% ({reach})"


def with_interval(value: float, low: float, high: float, *, share: bool = False) -> str:
    """A value with its interval in brackets, formatted by `measured`."""
    text, reach = measured(value, low, high, share=share)
    if reach == "-":
        return text
    if reach.startswith("("):
        span, power = reach.rsplit(" ", 1)
        return f"{text.rsplit(' ', 1)[0]} {span} {power}"
    return f"{text} ({reach})"


def stacked(value: float, low: float, high: float, *, share: bool = False) -> str:
    """A value with its interval on a second line, formatted by `measured`."""
    text, reach = measured(value, low, high, share=share)
    return text if reach == "-" else f"{text}\n{reach}"
