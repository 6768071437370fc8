"""Access to the analysed frames of a trajectory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ..lib.errors import InputError, warn_user
from ..lib.frozen import changed
from ..lib.topology import protect_files
from ..microstates import FrameGeometry
from ..species import IonSpecies
from ..trajectory import FrameTimes
from ..trajectory.cells import check_cell_step, read_cell, reduced_cell
from ..trajectory.completeness import READING_ERRORS, check_atom_numbers, unreadable
from ..trajectory.reader_position import check_reader
from ..trajectory.repeated_frames import describe_dropped
from ..trajectory.replaced_times import settle_times_of
from ..trajectory.snapshot import (
    Cell,
    Snapshot,
    check_finite,
    check_jumps,
    coordinates_of,
    take_snapshot,
)
from ..trajectory.time_sources import Stamp, file_starts, stamp_of
from ..trajectory.unwrap import LONG_STEP, fractional_steps, whole_centres
from ..trajectory.unwrapped_input import count_jumps
from .bodies import Bodies
from .choices import Choices

#: Frames sampled for g(r).
RDF_FRAMES = 200


class FrameSource:
    """The frames of a run by number, with cells reduced to one choice of lattice vectors.

    Parameters
    ----------
    universe : Universe
    species : sequence of IonSpecies
        `settle` replaces their detectors by those with parameters found on these frames.
    choices : Choices
    bodies : Bodies
    frames : numpy.ndarray
        Shape (frames,): their numbers in the trajectory.
    dropped : numpy.ndarray
        Repeated frames of the trajectory that are left out.

    Attributes
    ----------
    trajectory : ReaderBase
        Of the universe.
    lattice : numpy.ndarray
        Shape (3, 3): integer matrix from the cell of the first frame to its reduced cell.
    times : FrameTimes
        After `settle_times`.
    notes : list of str
        Warnings so far.

    Raises
    ------
    InputError
        For fewer than three frames, and a file with a different number of atoms per frame.
    """

    times: FrameTimes

    def __init__(
        self,
        universe: Any,
        species: Sequence[IonSpecies],
        choices: Choices,
        bodies: Bodies,
        frames: np.ndarray,
        dropped: np.ndarray,
    ) -> None:
        protect_files(universe)
        self.universe, self.trajectory = universe, universe.trajectory
        self.species = tuple(species)
        self.choices, self.bodies = choices, bodies
        self.frames, self.dropped = frames, dropped
        self.notes: list[str] = []
        n = len(frames)
        if n < 3:
            raise InputError(
                f"the analysed part of the trajectory has {n} frame{'s' * (n != 1)}; three or more "
                "are needed, and hundreds for intervals: check start, stop, step, frames, and "
                "that the trajectory file is complete"
            )
        self.file_starts = file_starts(self.trajectory)
        check_atom_numbers(self.trajectory, int(frames.max()))
        self._at: int | None = None
        self._cell: Cell | None = None
        self.lattice = reduced_cell(read_cell(self.at(0)))

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_at": None, "_cell": None}

    def __len__(self) -> int:
        return len(self.frames)

    def note(self, text: str, *, loud: bool = False) -> None:
        """Keep a warning for the results; with `loud` issue it as a Python warning, too."""
        self.notes.append(text)
        if loud:
            warn_user(text)

    def settle(self, index: int, detector: Any) -> None:
        """Replace the detector of species number `index` by one settled on the frames."""
        listed = list(self.species)
        listed[index] = changed(listed[index], microstates=detector)
        self.species = tuple(listed)

    # ---- reading ------------------------------------------------------------------------------

    def moved(self) -> None:
        """Note that the reader was moved to another frame from outside."""
        self._at = None

    def at(self, index: int) -> Any:
        """The timestep of one analysed frame, not read again if it was the last one read."""
        frame = int(self.frames[index])
        if self._at != index or self.trajectory.ts.frame != frame:
            self._at = None
            try:
                self.trajectory[frame]
            except READING_ERRORS as error:
                raise unreadable(self.trajectory, frame, error) from error
            check_reader(self.trajectory.ts, frame)
            self._at = index
        return self.trajectory.ts

    def read(self, index: int) -> Snapshot:
        """A copy of one analysed frame."""
        ts = self.at(index)
        return take_snapshot(ts, self.cell_of(ts))

    def cell_of(self, ts: Any) -> Cell:
        """The cell of a timestep; the same object as before where it has not changed."""
        self._cell = Cell.of(ts, self.lattice, self._cell)
        return self._cell

    def stamp(self, index: int) -> Stamp:
        """Time, step and number of one analysed frame."""
        return stamp_of(self.at(index), self.file_starts)

    def step(
        self, ts: Any, before: Snapshot, steps: np.ndarray, reference: np.ndarray, found: np.ndarray
    ) -> Snapshot:
        """Read a frame into the snapshot of the frame before, and compute the steps between them.

        Parameters
        ----------
        ts : Timestep
        before : Snapshot
            Its coordinates are overwritten.
        steps : numpy.ndarray
            Shape (bodies, 3), filled: fractional.
        reference : numpy.ndarray
            Shape (3,), filled.
        found : numpy.ndarray
            Shape (10,), incremented: see `unwrap.fractional_steps`; [5] is the frame of the longest
            step, [6:8] are jumps.

        Raises
        ------
        InputError
            For a cell that jumps, and coordinates that are not finite or cannot be unwrapped.
        """
        cell, counted, bodies = self.cell_of(ts), found.copy(), self.bodies
        unwraps = self.choices.unwrap is not False
        if cell is not before.cell:
            check_cell_step(before.cell.vectors, cell.vectors, int(ts.frame))
        if not unwraps:
            count_jumps(
                coordinates_of(ts), before.coordinates, cell.inverse, before.cell.inverse,
                bodies.moving, found[6:8],
            )  # fmt: skip
        members = bodies.members
        bad = fractional_steps(
            coordinates_of(ts), before.coordinates,
            (cell.vectors, cell.inverse, before.cell.inverse), unwraps, bodies.moving,
            (members.offsets, members.atoms, members.weights, bodies.reference),
            LONG_STEP * cell.height, steps, reference, found,
        )  # fmt: skip
        check_finite(ts, bad)
        if unwraps:
            check_jumps(ts, found, counted)
        if found[3] > counted[3]:
            found[5] = ts.frame
        return Snapshot(before.coordinates, cell)

    def first_step(self, first: Snapshot) -> tuple[np.ndarray, np.ndarray]:
        """Steps between the first two frames, shape (bodies, 3), and the counts of `step`."""
        ts, before = self.at(1), replace(first, coordinates=first.coordinates.copy())
        steps, found = np.empty((self.bodies.n, 3)), np.zeros(10)
        self.step(ts, before, steps, np.empty(3), found)
        return steps, found

    def geometry(self, index: int, now: Snapshot, *, lasting: bool = False) -> FrameGeometry:
        """The frame as input of the detector of species `index`; a copy with `lasting`."""
        ligands = self.bodies.ligands[index]
        assert ligands is not None
        one, members = self.species[index], self.bodies.members
        if one.compound is None:
            centres = now.places(one.atoms.ix).fractional
        else:
            first, last = self.bodies.first[index], self.bodies.first[index + 1]
            centres = np.empty((one.n_carriers, 3))
            whole_centres(
                now.positions, now.cell.inverse, members.offsets[first : last + 1], members.atoms,
                members.weights, members.parents, centres,
            )  # fmt: skip
        places, others = now.places(ligands.atom), now.places(ligands.other_atom)
        return FrameGeometry(
            centres,
            places.fractional if lasting else places,
            ligands.kind,
            ligands.owner,
            now.cell.vectors,
            now.cell.as_read,
            others.fractional if lasting else others,
            ligands.other_owner,
        )

    def sample(self, index: int) -> Iterator[FrameGeometry]:
        """Frames sampled over the run as input of the detector of species `index`."""
        n = len(self)
        for k in np.unique(np.linspace(0, n - 1, min(n, RDF_FRAMES)).astype(int)):
            yield self.geometry(index, self.read(int(k)), lasting=True)

    # ---- times --------------------------------------------------------------------------------

    def settle_times(self, *, quiet: bool = False) -> None:
        """Find the spacing of the analysed frames; with `quiet` issue no Python warnings."""
        self.moved()
        # dropped frames are not counted in a stride
        numbers = self.frames - np.searchsorted(self.dropped, self.frames)
        self.times, notes = settle_times_of(
            self.trajectory, self.frames, numbers, self.stamp,
            dt=self.choices.dt, uneven=self.choices.uneven,
        )  # fmt: skip
        if len(self.dropped):
            notes.append((describe_dropped(self.dropped), True))
        for text, loud in notes:
            self.note(text, loud=loud and not quiet)
