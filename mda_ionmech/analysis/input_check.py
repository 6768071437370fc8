"""A table of what an analysis understood of its input, from sampled frames, before it is run."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from MDAnalysis.lib.mdamath import triclinic_box

from ..lib.errors import InputError
from ..microstates import CageAssignment
from ..microstates.rdf import PairCounts, minimum_in_words
from ..trajectory.charge_balance import NEUTRAL, did_you_mean, net_charge
from ..trajectory.reader_position import where_it_was
from ..trajectory.unwrap import LONG_STEP
from .input_notes import ONE_EVENT, without_events
from .sampled_frames import some_carriers
from .step_checks import sample_steps
from .trajectory_checks import check_before_reading

if TYPE_CHECKING:
    from ..species import IonSpecies
    from .decomposition import OnsagerDecomposition
    from .frame_source import FrameSource

#: Frames in which coordination is counted.
FRAMES = 25


@dataclass(frozen=True)
class CheckRow:
    """One line of the table.

    Attributes
    ----------
    what, found : str
        A quantity and its value, or empty and a warning.
    state : str
        ``ok``; ``check``: implausible or for the user to judge; ``stop``: a run refuses it.
    """

    what: str
    found: str
    state: str = "ok"


def check_input(analysis: OnsagerDecomposition, **frames: Any) -> list[CheckRow]:
    """What a run would make of its input: frames, cell, species, shells, steps, warnings.

    Cost: that of the checks at the start of a run, which read some hundred frames.

    Parameters
    ----------
    analysis : OnsagerDecomposition
        It does not change.
    **frames
        ``start``, ``stop``, ``step``, ``frames``, as for `OnsagerDecomposition.run`.

    Returns
    -------
    list of CheckRow
        An error of a run is a row with the state ``stop``, and ends the table.
    """
    rows: list[CheckRow] = []
    source = None
    with warnings.catch_warnings(), where_it_was(analysis.universe.trajectory):
        warnings.simplefilter("ignore")  # they are among the notes
        try:
            rows += plain_rows(analysis)
            source = analysis._frame_source(**frames)
            source.settle_times(quiet=True)
            rows += [_frames(source), _cell(source)]
            check_before_reading(source)
            rows.append(_longest_step(source))
            for index, one in enumerate(source.species):
                rows += _surroundings(source, index, one)
        except InputError as error:
            rows.append(CheckRow("", str(error), "stop"))
    notes = [*analysis._input_notes, *(source.notes if source is not None else [])]
    told = [text for text in dict.fromkeys(notes) if text != ONE_EVENT]  # a row of its own
    return rows + [CheckRow("", f"{text}.", "check") for text in told]


def plain_rows(analysis: OnsagerDecomposition) -> list[CheckRow]:
    """Species, charges, temperature and rules, without reading a frame."""
    rows = [
        CheckRow("temperature", f"{analysis.temperature:g} K"),
        CheckRow("frame of reference", str(analysis.frame)),
    ]
    species = analysis.species
    for one in species:
        unit = "atoms" if one.compound is None else one.compound
        rows.append(CheckRow(one.name, f"{one.n_carriers} {unit} of {one.charge:+g} e"))
        if one.microstates is not None:
            held = ", ".join(f"{g.n_atoms} {k}" for k, g in one.microstates.ligands.items())
            name = type(one.microstates).__name__
            rules = [type(r).__name__ for r in (one.events, one.macrostates) if r is not None]
            what = f"{name} of {held} atoms" if held else name
            rows.append(CheckRow("", f"{what}; {', '.join(rules) or 'no rule'}"))
    net = net_charge(species)
    alone = analysis.frame == "framework"
    if not alone:
        state = "ok" if abs(net) <= NEUTRAL else "check"
        meant = f": {did_you_mean(species)}".rstrip(": ") if state == "check" else ""
        rows.append(CheckRow("sum of charges", f"{net:+g} e{meant}", state))
    if without_events(species):
        rows.append(CheckRow("events", ONE_EVENT, "check"))
    return rows


def _frames(source: FrameSource) -> CheckRow:
    """Spacing and its source; a header that may hold something else is for the user to check."""
    times = source.times
    doubtful = times.source is not None and times.source.computed and not times.dt_given
    remedy = ", and give dt under [analysis] if it is wrong" if doubtful else ""
    return CheckRow("frames", f"{times.described}{remedy}", "check" if doubtful else "ok")


def _cell(source: FrameSource) -> CheckRow:
    ends = [source.read(k).cell.as_read for k in (0, len(source) - 1)]
    box = triclinic_box(*ends[0])
    right = np.allclose(box[3:], 90, atol=0.01)
    text = " x ".join(f"{x:.3f}" for x in box[:3]) + " Å"
    text += "" if right else f", angles {', '.join(f'{x:.2f}' for x in box[3:])}"
    volumes = [abs(np.linalg.det(cell)) for cell in ends]
    change = volumes[1] / volumes[0] - 1
    constant = "" if abs(change) < 1e-5 else f"; volume {change:+.2%} from first to last frame"
    mass = float(np.sum(np.nan_to_num(getattr(source.universe.atoms, "masses", np.zeros(1)))))
    density = f"; {mass / volumes[0] * 1.66054:.2f} g/cm3" if mass > 0 else ""
    return CheckRow("cell", f"{text}{constant}{density}")


def _longest_step(source: FrameSource) -> CheckRow:
    sampled = sample_steps(source)
    longest = float(sampled.lengths.max(initial=0.0))
    share = longest / sampled.height
    text = (
        f"{longest:.2f} Å between neighbouring frames of the sample, {share:.0%} of the shortest "
        "height of the cell; half is the limit"
    )
    far = share >= LONG_STEP
    text += ": analyse more frames (smaller step)" if far else ""
    return CheckRow("longest step", text, "check" if far else "ok")


def _surroundings(source: FrameSource, index: int, one: IonSpecies) -> Iterator[CheckRow]:
    """Coordination of a species by ligand type, with its spread; occupation of its sites."""
    detector = one.microstates
    if detector is None:
        return
    n = len(source)
    chosen = np.unique(np.linspace(0, n - 1, min(n, FRAMES)).astype(int)).tolist()
    geometries = (source.geometry(index, source.read(k), lasting=True) for k in chosen)
    if isinstance(detector, CageAssignment):
        return  # cages are found from the paths, after all frames are read
    if detector.has_sites:
        inside = np.mean([np.mean(detector.contacts(g).inner) for g in geometries])
        n_sites = len(getattr(detector, "labels", ()))
        # three ions for a site or more cannot be right
        crowded = one.n_carriers > n_sites
        text = f"{n_sites} sites for {one.n_carriers} ions, {inside:.0%} of them in a core"
        text += ": fewer sites than ions; give a CIF, or a lower threshold" if crowded else ""
        yield CheckRow(one.name, text, "check" if crowded else "ok")
        return
    inner = getattr(detector, "inner", {})
    inner = inner if isinstance(inner, Mapping) else {}  # another meaning in a user's own detector
    counts: list[np.ndarray] = []
    pairs = PairCounts(detector.ligand_types)
    for geometry in geometries:
        found = detector.contacts(geometry)
        if inner:
            pairs.add(some_carriers(geometry))
        kind = geometry.ligand_kind[found.ligand[found.inner]]
        counted = np.zeros((len(geometry.centres), len(detector.ligand_types)))
        np.add.at(counted, (found.carrier[found.inner], kind), 1)
        counts.append(counted)
    each = np.concatenate(counts)
    measured = pairs.distributions() | getattr(detector, "distributions", {}) if inner else {}
    for k, kind in enumerate(detector.ligand_types):
        mean, spread = each[:, k].mean(), each[:, k].std()
        radius = inner.get(kind)
        within = "" if radius is None else f" within {radius:.2f} Å"
        text = f"{mean:.2f} +- {spread:.2f} {kind} atoms{within} (mean and spread over the ions)"
        text += "" if mean > 0 else ": check the cutoff, and the selection of the ligands"
        yield CheckRow(one.name, text, "ok" if mean > 0 else "check")
        words = None if radius is None else minimum_in_words(measured[kind], radius)
        if words is not None and mean > 0:
            yield CheckRow("", f"{kind}: {words}")
    bare = float(np.mean(each.sum(axis=1) == 0))
    if bare > 0.2:
        text = f"{bare:.0%} of the ions have no ligand at all: is a kind of ligands missing?"
        yield CheckRow(one.name, text, "check")
