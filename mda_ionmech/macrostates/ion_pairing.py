"""Ion pairing: the component of the cation-anion contact graph that holds a carrier, or its shell.

No counter-ion: SSIP (free ions included). One cation and one anion: CIP. Larger: AGG.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..lib.arrays_on_disk import GrowingArray, new_array
from ..lib.checks import is_one_of, shown
from ..lib.errors import InputError
from ..lib.frozen import frozen
from ..lib.grouping import sort_by_group
from ..lib.kernels import kernel
from ..lib.molecules import distinct
from ..lib.run_length import runs_in_time
from .base import MacrostateRule, Macrostates, RunStates

if TYPE_CHECKING:
    from ..species import IonSpecies


#: A contact of a cation with an anion over frames [begin, end).
CONTACT = np.dtype([("cation", "i4"), ("anion", "i4"), ("begin", "i4"), ("end", "i4")])
#: Size of arrays that are processed at once, bytes.
BLOCK_BYTES = 2**23


@kernel
def _contacts(offsets, start, value, n_frames, shell_offsets, anion, shift, out):  # type: ignore[no-untyped-def]
    """Cation-anion contacts from runs of shells, one row (cation, anion, begin, end) each.

    offsets, start, value: as `LabelRuns`; the anions in contact in shell s are
    anion[shell_offsets[s] : shell_offsets[s + 1]]; shift: number of the first cation. Fills out
    (contacts, 4) up to its size, and returns the number of contacts.
    """
    n = 0
    for c in range(offsets.shape[0] - 1):
        for m in range(offsets[c], offsets[c + 1]):
            stop = start[m + 1] if m + 1 < offsets[c + 1] else n_frames
            for k in range(shell_offsets[value[m]], shell_offsets[value[m] + 1]):
                if n < out.shape[0]:
                    out[n, 0], out[n, 1] = shift + c, anion[k]
                    out[n, 2], out[n, 3] = start[m], stop
                n += 1
    return n


@kernel
def _components(n_carriers, n_nodes, contacts, first, plus, minus):  # type: ignore[no-untyped-def]
    """Cluster composition in every frame, by union-find.

    contacts (contacts, 4) int32: as `CONTACT`. Fills plus and minus, each (carriers + n_nodes,
    frames) of `counts_of`, the frames from `first` on: the cations and anions in the cluster of
    each carrier, then anion.
    """
    n_frames = plus.shape[1]
    n = n_carriers + n_nodes
    # contacts by frame: those of frame t are present[offsets[t] : offsets[t + 1]]
    offsets = np.zeros(n_frames + 1, dtype=np.int64)
    for m in range(contacts.shape[0]):
        for t in range(max(contacts[m, 2] - first, 0), min(contacts[m, 3] - first, n_frames)):
            offsets[t + 1] += 1
    for t in range(n_frames):
        offsets[t + 1] += offsets[t]
    present = np.empty(offsets[n_frames], dtype=np.int32)
    place = offsets.copy()
    for m in range(contacts.shape[0]):
        for t in range(max(contacts[m, 2] - first, 0), min(contacts[m, 3] - first, n_frames)):
            present[place[t]] = m
            place[t] += 1
    root = np.empty(n, dtype=np.int64)
    cations = np.empty(n, dtype=np.int64)
    anions = np.empty(n, dtype=np.int64)
    for t in range(n_frames):
        for i in range(n):
            root[i] = i
            cations[i] = 1 if i < n_carriers else 0
            anions[i] = 0 if i < n_carriers else 1
        for k in range(offsets[t], offsets[t + 1]):
            a = np.int64(contacts[present[k], 0])
            while root[a] != a:
                root[a] = root[root[a]]
                a = root[a]
            b = n_carriers + np.int64(contacts[present[k], 1])
            while root[b] != b:
                root[b] = root[root[b]]
                b = root[b]
            if a != b:
                root[b] = a
                cations[a] += cations[b]
                anions[a] += anions[b]
        for i in range(n):
            top = i
            while root[top] != top:
                top = root[top]
            plus[i, t] = cations[top]
            minus[i, t] = anions[top]


@kernel
def _shells(n_carriers, n_nodes, contacts, first, plus, minus):  # type: ignore[no-untyped-def]
    """Each ion and the counter-ions in contact with it, in every frame; as `_components`."""
    n_frames = plus.shape[1]
    for i in range(n_carriers + n_nodes):
        for t in range(n_frames):
            plus[i, t] = 1 if i < n_carriers else 0
            minus[i, t] = 0 if i < n_carriers else 1
    for m in range(contacts.shape[0]):
        for t in range(max(contacts[m, 2] - first, 0), min(contacts[m, 3] - first, n_frames)):
            minus[contacts[m, 0], t] += 1
            plus[n_carriers + contacts[m, 1], t] += 1


def counts_of(n_ions: int) -> type:
    """The smallest integer type for counts up to `n_ions`, as a cluster may hold all ions."""
    return np.int16 if n_ions < 2**15 else np.int32


def _kind(plus: np.ndarray, minus: np.ndarray) -> np.ndarray:
    """SSIP, CIP or AGG, from the cations and anions of a cluster; int16."""
    pair = (plus == 1) & (minus == 1)
    return np.where(plus + minus == 1, 0, np.where(pair, 1, 2)).astype(np.int16)


@frozen
class IonPairing(MacrostateRule):
    """SSIP, CIP or AGG, from the cluster of cations and anions that holds a carrier, or its shell.

    The contacts are those that the detectors of the cations found with the ligand type `anion`;
    give the same rule to the anion species to label the anions by the same clusters. The
    composition (n+, n-) of every cluster, or of the ion and its shell, is kept in
    `Macrostates.composition`.

    Cost: linear in carriers and contacts per frame (numba union-find).

    Parameters
    ----------
    anion : str
        The ligand type, in the detectors of the cations, of the atoms of the anions.
    by : {"cluster", "shell"}
        ``cluster``: the connected component of ions in contact. ``shell``: the counter-ions in
        contact with the carrier alone, whatever else these touch; the labels are then
        ``SSIP_shell``, ``CIP_shell`` and ``AGG_shell``.

    Raises
    ------
    InputError
        For an unknown `by`, and where no detector sees the anions.

    Notes
    -----
    SSIP: no counter-ion in the component (free ions included); CIP: one cation and one anion;
    AGG: larger. By shell: none, one, and two or more counter-ions. A lithium whose only anion
    bridges to another lithium is ``AGG`` and ``CIP_shell``.
    """

    names = ("SSIP", "CIP", "AGG")

    def __init__(self, anion: str = "anion", *, by: str = "cluster") -> None:
        if not is_one_of(by, ("cluster", "shell")):
            raise InputError(
                f"IonPairing(by={shown(by)}): must be 'cluster', the connected component of ions "
                "in contact, or 'shell', the counter-ions in contact with the carrier"
            )
        self.anion = anion
        self.by = by
        if by == "shell":
            self.names = ("SSIP_shell", "CIP_shell", "AGG_shell")

    def _sees_anions(self, species: IonSpecies) -> bool:
        detector = species.microstates
        return detector is not None and self.anion in detector.ligand_types

    def check(self, species: Sequence[IonSpecies], index: int) -> None:
        """Refuse species none of which has a detector with the anions as ligands.

        Parameters
        ----------
        species : sequence of IonSpecies
            All species of the run.
        index : int
            Number of the one with this rule.

        Raises
        ------
        InputError
            Naming the ligand type that is missing.
        """
        seeing = [s for s in species if self._sees_anions(s)]
        name = species[index].name
        if not seeing:
            raise InputError(
                f"IonPairing(anion={shown(self.anion)}) of species {name!r}: no species has a "
                f"detector with a ligand type {shown(self.anion)}; add it to the cations' "
                f"detector, e.g. CutoffShell({self.anion[:80]}=universe.select_atoms(...))"
            )
        if self._sees_anions(species[index]):
            return
        ligands = [
            s.microstates.ligands[self.anion].ix for s in seeing if s.microstates is not None
        ]
        if not np.isin(species[index].atoms.ix, np.concatenate(ligands)).any():
            raise InputError(
                f"IonPairing of species {name!r}: none of its atoms is a ligand of type "
                f"{shown(self.anion)} of another species, and it has no detector that sees them"
            )

    def assign(self, states: RunStates, index: int) -> Macrostates:
        """Macrostates of one species; see `MacrostateRule.assign`."""
        first_row: dict[int, int] = {}
        ligands, n_carriers = [], 0
        for k, one in enumerate(states.species):
            if self._sees_anions(one) and one.microstates is not None:
                first_row[k] = n_carriers
                n_carriers += one.n_carriers
                ligands.append(one.microstates.ligands[self.anion].ix)
        molecules = distinct(states.molecule[np.concatenate(ligands)])
        rows = n_carriers + len(molecules)
        # bytes per frame: two numbers per row, arrays for finding runs, and contacts
        at_once = max(1, min(states.n_frames, BLOCK_BYTES // (8 * rows + 48 * n_carriers)))
        edges, contacts = self._contacts_by_frames(states, first_row, molecules, at_once)
        mine = states.species[index]
        if index in first_row:
            chosen: np.ndarray = first_row[index] + np.arange(mine.n_carriers)
        else:
            first_atom = np.unique(mine.carrier_of_atom, return_index=True)[1]
            molecule = states.molecule[mine.atoms.ix[first_atom]]
            place = np.minimum(np.searchsorted(molecules, molecule), len(molecules) - 1)
            # an anion that is no ligand is always alone: the row after all others
            chosen = np.where(molecules[place] == molecule, n_carriers + place, rows)
        counts = counts_of(rows + 1)
        shape = states.n_frames, mine.n_carriers
        state = new_array(shape, np.int16, states.folder)
        composition = new_array((*shape, 2), counts, states.folder)
        count = _components if self.by == "cluster" else _shells

        def blocks() -> Iterator[np.ndarray]:
            for number, first in enumerate(range(0, states.n_frames, at_once)):
                last = min(first + at_once, states.n_frames)
                both: np.ndarray = np.empty((2, rows + 1, last - first), dtype=counts)
                plus, minus = both
                plus[-1], minus[-1] = 0, 1
                table = contacts[edges[number] : edges[number + 1]].view(np.int32).reshape(-1, 4)
                count(n_carriers, len(molecules), table, first, plus[:-1], minus[:-1])
                kind = _kind(plus[chosen], minus[chosen])
                state[first:last] = kind.T
                composition[first:last, :, 0] = plus[chosen].T
                composition[first:last, :, 1] = minus[chosen].T
                yield kind.astype(np.int32)

        runs = runs_in_time(blocks(), states.folder)
        return Macrostates(state, self.names, composition, runs)

    def _contacts_by_frames(
        self, states: RunStates, first_row: dict[int, int], molecules: np.ndarray, at_once: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """Contacts of all cations by blocks of frames; a long one is in several blocks.

        Returns
        -------
        edges : numpy.ndarray
            Shape (blocks + 1,): those of block k are ``contacts[edges[k]:edges[k + 1]]``.
        contacts : numpy.ndarray
            Shape (contacts,), `CONTACT`.
        """
        blocks = GrowingArray(np.int32, states.folder)
        contacts = GrowingArray(CONTACT, states.folder)
        for k, shift in first_row.items():
            micro = states.microstates[k]
            assert micro is not None
            kinds = np.array([t == self.anion for t in micro.shells.types])
            for first, _, runs, shells in micro.blocks():
                ends, molecule = shells.distinct_molecules(kinds)
                about = (
                    runs.offsets, runs.start, runs.value, runs.n_frames, ends,
                    np.searchsorted(molecules, molecule), shift + first,
                )  # fmt: skip
                rows = np.empty((_contacts(*about, np.empty((0, 4), np.int32)), 4), np.int32)
                _contacts(*about, rows)
                block = rows[:, 2] // at_once
                again = (rows[:, 3] - 1) // at_once - block + 1
                copy = np.arange(again.sum()) - np.repeat(np.cumsum(again) - again, again)
                blocks.append(np.repeat(block, again) + copy)
                contacts.append(np.repeat(rows, again, axis=0).view(CONTACT)[:, 0])
        n_blocks = -(-states.n_frames // at_once)
        edges, (ordered,) = sort_by_group(blocks.finish(), [contacts.finish()], n_blocks)
        return edges, ordered

    def describe(self) -> dict[str, Any]:
        """The rule, its ligand type of anions and what it counts as plain values."""
        return super().describe() | {"anion": self.anion, "by": self.by}
