"""Against what displacements are measured, and when a choice makes no sense.

R_ref is subtracted from every path before any sum. The conductivity does not depend on it only
if all charged carriers are listed; every single L_AB and transference number always does.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..lib.errors import InputError

if TYPE_CHECKING:
    from ..species import IonSpecies

FRAMES = ("barycentric", "framework", "solvent", "laboratory")


def resolve_frame(frame: str, species: Sequence[IonSpecies]) -> str:
    """The frame of reference in use, refused where it has no meaning.

    Parameters
    ----------
    frame : {"auto", "barycentric", "framework", "solvent", "laboratory"}
        ``auto`` is ``framework`` where a species lives on sites, else ``barycentric``.
    species : sequence of IonSpecies

    Raises
    ------
    InputError
        For an unknown name, and for ``barycentric`` or ``solvent`` when the listed carriers are
        not neutral: a charged remainder then moves with the reference and belongs to no carrier.
    """
    if frame == "auto":
        on_sites = any(getattr(s.microstates, "has_sites", False) for s in species)
        frame = "framework" if on_sites else "barycentric"
    if frame not in FRAMES:
        raise InputError(f"frame must be 'auto' or one of {FRAMES}, got {frame!r}")
    net = sum(s.charge * s.n_carriers for s in species)
    if frame in ("barycentric", "solvent") and abs(net) > 1e-6:
        raise InputError(
            f"frame={frame!r} needs all charged carriers: the charges of the listed species sum to "
            f"{net:+g} e, so a charged remainder moves with the reference and the conductivity "
            "would depend on it; list the missing ions as further IonSpecies, or use "
            "frame='framework' (with framework=atoms) or frame='laboratory'"
        )
    return frame


def usable_masses(universe: Any, purpose: str) -> np.ndarray:
    """Masses of all atoms, checked: guessed masses are often 0 or all equal.

    Where they are, masses of the elements replace them if the topology knows the elements.

    Returns
    -------
    numpy.ndarray
        Shape (atoms,), float64.

    Raises
    ------
    InputError
        If neither is usable.
    """
    atoms = universe.atoms
    masses = np.asarray(getattr(atoms, "masses", np.zeros(len(atoms))), dtype=np.float64)

    def trustworthy(values: np.ndarray, elements: np.ndarray | None) -> bool:
        if not np.all(np.isfinite(values)) or np.any(values <= 0):
            return False
        one_kind = elements is not None and len(set(elements)) == 1 and elements[0] != ""
        return bool(one_kind or len(values) == 1 or np.ptp(values) > 0)

    elements = np.asarray(atoms.elements) if hasattr(atoms, "elements") else None
    if trustworthy(masses, elements):
        return masses
    if elements is not None:
        from MDAnalysis.guesser.tables import masses as table

        mass_of = {symbol.upper(): mass for symbol, mass in table.items()}
        masses = np.array([mass_of.get(str(e).upper(), 0.0) for e in elements])
        if trustworthy(masses, elements):
            return masses
    state = "zero for some atoms" if np.any(masses <= 0) else "the same for every atom"
    raise InputError(
        f"masses are needed for {purpose} but are {state}; set them with "
        "universe.add_TopologyAttr('masses', values), or give elements with "
        "universe.add_TopologyAttr('elements', symbols)"
    )


def reference_weights(
    frame: str, species: Sequence[IonSpecies], framework: Any, universe: Any
) -> np.ndarray:
    """Weight of every atom in the reference position; empty for the laboratory frame.

    Parameters
    ----------
    frame : str
        As `resolve_frame` returned it.
    species : sequence of IonSpecies
    framework : AtomGroup or None
        The immobile sublattice; by default every atom of no species.
    universe : Universe

    Returns
    -------
    numpy.ndarray
        Shape (atoms,) summing to 1, or (0,).

    Raises
    ------
    InputError
        If the group the frame needs is empty, or masses are unusable.
    """
    n_atoms = universe.atoms.n_atoms
    if frame == "laboratory":
        return np.empty(0)
    chosen = np.ones(n_atoms, dtype=bool)
    if frame == "framework" and framework is not None:
        chosen[:] = False
        chosen[framework.ix] = True
    elif frame in ("framework", "solvent"):
        for one in species:
            chosen[one.atoms.ix] = False
    if not chosen.any():
        raise InputError(
            f"frame={frame!r} needs atoms that belong to no species, and there are none; give "
            "framework=atoms, or use frame='laboratory'"
        )
    masses = usable_masses(universe, f"frame={frame!r}")
    weights = np.where(chosen, masses, 0.0)
    return weights / weights.sum()
