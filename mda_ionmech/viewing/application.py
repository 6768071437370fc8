"""Qt's application object for the window, on a screen."""

from __future__ import annotations

import ctypes
import os
import sys
from typing import Any

import ovito  # noqa: F401  (before Qt, whose settings it changes)
from ovito.qt_compat import QtCore, QtWidgets

from ..lib.errors import InputError

HEADLESS = "ovitoheadless"


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
