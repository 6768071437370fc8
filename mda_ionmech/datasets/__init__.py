"""Example trajectories, by name: real molecular dynamics, shipped with the package."""

from __future__ import annotations

import tomllib
from importlib import resources
from pathlib import Path
from typing import Any

from ..errors import InputError

__all__ = ["describe", "liquid", "list", "load", "path"]

_NAMES = ("liquid",)


def list() -> tuple[str, ...]:  # the name users expect of a data module
    """Names of the shipped trajectories."""
    return _NAMES


def path(name: str) -> Path:
    """Folder of a shipped trajectory.

    Raises
    ------
    InputError
        For an unknown name.
    """
    if name not in _NAMES:
        raise InputError(f"dataset {name!r} is not shipped; the names are {', '.join(_NAMES)}")
    return Path(str(resources.files("mda_ionmech"))) / "datasets" / name


def describe(name: str) -> dict[str, Any]:
    """System, force field with its citations, engine, provenance and files of a dataset."""
    with open(path(name) / "dataset.toml", "rb") as file:
        return tomllib.load(file)


def load(name: str) -> Any:
    """Universe of a shipped trajectory, with elements set.

    Returns
    -------
    MDAnalysis.Universe
    """
    import MDAnalysis as mda

    facts = describe(name)
    folder = path(name)
    universe = mda.Universe(
        str(folder / facts["topology"]), [str(folder / part) for part in facts["trajectory"]]
    )
    elements = [facts["element_of_name"][str(n).rstrip("0123456789")] for n in universe.atoms.names]
    universe.add_TopologyAttr("elements", elements)
    return universe


def liquid() -> Any:
    """16 LiTFSI + 224 acetonitrile at 330 K, NVT, 3001 frames 1 ps apart, heavy atoms.

    Residues ``LI``, ``TFS`` and ``ACN``; wrapped coordinates, molecules may be broken.

    Returns
    -------
    MDAnalysis.Universe
    """
    return load("liquid")
