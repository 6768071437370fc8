"""Linked hops under every date of hops and assignment to sites, from the contacts of a run.

The contacts hold the nearest site of each carrier and whether it is in its core, so that hops can
be dated and assigned anew without reading frames. A statement on concerted motion that does not
hold for each of these definitions is a property of the definition.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
from scipy.special import ndtri

from .. import onsager
from ..events.crystal.crystal_events import LinkedHops
from ..events.nulls.circular_shift import exclusion_gas
from ..events.nulls.gas_reasons import why_no_gas
from ..lib.checks import is_one_of, shown
from ..lib.errors import InputError
from ..lib.frozen import changed
from ..microstates import SiteAssignment
from ..microstates.sites.core_radii import NEIGHBOURS
from ..microstates.sites.hop_dates import HOP_TIMES
from ..microstates.sites.nearest_site import closest_pair
from ..results.ends import ENDS
from ..results.estimates import LONG_NAMES
from .labelling import label
from .length_sums import LinkedSpecies, nulls_of

if TYPE_CHECKING:
    from ..onsager.labelled_run import LabelledRun
    from ..results.results import Results
    from ..species import IonSpecies
    from .gathered_run import GatheredRun

#: Assignment and date of each definition, and about which multiple of the core radius it has.
DEFINITIONS = {
    "core, entry": ("core", "entry", 1.0),
    "core, crossing": ("core", "crossing", 1.0),
    "smaller core, entry": ("core", "entry", NEIGHBOURS[0]),
    "larger core, entry": ("core", "entry", NEIGHBOURS[1]),
    "nearest": ("nearest", "entry", 1.0),
}
ASSIGNMENTS = ("core", "nearest")
_RADIUS = {"units": "angstrom", "long_name": "radius of the cores"}
_VARIABLES = ("multi_fraction", "multi_fraction_circular", "multi_fraction_exclusion")


def _on_sites(argument: str, name: str, detector: Any) -> SiteAssignment:
    """The detector of a species; refused for an argument of sites if it has none."""
    if not isinstance(detector, SiteAssignment):
        raise InputError(
            f"{argument}=... is of a SiteAssignment, and {name!r} has {type(detector).__name__}; "
            f"leave {argument} out"
        )
    return detector


def _with_nearest_sites(argument: str, name: str, detector: Any) -> SiteAssignment:
    """The detector of a species; refused if its contacts are not the nearest sites."""
    detector = _on_sites(argument, name, detector)
    if detector.assignment not in ASSIGNMENTS:
        raise InputError(
            f"{argument}=... needs the nearest site of each ion, and a run of {name!r} with "
            f"assignment={detector.assignment!r} holds polyhedra; run again with assignment='core'"
        )
    return detector


def redefined(
    name: str, detector: Any, *, assignment: str | None = None, hop_time: str | None = None
) -> SiteAssignment:
    """A detector with another assignment or date of hops, for the same contacts.

    Parameters
    ----------
    name : str
        Of the species.
    detector : Detector
        Settled on a trajectory.
    assignment, hop_time : str, optional

    Raises
    ------
    InputError
        For a detector without sites, polyhedra, values that do not exist, dates without cores, or
        cores that overlap.
    """
    argument = "assignment" if hop_time is None else "hop_time"
    detector = _with_nearest_sites(argument, name, detector)
    if hop_time is not None:
        if not is_one_of(hop_time, HOP_TIMES):
            raise InputError(f"hop_time must hold some of {HOP_TIMES}, got {shown(hop_time)}")
        if detector.assignment != "core":
            raise InputError(
                f"hop_time=... dates hops between cores, and {name!r} has assignment='nearest'; "
                "leave hop_time out, or run with assignment='core'"
            )
        return changed(detector, hop_time=hop_time)
    if not is_one_of(assignment, ASSIGNMENTS):
        raise InputError(f"assignment must hold some of {ASSIGNMENTS}, got {shown(assignment)}")
    settled = detector.settled
    assert settled is not None
    if assignment == "core" and detector.assignment != "core":
        _, _, shortest = closest_pair(settled.places, settled.grid.cell)
        if 2 * settled.r_core > shortest:
            raise InputError(
                f"r_core={settled.r_core:g} Å of {name!r} makes cores overlap, the nearest sites "
                f"being {shortest:.2f} Å apart; run again with less than {shortest / 2:.2f} Å"
            )
    date = detector.hop_time if assignment == "core" else "entry"
    return changed(detector, assignment=assignment, hop_time=date)


def with_cores(name: str, detector: Any) -> SiteAssignment:
    """The detector, if its labels depend on the radius of cores.

    Parameters
    ----------
    name : str
        Of the species.
    detector : Detector
        Settled on a trajectory.

    Raises
    ------
    InputError
        For a detector without sites, and assignments without cores.
    """
    detector = _on_sites("r_core", name, detector)
    if detector.assignment != "core":
        raise InputError(
            f"r_core=... is the radius of cores, and {name!r} has "
            f"assignment={detector.assignment!r}; leave r_core out, or run with assignment='core'"
        )
    return detector


def with_merged_sites(
    name: str, detector: Any, distance: float, *, across: bool | None = None
) -> SiteAssignment:
    """A detector in which sites closer than a distance are one, for the same contacts.

    Parameters
    ----------
    name : str
        Of the species.
    detector : Detector
        Settled on a trajectory.
    distance : float
        Angstrom.
    across : bool, optional
        Also sites of different labels; default as in the detector.

    Raises
    ------
    InputError
        For a detector without sites, polyhedra, and a distance at which sites are chained or all
        become one.
    """
    detector = _with_nearest_sites("merge", name, detector)
    assert detector.settled is not None
    across = detector.source.merge_across if across is None else across
    return changed(detector, settled=detector.settled.merged(distance, across=across))


def linked_alike(gathered: GatheredRun, index: int) -> list[int]:
    """Numbers of the species whose hops are labelled together with those of number `index`."""
    rule = gathered.species[index].events
    links = getattr(rule, "links_like", lambda other: False)
    return [k for k, one in enumerate(gathered.species) if k == index or links(one.events)]


def add_hop_definitions(gathered: GatheredRun, run: LabelledRun, results: Results) -> None:
    """Add the group ``hop_definitions`` to a result: linked hops under the other definitions.

    For the window in which labels are read. Cost: labelling and the nulls of one window, for each
    of four definitions.

    Parameters
    ----------
    gathered : GatheredRun
    run : LabelledRun
    results : Results
    """
    linked = {k for members in run.linked for k in members}
    able = [k for k in linked if _is_able(gathered.species[k].microstates)]
    if not able:
        return
    window = run.in_frames(float(results.at_window()["window"]))
    shape = len(run.names), len(DEFINITIONS)
    data = {f"{v}{end}": np.full(shape, np.nan) for v in _VARIABLES for end in ENDS}
    used = np.full(shape, np.nan)
    for column, definition in enumerate(DEFINITIONS.values()):
        others = {
            k: other
            for k in able
            if (other := _other(gathered.species[k], *definition)) is not None
        }
        if not others:
            continue
        values = linked_fractions(_labelled(gathered, others), window)
        for name, row in values.items():
            data[name][list(others), column] = row[list(others)]
        for k, (detector, radius) in others.items():
            if detector.assignment == "core":
                used[k, column] = detector.r_core if radius is None else radius
    level = {"level": run.level}
    results.tree["hop_definitions"] = xr.DataTree(
        xr.Dataset(
            {
                name: (
                    ["species", "definition"],
                    values,
                    {"units": "1", "long_name": LONG_NAMES[name.split("_low")[0].split("_high")[0]]}
                    | (level if name.endswith(("_low", "_high")) else {}),
                )
                for name, values in data.items()
            }
            | {"core_radius": (["species", "definition"], used, _RADIUS)},
            coords={"species": run.names, "definition": list(DEFINITIONS)},
            attrs={"window_ps": window * run.dt},
        )
    )


def _is_able(detector: Any) -> bool:
    """Whether hops can be dated and assigned anew from the contacts."""
    return isinstance(detector, SiteAssignment) and detector.assignment in ASSIGNMENTS


_Other = tuple[SiteAssignment, float | None]


def _other(one: IonSpecies, assignment: str, hop_time: str, factor: float) -> _Other | None:
    """Detector and core radius of another definition; None for that of the run, or where there is
    none."""
    mine = one.microstates
    assert isinstance(mine, SiteAssignment)
    assert mine.settled is not None
    radius = None if factor == 1 else mine.settled.radius_beside(factor)
    own = (mine.assignment, mine.hop_time) == (assignment, hop_time)
    if radius is None and (own or factor != 1):
        return None
    try:
        found = redefined(one.name, mine, assignment=assignment)
    except InputError:
        return None  # cores would overlap
    return changed(found, hop_time=hop_time), radius


def _labelled(gathered: GatheredRun, others: Mapping[int, _Other]) -> LabelledRun:
    """The run with other detectors and without macrostates, which are not needed."""
    species = [
        changed(one, microstates=others[k][0] if k in others else one.microstates, macrostates=None)
        for k, one in enumerate(gathered.species)
    ]
    radii = {k: {"r_core": radius} for k, (_, radius) in others.items() if radius is not None}
    return label(replace(gathered, species=tuple(species)), radii=radii)


def linked_fractions(run: LabelledRun, window: int) -> dict[str, np.ndarray]:
    """Share of linked hops of every species in one window, and both nulls, with intervals.

    Parameters
    ----------
    run : LabelledRun
    window : int
        Frames.

    Returns
    -------
    dict of str to numpy.ndarray
        Shape (species,); NaN for species without hops, or without a null.
    """
    n = len(run.species)
    out = {f"{v}{end}": np.full(n, np.nan) for v in _VARIABLES for end in ENDS}
    linked = []
    for members, hops in run.linked.items():
        gas = exclusion_gas(hops.history, run.dt, np.random.default_rng([run.seed, members[0]]))
        why = why_no_gas(hops.history, gas)
        linked.append(LinkedSpecies(members, hops, None if why else gas, why))
        for end, values in zip(ENDS, _counted(run, hops, window), strict=True):
            out[f"multi_fraction{end}"][list(members)] = values
    for name, shares in nulls_of(linked, n, window, run.seed).items():
        for k, row in enumerate(shares):
            known = row[np.isfinite(row)]
            if not len(known):
                continue
            spread = known.std(ddof=1) if len(known) > 1 else np.nan
            reach = spread * float(ndtri(0.5 + run.level / 2))
            for end, sign in (("", 0), ("_low", -1), ("_high", 1)):
                at = known.mean() + (sign * reach if sign else 0.0)
                out[f"{name}{end}"][k] = np.clip(at, 0.0, 1.0)
    return out


def _counted(
    run: LabelledRun, hops: LinkedHops, window: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Linked hops over all hops of each species, and the ends of its interval."""
    history, rule = hops.history, hops.rules[0]
    plan = onsager.plan_blocks(history.n_frames - window, 2 * window)
    sums = np.zeros((2, plan.n_sub_blocks, len(history.first) - 1))
    for block in rule.link_blocks(history, window):
        at = np.arange(block.first, block.last) // plan.sub_block
        for k, chosen in enumerate((block.label > 0, block.label > 1)):
            per_species = np.add.reduceat(chosen, history.first[:-1], axis=0, dtype=np.int64)
            np.add.at(sums[k], at, per_species.T)
    weights = onsager.resampling_weights(plan, np.random.default_rng([run.seed, window]))
    with np.errstate(invalid="ignore", divide="ignore"):
        value = sums[1].sum(axis=0) / sums[0].sum(axis=0)
        drawn = (weights @ sums[1]) / (weights @ sums[0])
    return value, *onsager.interval(value, drawn, plan, run.level, least=0, most=1)
