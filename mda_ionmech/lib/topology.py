"""Descriptions and checks of atom groups of a topology."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from itertools import combinations, product
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .checks import shown
from .errors import InputError
from .write_targets import protect_inputs

if TYPE_CHECKING:
    from MDAnalysis import AtomGroup

#: Arguments of a universe that change nothing at these values.
_UNIVERSE_DEFAULTS = {
    "guess_bonds": False, "fudge_factor": 0.55, "lower_bound": 0.1, "in_memory": False,
    "in_memory_step": 1, "all_coordinates": False,
}  # fmt: skip
#: Longest selection that is shown in a message, characters.
LONGEST_SELECTION = 60


def describe_atoms(atoms: AtomGroup) -> str:
    """A short selection string that gives these atoms in their universe.

    Names are tried first (``resname TFS and name O1 O2``); a string is kept only if it selects
    exactly these atoms. Otherwise their indices are listed as ranges.
    """
    universe = atoms.universe
    wanted = np.sort(atoms.ix)
    if len(wanted) == universe.atoms.n_atoms:
        return "all"
    keywords = [("resname", "resnames"), ("name", "names"), ("type", "types")]
    parts = []
    for keyword, attribute in keywords:
        if hasattr(atoms, attribute):
            values = sorted(map(str, set(getattr(atoms, attribute))))
            plain = all(v and v.replace("_", "").replace("-", "").isalnum() for v in values)
            if plain and len(values) <= 30:
                parts.append(f"{keyword} {' '.join(values)}")
    for use in sorted(product([False, True], repeat=len(parts)), key=sum):
        text = " and ".join(p for p, used in zip(parts, use, strict=True) if used)
        if text and np.array_equal(np.sort(universe.select_atoms(text).ix), wanted):
            return text
    gaps = np.flatnonzero(np.diff(wanted) > 1)
    first = wanted[np.concatenate([[0], gaps + 1])].tolist()
    last = wanted[np.concatenate([gaps, [len(wanted) - 1]])].tolist()
    ranges = [f"{a}" if a == b else f"{a}:{b}" for a, b in zip(first, last, strict=True)]
    return "index " + " ".join(ranges)


def atom_ids(universe: Any) -> np.ndarray:
    """Atom identifiers as in files, shape (atoms,), int64.

    Index + 1 where the topology has none, or counts from 0 as MDAnalysis does for PSF.
    """
    atoms = universe.atoms
    ids = np.asarray(getattr(atoms, "ids", atoms.ix + 1), dtype=np.int64)
    return ids if ids.min() > 0 else atoms.ix + 1


def source_files(universe: Any) -> list[dict[str, Any]]:
    """Name, size and checksum of the files behind coordinates that were read into memory."""
    return list(getattr(universe.trajectory, "_kwargs", {}).get("source_files", []))


def universe_files(universe: Any) -> dict[str, Any]:
    """Files of a universe with their folders, and the options they were opened with.

    Returns
    -------
    dict
        ``topology``, absolute path or None; ``trajectory``, list of absolute paths, empty for
        coordinates in memory; ``options``, arguments of the universe that are plain values.
    """
    given = dict(getattr(universe, "_kwargs", {}))
    known = given.pop("opened_files", {})
    reader = universe.trajectory
    names = getattr(reader, "_kwargs", {}).get("source_paths")
    if names is None:
        names = getattr(reader, "filenames", None)
    names = [getattr(reader, "filename", None)] if names is None else list(names)
    topology = universe.filename
    options = known.get("options") or {
        key: value
        for key, value in given.items()
        if value is not None
        and not (key in _UNIVERSE_DEFAULTS and value == _UNIVERSE_DEFAULTS[key])
    }
    trajectory = [str(Path(str(n)).absolute()) for n in names if isinstance(n, str | PathLike)]
    return {
        "topology": None if topology is None else str(Path(str(topology)).absolute()),
        "trajectory": trajectory,
        **known,
        "options": {
            key: str(Path(value).absolute()) if key == "cell_file" else value
            for key, value in options.items()
            if key == "cell_file" or _is_plain(value)
        },
    }


def _is_plain(value: Any) -> bool:
    """Whether a settings file can hold a value."""
    try:
        json.dumps(value)
    except (TypeError, ValueError):
        return False
    return True


def protect_files(universe: Any) -> None:
    """Never write to the topology and trajectory of a universe in this process."""
    files = universe_files(universe)
    named = [files["topology"], *files["trajectory"], files["options"].get("cell_file")]
    protect_inputs(name for name in named if name is not None)


def trajectory_name(universe: Any) -> str:
    """File names of a universe's trajectory, without their folders."""
    reader = universe.trajectory
    if records := source_files(universe):
        return ", ".join(str(one["name"]) for one in records)
    names = getattr(reader, "filenames", None)
    names = [reader.filename] if names is None else list(names)
    return ", ".join(Path(str(n)).name for n in names if n is not None) or "in memory"


