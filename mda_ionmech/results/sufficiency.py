"""Length of trajectory for a given error, from the measured errors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..lib.checks import as_number, shown
from ..lib.errors import InputError
from ..lib.whole_frames import whole_frames
from ..observables.channel_rates import FEW
from ..onsager.lag_choice import FEWEST_STEPS
from ..onsager.lag_sums import LONGEST
from ..onsager.memory_models import TOO_LONG
from .diffusive_self import trajectories
from .diffusive_view import common_resolution
from .ends import ENDS
from .recommend import memory_left_open
from .window_tables import Coefficients

if TYPE_CHECKING:
    import pandas as pd


#: Memories that a trajectory must span to decide on one that is left open.
MEMORIES = 1 / TOO_LONG
#: Length of trajectory in lags from which slopes agree: lines start at twice such a lag, up to a
#: quarter of the last one, which is a tenth of the trajectory.
LAGS_TO_SETTLE = 80
#: Shares below this are zero within rounding.
ROUND_OFF = 1e-12


def data_sufficiency(results: Any, target: float, species: str | None) -> pd.DataFrame:
    """See `Results.data_sufficiency`."""
    import pandas as pd

    from ..lib.unit_table import UnitTable

    target = as_number(target)
    if not 0 < target < 1:
        raise InputError(
            f"target must be a relative error between 0 and 1, got {shown(target)}; e.g. 0.1"
        )
    name = results._species(species)
    at, rows = _quantities(results, name)
    blocks = results.blocks
    pieces = trajectories(blocks)
    length = sum(pieces) * blocks.dt / 1000
    values = np.array(list(rows.values()))
    value, low, high = values.T
    half, zero = (high - low) / 2, (low <= 0) & (high >= 0)
    # of what is zero within its interval the largest size that the interval allows
    size = np.where(zero, np.maximum(np.abs(low), np.abs(high)), np.abs(value))
    number = _leading_events(results, at, name)
    with np.errstate(divide="ignore", invalid="ignore"):
        error, wide = half / np.abs(value), half / size
        if number < FEW:  # the error of a sum of so few independent terms
            total = ~pd.Index(rows).str.startswith("share of ")
            error, wide = (
                np.where(total, np.maximum(e, 1 / np.sqrt(number)), e) for e in (error, wide)
            )
        needed = length * (wide / target) ** 2
    least, why = least_length(results)
    table = pd.DataFrame(
        {
            "value": value,
            "relative_error": error,
            "length": length,
            "needed": np.fmax(needed, least) if least else needed,
        },
        index=pd.Index(list(rows), name="quantity"),
    )
    bounds = [one for one, is_zero in zip(rows, zero, strict=True) if is_zero]
    table.attrs = {
        "species": name,
        "target": target,
        "level": blocks.level,
        "open_memory_ps": memory_left_open(results.decomposition) if at.diffusive else 0.0,
        "least_ns": least,
        "lower_bounds": bounds,
        "leading_events": number,
        "units": {"length": "ns", "needed": "ns"},
    }
    if said := _caption(at, bounds, least, why, known=bool(np.isfinite(error).any())):
        table.attrs["caption"] = said
    return UnitTable.of(table)


def _quantities(
    results: Any, name: str
) -> tuple[Coefficients, dict[str, tuple[float, float, float]]]:
    """Conductivity, coefficient and shares of the reading, or without one of a window."""
    at = Coefficients.of(results, None if results.has_diffusive_view else results.longest_window)
    window = None if at.diffusive else float(at.data["window"])
    view = {"view": "diffusive"} if at.diffusive else {"window": window}
    summary = results.summary(species=name, **view)
    rows: dict[str, tuple[float, float, float]] = {}
    if np.any(results.blocks.system.charge != 0):
        rows["conductivity"] = at.ends("conductivity")
    rows[f"L({name}, {name})"] = at.ends("onsager", species=name, species_2=name)
    for event, row in summary.iterrows():
        if abs(row["share"]) > ROUND_OFF:  # not where it is undefined either
            value, low, high = (float(row[f"share{end}"]) for end in ENDS)
            rows[f"share of {event}"] = value, low, high
    return at, rows


def _leading_events(results: Any, at: Coefficients, name: str) -> float:
    """How often the event with the largest share occurred; infinity where that is unknown.

    Each is counted once for every window that holds it, as many as the window has frames.
    """
    view = {"view": "diffusive"} if at.diffusive else {"window": float(at.data["window"])}
    table = results.summary(species=name, **view)
    share = table["share"].where(table["count"] > 0)
    if not share.notna().any():
        return float("inf")
    length = table.attrs["resolution_ps" if at.diffusive else "window_ps"]
    frames = max(whole_frames(length, results.blocks.dt), 1)
    return float(table["count"][share.idxmax()]) / frames


def least_length(results: Any) -> tuple[float, str]:
    """Shortest length of trajectory for a reading, ns, and what for; 0 where this one is enough.

    Parameters
    ----------
    results : Results

    Returns
    -------
    length : float
    purpose : str
    """
    blocks = results.blocks
    if not results.has_diffusive_view:
        if not blocks.paths:
            return 0.0, ""  # not asked for
        shortest = common_resolution(blocks) if blocks.lags else min(blocks.resolutions)
        return (
            FEWEST_STEPS * LONGEST * shortest * blocks.dt / 1000,
            "for lags that can be compared",
        )
    about = results.decomposition["diffusive_onsager"].attrs
    if not int(about["settled"]):
        return (
            LAGS_TO_SETTLE * float(about["settled_from_ps"]) / 1000,
            "to compare slopes from later lags",
        )
    memory = memory_left_open(results.decomposition)
    if memory:
        return memory * MEMORIES / 1000, "to decide on the memory that is left open"
    return 0.0, ""


def _caption(at: Coefficients, bounds: list[str], least: float, why: str, *, known: bool) -> str:
    """What is to be said of the lengths."""
    said = []
    if not at.diffusive:
        window = float(at.data["window"])
        said.append(
            f"errors are those in windows of {window:g} ps, as there is no diffusive view; those "
            "of later lags are larger"
            if known
            else f"errors are unknown: fewer than three blocks in windows of {window:g} ps"
        )
    if bounds:
        said.append(
            f"{', '.join(bounds)}: zero within the interval, so that the needed length is a lower "
            "bound, for a value as large as the interval allows"
        )
    if least:
        said.append(f"at least {nanoseconds(least)} are needed {why}")
    return "; ".join(said)


def nanoseconds(length: float) -> str:
    """A length of trajectory with two digits, without an exponent.

    >>> nanoseconds(268.4), nanoseconds(0.0161)
    ('270 ns', '0.016 ns')
    """
    return f"{float(f'{length:.2g}'):.10g} ns"
