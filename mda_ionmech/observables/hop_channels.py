"""Channels of hops between sites: rates by site labels, direction and distance, for the result.

A channel is here a pair of site labels from start to end and the distance between the sites. The
rate is the number of hops over the time that carriers spent on sites with the label of the start.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from .. import onsager
from ..lib.run_length import frame_counts, run_blocks
from ..onsager.labelled_run import LabelledRun
from .channel_rates import rates_with_intervals
from .hop_graph import SAME_DISTANCE
from .variable_attributes import variable_attributes

if TYPE_CHECKING:
    import xarray as xr

    from ..events.crystal.site_history import SiteHistory
    from ..onsager.labelled_run import LabelledSpecies

#: Distances are told apart in steps of this, Angstrom, of which there are so many.
_STEP, _STEPS = 1e-3, 2**20
#: Names and units of the variables; those of the first group have intervals.
LONG_NAMES = {
    "hop_rate": ("hops through this channel per carrier on the start label and time", "1/ns"),
    "hop_count": ("number of hops through this channel", "1"),
    "hop_distance": ("distance of the sites, mean over hops in both directions", "angstrom"),
    "site_count": ("number of sites with this label", "1"),
    "site_occupancy": ("mean number of carriers per site with this label", "1"),
}


@dataclass(frozen=True)
class SpeciesChannels:
    """Channels of one species.

    Attributes
    ----------
    labels : tuple of str
        Labels of the sites.
    sites, occupancy : numpy.ndarray
        Shape (labels,): number of sites, and mean number of carriers on each.
    start, end : numpy.ndarray
        Shape (channels,): number of the label at each end.
    distance : numpy.ndarray
        Shape (channels,), Angstrom: mean of both directions.
    count : numpy.ndarray
        Shape (channels,).
    rate, low, high : numpy.ndarray
        Shape (channels,), 1/ns.
    """

    labels: tuple[str, ...]
    sites: np.ndarray
    occupancy: np.ndarray
    start: np.ndarray
    end: np.ndarray
    distance: np.ndarray
    count: np.ndarray
    rate: np.ndarray
    low: np.ndarray
    high: np.ndarray

    def names(self) -> list[str]:
        """Name of every channel, e.g. ``24d->48g 2.04 A``.

        With the lengths of both labels where labels hold arrows themselves, so that all differ.
        """
        ends = [(self.labels[a], self.labels[b]) for a, b in zip(self.start, self.end, strict=True)]
        unclear = any("->" in label for label in self.labels)
        return [
            f"{a}->{b} {d:.2f} A" + (f" ({len(a)}+{len(b)})" if unclear else "")
            for (a, b), d in zip(ends, self.distance, strict=True)
        ]


def _hops(
    history: SiteHistory, label: np.ndarray
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Labels with the distance as one number, distance and step of all hops, by carriers.

    The number is (first label x labels + last label) x `_STEPS` + distance in `_STEP`.
    """
    n_labels = len(history.shells.types)
    for begin, end in run_blocks(history.occupied.offsets):
        mine = history.occupied.part(begin, end)
        goes_on = np.ones(len(mine.value), dtype=bool)  # whether a run continues the one before
        goes_on[mine.offsets[:-1]] = False
        at = np.flatnonzero(goes_on)
        before, after = mine.value[at - 1], mine.value[at]
        # a nearer image of the same site, while no other site was held, is no hop
        hops = history.site[before] != history.site[after]
        at, before, after = at[hops], before[hops], after[hops]
        length = np.linalg.norm(history.where[after] - history.where[before], axis=1)
        pair = label[before].astype(np.int64) * n_labels + label[after]
        rounded = np.minimum(np.rint(length / _STEP), _STEPS - 1).astype(np.int64)
        yield pair * _STEPS + rounded, length, mine.start[at] - 1


def _distance_classes(pair: np.ndarray, length: np.ndarray) -> np.ndarray:
    """Class of every distance: those of one pair of labels that follow one another closely.

    Parameters
    ----------
    pair : numpy.ndarray
        Shape (distances,): the two labels, in either direction.
    length : numpy.ndarray
        Shape (distances,), Angstrom.
    """
    order = np.lexsort((length, pair))
    new = (np.diff(pair[order]) != 0) | (np.diff(length[order]) > SAME_DISTANCE)
    out = np.empty(len(pair), dtype=np.int64)
    out[order] = np.concatenate([[0], np.cumsum(new)])
    return out


