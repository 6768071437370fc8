"""Radial distribution functions on a sample of frames, and the cutoff read from them.

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
from .detector import FrameGeometry
from .neighbour_search import contact_pairs

#: Largest distance looked at, Angstrom.
MAX_RADIUS = 8.0
BIN_WIDTH = 0.02
_SMOOTHING = 0.06  # standard deviation of the Gaussian smoothing, Angstrom
_CLEAR_DEPTH = 0.5  # the minimum must lie below this fraction of the first peak


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
        Frames sampled.
    """

    kind: str
    r: np.ndarray
    g: np.ndarray
    error: np.ndarray
    coordination: np.ndarray
    n_frames: int

    def smoothed(self) -> np.ndarray:
        """g(r) smoothed with a Gaussian of 0.06 A, shape (bins,)."""
        return np.asarray(gaussian_filter1d(self.g, _SMOOTHING / BIN_WIDTH, mode="nearest"))

    def first_minimum(self) -> float:
        """Radius of the first minimum after the first peak, Angstrom, rounded to 0.01.

        g(r) is smoothed with a Gaussian of 0.06 A. Where it stays at its lowest over a range, the
        middle of the range is taken.

        Raises
        ------
        InputError
            If there is no first peak, or no minimum below half of it before the range ends.
        """
        smooth = self.smoothed()
        limit = float(self.r[-1])
        hint = f"give `cutoff={{{self.kind!r}: ...}}` in Angstrom"
        top = float(smooth.max(initial=0.0))
        if top <= 0:
            raise InputError(
                f"cutoff for {self.kind!r} was not found: no {self.kind!r} atom comes within "
                f"{limit:.1f} A of a carrier; {hint}, or check the selection"
            )
        from scipy.signal import find_peaks  # slow to import

        # noise of a rare ligand must not pass for the first peak
        peaks, _ = find_peaks(np.append(smooth, 0.0), prominence=0.2 * top)
        if len(peaks) == 0:
            raise InputError(
                f"cutoff for {self.kind!r} was not found: g(r) has no peak below {limit:.1f} A; "
                f"{hint}"
            )
        first = low = int(peaks[0])
        # outwards to the first rise that is neither slight nor noise
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
                f"first peak ({self.r[first]:.2f} A) and {self.r[k]:.2f} A; {hint}"
            )
        floor = smooth[low] + max(0.02 * smooth[low], 2 * self.error[low])
        valley = np.arange(first, k)[smooth[first:k] <= floor]
        return round(float(self.r[valley[0]] + self.r[valley[-1]]) / 2, 2)


def sample_distributions(
    frames: Iterable[FrameGeometry], kinds: tuple[str, ...]
) -> dict[str, RadialDistribution]:
    """g(r) of the carriers and every ligand type over some frames.

    Cost: one neighbour search to `MAX_RADIUS` (or half the shortest cell height) per frame.

    Parameters
    ----------
    frames : iterable of FrameGeometry
    kinds : tuple of str
        Names of the ligand types.
    """
    counts: np.ndarray | None = None
    ideal = np.zeros(len(kinds))
    n_frames = n_centres = 0
    edges = np.empty(0)
    for frame in frames:
        if counts is None:
            radius = min(MAX_RADIUS, 0.499 * float(cell_heights(frame.cell).min()))
            edges = np.arange(0.0, radius, BIN_WIDTH)
            counts = np.zeros((len(kinds), len(edges) - 1))
            n_centres = len(frame.centres)
        reach = min(float(edges[-1]), 0.4999 * float(cell_heights(frame.cell).min()))
        _, ligand, distance = contact_pairs(frame, np.full(len(kinds), reach))
        volume = abs(np.linalg.det(frame.cell))
        for k in range(len(kinds)):
            counts[k] += np.histogram(distance[frame.ligand_kind[ligand] == k], bins=edges)[0]
            ideal[k] += np.sum(frame.ligand_kind == k) * n_centres / volume
        n_frames += 1
    assert counts is not None
    shells = 4 / 3 * np.pi * np.diff(edges**3)
    centres = (edges[1:] + edges[:-1]) / 2
    width = _SMOOTHING / BIN_WIDTH
    # a Gaussian of `width` bins averages 2 sqrt(pi) width of them
    seen = np.maximum(gaussian_filter1d(counts, width, axis=1, mode="nearest"), 0.1)
    noise = np.sqrt(seen / (2 * np.sqrt(np.pi) * width))
    return {
        kind: RadialDistribution(
            kind=kind,
            r=centres,
            g=counts[k] / (ideal[k] * shells),
            error=noise[k] / (ideal[k] * shells),
            coordination=np.cumsum(counts[k]) / (n_frames * n_centres),
            n_frames=n_frames,
        )
        for k, kind in enumerate(kinds)
    }
