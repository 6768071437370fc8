"""Block sums for one time length: as a window, as a resolution, and of the nulls.

Each length is independent of all others, so that they can be computed in any order, anywhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .. import onsager
from ..events.crystal.crystal_events import LinkedHops
from ..events.nulls.circular_shift import SHIFTS, circular_null, multi_share, on_sites, stretches
from ..lib.run_length import LabelRuns
from ..onsager.block_sums import PathEntry, WindowEntry
from ..onsager.carrier_labels import CarrierLabels
from ..onsager.lag_sums import LagSums, lag_grids, lag_sums


@dataclass(frozen=True)
class LinkedSpecies:
    """Species whose hops may be linked.

    Attributes
    ----------
    members : tuple of int
        Numbers of these species.
    hops : LinkedHops
        Of all of these species.
    gas : LabelRuns or None
        From `exclusion_gas`; None where it cannot be compared with the run.
    why_no_gas : str or None
        Why not.
    """

    members: tuple[int, ...]
    hops: LinkedHops
    gas: LabelRuns | None
    why_no_gas: str | None = None


@dataclass(frozen=True)
class LengthSums:
    """Computes the sums for one length in frames; picklable.

    Cost of a call: `onsager.window_pass`, and `onsager.path_sums` for each horizon.

    Attributes
    ----------
    labels : sequence of CarrierLabels
        One per species.
    collective : numpy.ndarray
        Shape (species, 3, frames), Angstrom: sum of the positions of all carriers of a species.
    windows, resolutions, horizons : tuple of int
        Frames.
    linked : tuple of LinkedSpecies
        Species for which nulls of concertedness are computed.
    seed : int
        Of the nulls.
    """

    labels: Sequence[CarrierLabels]
    collective: np.ndarray
    windows: tuple[int, ...]
    resolutions: tuple[int, ...]
    horizons: tuple[int, ...]
    linked: tuple[LinkedSpecies, ...]
    seed: int

    @property
    def lengths(self) -> list[int]:
        """All lengths, in frames."""
        return sorted({*self.windows, *self.resolutions})

    def __call__(self, n: int) -> tuple[WindowEntry, list[PathEntry], list[LagSums]]:
        """Sums for windows of n frames, and for every horizon and lag at a resolution of n."""
        plan = onsager.plan_blocks(self.collective.shape[-1] - n, 2 * n)
        sums, steps = onsager.window_pass(self.labels, n, plan.sub_block, self.collective)
        means = np.einsum("bssxx->bs", sums.total) / sums.origins[:, None]
        scanned = n in self.windows
        entry = WindowEntry(
            frames=n,
            scanned=scanned,
            sums=sums,
            plan=onsager.lengthen_blocks(plan, means),
            nulls=nulls_of(self.linked, len(self.labels), n, self.seed) if scanned else {},
        )
        if n not in self.resolutions:
            return entry, [], []
        return entry, *self._paths(steps, n)

    def _paths(self, steps: np.ndarray, n: int) -> tuple[list[PathEntry], list[LagSums]]:
        """Every horizon that is a whole number of steps of n frames, and the lags of n frames."""
        out = []
        whole = [h for h in self.horizons if h % n == 0]
        lags = lag_grids(self.resolutions, self.collective.shape[-1]).get(n, ())
        path = onsager.event_paths(steps, n) if whole or lags else steps
        for horizon in whole:
            plan = onsager.plan_blocks(self.collective.shape[-1] - horizon, horizon + n)
            sums = onsager.path_sums(path, self.collective, n, horizon // n, plan.sub_block)
            means = np.einsum("bss->bs", sums.total) / sums.origins[:, None]
            plan = onsager.lengthen_blocks(plan, means)
            out.append(PathEntry(n, horizon // n, sums, plan))
        return out, [lag_sums(path, self.collective, n, lags)] if lags else []


def nulls_of(
    linked: Sequence[LinkedSpecies], n_species: int, n: int, seed: int
) -> dict[str, np.ndarray]:
    """Multi-ion fractions of both nulls in windows of n frames, by realisation.

    Parameters
    ----------
    linked : sequence of LinkedSpecies
    n_species, n, seed : int

    Returns
    -------
    dict of str to numpy.ndarray
        Shape (species, samples); empty without linked species.
    """
    if not linked:
        return {}
    out = {
        name: np.full((n_species, SHIFTS), np.nan)
        for name in ("multi_fraction_circular", "multi_fraction_exclusion")
    }
    for one in linked:
        rows = list(one.members)
        rng = np.random.default_rng([seed, n, one.members[0]])
        rule, history = one.hops.rules[0], one.hops.history
        out["multi_fraction_circular"][rows] = circular_null(rule, history, n, rng)
        if one.gas is None:
            continue
        parts = stretches(history.n_frames, SHIFTS)
        if parts[-1][1] - parts[-1][0] > n:
            gas = on_sites(history, one.gas)
            out["multi_fraction_exclusion"][rows] = np.transpose(
                [multi_share(rule, gas, n, frames=part) for part in parts]
            )
    return out
