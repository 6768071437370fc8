"""Attributes of the variables of a result with intervals."""

from __future__ import annotations

from collections.abc import Mapping


def variable_attributes(
    about: Mapping[str, tuple[str, str]], name: str, level: float
) -> dict[str, object]:
    """Units and long name of a variable, or of an end of its interval, with the level.

    Parameters
    ----------
    about : mapping
        Long names and units of the variables.
    name : str
        Of a variable, or of one with ``_low`` or ``_high`` behind.
    level : float
        Of the intervals.

    Returns
    -------
    dict
    """
    base = name.removesuffix("_low").removesuffix("_high")
    text, unit = about[base]
    if base == name:
        return {"units": unit, "long_name": text}
    end = name.removeprefix(f"{base}_")
    return {
        "units": unit, "long_name": f"{end} end of the interval of: {text}", "level": level
    }  # fmt: skip
