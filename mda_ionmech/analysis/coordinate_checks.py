"""Checks of wrapped and unwrapped coordinates against `unwrap`, on pairs of sampled frames.

The choice of frames depends on the number of frames alone and they are read in this process, so
that the outcome is the same on every backend.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from ..lib.errors import InputError
from ..trajectory.cells import check_cell_step
from ..trajectory.unwrapped_input import (
    CartesianSteps,
    cells_reached,
    count_jumps,
    jumps_show,
    place_error,
)

if TYPE_CHECKING:
    from ..trajectory.snapshot import Snapshot
    from .frame_source import FrameSource
    from .lengths import Lengths

#: Frames sampled for changes of the cell and the extent of the carriers, and pairs of frames.
FRAMES, PAIRS = 6, 50
#: Most molecules examined besides the carriers.
OTHERS = 2000
#: Windows whose error is estimated.
LAGS = 5
#: Carriers that spread over more cells than this are unwrapped.
ONE_CELL = 1.001
#: Standard errors by which the fraction of cell changes seen as steps must exceed 0, and its least
#: value where contacts depend on it.
CLEAR, FOLLOWS = 5.0, 0.3
#: Relative error of squared displacements above which a run warns, and above which it is refused.
SAID, REFUSED = 0.005, 0.2
#: Error of positions, Angstrom, above which a run with contacts warns, and is refused.
MISPLACED, FAR_MISPLACED = 0.05, 0.3


def _spread(first: int, last: int, number: int) -> list[int]:
    """At most `number` evenly spaced frames from the first to the last."""
    chosen = np.linspace(first, last, min(number, last - first + 1)).astype(int)
    return [int(k) for k in np.unique(chosen)]


def carrier_places(source: FrameSource, snapshot: Snapshot) -> np.ndarray:
    """Fractional coordinates of the first atom of each carrier, shape (carriers, 3)."""
    first = source.bodies.members.atoms[source.bodies.members.offsets[:-1]]
    return _fractional(snapshot, first)


def _fractional(snapshot: Snapshot, atoms: np.ndarray) -> np.ndarray:
    return np.asarray(snapshot.positions[atoms].astype(np.float64) @ snapshot.cell.inverse)


def _steps(source: FrameSource, before: Snapshot, now: Snapshot) -> np.ndarray:
    """Shortest fractional steps of the carriers, shape (carriers, 3)."""
    members = source.bodies.members
    step = _fractional(now, members.atoms) - _fractional(before, members.atoms)
    step -= np.rint(step)
    weighted = step * members.weights[:, None]
    return np.asarray(np.add.reduceat(weighted, members.offsets[:-1], axis=0))


def _other_atoms(source: FrameSource) -> np.ndarray:
    """One atom each of some molecules of the reference that are no carriers."""
    if not len(source.bodies.reference):
        return np.empty(0, dtype=np.int64)
    others = source.bodies.reference > 0
    others[source.bodies.members.atoms] = False
    atoms = np.flatnonzero(others)
    _, heads = np.unique(source.bodies.molecule[atoms], return_index=True)
    return atoms[heads][_spread(0, len(heads) - 1, OTHERS)] if len(heads) else atoms


def describe_reach(reach: float) -> str:
    """Remedy for steps that are too long, given the number of cells the carriers spread over."""
    if reach <= ONE_CELL:
        return (
            "the carriers lie in one cell, so the coordinates are wrapped, and the motion between "
            "the frames is lost: analyse more frames (smaller step), or write them more often"
        )
    return (
        "analyse more frames (smaller step), or write them more often. The carriers reach over "
        f"{reach:.1f} cells, so the coordinates are unwrapped already: unwrap=False is right if "
        "that was done while they were simulated (image flags of the engine, xu yu zu of LAMMPS), "
        "and wrong if it was done from these frames"
    )


def check_coordinates(source: FrameSource, lengths: Lengths) -> Iterator[str]:
    """Check sampled frames and pairs of frames before all are read; yields warnings.

    Cost: `FRAMES` frames read; where ``unwrap=False``, or the cell changes and carriers have left
    it, `PAIRS` pairs of frames beside; where they are wrong, as many for each of `LAGS` windows.

    Raises
    ------
    InputError
        For a cell that jumps, coordinates that jump with ``unwrap=False``, and coordinates that
        were unwrapped in Angstrom in a changing cell where that decides the result.
    """
    n = len(source)
    looked = [source.read(k) for k in _spread(0, n - 1, FRAMES)]
    cells = np.array([one.cell.vectors for one in looked])
    places = np.array([carrier_places(source, one) for one in looked])
    _find_cell_jump(source, _spread(0, n - 1, FRAMES), cells)
    reach = max(cells_reached(p) for p in places)
    if source.choices.unwrap is False:
        yield from _check_jumps(source, cells_reached(places))
    if reach > ONE_CELL and np.abs(cells - cells[0]).max() > 1e-6 * np.abs(cells).max():
        yield from _check_added_steps(source, lengths, places, cells, reach)


def _find_cell_jump(source: FrameSource, frames: list[int], cells: np.ndarray) -> None:
    """Refuse a cell that jumps between two of the sampled frames, found by bisection."""
    for first, last, before, after in zip(frames, frames[1:], cells, cells[1:], strict=False):
        while last - first > 1:
            middle = (first + last) // 2
            between = source.read(middle).cell.vectors
            if np.abs(between - before).max() >= np.abs(after - between).max():
                last, after = middle, between
            else:
                first, before = middle, between
        check_cell_step(before, after, int(source.frames[last]))


def _check_jumps(source: FrameSource, reach: float) -> Iterator[str]:
    """Check that coordinates are continuous, as ``unwrap=False`` assumes."""
    n = len(source)
    jumps, example, crossed = np.zeros(2), (0, 0), 0
    for k in _spread(1, n - 1, PAIRS):
        before, now = source.read(k - 1), source.read(k)
        count_jumps(
            now.coordinates, before.coordinates, now.cell.inverse, before.cell.inverse,
            source.bodies.moving, jumps,
        )  # fmt: skip
        steps = now.positions @ now.cell.inverse - before.positions @ before.cell.inverse
        crossed += int(np.count_nonzero(np.abs(steps) > 0.5))
        if jumps[0] > 0 and example == (0, 0):
            moving = np.concatenate([np.arange(*stretch) for stretch in source.bodies.moving])
            far = np.abs(steps[moving]).max(axis=1)
            example = int(moving[np.argmax(far)]), int(source.frames[k])
    refuse_jumps(jumps, *example)
    if not crossed:
        return
    pairs = len(_spread(1, n - 1, PAIRS))
    text = f"unwrap=False: {crossed} steps in {pairs} pairs of frames exceed half the cell"
    if reach <= ONE_CELL:
        yield (
            f"{text}, and all carriers stay in one cell throughout: the coordinates are wrapped, "
            "such steps are ambiguous (minimum image), and every displacement is wrong; analyse "
            "more frames (smaller step), or coordinates that were unwrapped while they were "
            "simulated"
        )
    else:
        yield (
            f"{text}. They are right only if the coordinates were unwrapped while they were "
            "simulated; where it was done from these frames, every displacement is wrong"
        )


def refuse_jumps(jumps: np.ndarray, atom: int, frame: int) -> None:
    """Refuse coordinates that jump across the cell with ``unwrap=False``.

    Parameters
    ----------
    jumps : numpy.ndarray
        Shape (2,): from `count_jumps`.
    atom, frame : int
        An atom that jumps, and the frame after its jump.
    """
    near, between = float(jumps[0]), float(jumps[1])
    if jumps_show(near, between):
        raise InputError(
            f"unwrap=False assumes continuous coordinates, but they jump across the cell: "
            f"{near:.0f} steps between analysed frames are near a whole cell, e.g. that of atom "
            f"index {atom} to frame {frame}, and only {between:.0f} lie between a quarter and "
            "three quarters of one. They are wrapped: leave unwrap out, which undoes the jumps"
        )


def _check_added_steps(
    source: FrameSource, lengths: Lengths, places: np.ndarray, cells: np.ndarray, reach: float
) -> Iterator[str]:
    """Check for coordinates unwrapped by adding up steps in Angstrom while the cell changed."""
    n = len(source)
    others = _other_atoms(source)
    everyone, carriers = CartesianSteps(), CartesianSteps()
    for k in _spread(1, n - 1, PAIRS):
        before, now = source.read(k - 1), source.read(k)
        place, step = carrier_places(source, before), _steps(source, before, now)
        carriers.add(place, step, before.cell.vectors, now.cell.vectors)
        other = _fractional(before, others)
        other_step = _fractional(now, others) - other
        everyone.add(
            np.concatenate([place, other]),
            np.concatenate([step, other_step - np.rint(other_step)]),
            before.cell.vectors,
            now.cell.vectors,
        )
    part, error = everyone.part()
    if part < CLEAR * error:
        return
    lags = np.union1d(lengths.windows, lengths.resolutions)
    over = {
        int(lag): carriers.excess() if lag == 1 else _excess_at(source, int(lag), part)
        for lag in lags[_spread(0, len(lags) - 1, LAGS)]
    }
    lag = max(over, key=lambda n: over[n])
    misplaced = place_error(list(places), cells) if part > FOLLOWS else 0.0
    contacts = any(one.microstates is not None for one in source.species)
    worst = over[lag]
    text = (
        "the coordinates were unwrapped by adding up steps in Angstrom while the cell changed: "
        f"carriers span {reach:.1f} cells, and {part:.0%} (+- {error:.0%}) of each change of "
        "the cell appears as a step of those that left it, while coordinates that scale with the "
        f"cell have no such steps. Squared displacements are too large by up to {worst:.1%}, over "
        f"{lag * source.times.spacing:g} ps"
        + (f", and positions in the cell are off by {misplaced:.2f} Å" if contacts else "")
        + ". They cannot be wrapped back: give the wrapped trajectory, which is unwrapped here, or "
        "coordinates unwrapped with image flags (xu yu zu of LAMMPS)"
    )
    if worst > REFUSED or (contacts and misplaced > FAR_MISPLACED):
        raise InputError(text)
    if worst > SAID or (contacts and misplaced > MISPLACED):
        yield text


def _excess_at(source: FrameSource, lag: int, part: float) -> float:
    """Relative excess of squared displacements over `lag` frames."""
    n = len(source)
    squared = added = 0.0
    for k in _spread(lag, n - 1, PAIRS):
        before, now = source.read(k - lag), source.read(k)
        place = carrier_places(source, before)
        moved = (carrier_places(source, now) - place) @ now.cell.vectors
        expected = part * np.floor(place) @ (before.cell.vectors - now.cell.vectors)
        squared += float(np.sum(np.var(moved, axis=0)))
        added += float(np.sum(np.var(expected, axis=0)))
    added = min(added, 0.99 * squared)
    return added / (squared - added) if squared > 0 else 0.0
