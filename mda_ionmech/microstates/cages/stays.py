r"""Stays: stretches of a path about a constant mean position.

Of all ways to cut a path into stretches, the stays are the one with the smallest

.. math:: \sum_{\mathrm{stays}} \sum_{t} |r(t) - \bar r|^2 + \beta \times \mathrm{changes},

found by optimal partitioning (Jackson et al., IEEE Signal Process. Lett. 12, 105 (2005)) with the
pruning of Killick, Fearnhead and Eckley, J. Am. Stat. Assoc. 107, 1590 (2012): exactly, but for
stays of more than 256 frames, of whose possible beginnings some are kept.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ...lib.arrays_on_disk import folder_of
from ...lib.frame_blocks import carrier_blocks
from ...lib.kernels import kernel, longer
from ...lib.run_length import LabelRuns, gathered_runs

#: Number of latest frames that are all tried as beginnings of a stay. Of earlier ones the best of
#: every `GROUP` is kept, of fewer where there are more than `MOST_GROUPS`, so that the cost stays
#: linear for carriers that never hop.
RECENT, GROUP, MOST_GROUPS = 256, 32, 256
#: Median of chi-squared with three degrees of freedom.
_MEDIAN_CHI2 = 2.366


@kernel
def prefix_sums(path, sums):  # type: ignore[no-untyped-def]
    """Running sums of a path (3, frames) and of its squares: sums (frames + 1, 4).

    Relative to the first frame, so that squares stay small.
    """
    sums[0, :] = 0.0
    for t in range(path.shape[1]):
        square = 0.0
        for k in range(3):
            x = path[k, t] - path[k, 0]
            sums[t + 1, k] = sums[t, k] + x
            square += x * x
        sums[t + 1, 3] = sums[t, 3] + square


@kernel
def scatter(sums, first, last):  # type: ignore[no-untyped-def]
    """Summed squared distance from the mean in frames first to last - 1; sums of `prefix_sums`."""
    inside = 0.0
    for k in range(3):
        d = sums[last, k] - sums[first, k]
        inside += d * d
    return sums[last, 3] - sums[first, 3] - inside / (last - first)


@kernel
def find_stays(position, penalty, recent, group):  # type: ignore[no-untyped-def]
    """Stays with the smallest scatter plus penalty, Angstrom^2, for each change.

    position (carriers, 3, frames), Angstrom. Of beginnings more than `recent` frames ago the best
    of each `group` frames is kept: with as many frames after it, a change is dated. Returns
    offsets (carriers + 1,) and the first frame of each stay, int32.
    """
    n_carriers, _, n_frames = position.shape
    sums = np.empty((n_frames + 1, 4))
    best = np.empty(n_frames + 1)
    begin = np.empty(n_frames + 1, dtype=np.int64)
    able = np.empty(n_frames + 1, dtype=np.int64)
    value = np.empty(n_frames + 1)
    offsets = np.zeros(n_carriers + 1, dtype=np.int64)
    start = np.empty(4 * n_carriers + 16, dtype=np.int32)
    for c in range(n_carriers):
        prefix_sums(position[c], sums)
        best[0] = -penalty
        n_able = 0
        for t in range(1, n_frames + 1):
            able[n_able] = t - 1  # a stay may begin here
            n_able += 1
            lowest, at = np.inf, t - 1
            for m in range(n_able):
                s = able[m]
                value[m] = best[s] + scatter(sums, s, t)
                if value[m] < lowest:
                    lowest, at = value[m], s
            best[t], begin[t] = lowest + penalty, at
            kept = 0
            for m in range(n_able):
                # what cannot win now never will: scatter only grows
                if value[m] > lowest + penalty:
                    continue
                s = able[m]
                if kept and t - s > recent and able[kept - 1] // group == s // group:
                    if value[m] >= value[kept - 1]:
                        continue
                    kept -= 1
                able[kept], value[kept] = s, value[m]
                kept += 1
            n_able = kept
        n, t = 0, n_frames
        while t > 0:
            n, t = n + 1, begin[t]
        first = offsets[c]
        offsets[c + 1] = first + n
        if first + n > start.shape[0]:
            start = longer(start, 2 * (first + n))
        t = n_frames
        for m in range(n):
            t = begin[t]
            start[first + n - 1 - m] = t
    return offsets, longer(start, offsets[n_carriers])


@kernel
def mean_positions(position, offsets, start, mean, frames):  # type: ignore[no-untyped-def]
    """Fill mean (stays, 3), Angstrom, and frames (stays,) of the stays of `find_stays`."""
    n_frames = position.shape[2]
    for c in range(position.shape[0]):
        for m in range(offsets[c], offsets[c + 1]):
            stop = start[m + 1] if m + 1 < offsets[c + 1] else n_frames
            frames[m] = stop - start[m]
            for k in range(3):
                total = 0.0
                for t in range(start[m], stop):
                    total += position[c, k, t]
                mean[m, k] = total / frames[m]


@kernel
def displacements_within(position, offsets, start, lag):  # type: ignore[no-untyped-def]
    """Mean squared displacement within stays: summed over a lag in frames, and from end to end.

    The first is the mean over each stay of |r(t + lag) - r(t)|^2, times the number of lags in the
    stay; both are summed over stays of at least two lags.
    """
    n_frames = position.shape[2]
    free, bounded = 0.0, 0.0
    for c in range(position.shape[0]):
        for m in range(offsets[c], offsets[c + 1]):
            first = start[m]
            stop = start[m + 1] if m + 1 < offsets[c + 1] else n_frames
            if stop - first < 2 * lag + 1:
                continue
            square = 0.0
            for t in range(first, stop - lag):
                for k in range(3):
                    d = position[c, k, t + lag] - position[c, k, t]
                    square += d * d
            free += square / (stop - lag - first) * (stop - 1 - first) / lag
            for k in range(3):
                d = position[c, k, stop - 1] - position[c, k, first]
                bounded += d * d
    return free, bounded


def stays(position: np.ndarray, penalty: float) -> tuple[LabelRuns, np.ndarray, np.ndarray]:
    """Stays of all carriers, on disk where the positions are.

    Cost: at most linear in carriers x frames x (`RECENT` + `MOST_GROUPS`); about linear in
    carriers x frames where stays are short.

    Parameters
    ----------
    position : numpy.ndarray
        Shape (carriers, 3, frames), Angstrom: unwrapped.
    penalty : float
        Of a change, Angstrom^2.

    Returns
    -------
    runs : LabelRuns
        The number of the stay of every carrier and frame.
    mean : numpy.ndarray
        Shape (stays, 3), Angstrom: mean position of each stay.
    frames : numpy.ndarray
        Shape (stays,), int64.
    """
    n_frames = position.shape[2]
    group = max(GROUP, -(-n_frames // MOST_GROUPS))
    means, lengths = [], []

    def blocks() -> Iterator[LabelRuns]:
        number = 0
        for first, last in carrier_blocks(position):
            block = np.ascontiguousarray(position[first:last])
            offsets, start = find_stays(block, penalty, RECENT, group)
            mean = np.empty((len(start), 3))
            frames = np.empty(len(start), dtype=np.int64)
            mean_positions(block, offsets, start, mean, frames)
            means.append(mean)
            lengths.append(frames)
            value = np.arange(number, number + len(start), dtype=np.int32)
            number += len(start)
            yield LabelRuns(offsets, start, value, n_frames)

    runs = gathered_runs(blocks(), n_frames, folder_of(position))
    return runs, np.concatenate(means), np.concatenate(lengths)


def local_means(position: np.ndarray, frames: int) -> np.ndarray:
    """Means of the positions over consecutive stretches of so many frames; the rest is left out.

    Parameters
    ----------
    position : numpy.ndarray
        Shape (carriers, 3, frames), Angstrom.
    frames : int

    Returns
    -------
    numpy.ndarray
        Shape (carriers, 3, stretches), Angstrom.
    """
    n = position.shape[2] // frames
    if frames == 1 or n < 2:
        return position
    whole = position[:, :, : n * frames]
    return np.asarray(whole.reshape(*position.shape[:2], n, frames).mean(axis=3))


def penalty_of_noise(position: np.ndarray) -> float:
    """Penalty of a change, Angstrom^2, by the criterion of Schwarz, from the noise of paths.

    Four times the variance of the noise along one axis (three coordinates of a mean and a date)
    times the logarithm of the number of frames; Yao, Stat. Probab. Lett. 6, 181 (1988). The
    variance is that of white noise with the median squared step of the paths.

    Parameters
    ----------
    position : numpy.ndarray
        Shape (carriers, 3, frames), Angstrom.
    """
    steps = [
        np.square(np.diff(position[first:last], axis=2)).sum(axis=1).ravel()
        for first, last in carrier_blocks(position)
    ]
    middle = float(np.median([np.median(one) for one in steps])) if position.shape[2] > 1 else 0.0
    variance = middle / (2 * _MEDIAN_CHI2)
    return float(4 * variance * np.log(max(position.shape[2], 2)))


def localisation(position: np.ndarray, runs: LabelRuns, lag: int) -> float | None:
    """How much farther steps within stays would lead if they were independent of one another.

    The mean squared displacement that independent steps over a lag would make from the first to the
    last frame of a stay, over the one that is seen: the number of lags in a stay for a vibration,
    about 2 for free diffusion, whose stays are chosen among its slow stretches.

    Parameters
    ----------
    position : numpy.ndarray
        Shape (carriers, 3, frames), Angstrom.
    runs : LabelRuns
        The stays.
    lag : int
        Frames.

    Returns
    -------
    float or None
        None where no stay lasts two lags, or nothing moves within stays.
    """
    free = bounded = 0.0
    for first, last in carrier_blocks(position):
        mine = runs.part(first, last)
        sums = displacements_within(
            np.ascontiguousarray(position[first:last]), mine.offsets, mine.start, lag
        )
        free, bounded = free + float(sums[0]), bounded + float(sums[1])
    return free / bounded if bounded > 0 else None
