"""Labels carriers from stored paths and contacts: microstates, macrostates, linked hops, events.

`label` can be called again with other filters, radii or rules; no frame is read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .. import onsager
from ..events import CrystalEvents, SiteHistory
from ..events.base import EventCodes
from ..events.crystal.crystal_events import LinkedHops
from ..events.crystal.follow_sites import follow_sites
from ..events.crystal.joined_history import join_histories
from ..events.crystal.site_distances import InCell
from ..events.crystal.site_history import Walk
from ..macrostates import Macrostates, RunStates
from ..microstates import CarrierPaths, ContactHistory, Microstates, SiteAssignment
from ..onsager.carrier_labels import CarrierLabels, JointLabels, one_label
from ..onsager.labelled_run import LabelledRun, LabelledSpecies
from ..onsager.window_kernels import Classify
from ..species import IonSpecies
from .arguments import on_sites
from .cage_checks import cage_notes
from .gathered_run import GatheredRun
from .label_checks import check_macrostates

#: Above this share of frames outside every core, an assignment to sites is called ambiguous.
AMBIGUOUS = 0.75
#: Radii that replace those of a detector, by species and argument of `Detector.assemble`.
Radii = Mapping[int, Mapping[str, Any]]


def event_names(one: IonSpecies) -> tuple[str, ...]:
    """Event classes of a species; ``("all",)`` without a rule."""
    if one.events is None:
        return ("all",)
    return one.events.names_for(getattr(one.microstates, "label_names", ()))


def label(
    gathered: GatheredRun,
    *,
    filtered: bool = True,
    persistence: float | None = None,
    radii: Radii | None = None,
) -> LabelledRun:
    """Label all carriers over all frames.

    Parameters
    ----------
    gathered : GatheredRun
    filtered : bool
        False: plain cutoffs, without hysteresis and persistence.
    persistence : float, optional
        Replaces that of every detector, ps.
    radii : mapping, optional
        Replaces those of a detector.

    Returns
    -------
    LabelledRun
    """
    states = {
        index: _microstates(gathered, index, filtered, persistence, radii)
        for index in gathered.contacts
    }
    species = gathered.species
    joint = RunStates(
        species,
        [states.get(k) for k in range(len(species))],
        gathered.molecule,
        gathered.paths.n_frames,
    )
    macrostates = {
        k: one.macrostates.assign(joint, k)
        for k, one in enumerate(species)
        if one.macrostates is not None
    }
    check_macrostates(macrostates, species, gathered.paths.n_frames)
    histories, linked = _link(gathered, states)
    labelled = []
    for k, one in enumerate(species):
        detector, micro = one.microstates, states.get(k)
        labelled.append(
            LabelledSpecies(
                name=one.name,
                charge=one.charge,
                n_carriers=one.n_carriers,
                first=int(gathered.first[k]),
                events=event_names(one),
                rule=one.events,
                labels=_labels(gathered, k, micro, macrostates.get(k), linked),
                microstates=micro,
                macrostates=macrostates.get(k),
                ligands=gathered.ligands[k],
                has_sites=bool(getattr(detector, "has_sites", False)),
                site_labels=_site_labels(one, micro),
                sites=_sites(one, micro) if on_sites(one) else None,
                history=histories.get(k),
                mass=float(gathered.carrier_mass[k]) if len(gathered.carrier_mass) else None,
                about=_about(one, gathered.selections[k], micro, filtered, persistence),
            )
        )
    return LabelledRun(
        species=tuple(labelled),
        paths=gathered.paths,
        frames=gathered.frames,
        times=gathered.times,
        windows=gathered.windows,
        resolutions=gathered.resolutions,
        horizons=gathered.horizons,
        temperature=gathered.temperature,
        axes=gathered.axes,
        seed=gathered.seed,
        level=gathered.level,
        atoms=gathered.atoms,
        linked=linked,
    )


def _microstates(
    gathered: GatheredRun,
    index: int,
    filtered: bool,
    persistence: float | None,
    radii: Radii | None,
) -> Microstates:
    """Microstates of a species from its contacts."""
    one, ligands = gathered.species[index], gathered.ligands[index]
    assert one.microstates is not None
    assert ligands is not None
    history = ContactHistory(
        **gathered.contacts[index].columns(),
        n_frames=gathered.paths.n_frames,
        n_carriers=one.n_carriers,
        spacing=gathered.paths.dt,
        ligand_atom=ligands.atom,
        ligand_molecule=ligands.molecule,
        ligand_kind=ligands.kind,
        paths=_paths(gathered, index),
    )
    chosen = {} if radii is None or index not in radii else radii[index]
    found: Microstates = one.microstates.assemble(
        history, filtered=filtered, persistence=persistence, **chosen
    )
    found.report.update(gathered.tallies[index])
    return found


def _link(
    gathered: GatheredRun, states: Mapping[int, Microstates]
) -> tuple[dict[int, SiteHistory], dict[tuple[int, ...], LinkedHops]]:
    """Site histories of the species whose events are hops, joined where hops may be linked."""
    ruled = {
        k: s.events for k, s in enumerate(gathered.species) if isinstance(s.events, CrystalEvents)
    }
    histories: dict[int, SiteHistory] = {}
    linked: dict[tuple[int, ...], LinkedHops] = {}
    left = list(ruled)
    while left:
        rule = ruled[left[0]]
        members = tuple(k for k in left if k == left[0] or rule.links_like(ruled[k]))
        left = [k for k in left if k not in members]
        found = [_site_history(gathered, k, states[k]) for k in members]
        histories |= dict(zip(members, found, strict=True))
        # clusters are numbered by carriers of the run, whichever species are linked
        number = [np.arange(*gathered.first[k : k + 2]) for k in members]
        linked[members] = LinkedHops(
            tuple(ruled[k] for k in members),
            join_histories(found, rule.shared or 0.0),
            np.concatenate(number).astype(np.int32),
        )
    return histories, linked


def _site_history(gathered: GatheredRun, index: int, states: Microstates) -> SiteHistory:
    """Sites and periodic images that the carriers of a species visit."""
    rule = gathered.species[index].events
    begin = gathered.first_places[index]
    cell, places = gathered.paths.cell, _sites(gathered.species[index], states)
    position = gathered.paths.carriers(*gathered.first[index : index + 2])
    held, site, where = follow_sites(position, states.runs, begin, places, cell)
    walk = None
    if isinstance(rule, CrystalEvents) and rule.linking == "distance":
        still = np.zeros(len(begin), dtype=np.int64)
        walk = Walk((position,), begin, np.linalg.inv(cell), still)
    return SiteHistory(
        occupied=held,
        site=site,
        where=where,
        shells=states.shells,
        apart=InCell(places, cell),
        first=np.array([0, len(begin)]),
        kinds=np.array([0, len(states.shells.types)]),
        sites=places,
        cell=cell,
        walk=walk,
        are_visited=states.places is not None,
        spacing=gathered.paths.dt,
    )


def _paths(gathered: GatheredRun, index: int) -> CarrierPaths | None:
    """Paths of the carriers of a species on sites or in cages."""
    if index not in gathered.first_places:
        return None
    position = gathered.paths.carriers(*gathered.first[index : index + 2])
    return CarrierPaths(position, gathered.first_places[index], gathered.paths.cell)


def _sites(one: IonSpecies, states: Microstates | None) -> np.ndarray:
    """Positions of the sites of a species, fractional, shape (sites, 3)."""
    if states is not None and states.places is not None:
        return states.places
    assert isinstance(one.microstates, SiteAssignment)
    return one.microstates.sites_in_cell


def _site_labels(one: IonSpecies, states: Microstates | None) -> tuple[str, ...]:
    """Label of each site of a species; empty for species in shells."""
    if states is not None and states.places is not None:
        return tuple(states.shells.types[k] for k in states.shells.kind)
    return tuple(getattr(one.microstates, "labels", ()))


def _labels(
    gathered: GatheredRun,
    index: int,
    states: Microstates | None,
    macrostates: Macrostates | None,
    linked: Mapping[tuple[int, ...], LinkedHops],
) -> CarrierLabels:
    """Positions and labels of a species, as input of the sums over windows."""
    one, joint, held = gathered.species[index], None, None
    classify: Classify
    if one.events is None or states is None:
        n, f = one.n_carriers, gathered.paths.n_frames
        runs = onsager.LabelRuns(np.arange(n + 1), np.zeros(n, np.int32), np.zeros(n, np.int32), f)
        classify = one_label
    else:
        runs, classify = states.runs, EventCodes(one.events, states.shells)
        members = next((m for m in linked if index in m), None)
        if members is not None:
            joint = JointLabels(linked[members], members.index(index), runs)
            if index in gathered.on_sites:
                held = linked[members].history.where.copy()
                held[:, [k for k, axis in enumerate("xyz") if axis not in gathered.axes]] = 0.0
    return CarrierLabels(
        position=gathered.positions[index],
        states=runs,
        classify=classify,
        n_labels=len(event_names(one)),
        macrostates=None if macrostates is None else macrostates.label_runs(),
        n_macrostates=0 if macrostates is None else len(macrostates.names),
        joint=joint,
        site_positions=held,
    )


def _about(
    one: IonSpecies,
    selections: dict[str, Any],
    states: Microstates | None,
    filtered: bool,
    persistence: float | None,
) -> dict[str, Any]:
    """A species, its detector and rules as plain values, for the settings of the result."""
    entry: dict[str, Any] = {
        "name": one.name,
        "charge": one.charge,
        "selection": selections["atoms"],
        "compound": one.compound,
        "n_carriers": one.n_carriers,
    }
    if one.microstates is not None and states is not None:
        entry["microstates"] = one.microstates.describe() | {
            "ligands": selections["ligands"],
            "filters_used": filtered,
            **({} if persistence is None else {"persistence_ps": persistence}),
            **states.report,
            # found on the trajectory, not chosen
            "measured": sorted(states.report),
        }
    if one.events is not None:
        entry["events"] = one.events.describe()
    if one.macrostates is not None:
        entry["macrostates"] = one.macrostates.describe()
    return entry


def ambiguity(name: str, report: Mapping[str, Any]) -> str | None:
    """Warning about a species whose carriers are rarely at the sites they are assigned to."""
    volume = "polyhedron" if "outside_every_polyhedron" in report else "core"
    remedy = {"core": "r_core", "polyhedron": "vertices"}[volume]
    outside = report.get(f"outside_every_{volume}", 0.0)
    homeless = report.get(f"carriers_never_in_a_{volume}", 0)
    if outside <= AMBIGUOUS and not homeless:
        return None
    never = f", {homeless} carriers never in one" if homeless else ""
    return (
        f"sites of {name} are ambiguous: {outside:.0%} of the time in no {volume}{never}; "
        "check the alignment (results.settings), the "
        f"origin and setting of the structure, supercell and {remedy}"
    )


def ambiguities(run: LabelledRun) -> list[str]:
    """`ambiguity` of every species, and warnings about cages, where there are any."""
    texts = [
        ambiguity(one.name, one.microstates.report)
        for one in run.species
        if one.microstates is not None
    ]
    return [*(text for text in texts if text is not None), *cage_notes(run)]


def tally_notes(
    species: Sequence[IonSpecies], tallies: Mapping[int, Mapping[str, int]], n_frames: int
) -> list[str]:
    """Warnings with the counts of `Detector.tally_names`, one per species."""
    out = []
    for index, tally in tallies.items():
        one = species[index]
        counted = {name: n for name, n in tally.items() if n}
        if counted:
            listed = ", ".join(f"{n} {name.replace('_', ' ')}" for name, n in counted.items())
            assert one.microstates is not None
            what = "sites" if one.microstates.has_sites else "shells"
            out.append(f"of {one.n_carriers * n_frames} {what} of {one.name}: {listed}")
    return out