def atom_kinds(universe: Any) -> tuple[np.ndarray, np.ndarray]:
    """Elements of all atoms as `elements_of` finds them; types of those whose element is unknown.

    Returns the distinct names, sorted, and the number of every atom's among them, shape (atoms,).
    """
    import pandas as pd

    from .elements import elements_of

    elements = elements_of(universe)
    types = getattr(universe.atoms, "types", np.full(len(elements), "X"))
    kinds = np.where(elements == "", np.asarray(types, dtype=object), elements.astype(object))

    code, found = pd.factorize(np.asarray(kinds, dtype=object), use_na_sentinel=False)
    names, place = np.unique([str(k) for k in found], return_inverse=True)
    return names, place[code]


def digest(*arrays: np.ndarray) -> str:
    """A short checksum of the bytes of arrays."""
    found = hashlib.sha256()
    for array in arrays:
        found.update(np.ascontiguousarray(array).tobytes())
    return found.hexdigest()[:16]


def check_atom_group(atoms: Any, argument: str) -> None:
    """Refuse anything but a fixed, non-empty group of distinct atoms.

    Parameters
    ----------
    atoms : AtomGroup
        The group as given by the user.
    argument : str
        Its name, for the message.

    Raises
    ------
    TypeError
        If it is not an AtomGroup.
    InputError
        If it is empty, updating, or holds an atom twice.
    """
    from MDAnalysis import AtomGroup
    from MDAnalysis.core.groups import UpdatingAtomGroup

    if not isinstance(atoms, AtomGroup):
        raise TypeError(f"{argument} must be an MDAnalysis AtomGroup, got {_got_and_remedy(atoms)}")
    if isinstance(atoms, UpdatingAtomGroup):
        raise InputError(
            f"{argument} is an updating AtomGroup: carriers and ligands must be the same atoms in "
            "every frame; select again without updating=True"
        )
    if atoms.n_atoms == 0:
        raise InputError(
            f"{argument} is an empty AtomGroup: its selection matched no atom; look at "
            "set(universe.atoms.resnames) and set(universe.atoms.names) for the names in use"
        )
    if np.bincount(atoms.ix).max() > 1:
        raise InputError(f"{argument} holds an atom more than once; pass atoms.unique")


def _got_and_remedy(given: Any) -> str:
    """What was given in place of atoms, and how to get them from it."""
    if isinstance(given, str):
        selection = shown(given)
        return f"str {selection}; give the atoms: universe.select_atoms({selection})"
    kind = type(given).__name__
    if kind in ("ResidueGroup", "SegmentGroup", "Residue", "Segment"):
        return f"{kind}; give its .atoms"
    return f"{kind}; make one with universe.select_atoms(...)"


def check_apart(groups: Mapping[str, AtomGroup], rule: str, called: str = "{} and {}") -> None:
    """Refuse groups of one universe that share atoms, and say how to separate them.

    Parameters
    ----------
    groups : mapping of str to AtomGroup
        Groups by their names in the message.
    rule : str
        Why they must not share atoms.
    called : str
        Format of the two names of a pair.

    Raises
    ------
    InputError
        Naming the number of shared atoms and the first of them.
    """
    for (a, first), (b, second) in combinations(groups.items(), 2):
        if first.universe is not second.universe:  # refused elsewhere
            continue
        both = np.intersect1d(first.ix, second.ix, assume_unique=True)
        if not len(both):
            continue
        atom = first.universe.atoms[both[0]]
        labels = [(word, getattr(atom, word, "")) for word in ("name", "type", "resname")]
        known = ", ".join(f"{word} {label}" for word, label in labels if label)
        if len(both) == len(first) == len(second):
            remedy = f"both are the same {len(both)} atoms; give each a selection of its own"
        else:
            taken, kept = (first, b) if len(both) == len(first) else (second, a)
            less = a if kept == b else b
            text = describe_atoms(taken)
            shared = "1 atom is" if len(both) == 1 else f"{len(both)} atoms are"
            ending = text if len(text) <= LONGEST_SELECTION else "..."
            remedy = (
                f"{shared} in both, of {len(first)} and {len(second)}; take those of "
                f"{less} out of {kept}, with atoms.difference(others) or with 'and not ({ending})' "
                f"at the end of the selection of {kept}"
            )
        raise InputError(
            f"{called.format(a, b)} overlap in atom index {both[0]}"
            f"{f' ({known})' if known else ''}; {rule}: {remedy}"
        )
