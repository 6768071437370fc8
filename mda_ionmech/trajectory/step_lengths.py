"""Step lengths of carriers between analysed frames, as a check of spacing and coordinates."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from ..lib.kernels import kernel

#: Pairs of neighbouring frames sampled before all are read.
PAIRS = 12
#: A median step below this, Angstrom, is too short to show diffusion.
SHORT = 1e-3
#: A median step above this fraction of the shortest cell height cannot be unwrapped.
WIDE = 0.25
#: Steps are unusually long above this multiple of their root mean square.
FAR = 4.0
#: A single step is an outlier beyond this multiple and this fraction of the shortest cell height.
OUTLIER, OUTLIER_HEIGHT = 8.0, 0.25
#: Equal frames count as repeats only if fewer than this number are expected by chance.
CHANCE = 1e-3
#: Rounding of coordinates above this fraction of the root-mean-square step is reported.
ROUNDING = 0.01
#: Rounding to decimals is said where it makes this fraction of the mean square step.
DECIMALS = 0.01


@kernel
def measure_steps(steps, cells, first, far, square, longest, which, n_far):  # type: ignore[no-untyped-def]
    """Steps of every species in every frame.

    steps (frames, bodies, 3): fractional; cells (frames, 3, 3), Angstrom; first (species + 1,):
    first body of each; far (species,), Angstrom. Fills, each (frames, species): square, the mean
    square; longest, and which body took it, counted in its species; n_far: how many are above far.
    """
    for f in range(steps.shape[0]):
        for s in range(first.shape[0] - 1):
            total, most, at, n = 0.0, -1.0, 0, 0
            for c in range(first[s], first[s + 1]):
                length2 = 0.0
                for k in range(3):
                    x = (
                        steps[f, c, 0] * cells[f, 0, k]
                        + steps[f, c, 1] * cells[f, 1, k]
                        + steps[f, c, 2] * cells[f, 2, k]
                    )
                    length2 += x * x
                total += length2
                n += length2 > far[s] * far[s]
                if length2 > most:
                    most, at = length2, c - first[s]
            square[f, s] = total / (first[s + 1] - first[s])
            longest[f, s], which[f, s], n_far[f, s] = np.sqrt(most), at, n


@dataclass(frozen=True)
class SampledSteps:
    """Steps between a few pairs of neighbouring analysed frames.

    Attributes
    ----------
    lengths : numpy.ndarray
        Shape (pairs, carriers), Angstrom.
    identical : numpy.ndarray
        Shape (pairs,): all coordinates of the two frames are equal.
    height : float
        The shortest height of the cells, Angstrom.
    largest : float
        The largest coordinate of an atom of a carrier, Angstrom.
    grid : float
        The decimal that coordinates of carriers are rounded to, Angstrom; 0 for none.
    """

    lengths: np.ndarray
    identical: np.ndarray
    height: float
    largest: float
    grid: float = 0.0

    def repeats_are_odd(self, n_frames: int) -> bool:
        """Whether two equal frames among so many would be exceptional.

        They are not where moving carriers are exactly at rest from time to time, as in lattice
        models, so that all of them may rest at once.
        """
        moving = np.any(self.lengths > 0, axis=0)
        apart = self.lengths[~self.identical][:, moving]
        if not apart.size:
            return False
        resting = float(np.mean(apart == 0))
        return resting < 0.5 and n_frames * resting ** moving.sum() < CHANCE

    def typical(self, carriers: slice) -> float:
        """Root-mean-square step of some carriers, Angstrom."""
        found = self.lengths[~self.identical][:, carriers]
        return float(np.sqrt(np.mean(found**2))) if found.size else 0.0


def spacing_notes(name: str, steps: np.ndarray, height: float, dt: float) -> Iterable[str]:
    """Warnings on a frame spacing that the steps of a species contradict.

    Parameters
    ----------
    name : str
    steps : numpy.ndarray
        Lengths of sampled steps that are not 0, Angstrom.
    height : float
        The shortest height of the cells, Angstrom.
    dt : float
        ps.
    """
    if not len(steps):
        return
    median = float(np.median(steps))
    if median < SHORT:
        yield (
            f"{name} moves {median:.2g} Å (median) from frame to frame, less than {SHORT:g} Å: "
            f"frames {dt:g} ps apart are too close to show diffusion, or lengths are not in "
            "Angstrom; check the spacing (dt=...) and the units, and use fewer frames (step=...)"
        )
    if median > WIDE * height:
        yield (
            f"{name} moves {median:.3g} Å (median) from frame to frame, above a quarter of the "
            f"shortest cell height ({height:.4g} Å): frames are too far apart to unwrap, or not "
            "in the order of time; analyse more frames"
        )


def rounding_note(name: str, largest: float, rms: float) -> str | None:
    """Warning on rounding of steps far from the origin in single precision."""
    rounding = float(np.spacing(np.float32(largest)))
    if rms == 0 or rounding <= ROUNDING * rms:
        return None
    return (
        f"coordinates around {largest:.3g} Å are stored in steps of {rounding:.2g} Å (single "
        f"precision), {rounding / rms:.0%} of the root-mean-square step of {name} ({rms:.2g} Å): "
        "short windows are dominated by rounding; write the coordinates nearer to the origin, e.g. "
        "wrapped into the cell"
    )


def decimal_grid(positions: np.ndarray) -> float:
    """The decimal that all of some coordinates are multiples of, Angstrom; 0 for none.

    Files hold 0.01 (XTC), 0.001 (PDB) or 0.1 A; finer ones are lost in single precision.
    """
    x = np.asarray(positions, dtype=np.float64)
    slack = 4 * float(np.spacing(np.float32(np.abs(x).max(initial=1e-3))))
    for grid in (0.1, 0.01, 0.001):
        if slack < 0.05 * grid and np.all(np.abs(x - grid * np.rint(x / grid)) <= slack):
            return grid
    return 0.0


def decimals_note(name: str, grid: float, rms: float) -> str | None:
    """What rounding of coordinates to a decimal, Angstrom, adds to squared steps.

    The error of a coordinate is uniform, grid^2 / 12, and a step in space has six of them.
    """
    added = grid**2 / 2
    if rms == 0 or added <= DECIMALS * rms**2:
        return None
    return (
        f"coordinates are stored in steps of {grid:g} Å, which makes {min(added / rms**2, 1):.0%} "
        f"of the mean square step of {name} ({rms:.2g} Å, root mean square): short windows hold "
        "rounding beside motion; write more decimals (the precision of an XTC), or take frames "
        "farther apart (step=...)"
    )


def outlier_note(
    name: str, longest: float, rms: float, height: float, where: str, n_steps: int
) -> str | None:
    """Warning on the longest step of a species, if it is an outlier."""
    if longest <= max(OUTLIER * rms, OUTLIER_HEIGHT * height):
        return None
    return (
        f"one step of {name} is an outlier among {n_steps}: {where} moves {longest:.2f} Å, "
        f"{longest / rms:.0f} times the root mean square ({rms:.2g} Å) and {longest / height:.2f} "
        "of the shortest cell height. A step beyond half the cell is replaced by its periodic "
        "image, in the wrong direction, and every coefficient is then wrong: check that atom (its "
        "velocity, if the file holds velocities, shows its direction), write frames more often or "
        "use a smaller step=..., or leave the frame out with run(start=..., stop=...)"
    )


def missing_frames(n_far: np.ndarray, n_carriers: np.ndarray) -> np.ndarray:
    """Frames before which some are missing: most carriers of every species make long steps.

    Parameters
    ----------
    n_far : numpy.ndarray
        Shape (frames, species).
    n_carriers : numpy.ndarray
        Shape (species,).
    """
    enough = n_carriers >= 4  # a few carriers do jump together
    if not enough.any():
        return np.empty(0, dtype=np.int64)
    return np.flatnonzero(np.all(2 * n_far[:, enough] > n_carriers[enough], axis=1))
