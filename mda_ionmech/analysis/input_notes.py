"""Warnings about the species and the topology, before frames are read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..lib.errors import warn_user
from ..trajectory.charge_balance import NEUTRAL, charges_in_words, did_you_mean, net_charge
from ..trajectory.masses import AtomMasses
from .molecule_checks import light_site_notes, molecule_notes
from .zero_by_construction import collective_weights, overlap_notes, zero_notes

if TYPE_CHECKING:
    from ..species import IonSpecies
    from ..trajectory.carriers import Members


#: What is said of a run whose species have no event rule.
ONE_EVENT = (
    "no species has an event rule, so that every window has the one label 'all' and nothing is "
    "decomposed: give [species.microstates] and [species.events], in Python microstates=... and "
    "events=..., for the species whose motion is to be split"
)


def without_events(species: Sequence[IonSpecies]) -> bool:
    """Whether a decomposition has one event because no rule was configured."""
    return all(one.events is None for one in species)


def input_notes(
    species: Sequence[IonSpecies],
    universe: Any,
    *,
    molecule: np.ndarray,
    masses: AtomMasses,
    members: Members,
    reference: np.ndarray,
    frame: str,
    framework: np.ndarray | None,
    notes: Sequence[str],
) -> list[str]:
    """Warnings about charges, molecules, masses and the reference.

    Those that concern the numbers are also issued as Python warnings.

    Parameters
    ----------
    species : sequence of IonSpecies
    universe : Universe
    molecule : numpy.ndarray
        Shape (atoms,): molecule id of every atom.
    masses : AtomMasses
    members : Members
        Of the carriers.
    reference : numpy.ndarray
        Shape (atoms,) or (0,): weights of the frame of reference.
    frame : str
    framework : numpy.ndarray or None
        Shape (framework atoms,): indices, where it was given.
    notes : sequence of str
        Warnings so far.

    Returns
    -------
    list of str
        All warnings, for the results.

    Raises
    ------
    InputError
        See `light_site_notes` and `zero_notes`.
    """
    loud = [*notes, *molecule_notes(species, universe, molecule)]
    if len(reference) or any(s.compound for s in species):
        loud += masses.notes
    weights = collective_weights(species, members, reference, len(molecule))
    loud += zero_notes(species, weights, masses.value, frame, framework is not None)
    if framework is not None:
        loud += overlap_notes(species, framework, weights)
    net = net_charge(species)
    # the immobile rest of a crystal holds the other charges
    rest_is_framework = frame == "framework" and len({one.charge > 0 for one in species}) == 1
    if abs(net) > NEUTRAL and not rest_is_framework:
        loud.append(
            f"charges of the listed species sum to {net:+g} e: the conductivity is that of these "
            f"carriers against the {frame} frame; {charges_in_words(species)}; "
            f"{did_you_mean(species)}".rstrip("; ")
        )
    for text in loud:
        warn_user(text)
    quiet = [light_site_notes(one, universe, molecule, masses.value) for one in species]
    alone = [ONE_EVENT] if without_events(species) else []
    return [*loud, *(text for texts in quiet for text in texts), *alone]
