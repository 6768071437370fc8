"""Contacts of one frame after the other become stretches of frames.

A contact that lasts a thousand frames is one row, whatever its length: what is kept grows with the
number of changes, not with the number of frames.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..lib.kernels import kernel
from ..lib.lanes import ROW, count_bits, equal_lanes, lowest_bit
from .detector import Contacts

if TYPE_CHECKING:
    from .detector import Detector, FrameGeometry

_ROW, _NONE, _ONE = np.uint64(ROW), np.uint64(0), np.uint64(1)
_WHOLE_ROW = np.uint64(2**ROW - 1)


@kernel
def contact_rows(carrier, ligand, n_carriers):  # type: ignore[no-untyped-def]
    """Where the contacts of each carrier begin and end: first, last (carriers,) int64.

    carrier, ligand (contacts,): sorted by carrier, then ligand, each pair once; if they are not,
    both are empty.
    """
    first, last = np.zeros(n_carriers, dtype=np.int64), np.zeros(n_carriers, dtype=np.int64)
    for m in range(carrier.shape[0]):
        if m > 0 and (
            carrier[m] < carrier[m - 1]
            or (carrier[m] == carrier[m - 1] and ligand[m] <= ligand[m - 1])
        ):
            return first[:0], last[:0]
        last[carrier[m]] += 1
    for c in range(1, n_carriers):
        first[c] = last[c - 1]
        last[c] += first[c]
    return first, last


@kernel
def most_of(first, last):  # type: ignore[no-untyped-def]
    """Most contacts of one carrier; first, last (carriers,): where those of each begin and end."""
    most = np.int64(0)
    for c in range(first.shape[0]):
        most = max(most, np.int64(last[c] - first[c]))
    return most


@kernel
def follow_contacts(  # type: ignore[no-untyped-def]
    frame, first, last, ligand, level, n_open, used, open_ligand, open_level, open_begin, n_ended,
    ended_carrier, ended_ligand, ended_level, ended_begin, ended_end,
):  # fmt: skip
    """Compare the contacts of a frame with those of the frame before, carrier by carrier.

    Carrier c has ligand[first[c] : last[c]], in any order, each once, at the levels in level, or
    all at level 1 if that is empty. The stretches that reach up to this frame are open: n_open[c]
    of them, anywhere in the first used[c] * `ROW` places of row c of open_ligand, elsewhere -1,
    with their open_level and open_begin (carriers, room), room a multiple of `ROW`; updated. Those
    that have ended are appended to ended_* from n_ended on. Returns the new n_ended, or, having
    changed nothing, minus the room that is needed where it is too little.

    Cost: linear in contacts; carriers whose contacts are the same take no branch per contact.
    """
    room = open_ligand.shape[1]
    needed = most_of(first, last)
    if needed > room:
        return -needed
    flat = open_ligand.ravel()
    has_levels = level.shape[0] > 0
    stays, fresh = np.empty(room // ROW, dtype=np.uint64), np.empty(room, dtype=np.uint64)
    for c in range(first.shape[0]):
        start, end = np.uint64(first[c]), np.uint64(last[c])
        row, n_stay = np.uint64(c) * np.uint64(room), _NONE
        n_groups = np.uint64(used[c])
        for g in range(n_groups):
            at, stay = row + g * _ROW, _NONE
            for h in range(start, end):
                stay |= equal_lanes(flat, at, ligand[h])
            if has_levels:
                for h in range(start, end):
                    same = equal_lanes(flat, at, ligand[h])
                    if same != _NONE and open_level[c, g * _ROW + lowest_bit(same)] != level[h]:
                        stay ^= same
            stays[g] = stay
            n_stay += count_bits(stay)
        if n_stay == np.uint64(n_open[c]) and end - start == n_stay:
            continue
        n_fresh = _NONE
        for h in range(start, end):
            known = _NONE
            for g in range(n_groups):
                known |= equal_lanes(flat, row + g * _ROW, ligand[h]) & stays[g]
            fresh[n_fresh] = h
            n_fresh += np.uint64(known == _NONE)
        for g in range(n_groups):
            ends = ~(stays[g] | equal_lanes(flat, row + g * _ROW, np.int32(-1))) & _WHOLE_ROW
            while ends != _NONE:
                m = g * _ROW + lowest_bit(ends)
                ended_carrier[n_ended], ended_ligand[n_ended] = c, open_ligand[c, m]
                ended_level[n_ended], ended_begin[n_ended] = open_level[c, m], open_begin[c, m]
                ended_end[n_ended] = frame
                n_ended += 1
                open_ligand[c, m] = -1
                ends &= ends - _ONE
        # new ones take the first free places
        group = _NONE
        for k in range(n_fresh):
            while group < n_groups and stays[group] == _WHOLE_ROW:
                group += _ONE
            if group == n_groups:
                stays[group] = _NONE
                n_groups += _ONE
            bit = lowest_bit(~stays[group])
            m = group * _ROW + bit
            open_ligand[c, m], open_begin[c, m] = ligand[fresh[k]], frame
            open_level[c, m] = level[fresh[k]] if has_levels else np.int16(1)
            stays[group] |= _ONE << bit
        while n_groups > _ONE and stays[n_groups - _ONE] == _NONE:
            n_groups -= _ONE
        n_open[c], used[c] = end - start, n_groups
    return n_ended


class ContactTracker:
    """Gathers the contacts of consecutive frames as stretches of frames.

    Parameters
    ----------
    n_carriers : int
    first_frame : int
        Number of the first frame that will be added.
    """

    def __init__(self, n_carriers: int, first_frame: int) -> None:
        self._frame = first_frame
        self._n_open = np.zeros(n_carriers, dtype=np.int64)
        self._used = np.ones(n_carriers, dtype=np.int64)
        types = np.int32, np.int16, np.int32
        self._open = [np.full((n_carriers, ROW), -1, dtype=t) for t in types]
        self._ended = [np.empty(1024, dtype=t) for t in (np.int32, *types, np.int32)]
        self._n_ended = 0
        self._rings = False

    def add(self, contacts: Contacts) -> None:
        """Take the contacts of the next frame."""
        carrier = np.asarray(contacts.carrier, dtype=np.int32)
        ligand = np.asarray(contacts.ligand, dtype=np.int32)
        inner, ring = contacts.inner, contacts.ring
        n_carriers = len(self._n_open)
        first, last = contact_rows(carrier, ligand, n_carriers)
        if len(first) < n_carriers:
            order = np.lexsort((ligand, carrier))
            carrier, ligand, inner = carrier[order], ligand[order], inner[order]
            ring = None if ring is None else ring[order]
            first, last = contact_rows(carrier, ligand, n_carriers)
            if len(first) < n_carriers:
                raise ValueError("a detector found one contact twice in one frame")
        self.add_rows(first, last, ligand, inner, ring)

    def add_rows(
        self,
        first: np.ndarray,
        last: np.ndarray,
        ligand: np.ndarray,
        inner: np.ndarray | None = None,
        ring: np.ndarray | None = None,
    ) -> None:
        """Take the contacts of the next frame, carrier by carrier.

        Parameters
        ----------
        first, last : numpy.ndarray
            Shape (carriers,), int64: carrier c has ``ligand[first[c]:last[c]]``, each once.
        ligand : numpy.ndarray
            Shape (contacts,), int32, or more.
        inner, ring : numpy.ndarray
            Shape (contacts,), as in `Contacts`; without `inner` it is True throughout.
        """
        level = np.empty(0, dtype=np.int16) if inner is None else inner.astype(np.int16)
        if ring is not None:
            self._rings = True
            level += 2 * ring.astype(np.int16)
        most = self._n_ended + int(self._n_open.sum())
        if most > len(self._ended[0]):
            self._ended = [np.resize(a, 2 * most) for a in self._ended]
        while True:
            n = int(
                follow_contacts(
                    self._frame, first, last, ligand, level, self._n_open, self._used, *self._open,
                    self._n_ended, *self._ended,
                )
            )  # fmt: skip
            if n >= 0:
                break
            room = self._open[0].shape[1]
            more = -(-max(-n, 2 * room) // ROW) * ROW - room
            self._open = [np.pad(a, ((0, 0), (0, more)), constant_values=-1) for a in self._open]
        self._n_ended = n
        self._frame += 1

    def finish(self) -> dict[str, np.ndarray]:
        """End the open stretches and return all of them.

        Returns
        -------
        dict of str to numpy.ndarray
            ``carrier``, ``ligand``, ``inner``, ``begin``, ``end`` and, where a detector gave it,
            ``ring``, each of shape (stretches,), as in `ContactHistory`; in order of the end.
        """
        is_open = self._open[0] >= 0
        ended = [a[: self._n_ended] for a in self._ended]
        still = [np.nonzero(is_open)[0].astype(np.int32), *(a[is_open] for a in self._open)]
        still.append(np.full(len(still[0]), self._frame, dtype=np.int32))
        carrier, ligand, level, begin, end = map(np.concatenate, zip(ended, still, strict=True))
        rings = {"ring": (level // 2).astype(np.uint8)} if self._rings else {}
        return rings | {
            "carrier": carrier,
            "ligand": ligand,
            "inner": level % 2 == 1,
            "begin": begin,
            "end": end,
        }


class Follower:
    """Follows the contacts that a detector finds in consecutive frames.

    Parameters
    ----------
    detector : Detector
    n_carriers : int
    first_frame : int
        Number of the first frame that will be added.
    """

    def __init__(self, detector: Detector, n_carriers: int, first_frame: int) -> None:
        self.detector = detector
        self.tracker = ContactTracker(n_carriers, first_frame)

    def add(self, frame: FrameGeometry) -> tuple[int, ...]:
        """Take the next frame; returns the tally of its contacts."""
        contacts = self.detector.contacts(frame)
        self.tracker.add(contacts)
        return contacts.tally
