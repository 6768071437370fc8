"""Colours ions by their macrostate."""

from __future__ import annotations

from typing import Any

import traits.api
from ovito.data import DataCollection
from ovito.pipeline import ModifierInterface

from . import shared


class ColorByMacrostate(ModifierInterface):
    """Writes the typed particle property `Ion Macrostate`, colours, attributes and data tables."""

    events_file = shared.events_file_parameter()
    macrostates = shared.names_parameter("Macrostates", "every macrostate")
    select = shared.select_parameter("macrostate")
    shown_size = shared.size_parameter("Size", "ions that show a chosen macrostate", 1.0)
    neutral_color = shared.neutral_color_parameter()
    neutral_size = shared.size_parameter("Size of other ions", "the other ions", 1.0)
    bulk = shared.bulk_parameter()
    bulk_color = shared.bulk_color_parameter()
    bulk_size = shared.size_parameter("Dimmed size", "everything else when dim or pale", 0.4)
    match = shared.match_parameter()
    _cache = shared.cache_parameter()
    _ = traits.api.Disallow

    def modify(self, data: DataCollection, **kwargs: Any) -> None:
        """Colour the ions of one frame; called by OVITO."""
        opened = shared.open_states(self.events_file, data)
        labels = opened.macrostates
        if not labels.names:
            raise ValueError(
                f"{self.events_file} holds no macrostates: give a species a macrostate rule, e.g. "
                "macrostates=IonPairing(), and run the analysis again"
            )
        chosen = shared.choose(labels, self.macrostates, "Macrostates (macrostates)")
        moment = shared.find_moment(opened, data, self.match)
        self._cache = self._cache or {}
        atoms = shared.find_atoms(opened, data, self._cache)
        code = shared.latest(labels.code, moment.row, 0, chosen)
        shared.paint(data, labels, code, atoms, opened.states.carrier_of_atom, self)
        shared.write_tables(data, opened, labels, moment)
