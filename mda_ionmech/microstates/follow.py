"""Contacts of one frame after the other become stretches of frames.

A contact that lasts a thousand frames is one row, whatever its length: what is kept grows with the
number of changes, not with the number of frames.
"""

from __future__ import annotations

import numpy as np

from ..kernels import kernel
from .base import Contacts

#: A key is this times the ligand, plus the level of the contact: 2 * ring + inner.
LEVELS = 512


@kernel
def follow_contacts(  # type: ignore[no-untyped-def]
    frame, carrier, ligand, level, open_offsets, open_key, open_begin, offsets, key, begin, n_ended,
    ended_carrier, ended_key, ended_begin, ended_end,
):  # fmt: skip
    """Compare the contacts of a frame with those of the frame before, carrier by carrier.

    carrier, ligand, level (contacts,): of this frame, sorted by carrier, then ligand. Open are the
    stretches that reach up to this frame: those of carrier c are open_offsets[c] :
    open_offsets[c + 1], with key LEVELS * ligand + level, increasing, and the frame they began.
    Fills offsets, key and begin, the same after this frame, and appends those that have ended to
    ended_* from n_ended on. Returns the new n_ended, or -1 where the contacts are not sorted.

    Cost: linear in contacts; carriers whose contacts are the same take no branch per contact.
    """
    n_contacts = carrier.shape[0]
    n_carriers = offsets.shape[0] - 1
    for m in range(1, n_contacts):
        if carrier[m] < carrier[m - 1] or (
            carrier[m] == carrier[m - 1] and ligand[m] <= ligand[m - 1]
        ):
            return -1
    for c in range(n_carriers + 1):
        offsets[c] = 0
    for m in range(n_contacts):
        offsets[carrier[m] + 1] += 1
        key[m] = LEVELS * np.int64(ligand[m]) + np.int64(level[m])
    for c in range(n_carriers):
        offsets[c + 1] += offsets[c]
        old, old_stop = np.uint64(open_offsets[c]), np.uint64(open_offsets[c + 1])
        new, new_stop = np.uint64(offsets[c]), np.uint64(offsets[c + 1])
        if old_stop - old == new_stop - new:
            changed = np.int64(0)
            for m in range(new_stop - new):
                changed |= open_key[old + m] ^ key[new + m]
                begin[new + m] = open_begin[old + m]
            if changed == 0:
                continue
        while old < old_stop or new < new_stop:
            if new == new_stop or (old < old_stop and open_key[old] < key[new]):
                ended_carrier[n_ended] = c
                ended_key[n_ended] = open_key[old]
                ended_begin[n_ended] = open_begin[old]
                ended_end[n_ended] = frame
                n_ended += 1
                old += np.uint64(1)
            elif old == old_stop or key[new] < open_key[old]:
                begin[new] = frame
                new += np.uint64(1)
            else:
                begin[new] = open_begin[old]
                old += np.uint64(1)
                new += np.uint64(1)
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
        self._offsets = np.zeros((2, n_carriers + 1), dtype=np.int64)
        self._key = np.empty((2, 16 * n_carriers), dtype=np.int64)
        self._begin = np.empty((2, 16 * n_carriers), dtype=np.int32)
        self._ended = [np.empty(1024, dtype=t) for t in (np.int32, np.int64, np.int32, np.int32)]
        self._n_ended = 0
        self._now = 0
        self._rings = False

    def add(self, contacts: Contacts) -> None:
        """Take the contacts of the next frame."""
        carrier = np.asarray(contacts.carrier, dtype=np.int32)
        ligand = np.asarray(contacts.ligand, dtype=np.int32)
        level = np.asarray(contacts.inner, dtype=np.int16)
        if contacts.ring is not None:
            self._rings = True
            level = level + 2 * contacts.ring.astype(np.int16)
        if len(carrier) > self._key.shape[1]:
            room = ((0, 0), (0, 2 * len(carrier) - self._key.shape[1]))
            self._key, self._begin = np.pad(self._key, room), np.pad(self._begin, room)
        before, now = self._now, 1 - self._now
        most = self._n_ended + int(self._offsets[before, -1])
        if most > len(self._ended[0]):
            self._ended = [np.resize(a, 2 * most) for a in self._ended]
        n_ended = self._follow(carrier, ligand, level, before, now)
        if n_ended < 0:
            order = np.lexsort((ligand, carrier))
            n_ended = self._follow(carrier[order], ligand[order], level[order], before, now)
            if n_ended < 0:
                raise ValueError("a detector found one contact twice in one frame")
        self._n_ended = n_ended
        self._now = now
        self._frame += 1

    def _follow(
        self, carrier: np.ndarray, ligand: np.ndarray, level: np.ndarray, before: int, now: int
    ) -> int:
        return int(
            follow_contacts(
                self._frame, carrier, ligand, level,
                self._offsets[before], self._key[before], self._begin[before],
                self._offsets[now], self._key[now], self._begin[now],
                self._n_ended, *self._ended,
            )
        )  # fmt: skip

    def finish(self) -> dict[str, np.ndarray]:
        """End the open stretches and return all of them.

        Returns
        -------
        dict of str to numpy.ndarray
            ``carrier``, ``ligand``, ``inner``, ``begin``, ``end`` and, where a detector gave it,
            ``ring``, each of shape (stretches,), as in `ContactHistory`; in order of the end.
        """
        n_open = int(self._offsets[self._now, -1])
        n = self._n_ended
        carrier, key, begin, end = (a[:n] for a in self._ended)
        open_carrier = np.repeat(
            np.arange(self._offsets.shape[1] - 1, dtype=np.int32), np.diff(self._offsets[self._now])
        )
        key = np.concatenate([key, self._key[self._now, :n_open]])
        rings = {"ring": (key % LEVELS // 2).astype(np.uint8)} if self._rings else {}
        return rings | {
            "carrier": np.concatenate([carrier, open_carrier]),
            "ligand": (key // LEVELS).astype(np.int32),
            "inner": key % 2 == 1,
            "begin": np.concatenate([begin, self._begin[self._now, :n_open]]),
            "end": np.concatenate([end, np.full(n_open, self._frame, dtype=np.int32)]),
        }