def channels_of(run: LabelledRun, one: LabelledSpecies) -> SpeciesChannels | None:
    """Channels of a species whose events are hops between given sites; None without hops.

    Both directions of a channel are listed, also where one of them has no hops.

    Cost: linear in the hops, and in labels x frames.

    Parameters
    ----------
    run : LabelledRun
    one : LabelledSpecies
    """
    history = one.history
    if history is None or one.in_cages:
        return None
    shells = history.shells
    label, n_labels = shells.kind[history.site], len(shells.types)
    key = np.empty(0, dtype=np.int64)
    for keys, _, _ in _hops(history, label):
        key = np.union1d(key, keys)
    if not len(key):
        return None
    ends, length = np.divmod(key, _STEPS)
    start, end = np.divmod(ends, n_labels)
    pair = np.minimum(start, end) * n_labels + np.maximum(start, end)
    # classes are numbered over all pairs, so that only the direction is to be added
    shell = _distance_classes(pair, length * _STEP)
    forward, backward = shell * n_labels + start, shell * n_labels + end
    found, one_of = np.unique(np.concatenate([forward, backward]), return_index=True)
    channel, n_channels = np.searchsorted(found, forward), len(found)
    begins, ends = (np.concatenate(x)[one_of] for x in ((start, end), (end, start)))
    n_steps = run.n_frames - 1
    plan = onsager.plan_blocks(n_steps, 1)
    edges = np.arange(0, n_steps, plan.sub_block)
    changes, length_sum = np.zeros((len(edges), n_channels)), np.zeros(n_channels)
    for keys, lengths, step in _hops(history, label):
        mine = channel[np.searchsorted(key, keys)]
        row = step // plan.sub_block * n_channels + mine
        changes += np.bincount(row, minlength=changes.size).reshape(changes.shape)
        length_sum += np.bincount(mine, lengths, minlength=n_channels)
    held = frame_counts(history.occupied, n_labels, label)[:, :-1]
    exposure = np.add.reduceat(held, edges, axis=1).T * run.dt * 1e-3
    per_step = np.bincount(np.arange(n_steps) // plan.sub_block)
    leaving = changes @ (begins[:, None] == np.arange(n_labels))
    plan = onsager.lengthen_blocks(plan, leaving / per_step[:, None])
    rate, low, high = rates_with_intervals(
        changes, exposure[:, begins], plan, seed=run.seed, level=run.level
    )
    count, both = changes.sum(axis=0), found // n_labels
    distance = np.bincount(both, length_sum) / np.bincount(both, count)
    sites = np.bincount(shells.kind, minlength=n_labels).astype(float)
    return SpeciesChannels(
        labels=shells.types,
        sites=sites,
        occupancy=held.mean(axis=1) / np.maximum(sites, 1),
        start=begins,
        end=ends,
        distance=distance[both],
        count=count,
        rate=rate,
        low=low,
        high=high,
    )


def hop_channels_dataset(run: LabelledRun) -> xr.Dataset | None:
    """Channels of all species with hops between sites; None where there is none.

    Parameters
    ----------
    run : LabelledRun

    Returns
    -------
    xarray.Dataset or None
        Group ``hop_channels`` of the result.
    """
    import xarray as xr

    known = {k: c for k, one in enumerate(run.species) if (c := channels_of(run, one))}
    if not known:
        return None
    names: dict[str, tuple[str, str]] = {}
    for one in known.values():
        for name, a, b in zip(one.names(), one.start, one.end, strict=True):
            names[name] = one.labels[a], one.labels[b]
    labels = list(dict.fromkeys(label for one in known.values() for label in one.labels))
    listed = list(names)
    of_channels = {
        name: np.full((len(run.species), len(names)), np.nan)
        for name in ("hop_rate", "hop_rate_low", "hop_rate_high", "hop_count", "hop_distance")
    }
    of_sites = {
        name: np.full((len(run.species), len(labels)), np.nan)
        for name in ("site_count", "site_occupancy")
    }
    for k, one in known.items():
        at = [listed.index(name) for name in one.names()]
        columns = one.rate, one.low, one.high, one.count, one.distance
        for name, values in zip(of_channels, columns, strict=True):
            of_channels[name][k, at] = values
        at = [labels.index(name) for name in one.labels]
        of_sites["site_count"][k, at] = one.sites
        of_sites["site_occupancy"][k, at] = one.occupancy
    about = partial(variable_attributes, LONG_NAMES, level=run.level)
    data = {n: (["species", "channel"], v, about(n)) for n, v in of_channels.items()}
    data |= {n: (["species", "site_label"], v, about(n)) for n, v in of_sites.items()}
    ends = list(zip(*names.values(), strict=True))
    return xr.Dataset(
        data,
        coords={
            "species": run.names,
            "channel": listed,
            "site_label": labels,
            "label_start": ("channel", list(ends[0])),
            "label_end": ("channel", list(ends[1])),
        },
    )
