"""The parameters on which contacts in a store depend, to refuse a store of other detectors."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..lib.frozen import is_frozen
from ..lib.topology import digest
from ..microstates import CageAssignment, SiteAssignment
from ..species import Detector
from ..trajectory.carriers import Ligands

#: Attributes of a detector that act on stored contacts only, or are covered by other entries.
_LATER = {"persistence", "persistence_ps", "ligands", "hop_time"}
#: Those of cages, which are found from the paths alone.
_OF_CAGES = {"time_ps", "distance_angstrom"}


def about_detector(detector: Detector, ligands: Ligands) -> dict[str, Any]:
    """A detector as plain values, without the parameters that act on stored contacts only.

    Parameters
    ----------
    detector : Detector
        As settled on the trajectory.
    ligands : Ligands
        Its ligand atoms.
    """
    later = _LATER | _OF_CAGES if isinstance(detector, CageAssignment) else _LATER
    about = {k: v for k, v in detector.describe().items() if k not in later}
    about["ligands"] = digest(ligands.atom, ligands.kind, ligands.other_atom)
    if isinstance(detector, SiteAssignment):
        names = "\n".join(detector.labels).encode()
        about["core_radii"] = list(detector.radii)
        about["sites"] = digest(detector.sites_in_cell, np.frombuffer(names, dtype=np.uint8))
    if not is_frozen(detector):  # a user's own, whose description may be incomplete
        kept = {name: _plain(value) for name, value in vars(detector).items() if name not in _LATER}
        about["attributes"] = {name: value for name, value in kept.items() if value is not None}
    return about


def _plain(value: Any) -> Any:
    """A number, text or array as a JSON value; None for anything else."""
    if isinstance(value, np.ndarray) and value.dtype.kind in "biufcSU":
        return digest(value)
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, dict):
        return {str(name): _plain(one) for name, one in value.items()}
    return None
