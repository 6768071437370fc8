"""Example trajectories, by name: real molecular dynamics, shipped with the package."""

from __future__ import annotations

import tomllib
from importlib import resources
from pathlib import Path
from typing import Any

from ..lib.checks import positive
from ..lib.errors import InputError

__all__ = ["crystal", "describe", "liquid", "list", "load", "melt", "path", "polymer"]

_NAMES = ("liquid", "crystal", "polymer", "melt")


def list() -> tuple[str, ...]:  # the name users expect of a data module
    """Names of the shipped trajectories.

    Returns
    -------
    tuple of str
    """
    return _NAMES


def path(name: str) -> Path:
    """Folder of a shipped trajectory.

    Parameters
    ----------
    name : str
        One of `list`.

    Returns
    -------
    pathlib.Path

    Raises
    ------
    InputError
        For an unknown name.
    """
    if not isinstance(name, str) or name not in _NAMES:
        raise InputError(f"dataset {name!r} is not shipped; the names are {', '.join(_NAMES)}")
    return Path(str(resources.files("mda_ionmech"))) / "datasets" / name


def describe(name: str) -> dict[str, Any]:
    """System, force field with its citations, engine, provenance and files of a dataset.

    Parameters
    ----------
    name : str
        One of `list`.

    Returns
    -------
    dict
    """
    with open(path(name) / "dataset.toml", "rb") as file:
        return tomllib.load(file)


def load(name: str, temperature: float | None = None) -> Any:
    """Universe of a shipped trajectory, with elements set.

    Parameters
    ----------
    name : str
    temperature : float, optional
        K, where a dataset holds several; default that of its description.

    Returns
    -------
    MDAnalysis.Universe

    Raises
    ------
    InputError
        For an unknown name or temperature.
    """
    import MDAnalysis as mda

    facts = describe(name)
    offered = facts.get("temperatures_K", [facts["temperature_K"]])
    chosen = facts["temperature_K"]
    if temperature is not None:
        chosen = positive("temperature", temperature, "K", "give one of the dataset, or None")
    if chosen not in offered:
        listed = ", ".join(f"{t:g}" for t in offered)
        raise InputError(f"temperature={chosen:g}: dataset {name!r} holds {listed} K")
    files = [facts["topology"], *facts["trajectory"]]
    names = [str(path(name) / f.format(temperature=f"{chosen:g}")) for f in files]
    universe = mda.Universe(names[0], names[1:], **facts.get("universe", {}))
    if "element_of_type" in facts:
        elements = [facts["element_of_type"][str(t)] for t in universe.atoms.types]
        universe.add_TopologyAttr("names", elements)
    else:
        kinds = (str(n).rstrip("0123456789") for n in universe.atoms.names)
        elements = [facts["element_of_name"][k] for k in kinds]
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


def crystal(temperature: float = 800) -> Any:
    """Cubic Li7La3Zr2O12, one cell, NVT, 5001 frames 0.1 ps apart, unwrapped coordinates.

    Names and elements ``Li``, ``La``, ``Zr``, ``O``. Its ideal structure with the sites of lithium
    is ``datasets.path("crystal") / "llzo.cif"``.

    Parameters
    ----------
    temperature : {500, 600, 800}
        K.

    Returns
    -------
    MDAnalysis.Universe
    """
    return load("crystal", temperature)


def polymer() -> Any:
    """20 chains of 12 ether oxygens + 15 LiTFSI at 480 K, NVT, 2863 frames 2 ps apart, heavy atoms.

    Residues ``LI``, ``TFS`` and ``PEO``, one residue a chain; wrapped coordinates, molecules may be
    broken. Li+ changes its chain 34 times in these 5.7 ns.

    Returns
    -------
    MDAnalysis.Universe
    """
    return load("polymer")


def melt() -> Any:
    """Molten NaCl, 108 pairs of ions at 1200 K, NVT, 1001 frames 0.1 ps apart, unwrapped.

    Names and elements ``Na``, ``Cl``.

    Returns
    -------
    MDAnalysis.Universe
    """
    return load("melt")
