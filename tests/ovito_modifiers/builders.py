"""A small system whose states are known by hand, as states file, dump and XTC."""

from __future__ import annotations

import time

import numpy as np
from ovito.io import import_file
from ovito.qt_compat import QtCore

EVENTS = ("no_hop", "single_ion_hop", "multi_ion_hop", "all")
EVENT_COLORS = ("#0072B2", "#FF0000", "#D55E00", "#7F7F7F")
MACROSTATES = ("SSIP", "CIP")
MACROSTATE_COLORS = ("#0000FF", "#00FF00")
N_ATOMS, N_FRAMES, LENGTH = 12, 10, 20.0
#: Carriers 0 to 3 are atoms 0 to 3, carrier 4 is the molecule of atoms 6, 7, 8.
ATOM_INDEX = np.array([0, 1, 2, 3, 6, 7, 8])
CARRIER = np.array([0, 1, 2, 3, 4, 4, 4])
WINDOW = 2


def labels():
    """Event codes (frames, carriers): one hop each of carriers 0 and 3, two linked of 1 and 2."""
    event = np.zeros((N_FRAMES, 5), dtype=np.int16)
    event[2:4, 0] = 1
    event[4:6, 1:3] = 2
    event[7, 3] = 1
    event[:, 4] = 3
    event[N_FRAMES - WINDOW :] = -1
    return event


def write_states(path, *, frame=None, step=None, **changes):
    """A states file of the small system; `frame` says which frames of the file were analysed."""
    frame = np.arange(N_FRAMES) if frame is None else np.asarray(frame)
    event = labels()[: len(frame)]
    cluster = np.where(event == 2, 1, -1).astype(np.int32)
    macrostate = np.zeros(event.shape, dtype=np.int16)
    macrostate[3:, ::2] = 1
    displacement = np.zeros((*event.shape, 3), dtype=np.float32)
    displacement[event == 1] = (2.0, 0.0, 0.0)
    displacement[event == 2] = (0.0, 1.5, 0.0)
    displacement[event == 0] = (0.1, 0.0, 0.0)
    arrays = {
        "schema": np.array("ionmech-states/1"),
        "frame": frame.astype(np.int64),
        "step": (frame * 100 if step is None else np.asarray(step)).astype(np.int64),
        "time_ps": frame * 0.5,
        "n_atoms": N_ATOMS,
        "atom_index": ATOM_INDEX,
        "atom_id": ATOM_INDEX + 1,
        "carrier_of_atom": CARRIER,
        "event": event,
        "event_names": np.array(EVENTS),
        "event_colors": np.array(EVENT_COLORS),
        "macrostate": macrostate,
        "macrostate_names": np.array(MACROSTATES),
        "macrostate_colors": np.array(MACROSTATE_COLORS),
        "cluster": cluster,
        "displacement": displacement,
        "window_ps": WINDOW * 0.5,
        "source": "small.dump; made by hand",
    } | changes
    np.savez_compressed(path, **{k: v for k, v in arrays.items() if v is not None})
    return str(path)


def positions():
    """Shape (frames, atoms, 3), within the cell; every atom at a place of its own."""
    rng = np.random.default_rng(3)
    start = rng.uniform(2, LENGTH - 2, (N_ATOMS, 3))
    start[[6, 7, 8]] = start[6] + np.array([[0, 0, 0], [1.0, 0, 0], [0, 1.0, 0]])
    drift = np.linspace(0, 0.5, N_FRAMES)[:, None, None]
    return start + drift


def write_dump(path, *, shuffle=True, ids=None, n_atoms=N_ATOMS, step=100, frames=N_FRAMES):
    """A LAMMPS dump, its atoms in another order in every frame."""
    rng = np.random.default_rng(5)
    ids = np.arange(1, n_atoms + 1) if ids is None else ids
    with open(path, "w") as file:
        for frame, place in enumerate(positions()[:frames]):
            file.write(f"ITEM: TIMESTEP\n{frame * step}\nITEM: NUMBER OF ATOMS\n{n_atoms}\n")
            file.write("ITEM: BOX BOUNDS pp pp pp\n" + f"0 {LENGTH}\n" * 3)
            file.write("ITEM: ATOMS id type x y z\n")
            order = rng.permutation(n_atoms) if shuffle else np.arange(n_atoms)
            for k in order:
                x, y, z = place[k % N_ATOMS]
                file.write(f"{ids[k]} {1 + k // 6} {x:.4f} {y:.4f} {z:.4f}\n")
    return str(path)


def write_xtc(path):
    """The same as XTC, which has no identifiers and a cell that OVITO centres; no engine steps."""
    import MDAnalysis as mda

    universe = mda.Universe.empty(N_ATOMS, trajectory=True)
    with mda.Writer(str(path), N_ATOMS) as writer:
        for frame, place in enumerate(positions()):
            universe.atoms.positions = place
            universe.dimensions = [LENGTH] * 3 + [90] * 3
            universe.trajectory.ts.time = 0.5 * frame
            writer.write(universe.atoms)
    return str(path)


def load(path, n_frames=N_FRAMES, **options):
    """Pipeline of a file with so many frames.

    In a process that has drawn a picture OVITO 3.17 lists the frames of a new file only when its
    event loop runs.
    """
    pipeline = import_file(str(path), **options)
    give_up = time.monotonic() + 10
    while pipeline.num_frames != n_frames:
        assert time.monotonic() < give_up, f"{path} has {pipeline.num_frames} frames"
        QtCore.QCoreApplication.processEvents()
        time.sleep(0.01)
    return pipeline
