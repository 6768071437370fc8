"""Radial distribution functions on sampled frames, and cutoffs found from them.

g(r) = < pairs in [r, r + dr) > / (rho_pairs 4 pi r^2 dr); the first shell ends at the first
minimum after the first peak.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d

from ..lib.errors import InputError
from ..trajectory.unwrap import cell_heights
from .contacts import FrameGeometry
from .neighbour_search import ligand_distances

#: Largest distance of g(r), Angstrom.
MAX_RADIUS = 8.0
BIN_WIDTH = 0.02
_SMOOTHING = 0.06  # standard deviation of the Gaussian smoothing, Angstrom
_BROAD = 0.2  # the same for second peaks
_BULK = 0.5  # a second peak is higher than this
_RISEN = 0.85  # of the rise to the second peak
_CLEAR_DEPTH = 0.5  # the minimum must lie below this fraction of the first peak
#: g(r) within this fraction of the height of the first peak above its minimum is flat, where it is
#: for at least so long, Angstrom.
_FLAT, _LONG = 0.01, 0.8


@dataclass(frozen=True)
class RadialDistribution:
    """g(r) of the carriers and one ligand type.

    Attributes
    ----------
    kind : str
        The ligand type.
    r : numpy.ndarray
        Shape (bins,), Angstrom: bin centres.
    g : numpy.ndarray
        Shape (bins,): g(r).
    error : numpy.ndarray
        Shape (bins,): standard error of the smoothed g(r) from counting alone.
    coordination : numpy.ndarray
        Shape (bins,): mean number of ligand atoms closer than the far edge of each bin.
    n_frames : int
        Number of sampled frames.
    """

    kind: str
    r: np.ndarray
    g: np.ndarray
    error: np.ndarray
    coordination: np.ndarray
    n_frames: int

    def smoothed(self) -> np.ndarray:
        """g(r) smoothed with a Gaussian of 0.06 A.

        Returns
        -------
        numpy.ndarray
            Shape (bins,).
        """
        return np.asarray(gaussian_filter1d(self.g, _SMOOTHING / BIN_WIDTH, mode="nearest"))

    def first_minimum(self) -> float:
        """Radius of the first minimum after the first peak.

        g(r) is smoothed with a Gaussian of 0.06 A. Where it stays at its lowest over a range, the
        middle of the range is taken.

        Returns
        -------
        float
            Angstrom, rounded to 0.01.

        Raises
        ------
        InputError
            If there is no first peak, or no minimum below half of it before the range ends.
        """
        valley = self._first_shell()[1]
        return round(float(self.r[valley[0]] + self.r[valley[-1]]) / 2, 2)

    def flat_minimum(self) -> tuple[float, float] | None:
        """Range over which g(r) stays at its first minimum, where this is flat.

        It begins where smoothed g(r) has fallen to within 1% of the height of the first peak of
        its level at the minimum, and ends where it has clearly risen above that again. Its near end
        does not depend on how the last of the noise falls, as the place of the lowest value does,
        and leaves out the atoms between the shells that `first_minimum`, the middle, includes.

        Returns
        -------
        (float, float) or None
            Angstrom, rounded to 0.01. None where the range is shorter than 0.8 A, where g(r) is too
            noisy to tell, and where `first_minimum` finds nothing.
        """
        try:
            first, valley = self._first_shell()
        except InputError:
            return None
        smooth = self.smoothed()
        level = float(smooth[valley].mean())
        width = _FLAT * (smooth[first] - level)
        if 2 * float(self.error[valley].mean()) > width:
            return None
        near = first + int(np.argmax(smooth[first:] <= level + width))
        risen = smooth > level + width + 2 * self.error
        far = near + int(np.argmax(risen[near:])) - 1 if risen[near:].any() else len(smooth) - 1
        ends = round(float(self.r[near]), 2), round(float(self.r[far]), 2)
        return ends if ends[1] - ends[0] >= _LONG else None

    def number_within(self, radius: float) -> float:
        """Mean number of ligand atoms within a distance.

        Parameters
        ----------
        radius : float
            Angstrom.

        Returns
        -------
        float
        """
        return float(np.interp(radius, self.r + BIN_WIDTH / 2, self.coordination, left=0.0))

    def similar_cutoffs(self, cutoff: float, change: float = 0.1) -> tuple[float, float]:
        """Range of cutoffs with nearly the same coordination number.

        Parameters
        ----------
        cutoff : float
            Angstrom.
        change : float, optional
            Largest relative change of the number of ligand atoms.

        Returns
        -------
        (float, float)
            Angstrom; the far end is at most that of g(r).
        """
        n = self.number_within(cutoff)
        edges = self.r + BIN_WIDTH / 2
        inside = np.flatnonzero(np.abs(self.coordination - n) <= change * n)
        if not len(inside):
            return cutoff, cutoff
        return min(cutoff, float(edges[inside[0]])), max(cutoff, float(edges[inside[-1]]))

    def _first_shell(self) -> tuple[int, np.ndarray]:
        """Bin of the first peak, and the bins at which g(r) is lowest after it."""
        smooth = self.smoothed()
        limit = float(self.r[-1])
        hint = f"give `cutoff={{{self.kind!r}: ...}}` in Angstrom"
        top = float(smooth.max(initial=0.0))
        if top <= 0:
            raise InputError(
                f"cutoff for {self.kind!r} was not found: no {self.kind!r} atom comes within "
                f"{limit:.1f} Å of a carrier; {hint}, or check the selection"
            )
        from scipy.signal import find_peaks  # slow to import

        # noise of a rare ligand must not count as the first peak
        peaks, _ = find_peaks(np.append(smooth, 0.0), prominence=0.2 * top)
        if len(peaks) == 0:
            raise InputError(
                f"cutoff for {self.kind!r} was not found: g(r) has no peak below {limit:.1f} Å; "
                f"{hint}"
            )
        first = low = int(peaks[0])
        # outwards to the first significant rise
        for k in range(first, len(smooth)):
            if smooth[k] < smooth[low]:
                low = k
            rise = max(0.5 * smooth[low], 0.05) + 3 * self.error[k]
            if smooth[k] > smooth[low] + rise and low > first:
                break
        else:
            k = -1
        if k < 0 or smooth[low] > _CLEAR_DEPTH * smooth[first]:
            raise InputError(
                f"cutoff for {self.kind!r} was not found: g(r) has no clear minimum between its "
                f"first peak ({self.r[first]:.2f} Å) and {self.r[k]:.2f} Å; {hint}"
            )
        floor = smooth[low] + max(0.02 * smooth[low], 2 * self.error[low])
        return first, np.arange(first, k)[smooth[first:k] <= floor]

    def peaks(self) -> tuple[float, float, float | None] | None:
        """Positions of the first peak of g(r), the minimum after it, and the second peak.

        Returns
        -------
        tuple of float or None
            Angstrom. The second peak is the first position after which g(r) clearly decreases, or
            where it has reached 85% of its highest later rise, if that is nearer: in liquids it is
            flat. None where it is not clear; None for all where `first_minimum` finds nothing.
        """
        try:
            first, valley = self._first_shell()
        except InputError:
            return None
        smooth = self.smoothed()
        low = int(valley[np.argmin(smooth[valley])])
        # second peaks are broad: more smoothing separates them from noise
        broad = np.asarray(gaussian_filter1d(self.g, _BROAD / BIN_WIDTH, mode="nearest"))
        noise = self.error * np.sqrt(_SMOOTHING / _BROAD)
        top = low + int(np.argmax(broad[low:]))
        rise = broad[top] - smooth[low]
        if rise < 5 * noise[top] or broad[top] < _BULK:
            return float(self.r[first]), float(self.r[low]), None
        second = low + int(np.argmax(broad[low:] >= smooth[low] + _RISEN * rise))
        top = low
        for k in range(low, second):
            if broad[k] > broad[top]:
                top = k
            rise, fall = broad[top] - smooth[low], broad[top] - broad[k]
            if (
                rise > 5 * noise[top]
                and broad[top] > _BULK
                and fall > max(0.05 * rise, 2 * noise[top])
            ):
                second = top
                break
        return float(self.r[first]), float(self.r[low]), float(self.r[second])


def minimum_in_words(found: RadialDistribution, cutoff: float) -> str | None:
    """The first peak and minimum, and how the coordination number depends on the cutoff.

    Parameters
    ----------
    found : RadialDistribution
    cutoff : float
        Angstrom.

    Returns
    -------
    str or None
        None where there is no clear minimum.
    """
    places = found.peaks()
    if places is None:
        return None
    flat = found.flat_minimum()
    minimum = (
        f"minimum after it at {found.first_minimum():.2f} Å"
        if flat is None
        else f"flat minimum after it from {flat[0]:.1f} to {flat[1]:.1f} Å"
    )
    near, far = found.similar_cutoffs(cutoff)
    return (
        f"first peak of g(r) at {places[0]:.2f} Å, {minimum}, {found.number_within(cutoff):.2f} "
        f"atoms within {cutoff:.2f} Å and within 10% of that for cutoffs from {near:.1f} to "
        f"{far:.1f} Å ({found.n_frames} frames)"
    )


class PairCounts:
    """Histogram of pair distances of carriers and ligands, frame by frame.

    Cost: one neighbour search to `radius` (or half the shortest cell height) per frame.

    Parameters
    ----------
    kinds : tuple of str
        Names of the ligand types.
    radius : float
        Largest distance, Angstrom.
    """

    def __init__(self, kinds: tuple[str, ...], radius: float = MAX_RADIUS) -> None:
        self.kinds, self.radius = kinds, radius
        self.counts: np.ndarray | None = None
        self.ideal = np.zeros(len(kinds))
        self.edges = np.empty(0)
        self.n_frames = self.n_centres = 0

    def add(self, frame: FrameGeometry) -> None:
        """Count the pairs of a frame."""
        kinds = range(len(self.kinds))
        if self.counts is None:
            radius = min(self.radius, 0.499 * float(cell_heights(frame.cell).min()))
            self.edges = np.arange(0.0, radius, BIN_WIDTH)
            self.counts = np.zeros((len(self.kinds), len(self.edges) - 1))
            self.n_centres = len(frame.centres)
        reach = min(float(self.edges[-1]), 0.4999 * float(cell_heights(frame.cell).min()))
        ligand, distance = ligand_distances(frame, np.full(len(self.kinds), reach))
        volume = abs(np.linalg.det(frame.cell))
        for k in kinds:
            of_kind = distance[frame.ligand_kind[ligand] == k]
            self.counts[k] += np.histogram(of_kind, bins=self.edges)[0]
            self.ideal[k] += np.sum(frame.ligand_kind == k) * self.n_centres / volume
        self.n_frames += 1

    def distributions(self) -> dict[str, RadialDistribution]:
        """g(r) of every ligand type."""
        counts, edges = self.counts, self.edges
        assert counts is not None
        shells = 4 / 3 * np.pi * np.diff(edges**3)
        width = _SMOOTHING / BIN_WIDTH
        # a Gaussian of `width` bins averages over 2 sqrt(pi) width bins
        seen = np.maximum(gaussian_filter1d(counts, width, axis=1, mode="nearest"), 0.1)
        noise = np.sqrt(seen / (2 * np.sqrt(np.pi) * width))
        return {
            kind: RadialDistribution(
                kind=kind,
                r=(edges[1:] + edges[:-1]) / 2,
                g=counts[k] / (self.ideal[k] * shells),
                error=noise[k] / (self.ideal[k] * shells),
                coordination=np.cumsum(counts[k]) / (self.n_frames * self.n_centres),
                n_frames=self.n_frames,
            )
            for k, kind in enumerate(self.kinds)
        }


def sample_distributions(
    frames: Iterable[FrameGeometry], kinds: tuple[str, ...], radius: float = MAX_RADIUS
) -> dict[str, RadialDistribution]:
    """g(r) of the carriers and every ligand type over some frames.

    Parameters
    ----------
    frames : iterable of FrameGeometry
    kinds : tuple of str
        Names of the ligand types.
    radius : float
        Largest distance, Angstrom.
    """
    pairs = PairCounts(kinds, radius)
    for frame in frames:
        pairs.add(frame)
    return pairs.distributions()
