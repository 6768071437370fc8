"""Shared code of the modifiers: matching of frames and particles with the states file, colouring.

Imports numpy and OVITO alone. Frames are matched by their engine step or their number in the file,
not by OVITO's frame counter, which differs from it with a playback ratio.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any as AnyType

import numpy as np
from ovito.data import DataCollection, DataTable, ElementType, Particles
from ovito.traits import Color, FilePath
from traits.api import Any, Bool, Enum, Range, Str

from .states import StatesFile, read_states

#: Label of species without an event rule, shown only where it is named.
UNRULED = "all"
#: Whether this version of OVITO can hide particles; otherwise they are made tiny.
HAS_HIDDEN = hasattr(Particles.Type, "Hidden")
INVISIBLE = 1e-4
#: Part of its own colour that a pale particle keeps; the rest is white.
PALE = np.float32(0.5)


@dataclass(frozen=True)
class Labels:
    """One kind of label, events or macrostates, of a states file.

    names (labels,); colors (labels, 3), float32; code (frames, carriers), int16, -1 for none;
    count (frames, labels); followed (carriers,): whether a carrier ever has a label that says
    something; title, attribute, table: what OVITO calls the particle property, the prefix of the
    attributes, and the identifiers of the tables.
    """

    names: tuple[str, ...]
    colors: np.ndarray
    code: np.ndarray
    count: np.ndarray
    followed: np.ndarray
    title: str
    attribute: str
    table: str


@dataclass(frozen=True)
class Opened:
    """A states file with what follows from it.

    stamp: path, time and size, which tell whether it has changed; by_step: whether frames can be
    told by engine step.
    """

    stamp: str
    states: StatesFile
    by_step: bool
    events: Labels
    macrostates: Labels

    @cached_property
    def place_of_ligand(self) -> np.ndarray:
        """Of every atom a place in the table of ligand atoms, shape (atoms,); -1 for others."""
        index = self.states.shell_atom_index
        out = np.full(self.states.n_atoms, -1, dtype=np.int64)
        if index is not None:
            out[index] = np.arange(len(index))
        return out


@dataclass(frozen=True)
class Moment:
    """Where a frame of OVITO is in the states file.

    row: -1 where it was not analysed; status: in words; exact: whether the frame itself was
    analysed; late: whether it comes after the last analysed one.
    """

    row: int
    status: str
    exact: bool
    late: bool


# ---- the file ---------------------------------------------------------------------------------


def open_states(path: str, data: DataCollection | None = None) -> Opened:
    """The states file, read once for all modifiers and read again when it has changed.

    Parameters
    ----------
    path : str
    data : DataCollection, optional
        A file that is not at `path` is taken from beside the trajectory, where sessions expect it
        after they were moved.

    Raises
    ------
    FileNotFoundError, ValueError
        See `read_states`.
    """
    if not path:
        raise FileNotFoundError(
            "no states file is chosen: set the parameter 'Events file' (events_file) to the "
            "*.states.npz that ionmech run, ionmech demo or run.save_states has written"
        )
    if not os.path.isfile(path) and data is not None:
        folder = os.path.dirname(str(data.attributes.get("SourceFile", "")))
        beside = os.path.join(folder, os.path.basename(path))
        path = beside if os.path.isfile(beside) else path
    if not os.path.isfile(path):
        read_states(path)  # raises, with the remedy
    facts = os.stat(path)
    return _open(os.path.abspath(path), facts.st_mtime_ns, facts.st_size)


@lru_cache(maxsize=3)
def _open(path: str, modified: int, size: int) -> Opened:
    states = read_states(path)
    step = states.step
    events = _labels(
        states.event_names,
        states.event_colors,
        states.event,
        ("Ion Event", "IonEvents", "ion-events"),
    )
    macrostates = _labels(
        states.macrostate_names,
        states.macrostate_colors,
        states.macrostate,
        ("Ion Macrostate", "IonMacrostates", "ion-macrostates"),
    )
    by_step = bool(len(step) and step[0] >= 0 and np.all(np.diff(step) > 0))
    return Opened(f"{path} {modified} {size}", states, by_step, events, macrostates)


def _labels(
    names: tuple[str, ...], colors: tuple[str, ...], code: np.ndarray, called: tuple[str, str, str]
) -> Labels:
    count = np.zeros((len(code), len(names)), dtype=np.int64)
    for k in range(len(names)):
        count[:, k] = (code == k).sum(axis=1)
    says: np.ndarray = code >= 0
    if UNRULED in names and len(names) > 1:
        says = says & (code != names.index(UNRULED))
    return Labels(names, hex_to_rgb(colors), code, count, np.asarray(says.any(axis=0)), *called)


def hex_to_rgb(colors: tuple[str, ...]) -> np.ndarray:
    """Shape (colors, 3), float32, from ``#rrggbb``."""
    values = [[int(c[k : k + 2], 16) / 255 for k in (1, 3, 5)] for c in colors]
    return np.array(values, dtype=np.float32).reshape(-1, 3)


