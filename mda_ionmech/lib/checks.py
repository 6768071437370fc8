"""Checks of single arguments that several parts of the package share.

Accepted as numbers are Python and NumPy numbers and arrays without axes, but not booleans, text,
complex numbers or NaN.
"""

from __future__ import annotations

import math
import numbers
import operator
from collections.abc import Container, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from .errors import InputError


def shown(value: Any) -> str:
    """A value as text for a message: one line, not too long."""
    try:
        text = repr(value)
    except ValueError:  # Python refuses to print integers of more than some thousand digits
        text = f"an integer of {value.bit_length()} bits" if isinstance(value, int) else "a value"
    text = " ".join(text.split())
    return text if len(text) <= 80 else f"{text[:77]}..."


def as_number(value: Any) -> float:
    """A value as a float; NaN unless it is a single finite number."""
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = value[()]
    if isinstance(value, bool | np.bool_ | str | bytes | np.ndarray):
        return math.nan
    if isinstance(value, numbers.Complex) and not isinstance(value, numbers.Real):
        return math.nan
    try:
        found = float(value)
    except (TypeError, ValueError, OverflowError):
        return math.nan
    return found if math.isfinite(found) else math.nan


def number(
    argument: str,
    value: Any,
    wanted: str,
    *,
    above: float | None = None,
    least: float | None = None,
    most: float | None = None,
    remedy: str = "",
) -> float:
    """A finite number in a range.

    Parameters
    ----------
    argument : str
        Its name, for the message.
    value : object
        The value given by the user.
    wanted : str
        What it must be, e.g. ``"a time in ps, 0 or more"``.
    above, least, most : float, optional
        Smaller bound, not included or included, and larger bound, included.
    remedy : str
        What to give instead, if that is not obvious.

    Raises
    ------
    InputError
    """
    found = as_number(value)
    if (
        math.isnan(found)
        or (above is not None and not found > above)
        or (least is not None and not found >= least)
        or (most is not None and not found <= most)
    ):
        raise InputError(
            f"{argument} must be {wanted}, got {shown(value)}{remedy and '; '}{remedy}"
        )
    return found


def positive(
    argument: str, value: Any, unit: str, remedy: str, *, most: float | None = None
) -> float:
    """A finite number above 0."""
    too_large = most is not None and as_number(value) > most
    at_most = f" and at most {most:g}" if too_large else ""
    wanted = f"a number above 0{at_most} in {unit}"
    return number(argument, value, wanted, above=0, most=most, remedy=remedy)


def whole(
    argument: str,
    value: Any,
    *,
    least: int | None = None,
    most: int | None = None,
    remedy: str,
) -> int:
    """An integer in a range, of a Python or NumPy integer type.

    Raises
    ------
    InputError
    """
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = value[()]
    try:
        found = None if isinstance(value, bool | np.bool_) else operator.index(value)
    except TypeError:
        found = None
    if (
        found is None
        or not (least is None or found >= least)
        or not (most is None or found <= most)
    ):
        wanted = "a whole number" + (f" of {least} or more" if least is not None else "")
        too_large = found is not None and most is not None and found > most
        wanted += f" and at most {most}" if too_large else ""
        raise InputError(f"{argument} must be {wanted}, got {shown(value)}; {remedy}")
    return found


def is_one_of(value: Any, known: Container[Any]) -> bool:
    """Whether a value is one of some names; False for anything but text or None."""
    return (value is None or isinstance(value, str)) and value in known


def species_with(species: Any, able: Sequence[str], asked: str, what: str, remedy: str) -> str:
    """The species that something is asked of: the one that is named, or the first that has it.

    Parameters
    ----------
    species : object
        What the user gave; None for the first.
    able : sequence of str
        Names of the species of which it can be asked.
    asked, what, remedy : str
        The method, what it needs of a species, and how to give it, for messages.

    Raises
    ------
    InputError
    """
    if not able:
        whose = "this run" if species is None else f"species={shown(species)}"
        raise InputError(
            f"{asked}: {whose} has no {what}, nor has another; give a species {remedy}"
        )
    if species is None:
        return able[0]
    if not is_one_of(species, able):
        raise InputError(
            f"species={shown(species)} has no {what} in this run; {asked} can be asked of "
            f"{', '.join(able)}; or give this one {remedy}"
        )
    return str(species)


def listed(argument: str, values: Any, remedy: str) -> list[Any]:
    """A list given by the user: its elements, or a single value as a list of one.

    Raises
    ------
    InputError
        For text, a mapping, or something that is not iterable.
    """
    if not math.isnan(as_number(values)):
        return [values]
    if isinstance(values, str | bytes | Mapping) or not isinstance(values, Iterable):
        raise InputError(f"{argument} must be a list of numbers, got {shown(values)}; {remedy}")
    return [*values] if not isinstance(values, np.ndarray) or values.ndim else [values[()]]


def positions(argument: str, values: Any, remedy: str) -> np.ndarray:
    """Finite positions of shape (n, 3), float64; one position may be given without brackets.

    Raises
    ------
    InputError
    """
    try:
        found = np.atleast_2d(np.asarray(values))
    except (TypeError, ValueError):
        found = np.empty(0)
    if found.dtype.kind not in "iuf":
        found = np.empty(0) if found.size else found.astype(np.float64)
    if found.ndim != 2 or found.shape[1] != 3 or not np.all(np.isfinite(found)):
        got = found.shape if found.size else shown(values)
        raise InputError(
            f"{argument} must hold finite positions of shape (sites, 3), got {got}; {remedy}"
        )
    return found.astype(np.float64)


def checked_array(
    argument: str, values: Any, shape: Sequence[int | None], what: str, *, whole: bool = False
) -> np.ndarray:
    """An array of finite numbers with given axes.

    Parameters
    ----------
    argument : str
        Its name, for the message.
    values : object
        Given by the user.
    shape : sequence of int or None
        Length of each axis; None for any.
    what : str
        What it holds, with the names of its axes, e.g. ``"the label of each site, (sites,)"``.
    whole : bool
        Whether integers are asked for.

    Returns
    -------
    numpy.ndarray
        The array as given; with `whole` of an integer type, else float64.

    Raises
    ------
    InputError
    """
    try:
        found = np.asarray(values)
    except (TypeError, ValueError):
        found = np.asarray(None)
    fits = found.ndim == len(shape) and all(
        n in (None, m) for n, m in zip(shape, found.shape, strict=True)
    )
    numeric = found.dtype.kind in ("iu" if whole else "iuf")
    if not (fits and numeric and bool(np.all(np.isfinite(found)))):
        got = shown(values) if found.ndim == 0 else f"shape {found.shape} of {found.dtype}"
        numbers_of = "integers" if whole else "finite numbers"
        raise InputError(f"{argument} must be an array of {numbers_of}, {what}; got {got}")
    return found if whole else found.astype(np.float64, copy=False)


def instance(argument: str, value: Any, kind: type, remedy: str) -> None:
    """Refuse what is not of a type.

    Raises
    ------
    InputError
    """
    if not isinstance(value, kind):
        raise InputError(
            f"{argument} must be of type {kind.__name__}, got {shown(value)}; {remedy}"
        )
