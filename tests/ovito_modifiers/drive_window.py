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
from mda_ionmech.viewing import window as viewing

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

    def run(self) -> dict:
        window = self.window
        scene, chart = window.scene, window.chart
        view = getattr(window.view, "widget", window.view)

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
        before = sys.getrefcount(None)
        for k in range(2000):
            window.label.setText(str(k))
        QTest.qWait(5500)
        self.seen["references"] = sys.getrefcount(None), before
        return self.seen


def main() -> None:
    states, folder = sys.argv[1], Path(sys.argv[2])
    application = viewing.application()

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
