"""Sums over time origins at many lags, for transport coefficients in the diffusive limit.

One set of sums for each resolution: the event-resolved paths of that resolution, correlated with
the collective displacement at every lag of a grid with three lags to each doubling.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .block_bootstrap import BlockPlan
from .coefficients import System
from .path_sums import lagged_products

if TYPE_CHECKING:
    import xarray as xr

#: Most sub-blocks of origins.
MOST_SUB_BLOCKS = 120
#: The longest lag as a fraction of the trajectory.
LONGEST = 10


@dataclass(frozen=True)
class LagSums:
    """Sums of one resolution at all lags, per sub-block of origins.

    Rows are the (species, label) pairs of the path view; B sub-blocks, L lags, R rows, S species.

    Attributes
    ----------
    resolution : int
        Frames.
    lags : tuple of int
        Frames, whole multiples of the resolution.
    sub_block : int
        Origins per sub-block.
    segments : tuple of int
        Sub-blocks of each independent trajectory.
    origins : numpy.ndarray
        Shape (B, L): number of time origins.
    marginal : numpy.ndarray
        Shape (B, L, R, S), A^2: sum of [P^row(t + T) - P^row(t)] . D_B(t, T).
    total : numpy.ndarray
        Shape (B, L, S, S), A^2: sum of D_A(t, T) . D_B(t, T), without labels.
    """

    resolution: int
    lags: tuple[int, ...]
    sub_block: int
    segments: tuple[int, ...]
    origins: np.ndarray
    marginal: np.ndarray
    total: np.ndarray

    @property
    def frames(self) -> tuple[int, ...]:
        """Frames of each independent trajectory."""
        ends = np.cumsum(self.segments)
        first = np.split(self.origins[:, 0], ends[:-1])
        return tuple(int(n.sum()) + self.lags[0] for n in first)

    def plan(self, per_block: int) -> BlockPlan:
        """Blocks of so many sub-blocks, within each trajectory.

        Parameters
        ----------
        per_block : int

        Returns
        -------
        BlockPlan
        """
        return BlockPlan(
            sub_block=self.sub_block,
            n_sub_blocks=sum(self.segments),
            n_blocks=sum(n // per_block for n in self.segments),
            per_block=per_block,
            segments=self.segments if len(self.segments) > 1 else (),
        )


def lag_grids(resolutions: Sequence[int], n_frames: int) -> dict[int, tuple[int, ...]]:
    """Lags of every resolution: those of its own grid, and those of the grids of its multiples.

    Resolutions that divide one another so have lags in common.

    Parameters
    ----------
    resolutions : sequence of int
        Frames.
    n_frames : int
        Length of the trajectory; the longest lag is a tenth of it.

    Returns
    -------
    dict of int to tuple of int
        Multiples 1, 2, 3, 4, 5, 6, 8, 10, 12, 16, ... of the resolution, in frames; resolutions
        with fewer than three are left out.
    """
    steps = sorted({m * 2**k // 4 for m in (4, 5, 6) for k in range(40) if m * 2**k % 4 == 0})
    longest = n_frames // LONGEST
    own = {n: {s * n for s in steps if s * n <= longest} for n in resolutions}
    grids = {
        n: tuple(sorted(set().union(*(own[m] for m in resolutions if m % n == 0))))
        for n in resolutions
    }
    return {n: lags for n, lags in grids.items() if len(lags) >= 3}


def lag_sums(
    path: np.ndarray, collective: np.ndarray, resolution: int, lags: Sequence[int]
) -> LagSums:
    """Sums of one resolution at several lags.

    Cost: R S per origin and lag, independent of the number of carriers.

    Parameters
    ----------
    path : numpy.ndarray
        Shape (rows, 3, frames), from `event_paths`.
    collective : numpy.ndarray
        Shape (species, 3, frames), Angstrom: sum of the positions of all carriers of a species.
    resolution : int
        Frames.
    lags : sequence of int
        Frames.

    Returns
    -------
    LagSums
    """
    n_rows, n_species, n_frames = len(path), len(collective), collective.shape[-1]
    sub_block = max(-(-n_frames // MOST_SUB_BLOCKS), resolution)
    n_blocks = -(-(n_frames - min(lags)) // sub_block)
    origins = np.zeros((n_blocks, len(lags)))
    marginal = np.zeros((n_blocks, len(lags), n_rows, n_species))
    total = np.zeros((n_blocks, len(lags), n_species, n_species))
    for k, lag in enumerate(lags):
        sums = lagged_products(path, collective, lag, sub_block, n_blocks)
        for target, one in zip((origins, marginal, total), sums, strict=True):
            target[:, k] = one
    return LagSums(resolution, tuple(lags), sub_block, (n_blocks,), origins, marginal, total)


def lag_residual(sums: LagSums, system: System, squared: Mapping[int, np.ndarray]) -> float:
    """Largest violation of additivity over all lags; see `residual`.

    Parameters
    ----------
    sums : LagSums
    system : System
        With the rows of the path view.
    squared : mapping of int to numpy.ndarray
        Shape (species,), A^2, by lag in frames: as for `path_residual`. A lag that is not there is
        compared with the next shorter one, whose mean squares are smaller.

    Returns
    -------
    float
        NaN where a sum is not finite.
    """
    worst = 0.0
    known = np.array(sorted(squared))
    for k, lag in enumerate(sums.lags):
        own = squared[int(known[known <= lag].max())]
        scale = np.sqrt(own[:, None] * own)
        gap = np.zeros(sums.total.shape[2:])
        np.add.at(gap, system.row_species, sums.marginal[:, k].sum(axis=0))
        gap = np.abs(gap - sums.total[:, k].sum(axis=0)) / sums.origins[:, k].sum()
        relative = np.divide(gap, scale, out=np.zeros_like(gap), where=scale != 0)
        worst = np.maximum(worst, relative.max())
    return float(worst)


def join_lags(parts: Sequence[LagSums]) -> LagSums | None:
    """The sums of independent trajectories; None where they have fewer than three lags in common.

    Parameters
    ----------
    parts : sequence of LagSums
        Of one resolution.

    Returns
    -------
    LagSums or None
    """
    lags = sorted(set.intersection(*(set(one.lags) for one in parts)))
    if len(lags) < 3:
        return None
    at = [[one.lags.index(t) for t in lags] for one in parts]
    return LagSums(
        resolution=parts[0].resolution,
        lags=tuple(lags),
        sub_block=max(one.sub_block for one in parts),
        segments=tuple(n for one in parts for n in one.segments),
        **{
            name: np.concatenate(
                [getattr(one, name)[:, k] for one, k in zip(parts, at, strict=True)]
            )
            for name in ("origins", "marginal", "total")
        },
    )


def lags_to_tree(parts: Sequence[LagSums]) -> xr.DataTree:
    """The sums as a labelled tree, one group to each resolution."""
    import xarray as xr

    children = {}
    for one in parts:
        segment = np.repeat(np.arange(len(one.segments), dtype=np.int32), one.segments)
        data = xr.Dataset(
            {
                "lag": ("lag_number", np.array(one.lags)),
                "segment_of": ("sub_block", segment),
                "origins": (("sub_block", "lag_number"), one.origins),
                "marginal": (("sub_block", "lag_number", "path_row", "species_2"), one.marginal),
                "total": (("sub_block", "lag_number", "species", "species_2"), one.total),
            },
            attrs={"resolution": one.resolution, "sub_block_origins": one.sub_block},
        )
        children[f"resolution_{one.resolution}"] = xr.DataTree(data)
    return xr.DataTree(children=children)


def lags_from_tree(tree: xr.DataTree) -> tuple[LagSums, ...]:
    """The sums from a tree of `lags_to_tree`.

    Raises
    ------
    KeyError
        If the tree was not made by it.
    """
    out = []
    for child in tree.children.values():
        data = child.to_dataset()
        out.append(
            LagSums(
                resolution=int(data.attrs["resolution"]),
                lags=tuple(int(n) for n in data["lag"].values),
                sub_block=int(data.attrs["sub_block_origins"]),
                segments=tuple(int(n) for n in np.bincount(data["segment_of"].values)),
                origins=data["origins"].values,
                marginal=data["marginal"].values,
                total=data["total"].values,
            )
        )
    return tuple(sorted(out, key=lambda one: one.resolution))
