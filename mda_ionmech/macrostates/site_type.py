"""Site type: the label of the site that a carrier occupies, e.g. its Wyckoff position."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..lib.errors import InputError
from ..lib.frozen import frozen
from .base import MacrostateRule, Macrostates, RunStates, map_shells

if TYPE_CHECKING:
    from ..species import IonSpecies


@frozen
class SiteType(MacrostateRule):
    """Label of the site that each carrier occupies; the names are those of its SiteAssignment.

    Transitions between site types are then hop channels (pairs of labels), with their populations,
    probabilities and contributions.

    Notes
    -----
    With ``assignment="nearest"`` the labels depend on single frames alone, so that by time reversal
    L[m -> m'] = L[m' -> m]; with core sets this does not hold for windows as short as a hop.
    """

    def check(self, species: Sequence[IonSpecies], index: int) -> None:
        """Refuse a species whose detector finds no sites.

        Parameters
        ----------
        species : sequence of IonSpecies
            All species of the run.
        index : int
            Number of the one with this rule.

        Raises
        ------
        InputError
            Naming the detector that is needed.
        """
        if not getattr(species[index].microstates, "has_sites", False):
            raise InputError(
                f"SiteType of species {species[index].name!r} needs sites: give it "
                "microstates=SiteAssignment.from_cif(...), from_structure(...) or from_density(...)"
            )

    def assign(self, states: RunStates, index: int) -> Macrostates:
        """Macrostates of one species; see `MacrostateRule.assign`."""
        micro = states.microstates[index]
        assert micro is not None
        return map_shells(states, index, micro.shells.types, lambda shells: shells.kind)
