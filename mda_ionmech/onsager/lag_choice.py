r"""Choice of the lags from which a run is read in the diffusive limit.

A line through the mean squared displacement from the lag t on has the slope L_t. The shortest lag
is sought from which no later start gives another slope, for every total and every event (Lepski's
rule); lines that start at twice that lag or later are averaged, each with the weight

.. math:: p_t \propto \exp(-\chi_t^2 / 2 - n_t),

n_t the number of lags left out and chi squared that of the line. The average of weights is again
one set of weights for all events.

References
----------
Lepski, Theory Probab. Appl. 35, 454 (1991), 10.1137/1135065, for the choice between estimates of
falling bias and rising variance; Jay and Neil, Phys. Rev. D 103, 114502 (2021),
10.1103/PhysRevD.103.114502, for the weights of fits that leave out data.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import ndtr, stdtrit

from .block_bootstrap import resampling_weights
from .coefficients import System
from .diffusive_limit import LagCovariance, LagFit, fit_lags, lag_covariance
from .lag_sums import LagSums
from .memory_models import MemoryModels, memory_models

#: Standard errors by which slopes from two starts may differ.
AGREEING = 3.0
#: The lines that are averaged start at this multiple of the lag from which all agree.
MARGIN = 2
#: Starts are compared that are at least this factor apart.
_APART = 1.4
#: The last start as a fraction of the longest lag.
_LAST_START = 4
#: Blocks from which the errors of events are estimated.
_BLOCKS = 12
#: Weights of a line below which it is left out.
_LEAST = 1e-3
#: Fewest lags for a choice.
FEWEST_LAGS = 8
#: The last of so many lags of a grid, in steps of its resolution.
FEWEST_STEPS = 10
#: Mean squares below this fraction of those of the species are zero within rounding.
_ROUNDING = 1e-9


@dataclass(frozen=True)
class LagChoice:
    """One set of weights of lags, for all species, events and resolutions of a run.

    Attributes
    ----------
    resolution : int
        Frames; that at which the events were compared.
    lags, weights : numpy.ndarray
        Shape (lags,): frames, and 1/frame.
    lines, probability : numpy.ndarray
        Shape (lines, lags) and (lines,): the weights that are averaged, and their parts.
    starts : tuple of int
        Frames: first lag of each line.
    settled_from : int
        Frames: the lag from which all slopes agree.
    settled : bool
        Whether later starts exist that agree.
    bent : str
        What bends longest.
    relative_error : float
        Analytic standard error of the total over its value.
    leading : numpy.ndarray
        Shape (species,): factors of the species in the total whose errors give the weights.
    open_memory : float
        Frames: memory that the data leave open, too long for the trajectory; 0 where none is.
    """

    resolution: int
    lags: np.ndarray
    weights: np.ndarray
    lines: np.ndarray
    probability: np.ndarray
    starts: tuple[int, ...]
    settled_from: int
    settled: bool
    bent: str
    relative_error: float
    leading: np.ndarray
    open_memory: float = 0.0

    @property
    def longest(self) -> int:
        """Frames: the longest lag with a part in the slope of 5 % of the largest or more."""
        part = np.abs(self.weights * self.lags)
        return int(self.lags[part >= 0.05 * part.max()].max())


def choose_lags(
    sums: LagSums, finest: LagSums, system: System, names: Sequence[str], events: Sequence[str]
) -> LagChoice | None:
    """Choose lags and weights from the totals and events of a run.

    Cost: that of the covariance of the lags, and 400 resampled sums.

    Parameters
    ----------
    sums : LagSums
        Of the resolution at which events are compared.
    finest : LagSums
        Of the finest resolution, whose totals have the most lags.
    system : System
        With the rows of the path view.
    names, events : sequence of str
        Species, and union of the event labels.

    Returns
    -------
    LagChoice or None
        None where there are too few lags.
    """
    starts = [t for t in sums.lags if t <= sums.lags[-1] // _LAST_START]
    if len(sums.lags) < FEWEST_LAGS or len(starts) < 2:
        return None
    bent, settled_from, settled = "", min(starts), True
    for what, squared in totals(finest, system, names).items():
        lines, covariance = _lines(finest.lags, finest.frames, squared, system.n_dimensions)
        found, agrees = _settled(finest.lags, lines, covariance, system.n_dimensions)
        if found > settled_from:
            bent, settled_from = what, found
        settled &= agrees
    leading, squared = _leading(sums, system, names)
    lines, _ = _lines(sums.lags, sums.frames, squared, system.n_dimensions)
    found, what = _straight(sums, lines, starts, system, names, events)
    if found > settled_from:
        bent, settled_from = what, found
    settled &= settled_from <= starts[-1] // MARGIN
    choice = _averaged(sums.resolution, sums.lags, lines, settled_from, bent, settled, leading)
    models = memory_models(sums.lags, sums.frames, squared, system.n_dimensions)
    return _with_open_memory(choice, models) if models.open_memory else choice


def _with_open_memory(choice: LagChoice, models: MemoryModels) -> LagChoice:
    """The choice with lines for the memories that are left open, as probable as these are."""
    p = models.too_long
    lines = np.concatenate([choice.lines, models.weights[p > 0]])
    probability = np.concatenate([(1 - p.sum()) * choice.probability, p[p > 0]])
    return replace(
        choice,
        weights=probability @ lines,
        lines=lines,
        probability=probability,
        starts=choice.starts + (int(choice.lags[0]),) * int(np.sum(p > 0)),
        open_memory=models.open_memory,
    )


def choose_self(
    lags: Sequence[int], frames: Sequence[int], squared: np.ndarray, n_dimensions: int, n: int
) -> LagChoice | None:
    """Choose lags and weights for the mean squared displacement of independent carriers.

    Parameters
    ----------
    lags : sequence of int
        Frames.
    frames : sequence of int
        Of each independent trajectory.
    squared : numpy.ndarray
        Shape (lags,), A^2: summed over the carriers.
    n_dimensions : int
    n : int
        Number of carriers.

    Returns
    -------
    LagChoice or None
        None where there are too few lags.
    """
    if len(lags) < 3 or lags[-1] // _LAST_START < lags[0]:
        return None
    # independent carriers are further dimensions
    lines, covariance = _lines(lags, frames, squared, n_dimensions * n)
    settled_from, settled = _settled(lags, lines, covariance, n_dimensions * n)
    return _averaged(lags[0], lags, lines, settled_from, "", settled, np.ones(1))


def _averaged(
    resolution: int,
    lags: Sequence[int],
    lines: Mapping[int, LagFit],
    settled_from: int,
    bent: str,
    settled: bool,
    leading: np.ndarray,
) -> LagChoice:
    """The average of the lines that start late enough."""
    starts = list(lines)
    # at the first lag itself nothing is known to be forgotten
    first = MARGIN * settled_from if settled_from > starts[0] else settled_from
    used = [t for t in starts if t >= first] or starts[-1:]
    cost = np.array([lines[t].misfit / 2 + lags.index(t) for t in used])
    part = np.exp(cost.min() - cost)
    keep = part >= _LEAST * part.max()
    part = part[keep] / part[keep].sum()
    used = [t for t, kept in zip(used, keep, strict=True) if kept]
    weights = np.stack([_placed(lines[t], t, lags) for t in used])
    slope = np.array([lines[t].slope for t in used])
    error = np.array([lines[t].error for t in used])
    mean = float(part @ slope)
    return LagChoice(
        resolution=resolution,
        lags=np.array(lags),
        weights=part @ weights,
        lines=weights,
        probability=part,
        starts=tuple(used),
        settled_from=settled_from,
        settled=bool(settled),
        bent=bent,
        relative_error=float(np.sqrt(part @ error**2)) / abs(mean) if mean else float("nan"),
        leading=leading,
    )


def totals(sums: LagSums, system: System, names: Sequence[str]) -> dict[str, np.ndarray]:
    """Collective mean squared displacements, of every species and of the charge.

    Parameters
    ----------
    sums : LagSums
    system : System
    names : sequence of str

    Returns
    -------
    dict of str to numpy.ndarray
        Shape (lags,), A^2 (of the charge A^2 e^2); those that are zero within rounding are left
        out.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = sums.total.sum(axis=0) / sums.origins.sum(axis=0)[:, None, None]
    own = np.einsum("lss->ls", mean)
    out = {name: own[:, k] for k, name in enumerate(names) if np.any(own[:, k] > 0)}
    z = system.charge
    if np.count_nonzero(z) > 1:
        charge = np.einsum("a,lab,b->l", z, mean, z)
        if charge.max() > _ROUNDING * float((own @ z**2).max()):
            out["the charge"] = charge
    return out


