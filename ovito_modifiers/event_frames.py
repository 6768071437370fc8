"""A timeline of only those frames in which chosen events occur."""

from __future__ import annotations

from typing import Any

import numpy as np
import traits.api
from ovito.data import DataCollection
from ovito.pipeline import ModifierInterface

from . import shared

CACHED = "EventFrames.Rows"


class EventFrames(ModifierInterface):
    """Keeps the frames whose window holds a chosen event; place it above the other modifiers."""

    events_file = shared.events_file_parameter()
    events = shared.names_parameter("Events")
    starts_only = traits.api.Bool(
        False,
        label="Beginnings only",
        desc="Only frames where the label of an ion becomes a chosen one.",
    )
    context = traits.api.Range(
        low=0,
        high=None,
        value=0,
        label="Frames around",
        desc="Number of analysed frames before and after each that are kept, too.",
    )
    every = traits.api.Range(
        low=1,
        high=None,
        value=1,
        label="Every nth",
        desc="Of the frames found, show only every nth.",
    )
    match = shared.match_parameter()
    _ = traits.api.Disallow

    @traits.api.observe("events_file, events, starts_only, context, every, match")
    def _length_changed(self, event: Any) -> None:
        self.notify_trajectory_length_changed()

    def compute_trajectory_length(
        self, *, input_slots: Any, data_cache: DataCollection, **kwargs: Any
    ) -> int:
        """Number of frames in which chosen events occur; called by OVITO."""
        upstream = input_slots["upstream"]
        data_cache.attributes.pop(CACHED, None)  # the trajectory or a parameter has changed
        n = len(self._rows(upstream, data_cache))
        # OVITO divides this length by the playback ratio, like that of the file
        return (
            -(-n * upstream.input_node.num_frames // upstream.num_frames) if skips(upstream) else n
        )

    def modify(
        self,
        data: DataCollection,
        *,
        frame: int,
        input_slots: Any,
        data_cache: DataCollection,
        **kwargs: Any,
    ) -> None:
        """Replace the frame by the one chosen for this place in time; called by OVITO."""
        if "EventFrames.Row" in data.attributes:
            raise ValueError(
                "two modifiers 'Event frames' are in this pipeline; keep one, and name all events "
                "in it"
            )
        upstream = input_slots["upstream"]
        rows = self._rows(upstream, data_cache)
        # A playback ratio that repeats frames also stretches this modifier's timeline: the frame is
        # found from its own input.
        place = frame if skips(upstream) else int(data.attributes.get("SourceFrame", frame))
        row = int(rows[min(place, len(rows) - 1)])
        found = self._frame_of(row, upstream)
        data.objects.clear()
        for item in found.objects:
            data.objects.append(item)
        data.attributes["EventFrames.Row"] = row

    def _rows(self, upstream: Any, data_cache: DataCollection) -> np.ndarray:
        """Rows of the states file whose frames are shown and are in the loaded trajectory.

        Kept in OVITO's cache of this modifier, because finding them reads frames.
        """
        opened = shared.open_states(self.events_file)
        key = (
            f"{opened.stamp} {self.events} {self.starts_only} {self.context} {self.every} "
            f"{self.match}"
        )
        kept = data_cache.attributes.get(CACHED)
        if kept is not None and kept[0] == key:
            return np.array(kept[1:], dtype=np.int64)
        labels, states = opened.events, opened.states
        chosen = shared.choose(labels, self.events, "Events (events)")
        found = event_rows(labels.code, chosen, self.starts_only, self.context)[:: self.every]
        if len(found) == 0:
            counts = zip(labels.names, labels.count.sum(axis=0), strict=True)
            raise ValueError(
                f"no frame has an event {self.events!r}; choose among those that happen with "
                f"Events (events): {', '.join(name for name, count in counts if count)}"
            )
        begin, end = (
            shared.find_moment(opened, upstream.compute(k), self.match)
            for k in (0, upstream.input_node.num_frames - 1)
        )
        first = len(states.frame) if begin.late else begin.row
        final = len(states.frame) if end.late else end.row
        here = found[(found >= first) & (found <= final)]
        if skips(upstream):
            here = np.array([row for row in here if self._is_there(row, upstream)], dtype=np.int64)
        if len(here) == 0:
            raise ValueError(
                f"none of the {len(found)} frames with the chosen events is in the loaded "
                f"trajectory; load the one that was analysed ({states.source})"
            )
        data_cache.attributes[CACHED] = [key, *here.tolist()]
        return here

    def _is_there(self, row: int, upstream: Any) -> bool:
        """Whether the timeline contains this frame, if a playback ratio omits frames."""
        opened = shared.open_states(self.events_file)
        data = upstream.compute(int(opened.states.frame[row]))
        at = shared.find_moment(opened, data, self.match)
        return at.exact and at.row == row

    def _frame_of(self, row: int, upstream: Any) -> DataCollection:
        """Data of the frame that a row belongs to: where it is expected, else by bisection."""
        opened = shared.open_states(self.events_file)
        low, high = 0, upstream.input_node.num_frames - 1
        guess = min(int(opened.states.frame[row]), high)
        while low <= high:
            data = upstream.compute(guess)
            at = shared.find_moment(opened, data, self.match)
            if at.row == row and at.exact:
                return data
            if at.late or at.row >= row:
                high = guess - 1
            else:
                low = guess + 1
            guess = (low + high) // 2
        raise ValueError(
            f"frame {opened.states.frame[row]} has a chosen event, but the loaded trajectory lacks "
            f"it; load the trajectory that was analysed ({opened.states.source})"
        )


def skips(upstream: Any) -> bool:
    """Whether OVITO's timeline above this modifier omits frames of the file."""
    return bool(upstream.num_frames < upstream.input_node.num_frames)


def event_rows(code: np.ndarray, chosen: np.ndarray, starts_only: bool, context: int) -> np.ndarray:
    """Rows of `code` (frames, carriers) with a chosen label, in order."""
    meant = chosen[code]
    if starts_only:
        meant[1:] &= ~meant[:-1].copy()
    hit = meant.any(axis=1)
    wide = hit.copy()
    for shift in range(1, context + 1):
        wide[shift:] |= hit[:-shift]
        wide[:-shift] |= hit[shift:]
    return np.flatnonzero(wide)
