"""Contacts over consecutive frames, stored as intervals of frames.

A contact is one row, whatever its duration: memory grows with the number of changes, not with the
number of frames.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ..lib.arrays_on_disk import longer_array
from ..lib.kernels import kernel
from .contacts import Contacts

if TYPE_CHECKING:
    from ..species import Detector
    from .contacts import FrameGeometry

#: Initial capacity for contacts of one carrier.
FIRST_ROOM = 16
_NONE, _ONE = np.uint64(0), np.uint64(1)


class OpenContacts(NamedTuple):
    """The contacts of the last frame: those of carrier c are the first number[c] of row c.

    Attributes
    ----------
    number : numpy.ndarray
        Shape (carriers,), int64.
    ligand, level, begin : numpy.ndarray
        Shape (carriers, capacity), int32, int16 and int32: ligand number, level, and first frame of
        each contact, in the order of the last frame.
    """

    number: np.ndarray
    ligand: np.ndarray
    level: np.ndarray
    begin: np.ndarray


class EndedContacts(NamedTuple):
    """Contacts that have ended, each of shape (capacity,), int32, `level` int16.

    Attributes
    ----------
    carrier, ligand, level, begin, end : numpy.ndarray
        As in `ContactHistory`; level 1 for `inner`, plus 2 times the ring.
    """

    carrier: np.ndarray
    ligand: np.ndarray
    level: np.ndarray
    begin: np.ndarray
    end: np.ndarray


@kernel
def contact_rows(carrier, ligand, n_carriers):  # type: ignore[no-untyped-def]
    """Range of the contacts of each carrier: first, last (carriers,) int64.

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
def room_needed(first, last, ligand, number):  # type: ignore[no-untyped-def]
    """Capacity that `follow_contacts` needs; first, last, ligand as there.

    number (carriers,): open contacts of each. Returns the most contacts of one carrier, the highest
    ligand number, and the sum of number.
    """
    most, n_contacts, highest, n_open = np.int64(0), np.int64(0), np.int32(-1), np.int64(0)
    for c in range(first.shape[0]):
        most = max(most, last[c] - first[c])
        n_contacts = max(n_contacts, last[c])
        n_open += number[c]
    for k in range(n_contacts):
        highest = max(highest, ligand[k])
    return most, np.int64(highest), n_open


@kernel
def follow_contacts(frame, first, last, ligand, level, opened, place_of, n_ended, ended):  # type: ignore[no-untyped-def]
    """Compare the contacts of a frame with those of the frame before, carrier by carrier.

    Carrier c has ligand[first[c] : last[c]], in any order, each once, at the levels in level, or
    all at level 1 if that is empty; all up to the greatest last are contacts of some carrier.
    opened: an `OpenContacts` of sufficient capacity, updated; place_of (ligands,) int32 holds 0
    before and after; ended: an `EndedContacts`, to which contacts that end are appended from
    n_ended on. Returns the new n_ended.

    Cost: linear in contacts; unchanged contacts of a carrier are compared without branches.
    """
    number, open_ligand, open_level, open_begin = opened
    room = open_ligand.shape[1] + 1
    has_levels = level.shape[0] > 0
    # contacts of the frame before have places from 1 on; 0 is for contacts that begin
    before, before_level = np.empty(room, dtype=np.int32), np.empty(room, dtype=np.int16)
    before_begin, kept_by = np.empty(room, dtype=np.int32), np.full(room, -1, dtype=np.int64)
    before_begin[0] = frame
    for c in range(first.shape[0]):
        start, n = np.uint64(first[c]), np.uint64(last[c] - first[c])
        n_before = np.uint64(number[c])
        differ = n != n_before
        for k in range(min(n, n_before)):
            differ |= open_ligand[c, k] != ligand[start + k]
            if has_levels:
                differ |= open_level[c, k] != level[start + k]
        if not differ:
            continue
        for k in range(n_before):
            before[k + _ONE], before_level[k + _ONE] = open_ligand[c, k], open_level[c, k]
            before_begin[k + _ONE] = open_begin[c, k]
            place_of[np.uint64(open_ligand[c, k])] = k + _ONE
        n_kept = _NONE
        for k in range(n):
            place = np.uint64(place_of[np.uint64(ligand[start + k])])
            level_k = np.int16(1)
            if has_levels:
                level_k = level[start + k]
                if before_level[place] != level_k:
                    place = _NONE
            open_ligand[c, k], open_level[c, k] = ligand[start + k], level_k
            open_begin[c, k] = before_begin[place]
            kept_by[place] = c
            n_kept += np.uint64(place != _NONE)
        number[c] = n
        for k in range(_ONE, n_before + _ONE):
            place_of[np.uint64(before[k])] = 0
        if n_kept == n_before:
            continue
        for k in range(_ONE, n_before + _ONE):
            if kept_by[k] != c:
                ended.carrier[n_ended], ended.ligand[n_ended] = c, before[k]
                ended.level[n_ended], ended.begin[n_ended] = before_level[k], before_begin[k]
                ended.end[n_ended] = frame
                n_ended += 1
    return n_ended


