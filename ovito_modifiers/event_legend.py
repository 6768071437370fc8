"""Viewport layer: names and colours of events, numbers of ions, and shares."""

from __future__ import annotations

import html
from typing import Any

import numpy as np
import traits.api
from ovito.data import DataCollection
from ovito.qt_compat import QtGui
from ovito.traits import Color
from ovito.vis import ViewportOverlayInterface

from . import shared
from .share_text import share_text

#: Corner of the picture: position and alignment of the text, and direction of the offset.
CORNERS = {
    "top left": ((0.0, 1.0), (1, -1)),
    "top right": ((1.0, 1.0), (-1, -1)),
    "bottom left": ((0.0, 0.0), (1, 1)),
    "bottom right": ((1.0, 0.0), (-1, 1)),
}
GROUP = "Placement"


def _fraction(value: float, label: str, desc: str, low: float = 0.0, high: float = 1.0) -> Any:
    """A parameter that OVITO shows in percent."""
    return traits.api.Range(
        low=low, high=high, value=value, label=label, desc=desc, ovito_unit="percent",
        ovito_group=GROUP,
    )  # fmt: skip


def _color(value: float, label: str, desc: str) -> Any:
    """A parameter for a colour, at first a shade of grey."""
    return Color((value, value, value), label=label, desc=desc, ovito_group=GROUP)


class EventLegend(ViewportOverlayInterface):
    """One line per event: swatch, name, ions in this frame, share of the Onsager coefficient."""

    events_file = shared.events_file_parameter()
    labels = traits.api.Enum(
        "events",
        ["events", "macrostates"],
        label="Show",
        desc="Events or macrostates.",
    )
    names = shared.names_parameter("Only", "all that occur")
    title = traits.api.Str(
        "",
        label="Title",
        desc="Heading; empty: the kind of label and the length of the window.",
    )
    counts = traits.api.Bool(
        True,
        label="Ions",
        desc="Number of ions with each label in the window that starts at this frame.",
    )
    shares = traits.api.Bool(
        True,
        label="Share",
        desc="Share of each event in the Onsager coefficient, if it is in the states file: at long "
        "times with labels over this length (limit), or in windows of this length.",
    )
    elements = traits.api.Bool(
        False,
        label="Elements",
        desc="Colors of the other particles by type and of contacts, and the edges of the cell.",
    )
    corner = traits.api.Enum(
        "top left",
        list(CORNERS),
        label="Corner",
        desc="Position of the legend.",
        ovito_group=GROUP,
    )
    margin = _fraction(
        0.02, "Margin", "Distance from the corner, as a fraction of the picture's height.", high=0.5
    )
    font_size = _fraction(
        0.032, "Font size", "Height of the text, as a fraction of the picture's height.", 0.005, 0.2
    )
    text_color = _color(0.0, "Text color", "Color of the text.")
    outline_color = _color(
        1.0, "Outline color", "Color of the outline of the text, for contrast with particles."
    )
    background_color = _color(1.0, "Background color", "Color of the rectangle behind the text.")
    background = _fraction(0.8, "Background", "Opacity of the rectangle behind the text; 0: none.")
    match = shared.match_parameter()
    _ = traits.api.Disallow

    def render(
        self, canvas: ViewportOverlayInterface.Canvas, *, data: DataCollection, **kwargs: Any
    ) -> None:
        """Draw the legend over the viewport; called by OVITO."""
        columns = self.columns(data)
        width, height = canvas.logical_size
        aspect = width / height
        line, space = 1.5 * self.font_size, 0.7 * self.font_size / aspect
        widths = [max(self._width(canvas, text) for text, _ in one) for one in columns]
        starts = np.cumsum([0.0] + [width + space for width in widths])
        n = len(columns[0])
        table = float(starts[-1] - space)
        below = self._element_lines(canvas, data, table, aspect)
        n_lines = n + len(below)
        (x, y), (right, up) = CORNERS[self.corner]
        x += right * self.margin / aspect
        y += up * self.margin
        if right < 0:
            x -= starts[-1] - space
        if up > 0:
            y += n_lines * line
        self._draw_background(canvas, (x, y), table, n_lines * line)
        for place, words in enumerate(below, start=n):
            for text, color, aside in words:
                self._draw(canvas, text, (x + aside, y - place * line), color, "north west")
        for k, column in enumerate(columns):
            numeric = k > 1
            for place, (text, color) in enumerate(column):
                at = x + (starts[k + 1] - space if numeric else starts[k])
                position = (float(at), float(y - place * line))
                anchor = "north east" if numeric else "north west"
                self._draw(canvas, text, position, color, anchor)

    def _draw(
        self,
        canvas: ViewportOverlayInterface.Canvas,
        text: str,
        position: tuple[float, float],
        color: tuple[float, ...],
        anchor: str,
    ) -> None:
        canvas.draw_text(
            as_it_is(text),
            pos=position,
            font_size=self.font_size,
            anchor=anchor,
            color=color,
            outline_width=2.0,
            outline_color=self.outline_color,
        )

    def _element_lines(
        self,
        canvas: ViewportOverlayInterface.Canvas,
        data: DataCollection,
        width: float,
        aspect: float,
    ) -> list[list[tuple[str, tuple[float, ...], float]]]:
        """Texts, colours and places along the lines of the types of particles."""
        lines: list[list[tuple[str, tuple[float, ...], float]]] = []
        at = np.inf
        black, space = tuple(self.text_color), self.font_size / aspect
        entries = [("●", *one) for one in element_rows(data)]
        entries += [("━", *one) for one in contact_rows(data)]
        for mark, name, color in entries if self.elements else []:
            sign, word = self._width(canvas, mark), self._width(canvas, name)
            if at + sign + 0.3 * space + word > width:
                lines.append([])
                at = 0.0
            lines[-1] += [(mark, color, at), (name, black, at + sign + 0.3 * space)]
            at += sign + word + space
        if self.elements and data.cell is not None:
            edges = np.linalg.norm(np.asarray(data.cell)[:, :3], axis=0)
            text = " x ".join(f"{edge:.1f}" for edge in edges)
            lines.append([(f"cell {text} Å", black, 0.0)])
        return lines

    def _draw_background(
        self,
        canvas: ViewportOverlayInterface.Canvas,
        corner: tuple[float, float],
        width: float,
        height: float,
    ) -> None:
        """A rectangle behind text that begins at this upper left corner."""
        if self.background == 0:
            return
        edge = 0.4 * self.font_size
        aside = edge * canvas.logical_size[1] / canvas.logical_size[0]
        image = QtGui.QImage(4, 4, canvas.preferred_qimage_format)
        image.fill(QtGui.QColor.fromRgbF(*map(float, self.background_color), self.background))
        canvas.draw_image(
            image,
            pos=(corner[0] - aside, corner[1] + edge),
            size=(width + 2 * aside, height + edge),
            anchor="north west",
        )

    def _width(self, canvas: ViewportOverlayInterface.Canvas, text: str) -> float:
        if not text:
            return 0.0
        return float(canvas.text_bounds(as_it_is(text), font_size=self.font_size)[1][0])

    def columns(self, data: DataCollection) -> list[list[tuple[str, tuple[float, ...]]]]:
        """Text and colour of every cell, column by column, the heading first."""
        opened = shared.open_states(self.events_file, data)
        labels = opened.events if self.labels == "events" else opened.macrostates
        chosen = shared.choose(labels, self.names, "Only (names)")[:-1]
        if not self.names:
            chosen = labels.count.sum(axis=0) > 0
            if shared.UNRULED in labels.names and len(labels.names) > 1:
                chosen[labels.names.index(shared.UNRULED)] = False
        shown = np.flatnonzero(chosen)
        black = tuple(self.text_color)
        window = f" in {opened.states.window_ps:g} ps" if self.labels == "events" else ""
        title = self.title or f"{labels.title.split()[1]}s{window}".capitalize()
        colors = [tuple(float(c) for c in labels.colors[k]) for k in shown]
        columns = [
            [("", black)] + [("■", color) for color in colors],
            [(title, black)] + [(labels.names[k], black) for k in shown],
        ]
        if self.counts:
            moment = shared.find_moment(opened, data, self.match)
            known = moment.row >= 0 and np.any(labels.code[moment.row] >= 0)
            counts = [str(labels.count[moment.row, k]) if known else "-" for k in shown]
            columns.append([("ions", black)] + [(text, black) for text in counts])
        if self.shares and self.labels == "events":
            columns += [
                [(heading, black)] + [(texts[k], black) for k in shown]
                for heading, texts in share_columns(opened)
            ]
        return columns


