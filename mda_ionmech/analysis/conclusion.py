"""Checks of all frames together, and the record of paths and contacts of a run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ..lib.errors import InputError
from ..lib.topology import atom_ids, describe_atoms, source_files, trajectory_name, universe_files
from ..onsager.labelled_run import CarrierAtoms
from ..trajectory.cells import check_constant_cell
from ..trajectory.paths import finish_paths
from ..trajectory.unwrap import cell_heights
from .arguments import on_sites, selections_of
from .coordinate_checks import refuse_jumps
from .frame_source import FrameSource
from .gathered_run import GatheredRun, positions_along
from .gathering import Gathering
from .labelling import tally_notes
from .step_checks import check_repeated_stretch, long_steps_note, order_notes, step_notes
from .trajectory_checks import Prepared, check_long_steps


def gathered_run(
    source: FrameSource, prepared: Prepared, gathering: Gathering, raw: Any, times: np.ndarray
) -> GatheredRun:
    """Check the arrays of all frames, and make the record from which carriers are labelled.

    Parameters
    ----------
    source : FrameSource
    prepared : Prepared
    gathering : Gathering
        After the last part.
    raw : mapping with attributes
        Arrays of `FrameStage.finish`, concatenated over all parts.
    times : numpy.ndarray
        Shape (frames,): ps, as read.

    Raises
    ------
    InputError
        For steps that cannot be unwrapped, coordinates that jump, repeated frames, and a
        cell that changes in the laboratory frame.
    """
    choices, bodies = source.choices, source.bodies
    found = raw.found.sum(axis=0)
    found[3:] = raw.found[np.argmax(raw.found[:, 3]), 3:]
    check_long_steps(source, found, prepared.reach)
    refuse_jumps(raw.found[:, 6:8].sum(axis=0), int(found[4]), int(found[5]))
    _check_order(source, prepared, raw, times)
    if choices.frame == "laboratory":
        check_constant_cell(raw.cells)
    unwrapping = _describe_unwrapping(source, found)
    paths = finish_paths(gathering.builder, raw.reference, raw.cells, source.times.spacing)
    ligand_paths = {
        k: paths.carriers(where.start, where.stop) for k, where in bodies.followed.items()
    }
    if bodies.followed:
        paths = replace(paths, position=paths.carriers(0, bodies.n_carriers))
    tallies = {}
    for index in gathering.contacts:
        detector = source.species[index].microstates
        assert detector is not None
        counted = raw[f"tally_{index}"].sum(axis=0)
        tallies[index] = {
            name: int(n) for name, n in zip(detector.tally_names, counted, strict=True)
        }
    for text in tally_notes(source.species, tallies, paths.n_frames):
        source.note(text)
    return GatheredRun(
        species=source.species,
        first=bodies.first,
        ligands=bodies.ligands,
        contacts=dict(gathering.contacts),
        tallies=tallies,
        first_places=prepared.first_places,
        molecule=bodies.molecule,
        paths=paths,
        positions=positions_along(paths, bodies.first.tolist(), choices.axes),
        ligand_paths=ligand_paths,
        ligand_masses=bodies.ligand_masses,
        frames=source.frames,
        times=np.asarray(source.times.of_frames(times), dtype=np.float64),
        engine_step=raw.engine_step,
        windows=prepared.lengths.windows,
        resolutions=prepared.lengths.resolutions,
        horizons=prepared.lengths.horizons,
        temperature=choices.temperature,
        axes=choices.axes,
        seed=choices.seed,
        level=choices.level,
        on_sites=frozenset(
            k for k, s in enumerate(source.species) if choices.projection and on_sites(s)
        ),
        atoms=_carrier_atoms(source),
        carrier_mass=bodies.carrier_mass,
        selections=tuple(selections_of(s) for s in source.species),
        about=_about(source, unwrapping),
        notes=(),
        folder=gathering.folder,
    )


def _carrier_atoms(source: FrameSource) -> CarrierAtoms:
    species, first = source.species, source.bodies.first
    return CarrierAtoms(
        np.concatenate([s.atoms.ix for s in species]),
        np.concatenate([s.carrier_of_atom + f for s, f in zip(species, first, strict=False)]),
        atom_ids(source.universe),
    )


def _about(source: FrameSource, unwrapping: dict[str, Any]) -> dict[str, Any]:
    """Choices of the run and its source as plain values, for the settings of the result."""
    choices, times, topology = source.choices, source.times.source, source.universe.filename
    return {
        "frame": choices.frame,
        "framework": None if choices.framework is None else describe_atoms(choices.framework),
        "unwrap": unwrapping,
        "windows": choices.windows,
        "dt_given": choices.dt,
        "times_source": None if times is None else times.text,
        "uneven": choices.uneven,
        "frames_dropped": len(source.dropped),
        "topology": None if topology is None else Path(str(topology)).name,
        "trajectory": trajectory_name(source.universe),
        "trajectory_files": source_files(source.universe),
        "files": universe_files(source.universe),
        "n_atoms": int(source.universe.atoms.n_atoms),
        "n_frames_in_trajectory": int(source.trajectory.n_frames),
    }


def _check_order(source: FrameSource, prepared: Prepared, raw: Any, times: np.ndarray) -> None:
    """Refuse repeated frames, and warn of unusual steps."""
    uneven, frames = source.choices.uneven, source.frames
    if prepared.repeats_are_odd:
        twice = check_repeated_stretch(raw.fingerprint, frames)
        if twice is not None and uneven != "accept":
            raise InputError(
                f"{twice}; put the files in order and analyse each frame once with "
                "run(start=..., stop=...) or frames=..., or pass uneven='accept'"
            )
        if twice is not None:
            source.note(f"{twice}: accepted, as uneven='accept' asks", loud=True)
    told, followed = source.times.source, source.times.step_spacing is not None
    held = told is not None and told.kind == "file" and not told.computed
    height = float(cell_heights(raw.cells[0]).min())
    for text in [
        *order_notes(uneven, source.times, times, raw.engine_step, frames),
        *step_notes(source.species, raw, frames, height, shown=followed or held),
    ]:
        source.note(text, loud=True)


def _describe_unwrapping(source: FrameSource, found: np.ndarray) -> dict[str, Any]:
    """How coordinates were unwrapped, for the settings; warns of steps near half the cell."""
    asked = source.choices.unwrap
    if asked is False:
        state = "taken as continuous, as asked"
    elif found[0] > 0:
        state = "wrapped: jumps across the cell were undone"
    else:
        state = "continuous: no step crosses half the cell"
    note = None if asked is False else long_steps_note(found, source.species, source.notes)
    if note is not None:
        source.note(note, loud=True)
    return {
        "asked": asked,
        "found": state,
        "jumps": int(found[0]),
        "long_steps": int(found[1]),
        "steps": int(found[2]),
        "longest_step_angstrom": float(found[3]),
    }