def choose(labels: Labels, wanted: str, parameter: str) -> np.ndarray:
    """Which labels are meant, shape (labels + 1,), bool; the last stands for none: always False.

    Parameters
    ----------
    wanted : str
        Names separated by commas or blanks; empty: every label that says something.
    parameter : str
        How the message calls it.

    Raises
    ------
    ValueError
        For a name the file does not have.
    """
    asked = wanted.replace(",", " ").split()
    unknown = [name for name in asked if name not in labels.names]
    if unknown:
        raise ValueError(
            f"{parameter} names {unknown[0]!r}, which the states file does not have; it has "
            f"{', '.join(labels.names) or 'none'}"
        )
    if not asked:
        asked = [n for n in labels.names if n != UNRULED or len(labels.names) == 1]
    return np.array([name in asked for name in labels.names] + [False])


# ---- frames -----------------------------------------------------------------------------------


def find_moment(opened: Opened, data: DataCollection, match: str) -> Moment:
    """The analysed frame that holds at the frame OVITO shows.

    Between two analysed frames the earlier one holds. Before the first and after the last there is
    none.

    Parameters
    ----------
    match : {"automatic", "timestep", "source frame"}
        ``automatic``: by engine step where both sides have it, else by number in the file.

    Raises
    ------
    ValueError
        If the data does not carry what is to be compared, or a step lies where no frame can be.
    """
    states, attributes = opened.states, data.attributes
    if match == "timestep" and not ("Timestep" in attributes and opened.by_step):
        raise ValueError(
            "Match frames by (match) is 'timestep', but "
            + (
                "the states file holds no engine steps that increase"
                if "Timestep" in attributes
                else "this trajectory carries no attribute Timestep"
            )
            + "; set it to 'source frame'"
        )
    if match != "source frame" and "Timestep" in attributes and opened.by_step:
        key, keys, what = int(attributes["Timestep"]), states.step, "Timestep"
    elif "SourceFrame" in attributes:
        key, keys, what = int(attributes["SourceFrame"]), states.frame, "SourceFrame"
    else:
        raise ValueError(
            "this data says neither which engine step (Timestep) nor which frame of its file "
            "(SourceFrame) it is; load the trajectory that was analysed from its file"
        )
    row = int(np.searchsorted(keys, key, side="right")) - 1
    if row < 0 or key > keys[-1]:
        return Moment(
            -1,
            f"{what} {key} is outside the analysed frames, {what} {keys[0]} to {keys[-1]}",
            exact=False,
            late=row >= 0,
        )
    if keys[row] != key:
        if what == "Timestep" and match == "automatic" and _adjacent(states.frame, row):
            raise ValueError(
                f"{what} {key} lies between {keys[row]} and {keys[row + 1]}, which are neighbours "
                f"in the analysed trajectory ({states.source}): this is not the same trajectory, "
                "or its steps were renumbered. Load the analysed one, or set Match frames by "
                "(match) to 'source frame' or, for a finer copy of the same run, to 'timestep'"
            )
        return Moment(row, f"held from {what} {keys[row]}", exact=False, late=False)
    return Moment(row, "analysed", exact=True, late=False)


def window_rows(states: StatesFile) -> int:
    """Number of analysed frames in a window."""
    if len(states.time_ps) < 2:
        return 1
    return max(round(states.window_ps / float(states.time_ps[1] - states.time_ps[0])), 1)


