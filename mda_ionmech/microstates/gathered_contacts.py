"""Contacts of one species, taken part after part of the frames and then put in order."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..lib.arrays_on_disk import ArrayFolder, GrowingArray
from ..lib.grouping import sort_by_group


class GatheredContacts:
    """Takes the contacts of all parts of the frames and gives them carrier by carrier.

    Parameters
    ----------
    n_carriers : int
    folder : ArrayFolder or None
        Where they are kept; None: in memory.
    """

    def __init__(self, n_carriers: int, folder: ArrayFolder | None) -> None:
        self._n_carriers, self._folder = n_carriers, folder
        self._growing: dict[str, GrowingArray] = {}
        self._ordered: dict[str, np.ndarray] | None = None

    @classmethod
    def of(cls, columns: Mapping[str, np.ndarray]) -> GatheredContacts:
        """Contacts that are in order already: what `columns` gave."""
        made = cls(len(columns["first_row"]) - 1, None)
        made._ordered = dict(columns)
        return made

    def add(self, contacts: Mapping[str, np.ndarray]) -> None:
        """Take the contacts of the next part: columns of stretches, see `ContactHistory`."""
        for name, values in contacts.items():
            if name not in self._growing:
                self._growing[name] = GrowingArray(values.dtype, self._folder)
            self._growing[name].append(values)

    def columns(self) -> dict[str, Any]:
        """Columns of `ContactHistory` in the order of the carriers, with `first_row`.

        They are put in order when they are first asked for; cost: linear, once.
        """
        if self._ordered is None:
            names = list(self._growing)
            found = [self._growing.pop(name).finish() for name in names]
            carrier = found[names.index("carrier")]
            first_row, ordered = sort_by_group(carrier, found, self._n_carriers)
            self._ordered = dict(zip(names, ordered, strict=True)) | {"first_row": first_row}
        return self._ordered
