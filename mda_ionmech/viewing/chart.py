"""Bar chart of the window: the contribution of each event; a click chooses one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import ovito  # noqa: F401  (before Qt, whose settings it changes)
from matplotlib.figure import Figure
from ovito.qt_compat import QtWidgets

from ovito_modifiers.states import StatesFile


class Contributions:
    """Data of the bar chart: a value for each event, with its interval where there is one."""

    def __init__(self, states: StatesFile) -> None:
        self.names: list[str] = []
        self.values = np.empty(0)
        self.errors: np.ndarray | None = None
        self.title = f"ion-windows of {states.window_ps:g} ps with each event"
        if states.event_share is not None and states.species_names is not None:
            known = np.isfinite(states.event_share)
            row = int(known.sum(axis=1).argmax())
            if known[row].sum() > 1:
                columns = np.flatnonzero(known[row])
                self.names = [states.event_names[k] for k in columns]
                self.values = states.event_share[row, columns]
                over = f"{states.window_ps:g} ps"
                self.title = f"share of L({states.species_names[row]}) " + (
                    f"at long times, labels over {over}"
                    if states.share_view == "diffusive"
                    else f"in windows of {over}"
                )
                if states.event_share_low is not None and states.event_share_high is not None:
                    self.errors = np.clip(
                        [
                            self.values - states.event_share_low[row, columns],
                            states.event_share_high[row, columns] - self.values,
                        ],
                        0,
                        None,
                    )
        if not self.names:
            counts = np.array([(states.event == k).sum() for k in range(len(states.event_names))])
            columns = np.flatnonzero(counts)
            self.names = [states.event_names[k] for k in columns]
            self.values = counts[columns] / max(counts.sum(), 1)
        self.colors = [states.event_colors[states.event_names.index(n)] for n in self.names]


class Chart(QtWidgets.QWidget):
    """Bars of the contributions; calls `clicked` with the name of the event."""

    def __init__(self, contributions: Contributions, clicked: Callable[[str], None]) -> None:
        super().__init__()
        from matplotlib.backends.backend_qtagg import FigureCanvasQTAgg

        self.contributions, self.clicked = contributions, clicked
        figure = Figure(figsize=(4.2, 2.8), layout="constrained")
        self.canvas = FigureCanvasQTAgg(figure)
        self.axes = figure.add_subplot()
        self.bars: Any = None
        self.draw([])
        self.canvas.mpl_connect("button_press_event", self._pressed)
        layout = QtWidgets.QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.canvas)

    def show_contributions(self, contributions: Contributions) -> None:
        """Show other ones."""
        self.contributions = contributions
        self.draw([])

    def draw(self, chosen: list[str]) -> None:
        """Draw the bars, with those of the chosen events highlighted."""
        shown, ax = self.contributions, self.axes
        ax.clear()
        place = np.arange(len(shown.names))
        self.bars = ax.barh(place, shown.values, color=shown.colors, height=0.75)
        if shown.errors is not None:
            ax.errorbar(
                shown.values, place, xerr=shown.errors, fmt="none", ecolor="black", capsize=2
            )
        for bar, name in zip(self.bars, shown.names, strict=True):
            bar.set_alpha(1.0 if not chosen or name in chosen else 0.25)
        ax.set_yticks(place, shown.names)
        ax.invert_yaxis()
        ax.axvline(0, color="black", linewidth=0.8)
        ax.xaxis.set_major_formatter(lambda value, _: f"{round(100 * value, 6):g}%")
        ax.set_xlabel(shown.title, fontsize=9)
        ax.tick_params(labelsize=9)
        ax.spines[["top", "right"]].set_visible(False)
        self.canvas.draw_idle()

    def _pressed(self, event: Any) -> None:
        # the whole row counts as its bar, so that small shares can be clicked, too
        if event.inaxes is self.axes and event.ydata is not None:
            number = round(event.ydata)
            if 0 <= number < len(self.contributions.names):
                self.clicked(self.contributions.names[number])
