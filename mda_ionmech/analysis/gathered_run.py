"""What the frames of a run gave: paths, contacts, and the species with what was settled on them.

Labels follow from this record, again and again with other filters or rules, without the trajectory.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from ..lib.arrays_on_disk import ArrayFolder
from ..microstates.gathered_contacts import GatheredContacts
from ..onsager.labelled_run import CarrierAtoms
from ..species import IonSpecies
from ..trajectory import Paths
from ..trajectory.carriers import Ligands
from ..trajectory.paths import without_axes


@dataclass(frozen=True)
class GatheredRun:
    """A run before its carriers are labelled.

    Attributes
    ----------
    species : tuple of IonSpecies
        With settled detectors and prepared rules.
    first : numpy.ndarray
        Shape (species + 1,): first carrier of each species, and their number.
    ligands : tuple of Ligands or None
        The ligand atoms of each species with a detector.
    contacts : mapping of int to GatheredContacts
        By the number of the species.
    tallies : mapping of int to dict
        What each detector counted beside contacts.
    first_places : mapping of int to numpy.ndarray
        Shape (carriers, 3): fractional positions in the first frame, of species on sites.
    molecule : numpy.ndarray
        Shape (atoms,): molecule of every atom.
    paths : Paths
    positions : tuple of numpy.ndarray
        Of each species, shape (carriers, 3, frames), Angstrom: directions that do not count are 0.
    ligand_paths, ligand_masses : mapping of int to numpy.ndarray
        Of followed ligand atoms: shape (atoms, 3, frames), Angstrom, and (atoms,), u.
    frames, times : numpy.ndarray
        Shape (frames,): numbers in the trajectory, and ps.
    engine_step : numpy.ndarray
        Shape (frames,): step of the MD program, or -1.
    windows, resolutions, horizons : numpy.ndarray
        Lengths to scan, frames.
    temperature : float
        K.
    axes : str
    seed : int
    level : float
    on_sites : frozenset of int
        Species whose labels carry displacements from site to site in the path view.
    atoms : CarrierAtoms
    carrier_mass : numpy.ndarray
        Shape (species,), u: what one carrier stands for, where they stand for all mass; else (0,).
    selections : tuple of dict
        Of each species, the selections of its atoms and ligands, for the settings.
    about : dict
        Choices of the run and its source, as plain values, for the settings.
    notes : tuple of str
        Warnings of the run.
    folder : ArrayFolder or None
        Where arrays beyond the budget live.
    """

    species: tuple[IonSpecies, ...]
    first: np.ndarray
    ligands: tuple[Ligands | None, ...]
    contacts: Mapping[int, GatheredContacts]
    tallies: Mapping[int, dict[str, int]]
    first_places: Mapping[int, np.ndarray]
    molecule: np.ndarray
    paths: Paths
    positions: tuple[np.ndarray, ...]
    ligand_paths: Mapping[int, np.ndarray]
    ligand_masses: Mapping[int, np.ndarray]
    frames: np.ndarray
    times: np.ndarray
    engine_step: np.ndarray
    windows: np.ndarray
    resolutions: np.ndarray
    horizons: np.ndarray
    temperature: float
    axes: str
    seed: int
    level: float
    on_sites: frozenset[int]
    atoms: CarrierAtoms
    carrier_mass: np.ndarray
    selections: tuple[dict[str, Any], ...]
    about: Mapping[str, Any]
    notes: tuple[str, ...]
    folder: ArrayFolder | None


def positions_along(paths: Paths, first: Sequence[int], axes: str) -> tuple[np.ndarray, ...]:
    """`GatheredRun.positions`: those of each species, with directions that do not count set to 0.

    Parameters
    ----------
    paths : Paths
    first : sequence of int
        Shape (species + 1,): first carrier of each species, and their number.
    axes : str
        Directions that count.
    """
    dropped = [k for k, axis in enumerate("xyz") if axis not in axes]
    return tuple(without_axes(paths.carriers(a, b), dropped) for a, b in pairwise(first))
