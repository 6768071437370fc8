"""Frames that two results share, found by equal displacements of their carriers.

Numbers of frames do not tell: a stretch of a trajectory that was written to a file of its own is
numbered anew. A frame of one result is looked for among all frames of the other, by the
displacement of the first carrier; frames of one trajectory are found at one shift of the numbers.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import xarray as xr

    from .results import Results

#: Frames of two results that are compared, and difference of equal displacements, Angstrom:
#: coordinates in files have three digits.
SAMPLED, SAME_STEP = 16, 1e-3
#: Frames whose displacements stand for a run in a combined result, at least.
RECORDED = 64
#: Frames of one result that are looked for in another, and how many must be found at one shift.
LOOKED_FOR, FEWEST = 256, 12
#: Displacements of a result of more bytes are not all read, but those of its ends.
MOST_BYTES = 2**27

#: Numbers of frames (n,) and displacements of the first carrier (n, 3).
Steps = tuple[np.ndarray, np.ndarray]
#: First and last frame, as each of two results numbers them.
Shared = tuple[tuple[int, int], tuple[int, int]]


def recorded(results: Results) -> dict[str, list[float]]:
    """Displacements of the first carrier in some frames, by frame number.

    The numbers are multiples of a power of two, so that those of a shorter run include those of a
    longer one.

    Parameters
    ----------
    results : Results
        Of one run.
    """
    states = results.states
    if states is None:
        return {}
    numbers = states["source_frame"].values
    stride = 2 ** max(int(np.log2(max(np.ptp(numbers), 1) / RECORDED)), 0)
    numbers, steps = _steps(states, np.flatnonzero(numbers % stride == 0))
    return {
        str(number): np.round(step, 4).tolist() for number, step in zip(numbers, steps, strict=True)
    }


def digests_of(results: Results) -> set[bytes]:
    """A checksum of the sums of each run in a result; none for a run without motion."""
    entry = results.blocks.windows[0]
    ends = np.cumsum(entry.plan.stretches)
    out = set()
    for first, last in zip([0, *ends[:-1]], ends, strict=True):
        found = hashlib.blake2b(digest_size=16)
        for name in type(entry.sums).__dataclass_fields__:
            values = np.asarray(getattr(entry.sums, name)[first:last], dtype=np.float64)
            found.update(np.ascontiguousarray(values).tobytes())
        if np.any(entry.sums.total_squared[first:last]):
            out.add(found.digest())
    return out


def origins_of(results: Results) -> list[dict[str, Any]]:
    """What tells the trajectory of a result; of each replica where several were combined."""
    settings = results.settings
    if "replicas" in settings:
        return list(settings["replicas"])
    known = {k: settings[k] for k in ("trajectory", "n_frames", "first_frame", "last_frame")}
    return [known | {"displacements_angstrom": recorded(results)}]


def shared_frames(
    one: Results,
    other: Results,
    runs: Sequence[Mapping[str, Any]],
    other_runs: Sequence[Mapping[str, Any]],
) -> Shared | None:
    """Frames that two results have in common.

    Parameters
    ----------
    one, other : Results
        Of one run each, or of several that were combined.
    runs, other_runs : sequence of mapping
        What the settings of a combined result record of each run.

    Returns
    -------
    tuple or None
        First and last frame as each result numbers them, of a sample.
    """
    if one.states is not None and other.states is not None:
        if found := _same_numbers(one, other):
            return found, found
        return _same_motion(one.states, other.states)
    if found := _same_recorded(runs, other_runs):
        return found, found
    mine, theirs = _kept(one, runs), _kept(other, other_runs)
    for first, second in product(mine, theirs):
        # what was recorded is looked for in all frames of the other
        if len(first[0]) > len(second[0]):
            back = _at_one_shift(second, first)
            shared = None if back is None else (back[1], back[0])
        else:
            shared = _at_one_shift(first, second)
        if shared is not None:
            return shared
    return None


def _kept(results: Results, runs: Sequence[Mapping[str, Any]]) -> list[Steps]:
    """Displacements of each run of a result: all that there are, or what was recorded."""
    if results.states is not None:
        return [_steps(results.states, _dense(results.states))]
    out = []
    for run in runs:
        known = run.get("displacements_angstrom") or {}
        numbers = np.array([int(k) for k in known], dtype=np.int64)
        out.append((numbers, np.array([*known.values()], dtype=float).reshape(-1, 3)))
    return out


def _same_recorded(
    runs: Sequence[Mapping[str, Any]], others: Sequence[Mapping[str, Any]]
) -> tuple[int, int] | None:
    """First and last frame in which the first carriers of two replicas move identically.

    None unless this holds in most recorded frames with the same number.
    """
    for a, b in product(runs, others):
        first, second = (r.get("displacements_angstrom", {}) for r in (a, b))
        common = sorted(map(int, first.keys() & second.keys()))
        equal = [
            k for k in common if np.allclose(first[str(k)], second[str(k)], rtol=0, atol=SAME_STEP)
        ]
        if len(equal) > max(2, len(common) / 2):
            return equal[0], equal[-1]
    return None


def _same_numbers(one: Results, other: Results) -> tuple[int, int] | None:
    """First and last frame of a sample in which all carriers of two results move identically.

    None unless this holds in most frames with the same number.
    """
    first, second = one.states, other.states
    if first is None or second is None or first.sizes["carrier"] != second.sizes["carrier"]:
        return None
    numbers = first["source_frame"].values, second["source_frame"].values
    common, *places = np.intersect1d(*numbers, return_indices=True)
    chosen = np.unique(np.linspace(0, len(common) - 1, min(len(common), SAMPLED)).astype(int))
    equal, n_moved = [], 0
    for k in chosen:
        a, b = (
            states["displacement"].isel(frame=int(at[k])).values
            for states, at in zip((first, second), places, strict=True)
        )
        known = np.isfinite(a) & np.isfinite(b)
        if np.any(np.abs(a[known]) > SAME_STEP) or np.any(np.abs(b[known]) > SAME_STEP):
            n_moved += 1
            if np.all(np.abs(a - b)[known] < SAME_STEP):
                equal.append(int(common[k]))
    if len(equal) <= max(2, n_moved / 2):
        return None
    if len(equal) < n_moved:
        return equal[0], equal[-1]
    settings = one.settings, other.settings
    return max(s["first_frame"] for s in settings), min(s["last_frame"] for s in settings)


def _same_motion(one: xr.Dataset, other: xr.Dataset) -> Shared | None:
    """Frames of one result that are frames of the other under other numbers."""
    if one.sizes["carrier"] != other.sizes["carrier"]:
        return None
    n = one.sizes["frame"]
    sample = np.unique(np.linspace(0, n - 1, min(n, LOOKED_FOR)).astype(int))
    found = _at_one_shift(_steps(one, sample), _steps(other, _dense(other)))
    if found is None:
        return None
    # all carriers, not the first alone
    numbers, theirs = one["source_frame"].values, other["source_frame"].values
    (first, last), (begin, _) = found
    inside = sample[(numbers[sample] >= first) & (numbers[sample] <= last)]
    for place in inside[np.linspace(0, len(inside) - 1, min(len(inside), SAMPLED)).astype(int)]:
        at = np.flatnonzero(theirs == numbers[place] + begin - first)
        if len(at) != 1:
            return None
        a = one["displacement"].isel(frame=int(place)).values
        b = other["displacement"].isel(frame=int(at[0])).values
        known = np.isfinite(a) & np.isfinite(b)
        if not np.all(np.abs(a - b)[known] < SAME_STEP):
            return None
    return found


def _dense(states: xr.Dataset) -> np.ndarray:
    """Places of all frames, or of the first and last eighth where there are many."""
    n = states.sizes["frame"]
    places = np.arange(n)
    if states["displacement"].size * 4 <= MOST_BYTES:
        return places
    return places[(places < n // 8) | (places >= n - n // 8)]


def _steps(states: xr.Dataset, places: np.ndarray) -> Steps:
    """Numbers of some frames, and the displacements of the first carrier where it moves."""
    numbers = states["source_frame"].values[places]
    steps = states["displacement"].isel(frame=places, carrier=0).values
    moved = np.all(np.isfinite(steps), axis=1) & np.any(np.abs(steps) > SAME_STEP, axis=1)
    return numbers[moved].astype(np.int64), steps[moved].astype(float)


def _at_one_shift(sample: Steps, among: Steps) -> Shared | None:
    """First and last frame of a sample that are found among others at one shift of the numbers.

    None unless nearly all of them are that lie between the first and last frame of the others.
    """
    numbers, steps = sample
    others, theirs = among
    if min(len(numbers), len(others)) < FEWEST:
        return None
    order = np.argsort(theirs[:, 0], kind="stable")
    low = np.searchsorted(theirs[order, 0], steps[:, 0] - SAME_STEP)
    high = np.searchsorted(theirs[order, 0], steps[:, 0] + SAME_STEP)
    pairs = []
    for k in range(len(numbers)):
        near = order[low[k] : high[k]]
        equal = near[np.all(np.abs(theirs[near] - steps[k]) < SAME_STEP, axis=1)]
        pairs += [(int(others[m] - numbers[k]), int(numbers[k])) for m in equal]
    if not pairs:
        return None
    shifts, counts = np.unique([shift for shift, _ in pairs], return_counts=True)
    shift = int(shifts[np.argmax(counts)])
    found = sorted({number for at, number in pairs if at == shift})
    if len(found) < FEWEST:
        return None
    between = np.count_nonzero((numbers >= found[0]) & (numbers <= found[-1]))
    if len(found) < 0.9 * between:
        return None
    return (found[0], found[-1]), (found[0] + shift, found[-1] + shift)
