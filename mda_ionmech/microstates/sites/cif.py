"""Sites and framework from a CIF, read by gemmi, with Wyckoff positions from spglib."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform

from ...lib.errors import InputError
from .merged_sites import merge_sites


@dataclass(frozen=True)
class CrystalSites:
    """One cell of the ideal structure.

    Attributes
    ----------
    sites : numpy.ndarray
        Shape (sites, 3): fractional positions that the mobile species may occupy.
    labels : tuple of str
        Multiplicity and Wyckoff letter of each, e.g. ``24d``.
    framework : numpy.ndarray
        Shape (atoms, 3): fractional positions of all other atoms.
    elements : tuple of str
        Element of each.
    lengths : numpy.ndarray
        Shape (3,), Angstrom.
    """

    sites: np.ndarray
    labels: tuple[str, ...]
    framework: np.ndarray
    elements: tuple[str, ...]
    lengths: np.ndarray


def merged(positions: np.ndarray, cell: np.ndarray, distance: float) -> np.ndarray:
    """Positions of one orbit, those closer than `distance` replaced by their mean."""
    if len(positions) < 2 or distance <= 0:
        return positions
    difference = positions[:, None] - positions[None]
    difference -= np.rint(difference)
    apart = np.linalg.norm(difference @ cell, axis=-1)
    group = fcluster(linkage(squareform(apart, checks=False), "single"), distance, "distance")
    middles = []
    for k in np.unique(group):
        members = positions[group == k]
        offset = members - members[0]
        offset -= np.rint(offset)
        middles.append((members[0] + offset.mean(axis=0)) % 1.0)
    return np.array(middles)


def import_crystal_packages() -> None:
    """Refuse to read structures without gemmi and spglib."""
    try:
        import gemmi  # noqa: F401
        import spglib  # noqa: F401
    except ImportError as error:
        raise ImportError(
            'reading a CIF needs gemmi and spglib: pip install "mda-ionmech[crystal]"'
        ) from error


def _read(path: Path) -> Any:
    """The structure of a CIF, as gemmi has it."""
    import gemmi

    if not path.is_file():
        what = "; this is a folder, give a file in it" if path.is_dir() else ""
        raise FileNotFoundError(f"no CIF at {path}{what}")
    try:
        structure = gemmi.read_small_structure(str(path))
    except Exception as error:
        raise InputError(f"{path} cannot be read as a CIF: {error}") from error
    if not structure.sites or structure.cell.volume < 2:
        raise InputError(f"{path} holds no atom sites with a cell")
    return structure


def cell_and_elements(path: Path) -> tuple[np.ndarray, frozenset[str]]:
    """Lengths of the cell vectors of a CIF, shape (3,), Angstrom, and the elements it holds.

    Raises
    ------
    InputError, FileNotFoundError
        If it cannot be read.
    ImportError
        Without the extra ``crystal``.
    """
    import_crystal_packages()
    structure = _read(path)
    held = frozenset(site.element.name for site in structure.sites)
    return np.array(structure.cell.parameters[:3]), held


def sites_from_cif(
    path: str | Path, species: str | Sequence[str], merge: float, across: bool = False
) -> CrystalSites:
    """All positions of the orbits of the mobile species, whatever their occupancy.

    Parameters
    ----------
    path : path-like
    species : str or sequence of str
        Elements of the mobile species.
    merge : float
        Angstrom; see `SiteAssignment.from_cif`.
    across : bool
        Positions of different orbits are merged too.

    Raises
    ------
    InputError
        If the file cannot be read or does not hold the species.
    ImportError
        Without the extra ``crystal``.
    """
    import_crystal_packages()
    import spglib

    structure = _read(Path(path))
    mobile = {species} if isinstance(species, str) else set(species)
    held = {site.element.name for site in structure.sites}
    if not mobile <= held:
        lacking = ", ".join(sorted(mobile - held))
        raise InputError(
            f"species={lacking!r} is not in {Path(path).name}, which holds "
            f"{', '.join(sorted(held))}; give the element as the file writes it"
        )
    parameters = structure.cell.parameters
    cell = np.array(structure.cell.orth.mat.tolist()).T
    orbits: dict[str, list[list[float]]] = {}
    element_of: dict[str, str] = {}
    for site in structure.get_all_unit_cell_sites():
        orbits.setdefault(site.label, []).append(site.fract.tolist())
        element_of[site.label] = site.element.name
    positions, numbers, is_site, elements = [], [], [], []
    split: list[tuple[str, np.ndarray]] = []
    for number, (label, listed) in enumerate(orbits.items(), start=1):
        found = np.array(listed) % 1.0
        mine = element_of[label] in mobile
        if mine and across:
            split.append((label, found))
            continue
        if mine:
            found = merged(found, cell, merge)
        positions.append(found)
        numbers += [number] * len(found)
        is_site += [mine] * len(found)
        elements += [element_of[label]] * len(found)
    if split:
        found, joined = merge_sites(
            np.concatenate([x for _, x in split]),
            [label for label, x in split for _ in x],
            cell, merge, across=True,
        )  # fmt: skip
        kinds = list(dict.fromkeys(joined))
        positions.append(found)
        numbers += [len(orbits) + 1 + kinds.index(x) for x in joined]
        is_site += [True] * len(found)
        elements += [""] * len(found)
    all_positions = np.concatenate(positions)
    chosen = np.array(is_site)
    crystal: Any = (cell, all_positions, numbers)
    data: Any = spglib.get_symmetry_dataset(crystal, symprec=1e-3)
    if data is None:
        raise InputError(f"spglib finds no symmetry in {Path(path).name}: are atoms overlapping?")
    # multiplicities are those of the conventional cell in the file
    orbit, count = np.unique(data.crystallographic_orbits, return_counts=True)
    size = dict(zip(orbit.tolist(), count.tolist(), strict=True))
    labels = [
        f"{size[int(o)]}{letter}"
        for o, letter in zip(data.crystallographic_orbits, data.wyckoffs, strict=True)
    ]
    return CrystalSites(
        sites=all_positions[chosen],
        labels=tuple(x for x, mine in zip(labels, chosen, strict=True) if mine),
        framework=all_positions[~chosen],
        elements=tuple(e for e, mine in zip(elements, chosen, strict=True) if not mine),
        lengths=np.array(parameters[:3]),
    )
