"""Reports on conductivities and residence times."""

from __future__ import annotations

import warnings

import numpy as np
from MDAnalysis.lib import distances
from scipy import constants

from mda_ionmech import InputError, IonSpecies
from mda_ionmech.microstates import CutoffShell

from ..systems import DT
from .builders import (
    dump,
    ions,
    of_ions,
    onsager,
    reopened,
    run_of,
    salt,
    salt_in_memory,
    wrapped,
    written,
)
from .crystals import crystal_file
from .registry import report, right


@report(
    "kinisi 174",
    "The conductivity of a liquid whose cations and anions both have several atoms needs the "
    "dipole of all of them, by their centres of mass.",
    "All species count with their charges and cross terms.",
)
def several_molecular_ions(tmp):
    centres = salt(n_frames=150, seed=23)
    residue = np.repeat(np.arange(8), 2)
    paths = centres[:, residue]
    paths[:, 1::2] += [0.9, -0.7, 0.3]
    masses = np.r_[np.tile([12.0, 14.0], 4), np.tile([11.0, 19.0], 4)]
    u = ions(
        wrapped(paths, 20.0), [20.0] * 3 + [90.0] * 3, names=["C", "N"] * 4 + ["B", "F"] * 4,
        masses=masses, residues=residue,
    )  # fmt: skip
    u = reopened(u, written(u, tmp / "run.trr"))
    cation = IonSpecies(u.select_atoms("name C N"), charge=1, name="C+", compound="residues")
    anion = IonSpecies(u.select_atoms("name B F"), charge=-1, name="A-", compound="residues")
    run = run_of([cation, anion], frame="laboratory")
    weight = masses.reshape(8, 2) / masses.reshape(8, 2).sum(axis=1, keepdims=True)
    centre = np.einsum("tcpi,cp->tci", paths.reshape(150, 8, 2, 3), weight)
    dipole = (centre * np.r_[[1.0] * 4, [-1.0] * 4][:, None]).sum(axis=1)[:, None]
    expected = constants.e**2 * onsager(dipole, 20.0**3, DT, 8)
    found = float(run.results.decomposition["conductivity"][0])
    return right(abs(found / expected - 1), 1e-4)


@report(
    "MDSuite 607",
    "The ionic conductivity of molten salt comes out as exactly 0.",
    "With charges given it is that of an independent calculation; charges of 0 are refused.",
)
def zero_conductivity(tmp):
    paths = salt()
    u = salt_in_memory()
    path = dump(tmp / "run.lammpsdump", paths, 20.0, "id type x y z")
    run = of_ions(reopened(u, path), dt=DT)
    dipole = (paths * np.r_[[1.0] * 4, [-1.0] * 4][:, None]).sum(axis=1)[:, None]
    expected = constants.e**2 * onsager(dipole, 20.0**3, DT, 8)
    found = float(run.results.decomposition["conductivity"][0])
    said = right(abs(found / expected - 1), 1e-4)
    try:
        of_ions(reopened(u, path), dt=DT, charges=(0, 0))
    except InputError as error:
        return f"{said}; with charges of 0 refused: {error}"
    raise AssertionError("a conductivity of 0 came out")


@report(
    "solvation-analysis 81",
    "Residence times fail where a ligand is never, or hardly ever, in a shell.",
    "A table without a row for what never binds; right for what does.",
)
def never_bound(tmp):
    u = crystal_file(tmp)
    u.trajectory[0]
    lithium, host = u.select_atoms("name Li"), u.select_atoms("name Zr")
    away = np.min(
        [
            distances.distance_array(lithium, host, box=ts.dimensions).min(axis=0)
            for ts in u.trajectory
        ],
        axis=0,
    )
    order = np.argsort(away)
    near, far = host[np.sort(order[:5])], host[np.sort(order[-5:])]
    cutoffs = {"near": float(away[order[5]]), "far": float(away[order[-5]]) - 0.01}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tables = []
        for kinds in (("near", "far"), ("far",)):
            groups = {k: {"near": near, "far": far}[k] for k in kinds}
            shell = CutoffShell({k: cutoffs[k] for k in kinds}, **groups)
            one = IonSpecies(lithium, charge=1, name="Li", microstates=shell)
            tables.append(run_of([one], frame="framework").residence_times())
    assert len(tables[1]) == 0
    assert "near" in str(tables[0].index.tolist())
    assert "far" not in str(tables[0].index.tolist())
    return "right, a row for what binds, none for what does not, and a table without rows"
