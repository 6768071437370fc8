"""Collects paths and contacts from the parts of the frames as they are read.

Arrays that exceed the memory budget are files in a folder that is removed with the run.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..lib.arrays_on_disk import ArrayFolder
from ..lib.frame_backends import Part
from ..lib.task_workers import check_reach
from ..microstates.gathered_contacts import GatheredContacts
from ..trajectory.paths import PathBuilder
from .frame_source import FrameSource
from .stored_parts import exceeds_budget, known_part, open_store, part_frames

#: Largest part, bytes.
PART_BYTES = 2**26


class Gathering:
    """Collects the parts in order, as read from frames or from the store.

    Parameters
    ----------
    source : FrameSource
    n_workers : int
        Processes that read frames.
    client : distributed.Client or None
        Its workers will compute windows, too.

    Attributes
    ----------
    work : ArrayFolder or None
        Folder of arrays that workers read.
    folder : ArrayFolder or None
        Folder of the arrays that exceed the memory budget; None: in memory.
    builder : PathBuilder
    contacts : dict of int to GatheredContacts
        By the number of the species.
    """

    def __init__(self, source: FrameSource, n_workers: int, client: Any) -> None:
        self._source, self._n_workers = source, n_workers
        self._store = open_store(source, n_workers)
        try:
            on_disk = exceeds_budget(source)
            shared = self._store is not None and client is not None
            place = None if self._store is None else self._store.folder
            self.work = ArrayFolder(place) if on_disk or shared else None
            self.folder = self.work if on_disk else None
            self.builder = PathBuilder(source.bodies.n, len(source), self.folder)
            self.contacts = {
                k: GatheredContacts(source.species[k].n_carriers, self.folder)
                for k, table in enumerate(source.bodies.ligands)
                if table is not None
            }
            if client is not None and self.work is not None:
                check_reach(client, self.work.path, source.choices.store or self.work.path)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Release the lock on the store."""
        if self._store is not None:
            self._store.close()

    def parts(self, frames: np.ndarray, n_parts: int) -> list[np.ndarray]:
        """Divide the frames into parts.

        Parameters
        ----------
        frames : numpy.ndarray
            Shape (frames, 2): numbers in the run and in the trajectory.
        n_parts : int
            As requested; a store and a memory budget set the size of parts themselves.
        """
        if self._store is not None:
            size = self._store.part_frames
        elif self.folder is not None:
            size = part_frames(self._source, self._n_workers)
        else:
            # finished parts wait in memory
            largest = max(PART_BYTES // (64 * self._source.bodies.n), 1)
            size = min(-(-len(frames) // n_parts), largest)
        return [frames[k : k + size] for k in range(0, len(frames), size)]

    def known(self, number: int, indexed: np.ndarray) -> Part | None:
        """A part that an earlier run has stored; None if it must be read."""
        return known_part(self._source, self._store, number, indexed)

    def absorb(self, part: Part, read_now: bool) -> None:
        """Move the large arrays of a part into place; parts come in order."""
        if self._store is not None and read_now:
            number = self.builder.filled // self._store.part_frames
            self._store.save(number, part, part.results["sample"].tolist())
        self.builder.add(part.results.pop("steps"), part.results["reference"])
        for index, gathered in self.contacts.items():
            gathered.add(part.results.pop(f"contacts_{index}"))
