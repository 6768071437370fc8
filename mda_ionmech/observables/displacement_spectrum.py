"""Distribution of the displacements of each event, and which of them carry the transport.

A carrier whose displacement in a window is d_i contributes d_i . sum_j d_j to the Onsager
coefficient of its species. Sorted by |d_i| and by event these products sum to the coefficient.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import onsager
from ..lib.checks import shown
from ..lib.errors import InputError
from ..lib.frame_blocks import frames_at_once, origin_blocks
from ..onsager.carrier_labels import CarrierLabels
from ..onsager.labelled_run import LabelledRun
from .event_labels import codes_between

if TYPE_CHECKING:
    import pandas as pd

#: Number of bins where none are given.
BINS = 40


def label_blocks(labels: CarrierLabels, n: int) -> Iterator[tuple[int, int, np.ndarray]]:
    """Event codes of windows of n frames, by blocks of time origins.

    Yields
    ------
    first, last : int
        The origins `first` to `last` - 1.
    codes : numpy.ndarray
        Shape (carriers, last - first), integer.
    """
    if labels.joint is not None:
        for block, code, _ in labels.joint.blocks(n):
            yield block.first, block.last, code
        return
    n_carriers, _, n_frames = labels.position.shape
    for first, last in origin_blocks(n_frames, n, frames_at_once(n_carriers)):
        yield first, last, codes_between(labels, first, last, n)


def displacement_spectrum(
    run: LabelledRun, index: int, n: int, bins: int | Sequence[float] | None
) -> pd.DataFrame:
    """See `OnsagerDecomposition.displacement_spectrum`; species number `index`, n frames."""
    import pandas as pd

    from ..lib.unit_table import UnitTable

    one = run.species[index]
    r, names = one.labels.position, one.events
    edges = _edges(bins, r, n)
    n_origins, n_events, n_bins = run.n_frames - n, len(names), len(edges) - 1
    plan = onsager.plan_blocks(n_origins, 2 * n)
    shape = plan.n_sub_blocks, n_events, n_bins
    carried, counted = np.zeros(shape), np.zeros(shape)
    squares = np.zeros((2, n_events))
    for first, last, codes in label_blocks(one.labels, n):
        moved = r[:, :, first + n : last + n] - r[:, :, first:last]
        square = np.einsum("ckt,ckt->ct", moved, moved)
        product = np.einsum("ckt,kt->ct", moved, moved.sum(axis=0))
        place = np.searchsorted(edges, np.sqrt(square), side="right") - 1
        sub_block = np.arange(first, last) // plan.sub_block
        row = ((sub_block * n_events + codes) * n_bins + np.minimum(place, n_bins - 1)).ravel()
        for into, weight in ((carried, product), (counted, np.ones_like(product))):
            into += np.bincount(row, weight.ravel(), minlength=into.size).reshape(shape)
        for k, weight in enumerate((square, square**2)):
            squares[k] += np.bincount(codes.ravel(), weight.ravel(), minlength=n_events)
    share, low, high = _shares(run, plan, carried, n)
    count = counted.sum(axis=0)
    of_event = count.sum(axis=1)
    width = np.diff(edges)
    rows = [
        (names[e], edges[b], edges[b + 1], int(count[e, b]), count[e, b] / of_event[e] / width[b],
         share[e, b], low[e, b], high[e, b])
        for e in range(n_events) for b in range(n_bins) if count[e, b]
    ]  # fmt: skip
    columns = ["event", "from", "to", "count", "density", "share", "share_low", "share_high"]
    table = pd.DataFrame(rows, columns=columns).set_index(columns[:3])
    table.attrs = {
        "species": one.name,
        "window_ps": n * run.dt,
        "level": run.level,
        "moments": _moments(names, of_event, squares, len(run.axes)),
        "units": {"density": "1/A"},
    }
    return UnitTable.of(table)


def _edges(bins: int | Sequence[float] | None, r: np.ndarray, n: int) -> np.ndarray:
    """Edges of the bins in Angstrom, the last one beyond the longest displacement."""
    longest = 0.0
    for first, last in origin_blocks(r.shape[2], n, frames_at_once(len(r))):
        moved = r[:, :, first + n : last + n] - r[:, :, first:last]
        longest = max(longest, float(np.einsum("ckt,ckt->ct", moved, moved).max()) ** 0.5)
    beyond = np.nextafter(longest, np.inf)
    if bins is None or isinstance(bins, int | np.integer):
        number = BINS if bins is None else int(bins)
        if isinstance(bins, bool) or not 1 <= number <= 1000:
            raise InputError(f"bins must be 1 to 1000 bins, or their edges, got {shown(bins)}")
        return np.linspace(0.0, max(beyond, 1e-6), number + 1)
    try:
        edges = np.asarray(bins, dtype=np.float64)
    except (TypeError, ValueError):
        edges = np.zeros(0)
    if edges.ndim != 1 or len(edges) < 2 or edges[0] != 0 or not np.all(np.diff(edges) > 0):
        raise InputError(
            f"bins must be a number of bins, or edges in Angstrom that rise from 0, got "
            f"{shown(bins)}"
        )
    return edges if edges[-1] > longest else np.append(edges, beyond)


def _shares(
    run: LabelledRun, plan: Any, carried: np.ndarray, n: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Shares of the coefficient with their intervals, each (events, bins)."""
    weights = onsager.resampling_weights(plan, np.random.default_rng([run.seed, n]))
    whole = carried.sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = whole / whole.sum()
        drawn = np.einsum("sb,beq->seq", weights, carried)
        drawn /= drawn.sum(axis=(1, 2))[:, None, None]
    return share, *onsager.interval(share, drawn, plan, run.level)


def _moments(
    names: Sequence[str], number: np.ndarray, squares: np.ndarray, dimensions: int
) -> dict[str, dict[str, float]]:
    """Mean square (A^2) and non-Gaussian parameter of the displacements of each event."""
    with np.errstate(divide="ignore", invalid="ignore"):
        mean, fourth = squares / number
        excess = dimensions * fourth / ((dimensions + 2) * mean**2) - 1
    return {
        name: {"mean_square_A2": float(mean[e]), "non_gaussian": float(excess[e])}
        for e, name in enumerate(names)
        if number[e]
    }
