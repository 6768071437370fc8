"""Qt window for events: viewport, time line, bar chart, and parameters of the modifiers.

A click on a bar goes to frames where the event occurs, one on an ion shows its track, its events
and its shell, one in the time line goes there. Needs the extra ``viewer`` and a screen.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import ovito
import ovito.gui
from ovito.qt_compat import QtCore, QtGui, QtWidgets

from ovito_modifiers.event_frames import event_rows

from ..lib.elements import elements_of
from .application import application
from .chart import Chart, Contributions
from .controls import make_panel, visible_traits
from .framework import ANIONS
from .scene import QUIET, Scene, first_frame, frame_scene, open_states_file
from .timeline import Timeline
from .track import IonTrack, pick_ion

PLAY_INTERVAL = 120  # ms
RETRY = 60  # ms
#: Part of the width and height that OVITO's preview leaves to the picture, between its margins.
PREVIEW = 0.928
#: Words of the selector for all events.
ALL = "all events"


class Picture(QtWidgets.QAbstractScrollArea):
    """OVITO's viewport, without the margins of its preview; calls `clicked` with a place.

    Only in an area that scrolls Qt clips windows of OVITO.
    """

    def __init__(self, viewport: Any, clicked: Callable[[float, float], None]) -> None:
        super().__init__()
        self.setFrameShape(QtWidgets.QFrame.Shape.NoFrame)
        for bar in (self.setHorizontalScrollBarPolicy, self.setVerticalScrollBarPolicy):
            bar(QtCore.Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        viewport.preview_mode = True  # needed for the legend
        self.view = ovito.gui.create_qwidget(viewport, self.viewport())
        self.inner = getattr(self.view, "widget", self.view)
        self.clicked = clicked
        self.pressed: Any = None
        self.surface: Any = None

    def resizeEvent(self, event: Any) -> None:
        """Enlarge the viewport by its margins, and give the picture the shape of this widget."""
        width, height = max(self.width(), 2), max(self.height(), 2)
        outer = round(width / PREVIEW), round(height / PREVIEW)
        self.inner.setGeometry((width - outer[0]) // 2, (height - outer[1]) // 2, *outer)
        ovito.scene.render_settings.size = (width, height)

    def showEvent(self, event: Any) -> None:
        """Listen to the window that OVITO draws on, which exists from now on."""
        if self.surface is None:
            self.surface = surface_in(self.inner)
            self.surface.installEventFilter(self)

    def eventFilter(self, watched: Any, event: Any) -> bool:
        """Notice clicks, and leave every event to the viewport."""
        kinds = QtCore.QEvent.Type
        if event.type() == kinds.MouseButtonPress:
            self.pressed = event.position()
        elif event.type() == kinds.MouseButtonRelease and self.pressed is not None:
            moved = event.position() - self.pressed
            if event.button() == QtCore.Qt.MouseButton.LeftButton and (
                abs(moved.x()) + abs(moved.y()) < 4
            ):
                place = self.mapFromGlobal(event.globalPosition())
                self.clicked(place.x(), place.y())
            self.pressed = None
        return False


def surface_in(container: QtWidgets.QWidget) -> Any:
    """The window within a widget that holds a window; the widget itself where there is none."""
    for one in QtGui.QGuiApplication.allWindows():
        own = one.metaObject().className()
        if own not in ("QWidgetWindow", "QWindow") and one.size() == container.size():
            return one
    return container


class Window(QtWidgets.QMainWindow):
    """The window; its controls call `set_frame`, `select_event`, `select_ion` and `jump`."""

    def __init__(self, scene: Scene, windows: dict[str, Path] | None = None) -> None:
        super().__init__()
        self.scene, self.states = scene, scene.states
        self.windows = windows or {}
        self.is_computing = False
        self.setWindowTitle(f"ionmech: {self.states.source}")
        self.resize(1280, 800)
        anions = np.flatnonzero(np.isin(elements_of(scene.universe), ANIONS))
        self.track = IonTrack(universe=scene.universe, states=self.states, anions=anions)
        scene.pipeline.modifiers.append(self.track)
        self.picture = Picture(scene.viewport, self.pick)
        self.view = self.picture.view
        self.chart = Chart(Contributions(self.states), self.select_event)
        self.timeline = Timeline(self.states, self.go_to_time)
        self.slider = QtWidgets.QSlider(QtCore.Qt.Orientation.Horizontal)
        self.slider.setRange(0, scene.universe.trajectory.n_frames - 1)
        self.slider.valueChanged.connect(self._show_frame)
        self.label, self.ion_label = QtWidgets.QLabel(), QtWidgets.QLabel()
        for one in (self.label, self.ion_label):
            one.setTextFormat(QtCore.Qt.TextFormat.PlainText)
        self.ion_label.setText("click on an ion to follow it")
        self.timer = QtCore.QTimer(self)
        self.timer.setInterval(PLAY_INTERVAL)
        self.timer.timeout.connect(self._advance)
        whole = QtWidgets.QSplitter()
        whole.addWidget(self._left())
        whole.addWidget(self._right())
        whole.setSizes([860, 420])
        self.setCentralWidget(whole)
        self._draw_time()
        self._show_first_event()

    # ---- layout ---------------------------------------------------------------------------

    def _left(self) -> QtWidgets.QWidget:
        """Viewport, time line, slider and buttons."""
        left = QtWidgets.QWidget()
        below = QtWidgets.QVBoxLayout(left)
        below.setContentsMargins(4, 4, 4, 4)
        below.addWidget(self.picture, stretch=1)
        self.timeline.setFixedHeight(140)
        below.addWidget(self.timeline)
        below.addWidget(self.slider)
        buttons = QtWidgets.QHBoxLayout()
        self.play_button = QtWidgets.QPushButton("Play")
        self.play_button.setCheckable(True)
        self.play_button.toggled.connect(self._play)
        buttons.addWidget(self.play_button)
        self.previous_button = self._button("Previous event", lambda: self.jump(-1), buttons)
        self.next_button = self._button("Next event", lambda: self.jump(1), buttons)
        self.all_button = self._button("All events", lambda: self.select_event(None), buttons)
        # many counts are cut off, and do not push the panels out of the window
        self.label.setSizePolicy(
            QtWidgets.QSizePolicy.Policy.Ignored, QtWidgets.QSizePolicy.Policy.Preferred
        )
        buttons.addWidget(self.label, stretch=1)
        below.addLayout(buttons)
        return left

    def _right(self) -> QtWidgets.QWidget:
        """Selectors, bar chart and panels of parameters."""
        right = QtWidgets.QSplitter(QtCore.Qt.Orientation.Vertical)
        top = QtWidgets.QWidget()
        column = QtWidgets.QVBoxLayout(top)
        row = QtWidgets.QHBoxLayout()
        self.event_box, self.window_box = QtWidgets.QComboBox(), QtWidgets.QComboBox()
        self._fill_events()
        self.event_box.activated.connect(
            lambda k: self.select_event(self.event_box.itemText(k) if k else None)
        )
        self.window_box.addItems(list(self.windows) or [f"{self.states.window_ps:g} ps"])
        self.window_box.setCurrentText(f"{self.states.window_ps:g} ps")
        self.window_box.setToolTip("windows of the states files beside the result")
        self.window_box.activated.connect(lambda k: self.select_window(self.window_box.itemText(k)))
        for text, box, share in (("Event", self.event_box, 1), ("Window", self.window_box, 0)):
            row.addWidget(QtWidgets.QLabel(text))
            row.addWidget(box, stretch=share)
        column.addLayout(row)
        column.addWidget(self.chart, stretch=1)
        column.addWidget(self.ion_label)
        right.addWidget(top)
        self.panels = QtWidgets.QTabWidget()
        scene = self.scene
        for title, one in (
            ("Ions", scene.color),
            ("Arrows", scene.arrows),
            ("Shells", scene.bonds),
            ("Legend", scene.legend),
            ("Track", self.track),
        ):
            area = QtWidgets.QScrollArea()
            area.setWidgetResizable(True)
            area.setWidget(make_panel(one))
            self.panels.addTab(area, title)
            one.observe(self._changed, visible_traits(one))
        right.addWidget(self.panels)
        right.setSizes([320, 480])
        return right

    def _button(self, text: str, action: Callable[[], None], layout: Any) -> Any:
        button = QtWidgets.QPushButton(text)
        button.clicked.connect(lambda *_: action())
        layout.addWidget(button)
        return button

    def _fill_events(self) -> None:
        self.event_box.clear()
        self.event_box.addItems([ALL, *self.states.event_names])

    def fit(self) -> None:
        """Let the cell fill the viewport, beside the legend."""
        size = self.picture.width(), self.picture.height()
        self._alone(lambda: frame_scene(self.scene, size, self.frame), self.fit)

    def _alone(self, action: Callable[[], Any], later: Callable[[], None]) -> Any:
        """Do what computes the pipeline, unless it is being computed: then call `later` soon.

        OVITO handles events while it computes, and ends the process where computing begins again
        within one of them.
        """
        if self.is_computing:
            QtCore.QTimer.singleShot(RETRY, later)
            return None
        self.is_computing = True
        try:
            return action()
        finally:
            self.is_computing = False

    def _computed(self) -> Any:
        return self.scene.pipeline.compute(self.frame)

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

    def _show_first_event(self) -> None:
        """Show the first frame with one of the chosen events."""
        first = first_frame(self.states, self.chosen)
        if first == self.frame:
            self._show_frame(first)
        else:
            self.set_frame(first)

    def go_to_time(self, time: float) -> None:
        """Show the analysed frame nearest to a time, ps."""
        row = int(np.argmin(np.abs(self.states.time_ps - time)))
        self.set_frame(int(self.states.frame[row]))

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
        names = [n for n in names if n in self.states.event_names]
        return names or [n for n in self.states.event_names if n not in QUIET]

    def select_event(self, name: str | None) -> None:
        """Show one event alone and go to a frame where it begins; None shows all."""
        states = self.states
        names = [name] if name else [n for n in states.event_names if n not in QUIET]
        text = ", ".join(names)
        self.scene.arrows.events = text
        if hasattr(self.scene.color, "events"):
            self.scene.color.events = text
        if hasattr(self.scene.legend, "names") and self.scene.legend.labels == "events":
            self.scene.legend.names = text
        self.scene.bonds.events = text
        self.chart.draw([name] if name else [])
        self.event_box.setCurrentText(name or ALL)
        self._draw_time()
        if name:
            self.jump(1)

    def select_window(self, text: str) -> None:
        """Show the states of another window length."""
        path = self.windows.get(text)
        if path is None:
            return
        self.states = open_states_file(path)
        chosen = [n for n in self.chosen if n in self.states.event_names]
        for one in (self.scene.color, self.scene.arrows, self.scene.bonds, self.scene.legend):
            one.events_file = str(path)
        self.track.states = self.timeline.states = self.states
        self.chart.show_contributions(Contributions(self.states))
        self._fill_events()
        self.select_event(chosen[0] if len(chosen) == 1 else None)
        self.window_box.setCurrentText(text)

    # ---- one ion --------------------------------------------------------------------------

    def pick(self, x: float, y: float) -> None:
        """Choose the ion at a place of the picture, pixels; none where there is no ion."""
        size = self.picture.width(), self.picture.height()
        data = self._alone(self._computed, lambda: self.pick(x, y))
        if data is None:
            return
        self.select_ion(pick_ion(data, self.states, self.scene.viewport, (x, y), size))

    def select_ion(self, carrier: int | None) -> None:
        """Show track, events and shell of an ion; None: of no ion."""
        self.track.carrier = -1 if carrier is None else carrier
        self.scene.pipeline.notify_object_changed()
        self._draw_time()
        self._tell()

    def _draw_time(self) -> None:
        carrier = self.track.carrier if self.track.carrier >= 0 else None
        self.timeline.draw(self.chosen, carrier, "" if carrier is None else "this ion")

    def _describe_ion(self, row: int, data: Any) -> str:
        """What the chosen ion is, and does in the present window."""
        states, carrier = self.states, self.track.carrier
        if carrier < 0:
            return "click on an ion to follow it"
        number, name = carrier, "ion"
        if states.species_names is not None and states.species_of_carrier is not None:
            species = int(states.species_of_carrier[carrier])
            name = states.species_names[species]
            number = carrier - int(np.searchsorted(states.species_of_carrier, species))
        text = f"{name} {number}"
        if row < 0 or states.event[row, carrier] < 0:
            return text
        length = float(np.linalg.norm(states.displacement[row, carrier]))
        shell = data.attributes.get("IonTrack.Shell", 0)
        event = states.event_names[states.event[row, carrier]]
        return f"{text}: {event}, {length:.1f} Å in {states.window_ps:g} ps, shell of {shell}"

    def jump(self, way: int) -> None:
        """Go to the next (1) or previous (-1) frame where a chosen event begins, cyclically."""
        states = self.states
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
        states, frame = self.states, self.frame
        row = int(np.searchsorted(states.frame, frame, side="right")) - 1
        text = f"frame {frame}"
        if row >= 0 and frame <= states.frame[-1]:
            text += f", {states.time_ps[row]:g} ps"
            self.timeline.set_time(float(states.time_ps[row]))
            for name in self.chosen:
                count = int((states.event[row] == states.event_names.index(name)).sum())
                text += f"  {name} {count}" if count else ""
        self.label.setText(text)
        self.label.setToolTip(text)
        try:
            data = self._alone(self._computed, self._tell)
            if data is not None:
                self.ion_label.setText(self._describe_ion(row, data))
        except Exception as error:
            self.statusBar().showMessage(str(error))
        else:
            self.statusBar().clearMessage()


def open_window(scene: Scene, windows: dict[str, Path] | None = None) -> Window:
    """Make and show the window; the caller runs Qt's event loop.

    Parameters
    ----------
    scene : Scene
    windows : dict of str to pathlib.Path, optional
        States files by the length of their windows, as text.

    Raises
    ------
    InputError
        Where there is no screen.
    """
    application()
    window = Window(scene, windows)
    window.show()
    QtCore.QTimer.singleShot(0, window.fit)  # when the viewport has its size
    return window
