"""Distances between sites: from their positions in a cell, or from a table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from ...microstates.sites.nearest_site import near_pairs
from ...microstates.sites.site_assignment import minimum_image


class Apart(Protocol):
    """Distances between sites, Angstrom."""

    def __len__(self) -> int: ...

    def between(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """Distances of pairs of sites, broadcast."""

    def within(self, reach: float) -> tuple[np.ndarray, np.ndarray]:
        """All pairs up to a distance, in both orders and each site with itself, sorted; int64."""


@dataclass(frozen=True)
class InCell:
    """Sites in a periodic cell; exact below half its shortest height.

    Cost of `within`: about linear in sites and pairs.

    Attributes
    ----------
    sites : numpy.ndarray
        Shape (sites, 3): fractional.
    cell : numpy.ndarray
        Shape (3, 3), Angstrom.
    """

    sites: np.ndarray
    cell: np.ndarray

    def __len__(self) -> int:
        return len(self.sites)

    def between(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """Minimum-image distance of pairs of sites, shape (pairs,), Angstrom."""
        difference = minimum_image(self.sites[first] - self.sites[second])
        return np.asarray(np.linalg.norm(difference @ self.cell, axis=-1))

    def within(self, reach: float) -> tuple[np.ndarray, np.ndarray]:
        """Pairs of sites at most `reach` Angstrom apart: first and second, each (pairs,)."""
        # with a margin, so that rounding loses no pair that `between` finds within reach
        first, second, _ = near_pairs(self.sites, self.sites, self.cell, reach + 1e-6)
        near = self.between(first, second) <= reach
        return first[near], second[near]


@dataclass(frozen=True)
class InTable:
    """Sites whose distances are given.

    Attributes
    ----------
    distances : numpy.ndarray
        Shape (sites, sites), Angstrom.
    """

    distances: np.ndarray

    def __len__(self) -> int:
        return len(self.distances)

    def between(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """Distance of pairs of sites, shape (pairs,), Angstrom."""
        return np.asarray(self.distances[first, second])

    def within(self, reach: float) -> tuple[np.ndarray, np.ndarray]:
        """Pairs of sites at most `reach` Angstrom apart: first and second, each (pairs,)."""
        first, second = np.nonzero(self.distances <= reach)
        return first, second
