"""A result with the windows that the report uses."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import xarray as xr

    from ..results.results import Results


@dataclass(frozen=True)
class Reading:
    """A result with the windows that the report uses.

    Attributes
    ----------
    results : Results
    species : tuple of str
        All species.
    ruled : tuple of str
        Those with an event rule.
    with_macrostates : tuple of str
    window : float
        Of the events, ps.
    longest : float
        Of the conductivity where there is no diffusive view, ps: the longest window with ten blocks
        or more, else the shortest.
    level : str
        Of the intervals, e.g. ``"68%"``.
    resampled : bool
        Whether the file holds the sums over blocks that parts of the page are computed from.
    has_paths : bool
        Whether there are path and slope views.
    """

    results: Results
    species: tuple[str, ...]
    ruled: tuple[str, ...]
    with_macrostates: tuple[str, ...]
    window: float
    longest: float
    level: str
    resampled: bool
    has_paths: bool

    @classmethod
    def of(cls, results: Results, window: float | None) -> Reading:
        """The reading of a result at one window; default as in `Results.summary`."""
        data, transitions = results.decomposition, results.transitions
        names = tuple(str(s) for s in data["species"].values)
        held: tuple[str, ...] = ()
        if transitions is not None:
            held = tuple(
                n for n in names if np.isfinite(transitions["population"].sel(species=n)).any()
            )
        resampled = "blocks" in results.tree.children
        return cls(
            results=results,
            species=names,
            ruled=tuple(str(s["name"]) for s in results.settings["species"] if s.get("events")),
            with_macrostates=held,
            window=float(results.at_window(window)["window"]),
            longest=results.longest_window,
            level=f"{100 * float(data['onsager_low'].attrs['level']):g}%",
            resampled=resampled,
            has_paths=resampled and "path_slope" in data,
        )

    @cached_property
    def scan(self) -> list[tuple[float, str, xr.Dataset]]:
        """The windows in ps with their labels on axes and their data."""
        found = self.results.decomposition
        return [(float(w), f"{w:g}", found.sel(window=w)) for w in found["window"].values]

    @property
    def diffusive(self) -> bool:
        """Whether transport coefficients are those of the diffusive view."""
        return self.results.has_diffusive_view

    @property
    def whole(self) -> float | None:
        """The window of the transport coefficients, ps; None in the diffusive limit."""
        return None if self.diffusive else self.longest

    @property
    def where(self) -> str:
        """Words on the time over which transport coefficients are read."""
        return "diffusive limit" if self.diffusive else f"windows of {self.longest:g} ps"

    @property
    def charged(self) -> bool:
        """Whether any species carries charge."""
        return any(s["charge"] for s in self.results.settings["species"])

    def number(self, species: str) -> int:
        """Number of a species, for names of files that hold no character of its name."""
        return self.species.index(species) + 1

    def blocks_of(self, window: float) -> int:
        """Number of blocks at a window in ps."""
        return int(self.results.decomposition["blocks"].sel(window=window))
