"""Is the cell the one in which the coordinates were wrapped?

An atom that leaves through a face comes back through the opposite one, a cell vector away. Where
the cell is not the one of the simulation (set by hand, or taken of another run), its step keeps the
difference: it is longer than any step inside, goes the wrong way, or goes sideways where the
angles of the cell are other ones.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..lib.errors import InputError

if TYPE_CHECKING:
    from ..trajectory.snapshot import Cell
    from .frame_source import FrameSource

#: Steps across faces from which something is concluded.
FEWEST = 8
#: Part of them that goes the wrong way in a cell that is too small; none does in the right one, and
#: half of them where molecules were wrapped as a whole.
WRONG_WAY = 0.9
#: Steps across a face go sideways where their median along another direction exceeds the root mean
#: square of steps inside so many times, and this length, Angstrom: diagonal hops are shorter.
SIDEWAYS, LEAST_SIDEWAYS = 3.0, 4.0
#: How many steps inside there are for each across a face.
INSIDE = 10
#: Atoms whose places are kept to see which part of the cell is empty.
PLACES = 1000
#: Jumps over several cell vectors must show in as many pairs of frames: files that were unwrapped
#: in part jump where they are joined.
FEWEST_PAIRS = 3
#: Small systems are looked at in more pairs of frames, for as many atoms in all.
ATOMS, SMALL, MOST_PAIRS = 6000, 500, 60


class BoundarySteps:
    """Steps across the faces of the cell, and those inside, in each of its directions."""

    def __init__(self) -> None:
        self._across: list[list[np.ndarray]] = [[], [], []]
        self._sideways: list[list[np.ndarray]] = [[], [], []]
        self._squares, self._n_quiet = np.zeros(3), 0
        self._longest = np.zeros(3)
        self._n_inside = np.zeros(3, dtype=np.int64)
        self._places: list[np.ndarray] = []
        self._heights = np.ones(3)
        self._far = self._n_across = self._far_pairs = 0

    def add(self, before: np.ndarray, inverse: np.ndarray, now: np.ndarray, cell: Cell) -> None:
        """Take a pair of frames.

        Parameters
        ----------
        before : numpy.ndarray
            Shape (atoms, 3), Angstrom: coordinates of the first.
        inverse : numpy.ndarray
            Shape (3, 3): the inverse of its cell vectors.
        now : numpy.ndarray
            Shape (atoms, 3), Angstrom: coordinates of the second.
        cell : Cell
            Of the second.
        """
        fractional = now @ cell.inverse
        step = fractional - before @ inverse
        cells = np.rint(step)
        self._heights = 1 / np.sqrt((cell.inverse**2).sum(axis=0))
        length = (step - cells) * self._heights
        for k in range(3):
            across = np.abs(cells[:, k]) == 1
            # positive where an atom goes on the way that it left
            self._across[k].append(-cells[across, k] * length[across, k])
            self._sideways[k].append(-cells[across, k, None] * length[across])
            inside = np.abs(length[cells[:, k] == 0, k])
            self._longest[k] = max(self._longest[k], inside.max(initial=0.0))
            self._n_inside[k] += len(inside)
        quiet = ~cells.any(axis=1)
        self._squares += np.sum(length[quiet] ** 2, axis=0)
        self._n_quiet += int(np.count_nonzero(quiet))
        far = int(np.count_nonzero(np.abs(cells) > 1))
        self._n_across += int(np.count_nonzero(cells))
        self._far += far
        self._far_pairs += far > 0
        self._places.append(fractional[:: max(len(fractional) // PLACES, 1)])

    def check(self) -> None:
        """Refuse a cell that the steps contradict.

        Raises
        ------
        InputError
        """
        steps = [np.concatenate(one) for one in self._across if one]
        if not steps:
            return
        if (
            self._far >= FEWEST
            and self._far_pairs >= FEWEST_PAIRS
            and self._far > WRONG_WAY * self._n_across
        ):
            raise InputError(
                "the cell is not the one in which the coordinates were wrapped: from frame to "
                f"frame atoms jump over two of its vectors or more, {self._far} of "
                f"{self._n_across} times, so that it is a part of the cell of the simulation; set "
                "that for every frame with MDAnalysis.transformations.set_dimensions"
            )
        self._check_angles()
        for directions in ([0], [1], [2], [0, 1, 2]):
            across = np.concatenate([steps[k] for k in directions])
            if len(across) < FEWEST:
                continue
            length, longest = float(np.median(across)), float(self._longest[directions].max())
            if np.mean(across < 0) > WRONG_WAY:
                self._refuse(across, directions, "against the way the atoms left: it is too small")
            enough = self._n_inside[directions].sum() >= INSIDE * len(across)
            if enough and length > longest > 0 and self._has_seam(directions, length):
                why = f"and none inside is longer than {longest:.2f} Å: it is too large"
                self._refuse(across, directions, why)

    def _check_angles(self) -> None:
        """Refuse a cell whose vectors point elsewhere: steps across its faces go sideways."""
        typical = np.sqrt(self._squares / max(self._n_quiet, 1))
        for k in range(3):
            across = np.concatenate(self._sideways[k])
            if len(across) < FEWEST:
                continue
            middle = np.median(across, axis=0)
            middle[k] = 0.0
            j = int(np.argmax(np.abs(middle)))
            reach = SIDEWAYS * typical[j]
            by_one_vector = np.mean(np.abs(across[:, j] - middle[j]) < reach) > 0.5
            if by_one_vector and abs(middle[j]) > max(reach, LEAST_SIDEWAYS):
                raise InputError(
                    f"the cell is not the one in which the coordinates were wrapped: {len(across)} "
                    f"steps across its faces along its vector {'abc'[k]} go {abs(middle[j]):.2f} Å "
                    f"sideways along {'abc'[j]} (median), and steps inside {typical[j]:.2f} Å: its "
                    "angles are other ones; set the cell of the simulation, with its angles, by "
                    "dimensions under [universe], or MDAnalysis.transformations.set_dimensions"
                )

    def _has_seam(self, directions: list[int], length: float) -> bool:
        """Whether one part of the cell is empty, about as wide as steps across it are long.

        Atoms that vibrate on a few planes leave gaps between all of these.
        """
        inside = np.concatenate(self._places)
        for k in directions:
            place = np.sort(inside[:, k] - np.floor(inside[:, k]))
            gaps = np.sort(np.diff(place, append=place[0] + 1))
            alone = gaps[-1] > 2 * gaps[-2] and gaps[-1] < 0.5
            if not alone or gaps[-1] * self._heights[k] < 0.5 * length:
                return False
        return True

    @staticmethod
    def _refuse(across: np.ndarray, directions: list[int], why: str) -> None:
        where = f" along its vector {'abc'[directions[0]]}" if len(directions) == 1 else ""
        raise InputError(
            f"the cell is not the one in which the coordinates were wrapped: {len(across)} steps "
            f"across its faces{where} are {np.median(np.abs(across)):.2f} Å long (median), {why}; "
            "set the cell of the simulation, frame by frame where it changes, with "
            "MDAnalysis.transformations.set_dimensions"
        )


def further_pairs(source: FrameSource, steps: BoundarySteps) -> None:
    """Add pairs of frames of a small system, in which few atoms cross the faces."""
    n, n_atoms = len(source), int(source.universe.atoms.n_atoms)
    if n_atoms >= SMALL:
        return
    for k in np.unique(np.linspace(0, n - 2, min(n - 1, MOST_PAIRS, ATOMS // n_atoms))).astype(int):
        before, now = source.read(int(k)), source.read(int(k) + 1)
        steps.add(before.positions, before.cell.inverse, now.positions, now.cell)
