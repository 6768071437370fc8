"""Collects the contacts of one species from the parts of the frames, and sorts them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..lib.arrays_on_disk import ArrayFolder, GrowingArray
from ..lib.grouping import sort_by_group


class GatheredContacts:
    """Collects the contacts of all parts of the frames, and sorts them by carrier.

    Parameters
    ----------
    n_carriers : int
    folder : ArrayFolder or None
        Folder of the arrays; None: in memory.
    """

    def __init__(self, n_carriers: int, folder: ArrayFolder | None) -> None:
        self._n_carriers, self._folder = n_carriers, folder
        self._growing: dict[str, GrowingArray] = {}
        self._ordered: dict[str, np.ndarray] | None = None

    @classmethod
    def of(cls, columns: Mapping[str, np.ndarray]) -> GatheredContacts:
        """From sorted contacts, the output of `columns`."""
        made = cls(len(columns["first_row"]) - 1, None)
        made._ordered = dict(columns)
        return made

    def add(self, contacts: Mapping[str, np.ndarray]) -> None:
        """Add the contacts of the next part: columns of `ContactHistory`."""
        for name, values in contacts.items():
            if name not in self._growing:
                self._growing[name] = GrowingArray(values.dtype, self._folder)
            self._growing[name].append(values)

    def columns(self) -> dict[str, Any]:
        """Columns of `ContactHistory` sorted by carrier, with `first_row`.

        They are sorted at the first call; cost: linear, once.
        """
        if self._ordered is None:
            names = list(self._growing)
            found = [self._growing.pop(name).finish() for name in names]
            carrier = found[names.index("carrier")]
            first_row, ordered = sort_by_group(carrier, found, self._n_carriers)
            self._ordered = dict(zip(names, ordered, strict=True)) | {"first_row": first_row}
        return self._ordered
