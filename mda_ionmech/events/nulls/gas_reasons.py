"""Why there is no exclusion gas to compare with: a null that cannot move is not evidence."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from ...lib.run_length import LabelRuns
    from ..crystal.site_history import SiteHistory

#: The gas must make this part of the hops of the run, to which its rates are scaled.
MOBILE = 0.5


def why_no_gas(history: SiteHistory, gas: LabelRuns | None) -> str | None:
    """Why the hops of a run cannot be compared with those of an exclusion gas; None if they can.

    Parameters
    ----------
    history : SiteHistory
        Of the run.
    gas : LabelRuns or None
        From `circular_shift.exclusion_gas`.

    Returns
    -------
    str or None
        None also where nothing hops.
    """
    hops = history.occupied.n_changes
    if hops == 0:
        return None
    if history.are_visited:
        return (
            "cages are known only where ions were seen, so that empty ones, into which the ions of "
            "an exclusion gas would hop, are not; give sites (SiteAssignment) for this null"
        )
    ions, places = history.n_carriers, len(np.unique(history.places))
    remedy = "list the empty sites too (other orbits, interstitial sites)"
    if ions > places:
        return (
            f"{ions} ions share {places} sites, and an exclusion gas has one ion on each at most; "
            f"sites are missing: {remedy}"
        )
    if ions == places:
        return (
            f"every one of the {places} sites is filled, so that no ion of an exclusion gas can "
            f"move, and a null that cannot move is not evidence; {remedy}"
        )
    if gas is None and _lacks_own_sites(history):
        return (
            "the ions of one species fill all of its sites, so that no ion of an exclusion gas can "
            f"start or move there, and a null that cannot move is not evidence; {remedy}"
        )
    if gas is None:
        return (
            "no hop of the run leads to a site that is seen empty, so that an exclusion gas has no "
            f"rates, and a null that cannot move is not evidence; analyse more frames, or {remedy}"
        )
    if gas.n_changes < MOBILE * hops:
        return (
            f"an exclusion gas makes {gas.n_changes} hops where the run makes {hops}: nearly all "
            "sites that its ions could reach are filled, and a null that cannot move is not "
            f"evidence; {remedy}"
        )
    return None


def _lacks_own_sites(history: SiteHistory) -> bool:
    """Whether a species of several has no more sites than ions."""
    if history.owner is None:
        return False
    ions = np.diff(history.first)
    return bool(np.any(ions >= np.bincount(history.owner, minlength=len(ions))))