def _adjacent(frame: np.ndarray, row: int) -> bool:
    return row + 1 < len(frame) and frame[row + 1] == frame[row] + 1


# ---- atoms ------------------------------------------------------------------------------------


def events_at(
    modifier: AnyType, data: DataCollection
) -> tuple[Opened, np.ndarray, Moment, np.ndarray]:
    """What a modifier of events needs for one frame.

    Returns
    -------
    opened : Opened
    chosen : numpy.ndarray
        As from `choose`, of its parameter ``events``.
    moment : Moment
    atoms : numpy.ndarray
        As from `find_atoms`, which are kept in its ``_cache``.
    """
    opened = open_states(modifier.events_file, data)
    chosen = choose(opened.events, modifier.events, "Events (events)")
    moment = find_moment(opened, data, modifier.match)
    modifier._cache = modifier._cache or {}
    return opened, chosen, moment, find_atoms(opened, data, modifier._cache)


def find_atoms(opened: Opened, data: DataCollection, cache: dict[str, AnyType]) -> np.ndarray:
    """Place of every atom of a carrier among OVITO's particles, shape (members,).

    By identifier where the particles have unique ones, else by index. `cache` keeps the answer as
    long as the identifiers stay the same.

    Raises
    ------
    ValueError
        If these are not the particles that were analysed.
    """
    states, particles = opened.states, data.particles
    n = 0 if particles is None else particles.count
    if n != states.n_atoms:
        raise ValueError(
            f"this data has {n} particles, but {states.n_atoms} atoms were analysed "
            f"({states.source}); load the analysed system, and place this modifier above those "
            "that delete or add particles"
        )
    identifiers = particles.identifiers
    if identifiers is None:
        return states.atom_index
    ids = np.asarray(identifiers)
    if cache.get("opened") is opened and np.array_equal(cache["ids"], ids):
        return cache["atoms"]
    found = positions_of(ids, states.atom_id)
    if found is None:  # identifiers that repeat name nobody
        found = states.atom_index
    missing = np.flatnonzero(found < 0)
    if len(missing):
        raise ValueError(
            f"no particle has the identifier {states.atom_id[missing[0]]} of a carrier that was "
            f"analysed ({len(missing)} of {len(found)} are missing; the identifiers here run from "
            f"{ids.min()} to {ids.max()}); load the system with the identifiers it was analysed "
            f"with ({states.source})"
        )
    cache.update(opened=opened, ids=ids.copy(), atoms=found)
    return found


def positions_of(ids: np.ndarray, wanted: np.ndarray) -> np.ndarray | None:
    """Place of each of `wanted` in `ids`, -1 where it is not; None if `ids` repeat.

    A table where the ids are dense, which is ten times faster for a million; else by sorting.
    """
    low, high = int(ids.min()), int(ids.max())
    out = np.full(len(wanted), -1, dtype=np.int64)
    if high - low < 4 * len(ids) + 1000:
        table = np.full(high - low + 1, -1, dtype=np.int32)
        place = np.arange(len(ids), dtype=np.int32)
        table[ids - low] = place
        if not np.array_equal(table[ids - low], place):
            return None
        inside = (wanted >= low) & (wanted <= high)
        out[inside] = table[wanted[inside] - low]
        return out
    order = np.argsort(ids, kind="stable")
    ordered = ids[order]
    if np.any(ordered[1:] == ordered[:-1]):
        return None
    at = np.minimum(np.searchsorted(ordered, wanted), len(ids) - 1)
    same = ordered[at] == wanted
    out[same] = order[at[same]]
    return out


# ---- colours ----------------------------------------------------------------------------------


def latest(code: np.ndarray, row: int, trail: int, chosen: np.ndarray) -> np.ndarray:
    """Of each carrier the latest chosen label of this row and the `trail` rows before; else -1."""
    if row < 0:
        return np.full(code.shape[1], -1, dtype=code.dtype)
    rows = code[max(row - trail, 0) : row + 1][::-1]
    meant = chosen[rows]
    first = meant.argmax(axis=0)
    carriers = np.arange(rows.shape[1])
    return np.where(meant[first, carriers], rows[first, carriers], -1)


