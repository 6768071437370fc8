r"""Shares in the diffusive limit with the filters next to those of a run.

Carriers are labelled again from the stored contacts, with two other times of persistence and two
other pairs of radii. Displacements, lags and weights are those of the run,

.. math:: s_e = \frac{\sum_k w_k K_e(T_k; \delta)}{\sum_k w_k K(T_k)},

so that shares of two choices have one denominator, and differ by their labels alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import xarray as xr

from ..events import CrystalEvents
from ..lib.frozen import changed
from ..lib.whole_frames import whole_frames
from ..microstates import CageAssignment, CutoffShell, Detector, HullShell, SiteAssignment
from ..microstates.contacts import SAME_RADIUS
from ..microstates.sites.core_radii import NEIGHBOURS
from ..onsager.block_bootstrap import BlockPlan, normal_samples, resampling_weights
from ..onsager.lag_sums import LagSums
from ..onsager.path_sums import event_paths, lagged_products
from ..onsager.products import product
from ..onsager.window_kernels import collective_path
from ..onsager.window_sums import labelled_steps
from ..results.diffusive_view import weights_at
from ..results.elementary import reading_resolution
from ..results.estimates import LONG_NAMES
from ..results.recommend import no_reading
from ..results.results import Results
from .gathered_run import GatheredRun
from .labelling import label

#: Detectors whose contacts can be assembled with other filters.
_KNOWN = tuple(
    kind.assemble for kind in (Detector, CutoffShell, HullShell, SiteAssignment, CageAssignment)
)


@dataclass(frozen=True)
class Filters:
    """One choice of filters.

    Attributes
    ----------
    name : str
        As it is spoken of, e.g. ``persistence 2 ps``.
    options : mapping
        Of `label`.
    """

    name: str
    options: Mapping[str, Any]


@dataclass(frozen=True)
class _Reading:
    """Sums and weights behind the shares of one species; samples of all choices are alike.

    Attributes
    ----------
    sums : LagSums
        Of the resolution of the labels.
    lags : list of int
        Frames.
    weights : numpy.ndarray
        Shape (lags,), 1/frame.
    parts, total, origins : numpy.ndarray
        Shape (sub-blocks, lags, labels), (sub-blocks, lags) and (sub-blocks, lags): of the run.
    times : numpy.ndarray
        Shape (samples, sub-blocks): how often each enters a resampled sum.
    plan : BlockPlan
    """

    sums: LagSums
    lags: list[int]
    weights: np.ndarray
    parts: np.ndarray
    total: np.ndarray
    origins: np.ndarray
    times: np.ndarray
    plan: BlockPlan

    @classmethod
    def of(cls, results: Results, species: int) -> _Reading:
        """The reading of a species."""
        data, blocks = results.decomposition, results.blocks
        about = data["diffusive_onsager"].attrs
        resolution = reading_resolution(data, blocks, species)
        sums = next(one for one in blocks.lags if one.resolution == resolution)
        lags, weights = weights_at(data, blocks, sums)
        at = [sums.lags.index(t) for t in lags]
        rows = np.flatnonzero(blocks.path_rows[0] == species)
        plan = sums.plan(max(len(sums.origins) // max(int(about["blocks"]), 1), 1))
        return cls(
            sums=sums,
            lags=lags,
            weights=weights,
            parts=sums.marginal[:, at][:, :, rows, species],
            total=sums.total[:, at, species, species],
            origins=sums.origins[:, at],
            times=resampling_weights(plan, blocks.rng(sums.resolution, species, 2)),
            plan=plan,
        )

    def compared(self, parts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Shares of other parts, and standard errors of their differences, each (labels,)."""
        everything = np.ones((1, len(parts)))
        share = self._over_total(parts, everything)[0]
        gap = self._over_total(parts - self.parts, everything)[0]
        drawn = self._over_total(parts - self.parts, self.times)
        rng = np.random.default_rng(0)
        return share, normal_samples(gap, drawn, self.plan, rng).std(axis=0)

    def _over_total(self, parts: np.ndarray, times: np.ndarray) -> np.ndarray:
        """Weighted sums over lags of parts over those of the total, (samples, labels)."""
        n_lags, n_labels = parts.shape[1:]
        with np.errstate(invalid="ignore", divide="ignore"):
            weights = self.weights / product(times, self.origins)
            whole = np.sum(weights * product(times, self.total), axis=1)
            some = product(times, parts.reshape(len(parts), -1)).reshape(-1, n_lags, n_labels)
            return np.asarray(np.einsum("nl,nlr->nr", weights, some) / whole[:, None])


