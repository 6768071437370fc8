"""Checks for lengths and temperatures in other units: each returns a warning, or None.

All are pure functions of numbers and arrays; see `mda_ionmech.analysis.plausibility`.
"""

from __future__ import annotations

import numpy as np
from scipy import constants

#: Temperatures beyond are in other units, K: below, ions do not move, and 27 is 300 K in degrees
#: Celsius; above, no molecule holds together.
COLDEST, HOTTEST = 100.0, 1e4
#: A higher density is none of matter, g/cm^3 (osmium: 22.6): lengths in nm give a thousand times
#: that of the system.
DENSEST = 25.0
#: A lower one is none of anything in which ions meet, g/cm^3; salt alone at 1 mmol/L has 5e-5.
THINNEST = 1e-6
#: Below this number of atoms nothing is concluded from where they are.
FEWEST_ATOMS = 50
#: Part of the cell that is empty in each of its three directions, so that cell and positions are
#: not in the same unit: a crystal of four planes leaves a quarter.
EMPTY_PART = 0.4
#: Nearest neighbours are farther apart than this, Angstrom (hydrogen: 0.74).
NEAREST = 0.5
#: Lighter than any nucleus, u: sites and Drude particles lie on other atoms.
LIGHT = 0.9
#: Atoms whose neighbours are looked for, at most, and distances that are worked out.
LOOKED, DISTANCES = 200, 4e6


def temperature(kelvin: float) -> str | None:
    """A temperature at which nothing moves, or nothing is left; K."""
    if COLDEST <= kelvin <= HOTTEST:
        return None
    if kelvin > HOTTEST:
        return (
            f"temperature={kelvin:g} K is above any at which molecules and crystals hold together; "
            "give that of the simulation, in K"
        )
    return (
        f"temperature={kelvin:g} K is below any at which ions are transported; temperatures are in "
        f"K: {kelvin:g} degrees Celsius are {kelvin + 273.15:g}, and kT={kelvin:g} in another unit "
        "is not the temperature; coefficients are divided by it"
    )


def density(masses: np.ndarray, cell: np.ndarray) -> str | None:
    """A density that no matter has.

    Parameters
    ----------
    masses : numpy.ndarray
        Shape (atoms,), u.
    cell : numpy.ndarray
        Shape (3, 3), Angstrom.
    """
    volume = abs(float(np.linalg.det(cell)))
    found = float(np.sum(masses)) * constants.atomic_mass * 1e3 / (volume * 1e-24)
    if found == 0 or THINNEST <= found <= DENSEST:
        return None
    edges = " x ".join(f"{length:.4g}" for length in np.linalg.norm(cell, axis=1))
    return (
        f"the density of the system is {found:.3g} g/cm3, in a cell of {edges} Å: lengths are in "
        "Angstrom (1 nm is 10, 1 Bohr 0.529) and masses in u; the conductivity is divided by the "
        "volume of the cell"
    )


def empty_cell(fractional: np.ndarray) -> str | None:
    """Atoms that fill only a part of the cell, whichever way one looks.

    Parameters
    ----------
    fractional : numpy.ndarray
        Shape (atoms, 3).
    """
    if len(fractional) < FEWEST_ATOMS:
        return None
    gaps = largest_gaps(fractional)
    if gaps.min() < EMPTY_PART:
        return None
    filled = ", ".join(f"{1 - gap:.0%}" for gap in gaps)
    return (
        f"all atoms lie within {filled} of the three edges of the cell, and the rest is empty: "
        "cell and positions may not be in the same unit (both are in Angstrom), or positions are "
        "fractions of the cell; the conductivity is divided by the volume of the whole cell"
    )


def largest_gaps(fractional: np.ndarray) -> np.ndarray:
    """Widest part of the cell without atoms, along each of its vectors, shape (3,)."""
    inside = np.sort(fractional - np.floor(fractional), axis=0)
    apart = np.diff(inside, axis=0, append=inside[:1] + 1)
    return np.asarray(apart.max(axis=0))


def crowded(fractional: np.ndarray, masses: np.ndarray, cell: np.ndarray) -> str | None:
    """Atoms on top of each other.

    Parameters
    ----------
    fractional : numpy.ndarray
        Shape (atoms, 3).
    masses : numpy.ndarray
        Shape (atoms,), u; those lighter than `LIGHT` are passed over unless all are.
    cell : numpy.ndarray
        Shape (3, 3), Angstrom.
    """
    heavy = masses >= LIGHT
    places = fractional[heavy] if heavy.any() else fractional
    n = len(places)
    if n < FEWEST_ATOMS:
        return None
    number = int(min(LOOKED, n, max(DISTANCES // n, 10)))
    nearest = []
    for k in np.linspace(0, n - 1, number).astype(int):
        step = places - places[k]
        step -= np.rint(step)
        step[k] = 1.0
        nearest.append(float(np.min(np.sum((step @ cell) ** 2, axis=1))))
    found = float(np.sqrt(np.median(nearest)))
    if found >= NEAREST:
        return None
    return (
        f"half of the atoms have another one within {found:.2g} Å, nearer than any bond: positions "
        "may be in nm, or fractions of the cell; they are in Angstrom"
    )
