"""Whether the finite-size correction of hydrodynamic flow holds for a run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..lib.errors import InputError


def check_flows(settings: Mapping[str, Any], what: str, remedy: str) -> None:
    """Refuse runs of crystals and polymers, to which the correction of a liquid does not apply.

    Parameters
    ----------
    settings : mapping
        Of the result.
    what : str
        What asks for the correction.
    remedy : str
        What to do instead.

    Raises
    ------
    InputError
    """
    rules = {(s.get("events") or {}).get("rule", "") for s in settings["species"]}
    if "PolymerEvents" in rules:
        raise InputError(
            f"{what}: the correction is that of a simple viscous liquid, and this run has "
            "PolymerEvents: over the size of the cell chains resist flow with a viscosity that "
            f"depends on length and time; {remedy}"
        )
    if "CrystalEvents" in rules:
        raise InputError(
            f"{what}: the correction is due to flow, and a crystal does not flow; {remedy}"
        )
