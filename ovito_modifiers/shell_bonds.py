"""Bonds from coloured ions to the atoms of their shells, or to near atoms of chosen elements."""

from __future__ import annotations

from typing import Any

import numpy as np
import traits.api
from ovito.data import CutoffNeighborFinder, DataCollection
from ovito.pipeline import ModifierInterface
from ovito.traits import Color

from . import shared

#: Marks of a contact: in the shell at both ends of the window, only at the first, only at the last.
KEPT, LEAVES, ARRIVES = 0, 1, 2


class ShellBonds(ModifierInterface):
    """Adds bonds between ions with chosen events and the members of their coordination shells."""

    events_file = shared.events_file_parameter()
    events = shared.names_parameter("Events")
    distance = traits.api.Range(
        low=0.0,
        high=None,
        value=0.0,
        label="Distance (Å)",
        desc="0: the shells of the analysis; above 0: all particles of the chosen types that are "
        "nearer.",
    )
    types = traits.api.Str(
        "",
        label="Types",
        desc="With a distance: names of the particle types that may be bonded, separated by "
        "commas.",
    )
    changes = traits.api.Bool(
        True,
        label="Mark changes",
        desc="Colors of their own for members that leave the shell in this window, and for those "
        "that arrive, which are bonded at their present distance.",
    )
    farthest = traits.api.Range(
        low=0.0,
        high=None,
        value=6.0,
        label="Arrivals within (Å)",
        desc="Members that arrive have a bond only where they are nearer than this already.",
    )
    kept_color = Color(
        (0.45, 0.45, 0.45), label="Stay", desc="Color of bonds to members that stay."
    )
    leaves_color = Color(
        (0.90, 0.62, 0.0), label="Leave", desc="Color of bonds to members that leave."
    )
    arrives_color = Color(
        (0.34, 0.71, 0.91), label="Arrive", desc="Color of bonds to members that arrive."
    )
    match = shared.match_parameter()
    _cache = shared.cache_parameter()
    _ = traits.api.Disallow

    def modify(self, data: DataCollection, **kwargs: Any) -> None:
        """Add the bonds of one frame; called by OVITO."""
        opened, chosen, moment, atoms = shared.events_at(self, data)
        states, labels = opened.states, opened.events
        pairs, mark = np.empty((0, 2), dtype=np.int64), np.empty(0, dtype=np.int64)
        if moment.row >= 0:
            ions = np.flatnonzero(chosen[labels.code[moment.row]])
            if self.distance > 0:
                members = np.flatnonzero(np.isin(states.carrier_of_atom, ions))
                pairs = self._near(data, atoms[members])
                mark = np.full(len(pairs), KEPT)
            elif states.shell is None:
                raise ValueError(
                    f"{self.events_file} holds no shells: these ions are on sites, or an earlier "
                    "version wrote it; set Distance (distance) and Types (types) instead"
                )
            else:
                pairs, mark = self._members(opened, data, atoms, ions, moment.row)
        colors = np.array([self.kept_color, self.leaves_color, self.arrives_color])
        add_bonds(data, pairs, colors[mark])
        # for the legend
        data.attributes["ShellBonds.Colors"] = " ".join(hex_of(one) for one in colors)
        for name, code in (("Count", None), ("Leave", LEAVES), ("Arrive", ARRIVES)):
            count = len(mark) if code is None else int((mark == code).sum())
            data.attributes[f"ShellBonds.{name}"] = count

    def _near(self, data: DataCollection, centres: np.ndarray) -> np.ndarray:
        """Pairs of these particles and those of the chosen types within the distance."""
        kinds = data.particles.particle_types
        asked = self.types.replace(",", " ").split()
        known = {} if kinds is None else {one.name: one.id for one in kinds.types}
        unknown = [name for name in asked if name not in known]
        if unknown or not asked:
            what = f"names {unknown[0]!r}, which the particles do not have" if unknown else "is ''"
            raise ValueError(
                f"Types (types) {what}; give some of {', '.join(map(str, known)) or 'none'}"
            )
        may_bond = np.isin(np.asarray(kinds), [known[name] for name in asked])
        finder = CutoffNeighborFinder(self.distance, data)
        found = [(int(c), n.index) for c in centres for n in finder.find(int(c))]
        pairs = np.array(found, dtype=np.int64).reshape(-1, 2)
        return pairs[may_bond[pairs[:, 1]]]

    def _members(
        self,
        opened: shared.Opened,
        data: DataCollection,
        atoms: np.ndarray,
        ions: np.ndarray,
        row: int,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Pairs of ions and members of their shells, and the mark of each pair."""
        states = opened.states
        assert states.shell is not None
        first = first_atoms(atoms, states.carrier_of_atom)
        now = members_of(opened, states.shell[row, ions])
        last = row + shared.window_rows(states)
        pairs, marks = [], []
        later = now
        if self.changes and last < len(states.frame):
            later = members_of(opened, states.shell[last, ions])
        for ion, here, there in zip(ions, now, later, strict=True):
            for atom in np.union1d(here, there):
                stays = (atom in here, atom in there)
                pairs.append((first[ion], atom))
                marks.append(KEPT if all(stays) else LEAVES if stays[0] else ARRIVES)
        found = np.array(pairs, dtype=np.int64).reshape(-1, 2)
        found[:, 1] = self._particles(opened, data, found[:, 1])
        mark = np.array(marks, dtype=np.int64)
        apart = _apart(data, found)[0]
        drawn = (mark != ARRIVES) | (np.linalg.norm(apart, axis=1) <= self.farthest)
        return found[drawn], mark[drawn]

    def _particles(
        self, opened: shared.Opened, data: DataCollection, member: np.ndarray
    ) -> np.ndarray:
        """Place of ligand atoms among OVITO's particles, from their place in the table."""
        states = opened.states
        assert states.shell_atom_index is not None
        assert states.shell_atom_id is not None
        identifiers = data.particles.identifiers
        found = None
        if identifiers is not None:
            found = shared.positions_of(np.asarray(identifiers), states.shell_atom_id[member])
        if found is None:
            return states.shell_atom_index[member]
        if np.any(found < 0):
            missing = states.shell_atom_id[member][found < 0][0]
            raise ValueError(
                f"no particle has the identifier {missing} of a ligand that was analysed "
                f"({states.source}); place this modifier above those that delete particles"
            )
        return found


def hex_of(color: np.ndarray) -> str:
    """``#rrggbb`` of red, green and blue from 0 to 1."""
    return "#" + "".join(f"{round(255 * float(c)):02x}" for c in color)


def first_atoms(atoms: np.ndarray, carrier_of_atom: np.ndarray) -> np.ndarray:
    """Particle of the first atom of every carrier, shape (carriers,)."""
    first = np.empty(int(carrier_of_atom.max()) + 1, dtype=np.int64)
    first[carrier_of_atom[::-1]] = atoms[::-1]
    return first


def members_of(opened: shared.Opened, shells: np.ndarray) -> list[np.ndarray]:
    """Of each shell one place in the table of ligand atoms for every atom, in order of the atoms.

    An atom that is in several shells has one place, so that members of two shells can be compared.
    """
    states = opened.states
    start, index = states.shell_start, states.shell_atom_index
    assert start is not None
    assert index is not None
    place = opened.place_of_ligand
    return [
        place[index[start[k] : start[k + 1]]] if k >= 0 else np.empty(0, dtype=np.int64)
        for k in shells
    ]


def add_bonds(data: DataCollection, pairs: np.ndarray, colors: np.ndarray) -> None:
    """Append bonds across the nearest image, with these colours, to those that are there.

    Parameters
    ----------
    pairs : numpy.ndarray
        Shape (bonds, 2): particles.
    colors : numpy.ndarray
        Shape (bonds, 3).
    """
    particles = data.particles_
    old = 0 if particles.bonds is None else particles.bonds.count
    if particles.bonds is None:
        bonds = particles.create_bonds(count=0, vis_params={"width": 0.2})
    else:
        bonds = particles.bonds_
    painted = np.empty((old + len(pairs), 3), dtype=np.float32)
    if old and "Color" in bonds:
        painted[:old] = bonds.colors
    elif old and "Color" in particles:
        painted[:old] = np.asarray(particles.colors)[np.asarray(bonds.topology)].mean(axis=1)
    elif old:
        painted[:old] = bonds.vis.color
    painted[old:] = colors
    bonds.count = old + len(pairs)
    if "Topology" not in bonds:
        bonds.create_property("Topology", data=np.zeros((bonds.count, 2), dtype=np.int64))
    bonds["Topology_"][old:] = pairs
    bonds.create_property("Color", data=painted)
    if data.cell is not None:
        bonds.create_property("Periodic Image")[old:] = _apart(data, pairs)[1]


def _apart(data: DataCollection, pairs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Shortest vectors between the particles of pairs, and the periodic images they lead to.

    Both of shape (pairs, 3).
    """
    position = np.asarray(data.particles.positions)
    apart = position[pairs[:, 1]] - position[pairs[:, 0]]
    if data.cell is None:
        return apart, np.zeros(apart.shape, dtype=np.int32)
    cell = np.asarray(data.cell)[:, :3]
    along = apart @ np.linalg.inv(cell).T
    image = np.where(np.array(data.cell.pbc), -np.rint(along), 0).astype(np.int32)
    return apart + image @ cell.T, image
