"""Drift of the framework: its displacement as a whole since a reference frame.

The drift is the phase, over 2 pi, of the mean over atoms of exp(2 pi i (s - s_reference)): no atom
has to be unwrapped, and it is independent of the choice of periodic images.
"""

from __future__ import annotations

import math

import numpy as np

from ...lib.kernels import kernel
from ...trajectory.unwrap import Places

#: Turns up to which sine and cosine are summed as series, to within rounding.
_SERIES = 0.0625
#: Coefficients of (2 pi x)^k / k! in powers of x^2.
_SINE = tuple((-1.0) ** n * math.tau ** (2 * n + 1) / math.factorial(2 * n + 1) for n in range(6))
_COSINE = tuple((-1.0) ** n * math.tau ** (2 * n) / math.factorial(2 * n) for n in range(7))
_CHUNK = 64
_ONE, _TWO = np.uint64(1), np.uint64(2)


@kernel
def _add_turns(turn, n, cosines, sines):  # type: ignore[no-untyped-def]
    """Add cos and sin of 2 pi turn[:n] to the sums of each place, (chunk,)."""
    far = np.int64(0)
    for k in range(np.uint64(n)):
        far |= np.int64(not abs(turn[k]) <= _SERIES)
    if far != 0:
        for k in range(n):
            cosines[k] += np.cos(math.tau * turn[k])
            sines[k] += np.sin(math.tau * turn[k])
        return
    for k in range(np.uint64(n)):
        x = turn[k]
        z = x * x
        even, odd = _COSINE[6], _SINE[5]
        even = even * z + _COSINE[5]
        even, odd = even * z + _COSINE[4], odd * z + _SINE[4]
        even, odd = even * z + _COSINE[3], odd * z + _SINE[3]
        even, odd = even * z + _COSINE[2], odd * z + _SINE[2]
        even, odd = even * z + _COSINE[1], odd * z + _SINE[1]
        cosines[k] += even * z + _COSINE[0]
        sines[k] += x * (odd * z + _SINE[0])


@kernel
def mean_turn(coordinates, atoms, inverse, reference, mean):  # type: ignore[no-untyped-def]
    """Angle of the mean over atoms of exp(2 pi i (s - reference)), in turns, -1/2 to 1/2.

    coordinates, atoms, inverse: as in `Places`; reference (3, n): fractional. Fills mean (3,).

    Cost: one vectorised pass; ten times as much where atoms have moved by a sixteenth of a cell or
    more against the first one.
    """
    cosines, sines = np.zeros((3, _CHUNK)), np.zeros((3, _CHUNK))
    x, y, z = np.empty((3, _CHUNK))
    turn, base = np.empty((3, _CHUNK)), np.zeros(3)
    n_atoms = atoms.shape[0]
    for begin in range(0, n_atoms, _CHUNK):
        n = min(_CHUNK, n_atoms - begin)
        for k in range(np.uint64(n)):
            at = np.uint64(3 * atoms[np.uint64(begin) + k])
            x[k], y[k], z[k] = coordinates[at], coordinates[at + _ONE], coordinates[at + _TWO]
        for j in range(3):
            h0, h1, h2 = inverse[0, j], inverse[1, j], inverse[2, j]
            if begin == 0:  # against the first atom the others have moved little
                base[j] = x[0] * h0 + y[0] * h1 + z[0] * h2 - reference[j, 0]
            less = base[j]
            for k in range(np.uint64(n)):
                d = x[k] * h0 + y[k] * h1 + z[k] * h2 - reference[j, np.uint64(begin) + k] - less
                turn[j, k] = d - np.rint(d)
            _add_turns(turn[j], n, cosines[j], sines[j])
    for j in range(3):
        found = base[j] + np.arctan2(sines[j].sum(), cosines[j].sum()) / math.tau
        mean[j] = found - np.rint(found)


def circular_mean(places: Places, reference: np.ndarray) -> np.ndarray:
    """Mean displacement of atoms since a reference, for any periodic images.

    Parameters
    ----------
    places : Places
        Positions of n atoms, any image.
    reference : numpy.ndarray
        Shape (3, n): their fractional coordinates in the reference, component by component.

    Returns
    -------
    numpy.ndarray
        Shape (3,): fractional, -1/2 to 1/2.
    """
    mean = np.empty(3)
    mean_turn(places.coordinates, places.atoms, places.inverse, reference, mean)
    return mean
