"""Ion pairing: the component of the cation-anion contact graph that holds a carrier.

No anion: SSIP (free ions included). One cation and one anion: CIP. Larger: AGG.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import InputError
from ..kernels import kernel
from .base import MacrostateRule, Macrostates, RunStates

if TYPE_CHECKING:
    from ..species import IonSpecies


@kernel
def _components(state, offsets, nodes, n_nodes, plus, minus):  # type: ignore[no-untyped-def]
    """Cluster composition in every frame, by union-find.

    state (carriers, frames): row of offsets (shells + 1,) into nodes, the anion nodes in contact
    with a carrier in that state; nodes are numbered from 0. Fills plus and minus, each (carriers +
    n_nodes, frames) int16: the cations and anions in the cluster of each carrier, then anion.
    """
    n_carriers, n_frames = state.shape
    n = n_carriers + n_nodes
    root = np.empty(n, dtype=np.int64)
    cations = np.empty(n, dtype=np.int64)
    anions = np.empty(n, dtype=np.int64)
    for t in range(n_frames):
        for i in range(n):
            root[i] = i
            cations[i] = 1 if i < n_carriers else 0
            anions[i] = 0 if i < n_carriers else 1
        for i in range(n_carriers):
            for m in range(offsets[state[i, t]], offsets[state[i, t] + 1]):
                a = i
                while root[a] != a:
                    root[a] = root[root[a]]
                    a = root[a]
                b = n_carriers + nodes[m]
                while root[b] != b:
                    root[b] = root[root[b]]
                    b = root[b]
                if a != b:
                    root[b] = a
                    cations[a] += cations[b]
                    anions[a] += anions[b]
        for i in range(n):
            a = i
            while root[a] != a:
                a = root[a]
            plus[i, t] = cations[a]
            minus[i, t] = anions[a]


class IonPairing(MacrostateRule):
    """SSIP, CIP or AGG, from the cluster of cations and anions that holds a carrier.

    The contacts are those that the detectors of the cations found with the ligand type `anion`;
    give the same rule to the anion species to label the anions by the same clusters. The
    composition (n+, n-) of every cluster is kept in `Macrostates.composition`.

    Cost: linear in carriers and contacts per frame (numba union-find).

    Parameters
    ----------
    anion : str
        The ligand type, in the detectors of the cations, that holds the anions' atoms.

    Notes
    -----
    SSIP: no counter-ion in the component (free ions included); CIP: one cation and one anion;
    AGG: larger.
    """

    names = ("SSIP", "CIP", "AGG")

    def __init__(self, anion: str = "anion") -> None:
        self.anion = anion

    def _sees_anions(self, species: IonSpecies) -> bool:
        detector = species.microstates
        return detector is not None and self.anion in detector.ligand_types

    def check(self, species: Sequence[IonSpecies], index: int) -> None:
        seeing = [s for s in species if self._sees_anions(s)]
        name = species[index].name
        if not seeing:
            raise InputError(
                f"IonPairing(anion={self.anion!r}) of species {name!r}: no species has a detector "
                f"with a ligand type {self.anion!r}; add it to the cations' detector, e.g. "
                f"CutoffShell({self.anion}=universe.select_atoms(...))"
            )
        if self._sees_anions(species[index]):
            return
        mine = set(species[index].atoms.ix.tolist())
        theirs = {
            int(i)
            for s in seeing
            if s.microstates is not None
            for i in s.microstates.ligands[self.anion].ix
        }
        if not mine & theirs:
            raise InputError(
                f"IonPairing of species {name!r}: none of its atoms is a ligand of type "
                f"{self.anion!r} of another species, and it has no detector that sees them"
            )

    def assign(self, states: RunStates, index: int) -> Macrostates:
        """Macrostates of one species; see `MacrostateRule.assign`."""
        seeing = [k for k, s in enumerate(states.species) if self._sees_anions(s)]
        offsets, nodes, rows, first_row = [np.zeros(1, dtype=np.int64)], [], [], {}
        shift = members = n_carriers = 0
        for k in seeing:
            micro = states.microstates[k]
            assert micro is not None
            kinds = np.array([t == self.anion for t in micro.shells.types])
            ends, molecules = micro.shells.distinct_molecules(kinds)
            offsets.append(ends[1:] + members)
            nodes.append(molecules)
            rows.append(micro.state.T.astype(np.int64) + shift)
            first_row[k] = n_carriers
            shift += len(micro.shells)
            members += len(molecules)
            n_carriers += micro.state.shape[1]
        anion_molecules, node = np.unique(np.concatenate(nodes), return_inverse=True)
        shape = (n_carriers + len(anion_molecules), states.n_frames)
        plus, minus = np.empty(shape, dtype=np.int16), np.empty(shape, dtype=np.int16)
        _components(
            np.concatenate(rows), np.concatenate(offsets), node, len(anion_molecules), plus, minus
        )
        mine = states.species[index]
        if index in first_row:
            take = slice(first_row[index], first_row[index] + mine.n_carriers)
            plus, minus = plus[take], minus[take]
        else:
            first_atom = np.unique(mine.carrier_of_atom, return_index=True)[1]
            molecule = states.molecule[mine.atoms.ix[first_atom]]
            place = np.searchsorted(anion_molecules, molecule)
            place = np.minimum(place, max(len(anion_molecules) - 1, 0))
            met = (
                anion_molecules[place] == molecule
                if len(anion_molecules)
                else np.zeros(len(molecule), dtype=bool)
            )
            # an anion no cation ever touched is alone
            rows_of = np.where(met, n_carriers + place, 0)
            plus = np.where(met[:, None], plus[rows_of], 0).astype(np.int16)
            minus = np.where(met[:, None], minus[rows_of], 1).astype(np.int16)
        partners = plus + minus - 1
        pair = (plus == 1) & (minus == 1)
        state = np.where(partners == 0, 0, np.where(pair, 1, 2)).astype(np.int16)
        return Macrostates(
            state=state.T, names=self.names, composition=np.stack([plus.T, minus.T], axis=-1)
        )

    def describe(self) -> dict[str, Any]:
        return super().describe() | {"anion": self.anion}
