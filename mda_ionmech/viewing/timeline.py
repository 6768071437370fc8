"""Time line of the window: share of the ions in each event, and the events of one ion."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import ovito  # noqa: F401  (before Qt, whose settings it changes)
from matplotlib.figure import Figure
from ovito.qt_compat import QtWidgets

from ovito_modifiers.states import StatesFile

#: Points of each line; more frames are averaged in equal stretches of time.
POINTS = 200


def shares_over_time(states: StatesFile, names: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Part of the ions with each event, averaged over stretches of the trajectory.

    Ions are those whose label ever says something; frames near the end, in which no window begins,
    are left out.

    Parameters
    ----------
    states : StatesFile
    names : sequence of str

    Returns
    -------
    time : numpy.ndarray
        Shape (stretches,), ps, of the middle of each.
    share : numpy.ndarray
        Shape (events, stretches).
    """
    known = states.event >= 0
    if "all" in states.event_names and len(states.event_names) > 1:
        known &= states.event != states.event_names.index("all")
    rows = np.flatnonzero(known.any(axis=1))
    if len(rows) == 0:
        return np.empty(0), np.empty((len(names), 0))
    stretches = np.array_split(rows, min(POINTS, len(rows)))
    time = np.array([states.time_ps[one].mean() for one in stretches])
    share = np.empty((len(names), len(stretches)))
    for k, name in enumerate(names):
        meant = states.event == states.event_names.index(name)
        share[k] = [meant[one].sum() / known[one].sum() for one in stretches]
    return time, share


class Timeline(QtWidgets.QWidget):
    """Lines of the shares and, for a chosen ion, a band of its events; a click gives a time."""

    def __init__(self, states: StatesFile, clicked: Callable[[float], None]) -> None:
        super().__init__()
        from matplotlib.backends.backend_qtagg import FigureCanvasQTAgg

        self.states, self.clicked = states, clicked
        figure = Figure(figsize=(8, 1.6), layout="constrained")
        self.canvas = FigureCanvasQTAgg(figure)
        self.axes, self.band = figure.subplots(
            2, 1, sharex=True, gridspec_kw={"height_ratios": [4, 1]}
        )
        self.names: list[str] = []
        self.carrier: int | None = None
        self.cursors: list[Any] = []
        self.canvas.mpl_connect("button_press_event", self._pressed)
        self.canvas.mpl_connect("motion_notify_event", self._pressed)
        layout = QtWidgets.QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.canvas)

    def draw(self, names: Sequence[str], carrier: int | None, title: str = "") -> None:
        """Draw the shares of these events, and the events of this carrier."""
        self.names, self.carrier = list(names), carrier
        states, ax, band = self.states, self.axes, self.band
        time, share = shares_over_time(states, names)
        ax.clear()
        band.clear()
        for name, line in zip(names, share, strict=True):
            color = states.event_colors[states.event_names.index(name)]
            ax.plot(time, 100 * line, color=color, linewidth=1)
        ax.set_ylabel("ions (%)", fontsize=8)
        ax.set_ylim(bottom=0)
        if len(states.time_ps):
            ax.set_xlim(states.time_ps[0], max(states.time_ps[-1], states.time_ps[0] + 1e-9))
        ax.tick_params(labelsize=8, labelbottom=False)
        if carrier is not None:
            self._draw_band(carrier)
        band.set_yticks([])
        band.set_ylabel(title, fontsize=8, rotation=0, ha="right", va="center")
        band.set_xlabel("time (ps)", fontsize=8)
        band.tick_params(labelsize=8)
        for one in (ax, band):
            one.spines[["top", "right"]].set_visible(False)
        self.cursors = [one.axvline(0, color="black", linewidth=1) for one in (ax, band)]
        self.canvas.draw_idle()

    def _draw_band(self, carrier: int) -> None:
        """One colour per frame: the event of the ion in the window that begins there."""
        code = self.states.event[:, carrier]
        colors = np.array(["#FFFFFF", *self.states.event_colors], dtype=object)
        edges = np.concatenate([[0], np.flatnonzero(np.diff(code)) + 1, [len(code)]])
        time = self.states.time_ps
        spacing = float(time[1] - time[0]) if len(time) > 1 else 1.0
        runs = [
            (float(time[a]), float(time[b - 1] - time[a]) + spacing)
            for a, b in pairwise(edges.tolist())
        ]
        self.band.broken_barh(runs, (0, 1), facecolors=list(colors[code[edges[:-1]] + 1]))

    def set_time(self, time: float) -> None:
        """Move the cursor."""
        for one in self.cursors:
            one.set_xdata([time, time])
        self.canvas.draw_idle()

    def _pressed(self, event: Any) -> None:
        if event.button == 1 and event.inaxes is not None and event.xdata is not None:
            self.clicked(float(event.xdata))
