"""Sensitivity of the shares to filters, radii, sites, and the linking and dating of hops.

One setting is changed at a time; the carriers are labelled again from the stored contacts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..events import CrystalEvents
from ..lib.checks import as_number, listed, number, positive, shown
from ..lib.errors import InputError, warn_user
from ..lib.tables import indexed
from ..lib.whole_frames import whole_frames
from ..microstates import CageAssignment, CutoffShell, SiteAssignment
from ..microstates.contacts import SAME_RADIUS
from ..microstates.sites.core_radii import CORE_FRACTION
from ..microstates.sites.nearest_site import closest_pair
from .hop_definitions import linked_alike, redefined, with_cores, with_merged_sites

if TYPE_CHECKING:
    import pandas as pd

    from ..results.results import Results
    from .gathered_run import GatheredRun

#: Cores of merged sites are called small below this fraction of the default radius.
SMALL_CORE = 0.75
#: The setting of the rows that show the run itself.
AS_RUN = "as run"
#: Columns of crystals: share of linked hops, and both nulls.
LINKED = ("multi_fraction", "multi_fraction_circular", "multi_fraction_exclusion")


def robustness(
    gathered: GatheredRun,
    results: Results,
    relabelled: Callable[..., Results],
    persistence: Sequence[float],
    hysteresis: Sequence[Any],
    linking: Sequence[Any],
    cutoffs: Sequence[Any],
    hop_time: Sequence[str],
    assignment: Sequence[str],
    r_core: Sequence[float],
    merge: Sequence[Any],
    cages: Sequence[Any],
    window: float | None,
    species: str | None,
) -> pd.DataFrame:
    """Table of shares against choices; see `OnsagerDecomposition.robustness`.

    relabelled: gives the result of the run with other filters, radii or rules, for one window.
    """
    import pandas as pd

    from ..lib.unit_table import UnitTable

    name = results._species(species)
    index = [s.name for s in gathered.species].index(name)
    if gathered.species[index].events is None:
        raise InputError(f"species={shown(name)} has no event rule, so it has no shares to compare")
    n = whole_frames(float(results.at_window(window)["window"]), gathered.paths.dt)
    rows: list[tuple[Any, ...]] = []

    hops = isinstance(gathered.species[index].events, CrystalEvents)

    def add(setting: str, value: str, found: Results) -> pd.DataFrame:
        table = found.summary(n * gathered.paths.dt, species=name)
        data = found.at_window(n * gathered.paths.dt).sel(species=name)
        linked = [float(data[v]) for v in LINKED] if hops else []
        rows.extend(
            (setting, value, str(event), row["share"], row["share_low"], row["share_high"], *linked)
            for event, row in table.iterrows()
        )
        return table

    summary = add(AS_RUN, "", results)
    choices = [
        *_times(_values("persistence", persistence)),
        *_widths(gathered, index, _values("hysteresis", hysteresis)),
        *_rules(gathered, index, _values("linking", linking)),
        *_radii(gathered, index, _values("cutoffs", cutoffs)),
        *_definitions(gathered, index, "hop_time", _values("hop_time", hop_time)),
        *_definitions(gathered, index, "assignment", _values("assignment", assignment)),
        *_cores(gathered, index, _values("r_core", r_core)),
        *_merged(gathered, index, _values("merge", merge)),
        *_caged(
            gathered,
            index,
            [cages] if isinstance(cages, Mapping) else _values("cages", cages, _DICTS),
        ),
    ]
    if not choices:
        raise InputError(
            "robustness() needs values to try: persistence=[...], hysteresis=[...], cutoffs=[...], "
            "linking=[...], hop_time=[...], assignment=[...], r_core=[...], merge=[...] or "
            "cages=[...]"
        )
    for setting, value, options in choices:
        add(setting, value, relabelled(window=n, with_nulls=hops, **options))
    columns = ["setting", "value", "event", "share", "low", "high", *(LINKED if hops else ())]
    table = indexed(pd.DataFrame(rows, columns=columns), 3)
    table.attrs = {k: summary.attrs[k] for k in ("species", "window_ps", "level")}
    table.attrs["caption"] = (
        f"{name}: shares in windows of {table.attrs['window_ps']:g} ps, as in "
        f"summary({table.attrs['window_ps']:g}); summary() gives those in the diffusive limit"
    )
    return UnitTable.of(table)


_DICTS = "give a list of dicts, e.g. [{'time': 0.2}, {'distance': 1.2}]"


def _values(
    argument: str, values: Any, remedy: str = "give a list of the values to try"
) -> list[Any]:
    return listed(argument, values, remedy)


_Choice = tuple[str, str, dict[str, Any]]


def _times(values: Sequence[float]) -> Iterator[_Choice]:
    for value in values:
        if not as_number(value) >= 0:
            raise InputError(f"persistence must hold times in ps, 0 or more, got {shown(value)}")
        value = as_number(value)
        yield "persistence", f"{value:g} ps", {"persistence": value}


def _shell(gathered: GatheredRun, index: int, argument: str) -> CutoffShell:
    one = gathered.species[index]
    if not isinstance(one.microstates, CutoffShell):
        raise InputError(
            f"{argument}=... changes the radii of a CutoffShell, and {one.name!r} has "
            f"{type(one.microstates).__name__}; leave {argument} out"
        )
    return one.microstates


def _widths(gathered: GatheredRun, index: int, values: Sequence[Any]) -> Iterator[_Choice]:
    for value in values:
        shell = _shell(gathered, index, "hysteresis")
        if not as_number(value) >= 0:
            raise InputError(
                f"hysteresis must hold widths in Angstrom, 0 or more, got {shown(value)}"
            )
        value = as_number(value)
        outer = {kind: shell.inner[kind] + float(value) for kind in shell.ligand_types}
        for kind, radius in outer.items():
            shell.check_recorded(kind, radius)
        yield "hysteresis", f"{value:g} A", {"radii": {index: {"outer": outer}}}


def _radii(gathered: GatheredRun, index: int, values: Sequence[Any]) -> Iterator[_Choice]:
    for value in values:
        shell = _shell(gathered, index, "cutoffs")
        given = value if isinstance(value, Mapping) else dict.fromkeys(shell.ligand_types, value)
        inner, outer = {}, {}
        for kind, radius in given.items():
            if kind not in shell.ligand_types:
                raise InputError(
                    f"cutoffs names {kind!r}, which is no ligand type; the types are "
                    f"{list(shell.ligand_types)}"
                )
            radius = positive("cutoffs", radius, "Angstrom", "give radii to try")
            shell.check_recorded(kind, radius)
            inner[kind] = float(radius)
            moved = inner[kind] + shell.outer[kind] - shell.inner[kind]
            outer[kind] = moved if shell.is_recorded(kind, moved) else shell.outer[kind]
            if outer[kind] < inner[kind] - SAME_RADIUS:
                raise InputError(
                    f"cutoffs holds {radius:g} Å for {kind!r}, beyond the radius {outer[kind]:g} Å "
                    f"at which its contacts end; record {moved:g} Å too"
                )
        text = (
            ", ".join(f"{kind} {radius:g} A" for kind, radius in inner.items())
            if isinstance(value, Mapping)
            else f"{value:g} A"
        )
        yield "cutoff", text, {"radii": {index: {"inner": inner, "outer": outer}}}


def _rules(gathered: GatheredRun, index: int, values: Sequence[Any]) -> Iterator[_Choice]:
    for value in values:
        rule = gathered.species[index].events
        if not isinstance(rule, CrystalEvents):
            raise InputError(
                "linking=... is how CrystalEvents links hops, and "
                f"{gathered.species[index].name!r} has {type(rule).__name__}; leave linking out"
            )
        if not isinstance(value, str | tuple | list) or not value:
            raise InputError(
                f"linking holds {shown(value)}; give 'chain', ('proximity', distance) or "
                "('distance', distance), each with a lag in ps behind it if wanted"
            )
        linking, *rest = (value,) if isinstance(value, str) else tuple(value)
        distance = rest.pop(0) if rest and linking != "chain" else None
        if len(rest) > 1:
            raise InputError(
                f"linking holds {shown(value)}; behind the rule and its distance there is only a "
                "lag in ps"
            )
        how = {"lag": rest[0] if rest else None, "shared": rule.shared}
        rules = {
            k: CrystalEvents(linking, distance, detail=one.events.detail, **how)
            for k, one in enumerate(gathered.species)
            # species that are labelled together stay together
            if isinstance(one.events, CrystalEvents) and (k == index or rule.links_like(one.events))
        }
        other = rules[index]
        text = linking if other.distance is None else f"{linking} {other.distance:g} A"
        text += "" if other.lag is None else f", {other.lag:g} ps"
        yield "linking", text, {"rules": rules}


def _definitions(
    gathered: GatheredRun, index: int, argument: str, values: Sequence[Any]
) -> Iterator[_Choice]:
    for value in values:
        detectors = {
            k: redefined(one.name, one.microstates, **{argument: value})
            for k in linked_alike(gathered, index)
            for one in (gathered.species[k],)
        }
        yield argument, str(value), {"detectors": detectors}


def _cores(gathered: GatheredRun, index: int, values: Sequence[Any]) -> Iterator[_Choice]:
    one = gathered.species[index]
    for value in values:
        radius = positive("r_core", value, "Angstrom", "give core radii to try")
        with_cores(one.name, one.microstates).check_recorded(radius)
        yield "r_core", f"{radius:g} A", {"radii": {index: {"r_core": radius}}}


def _merged(gathered: GatheredRun, index: int, values: Sequence[Any]) -> Iterator[_Choice]:
    one = gathered.species[index]
    for value in values:
        pair = tuple(value) if isinstance(value, tuple | list) else (value, None)
        if len(pair) != 2 or not (pair[1] is None or isinstance(pair[1], bool)):
            raise InputError(
                f"merge holds {shown(value)}; give a distance in Angstrom, or (distance, True) for "
                "sites of different labels too"
            )
        remedy = "a distance in Angstrom above 0: sites closer than this are one"
        distance = number("merge", pair[0], remedy, above=0)
        found = with_merged_sites(one.name, one.microstates, distance, across=pair[1])
        _warn_of_small_cores(found, distance)
        across = ", across labels" if pair[1] else ""
        text = f"{distance:g} A{across}: {len(found.labels)} sites"
        yield "merge", text, {"detectors": {index: found}}


def _caged(gathered: GatheredRun, index: int, values: Sequence[Any]) -> Iterator[_Choice]:
    one = gathered.species[index]
    for value in values:
        mine = one.microstates
        if not isinstance(mine, CageAssignment):
            raise InputError(
                f"cages=... is of a CageAssignment, and {one.name!r} has {type(mine).__name__}; "
                "leave cages out"
            )
        if not isinstance(value, Mapping) or not value or not set(value) <= {"time", "distance"}:
            raise InputError(
                f"cages holds {shown(value)}; give dicts such as {{'time': 0.2}} or "
                "{'distance': 1.2}"
            )
        options = {"time": mine.time, "distance": mine.distance} | dict(value)
        found = CageAssignment(**options, persistence=mine.persistence)
        units = {"time": " ps", "distance": " A"}
        text = ", ".join(
            f"{key} {x}" if isinstance(x, str) else f"{key} {as_number(x):g}{units[key]}"
            for key, x in value.items()
        )
        yield "cages", text, {"detectors": {index: found}}


def _warn_of_small_cores(detector: SiteAssignment, distance: float) -> None:
    """Say where the cores of the parts are much smaller than those of merged sites would be."""
    settled = detector.settled
    if detector.assignment != "core" or settled is None:
        return
    usual = CORE_FRACTION * closest_pair(settled.places, settled.grid.cell)[2] / 2
    if settled.r_core < SMALL_CORE * usual:
        warn_user(
            f"merge={distance:g} Å keeps the cores of the parts of each site, of "
            f"{settled.r_core:.2f} Å, where a run with SiteAssignment(merge={distance:g}) has "
            f"cores of {usual:.2f} Å: visits that enter none of the small cores are missed; "
            "compare assignment='nearest', or run again with merge=..."
        )
