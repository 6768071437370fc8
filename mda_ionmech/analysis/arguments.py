"""Checks of the arguments of an analysis, before any frame is read."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from MDAnalysis import AtomGroup
from MDAnalysis.analysis.backends import BackendBase

from ..events import CrystalEvents
from ..lib.checks import as_number, is_one_of, listed, positive, shown, whole
from ..lib.errors import InputError
from ..lib.topology import check_apart, describe_atoms
from ..microstates import CageAssignment, SiteAssignment
from ..species import IonSpecies
from ..trajectory.frame_times import UNEVEN


def check_species(species: Any) -> list[IonSpecies]:
    """The species as a list: of one universe, with different names and no atom in common."""
    if isinstance(species, IonSpecies):
        listed = [species]
    elif isinstance(species, Iterable) and not isinstance(species, str | bytes | Mapping):
        listed = list(species)
    else:
        raise InputError(f"species must be a list of IonSpecies, got {shown(species)}")
    if not listed:
        raise InputError("species is empty: list at least one IonSpecies")
    for one in listed:
        if not isinstance(one, IonSpecies):
            raise TypeError(
                f"species must be IonSpecies, got {type(one).__name__}; wrap atoms as "
                "IonSpecies(atoms, charge=..., name=...)"
            )
    names = [s.name for s in listed]
    # in a result file names are in one line, with underscores for blanks
    if len({name.strip().replace(" ", "_") for name in names}) < len(names):
        raise InputError(f"species names must differ, got {names}")
    universe = listed[0].atoms.universe
    for one in listed:
        if any(g.universe is not universe for g in [one.atoms, *_groups_of(one.microstates)]):
            raise InputError(
                f"species {one.name!r} holds atoms of another universe than {names[0]!r}, in its "
                "carriers or its detector; select all groups from one universe"
            )
    check_apart(
        {repr(one.name): one.atoms for one in listed},
        "each atom belongs to one species",
        "species {} and {}",
    )
    return listed


def _groups_of(detector: Any) -> list[AtomGroup]:
    """Every AtomGroup of a detector: ligands, framework, vertices, host."""
    groups = []
    for value in vars(detector).values() if detector is not None else ():
        listed = value.values() if isinstance(value, Mapping) else [value]
        groups += [g for g in listed if isinstance(g, AtomGroup)]
    return groups


def check_counterions(species: Sequence[IonSpecies]) -> list[str]:
    """Refuse counter-ions that are carriers of the same sign; warn of misleading names.

    Returns
    -------
    list of str
        Warnings.

    Raises
    ------
    InputError
        Naming the rule, the ligand type and the species its atoms belong to.
    """
    notes: list[str] = []
    for one in species:
        kind = str(getattr(one.events, "counterion", ""))
        if one.microstates is None or not kind:
            continue
        notes += _misplaced_counterions(one, kind, species)
        if kind not in one.microstates.ligands:
            continue
        ligands = one.microstates.ligands[kind]
        role = "cation" if one.charge < 0 else "anion"
        if one.charge and kind in {"anion", "cation"} - {role}:
            notes.append(
                f"ligand type {kind!r} of {one.name} is used as its counter-ions, which are "
                f"{role}s: name it {role!r} in the detector"
            )
        for other in species:
            alike = one.charge * other.charge > 0
            shared = np.intersect1d(ligands.ix, other.atoms.ix, assume_unique=True) if alike else ()
            if len(shared):
                raise InputError(
                    f"{type(one.events).__name__}(counterion={kind!r}) of {one.name!r}: "
                    f"{len(shared)} atoms of that ligand type belong to {other.name!r}, whose "
                    f"charge {other.charge:+g} e has the sign of {one.charge:+g} e: these are no "
                    "counter-ions; give the type that holds them, or another name"
                )
    return notes


def _misplaced_counterions(one: IonSpecies, kind: str, species: Sequence[IonSpecies]) -> list[str]:
    """Ligand types that hold the counter-ions of a species under another name than `kind`."""
    assert one.microstates is not None
    opposite = [other for other in species if one.charge * other.charge < 0]
    notes = []
    for name, ligands in one.microstates.ligands.items():
        held = [s.name for s in opposite if np.isin(ligands.ix, s.atoms.ix).any()]
        if name != kind and held:
            notes.append(
                f"ligand type {name!r} of {one.name} holds atoms of {', '.join(held)}, its "
                f"counter-ions, and counts as solvent; {type(one.events).__name__} takes those of "
                f"type {kind!r}: give them that type, or counterion={name!r}"
            )
    return notes


def check_universe(atoms: AtomGroup, argument: str, universe: Any) -> None:
    """Refuse atoms of another universe, whose indices mean other atoms in this one.

    Raises
    ------
    InputError
        Naming the argument.
    """
    if atoms.universe is not universe:
        raise InputError(
            f"{argument} holds {atoms.n_atoms} atoms of another universe than the species; select "
            "them from the universe that the species come from"
        )


_BYTES = {"B": 0, "KB": 1, "MB": 2, "GB": 3, "TB": 4}


def check_memory(memory: Any) -> int | None:
    """A memory budget such as ``"4GB"`` in bytes; None without one."""
    if memory is None:
        return None
    text = memory if isinstance(memory, str) else ""
    match = re.fullmatch(r"\s*([0-9.]+)\s*([KMGT]?B)\s*", text.upper())
    try:
        value = float(match[1]) * 1000 ** _BYTES[match[2]] if match else 0.0
    except ValueError:
        value = 0.0
    if not 1e6 <= value <= 1e18:
        raise InputError(
            "memory must be a size of 1 MB or more, e.g. memory='4GB' or '500MB', got "
            f"{shown(memory)}"
        )
    return int(value)


def check_store(store: Any) -> Path | None:
    """The folder of a store; None without one."""
    if store is None:
        return None
    if not isinstance(store, str | os.PathLike) or not str(store) or "\0" in str(store):
        raise InputError(
            f"store must be the path of a folder, e.g. 'run.store', got {shown(store)}"
        )
    try:
        folder = Path(store).absolute()
        there = folder.exists()
    except OSError as error:
        remedy = "a shorter path" if error.errno == errno.ENAMETOOLONG else "another folder"
        raise InputError(
            f"store={shown(str(store))} cannot be used here ({error.strerror}); give {remedy}"
        ) from error
    parent = folder.parent
    if not there and not (parent.is_dir() and os.access(parent, os.W_OK)):
        raise InputError(
            f"store={str(store)!r}: the folder {parent} does not exist or is not writable; "
            "make it, or give another path"
        )
    return folder


def check_uneven(uneven: Any) -> str:
    """The treatment of repeated and unevenly spaced frames, one of `UNEVEN`."""
    if not isinstance(uneven, str) or uneven not in UNEVEN:
        raise InputError(f"uneven must be one of {UNEVEN}, got {shown(uneven)}")
    return uneven


def check_temperature(temperature: Any) -> float:
    """Temperature in K, in a range in which no result overflows."""
    remedy = "give that of the simulation, e.g. temperature=300"
    return positive("temperature", temperature, "K", remedy, most=1e9)


def check_spacing(dt: Any) -> float | None:
    """Frame spacing in ps; None for that of the file."""
    if dt is None:
        return None
    return positive("dt", dt, "ps", "give the spacing of the analysed frames", most=1e15)


def check_seed(seed: Any) -> int:
    """Seed of the random generator."""
    return whole("seed", seed, least=0, most=2**63 - 1, remedy="give e.g. seed=0")


def check_level(level: Any) -> float:
    """Nominal coverage of the intervals."""
    if not 0 < as_number(level) < 1:
        raise InputError(f"level must lie between 0 and 1, e.g. 0.68, got {shown(level)}")
    return float(level)


def check_unwrap(unwrap: Any) -> str | bool:
    """The choice of unwrapping: ``"auto"``, True or False."""
    if isinstance(unwrap, np.bool_):
        return bool(unwrap)
    if isinstance(unwrap, bool) or (isinstance(unwrap, str) and unwrap == "auto"):
        return unwrap
    raise InputError(f"unwrap must be 'auto', True or False, got {shown(unwrap)}")


PROJECTIONS = ("auto", "site", "vehicle", None)


def check_projection(projection: Any, species: Sequence[IonSpecies]) -> str | None:
    """One of `PROJECTIONS`; ``site`` needs a species on sites."""
    if not (projection is None or (isinstance(projection, str) and projection in PROJECTIONS)):
        raise InputError(f"projection must be one of {PROJECTIONS}, got {shown(projection)}")
    if projection == "site" and not any(on_sites(s) for s in species):
        raise InputError(
            "projection='site' needs a species with microstates=SiteAssignment... or "
            "CageAssignment() and events=CrystalEvents(); use projection='auto' or None"
        )
    return str(projection) if projection is not None else None


def on_sites(species: IonSpecies) -> bool:
    """Whether the microstates of a species are sites or cages and its events hops between them."""
    return isinstance(species.microstates, SiteAssignment | CageAssignment) and isinstance(
        species.events, CrystalEvents
    )


def check_lengths(argument: str, lengths: Any) -> str | list[float]:
    """``"log"`` or a list of times in ps."""
    if isinstance(lengths, str):
        if lengths != "log":
            raise InputError(f"{argument} must be 'log' or times in ps, got {shown(lengths)}")
        return lengths
    remedy = "give lengths such as [1, 10, 100], or 'log'"
    values = [positive(argument, w, "ps", remedy) for w in listed(argument, lengths, remedy)]
    if not values:
        raise InputError(f"{argument} is empty: give 'log' or times in ps")
    return values


def check_axes(axes: Any) -> str:
    """The directions that are analysed, each once."""
    if (
        not isinstance(axes, str)
        or not axes
        or len(set(axes)) != len(axes)
        or set(axes) - set("xyz")
    ):
        raise InputError(
            "axes must name the directions x, y and z once each, e.g. 'xyz' or 'z', got "
            f"{shown(axes)}"
        )
    return axes


#: Transformations that depend on earlier frames, and why they are refused.
_REMEMBERING = {
    "NoJump": "loses jumps with start, step or parallel reading and distorts collective motion at "
    "constant pressure; load the universe without it, unwrap='auto' unwraps the paths",
    "PositionAverager": "replaces positions by means over earlier frames, which takes fast motion "
    "out of every displacement; load the universe without it",
}


def check_transformations(trajectory: Any) -> None:
    """Refuse transformations whose result for a frame depends on the frames read before it.

    Functions and classes that use one frame alone are accepted.
    """
    if trajectory.ts is None:
        names = [getattr(t, "__name__", type(t).__name__) for t in trajectory.transformations]
        raise InputError(
            f"a transformation on the trajectory ({', '.join(names)}) returned None: it takes a "
            "timestep, changes it and must return it; load the universe again with one that does"
        )
    for transformation in trajectory.transformations:
        name = type(transformation).__name__
        if name in _REMEMBERING:
            raise InputError(
                f"the trajectory carries the transformation {name}, which {_REMEMBERING[name]}"
            )


def check_image_flags(trajectory: Any) -> None:
    """Refuse LAMMPS dumps whose reader adds image flags to coordinates of another kind.

    With ``unwrap_images=True`` MDAnalysis adds images times the lengths of the cell, along x, y and
    z, to the numbers in the file: right for x, y, z in an orthogonal cell, wrong for scaled
    coordinates, for coordinates that are unwrapped in the file, and in a triclinic cell.
    """
    for reader in getattr(trajectory, "readers", [trajectory]):
        if getattr(reader, "_unwrap", False) is not True:
            continue
        kind = getattr(reader, "lammps_coordinate_convention", "unscaled")
        angles = np.asarray(reader.ts.dimensions[3:] if reader.ts.dimensions is not None else [])
        wrong = {
            "scaled": "scaled coordinates (xs ys zs)",
            "unwrapped": "coordinates that are unwrapped already (xu yu zu)",
            "scaled_unwrapped": "coordinates that are unwrapped already (xsu ysu zsu)",
        }.get(kind)
        if wrong is None and np.any(np.abs(angles - 90) > 1e-3):
            wrong = "coordinates of a triclinic cell, along x, y and z in place of its vectors"
        if wrong is not None:
            raise InputError(
                "the universe was loaded with unwrap_images=True, and MDAnalysis adds the images "
                f"of the dump, in lengths of the cell, to {wrong}: the positions are wrong; load "
                "it without unwrap_images, unwrap='auto' undoes jumps across the cell"
            )


def readable(universe: Any, trajectory: Any) -> Any:
    """The trajectory an analysis was made for, as it can be read.

    Parameters
    ----------
    universe : Universe
    trajectory : MDAnalysis reader
        The one the universe had when the analysis was made.

    Raises
    ------
    InputError
        For transformations and image flags that give wrong coordinates, and where the universe has
        another trajectory by now.
    """
    if universe.trajectory is not trajectory:
        raise InputError(
            "the universe was given another trajectory (load_new, transfer_to_memory) after this "
            "analysis was made; make a new OnsagerDecomposition for it"
        )
    check_transformations(trajectory)
    check_image_flags(trajectory)
    return trajectory


def check_backend(backend: Any, trajectory: Any) -> None:
    """Refuse unknown backends, and transformations that cannot be sent to other processes."""
    names = ("serial", "multiprocessing", "dask")
    known = backend is None or isinstance(backend, BackendBase) or is_one_of(backend, names)
    if not known and not hasattr(backend, "apply"):
        raise InputError(
            f"backend={shown(backend)} is not known; the backends are {', '.join(names)}, or an "
            "MDAnalysis BackendBase object"
        )
    if is_one_of(backend, (None, "serial")):
        return
    for transformation in trajectory.transformations:
        if not getattr(transformation, "parallelizable", False):
            name = getattr(transformation, "__name__", type(transformation).__name__)
            raise InputError(
                f"backend={backend!r}: the transformation {name} on the trajectory cannot be sent "
                "to other processes; use backend='serial', or a transformation class of MDAnalysis"
            )


def selections_of(species: IonSpecies) -> dict[str, Any]:
    """Selections of the atoms of a species and of its ligands, for the settings."""
    shell = species.microstates
    ligands = {} if shell is None else shell.ligands
    return {
        "atoms": describe_atoms(species.atoms),
        "ligands": {kind: describe_atoms(group) for kind, group in ligands.items()},
    }
