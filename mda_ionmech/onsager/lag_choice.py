r"""Choice of the lags from which a run is read in the diffusive limit.

For collective coordinates, models of what is forgotten, from several first lags on, are compared
(`memory_models`), and their weights of lags averaged with their probabilities, so that the result
changes continuously with the data. The probabilities come from the totals at all lags of the finest
resolution, and hardly change with that of the labels. Intervals draw models with the same
probabilities, or with more cautious ones where a memory is left open.

Besides, the shortest lag is sought from which a line has the same slope as every line that starts
later (Lepski's rule), for every total: without one the trajectory is too short. Where the parts of
an event differ between the averaged weights of early and late starts, models that start earlier
than twice the lag from which they agree are left out: events that borrow from one another may bend
longer than their sum.

References
----------
Lepski, Theory Probab. Appl. 35, 454 (1991), 10.1137/1135065, for the choice between estimates of
falling bias and rising variance.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy.special import ndtr, stdtrit

from .block_bootstrap import FEWEST_BLOCKS, resampling_weights
from .coefficients import System
from .diffusive_limit import LagCovariance, LagFit, fit_lags, lag_covariance
from .lag_sums import LagSums
from .memory_models import (
    CAUTIOUS,
    LAST_START,
    LIKELY,
    NEGLIGIBLE,
    LagModels,
    interval_probabilities,
    lag_models,
    longest_that_matters,
    open_memory,
    probabilities,
    weights_of,
)

#: Standard errors by which slopes from two starts may differ.
AGREEING = 3.0
#: Models start at this multiple of the lag from which all slopes agree, where early ones bend.
MARGIN = 2
#: Starts are compared that are at least this factor apart.
_APART = 1.4
#: Blocks from which the errors of events are estimated.
_BLOCKS = 12
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
        Shape (lines, lags) and (lines,): weights of the single models or lines, and the
        probabilities with which intervals draw from them.
    errors : numpy.ndarray
        Shape (lines,), A^2 per frame: analytic standard errors of the leading total.
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
    likely : numpy.ndarray
        Shape (lines,): the probabilities with which values average lines.
    models : LagModels, optional
        The models behind the lines; None where these are lines of one model.
    numbers : tuple of int
        Number of the model of each line.
    """

    resolution: int
    lags: np.ndarray
    weights: np.ndarray
    lines: np.ndarray
    probability: np.ndarray
    errors: np.ndarray
    starts: tuple[int, ...]
    settled_from: int
    settled: bool
    bent: str
    relative_error: float
    leading: np.ndarray
    open_memory: float = 0.0
    likely: np.ndarray = field(default_factory=lambda: np.ones(1))
    models: LagModels | None = None
    numbers: tuple[int, ...] = ()

    def at_lags(
        self, lags: Sequence[int], n_dimensions: int
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
        """Weights, lines and their errors at other lags; None where these cannot hold them.

        Lags that hold those of the choice have the same weights. The same models are fitted to
        others, if there are enough.
        """
        used = self.lags[self.weights != 0].tolist()
        if set(used) <= {*lags}:
            lines = np.zeros((len(self.lines), len(lags)))
            lines[:, [list(lags).index(t) for t in used]] = self.lines[:, self.weights != 0]
            return self.likely @ lines, lines, self.errors
        if self.models is None or len(lags) < FEWEST_LAGS:
            return None
        lines, errors = weights_of(self.models, self.numbers, lags, n_dimensions)
        return self.likely @ lines, lines, errors

    @property
    def diffusive_from(self) -> int:
        """Frames: the first lag of a line without a model of what bends before."""
        return MARGIN * self.settled_from if self.settled_from > self.lags[0] else self.settled_from

    @property
    def longest(self) -> int:
        """Frames: the longest lag with a part in the slope of 5% of the largest or more."""
        return int(self.lags[longest_that_matters(self.lags, self.weights)])


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
    starts = [t for t in sums.lags if t <= sums.lags[-1] // LAST_START]
    if len(sums.lags) < FEWEST_LAGS or len(starts) < 2:
        return None
    n = system.n_dimensions
    found = totals(finest, system, names)
    bent, settled_from, settled = "", min(starts), True
    for what, squared in found.items():
        lines, covariance = lines_from_all_starts(finest.lags, finest.frames, squared, n)
        from_lag, agrees = settled_lag(finest.lags, lines, covariance, n)
        if from_lag > settled_from:
            bent, settled_from = what, from_lag
        settled &= agrees
    found = found or {names[0]: np.array(finest.lags, dtype=float)}  # nothing moves
    leading = "the charge" if "the charge" in found else next(iter(found))
    models = {k: lag_models(finest.lags, finest.frames, m, n) for k, m in found.items()}
    average = _averaged_models(list(models.values()), models[leading], sums.lags, n)
    from_lag, what = _straight(sums, average, system, names, events)
    average = average.since(from_lag, MARGIN)
    if from_lag > settled_from:
        bent, settled_from = what, from_lag
    settled &= settled_from <= starts[-1] // MARGIN
    weights = average.likely @ average.lines
    slope = float(weights @ totals(sums, system, names).get(leading, np.array(sums.lags, float)))
    drawn = interval_probabilities(
        models[leading], average.likely, average.cautious, average.memories
    )
    error = float(np.sqrt(drawn @ average.errors**2))
    own = np.eye(len(names))
    return LagChoice(
        resolution=sums.resolution,
        lags=np.array(sums.lags),
        weights=weights,
        lines=average.lines,
        probability=drawn,
        errors=average.errors,
        starts=tuple(int(sums.lags[np.flatnonzero(line)[0]]) for line in average.lines),
        settled_from=settled_from,
        settled=bool(settled),
        bent=bent,
        relative_error=error / abs(slope) if slope else float("nan"),
        leading=system.charge if leading == "the charge" else own[names.index(leading)],
        open_memory=open_memory(models[leading], average.likely, average.memories),
        likely=average.likely,
        models=models[leading],
        numbers=tuple(average.numbers.tolist()),
    )


@dataclass(frozen=True)
class _Average:
    """Weights of lags of several models, with their probabilities.

    Attributes
    ----------
    lines : numpy.ndarray
        Shape (models, lags).
    numbers, errors, memories, likely, cautious : numpy.ndarray
        Shape (models,): of the model, error of the slope, memory in frames, and probabilities.
    starts : numpy.ndarray
        Shape (models,): first lag in frames; 0 for the model without any fluctuation, whose lines
        go through the origin.
    """

    lines: np.ndarray
    numbers: np.ndarray
    errors: np.ndarray
    memories: np.ndarray
    likely: np.ndarray
    cautious: np.ndarray
    starts: np.ndarray

    def by_start(self) -> dict[int, np.ndarray]:
        """The average over the models of each start, shape (lags,)."""
        out = {}
        for start in np.unique(self.starts):
            at = self.starts == start
            out[int(start)] = np.average(self.lines[at], axis=0, weights=self.cautious[at])
        return out

    def since(self, start: int, margin: int) -> _Average:
        """Without the models that start before a lag, and without those that are improbable.

        Where this leaves out some that allow for fluctuations, the rest starts at a multiple of
        the lag, if there are any.
        """
        late = self.starts >= start
        later = self.starts >= margin * start
        if np.any(later) and np.any(self.starts[~late] > 0):
            late = later
        late &= np.any(
            [p >= NEGLIGIBLE * p[late].max() for p in (self.likely, self.cautious)], axis=0
        )
        kept = {name: value[late] for name, value in vars(self).items()}
        for name in ("likely", "cautious"):
            kept[name] = kept[name] / kept[name].sum()
        return _Average(**kept)


def _averaged_models(
    totals: Sequence[LagModels], leading: LagModels, lags: Sequence[int], n_dimensions: int
) -> _Average:
    """Weights of the leading total at these lags, with the probabilities from all totals."""
    likely, cautious = (probabilities(totals, prior) for prior in (LIKELY, CAUTIOUS))
    odds = np.maximum(likely / likely.max(), cautious / cautious.max())
    # lines with an intercept from every start on, with which events are compared
    keep = np.flatnonzero((odds >= NEGLIGIBLE) | (leading.fast & (leading.memories == 0)))
    lines, errors = weights_of(leading, keep, lags, n_dimensions)
    through_origin = ~leading.fast & (leading.memories == 0)
    return _Average(
        lines=lines,
        numbers=keep,
        errors=errors,
        memories=leading.memories[keep],
        likely=likely[keep],
        cautious=cautious[keep],
        starts=np.where(through_origin, 0, leading.starts)[keep],
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


def lines_from_all_starts(
    lags: Sequence[int], frames: Sequence[int], squared: np.ndarray, n_dimensions: int
) -> tuple[dict[int, LagFit], LagCovariance]:
    """The line from every start on, and the covariance of the lags.

    Parameters
    ----------
    lags : sequence of int
        Frames.
    frames : sequence of int
        Of each independent trajectory.
    squared : numpy.ndarray
        Shape (lags,), A^2: mean squared displacement over all dimensions.
    n_dimensions : int

    Returns
    -------
    lines : dict of int to LagFit
        By their first lag.
    covariance : LagCovariance
        Of all lags.
    """
    all_lags = np.array(lags)
    covariance = lag_covariance(lags, frames)
    out = {}
    for start in lags:
        if start > lags[-1] // LAST_START:
            break
        where = np.flatnonzero(all_lags >= start)
        out[start] = fit_lags(all_lags[where], squared[where], covariance.part(where), n_dimensions)
    return out, covariance


def _placed(line: LagFit, start: int, lags: Sequence[int]) -> np.ndarray:
    """Weights of a line at all lags, 0 before its start."""
    out = np.zeros(len(lags))
    out[lags.index(start) :] = line.weights
    return out


def settled_lag(
    lags: Sequence[int],
    lines: Mapping[int, LagFit],
    covariance: LagCovariance,
    n_dimensions: int,
) -> tuple[int, bool]:
    """The lag from which the slopes of a total agree, and whether later ones confirm it.

    Parameters
    ----------
    lags : sequence of int
        Frames.
    lines : mapping of int to LagFit
    covariance : LagCovariance
        As `lines_from_all_starts` returns them.
    n_dimensions : int

    Returns
    -------
    lag : int
        Frames.
    confirmed : bool
    """
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
    average: _Average,
    system: System,
    names: Sequence[str],
    events: Sequence[str],
) -> tuple[int, str]:
    """The start from which every event is straight within its error, and what bends longest.

    Of every event, what differs from its share of the total, since the models are those of the
    total. Errors are from blocks; the number of standard errors is that of `AGREEING` for all
    events and later starts together.
    """
    lines = average.by_start()
    rows = [
        (r, a, e)
        for r, (a, e) in enumerate(zip(system.row_species, system.row_label, strict=True))
        if np.count_nonzero(system.row_species == a) > 1
    ]
    starts = list(lines)
    # as long as the length allows, and so many that the bootstrap draws from them, also of replicas
    lengths = range(sum(sums.segments) // _BLOCKS, 0, -1)
    enough = (k for k in lengths if sum(n // k for n in sums.segments) >= FEWEST_BLOCKS)
    per_block = next(enough, 0)
    if not rows or not per_block:
        return starts[0], ""
    plan = sums.plan(per_block)
    times = resampling_weights(plan, np.random.default_rng(0))
    row, species = np.array([[r, a] for r, a, _ in rows]).T
    counts = sums.origins.sum(axis=0)[:, None]
    parts = sums.marginal[:, :, row, species]
    own = sums.total[:, :, species, species]
    slopes = average.likely @ average.lines @ (np.stack([parts, own]).sum(axis=1) / counts)
    with np.errstate(invalid="ignore", divide="ignore"):
        parts = parts - np.nan_to_num(slopes[0] / slopes[1]) * own
    origins = times @ sums.origins
    with np.errstate(invalid="ignore", divide="ignore"):
        drawn = np.einsum("nb,blr->nlr", times, parts) / origins[:, :, None]
    whole = parts.sum(axis=0) / counts
    outside = (1 - ndtr(AGREEING)) / len(rows) / max(len(starts) - 1, 1)
    errors = float(stdtrit(plan.n_blocks - 1, 1 - outside))
    longest, what = starts[0], ""

    def bends(k: int, start: int, later: int) -> bool:
        difference = lines[start] - lines[later]
        spread = float(np.nanstd(drawn[:, :, k] @ difference))
        return abs(float(whole[:, k] @ difference)) > errors * spread > 0

    for k, (_, a, e) in enumerate(rows):
        for start in starts:
            if not any(bends(k, start, later) for later in starts if later > start):
                break
        if start > longest:
            longest, what = start, f"{events[e]} of {names[a]}"
    return longest, what
