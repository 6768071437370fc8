"""Colours ions by their event in the window that starts at the current frame."""

from __future__ import annotations

from typing import Any

import traits.api
from ovito.data import DataCollection
from ovito.pipeline import ModifierInterface

from . import shared


class ColorByEvent(ModifierInterface):
    """Writes the typed particle property `Ion Event`, colours, attributes and two data tables."""

    events_file = shared.events_file_parameter()
    events = shared.names_parameter("Events")
    trail = traits.api.Range(
        low=0,
        high=None,
        value=0,
        label="Trail (analysed frames)",
        desc="Analysed frames, from the start of its window, for which an event keeps its color.",
    )
    select = shared.select_parameter("event")
    shown_size = shared.size_parameter("Size", "ions that show a chosen event", 1.0)
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
        opened, chosen, moment, atoms = shared.events_at(self, data)
        code = shared.latest(opened.events.code, moment.row, self.trail, chosen)
        carrier_of_atom = opened.states.carrier_of_atom
        shared.paint(data, opened.events, code, atoms, carrier_of_atom, self)
        shared.write_tables(data, opened, opened.events, moment)