def paint(
    data: DataCollection,
    labels: Labels,
    code: np.ndarray,
    atoms: np.ndarray,
    carrier_of_atom: np.ndarray,
    look: AnyType,
) -> None:
    """Colour the particles by `code` of their carrier and write the typed property.

    Parameters
    ----------
    code : numpy.ndarray
        Shape (carriers,): label shown, -1 for none.
    look : ColorByEvent or ColorByMacrostate
        The parameters from `shown_size` to `bulk_size`, and `select`.
    """
    particles = data.particles_
    kind = np.zeros(particles.count, dtype=np.int32)
    kind[atoms] = code[carrier_of_atom].astype(np.int32) + 1
    shown = atoms[code[carrier_of_atom] >= 0]
    palette = np.concatenate([np.array([look.neutral_color], dtype=np.float32), labels.colors])
    write_types(particles.create_property(labels.title, data=kind), labels.names, palette)

    front = atoms[(labels.followed | (code >= 0))[carrier_of_atom]]
    repainted = "Ions.Painted" in data.attributes
    small = look.bulk in ("dim", "pale")
    if small:
        color = np.empty((particles.count, 3), dtype=np.float32)
        color[:] = look.bulk_color
        if look.bulk == "pale":
            color = PALE * _base_colors(particles, repainted) + (1 - PALE)
        color[front] = palette[kind[front]]
        particles.create_property("Color", data=color)
    else:
        particles.create_property("Color")[front] = palette[kind[front]]
    vanish = look.bulk == "hide" and not HAS_HIDDEN
    resized = look.shown_size != 1 or look.neutral_size != 1
    if small or vanish or resized or repainted:
        radius = np.array(particles.create_property("Radius"), dtype=np.float32)
        base = _base_radii(particles, radius, repainted)
        if small:
            radius = base * np.float32(look.bulk_size)
        elif vanish:
            radius = np.full_like(base, INVISIBLE)
        radius[front] = base[front] * np.float32(look.neutral_size)
        radius[shown] = base[shown] * np.float32(look.shown_size)
        particles.create_property("Radius", data=radius)
    if look.bulk == "hide" and HAS_HIDDEN:
        hidden = np.ones(particles.count, dtype=np.int8)
        hidden[front] = 0
        particles.create_property("Hidden", data=hidden)
    elif "Hidden" in particles:
        particles.create_property("Hidden")[front] = 0
    data.attributes["Ions.Painted"] = labels.title
    if look.select:
        selection = np.zeros(particles.count, dtype=np.int8)
        selection[shown] = 1
        particles.create_property("Selection", data=selection)


def _base_colors(particles: AnyType, repainted: bool) -> np.ndarray:
    """Colours as they are, or, where another of these modifiers has changed them, of the types."""
    color = np.array(particles.create_property("Color"), dtype=np.float32)
    if repainted and particles.particle_types is not None:
        types = np.asarray(particles.particle_types)
        for one in particles.particle_types.types:
            color[types == one.id] = one.color
    return color


def _base_radii(particles: AnyType, radius: np.ndarray, repainted: bool) -> np.ndarray:
    """Radii as they are, or, where another of these modifiers has changed them, of the types."""
    base = radius.copy()
    if repainted:
        base[:] = 0
        if particles.particle_types is not None:
            types = np.asarray(particles.particle_types)
            for one in particles.particle_types.types:
                base[types == one.id] = one.radius
    base[base == 0] = particles.vis.radius
    return base


def write_types(prop: AnyType, names: tuple[str, ...], palette: np.ndarray) -> None:
    """Name and colour the codes of a property, 0 `none`; a second call replaces the first."""
    prop.types.clear()
    for number, (name, color) in enumerate(zip(("none", *names), palette, strict=True)):
        prop.types.append(ElementType(id=number, name=name, color=tuple(float(c) for c in color)))


