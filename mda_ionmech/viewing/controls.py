"""Panel of the parameters of a modifier or layer: values with units, choices and colours."""

from __future__ import annotations

import re
from typing import Any

import ovito  # noqa: F401  (before Qt, whose settings it changes)
from ovito.qt_compat import QtCore, QtGui, QtWidgets
from traits.api import TraitError

SLIDER_STEPS = 200
#: Upper end of the slider of a parameter without an upper limit.
OPEN_END = 10.0


def visible_traits(one: Any) -> list[str]:
    """Parameters of a modifier or layer that a panel shows, in the order of the class."""
    declared = [name for name in type(one).__dict__["__class_traits__"] if name[0] != "_"]
    return [name for name in declared if one.trait(name).label]


def make_panel(one: Any) -> QtWidgets.QWidget:
    """Widget with one row per parameter, in groups; it follows changes made elsewhere."""
    panel = QtWidgets.QWidget()
    whole = QtWidgets.QVBoxLayout(panel)
    forms: dict[str, QtWidgets.QFormLayout] = {}
    for name in visible_traits(one):
        trait = one.trait(name)
        group = trait.ovito_group or ""
        if group not in forms:
            box = QtWidgets.QGroupBox(group) if group else QtWidgets.QWidget()
            forms[group] = QtWidgets.QFormLayout(box)
            whole.addWidget(box)
        widget = _widget_of(one, name)
        widget.setToolTip(trait.desc or "")
        forms[group].addRow(_label(trait.label), widget)
    whole.addStretch(1)
    return panel


def _label(text: str) -> str:
    """A label without its unit, which is shown at the value."""
    return re.sub(r" \(Å\)$", "", text)


def _widget_of(one: Any, name: str) -> Any:
    """The editor of a parameter, which sets it and shows what is set elsewhere."""
    value, kind = getattr(one, name), one.trait(name).trait_type
    if isinstance(value, bool):
        return CheckBox(one, name)
    if isinstance(value, tuple):
        return ColorButton(one, name)
    if isinstance(value, int | float):
        return Number(one, name)
    if getattr(kind, "values", None):
        return Choice(one, name)
    return Line(one, name)


class _Editor:
    """Connection of a widget to a parameter; a subclass shows values and calls `give`."""

    def connect_to(self, one: Any, name: str) -> None:
        self.one, self.name = one, name
        self.show_value(getattr(one, name))
        one.observe(self._changed, name)

    def _changed(self, event: Any) -> None:
        self.show_value(event.new)

    def give(self, value: Any) -> None:
        """Set the parameter; a value that it refuses is replaced by the present one."""
        try:
            setattr(self.one, self.name, value)
        except TraitError:
            self.show_value(getattr(self.one, self.name))

    def show_value(self, value: Any) -> None:
        raise NotImplementedError


class CheckBox(QtWidgets.QCheckBox, _Editor):
    """On or off."""

    def __init__(self, one: Any, name: str) -> None:
        super().__init__()
        self.connect_to(one, name)
        self.toggled.connect(self.give)

    def show_value(self, value: Any) -> None:
        """Show it."""
        self.setChecked(bool(value))


class Choice(QtWidgets.QComboBox, _Editor):
    """One of several words."""

    def __init__(self, one: Any, name: str) -> None:
        super().__init__()
        self.addItems([str(v) for v in one.trait(name).trait_type.values])
        self.connect_to(one, name)
        self.currentTextChanged.connect(self.give)

    def show_value(self, value: Any) -> None:
        """Show it."""
        self.setCurrentText(str(value))


class Line(QtWidgets.QLineEdit, _Editor):
    """A text, set with Return or by leaving the field."""

    def __init__(self, one: Any, name: str) -> None:
        super().__init__()
        self.connect_to(one, name)
        self.editingFinished.connect(lambda: self.give(self.text()))

    def show_value(self, value: Any) -> None:
        """Show it."""
        if self.text() != str(value):
            self.setText(str(value))
            self.setCursorPosition(0)


class ColorButton(QtWidgets.QPushButton, _Editor):
    """A colour, chosen in a dialog."""

    def __init__(self, one: Any, name: str) -> None:
        super().__init__()
        self.connect_to(one, name)
        self.clicked.connect(lambda *_: self.choose())

    def show_value(self, value: Any) -> None:
        """Show it."""
        color = QtGui.QColor.fromRgbF(*map(float, value))
        ink = "black" if color.lightnessF() > 0.5 else "white"
        self.setText(color.name())
        self.setStyleSheet(f"background-color: {color.name()}; color: {ink}")

    def choose(self) -> None:
        """Ask for a colour and set it."""
        now = QtGui.QColor.fromRgbF(*map(float, getattr(self.one, self.name)))
        dialog = QtWidgets.QColorDialog.DialogOption.DontUseNativeDialog
        chosen = QtWidgets.QColorDialog.getColor(now, self, str(self.toolTip()), dialog)
        if chosen.isValid():
            self.give((chosen.redF(), chosen.greenF(), chosen.blueF()))


class Number(QtWidgets.QWidget, _Editor):
    """A number with its unit, typed or set with a slider."""

    def __init__(self, one: Any, name: str) -> None:
        super().__init__()
        trait = one.trait(name)
        self.is_whole = isinstance(getattr(one, name), int)
        percent = trait.ovito_unit == "percent"
        self.factor = 100.0 if percent else 1.0
        low, high = (getattr(trait.trait_type, end, None) for end in ("_low", "_high"))
        self.low = float(low or 0.0) * self.factor
        self.end = (OPEN_END if high is None else float(high)) * self.factor
        self.box: Any = QtWidgets.QSpinBox() if self.is_whole else QtWidgets.QDoubleSpinBox()
        most = 1_000_000 if high is None else self.end
        if self.is_whole:
            self.box.setRange(int(self.low), int(most))
        else:
            self.box.setDecimals(1 if percent else 2)
            self.box.setRange(self.low, most)
            self.box.setSingleStep((self.end - self.low) / 100)
        unit = "%" if percent else "Å" if trait.label.endswith("(Å)") else ""
        self.box.setSuffix(f" {unit}" if unit else "")
        self.box.setKeyboardTracking(False)
        self.slider = QtWidgets.QSlider(QtCore.Qt.Orientation.Horizontal)
        self.slider.setRange(0, SLIDER_STEPS)
        layout = QtWidgets.QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.slider, stretch=1)
        layout.addWidget(self.box)
        self.connect_to(one, name)
        self.box.valueChanged.connect(lambda value: self.give(self._of(value)))
        self.slider.valueChanged.connect(self._slid)

    def _of(self, value: float) -> float:
        return int(value) if self.is_whole else value / self.factor

    def _slid(self, place: int) -> None:
        self.give(self._of(self.low + (self.end - self.low) * place / SLIDER_STEPS))

    def show_value(self, value: Any) -> None:
        """Show it."""
        shown = value * self.factor
        place = round((shown - self.low) / (self.end - self.low) * SLIDER_STEPS)
        for widget, number in ((self.box, shown), (self.slider, min(place, SLIDER_STEPS))):
            with QtCore.QSignalBlocker(widget):
                widget.setValue(number)