def _leading(sums: LagSums, system: System, names: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """The total whose covariance gives the weights: the charge, or the first species that moves.

    Its factors of the species, and its mean squared displacement.
    """
    found = totals(sums, system, names)
    if "the charge" in found:
        return system.charge, found["the charge"]
    first = next(iter(found), names[0])
    return np.eye(len(names))[names.index(first)], found.get(first, np.array(sums.lags, float))


def _lines(
    lags: Sequence[int], frames: Sequence[int], squared: np.ndarray, n_dimensions: int
) -> tuple[dict[int, LagFit], LagCovariance]:
    """The line from every start on, and the covariance of the lags."""
    all_lags = np.array(lags)
    covariance = lag_covariance(lags, frames)
    out = {}
    for start in lags:
        if start > lags[-1] // _LAST_START:
            break
        where = np.flatnonzero(all_lags >= start)
        out[start] = fit_lags(all_lags[where], squared[where], covariance.part(where), n_dimensions)
    return out, covariance


def _placed(line: LagFit, start: int, lags: Sequence[int]) -> np.ndarray:
    """Weights of a line at all lags, 0 before its start."""
    out = np.zeros(len(lags))
    out[lags.index(start) :] = line.weights
    return out


def _settled(
    lags: Sequence[int],
    lines: Mapping[int, LagFit],
    covariance: LagCovariance,
    n_dimensions: int,
) -> tuple[int, bool]:
    """The lag from which the slopes of a total agree, and whether later ones confirm it."""
    starts = list(lines)
    placed = {t: _placed(lines[t], t, lags) for t in starts}
    for start in starts:
        later = [t for t in starts if t >= _APART * start]
        if all(
            _agree(lines[start], lines[t], placed[start] - placed[t], covariance, n_dimensions)
            for t in later
        ):
            return start, bool(later)
    return starts[-1], False


def _agree(
    one: LagFit, other: LagFit, difference: np.ndarray, covariance: LagCovariance, n: int
) -> bool:
    """Whether two lines have one slope, with the error of the later one."""
    diffusion = max(other.slope, 0.0) / (2 * n)
    noise = max(one.intercept, 0.0) / (2 * n)
    variance = n * difference @ covariance.at(diffusion, noise) @ difference
    return bool(abs(one.slope - other.slope) <= AGREEING * np.sqrt(max(variance, 0.0)))


def _straight(
    sums: LagSums,
    lines: Mapping[int, LagFit],
    starts: Sequence[int],
    system: System,
    names: Sequence[str],
    events: Sequence[str],
) -> tuple[int, str]:
    """The lag from which every event is straight within its error, and the one that bends longest.

    Errors are from blocks; the number of standard errors is that of `AGREEING` for all events
    together.
    """
    rows = [
        (r, a, e)
        for r, (a, e) in enumerate(zip(system.row_species, system.row_label, strict=True))
        if np.count_nonzero(system.row_species == a) > 1
    ]
    per_block = sum(sums.segments) // _BLOCKS
    if not rows or per_block < 1:
        return min(starts), ""
    plan = sums.plan(per_block)
    times = resampling_weights(plan, np.random.default_rng(0))
    if len(times) < 2:
        return min(starts), ""
    row, species = np.array([[r, a] for r, a, _ in rows]).T
    parts = sums.marginal[:, :, row, species]
    origins = times @ sums.origins
    with np.errstate(invalid="ignore", divide="ignore"):
        drawn = np.einsum("nb,blr->nlr", times, parts) / origins[:, :, None]
    whole = parts.sum(axis=0) / sums.origins.sum(axis=0)[:, None]
    outside = (1 - ndtr(AGREEING)) / len(rows)
    errors = float(stdtrit(plan.n_blocks - 1, 1 - outside))
    placed = {t: _placed(lines[t], t, sums.lags) for t in starts}
    longest, what = min(starts), ""

    def bends(k: int, start: int, later: int) -> bool:
        difference = placed[start] - placed[later]
        spread = float(np.nanstd(drawn[:, :, k] @ difference))
        return abs(float(whole[:, k] @ difference)) > errors * spread > 0

    for k, (_, a, e) in enumerate(rows):
        for start in starts:
            if not any(bends(k, start, later) for later in starts if later >= _APART * start):
                break
        if start > longest:
            longest, what = start, f"{events[e]} of {names[a]}"
    return longest, what