def element_rows(data: DataCollection) -> list[tuple[str, tuple[float, ...]]]:
    """Names and colours of the types of particles that show no label, as they are drawn."""
    particles = data.particles
    if particles is None or particles.particle_types is None:
        return []
    painted = data.attributes.get("Ions.Painted", "")
    kinds = np.asarray(particles.particle_types)
    other = np.ones(particles.count, dtype=bool)
    rows: list[tuple[str, tuple[float, ...]]] = []
    if painted in particles:
        labelled = particles[painted]
        neutral = tuple(map(float, labelled.types[0].color))
        carriers = np.unique(kinds[np.asarray(labelled) > 0])
        other = ~np.isin(kinds, carriers)
        if len(carriers) == 0 or np.any(np.asarray(labelled)[~other] == 0):
            rows.append(("other ions", neutral))
    if "Hidden" in particles:
        other &= np.asarray(particles["Hidden"]) == 0
    color = np.asarray(particles.colors) if "Color" in particles else None
    for one in particles.particle_types.types:
        mine = np.flatnonzero((kinds == one.id) & other)
        if len(mine):
            drawn = one.color if color is None else color[mine[0]]
            rows.append((one.name or str(one.id), tuple(map(float, drawn))))
    return rows


def contact_rows(data: DataCollection) -> list[tuple[str, tuple[float, ...]]]:
    """Meaning and colours of the bonds that *Shell bonds* adds."""
    text = str(data.attributes.get("ShellBonds.Colors", ""))
    colors = shared.hex_to_rgb(tuple(text.split()))
    names = ("in the shell", "leaves", "arrives")
    return [(name, tuple(map(float, color))) for name, color in zip(names, colors, strict=False)]


def as_it_is(text: str) -> str:
    """A text as HTML that OVITO draws literally."""
    return f"<span>{html.escape(text)}</span>" if "<" in text else text


def share_columns(opened: shared.Opened) -> list[tuple[str, list[str]]]:
    """Heading and texts, one per event, of every species with known shares of more than one
    event."""
    states = opened.states
    if states.event_share is None or states.species_names is None:
        return []
    out = []
    limit = ", limit" if states.share_view == "diffusive" else ""
    low, high = states.event_share_low, states.event_share_high
    for k, (species, shares) in enumerate(
        zip(states.species_names, states.event_share, strict=True)
    ):
        if np.isfinite(shares).sum() > 1:
            unknown = np.full(len(shares), np.nan)
            ends = zip(
                shares,
                unknown if low is None else low[k],
                unknown if high is None else high[k],
                strict=True,
            )
            out.append((f"share of L({species}){limit}", [share_text(*one) for one in ends]))
    return out