class ContactTracker:
    """Converts the contacts of consecutive frames to intervals of frames.

    Parameters
    ----------
    n_carriers : int
    first_frame : int
        Number of the first frame that will be added.
    """

    def __init__(self, n_carriers: int, first_frame: int) -> None:
        self._frame = first_frame
        types = np.int32, np.int16, np.int32
        self._open = OpenContacts(
            np.zeros(n_carriers, dtype=np.int64),
            *(np.empty((n_carriers, FIRST_ROOM), dtype=t) for t in types),
        )
        self._ended = EndedContacts(
            *(np.empty(1024, dtype=t) for t in (np.int32, *types, np.int32))
        )
        self._place_of = np.zeros(0, dtype=np.int32)
        self._n_ended = 0
        self._rings = False

    def add(self, contacts: Contacts) -> None:
        """Add the contacts of the next frame."""
        carrier = np.asarray(contacts.carrier, dtype=np.int32)
        ligand = np.asarray(contacts.ligand, dtype=np.int32)
        inner, ring = contacts.inner, contacts.ring
        n_carriers = len(self._open.number)
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
        """Add the contacts of the next frame, carrier by carrier.

        Parameters
        ----------
        first, last : numpy.ndarray
            Shape (carriers,), int64: carrier c has ``ligand[first[c]:last[c]]``, each once.
        ligand : numpy.ndarray
            Shape (contacts,) or longer, int32.
        inner, ring : numpy.ndarray
            Shape (contacts,), as in `Contacts`; without `inner` it is True throughout.
        """
        level = np.empty(0, dtype=np.int16) if inner is None else inner.astype(np.int16)
        if ring is not None:
            self._rings = True
            level += 2 * ring.astype(np.int16)
        most, highest, n_open = room_needed(first, last, ligand, self._open.number)
        if self._n_ended + n_open > len(self._ended.carrier):
            room = 2 * (self._n_ended + n_open)
            self._ended = EndedContacts(
                *(longer_array(a, self._n_ended, room) for a in self._ended)
            )
        number, *columns = self._open
        room = columns[0].shape[1]
        if most > room:
            more = max(most - room, room)
            self._open = OpenContacts(number, *(np.pad(a, ((0, 0), (0, more))) for a in columns))
        if highest >= len(self._place_of):
            self._place_of = np.zeros(highest + 1, dtype=np.int32)
        self._n_ended = follow_contacts(
            self._frame, first, last, ligand, level, self._open, self._place_of, self._n_ended,
            self._ended,
        )  # fmt: skip
        self._frame += 1

    def finish(self) -> dict[str, np.ndarray]:
        """End the open contacts and return all of them.

        Returns
        -------
        dict of str to numpy.ndarray
            ``carrier``, ``ligand``, ``inner``, ``begin``, ``end`` and, where a detector gave it,
            ``ring``, each of shape (intervals,), as in `ContactHistory`; in order of the end.
        """
        number, *columns = self._open
        is_open = np.arange(columns[0].shape[1]) < number[:, None]
        ended = [a[: self._n_ended] for a in self._ended]
        still = [np.nonzero(is_open)[0].astype(np.int32), *(a[is_open] for a in columns)]
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
    """Tracks the contacts that a detector finds in consecutive frames.

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
        """Add the next frame; returns the tally of its contacts."""
        contacts = self.detector.contacts(frame)
        self.tracker.add(contacts)
        return contacts.tally
