"""Where a run keeps what it gathers, and what of an earlier run with the same store it takes over.

Under a budget that the data exceed, arrays are files in a folder that goes with the run. A store
keeps every part of the frames as it was read, so that a run that was stopped can go on.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..lib.arrays_on_disk import ArrayFolder
from ..lib.frame_backends import Part
from ..lib.topology import digest
from ..trajectory.run_store import DEFAULT_BUDGET, DamagedPart, RunStore, frame_digest, part_size
from .store_origin import about_detector

if TYPE_CHECKING:
    from .preparation import RunInPreparation

#: Frames between the first and the last that tell one trajectory from another.
FRAMES_BETWEEN = 100


def exceeds_budget(run: RunInPreparation, n_frames: int) -> bool:
    """Whether positions, states and what is worked out beside them take more than ``memory=``."""
    each = 64 if len(run.axes) == 3 else 88  # positions a second time, with axes left out
    return run.memory is not None and each * run._n_bodies * n_frames > run.memory


def open_store(run: RunInPreparation, n_frames: int) -> RunStore | None:
    """The store that the run was given, with it locked for others; None if it was given none."""
    if run.store is None:
        return None
    size = part_frames(run, n_frames)
    return RunStore.open(run.store, _origin(run, n_frames), size)


def part_frames(run: RunInPreparation, n_frames: int) -> int:
    """Frames of a part, where the budget or a store asks for parts of a size."""
    return part_size(run._n_bodies, n_frames, run.memory or DEFAULT_BUDGET, run._n_workers)


def new_folder(run: RunInPreparation) -> ArrayFolder:
    """A folder for the arrays of a run: in its store, else where temporary files go."""
    return ArrayFolder(None if run._store is None else run._store.folder)


def _origin(run: RunInPreparation, n: int) -> dict[str, Any]:
    """All that what is read from the frames depends on."""
    trajectory = run._trajectory
    files = [getattr(r, "filename", None) for r in getattr(trajectory, "readers", [trajectory])]
    names = [str(f) for f in files if isinstance(f, str | os.PathLike)]
    detectors = {}
    for index, one in enumerate(run.species):
        table, about = run._ligands[index], {}
        if table is not None and one.microstates is not None:
            about = about_detector(one.microstates, table)
        detectors[one.name] = about
    between = np.unique(np.linspace(1, n - 2, min(n - 2, FRAMES_BETWEEN)).astype(int))
    return {
        "trajectory": {
            "files": [Path(f).name for f in names],
            "bytes": [os.path.getsize(f) if os.path.isfile(f) else None for f in names],
            "n_atoms": int(run.universe.atoms.n_atoms),
            "n_frames": int(trajectory.n_frames),
            "first_frame": digest_of_frame(run, 0),
            "last_frame": digest_of_frame(run, n - 1),
            "frames_between": digest(np.array([digest_of_frame(run, int(k)) for k in between])),
        },
        "frames": {
            "number": n,
            "first": int(run._run_frames[0]),
            "last": int(run._run_frames[-1]),
            "all": digest(run._run_frames),
        },
        "carriers": digest(run._members.offsets, run._members.atoms, run._members.weights),
        "reference": {"frame": run.frame, "weights": digest(run._reference)},
        "unwrap": run.unwrap,
        "lattice": run._lattice.tolist(),
        "dt": run.dt,
        "species": detectors,
    }


def digest_of_frame(run: RunInPreparation, index: int) -> int:
    """Checksum of an analysed frame as it is in the trajectory now."""
    return digest_of(run._at(index))


def digest_of(ts: Any) -> int:
    """Checksum of the frame that a reader holds."""
    cell = np.zeros(6) if ts.dimensions is None else ts.dimensions
    return frame_digest(float(ts.time), cell, ts.positions)


def sampled_places(n_frames: int) -> list[int]:
    """Places in a part whose frames tell whether the trajectory is still the one that was read."""
    return sorted({0, n_frames // 2, n_frames - 1})


def known_part(run: RunInPreparation, number: int, indexed: np.ndarray) -> Part | None:
    """A part that an earlier run with the same store has read; None if it must be read.

    Parameters
    ----------
    run : RunInPreparation
    number : int
        Of the part.
    indexed : numpy.ndarray
        Shape (frames of the part, 2): numbers of the frames in the run and in the trajectory.
    """
    store = run._store
    sample = None if store is None else store.sample(number)
    if store is None or sample is None:
        return None
    # the first step of a part is that from the last frame of the part before it
    before = (store.sample(number - 1) or [])[-1:] if number else []
    try:
        part = store.load(number, indexed[:, 1])
        for index, known in [*before, *sample]:
            if digest_of_frame(run, index) != known:
                raise DamagedPart(
                    f"frame {int(run._run_frames[index])} of the trajectory is not as it was"
                )
    except DamagedPart as error:
        first, last = (int(k) for k in indexed[[0, -1], 1])
        run._note(
            f"store={str(store.folder)!r}: frames {first} to {last} are read again, because the "
            f"part that holds them cannot be trusted: {error}",
            loud=True,
        )
        return None
    return part
