"""Opens `ionmech view` on a shipped trajectory and uses it: types, drags, clicks, looks.

``python -m tests.ovito_modifiers.drive_window STATES FOLDER`` needs a screen; it prints what it
saw as one line of JSON and leaves pictures of the screen in the folder.
"""

from __future__ import annotations

import json
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

import numpy as np

from mda_ionmech.cli.app import app as command
from mda_ionmech.viewing import application as qt
from mda_ionmech.viewing import window as viewing
from mda_ionmech.viewing.camera import axes_of, projected

from ovito.qt_compat import QtCore, QtGui, QtWidgets  # isort: skip
from PySide6.QtTest import QTest  # isort: skip

LEFT = QtCore.Qt.MouseButton.LeftButton


class Driver:
    def __init__(self, window, folder: Path) -> None:
        self.window, self.folder = window, folder
        self.seen = {}

    def screen(self, name: str, seen: Callable[[np.ndarray], bool]) -> np.ndarray:
        """Pixels of the whole screen, kept as a picture, once `seen` or after half a minute."""
        for _ in range(100):
            QTest.qWait(300)
            picture = QtWidgets.QApplication.primaryScreen().grabWindow(0)
            image = picture.toImage().convertToFormat(QtGui.QImage.Format.Format_RGB888)
            rows = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), -1)
            pixels = rows[:, : 3 * image.width()].reshape(image.height(), -1, 3).astype(int)
            if seen(pixels):
                break
        picture.save(str(self.folder / f"{name}.png"))
        return pixels

    def part(self, pixels: np.ndarray, widget) -> np.ndarray:
        corner = widget.mapToGlobal(QtCore.QPoint(0, 0))
        x, y = corner.x(), corner.y()
        return pixels[y : y + widget.height(), x : x + widget.width()]

    def changed(self, before: np.ndarray, after: np.ndarray, widget) -> int:
        """Pixels of a widget that differ between two pictures of the screen."""
        apart = np.abs(self.part(before, widget) - self.part(after, widget)).sum(axis=-1)
        return int((apart > 30).sum())

    def click_on_ion(self, carrier: int) -> dict:
        """Click on the picture where an ion is drawn."""
        window = self.window
        viewport, picture = window.scene.viewport, window.picture
        size = np.array([picture.width(), picture.height()])
        data = window.scene.pipeline.compute(window.frame)
        atom = window.states.atom_index[carrier]
        slope = np.tan(viewport.fov / 2) * np.array([size[0] / size[1], 1])
        place = np.asarray(data.particles.positions)[atom][None]
        seen = projected(place, np.array(viewport.camera_pos), axes_of(viewport.camera_dir), slope)[
            0
        ]
        at = (seen * [1, -1] + 1) / 2 * size
        there = picture.mapToGlobal(QtCore.QPoint(*at.astype(int).tolist()))
        inside = picture.surface.mapFromGlobal(there)
        QTest.mouseClick(picture.surface, LEFT, pos=inside)
        QTest.qWait(200)
        chosen = window.track.carrier
        data = window.scene.pipeline.compute(window.frame)
        return {
            "carrier": chosen,
            "label": window.ion_label.text(),
            "lines": sorted(lines.identifier for lines in data.lines.values()),
            "shell": data.attributes.get("IonTrack.Shell"),
        }

    def use_panel(self) -> None:
        """Set a size by typing a percentage; the button of a colour shows it."""
        panel = self.window.panels.widget(0)
        box = next(w for w in panel.findChildren(QtWidgets.QDoubleSpinBox) if w.suffix() == " %")
        box.setFocus()
        box.selectAll()
        QTest.keyClicks(box, "50")
        QTest.keyClick(box, QtCore.Qt.Key.Key_Return)
        color = self.window.scene.color
        color.neutral_color = (1.0, 0.0, 0.0)
        buttons = panel.findChildren(QtWidgets.QPushButton)
        self.seen["panel"] = [color.shown_size, buttons[0].text()]

    def run(self) -> dict:
        window = self.window
        scene, chart = window.scene, window.chart
        view = window.picture

        def colors(pixels: np.ndarray) -> int:
            return len(np.unique(self.part(pixels, view).reshape(-1, 3), axis=0))

        opened = self.screen("opened", lambda pixels: colors(pixels) > 100)
        QTest.qWait(500)
        opened = self.screen("opened", lambda pixels: True)
        self.seen["colors"] = colors(opened)

        # a parameter, typed into the modifier's own panel
        panel = window.panels.widget(0)
        field = next(w for w in panel.findChildren(QtWidgets.QLineEdit) if "hop" in w.text())
        field.setFocus()
        field.selectAll()
        QTest.keyClicks(field, "single_ion_hop")
        QTest.keyClick(field, QtCore.Qt.Key.Key_Return)
        typed = self.screen("typed", lambda p: self.changed(opened, p, view) > 200)
        self.seen["typed"] = scene.color.events
        self.seen["changed by typing"] = self.changed(opened, typed, view)

        # the slider, with the keyboard
        window.slider.setFocus()
        for _ in range(3):
            QTest.keyClick(window.slider, QtCore.Qt.Key.Key_PageUp)
        moved = self.screen("moved", lambda p: self.changed(typed, p, view) > 1000)
        self.seen["frame"] = window.frame
        self.seen["changed by sliding"] = self.changed(typed, moved, view)

        # a bar of the chart, with the mouse
        number = chart.contributions.names.index("multi_ion_hop")
        bar = chart.bars[number]
        x, y = chart.axes.transData.transform((bar.get_width() / 2, number))
        ratio = chart.canvas.device_pixel_ratio
        place = QtCore.QPoint(int(x / ratio), int(chart.canvas.height() - y / ratio))
        QTest.mouseClick(chart.canvas, LEFT, pos=place)
        clicked = self.screen(
            "clicked",
            lambda p: min(self.changed(moved, p, view), self.changed(moved, p, chart)) > 1000,
        )
        self.seen["event"] = scene.color.events
        self.seen["jumped to"] = window.frame
        self.seen["changed by clicking"] = self.changed(moved, clicked, view)
        self.seen["chart changed"] = self.changed(moved, clicked, chart)

        # an ion, with the mouse: it is followed
        self.seen["pick"] = self.click_on_ion(5)
        # the time line, with the mouse
        before = window.frame
        x, y = window.timeline.axes.transData.transform((12.0, 1.0))
        canvas = window.timeline.canvas
        ratio = canvas.device_pixel_ratio
        QTest.mouseClick(canvas, LEFT, pos=QtCore.QPoint(int(x / ratio), canvas.height() // 3))
        self.seen["time"] = window.frame
        # the margins of OVITO's preview are outside
        followed = self.screen("followed", lambda p: True)
        rows = self.part(followed, window.picture)
        self.seen["corners"] = [rows[y, x].tolist() for y in (2, -3) for x in (2, -3)]
        window.set_frame(before)
        # a colour and a size in the panel
        self.use_panel()
        # another window, by the selector
        texts = [window.window_box.itemText(k) for k in range(window.window_box.count())]
        window.window_box.setCurrentIndex(1)
        window.window_box.activated.emit(1)
        self.seen["windows"] = [texts, window.states.window_ps, window.chosen]
        window.window_box.activated.emit(0)
        window.set_frame(before)

        QTest.mouseClick(window.next_button, LEFT)
        self.seen["next"] = window.frame
        QTest.mouseClick(window.previous_button, LEFT)
        self.seen["previous"] = window.frame
        QTest.mouseClick(window.play_button, LEFT)
        QTest.qWait(1500)
        QTest.mouseClick(window.play_button, LEFT)
        self.seen["played to"] = window.frame
        scene.color.events = "nonsense"
        QTest.qWait(50)
        self.seen["objection"] = window.statusBar().currentMessage()
        QTest.mouseClick(window.all_button, LEFT)
        self.seen["all"] = scene.color.events
        window.label.setText("frame 7  " + "anion_dissociation 16  " * 40)
        QTest.qWait(300)
        corner = window.panels.mapTo(window, QtCore.QPoint(0, 0)).x()
        self.seen["panels"] = corner + window.panels.width() <= window.width() <= 1280
        before = sys.getrefcount(None)
        for k in range(2000):
            window.label.setText(str(k))
        QTest.qWait(5500)
        self.seen["references"] = sys.getrefcount(None), before
        return self.seen


def main() -> None:
    states, folder = sys.argv[1], Path(sys.argv[2])
    application = qt.application()

    def drive() -> None:
        windows = [w for w in application.topLevelWidgets() if isinstance(w, viewing.Window)]
        if not windows or not windows[0].isVisible():
            QtCore.QTimer.singleShot(50, drive)
            return
        try:
            print(json.dumps(Driver(windows[0], folder).run()), flush=True)
        except BaseException:
            traceback.print_exc()
        finally:
            application.closeAllWindows()

    QtCore.QTimer.singleShot(0, drive)
    command(["view", states, "--dataset", "crystal"], standalone_mode=False)


if __name__ == "__main__":
    main()
