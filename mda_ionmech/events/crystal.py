"""Events of ions on sites: no hop, single-ion hop, concerted multi-ion hop, exchange.

A joint rule: the hops of all carriers in one window are linked into clusters, and a carrier's
label depends on the cluster it belongs to.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import InputError
from ..microstates import Shell, ShellTable
from .base import EventRule
from .clusters import find_exchanges, label_hops

LINKINGS = ("chain", "proximity")
#: Summed site vectors of an exchange vanish within this, Angstrom.
_CLOSED = 1e-3


@dataclass(frozen=True)
class SiteHistory:
    """What a joint rule sees of one species on sites.

    Attributes
    ----------
    state : numpy.ndarray
        Shape (carriers, frames), int32: site held.
    path : numpy.ndarray
        Shape (carriers, 3, frames), Angstrom: unwrapped position of the site held.
    shells : ShellTable
        The sites; `kind` is the label of each.
    distances : numpy.ndarray
        Shape (sites, sites), Angstrom.
    """

    state: np.ndarray
    path: np.ndarray
    shells: ShellTable
    distances: np.ndarray


class CrystalEvents(EventRule):
    """No hop, single-ion hop, multi-ion hop, exchange, from the sites at both ends of a window.

    - ``no_hop``: the same site at both ends (flag ``back_hop`` if it left and returned);
    - ``single_ion_hop``: another site, and no other hop is linked to it;
    - ``multi_ion_hop``: a cluster of two or more linked hops;
    - ``exchange``: a cluster whose set of sites is unchanged and whose summed site vectors are
      zero; a chain that winds round the cell is a multi-ion hop.

    Cost: linear in hops and their links, for every origin and window (numba union-find).

    Parameters
    ----------
    linking : {"chain", "proximity"}
        ``chain``: the site one carrier leaves is the site another enters. ``proximity``: a start or
        end site of one is within `distance` of a start or end site of the other, from the fixed
        list of neighbouring sites.
    distance : float, optional
        Angstrom, for ``proximity``.
    detail : {None, "channel"}
        ``channel`` labels hops by the site labels of their ends instead, e.g. ``24d->48g``.

    Notes
    -----
    Independent hops fall into one window by chance, and site exclusion alone makes vacancy motion
    look like chains: read `multi_fraction` beside `multi_fraction_circular` and
    `multi_fraction_exclusion`, and never without its window.
    """

    names = ("no_hop", "single_ion_hop", "multi_ion_hop", "exchange")
    flag_names = ("back_hop",)
    joint = True

    def __init__(
        self, linking: str = "chain", distance: float | None = None, *, detail: str | None = None
    ) -> None:
        if linking not in LINKINGS:
            raise InputError(f"linking must be one of {LINKINGS}, got {linking!r}")
        if linking == "chain" and distance is not None:
            raise InputError("distance has no meaning with linking='chain'; leave it out")
        if linking != "chain" and (distance is None or not distance > 0):
            raise InputError(
                f"linking={linking!r} needs distance=... in Angstrom above 0, got {distance!r}"
            )
        if detail not in (None, "channel"):
            raise InputError(f"detail must be None or 'channel', got {detail!r}")
        self.linking, self.distance, self.detail = linking, distance, detail

    def label(self, before: Shell, after: Shell) -> str:
        """The label of a carrier whose hop no other is linked to."""
        moved = not np.array_equal(before.atoms, after.atoms)
        if self.detail == "channel" and moved:
            return f"{before.types[0]}->{after.types[0]}"
        return "single_ion_hop" if moved else "no_hop"

    def names_for(self, label_names: tuple[str, ...]) -> tuple[str, ...]:
        """Event classes on sites with these labels."""
        if self.detail is None:
            return self.names
        return ("no_hop", *(f"{a}->{b}" for a in label_names for b in label_names))

    def check(self, ligand_types: tuple[str, ...]) -> None:
        if ligand_types != ("framework",):
            raise InputError(
                "CrystalEvents needs microstates=SiteAssignment...: it compares sites, not shells"
            )

    def near_sites(self, distances: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Neighbour list of the sites; empty offsets stand for the chain rule."""
        if self.linking == "chain":
            return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
        assert self.distance is not None
        site, near = np.nonzero(distances <= self.distance)
        offsets = np.searchsorted(site, np.arange(len(distances) + 1))
        return offsets.astype(np.int64), near.astype(np.int64)

    def label_window(
        self, history: SiteHistory, window: int, hidden: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Labels of all carriers and origins of one window length.

        Parameters
        ----------
        history : SiteHistory
        window : int
            Frames.
        hidden : numpy.ndarray, optional
            Shape (carriers,): frame of a seam in each record, -1 for none.

        Returns
        -------
        label : numpy.ndarray
            Shape (carriers, origins), int8: place in `names`.
        cluster : numpy.ndarray
            Shape (carriers, origins), int32: a number shared by the carriers of one cluster, -1
            where there is no hop.
        """
        n_carriers, n_frames = history.state.shape
        label = np.empty((n_carriers, n_frames - window), dtype=np.int8)
        cluster = np.empty((n_carriers, n_frames - window), dtype=np.int32)
        if hidden is None:
            hidden = np.full(n_carriers, -1, dtype=np.int64)
        offsets, near = self.near_sites(history.distances)
        label_hops(history.state, window, offsets, near, hidden, label, cluster)
        find_exchanges(history.state, history.path, window, _CLOSED, label, cluster)
        return label, cluster

    def event_codes(self, history: SiteHistory, window: int, label: np.ndarray) -> np.ndarray:
        """Place of every carrier and origin in `names_for`, shape (carriers, origins), int64."""
        if self.detail is None:
            return label.astype(np.int64)
        kind = history.shells.kind[history.state]
        n = len(history.shells.types)
        channel = 1 + kind[:, :-window] * n + kind[:, window:]
        return np.where(label == 0, 0, channel)

    def describe(self) -> dict[str, Any]:
        return super().describe() | {
            "linking": self.linking,
            "distance_angstrom": self.distance,
            "detail": self.detail,
        }
