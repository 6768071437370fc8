r"""Tests of coordinates that were unwrapped before the analysis, for two common errors.

An unwrapped position is x = (s + n) h, n cells from the wrapped s, in a cell with rows h. Programs
that store n give such coordinates, also while h changes. Those that add up steps in Angstrom give
:math:`x = s h + \sum \pm h(t_c)` instead, with the cells at the times of the crossings: a later
change of the cell, dh, then appears as a step of -n dh in x h^-1. They cannot be wrapped back
unless the times of the crossings are known. See von Bulow et al., J. Chem. Phys. 153, 021101
(2020).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from ..lib.kernels import kernel

#: A step is near a whole number of cells if it deviates by less than this, along a cell vector.
_NEAR = 0.25
_ONE, _TWO = np.uint64(1), np.uint64(2)
#: Possible corners of the cell, fractional.
_CORNERS = np.arange(4) / 4


@kernel
def count_jumps(now, before, inverse, inverse_before, moving, jumps):  # type: ignore[no-untyped-def]
    """Count steps along cell vectors that are near a whole number of cells, and those that are not.

    now, before (3 * atoms,) float32; inverse, inverse_before (3, 3): inverse cells; moving
    (stretches, 2): first and last + 1 of stretches of atoms. Adds to jumps: [steps within a quarter
    of one cell, two cells and so on; steps that are not, nor within a quarter of zero].
    """
    for stretch in range(moving.shape[0]):
        for a in range(moving[stretch, 0], moving[stretch, 1]):
            g = np.uint64(3 * a)
            for k in range(3):
                s = (
                    now[g] * inverse[0, k] + now[g + _ONE] * inverse[1, k]
                    + now[g + _TWO] * inverse[2, k] - before[g] * inverse_before[0, k]
                    - before[g + _ONE] * inverse_before[1, k]
                    - before[g + _TWO] * inverse_before[2, k]
                )  # fmt: skip
                if abs(s - np.rint(s)) < 0.25:
                    jumps[0] += abs(s) > 0.5
                else:
                    jumps[1] += 1.0


def jumps_show(near: float, between: float) -> bool:
    """Whether steps show that coordinates are wrapped.

    Longer steps are rarer, so that true steps lie between a quarter and three quarters of a cell
    more often than near a whole one, whereas jumps across the cell are near a whole one.

    Parameters
    ----------
    near, between : float
        From `count_jumps`.
    """
    return near > between + 2 * np.sqrt(between)


def cells_reached(fractional: np.ndarray) -> float:
    """Number of cells that positions (..., 3) spread over, along one of the vectors."""
    return float(np.ptp(fractional.reshape(-1, 3), axis=0).max())


@dataclass
class CartesianSteps:
    """Correlates steps with changes of the cell, as in coordinates added up in Angstrom.

    Attributes
    ----------
    earlier : numpy.ndarray or None
        Shape (carriers, 3): fractional positions in the pair of frames before; None at first.
    """

    earlier: np.ndarray | None = None
    #: by corner of the cell and direction: sums of step * expected and of expected squared
    _with: np.ndarray = field(default_factory=lambda: np.zeros((len(_CORNERS), 3)))
    _expected: np.ndarray = field(default_factory=lambda: np.zeros((len(_CORNERS), 3)))
    _squares: list[np.ndarray] = field(default_factory=list)
    _changes: list[np.ndarray] = field(default_factory=list)
    _n: int = 0

    def add(
        self, fractional: np.ndarray, steps: np.ndarray, before: np.ndarray, now: np.ndarray
    ) -> None:
        """Add a pair of frames.

        Parameters
        ----------
        fractional : numpy.ndarray
            Shape (carriers, 3): positions in the first.
        steps : numpy.ndarray
            Shape (carriers, 3): fractional steps to the second.
        before, now : numpy.ndarray
            Shape (3, 3), Angstrom: the cells.
        """
        # of an earlier pair: for ions that vibrate about a face, step and position are correlated
        place = fractional if self.earlier is None else self.earlier
        self.earlier = fractional
        step = steps @ now
        step = step - step.mean(axis=0)
        for k, corner in enumerate(_CORNERS):
            expected = np.floor(place + corner) @ (before - now)
            expected -= expected.mean(axis=0)
            self._with[k] += (step * expected).sum(axis=0)
            self._expected[k] += (expected**2).sum(axis=0)
        self._squares.append((step**2).mean(axis=0))
        self._changes.append(np.diag(now - before) ** 2)
        self._n += step.size

    def part(self) -> tuple[float, float]:
        """Fraction of the expected steps, 0 or 1 apart from noise, and its standard error.

        The corner of the cell is the one that explains most, direction by direction.
        """
        gain = np.where(self._with > 0, self._with**2, 0) / np.maximum(self._expected, 1e-300)
        best = gain.argmax(axis=0), np.arange(3)
        common, expected = self._with[best].sum(), self._expected[best].sum()
        if expected <= 0:
            return 0.0, np.inf
        part = common / expected
        total = float(np.sum(self._squares)) * self._n / (3 * len(self._squares))
        left = max(total - part * common, 1e-12 * total)
        return float(part), float(np.sqrt(left / self._n / expected))

    def excess(self) -> float:
        """Relative excess of squared steps that this causes.

        The larger of two estimates: from the expected steps, and from the increase of squared steps
        with the squared change of the cell, which needs no number of cells.
        """
        gain = np.where(self._with > 0, self._with**2, 0) / np.maximum(self._expected, 1e-300)
        squares, changes = np.array(self._squares), np.array(self._changes)
        explained = gain.max(axis=0).sum() / self._n * 3
        total = squares.sum(axis=1).mean()
        spread = changes - changes.mean(axis=0)
        varies = np.maximum((spread**2).sum(axis=0), 1e-300)
        slope = (spread * squares).sum(axis=0) / varies
        left = squares - squares.mean(axis=0) - slope * spread
        error = np.sqrt((left**2).mean(axis=0) / varies)
        clear = (slope > 4 * error) & (changes.max(axis=0) > 0)
        grown = float(np.where(clear, slope * changes.mean(axis=0), 0.0).sum())
        added = min(max(explained, grown), 0.99 * total)
        return float(added / (total - added))


def place_error(numbers: Sequence[np.ndarray], cells: np.ndarray) -> float:
    """Root mean square error of positions in the cell, Angstrom, where steps were added up.

    Parameters
    ----------
    numbers : sequence of numpy.ndarray
        Shape (carriers, 3) each: fractional positions in some frames.
    cells : numpy.ndarray
        Shape (frames, 3, 3), Angstrom: their cells.
    """
    away = np.floor(np.concatenate(numbers))
    away -= np.median(away, axis=0)
    vary = np.sqrt(np.sum(np.var(cells, axis=0), axis=-1))
    return float(np.sqrt(np.mean(np.sum((away * vary) ** 2, axis=-1))))
