"""The recommended reading of a species: resolution of the labels, lags of the sums, with reasons.

The resolution is the longest at which few carriers have more than one elementary event. The lags
are those of the diffusive view. For the slope view, a single horizon: the shortest from which the
slope of the total is constant. If there is none, the reason is given.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import gammaincinv

from .. import onsager
from ..onsager.block_bootstrap import FEWEST_BLOCKS
from .elementary import MOST_REPEATED, elementary_resolution, reading_resolution
from .estimates import path_samples
from .hop_dates import finer_than_dates

if TYPE_CHECKING:
    import xarray as xr

    from ..onsager.block_sums import Blocks

#: Number of longer horizons that must agree for a constant slope.
AGREEING = 2


@dataclass(frozen=True)
class Recommendation:
    """Recommended resolution and lags of a species, and the horizon of its slope view.

    Attributes
    ----------
    species : str
    resolution, horizon : float or None
        ps; None where none is recommended.
    repeated : float
        Fraction of carrier-windows with more than one change of microstate at the resolution, or at
        the shortest one where none is recommended.
    slope, low, high : float
        Slope of the total Onsager coefficient there and its interval, 1/(J m s); NaN without a
        horizon.
    text : str
        The choice and its reasons, or why there is none.
    label_resolution : float or None
        ps: at which labels are read in the diffusive view; None without one.
    first_lag, last_lag : float or None
        ps: shortest and longest lag of the diffusive view.
    unsound : str
        Why the diffusive view, or the labels in it, are not to be read; empty where they are.
    """

    species: str
    resolution: float | None
    horizon: float | None
    repeated: float
    slope: float
    low: float
    high: float
    text: str
    label_resolution: float | None = None
    first_lag: float | None = None
    last_lag: float | None = None
    unsound: str = ""

    def __str__(self) -> str:
        return self.text


def recommend(
    data: xr.Dataset, blocks: Blocks, species: int, settings: Mapping[str, Any]
) -> Recommendation:
    """Choose resolution and lags for one species.

    Cost: the intervals of one resolution.

    Parameters
    ----------
    data : xarray.Dataset
        The group decomposition of a result.
    blocks : Blocks
        With paths.
    species : int
    settings : mapping
        Of the run: the scatter of the dates of hops.

    Returns
    -------
    Recommendation

    Notes
    -----
    Events have no reading where `MOST_REPEATED` of the carriers or more change twice within the
    shortest resolution (frames too far apart, or flickering contacts); coefficients have one then.
    Slopes at two horizons agree when they differ by less than twice the root sum of squares of
    the half widths of their intervals. All longer horizons with ten blocks or more, at least two,
    must agree with the chosen one. A resolution shorter than the scatter of entry minus crossing,
    the range of its middle 68%, is never recommended.
    """
    name = blocks.names[species]
    resolution, repeated, words = elementary_resolution(blocks, species)
    read_at = min(blocks.resolutions) if resolution is None else resolution
    horizon, estimate, more = steady_horizon(blocks, species, read_at)
    dt = blocks.dt
    too_fine = finer_than_dates(settings, name, None if resolution is None else resolution * dt)
    read = reading_resolution(data, blocks, species)
    first = last = None
    unsound = ""
    if read is not None:
        about = data["diffusive_onsager"].attrs
        first, last = float(about["first_lag_ps"]), float(np.max(about["lag_ps"]))
        undated = finer_than_dates(settings, name, read * dt)
        words = elementary_resolution(blocks, species, [read])[2]
        flickering = no_labels(blocks, species, read)
        why = " ".join(filter(None, (no_reading(data, species), undated)))
        unsound = why or flickering
        if why:
            text = f"{name}: no reading. {why} {flickering or _sentence(words)}"
        elif flickering:
            text = (
                f"{name}: no reading of its events. {flickering} Coefficients are read from lags "
                f"from {first:g} to {last:g} ps. {_about_lags(about)}"
            )
        else:
            text = (
                f"{name}: labels over {read * dt:g} ps, lags from {first:g} to {last:g} ps. "
                f"{_sentence(words)} {_about_lags(about)}"
            )
        if undated:
            read = None
    elif too_fine:
        text = f"{name}: no reading. {too_fine} {_sentence(more)}"
    elif resolution is not None and horizon is not None:
        text = (
            f"{name}: read the slope view at a resolution of {resolution * dt:g} ps and a horizon "
            f"of {horizon * dt:g} ps. {_sentence(words)} {_sentence(more)}"
        )
    else:
        text = f"{name}: no reading. {_sentence(words)} {_sentence(more)}"
    if too_fine:
        resolution = None
    return Recommendation(
        species=name,
        resolution=None if resolution is None else resolution * dt,
        horizon=None if horizon is None else horizon * dt,
        repeated=repeated,
        slope=estimate[0],
        low=estimate[1],
        high=estimate[2],
        text=text,
        label_resolution=None if read is None else read * dt,
        first_lag=first,
        last_lag=last,
        unsound=unsound,
    )


def no_reading(data: xr.Dataset, species: int) -> str:
    """Why values of the diffusive view are not to be read; empty where they are."""
    total = data["diffusive_onsager"]
    about = total.attrs
    low, high = (
        float(data[f"diffusive_onsager_{end}"][species, species]) for end in ("low", "high")
    )
    if not int(about["settled"]):
        bent = str(about["bent"])
        return (
            f"Slopes from later lags do not agree up to {float(about['settled_from_ps']):g} ps"
            f"{f' ({bent})' if bent else ''}, and no later ones can be compared: the trajectory is "
            "too short for the motion to become diffusive."
        )
    if low <= 0 <= high:
        return (
            "The coefficient is zero within its interval: the carriers are caged, or the "
            "trajectory is too short to see them move."
        )
    if not low < high:
        return "There are too few blocks of time origins for an interval."
    return ""


def no_labels(blocks: Blocks, species: int, resolution: int) -> str:
    """Why labels of a resolution are not to be read: too many changes; empty where they are.

    Parameters
    ----------
    blocks : Blocks
    species : int
    resolution : int
        Frames.
    """
    if not blocks.system.ruled_species[species]:
        return ""
    repeated = elementary_resolution(blocks, species, [resolution])[1]
    if repeated < MOST_REPEATED:
        return ""
    over = resolution * blocks.dt
    text = (
        f"Within {over:g} ps, the shortest resolution that can be read, {repeated:.0%} of the "
        f"carriers have more than one change of microstate, {MOST_REPEATED:.0%} or more: frames "
        "are too far apart, or contacts flicker (hysteresis, persistence)."
    )
    if repeated < 1:
        # the mean number of independent changes with this part of two or more
        wanted = over * float(gammaincinv(2, MOST_REPEATED) / gammaincinv(2, repeated))
        text += f" Changes that are independent need frames at most {wanted:.1g} ps apart."
    return text


def memory_left_open(data: xr.Dataset) -> float:
    """Memory in ps that the lags leave open and that is too long for the trajectory; 0: none."""
    return float(data["diffusive_onsager"].attrs.get("open_memory_ps", 0.0))


def _about_lags(about: Mapping[str, Any]) -> str:
    """A sentence on the lag from which slopes agree."""
    settled, bent = float(about["settled_from_ps"]), str(about["bent"])
    return (
        f"From {settled:g} ps on all later lags give the same slope within their errors"
        f"{f' ({bent} bends longest)' if bent else ''}."
    )


def _sentence(words: str) -> str:
    return words[0].upper() + words[1:] + "."


def _number_of_horizons(number: int) -> str:
    if number == 0:
        return "no horizon of that resolution has"
    if number == 1:
        return "only 1 horizon of that resolution has"
    return f"only {number} horizons of that resolution have"


def steady_horizon(
    blocks: Blocks, species: int, resolution: int
) -> tuple[int | None, tuple[float, float, float], str]:
    """The shortest horizon from which the slope of the total is constant, and the reason."""
    found: dict[int, tuple[float, float, float]] = {}
    for entry in blocks.paths:
        if entry.resolution != resolution or entry.plan.n_blocks < FEWEST_BLOCKS:
            continue
        first, samples = path_samples(entry, blocks)
        at = species, species
        value = np.asarray(first["_slope"][at])
        if not np.isfinite(value):
            continue
        ends = onsager.interval(value, samples["_slope"][:, *at], entry.plan, blocks.level)
        found[entry.horizon] = float(value), float(ends[0]), float(ends[1])
    unknown = (float("nan"),) * 3
    dt = blocks.dt
    order = sorted(found)
    if len(order) <= AGREEING:
        return (
            None,
            unknown,
            f"{_number_of_horizons(len(order))} {FEWEST_BLOCKS} blocks or more: the trajectory is "
            "too short to see a steady slope",
        )
    half = {n: (found[n][2] - found[n][1]) / 2 for n in order}
    for k, n in enumerate(order[:-AGREEING]):
        gaps = [abs(found[m][0] - found[n][0]) for m in order[k + 1 :]]
        reach = [2 * np.hypot(half[m], half[n]) for m in order[k + 1 :]]
        if not all(g <= r for g, r in zip(gaps, reach, strict=True)):
            continue
        if abs(found[n][0]) <= 2 * half[n]:
            return (
                None,
                found[n],
                f"the slope of the total is zero within twice its interval from {n * dt:g} ps on: "
                "the carriers are caged, or the trajectory is too short to see them move",
            )
        return (
            n,
            found[n],
            f"from {n * dt:g} ps on the slope of the total is steady within its interval up to "
            f"{order[-1] * dt:g} ps, the longest horizon with {FEWEST_BLOCKS} blocks",
        )
    return (
        None,
        unknown,
        f"the slope of the total still changes up to {order[-1] * dt:g} ps, the longest horizon "
        f"with {FEWEST_BLOCKS} blocks: the trajectory is too short for the motion to become "
        "diffusive",
    )
