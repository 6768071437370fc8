"""Reports on the spacing of frames."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np

from mda_ionmech import InputError
from mda_ionmech.trajectory import from_ase

from ..systems import DT
from .builders import (
    dump,
    is_salt,
    of_ions,
    reopened,
    salt,
    salt_in_memory,
    wrapped,
    written,
)
from .registry import report, right


@report(
    "MDAnalysis 397",
    "A DCD of LAMMPS has its time in fs, not in the units of CHARMM, and the reader gave one "
    "spacing and times of another.",
    "Read with format='LAMMPS' and timeunit='fs' the spacing is the true one.",
)
def lammps_dcd(tmp):
    u = salt_in_memory()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from MDAnalysis.coordinates.LAMMPS import DCDWriter

        with DCDWriter(str(tmp / "run.dcd"), 8, timeunit="fs", dt=DT) as writer:
            for _ in u.trajectory:
                writer.write(u.atoms)
    run = of_ions(reopened(u, tmp / "run.dcd", format="LAMMPS", timeunit="fs"))
    return right(is_salt(run))


@report(
    "openmm 5099",
    "The header of a DCD holds the step of the integrator, 1 fs, where frames are 500 steps apart.",
    "The file does not hold the spacing: a warning, as no ion is that fast; right with `dt`.",
)
def integrator_step(tmp):
    u = salt_in_memory()
    path = written(u, tmp / "run.dcd", dt=0.001)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        run = of_ions(reopened(u, path), windows=[0.008])
    texts = [str(w.message) for w in caught if "thermal velocity" in str(w.message)]
    assert texts
    assert all(text in run.results.warnings for text in texts)
    said = right(is_salt(of_ions(reopened(u, path), dt=DT)))
    return f"warned: {texts[0]}; with dt=0.5 {said}"


@report(
    "MDAnalysis 2354",
    "A trajectory file is given twice, or two runs that both start at 0 ps are read as one: with "
    "`continuous=True` the second replaces the first, without it times start again.",
    "One file twice with `continuous=True` is one file; times that start again are refused.",
)
def same_file_twice(tmp):
    u = salt_in_memory()
    path = written(u, tmp / "run.xtc")
    run = of_ions(reopened(u, [path, path], continuous=True))
    assert len(run.times) == len(u.trajectory)
    said = right(is_salt(run))
    try:
        of_ions(reopened(u, [path, path]))
    except InputError as error:
        return f"with continuous=True {said}; without it refused: {error}"
    raise AssertionError("times that start again were accepted")


def dump_with_steps(tmp: Path, steps, paths=None, **options) -> str:
    """A salt in a dump with these engine steps, run with the spacing given."""
    paths = salt(n_frames=len(steps)) if paths is None else paths
    u = salt_in_memory(paths)
    dump(tmp / "run.lammpsdump", paths, 20.0, "id type x y z", steps=steps)
    run = of_ions(reopened(u, tmp / "run.lammpsdump"), dt=DT, **options)
    return right(is_salt(run, paths), 1e-4)


@report(
    "MDAnalysis 5066",
    "Frames were written at exponentially growing intervals, 1, 2, 4, 8 ... steps, and averaged "
    "over as if they were evenly spaced.",
    "Refused, with the first frames that are not evenly spaced, also where `dt` is given.",
)
def exponential_steps(tmp):
    return dump_with_steps(tmp, 2 ** np.arange(16))


@report(
    "MDANSE 1217",
    "LAMMPS put one frame of the minimisation after the first (steps 0, 166, 1000, 2000 ...), and "
    "its distance became the spacing of all.",
    "Refused, with the frames, also where `dt` is given; right without them.",
)
def short_first_step(tmp):
    steps = np.r_[0, 166, 1000 * np.arange(1, 60)]
    paths = salt(n_frames=len(steps))
    u = salt_in_memory(paths)
    dump(tmp / "run.lammpsdump", paths, 20.0, "id type x y z", steps=steps)
    run = of_ions(reopened(u, tmp / "run.lammpsdump"), dt=DT, part={"start": 2})
    said = right(is_salt(run, paths[2:]), 1e-4)
    try:
        of_ions(reopened(u, tmp / "run.lammpsdump"), dt=DT)
    except InputError as error:
        return f"refused: {error}; with start=2 {said}"
    raise AssertionError("uneven frames were accepted")


@report(
    "MDANSE 1219",
    "The interval at which frames are written changes in the middle of a trajectory.",
    "Refused, with the first frames that are not evenly spaced.",
)
def interval_changes(tmp):
    k = np.arange(60)
    return dump_with_steps(tmp, np.r_[k * 500, 60 * 500 + k * 1000])


@report(
    "fairchem 2097",
    "At one of several restarts of a run the last frame before it was written again; at the others "
    "it was not.",
    "Refused, with the frames that are the same; right where they are left out.",
)
def frame_again(tmp):
    paths = salt(n_frames=60)
    twice = np.r_[np.arange(30), 29, np.arange(30, 60)]
    u = salt_in_memory(paths)
    from ase import Atoms
    from ase.io import write

    frames = [
        Atoms(["Li"] * 4 + ["Cl"] * 4, positions=wrapped(paths[k], 20.0), cell=[20.0] * 3, pbc=True)
        for k in twice
    ]
    write(str(tmp / "run.extxyz"), frames, format="extxyz")
    u.trajectory = from_ase(tmp / "run.extxyz", dt=DT).trajectory
    once = of_ions(u, uneven="drop")
    assert len(once.times) == 60
    said = right(is_salt(once, paths), 1e-4)
    try:
        of_ions(u)
    except InputError as error:
        return f"refused: {error}; with uneven='drop' {said}"
    raise AssertionError("a frame that is there twice was accepted")
