"""What the steps of the carriers say against spacing, coordinates and order of the frames."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from ..lib.errors import InputError
from ..species import IonSpecies
from ..trajectory.frame_times import FrameTimes
from ..trajectory.repeated_frames import repeated_stretch
from ..trajectory.snapshot import coordinates_of
from ..trajectory.step_lengths import (
    FAR,
    PAIRS,
    SampledSteps,
    decimal_grid,
    decimals_note,
    missing_frames,
    outlier_note,
    rounding_note,
    spacing_notes,
)
from ..trajectory.unwrap import LONG_STEP
from .boundary_steps import BoundarySteps, further_pairs

if TYPE_CHECKING:
    from .frame_source import FrameSource


def sample_steps(source: FrameSource) -> SampledSteps:
    """Steps of the carriers between neighbouring frames, sampled over the run.

    Cost: two dozen frames read.

    Raises
    ------
    InputError
        Where steps across the faces show that the cell is not that of the coordinates.
    """
    n, n_carriers = len(source), int(source.bodies.first[-1])
    chosen = np.unique(np.linspace(0, n - 2, min(n - 1, PAIRS)).astype(int))
    lengths, identical = np.empty((len(chosen), n_carriers)), np.empty(len(chosen), dtype=bool)
    bodies = source.bodies
    steps, heights, largest = np.empty((len(bodies.members.offsets) - 1, 3)), [], 0.0
    across, grid, unwraps = BoundarySteps(), np.inf, source.choices.unwrap is not False
    for k, at in enumerate(chosen.tolist()):
        before = source.read(at)
        ts = source.at(at + 1)
        given = coordinates_of(ts)
        identical[k] = np.array_equal(given, before.coordinates)
        if unwraps:
            cell = source.cell_of(ts)
            across.add(before.positions, before.cell.inverse, given.reshape(-1, 3), cell)
        now = source.step(ts, before, steps, np.empty(3), np.zeros(10))
        lengths[k] = np.linalg.norm(steps[:n_carriers] @ now.cell.vectors, axis=1)
        heights.append(now.cell.height)
        mine = now.positions[bodies.members.atoms]
        largest = max(largest, float(np.abs(mine).max()))
        grid = min(grid, decimal_grid(mine)) if grid else grid
    if unwraps:
        further_pairs(source, across)
        across.check()
    return SampledSteps(lengths, identical, min(heights), largest, grid)


def sample_notes(species: Sequence[IonSpecies], sampled: SampledSteps, dt: float) -> list[str]:
    """Warnings from a few pairs of frames, before all are read."""
    notes: list[str] = []
    first = 0
    for one in species:
        mine = slice(first, first + one.n_carriers)
        first += one.n_carriers
        lengths = sampled.lengths[~sampled.identical][:, mine]
        notes += spacing_notes(one.name, lengths[lengths > 0], sampled.height, dt)
        rms = sampled.typical(mine)
        rounded = rounding_note(one.name, sampled.largest, rms)
        if rounded is None and one.compound is None:
            rounded = decimals_note(one.name, sampled.grid, rms)
        notes += [] if rounded is None else [rounded]
    return notes


def far_steps(species: Sequence[IonSpecies], sampled: SampledSteps) -> np.ndarray:
    """Length above which a step of each species is unusually long, shape (species,), Angstrom."""
    edges = np.cumsum([0] + [one.n_carriers for one in species])
    typical = [sampled.typical(slice(a, b)) for a, b in pairwise(edges)]
    return np.array([FAR * rms if rms > 0 else np.inf for rms in typical])


def refuse_repeated(frame: str, before: str) -> None:
    """Refuse a frame that is equal to the one before it."""
    raise InputError(
        f"{frame} holds the same coordinates as {before}, of every atom and bit for bit: a "
        "restart wrote it twice, or files overlap; uneven='drop' leaves such frames out, "
        "run(start=..., stop=...) analyses a part without, uneven='accept' takes them as they are"
    )


def check_repeated_stretch(fingerprints: np.ndarray, frames: np.ndarray) -> str | None:
    """Text about frames that are repeated later in the trajectory, or None."""
    found = repeated_stretch(fingerprints)
    if found is None:
        return None
    again, origin, length = found
    return (
        f"{length} frames are repeated: from frame {frames[again]} on the coordinates are those of "
        f"frame {frames[origin]} on, as with overlapping files or a run that was restarted from "
        "an older checkpoint"
    )


def order_notes(
    uneven: str, times: FrameTimes, stamps: np.ndarray, steps: np.ndarray, frames: np.ndarray
) -> list[str]:
    """Warnings on uneven times or steps accepted by ``uneven="accept"``, each (frames,)."""
    if uneven != "accept":
        return []
    notes = []
    for what, values, slack in (
        ("times", stamps, 2 * times.tolerance),
        ("steps of the engine", steps.astype(float), 0.5),
    ):
        apart = np.diff(values)
        odd = np.flatnonzero(np.abs(apart - np.median(apart)) > slack)
        if len(odd) and len(np.unique(values)) > 1:
            k = int(odd[0])
            notes.append(
                f"frames are taken as evenly spaced, uneven='accept', although {len(odd)} of "
                f"{len(apart)} intervals are not by the {what}: most are {np.median(apart):g}, "
                f"that between frames {frames[k]} and {frames[k + 1]} is {apart[k]:g}"
            )
            break
    return notes


def step_notes(
    species: Sequence[IonSpecies], raw: Any, frames: np.ndarray, height: float, *, shown: bool
) -> list[str]:
    """Warnings on single steps and missing frames.

    Parameters
    ----------
    species : sequence of IonSpecies
    raw : mapping
        ``step_square``, ``step_longest``, ``step_carrier`` and ``step_far``, (frames, species).
    frames : numpy.ndarray
        Numbers of the analysed frames.
    height : float
        The shortest height of the cell, Angstrom.
    shown : bool
        Whether times or steps of the file already show that no frame is missing.
    """
    n_carriers = np.array([one.n_carriers for one in species])
    missing = np.empty(0, dtype=np.int64)
    if not shown:
        missing = missing_frames(raw["step_far"], n_carriers)
    notes = []
    if 0 < len(missing) < len(frames) // 4:
        k = int(missing[0])
        others = f" ({len(missing)} such places in all)" if len(missing) > 1 else ""
        notes.append(
            f"between frames {frames[k - 1]} and {frames[k]} most carriers move more than "
            f"{FAR:g} times as far as between others{others}: frames seem to be missing there, "
            "or out of order, and the file holds neither times nor steps to tell"
        )
    for s, one in enumerate(species):
        square, longest = raw["step_square"][:, s], raw["step_longest"][:, s]
        # the first frame has no step
        rms = float(np.sqrt(np.mean(square[1:])))
        k = int(np.argmax(longest))
        if k == 0 or rms == 0 or k in missing:
            continue
        carrier = int(raw["step_carrier"][k, s])
        atom = int(one.atoms.ix[np.flatnonzero(one.carrier_of_atom == carrier)[0]])
        body = "atom index" if one.compound is None else "the carrier with atom index"
        where = f"{body} {atom} between frames {frames[k - 1]} and {frames[k]}"
        n_steps = (len(frames) - 1) * one.n_carriers
        note = outlier_note(one.name, float(longest[k]), rms, height, where, n_steps)
        notes += [] if note is None else [note]
    return notes


def long_steps_note(
    found: np.ndarray, species: Sequence[IonSpecies], said: Sequence[str]
) -> str | None:
    """Warning on steps near half the cell, of all atoms that are unwrapped.

    Parameters
    ----------
    found : numpy.ndarray
        Counts of `trajectory.unwrap.fractional_steps`, with the frame of the longest step.
    species : sequence of IonSpecies
    said : sequence of str
        Warnings so far, which may already name the longest step.
    """
    if found[1] == 0:
        return None
    atom, frame = int(found[4]), int(found[5])
    counted = (
        f"{int(found[1])} of {int(found[2])} steps exceed {LONG_STEP} of the shortest cell height, "
        "near the limit of what can be unwrapped"
    )
    if any("between frames" in text and f"and {frame} " in text for text in said):
        return counted
    owner = next((one.name for one in species if atom in one.atoms.ix), "no carrier")
    return (
        f"{counted}: the longest, {found[3]:.2f} Å, is that of atom index {atom} ({owner}) into "
        f"frame {frame}. A step beyond half the cell is replaced by its periodic image, in the "
        "wrong direction; write frames more often or use a smaller step=..., and check that atom "
        "(its velocity, if the file holds velocities, shows its direction)"
    )
