"""Recommended resolution and horizon for the slope view, with the reasons.

The horizon is the shortest from which the slope of the total is constant; the resolution the
longest at which few carriers have more than one elementary event. If there is none, the reason is
given.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .. import onsager
from ..onsager.block_bootstrap import FEWEST_BLOCKS
from .estimates import path_samples

if TYPE_CHECKING:
    from ..onsager.block_sums import Blocks

#: Largest fraction of carrier-windows with more than one event for which a label is elementary.
MOST_REPEATED = 0.10
#: Number of longer horizons that must agree for a constant slope.
AGREEING = 2


@dataclass(frozen=True)
class Recommendation:
    """Recommended resolution and horizon of the slope view of a species.

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
    """

    species: str
    resolution: float | None
    horizon: float | None
    repeated: float
    slope: float
    low: float
    high: float
    text: str

    def __str__(self) -> str:
        return self.text


def recommend(blocks: Blocks, species: int) -> Recommendation:
    """Choose resolution and horizon for one species.

    Cost: the intervals of one resolution.

    Parameters
    ----------
    blocks : Blocks
        With paths.
    species : int

    Returns
    -------
    Recommendation

    Notes
    -----
    Slopes at two horizons agree when they differ by less than twice the root sum of squares of
    the half widths of their intervals. All longer horizons with ten blocks or more, at least two,
    must agree with the chosen one.
    """
    name = blocks.names[species]
    resolution, repeated, words = _resolution(blocks, species)
    read_at = min(blocks.resolutions) if resolution is None else resolution
    horizon, estimate, more = _horizon(blocks, species, read_at)
    dt = blocks.dt
    text = f"{name}: {words}; {more}"
    if resolution is not None and horizon is not None:
        text = (
            f"{name}: read the slope view at a resolution of {resolution * dt:g} ps and a horizon "
            f"of {horizon * dt:g} ps. {_sentence(words)} {_sentence(more)}"
        )
    else:
        text = (
            f"{name}: no recommended resolution and horizon. {_sentence(words)} {_sentence(more)}"
        )
    return Recommendation(
        species=name,
        resolution=None if resolution is None else resolution * dt,
        horizon=None if horizon is None else horizon * dt,
        repeated=repeated,
        slope=estimate[0],
        low=estimate[1],
        high=estimate[2],
        text=text,
    )


def _sentence(words: str) -> str:
    return words[0].upper() + words[1:] + "."


def _resolution(blocks: Blocks, species: int) -> tuple[int | None, float, str]:
    """The longest resolution with few repeated events, their fraction, and the reason."""
    share: dict[int, float] = {}
    for entry in blocks.windows:
        if entry.frames not in blocks.resolutions:
            continue
        n = entry.sums.origins.sum() * blocks.system.n_carriers[species]
        share[entry.frames] = float(entry.sums.repeated[:, species].sum() / n)
        if entry.frames == 1:  # a second change between two frames cannot be detected
            still = 1 - float(entry.sums.changed[:, species].sum() / n)
            share[1] = 1 - still * (1 - np.log(still)) if still > 0 else 1.0
    if not blocks.system.ruled_species[species]:
        shortest = min(share)
        return shortest, share[shortest], "it has one label, so all resolutions are equivalent"
    shortest = min(share)
    sound = [n for n in share if share[n] < MOST_REPEATED]
    if not sound:
        return (
            None,
            share[shortest],
            f"at the shortest resolution of {shortest * blocks.dt:g} ps {share[shortest]:.0%} of "
            "the carriers have more than one change of microstate in it: frames are too far apart, "
            "or contacts flicker (hysteresis, persistence)",
        )
    best = max(sound)
    return (
        best,
        share[best],
        f"at {best * blocks.dt:g} ps {share[best]:.1%} of the carriers have more than one change "
        f"of microstate, below {MOST_REPEATED:.0%}",
    )


def _horizon(
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
            f"only {len(order)} horizons of that resolution have {FEWEST_BLOCKS} blocks or more: "
            "the trajectory is too short to see a steady slope",
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
