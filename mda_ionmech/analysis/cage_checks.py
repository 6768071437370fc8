"""Plausibility checks of cages: whether carriers hop at all, and whether cages are places."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from .plausibility import LONGEST_PERSISTENCE

if TYPE_CHECKING:
    from ..onsager.labelled_run import LabelledRun

#: Steps within stays are bounded where independent ones would lead this many times farther (mean
#: squared): 8 to 11 times in the shipped garnet, 6 to 9 in other solids, 2 in free diffusion, 2.3
#: to 2.7 in molten NaCl, 2.9 in the shipped liquid.
LOCALISED = 4.0
#: Carriers return to cages where mean positions of stays are within 0.5 A of others this many times
#: as often as uniform ones: 27 to 30 times in the shipped garnet, 9 to 14 in other solids, 1.0 in
#: molten NaCl and the shipped liquid, 1.3 in the shipped polymer.
RETURNS = 2.0
#: Carriers return this often to places that last, also where steps within stays are hardly bounded.
PLACES = 5.0
#: Changes of cage are vibrations, or frames are too far apart, where more than this part of all
#: steps between frames are some.
ALL_STEPS = 0.5
#: Cages are shared where carriers are in the cage of another one for more than this part of the
#: time.
SHARED = 0.05


def long_visits(name: str, time: float, spacing: float, n_frames: int) -> str | None:
    """Warn of a shortest visit of cages that is comparable with the run.

    Parameters
    ----------
    name : str
        Of the species.
    time, spacing : float
        Shortest visit that counts, and time between frames, ps.
    n_frames : int
    """
    span = (n_frames - 1) * spacing
    if not LONGEST_PERSISTENCE * span < time <= span:
        return None
    return (
        f"time={time:g} ps of CageAssignment of {name} is {time / span:.0%} of the {span:g} ps "
        "analysed: shorter visits are part of the stay before or after, and few longer ones can "
        "occur; it is a time in ps, usually that of a few vibrations"
    )


def no_hopping(name: str, localisation: float | None, returns: float | None) -> str | None:
    """Warn of carriers in cages whose motion between hops is hardly bounded.

    Parameters
    ----------
    name : str
        Of the species.
    localisation : float or None
        From `mda_ionmech.microstates.cages.stays.localisation`.
    returns : float or None
        As of `no_returns`.
    """
    if localisation is None or localisation >= LOCALISED:
        return None
    if returns is not None and returns >= PLACES:
        return (
            f"stays of {name} are short: carriers come back to places {returns:.0f} times as often "
            "as to random ones, but leave them within a few times the time of CageAssignment, so "
            "that hops in quick succession are counted as one or none; give a shorter time=..., "
            "or analyse more closely spaced frames"
        )
    judged = returns is not None
    shorter = (
        "" if judged else "a shorter time=... if stays last no more than a few times it, else "
    )
    return (
        f"{name} does not hop: while it is in a cage, its mean squared displacement is "
        f"1/{localisation:.1f} of what independent steps would make (about 1/2 in free diffusion, "
        "1/10 of ions that hop), so that cages and hops are cut out of continuous motion; give "
        f"{shorter}microstates=HullShell(...) or CutoffShell(...) with events=SolvationEvents(), "
        "which follow neighbours"
    )


def no_returns(name: str, returns: float | None) -> str | None:
    """Warn of cages that carriers do not come back to.

    Parameters
    ----------
    name : str
        Of the species.
    returns : float or None
        Pairs of mean positions of stays at short distance over those of uniform positions; None
        where there are too few.
    """
    if returns is None or returns >= RETURNS:
        return None
    return (
        f"cages of {name} do not last: carriers stay at places of earlier stays {returns:.1f} "
        "times as often as at random places, so that cages, fixed in the frame of reference, are "
        "no property of the structure; give frame='framework' with framework=... if something is "
        "immobile, or HullShell(...) with SolvationEvents()"
    )


def every_step(name: str, changed: float, distance: float) -> str | None:
    """Warn of hops in most steps between frames.

    Parameters
    ----------
    name : str
        Of the species.
    changed : float
        Changes of cage for each carrier and step between frames.
    distance : float
        Least distance of cages, Angstrom.
    """
    if changed <= ALL_STEPS:
        return None
    return (
        f"{name} changes cage in {changed:.0%} of the steps between frames: distance={distance:g} "
        "Å is no farther than vibrations reach, or frames are farther apart than hops; give "
        "CageAssignment a longer distance=..., or analyse more closely spaced frames"
    )


def shared_cages(name: str, shared: float, distance: float) -> str | None:
    """Warn of cages that hold more than one carrier.

    Parameters
    ----------
    name : str
        Of the species.
    shared : float
        Part of the time of a carrier in a cage that holds another one.
    distance : float
        Least distance of cages, Angstrom.
    """
    if shared <= SHARED:
        return None
    return (
        f"cages of {name} are shared: for {shared:.0%} of the time an ion is in a cage that holds "
        f"another one, so that distance={distance:.2f} Å joins neighbouring places, and hops "
        "between them are not counted; give CageAssignment a shorter distance=..."
    )


def cage_notes(run: LabelledRun) -> Iterator[str]:
    """Warnings about the species in cages.

    Parameters
    ----------
    run : LabelledRun

    Yields
    ------
    str
    """
    for one in run.species:
        report = {} if one.microstates is None else one.microstates.report
        if "cages" not in report:
            continue
        distance = float(report["distance_in_use_angstrom"])
        for text in (
            every_step(one.name, report["changed_per_frame"], distance),
            no_hopping(one.name, report["localisation"], report["returns_to_cages"]),
            no_returns(one.name, report["returns_to_cages"]),
            shared_cages(one.name, report["sharing_a_site"], distance),
        ):
            if text is not None:
                yield text
