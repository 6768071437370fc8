"""Reports on the spacing of frames."""

from __future__ import annotations

import warnings

from mda_ionmech import InputError

from ..systems import DT
from .builders import (
    is_salt,
    of_ions,
    reopened,
    salt_in_memory,
    written,
)
from .registry import report, right


@report(
    "MDAnalysis 397",
    "A DCD of LAMMPS has its time in fs, not in the units of CHARMM, and the reader told one "
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
    "The file cannot tell: said loudly, as no ion is that fast; right with `dt`.",
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
    return f"said loudly: {texts[0]}; with dt=0.5 {said}"


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