def add_filters(gathered: GatheredRun, results: Results) -> None:
    """Add the group filters to a result: shares of the events with neighbouring filters.

    None where no species has a reading, an event rule and filters.

    Cost: for each choice, labelling of one species and one pass over its carriers x frames.

    Parameters
    ----------
    gathered : GatheredRun
    results : Results
        Of the run.
    """
    if not results.has_diffusive_view:
        return
    data, blocks = results.decomposition, results.blocks
    found: dict[tuple[int, str], tuple[np.ndarray, np.ndarray]] = {}
    for k, one in enumerate(gathered.species):
        if one.events is None or k not in gathered.contacts or no_reading(data, k):
            continue
        if getattr(type(one.microstates), "assemble", None) not in _KNOWN:
            continue
        reading, alone = _Reading.of(results, k), _alone(gathered, k)
        for choice in neighbours(gathered, k):
            found[k, choice.name] = reading.compared(_parts(alone, k, choice, reading))
    if not found:
        return
    names = list(dict.fromkeys(name for _, name in found))
    shape = len(blocks.names), len(names), len(blocks.events)
    values = {name: np.full(shape, np.nan) for name in ("filter_share", "filter_share_error")}
    for (k, name), parts in found.items():
        events = blocks.path_rows[1][blocks.path_rows[0] == k]
        for target, part in zip(values.values(), parts, strict=True):
            target[k, names.index(name), events] = part
    dims = ["species", "filter", "event"]
    about = {name: {"units": "1", "long_name": LONG_NAMES[name]} for name in values}
    data = xr.Dataset(
        {name: (dims, value, about[name]) for name, value in values.items()},
        coords={"species": list(blocks.names), "filter": names, "event": list(blocks.events)},
    )
    results.tree["filters"] = xr.DataTree(data)


def neighbours(gathered: GatheredRun, species: int) -> Iterator[Filters]:
    """The filters next to those of a species, as far as its stored contacts allow.

    Persistence of half and twice the time, of one and two frames where there is none; radii
    recorded next to the cutoffs, else the inner and the outer radius of a hysteresis alone;
    other radii of cores, and nearest sites in their place.

    Parameters
    ----------
    gathered : GatheredRun
    species : int
    """
    detector, dt = gathered.species[species].microstates, gathered.paths.dt
    assert detector is not None
    wait = whole_frames(getattr(detector, "persistence", None) or 0.0, dt)
    for frames in (wait // 2, 2 * wait) if wait else (1, 2):
        yield Filters(f"persistence {frames * dt:g} ps", {"persistence": frames * dt})
    if isinstance(detector, CutoffShell):
        for name, inner, outer in _radii(detector):
            yield Filters(name, {"radii": {species: {"inner": inner, "outer": outer}}})
    elif isinstance(detector, SiteAssignment) and detector.assignment == "core":
        assert detector.settled is not None
        for factor in NEIGHBOURS:
            if (radius := detector.settled.radius_beside(factor)) is not None:
                yield Filters(f"cores of {radius:.2f} A", {"radii": {species: {"r_core": radius}}})
        if not wait:
            yield Filters("nearest sites", {"filtered": False})


def _radii(shell: CutoffShell) -> Iterator[tuple[str, dict[str, float], dict[str, float]]]:
    """Pairs of inner and outer radii next to those in use."""
    if not any(shell.recorded.values()):
        if shell.inner != shell.outer:
            yield "inner radii alone", dict(shell.inner), dict(shell.inner)
            yield "outer radii alone", dict(shell.outer), dict(shell.outer)
        return
    for side in (-1, 1):
        inner, outer = dict(shell.inner), dict(shell.outer)
        for kind in shell.recorded:
            gaps = shell.radii(kind) - shell.inner[kind]
            gaps = np.sort(side * gaps[side * gaps > SAME_RADIUS])
            if not len(gaps):
                continue
            inner[kind] += side * float(gaps[0])
            moved = outer[kind] + side * float(gaps[0])
            outer[kind] = max(moved if shell.is_recorded(kind, moved) else outer[kind], inner[kind])
        if inner != shell.inner:
            named = ", ".join(f"{kind} {radius:g} A" for kind, radius in inner.items())
            yield f"cutoffs {named}", inner, outer


def _alone(gathered: GatheredRun, species: int) -> GatheredRun:
    """The record with the contacts of one species, and those whose hops are linked with its own."""
    crystal = isinstance(gathered.species[species].events, CrystalEvents)
    kept = {
        k: contacts
        for k, contacts in gathered.contacts.items()
        if k == species or (crystal and isinstance(gathered.species[k].events, CrystalEvents))
    }
    plain = tuple(changed(one, macrostates=None) for one in gathered.species)
    return replace(gathered, species=plain, contacts=kept)


def _parts(gathered: GatheredRun, species: int, choice: Filters, reading: _Reading) -> np.ndarray:
    """Sums behind the shares with other filters, shape (sub-blocks, lags, labels)."""
    labels = label(gathered, **choice.options).species[species].labels
    sums = reading.sums
    path = event_paths(labelled_steps(labels, sums.resolution), sums.resolution)
    whole = collective_path(labels.position)[None]
    found = [
        lagged_products(path, whole, lag, sums.sub_block, len(sums.origins))[1]
        for lag in reading.lags
    ]
    return np.stack(found, axis=1)[..., 0]
