"""Distribution of the displacements of each event, and which of them carry the transport.

A carrier whose displacement in a window is d_i contributes d_i . sum_j d_j to the Onsager
coefficient of its species. Sorted by |d_i| and by event these products sum to the coefficient.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import onsager
from ..lib.checks import shown
from ..lib.errors import InputError
from ..lib.frame_blocks import frames_at_once, origin_blocks
from ..lib.kernels import kernel
from ..onsager.carrier_labels import CarrierLabels
from ..onsager.labelled_run import LabelledRun
from ..onsager.products import product
from .event_labels import codes_between
from .variable_attributes import variable_attributes

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

#: Most bins where none are given.
BINS = 40
#: Names and units of the variables; the last one has intervals.
LONG_NAMES = {
    "bin_width": ("width of the bins of displacements, from 0 on", "angstrom"),
    "displacement_count": ("carrier-windows with this label and a displacement in the bin", "1"),
    "displacement_share": ("part of L_AA carried by them", "1"),
}


@kernel
def _longest_square(before, after):  # type: ignore[no-untyped-def]
    """The largest squared distance of before and after, (carriers, 3, origins)."""
    longest = 0.0
    for c in range(before.shape[0]):
        for t in range(before.shape[2]):
            x = after[c, 0, t] - before[c, 0, t]
            y = after[c, 1, t] - before[c, 1, t]
            z = after[c, 2, t] - before[c, 2, t]
            longest = max(longest, x * x + y * y + z * z)
    return longest


@kernel
def _add_displacements(  # type: ignore[no-untyped-def]
    before, after, code, whole, edges, sub_block, carried, counted, squares
):
    """Add the displacements from before to after (carriers, 3, origins) to the bins of their label.

    code (carriers, origins): label; whole (3, origins): displacement of all carriers together;
    edges (bins + 1,), Angstrom, rising from 0, the last bin takes what is longer; sub_block
    (origins,): number of the sub-block. Adds to carried (sub-blocks, labels, bins) the products
    with the whole, to counted (labels, bins), and to squares (2, labels) second and fourth powers.
    """
    n_bins = edges.shape[0] - 1
    for c in range(before.shape[0]):
        for t in range(before.shape[2]):
            x = after[c, 0, t] - before[c, 0, t]
            y = after[c, 1, t] - before[c, 1, t]
            z = after[c, 2, t] - before[c, 2, t]
            square = x * x + y * y + z * z
            length = np.sqrt(square)
            b = min(int(length * n_bins / edges[n_bins]), n_bins - 1)  # right where bins are even
            while b + 1 < n_bins and length >= edges[b + 1]:
                b += 1
            while length < edges[b]:
                b -= 1
            e = code[c, t]
            carried[sub_block[t], e, b] += x * whole[0, t] + y * whole[1, t] + z * whole[2, t]
            counted[e, b] += 1.0
            squares[0, e] += square
            squares[1, e] += square * square


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


@dataclass(frozen=True)
class Spectrum:
    """Displacements of one species in windows of one length, by event and length.

    Attributes
    ----------
    edges : numpy.ndarray
        Shape (bins + 1,), Angstrom.
    count : numpy.ndarray
        Shape (events, bins): carrier-windows.
    share, low, high : numpy.ndarray
        Shape (events, bins): part of the Onsager coefficient with its interval.
    squares : numpy.ndarray
        Shape (2, events): sums of the second (A^2) and fourth powers of the displacements.
    """

    edges: np.ndarray
    count: np.ndarray
    share: np.ndarray
    low: np.ndarray
    high: np.ndarray
    squares: np.ndarray


def spectrum_of(
    run: LabelledRun, index: int, n: int, bins: int | Sequence[float] | None = None
) -> Spectrum:
    """Displacements of species number `index` in windows of n frames.

    Cost: two passes over carriers x origins, and 400 resamples of sub-blocks x events x bins.

    Parameters
    ----------
    run : LabelledRun
    index, n : int
    bins : int or sequence of float, optional
        As of `OnsagerDecomposition.displacement_spectrum`.

    Returns
    -------
    Spectrum
    """
    one = run.species[index]
    r = one.labels.position
    edges = _edges(bins, r, n)
    path = onsager.collective_path(r)
    n_origins = run.n_frames - n
    plan = onsager.plan_blocks(n_origins, 2 * n)
    carried = np.zeros((plan.n_sub_blocks, len(one.events), len(edges) - 1))
    counted, squares = np.zeros(carried.shape[1:]), np.zeros((2, len(one.events)))
    for first, last, codes in label_blocks(one.labels, n):
        whole = path[:, first + n : last + n] - path[:, first:last]
        ends = r[:, :, first:last], r[:, :, first + n : last + n]
        sub_block = np.arange(first, last) // plan.sub_block
        _add_displacements(*ends, codes, whole, edges, sub_block, carried, counted, squares)
    origins = np.bincount(np.arange(n_origins) // plan.sub_block)
    plan = onsager.lengthen_blocks(plan, (carried.sum(axis=(1, 2)) / origins)[:, None])
    return Spectrum(edges, counted, *_shares(run, plan, carried, counted > 0, n), squares)


def displacement_spectrum(
    run: LabelledRun, index: int, n: int, bins: int | Sequence[float] | None
) -> pd.DataFrame:
    """See `OnsagerDecomposition.displacement_spectrum`; species number `index`, n frames."""
    one = run.species[index]
    found = spectrum_of(run, index, n, bins)
    about = {"species": one.name, "window_ps": n * run.dt, "level": run.level}
    moments = _moments(one.events, found.count.sum(axis=1), found.squares, len(run.axes))
    return spectrum_table(found, one.events, about | {"moments": moments})


def spectrum_table(found: Spectrum, events: Sequence[str], about: dict[str, Any]) -> pd.DataFrame:
    """The displacements of each event and bin as a table.

    Parameters
    ----------
    found : Spectrum
    events : sequence of str
    about : dict
        Attributes of the table.

    Returns
    -------
    pandas.DataFrame
    """
    import pandas as pd

    from ..lib.unit_table import UnitTable

    edges, count = found.edges, found.count
    of_event, width = count.sum(axis=1), np.diff(edges)
    rows = [
        (events[e], edges[b], edges[b + 1], int(count[e, b]), count[e, b] / of_event[e] / width[b],
         found.share[e, b], found.low[e, b], found.high[e, b])
        for e in range(len(events)) for b in range(len(width)) if count[e, b]
    ]  # fmt: skip
    columns = ["event", "from", "to", "count", "density", "share", "share_low", "share_high"]
    table = pd.DataFrame(rows, columns=columns).set_index(columns[:3])
    table.attrs.update(about, units={"density": "1/A"})
    return UnitTable.of(table)


def displacement_dataset(run: LabelledRun, windows: Sequence[int]) -> xr.Dataset | None:
    """Displacements by event and length in a few windows.

    Cost: that of `spectrum_of` for each window.

    Parameters
    ----------
    run : LabelledRun
    windows : sequence of int
        Frames, rising.

    Returns
    -------
    xarray.Dataset or None
        Group ``displacement_spectrum`` of the result; None for a run without event rules.
    """
    import xarray as xr

    ruled = [k for k, one in enumerate(run.species) if one.rule is not None]
    if not ruled:
        return None
    found = {(k, w): spectrum_of(run, k, n) for k in ruled for w, n in enumerate(windows)}
    most = max(one.count.shape[1] for one in found.values())
    shape = len(run.species), len(run.event_names), len(windows), most
    names = ("displacement_count", "displacement_share", "displacement_share_low",
             "displacement_share_high")  # fmt: skip
    parts = {name: np.full(shape, np.nan) for name in names}
    width = np.full((len(run.species), len(windows)), np.nan)
    for (k, w), one in found.items():
        at = [run.event_names.index(event) for event in run.species[k].events]
        width[k, w] = one.edges[1]
        for name, values in zip(names, (one.count, one.share, one.low, one.high), strict=True):
            parts[name][k, at, w, : values.shape[1]] = values
    dims = ["species", "event", "window", "bin"]
    about = partial(variable_attributes, LONG_NAMES, level=run.level)
    data = {name: (dims, values, about(name)) for name, values in parts.items()}
    data["bin_width"] = (["species", "window"], width, about("bin_width"))
    return xr.Dataset(
        data,
        coords={
            "species": run.names,
            "event": list(run.event_names),
            "window": ("window", np.array(windows) * run.dt, {"units": "ps"}),
            "bin": np.arange(most),
        },
    )


def _edges(bins: int | Sequence[float] | None, r: np.ndarray, n: int) -> np.ndarray:
    """Edges of the bins in Angstrom, the last one beyond the longest displacement."""
    longest = 0.0
    for first, last in origin_blocks(r.shape[2], n, frames_at_once(len(r))):
        square = _longest_square(r[:, :, first:last], r[:, :, first + n : last + n])
        longest = max(longest, float(square) ** 0.5)
    beyond = np.nextafter(longest, np.inf)
    if bins is None:
        return _even_edges(beyond)
    if isinstance(bins, int | np.integer):
        if isinstance(bins, bool) or not 1 <= int(bins) <= 1000:
            raise InputError(f"bins must be 1 to 1000 bins, or their edges, got {shown(bins)}")
        return np.linspace(0.0, max(beyond, 1e-6), int(bins) + 1)
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


def _even_edges(beyond: float) -> np.ndarray:
    """Edges in steps of 1, 2 or 5 times a power of ten, at most `BINS` bins."""
    wanted = max(beyond, 1e-6) / BINS
    power = 10.0 ** math.floor(math.log10(wanted))
    width = next(w for w in (1, 2, 5, 10) if w * power >= wanted) * power
    return width * np.arange(math.ceil(beyond / width) + 1)


def _shares(
    run: LabelledRun, plan: Any, carried: np.ndarray, known: np.ndarray, n: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Shares of the coefficient with their intervals, each (events, bins); 0 where not `known`."""
    weights = onsager.resampling_weights(plan, np.random.default_rng([run.seed, n]))
    some = carried[:, known]
    share, low, high = np.zeros((3, *known.shape))
    with np.errstate(divide="ignore", invalid="ignore"):
        share[known] = some.sum(axis=0) / some.sum()
        drawn = product(weights, some)
        drawn /= drawn.sum(axis=1)[:, None]
    low[known], high[known] = onsager.interval(share[known], drawn, plan, run.level)
    return share, low, high


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
