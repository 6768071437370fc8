"""The record of a run before labelling: paths, contacts and settled species.

Carriers are labelled from this record, with any filters and rules, without the trajectory.
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
    """Paths and contacts of a run, before its carriers are labelled.

    Attributes
    ----------
    species : tuple of IonSpecies
        With settled detectors and prepared rules.
    first : numpy.ndarray
        Shape (species + 1,): first carrier of each species, and the number of carriers.
    ligands : tuple of Ligands or None
        The ligand atoms of each species with a detector.
    contacts : mapping of int to GatheredContacts
        By the number of the species.
    tallies : mapping of int to dict
        Counts of `Detector.tally_names`, by the number of the species.
    first_places : mapping of int to numpy.ndarray
        Shape (carriers, 3): fractional positions in the first frame, of species on sites.
    molecule : numpy.ndarray
        Shape (atoms,): molecule of every atom.
    paths : Paths
    positions : tuple of numpy.ndarray
        Of each species, shape (carriers, 3, frames), Angstrom: 0 along directions left out by
        `axes`.
    ligand_paths, ligand_masses : mapping of int to numpy.ndarray
        Of unwrapped ligand atoms: shape (atoms, 3, frames), Angstrom, and (atoms,), u.
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
        Species whose displacements are those from site to site in the path view.
    atoms : CarrierAtoms
    carrier_mass : numpy.ndarray
        Shape (species,), u: mass per carrier where the species hold all mass; else (0,).
    selections : tuple of dict
        Of each species, the selections of its atoms and ligands, for the settings.
    about : dict
        Arguments and trajectory of the run as plain values, for the settings.
    notes : tuple of str
        Warnings of the run.
    folder : ArrayFolder or None
        Folder of the arrays that exceed the memory budget.
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
    """`GatheredRun.positions`: positions by species, 0 along directions left out by `axes`.

    Parameters
    ----------
    paths : Paths
    first : sequence of int
        Shape (species + 1,): first carrier of each species, and the number of carriers.
    axes : str
        Directions that are analysed.
    """
    dropped = [k for k, axis in enumerate("xyz") if axis not in axes]
    return tuple(without_axes(paths.carriers(a, b), dropped) for a, b in pairwise(first))
