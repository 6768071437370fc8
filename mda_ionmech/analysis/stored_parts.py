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
        "carriers": digest(members.offsets, members.atoms, members.weights),
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
    # the first step of a part is that from the last frame of the part before it
    before = (store.sample(number - 1) or [])[-1:] if number else []
    try:
        part = store.load(number, indexed[:, 1])
        for index, known in [*before, *sample]:
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
