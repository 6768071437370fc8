"""Qt window for events: viewport, time slider, parameters of the modifiers, and a bar chart.

A click on an event in the chart goes to frames where it occurs. Needs the extra ``viewer`` and a
screen. OVITO is imported before Qt, whose settings it changes.
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import ovito
import ovito.gui
from matplotlib.figure import Figure
from ovito.qt_compat import QtCore, QtWidgets

from ovito_modifiers.event_frames import event_rows

from ..lib.errors import InputError
from .scene import QUIET, Scene

PLAY_INTERVAL = 120  # ms
HEADLESS = "ovitoheadless"


class Contributions:
    """Data of the bar chart: a value for each event, with its interval where there is one."""

    def __init__(self, scene: Scene) -> None:
        states = scene.states
        self.names: list[str] = []
        self.values = np.empty(0)
        self.errors: np.ndarray | None = None
        self.title = f"frequency of each event in {states.window_ps:g} ps"
        if states.event_share is not None and states.species_names is not None:
            known = np.isfinite(states.event_share)
            row = int(known.sum(axis=1).argmax())
            if known[row].sum() > 1:
                columns = np.flatnonzero(known[row])
                self.names = [states.event_names[k] for k in columns]
                self.values = states.event_share[row, columns]
                self.title = (
                    f"share of L({states.species_names[row]}) in windows of {states.window_ps:g} ps"
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


class Window(QtWidgets.QMainWindow):
    """The window; its controls call `set_frame`, `select_event` and `jump`."""

    def __init__(self, scene: Scene) -> None:
        super().__init__()
        self.scene = scene
        self.setWindowTitle(f"ionmech: {scene.states.source}")
        self.resize(1280, 800)
        scene.viewport.preview_mode = True  # needed for the legend
        self.view = ovito.gui.create_qwidget(scene.viewport, self)
        self.chart = Chart(Contributions(scene), self.select_event)
        self.slider = QtWidgets.QSlider(QtCore.Qt.Orientation.Horizontal)
        self.slider.setRange(0, scene.universe.trajectory.n_frames - 1)
        self.slider.valueChanged.connect(self._show_frame)
        self.label = QtWidgets.QLabel()
        self.label.setTextFormat(QtCore.Qt.TextFormat.PlainText)
        self.play_button = QtWidgets.QPushButton("Play")
        self.play_button.setCheckable(True)
        self.play_button.toggled.connect(self._play)
        self.timer = QtCore.QTimer(self)
        self.timer.setInterval(PLAY_INTERVAL)
        self.timer.timeout.connect(self._advance)
        buttons = QtWidgets.QHBoxLayout()
        buttons.addWidget(self.play_button)
        self.previous_button = self._button("Previous event", lambda: self.jump(-1), buttons)
        self.next_button = self._button("Next event", lambda: self.jump(1), buttons)
        self.all_button = self._button("All events", lambda: self.select_event(None), buttons)
        buttons.addWidget(self.label, stretch=1)

        left = QtWidgets.QWidget()
        below = QtWidgets.QVBoxLayout(left)
        below.addWidget(getattr(self.view, "widget", self.view), stretch=1)
        below.addWidget(self.slider)
        below.addLayout(buttons)
        right = QtWidgets.QSplitter(QtCore.Qt.Orientation.Vertical)
        right.addWidget(self.chart)
        self.panels = QtWidgets.QTabWidget()
        self._keep = []
        for title, one in (
            ("Ions", scene.color),
            ("Arrows", scene.arrows),
            ("Legend", scene.legend),
        ):
            panel = make_panel(one)
            self._keep.append(panel)
            area = QtWidgets.QScrollArea()
            area.setWidgetResizable(True)
            area.setWidget(panel.control)
            self.panels.addTab(area, title)
            one.observe(self._changed, visible_traits(one))
        right.addWidget(self.panels)
        right.setSizes([300, 500])
        whole = QtWidgets.QSplitter()
        whole.addWidget(left)
        whole.addWidget(right)
        whole.setSizes([840, 440])
        self.setCentralWidget(whole)
        self._show_frame(0)

    def _button(self, text: str, action: Callable[[], None], layout: Any) -> Any:
        button = QtWidgets.QPushButton(text)
        button.clicked.connect(lambda *_: action())
        layout.addWidget(button)
        return button

    # ---- time -----------------------------------------------------------------------------

    @property
    def frame(self) -> int:
        """Number of the frame shown."""
        return int(self.slider.value())

    def set_frame(self, frame: int) -> None:
        """Show a frame."""
        self.slider.setValue(frame)

    def _show_frame(self, frame: int) -> None:
        ovito.scene.anim.current_frame = int(frame)
        self._tell()

    def _play(self, on: bool) -> None:
        self.play_button.setText("Stop" if on else "Play")
        if on:
            self.timer.start()
        else:
            self.timer.stop()

    def _advance(self) -> None:
        self.set_frame((self.frame + 1) % (self.slider.maximum() + 1))

    # ---- events ---------------------------------------------------------------------------

    @property
    def chosen(self) -> list[str]:
        """The chosen events: those of the arrows, also if macrostates are coloured."""
        names = str(self.scene.arrows.events).replace(",", " ").split()
        names = [n for n in names if n in self.scene.states.event_names]
        return names or [n for n in self.scene.states.event_names if n not in QUIET]

    def select_event(self, name: str | None) -> None:
        """Show one event alone and go to a frame where it begins; None shows all."""
        states = self.scene.states
        names = [name] if name else [n for n in states.event_names if n not in QUIET]
        text = ", ".join(names)
        self.scene.arrows.events = text
        if hasattr(self.scene.color, "events"):
            self.scene.color.events = text
        self.chart.draw([name] if name else [])
        if name:
            self.jump(1)

    def jump(self, way: int) -> None:
        """Go to the next (1) or previous (-1) frame where a chosen event begins, cyclically."""
        states = self.scene.states
        mask = np.array([n in self.chosen for n in states.event_names] + [False])
        rows = event_rows(states.event, mask, True, 0)
        if len(rows) == 0:
            self.statusBar().showMessage(f"no frame has {', '.join(self.chosen)}")
            return
        frames = states.frame[rows]
        if way > 0:
            at = int(np.searchsorted(frames, self.frame, side="right")) % len(frames)
        else:
            at = int(np.searchsorted(frames, self.frame, side="left")) - 1
        self.set_frame(int(frames[at]))

    def _changed(self, event: Any) -> None:
        self._tell()

    def _tell(self) -> None:
        """Update time and counts below the slider, and errors of modifiers in the status bar."""
        states, frame = self.scene.states, self.frame
        row = int(np.searchsorted(states.frame, frame, side="right")) - 1
        text = f"frame {frame}"
        if row >= 0 and frame <= states.frame[-1]:
            text += f", {states.time_ps[row]:g} ps"
            for name in self.chosen:
                count = int((states.event[row] == states.event_names.index(name)).sum())
                text += f"  {name} {count}" if count else ""
        self.label.setText(text)
        try:
            self.scene.pipeline.compute(frame)
        except Exception as error:
            self.statusBar().showMessage(str(error))
        else:
            self.statusBar().clearMessage()


def visible_traits(one: Any) -> list[str]:
    """Parameters of a modifier or layer that a panel shows, in the order of the class."""
    declared = [name for name in type(one).__dict__["__class_traits__"] if name[0] != "_"]
    return [name for name in declared if one.trait(name).label]


def make_panel(one: Any) -> Any:
    """Parameter panel of a modifier or layer, made from its traits; ``.control`` is a widget."""
    from traits.etsconfig.api import ETSConfig

    if ETSConfig.toolkit != "qt":
        ETSConfig.toolkit = "qt"
    from traitsui.api import Group, Item, TextEditor, VGroup, View

    groups: dict[str, list[Any]] = {}
    for name in visible_traits(one):
        trait = one.trait(name)
        more = {}
        if isinstance(getattr(one, name), tuple):  # a colour: red, green, blue from 0 to 1
            more["editor"] = TextEditor(format_func=_numbers_text, evaluate=_text_numbers)
        item = Item(name, label=trait.label, tooltip=trait.desc or "", **more)
        groups.setdefault(trait.ovito_group or "", []).append(item)
    content = [
        Group(*items, label=title, show_border=bool(title)) for title, items in groups.items()
    ]
    return one.edit_traits(view=View(VGroup(*content)), kind="subpanel")


def _numbers_text(values: tuple[float, ...]) -> str:
    return ", ".join(f"{v:g}" for v in values)


def _text_numbers(text: str) -> tuple[float, ...]:
    values = tuple(float(v) for v in text.split(","))
    if len(values) != 3 or not all(0 <= v <= 1 for v in values):
        raise ValueError(f"{text!r} is not a colour: give red, green and blue from 0 to 1")
    return values


def open_window(scene: Scene) -> Window:
    """Make and show the window; the caller runs Qt's event loop.

    Raises
    ------
    InputError
        Where there is no screen.
    """
    application()
    window = Window(scene)
    window.show()
    scene.viewport.zoom_all()
    return window


def application() -> Any:
    """Qt's application object, with widgets.

    Raises
    ------
    InputError
        Where there is no screen to show a window on.
    """
    app = QtWidgets.QApplication.instance()
    if app is None:
        _choose_platform()
        app = QtWidgets.QApplication(["ionmech"])
    if not isinstance(app, QtWidgets.QApplication) or app.platformName() == HEADLESS:
        raise InputError(
            "OVITO has drawn pictures without a screen in this process and cannot open windows in "
            "it any more; open the window first, or in a process of its own"
        )
    if sys.version_info < (3, 12):
        _keep_none()
        keeper = QtCore.QTimer(app)
        keeper.timeout.connect(_keep_none)
        keeper.start(5000)
    return app


def _keep_none(references: int = 100_000) -> None:
    """Add references to `None`.

    Methods of PySide6 6.12 that return nothing release a reference to None that they do not own.
    Without references Python frees None and terminates; from 3.12 on None is never freed.
    """
    for _ in range(references - sys.getrefcount(None)):
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(None))


def _choose_platform() -> None:
    """Undo OVITO's choice of a Qt platform without windows, made at import."""
    if os.environ.get("QT_QPA_PLATFORM", HEADLESS) != HEADLESS:
        return
    os.environ.pop("QT_QPA_PLATFORM", None)
    if not sys.platform.startswith("linux"):
        return
    if os.environ.get("DISPLAY"):
        os.environ["QT_QPA_PLATFORM"] = "xcb"
    elif os.environ.get("WAYLAND_DISPLAY"):
        os.environ["QT_QPA_PLATFORM"] = "wayland"
    else:
        raise InputError(
            "there is no screen: neither DISPLAY nor WAYLAND_DISPLAY is set; start it in a "
            "desktop session, under xvfb-run, or draw images with ionmech render"
        )
