"""Warnings about sets of sites that are incomplete or wrong: sums stay exact, labels do not.

Where carriers are far from every site, in sampled frames, before all are read; and a displacement
that no hop accounts for, in the result.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..microstates.sites.off_site import FAR, REACH, SHELLS
from ..onsager.block_bootstrap import percentiles

if TYPE_CHECKING:
    from ..onsager.labelled_run import LabelledRun
    from ..results.estimates import Estimates
    from ..species import IonSpecies

#: Part of the coefficient in the diffusive view that displacements without a hop may carry, and
#: standard errors by which it may differ from 0: with a complete set of sites it is 0, as carriers
#: stay near them.
VIBRATION, APART = 0.05, 2.0
# Most places that a warning lists.
LISTED = 3


def off_sites(name: str, seen: Mapping[str, Any], by_density: bool = False) -> Iterator[str]:
    """Warnings about carriers far from every site.

    Parameters
    ----------
    name : str
        Of the species.
    seen : mapping
        From `microstates.sites.off_site.far_from_sites`; empty where there is none.
    by_density : bool
        Whether the sites are maxima of the density already, so that this is no remedy.

    Yields
    ------
    str
    """
    if not seen:
        return
    if seen["places"]:
        yield _missing(name, seen, by_density)
    if seen["displaced"] is not None:
        yield (
            f"{name} is most often about {seen['displaced']:.1f} Å from its sites, not on them: "
            f"the density within {SHELLS[1]:g} Å of them is less than half of that; they may be "
            "displaced (origin, setting, cell), or be split in the structure and merged here: "
            "check the alignment (results.settings), or find them with "
            "SiteAssignment.from_density(...)"
        )
    if seen["again"] is not None:
        yield (
            f"distances of {name} from the nearest site have two maxima, on the sites and about "
            f"{seen['again']:.1f} Å from them, and {seen['off_site']:.0%} of the time {name} is "
            f"farther than {REACH:g} Å from every site: sites may be missing; find them with "
            "SiteAssignment.from_density(...)"
        )


def _missing(name: str, seen: Mapping[str, Any], by_density: bool) -> str:
    places = seen["places"]
    told = ", ".join(
        f"({', '.join(f'{x % 1.0:.3f}' for x in one['position'])}) {one['share']:.1%}, "
        f"{one['distance']:.2f} Å from {one['nearest']}"
        for one in places[:LISTED]
    )
    more = f", and {len(places) - LISTED} more" if len(places) > LISTED else ""
    if seen["maxima"]:
        begin = (
            f"sites of {name} are missing: {seen['share']:.0%} of the time it is nearer to a place "
            f"that is no site, but a maximum of its density, than to any site ("
            f"{seen['off_site']:.0%} farther than {REACH:g} Å from every site)"
        )
    else:
        begin = (
            f"sites of {name} may be missing: {seen['far']:.0%} of the time it is farther than "
            f"{FAR:g} Å from every site, and not on the way from one to the next"
        )
    return (
        f"{begin}; most visited are {told}{more} (fractional in the cell of the structure). "
        "Events there are labelled as if the ion were on another site: "
        + (
            "the maxima of the density are not all of its sites; analyse a longer trajectory, or "
            "give the sites of a CIF"
            if by_density
            else "add these sites, or find them with SiteAssignment.from_density(...)"
        )
    )


def vibration_notes(run: LabelledRun, estimates: Estimates) -> Iterator[str]:
    """Warnings about transport that no hop between sites accounts for.

    That is the share of vibration in the diffusive view and, where an ion comes back to its site in
    another periodic image without entering a core, of no hop.

    Parameters
    ----------
    run : LabelledRun
    estimates : Estimates

    Yields
    ------
    str
    """
    view, blocks = estimates.diffusive, estimates.blocks
    if view.choice is None:
        return
    at = blocks.resolutions.index(view.choice.resolution)
    for k, one in enumerate(run.species):
        if one.labels.site_positions is None:
            continue
        still = [blocks.events.index(e) for e in ("vibration", "no_hop") if e in one.path_events]
        share = float(view.values["diffusive_share"][k, still, at].sum())
        drawn = view.samples["diffusive_share"][:, k, still, at].sum(axis=1)
        low, high = percentiles(drawn, blocks.level)
        # a share is a ratio: its samples have long tails
        error = float(np.subtract(*np.nanquantile(drawn, [0.84, 0.16]))) / 2
        if not (abs(share) > VIBRATION and abs(share) > APART * error):
            continue
        begin = (
            f"displacements of {one.name} without a hop carry {share:.0%} ({float(low):.0%} to "
            f"{float(high):.0%}) of its coefficient in the diffusive view, and none where ions "
        )
        if one.in_cages:
            yield (
                f"{begin}stay in their cages: cages move, or are left by steps shorter than the "
                "distance between cages; give CageAssignment a shorter distance=..., or "
                "HullShell(...) with SolvationEvents()"
            )
            continue
        yield (
            f"{begin}stay near their sites: they travel without entering the core of another site, "
            "because sites are missing or displaced, or cores are small; find sites with "
            "SiteAssignment.from_density(...), or compare "
            "run.robustness(assignment=['core', 'nearest'])"
        )


def site_notes(species: Sequence[IonSpecies]) -> Iterator[str]:
    """`off_sites` of all species whose detectors are settled on sites."""
    for one in species:
        settled = getattr(one.microstates, "settled", None)
        seen = getattr(settled, "seen", None)
        if settled is not None and seen:
            yield from off_sites(one.name, seen, settled.alignment.by == "density")
