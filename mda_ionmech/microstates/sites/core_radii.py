"""Radii of the cores of sites: by default, as given, and those that contacts tell apart."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...lib.errors import InputError
from ..contacts import SAME_RADIUS
from .nearest_site import closest_pair

#: Default core radius: this fraction of half the shortest distance between sites.
CORE_FRACTION = 0.55
#: Radii beside that of the cores, as multiples of it, at which contacts are told apart.
NEIGHBOURS = (0.8, 1.2)
#: Those that differ from that of the cores by less than this fraction are left out.
_TOO_NEAR = 0.02


def core_radius(
    sites: np.ndarray,
    labels: tuple[str, ...],
    cell: np.ndarray,
    asked: float | None,
    assignment: str,
) -> float:
    """Core radius, Angstrom; sites that coincide and cores that overlap are refused."""
    a, b, shortest = closest_pair(sites, cell) if len(sites) > 1 else (0, 0, np.inf)
    if shortest < 0.1:
        raise InputError(
            f"sites {a} ({labels[a]}) and {b} ({labels[b]}) are {shortest:.3f} Å "
            "apart: leave one of them out; those of a CIF or a list are "
            "merged with merge=... in Angstrom, of different labels with merge_across=True"
        )
    if asked is None:
        return CORE_FRACTION * shortest / 2
    if assignment == "core" and 2 * asked > shortest:
        raise InputError(
            f"r_core={asked:g} Å makes cores overlap: the nearest sites are "
            f"{shortest:.2f} Å apart; give less than {shortest / 2:.2f} Å"
        )
    return asked


def radii_told_apart(
    sites: np.ndarray, cell: np.ndarray, radius: float, recorded: Sequence[float]
) -> tuple[float, ...]:
    """Core radii that contacts tell apart: that of the cores, its neighbours, and further ones.

    Parameters
    ----------
    sites : numpy.ndarray
        Shape (sites, 3): fractional.
    cell : numpy.ndarray
        Shape (3, 3), Angstrom.
    radius : float
        Of the cores, Angstrom.
    recorded : sequence of float
        Further ones, Angstrom.

    Returns
    -------
    tuple of float
        Ascending; neighbours without overlap of the cores. None where there is one site.

    Raises
    ------
    InputError
        For a further radius at which cores overlap.
    """
    if len(sites) < 2:
        return ()
    most = closest_pair(sites, cell)[2] / 2
    if recorded and max(recorded) > most:
        raise InputError(
            f"recorded holds {max(recorded):g} Å, a radius at which cores overlap: the nearest "
            f"sites are {2 * most:.2f} Å apart; give less than {most:.2f} Å"
        )
    # of three decimals, so that they can be given as r_core
    beside = [round(factor * radius, 3) for factor in NEIGHBOURS]
    beside = [r if r <= most else np.floor(1000 * most + 1e-6) / 1000 for r in beside]
    found = {float(r) for r in beside if r > 0 and abs(r - radius) > _TOO_NEAR * radius}
    asked = {float(r) for r in recorded if abs(r - radius) > SAME_RADIUS}
    return tuple(sorted({radius} | found | asked))