def write_tables(data: DataCollection, opened: Opened, labels: Labels, moment: Moment) -> None:
    """Attributes with the counts of this frame, a bar chart of them, and a chart over time."""
    row = moment.row
    counts = labels.count[row] if row >= 0 else np.zeros(len(labels.names), dtype=np.int64)
    for name, count in zip(labels.names, counts, strict=True):
        data.attributes[f"{labels.attribute}.{name}"] = int(count)
    status = moment.status
    if row >= 0 and np.all(labels.code[row] < 0):
        status = f"no window of {opened.states.window_ps:g} ps starts here: too near the end"
    data.attributes[f"{labels.attribute}.Status"] = status
    data.attributes[f"{labels.attribute}.AnalysedFrame"] = (
        int(opened.states.frame[row]) if row >= 0 else -1
    )
    if not labels.names:
        return
    what = labels.title.lower() + "s"
    bars = data.tables.create(
        identifier=labels.table,
        title=f"{what.capitalize()} in this frame",
        plot_mode=DataTable.PlotMode.BarChart,
    )
    codes = np.arange(len(labels.names), dtype=np.int32)
    bars.x = bars.create_property(labels.title, data=codes)
    bars.x.types.clear()
    for number, name in enumerate(labels.names):
        color = tuple(float(c) for c in labels.colors[number])
        bars.x.types.append(ElementType(id=number, name=name, color=color))
    bars.y = bars.create_property("Carriers", data=counts.astype(np.int64))
    lines = data.tables.create(
        identifier=f"{labels.table}-over-time",
        title=f"{what.capitalize()} over the trajectory",
        plot_mode=DataTable.PlotMode.Line,
    )
    lines.x = lines.create_property("Time (ps)", data=opened.states.time_ps)
    lines.y = lines.create_property("Carriers", data=labels.count, components=list(labels.names))


# ---- parameters that several modifiers have -----------------------------------------------------


def events_file_parameter() -> FilePath:
    """Parameter: the states file."""
    return FilePath(
        label="Events file",
        desc="States file of the analysis, *.states.npz.",
        ovito_file_exists=True,
        ovito_file_filter=["Ion states (*.states.npz)", "All files (*)"],
    )


def names_parameter(label: str, what: str = "every event") -> Str:
    """Parameter: names separated by commas."""
    return Str(
        "",
        label=label,
        desc=f"Names, separated by commas; empty: {what}.",
    )


def match_parameter() -> Enum:
    """Parameter: how frames of the file and of the trajectory are matched."""
    return Enum(
        "automatic",
        ["automatic", "timestep", "source frame"],
        label="Match frames by",
        desc="automatic: by the engine's step where both files hold it, else by number in the "
        "file.",
        ovito_group="Matching",
    )


APPEARANCE = "Appearance"


def neutral_color_parameter() -> Color:
    """Parameter: colour of ions without a chosen label."""
    return Color(
        (0.62, 0.62, 0.62),
        label="Other ions",
        desc="Color of analysed ions that have none of the chosen labels.",
        ovito_group=APPEARANCE,
    )


def bulk_parameter() -> Enum:
    """Parameter: how particles that are no ions are shown."""
    return Enum(
        "dim",
        ["dim", "pale", "hide", "keep"],
        label="Everything else",
        desc="dim: one color and a smaller radius; pale: lighter colors and a smaller radius; "
        "hide; keep: as it is.",
        ovito_group=APPEARANCE,
    )


def bulk_color_parameter() -> Color:
    """Parameter: colour of particles that are no ions."""
    return Color(
        (0.86, 0.86, 0.86),
        label="Dimmed color",
        desc="Color of everything else when dimmed.",
        ovito_group=APPEARANCE,
    )


def size_parameter(label: str, of: str, value: float) -> Range:
    """Parameter: radius as a part of the usual one."""
    return Range(
        low=0.01,
        high=5.0,
        value=value,
        label=label,
        desc=f"Radius of {of}, as a fraction of the usual one.",
        ovito_unit="percent",
        ovito_group=APPEARANCE,
    )


def select_parameter(what: str) -> Bool:
    """Parameter: whether the shown particles are selected."""
    return Bool(
        False,
        label="Select them",
        desc=f"Select the particles that are shown with a chosen {what}, for modifiers below.",
    )


def cache_parameter() -> Any:
    """Data that a modifier keeps between frames; not part of a session file."""
    return Any(None, transient=True, visible=False, ovito_invalidate_cache=False)
