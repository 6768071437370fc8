"""Parts of the frames that an earlier run has stored and this run can use.

A store holds every part of the frames that was read, so that an interrupted run can resume.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..lib.frame_backends import Part
from ..lib.topology import digest
from ..trajectory.run_store import DEFAULT_BUDGET, DamagedPart, RunStore, frame_digest, part_size
from .store_origin import about_detector

if TYPE_CHECKING:
    from .frame_source import FrameSource

#: Frames between the first and the last whose checksums identify a trajectory.
FRAMES_BETWEEN = 100


def exceeds_budget(source: FrameSource) -> bool:
    """Whether positions, states and temporary arrays take more than ``memory=``."""
    memory = source.choices.memory
    each = 64 if len(source.choices.axes) == 3 else 88  # positions twice, where axes are left out
    return memory is not None and each * source.bodies.n * len(source) > memory


def open_store(source: FrameSource, n_workers: int) -> RunStore | None:
    """The store of the run, locked for others; None without one."""
    folder = source.choices.store
    if folder is None:
        return None
    return RunStore.open(folder, _origin(source), part_frames(source, n_workers))


def part_frames(source: FrameSource, n_workers: int) -> int:
    """Number of frames per part, for a memory budget or a store."""
    budget = source.choices.memory or DEFAULT_BUDGET
    return part_size(source.bodies.n, len(source), budget, n_workers)


def _origin(source: FrameSource) -> dict[str, Any]:
    """All parameters on which the stored paths and contacts depend."""
    n, trajectory, bodies = len(source), source.trajectory, source.bodies
    files = [getattr(r, "filename", None) for r in getattr(trajectory, "readers", [trajectory])]
    names = [str(f) for f in files if isinstance(f, str | os.PathLike)]
    detectors = {}
    for index, one in enumerate(source.species):
        table, about = bodies.ligands[index], {}
        if table is not None and one.microstates is not None:
            about = about_detector(one.microstates, table)
        detectors[one.name] = about
    between = np.unique(np.linspace(1, n - 2, min(n - 2, FRAMES_BETWEEN)).astype(int))
    members = bodies.members
    return {
        "trajectory": {
            "files": [Path(f).name for f in names],
            "bytes": [os.path.getsize(f) if os.path.isfile(f) else None for f in names],
            "n_atoms": int(source.universe.atoms.n_atoms),
            "n_frames": int(trajectory.n_frames),
            "first_frame": digest_of(source.at(0)),
            "last_frame": digest_of(source.at(n - 1)),
            "frames_between": digest(np.array([digest_of(source.at(int(k))) for k in between])),
        },
        "frames": {
            "number": n,
            "first": int(source.frames[0]),
            "last": int(source.frames[-1]),
            "all": digest(source.frames),
        },
        "carriers": digest(members.offsets, members.atoms, members.weights, members.parents),
        "reference": {"frame": source.choices.frame, "weights": digest(bodies.reference)},
        "unwrap": source.choices.unwrap,
        "lattice": source.lattice.tolist(),
        "dt": source.choices.dt,
        "species": detectors,
    }


def digest_of(ts: Any) -> int:
    """Checksum of a timestep."""
    cell = np.zeros(6) if ts.dimensions is None else ts.dimensions
    return frame_digest(float(ts.time), cell, ts.positions)


def sampled_places(n_frames: int) -> list[int]:
    """Places in a part whose frames are compared with the trajectory that was read."""
    return sorted({0, n_frames // 2, n_frames - 1})


def known_part(
    source: FrameSource, store: RunStore | None, number: int, indexed: np.ndarray
) -> Part | None:
    """A part that an earlier run has stored; None if it must be read.

    Parameters
    ----------
    source : FrameSource
    store : RunStore or None
    number : int
        Of the part.
    indexed : numpy.ndarray
        Shape (frames of the part, 2): numbers of the frames in the run and in the trajectory.
    """
    sample = None if store is None else store.sample(number)
    if store is None or sample is None:
        return None
    first_index = int(indexed[0, 0])
    # the first step of a part is that from the last frame of the part before it
    before = (store.sample(number - 1) or [])[-1:] if number else []
    try:
        part = store.load(number, indexed[:, 1])
        _check_form(source, part)
        expected = [first_index + k for k in sampled_places(len(indexed))]
        if [index for index, _ in sample] != expected:
            raise DamagedPart("the frames that identify it are not its own")
        for index, known in [*(one for one in before if one[0] == first_index - 1), *sample]:
            if digest_of(source.at(index)) != known:
                raise DamagedPart(
                    f"frame {int(source.frames[index])} of the trajectory has changed"
                )
    except DamagedPart as error:
        first, last = (int(k) for k in indexed[[0, -1], 1])
        source.note(
            f"store={str(store.folder)!r}: frames {first} to {last} are read again, because the "
            f"stored part with them is not valid: {error}",
            loud=True,
        )
        return None
    return part


def _check_form(source: FrameSource, part: Part) -> None:
    """Refuse a part without the arrays, types and shapes that `FrameStage.finish` gives."""
    n, n_species = len(part.frames), len(source.species)
    n_sampled = len(sampled_places(n))
    form: dict[str, tuple[str, tuple[int, ...]]] = {
        "times": ("f8", (n,)),
        "steps": ("f8", (n, source.bodies.n, 3)),
        "reference": ("f8", (n, 3)),
        "cells": ("f8", (n, 3, 3)),
        "engine_step": ("i8", (n,)),
        "fingerprint": ("i8", (n,)),
        "found": ("f8", (1, 10)),
        "sample": ("i8", (n_sampled, 2)),
        **{f"step_{name}": ("f8", (n, n_species)) for name in ("square", "longest")},
        **{f"step_{name}": ("i8", (n, n_species)) for name in ("carrier", "far")},
    }
    given: dict[str, Any] = {"times": part.times}
    for name, value in part.results.items():
        columns = value if isinstance(value, dict) else {"": value}
        given |= {f"{name}.{column}" if column else name: v for column, v in columns.items()}
    for index, one in enumerate(source.species):
        if one.microstates is None:
            continue
        form[f"tally_{index}"] = "i8", (1, len(one.microstates.tally_names))
        empty = one.microstates.follower(one.n_carriers, 0).tracker.finish()
        rows = (np.size(given.get(f"contacts_{index}.carrier", ())),)
        for column, values in empty.items():
            shape = (*rows, *values.shape[1:])
            form[f"contacts_{index}.{column}"] = values.dtype.str[1:], shape
        if (ring := f"contacts_{index}.ring") in given:  # of some detectors
            form[ring] = "u1", rows
    for name in sorted({*form, *given}):
        found = given.get(name)
        if found is None or name not in form:
            raise DamagedPart(f"it {'lacks' if found is None else 'also holds'} the array {name}")
        if (found.dtype, found.shape) != (np.dtype(form[name][0]), form[name][1]):
            raise DamagedPart(f"its array {name} has another type or shape")
