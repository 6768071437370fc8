"""What the contacts in a store depend on: one of other detectors is not gone on with."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..lib.frozen import is_frozen
from ..lib.topology import digest
from ..microstates import SiteAssignment
from ..species import Detector
from ..trajectory.carriers import Ligands

#: What of a detector acts on contacts that were gathered, or is told by other entries.
_LATER = {"persistence", "persistence_ps", "ligands"}


def about_detector(detector: Detector, ligands: Ligands) -> dict[str, Any]:
    """A detector as plain values, but for what acts on contacts that were gathered.

    Parameters
    ----------
    detector : Detector
        As settled on the trajectory.
    ligands : Ligands
        The atoms it looks at.
    """
    about = {k: v for k, v in detector.describe().items() if k not in _LATER}
    about["ligands"] = digest(ligands.atom, ligands.kind, ligands.other_atom)
    if isinstance(detector, SiteAssignment):
        names = "\n".join(detector.labels).encode()
        about["sites"] = digest(detector.sites_in_cell, np.frombuffer(names, dtype=np.uint8))
    if not is_frozen(detector):  # of a user, whose description may lack what it depends on
        kept = {name: _plain(value) for name, value in vars(detector).items() if name not in _LATER}
        about["attributes"] = {name: value for name, value in kept.items() if value is not None}
    return about


def _plain(value: Any) -> Any:
    """A number, text or array as what JSON can hold; None for anything else."""
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
