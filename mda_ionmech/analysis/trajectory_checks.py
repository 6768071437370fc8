"""Checks on sampled frames, and detectors settled on them, before the whole trajectory is read."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np

from ..lib.atom_order import check_atom_order
from ..lib.errors import InputError
from ..microstates import CageAssignment, SiteAssignment
from ..microstates.detector import settled_on
from ..microstates.rdf import RadialDistribution
from ..trajectory.cells import check_cell_height, check_constant_cell
from ..trajectory.repeated_frames import recognising_atoms
from ..trajectory.unwrap import LONG_STEP, MAX_LONG_FRACTION
from ..trajectory.unwrapped_input import cells_reached
from .coordinate_checks import carrier_places, check_coordinates, describe_reach
from .frame_source import FrameSource
from .label_checks import check_number_of_labels
from .lengths import Lengths, whole_lengths
from .sampled_frames import read_sample
from .site_checks import site_notes
from .step_checks import far_steps, sample_notes, sample_steps
from .wrapping_vectors import told_by_jumps


@dataclass(frozen=True)
class Prepared:
    """Outcome of the checks on sampled frames.

    Attributes
    ----------
    lengths : Lengths
    first_places : dict of int to numpy.ndarray
        Shape (carriers, 3): fractional positions in the first frame, of species on sites.
    reach : float
        Number of cells that the carriers spread over in the first frame.
    repeats_are_odd : bool
        Whether equal coordinates in two frames mean that one is a copy of the other.
    mover : int
        Index of an atom that moves.
    recognised_by : numpy.ndarray
        Indices of atoms whose positions identify a frame.
    far : numpy.ndarray
        Shape (species,), Angstrom: length above which a step is unusually long.
    distributions : dict of int to dict of str to RadialDistribution
        g(r) of the sampled frames by ligand type, by the number of each species with shells.
    """

    lengths: Lengths
    first_places: dict[int, np.ndarray]
    reach: float
    repeats_are_odd: bool
    mover: int
    recognised_by: np.ndarray
    far: np.ndarray
    distributions: dict[int, dict[str, RadialDistribution]]


def check_before_reading(source: FrameSource) -> Prepared:
    """Check sampled frames, and settle the detectors of the species on them.

    Parameters
    ----------
    source : FrameSource
        After `settle_times`.

    Raises
    ------
    InputError
        For input that cannot be analysed; for implausible input warnings are issued.
    """
    n, bodies = len(source), source.bodies
    ends = [source.read(k) for k in (0, n - 1)]
    lengths = whole_lengths(source.choices, n, source.times.spacing, source.note)
    reach = max((s.microstates.reach for s in source.species if s.microstates), default=0.0)
    for snapshot in ends:
        check_cell_height(snapshot.cell.height, reach)
    if source.choices.frame == "laboratory":
        check_constant_cell(np.array([snapshot.cell.vectors for snapshot in ends]))
    check_atom_order(source.universe, ends[0].positions, ends[0].cell.dimensions)
    # steps too long to unwrap show on the first two frames
    _, found = source.first_step(ends[0])
    cells = cells_reached(carrier_places(source, ends[0]))
    check_long_steps(source, found, cells)
    for text in check_coordinates(source, lengths):
        source.note(text, loud=True)
    for index, one in enumerate(source.species):
        if one.microstates is not None:
            detector = settled_on(one.microstates, partial(source.sample, index))
            source.settle(index, detector)
            check_cell_height(ends[0].cell.height, detector.reach)
    first_places = {
        index: one.microstates.fractional_positions(source.geometry(index, ends[0]))
        for index, one in enumerate(source.species)
        if isinstance(one.microstates, SiteAssignment | CageAssignment)
    }
    check_number_of_labels(source.species)
    found_in_sample = read_sample(source)
    for text in [*site_notes(source.species), *found_in_sample.texts]:
        source.note(text, loud=True)
    sampled = sample_steps(source)
    for text in sample_notes(source.species, sampled, source.times.spacing):
        source.note(text, loud=True)
    mover = int(np.argmax(sampled.lengths.max(axis=0)))
    return Prepared(
        lengths=lengths,
        first_places=first_places,
        reach=cells,
        repeats_are_odd=sampled.repeats_are_odd(n),
        mover=int(bodies.members.atoms[bodies.members.offsets[mover]]),
        recognised_by=recognising_atoms(source.universe.atoms.n_atoms),
        far=far_steps(source.species, sampled),
        distributions=found_in_sample.distributions,
    )


def check_long_steps(source: FrameSource, found: np.ndarray, reach: float) -> None:
    """Refuse steps that cannot be unwrapped.

    Parameters
    ----------
    source : FrameSource
    found : numpy.ndarray
        Shape (10,): counts of `FrameSource.step`.
    reach : float
        Number of cells that the carriers spread over.

    Raises
    ------
    InputError
    """
    if source.choices.unwrap is False or found[2] == 0:
        return
    fraction = found[1] / found[2]
    # one long step among few does not decide
    if fraction > MAX_LONG_FRACTION and found[1] > 1:
        raise InputError(
            f"steps are too long to unwrap: {fraction:.2%} of the steps between analysed "
            f"frames exceed {LONG_STEP} of the shortest cell height (longest {found[3]:.2f} Å, "
            f"frames {source.times.spacing:g} ps apart), and beyond one half they are ambiguous "
            f"(minimum image); {told_by_jumps(source) or describe_reach(reach)}"
        )
