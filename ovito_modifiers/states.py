"""Reads states files with numpy alone, without pickled objects, and checks them."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from os import PathLike
from typing import Any

import numpy as np

from .archive import CHECKSUM, Header, checksum_of, open_archive, read_array, read_headers

SCHEMA = "ionmech-states/1"
#: Longest name of a label or species, and longest text on the origin, characters.
LONGEST_NAME, LONGEST_SOURCE = 300, 10**5


@dataclass(frozen=True)
class StatesFile:
    """Events and macrostates of one window length.

    Fields that may be None were added after the first version of the schema: files without them can
    be read, and the corresponding data is not shown.

    Attributes
    ----------
    frame, step : numpy.ndarray
        Shape (frames,), int64: number of each analysed frame in its trajectory; engine step or -1.
    time_ps : numpy.ndarray
        Shape (frames,).
    n_atoms : int
        Atoms of the analysed system.
    atom_index, atom_id, carrier_of_atom : numpy.ndarray
        Shape (members,): index and id of every atom of a carrier, and its carrier.
    event, macrostate : numpy.ndarray
        Shape (frames, carriers), int16: index in the names, -1 for none.
    event_names, event_colors, macrostate_names, macrostate_colors : tuple of str
    cluster : numpy.ndarray
        Shape (frames, carriers), int32: concerted cluster, -1 for none.
    displacement : numpy.ndarray
        Shape (frames, carriers, 3), float32, Angstrom over the window.
    window_ps : float
    source : str
        Trajectory and package version the file was made with.
    species_names : tuple of str or None
    species_of_carrier : numpy.ndarray or None
        Shape (carriers,): index of each carrier's species in `species_names`.
    event_share, event_share_low, event_share_high : numpy.ndarray or None
        Shape (species, events): share of the label in the species' Onsager coefficient, and its
        interval; NaN where a species lacks a label or a share has no meaning. None for a window
        outside the scan.
    share_view : str or None
        What the shares are of: ``diffusive``, the limit of long times with labels over
        `window_ps`, or ``window``, displacements over the same window. None in older files, whose
        shares are those of the window.
    shell : numpy.ndarray or None
        Shape (frames, carriers), int32: coordination shell, -1 for none. None for ions on sites.
    shell_start : numpy.ndarray or None
        Shape (shells + 1,): first member of each shell, one past the last at the end.
    shell_atom_index, shell_atom_id : numpy.ndarray or None
        Shape (shell members,): index and id of the ligand atoms, shell after shell.
    """

    frame: np.ndarray
    step: np.ndarray
    time_ps: np.ndarray
    n_atoms: int
    atom_index: np.ndarray
    atom_id: np.ndarray
    carrier_of_atom: np.ndarray
    event: np.ndarray
    macrostate: np.ndarray
    event_names: tuple[str, ...]
    event_colors: tuple[str, ...]
    macrostate_names: tuple[str, ...]
    macrostate_colors: tuple[str, ...]
    cluster: np.ndarray
    displacement: np.ndarray
    window_ps: float
    source: str
    species_names: tuple[str, ...] | None = None
    species_of_carrier: np.ndarray | None = None
    event_share: np.ndarray | None = None
    event_share_low: np.ndarray | None = None
    event_share_high: np.ndarray | None = None
    share_view: str | None = None
    shell: np.ndarray | None = None
    shell_start: np.ndarray | None = None
    shell_atom_index: np.ndarray | None = None
    shell_atom_id: np.ndarray | None = None


#: Kind of numbers and dimensions of every array of the schema.
_ARRAYS: dict[str, tuple[str, tuple[str, ...]]] = {
    "schema": ("U", ()),
    "frame": ("iu", ("frames",)),
    "step": ("iu", ("frames",)),
    "time_ps": ("f", ("frames",)),
    "n_atoms": ("iu", ()),
    "atom_index": ("iu", ("members",)),
    "atom_id": ("iu", ("members",)),
    "carrier_of_atom": ("iu", ("members",)),
    "event": ("iu", ("frames", "carriers")),
    "macrostate": ("iu", ("frames", "carriers")),
    "cluster": ("iu", ("frames", "carriers")),
    "displacement": ("f", ("frames", "carriers", "3")),
    "event_names": ("U", ("events",)),
    "event_colors": ("U", ("events",)),
    "macrostate_names": ("U", ("macrostates",)),
    "macrostate_colors": ("U", ("macrostates",)),
    "window_ps": ("fiu", ()),
    "source": ("U", ()),
    "species_names": ("U", ("species",)),
    "species_of_carrier": ("iu", ("carriers",)),
    "event_share": ("f", ("species", "events")),
    "event_share_low": ("f", ("species", "events")),
    "event_share_high": ("f", ("species", "events")),
    "share_view": ("U", ()),
    "shell": ("iu", ("frames", "carriers")),
    "shell_start": ("iu", ("shell edges",)),
    "shell_atom_index": ("iu", ("shell members",)),
    "shell_atom_id": ("iu", ("shell members",)),
    CHECKSUM: ("U", ()),
}
_NAMES = tuple(name for name in _ARRAYS if name.endswith(("_names", "_colors")))
#: Arrays added after the first version; each group is complete or absent.
_LATER = (
    ("species_names", "species_of_carrier"),
    ("event_share", "event_share_low", "event_share_high"),
    ("share_view",),
    ("shell", "shell_start", "shell_atom_index", "shell_atom_id"),
)
_COLOR = re.compile("#[0-9A-Fa-f]{6}")
#: Begin formulas in spreadsheets, some also in the width of East Asian signs.
_FORMULA = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def read_states(path: str | PathLike[str]) -> StatesFile:
    """Load a states file.

    Shapes are checked before memory is taken; the checksum, codes against names, indices against
    atoms and the sizes of all arrays against one another before anything is returned.

    Parameters
    ----------
    path : path-like
        Conventionally ``*.states.npz``.

    Returns
    -------
    StatesFile

    Raises
    ------
    FileNotFoundError
        If there is none at `path`.
    ValueError
        If it is no states file, of another schema, lacks an array or is damaged.
    """
    shown = _shown(path)
    try:
        found = os.path.isfile(path)
    except (OSError, ValueError, TypeError):
        found = False
    if not found:
        raise FileNotFoundError(
            f"no states file at {shown}; write one with run.save_states('NAME.states.npz')"
        )
    try:
        values = _read(path)
    except _Refused as error:
        raise ValueError(f"{shown} {error}") from None
    except Exception as error:  # zlib, zipfile and numpy raise any error for damaged bytes
        if str(error) == "a single array":
            raise ValueError(
                f"{shown} is no states file but a single array; give the *.states.npz that a run "
                "has written"
            ) from error
        raise ValueError(
            f"{shown} is no states file, or a damaged one: {type(error).__name__}, "
            f"{' '.join(str(error).split())[:300]}"
        ) from error
    try:
        _check_values(values)
    except ValueError as error:
        raise ValueError(
            f"{shown} is damaged: {error}; write it again with run.save_states"
        ) from error
    return StatesFile(**{f.name: values[f.name] for f in fields(StatesFile) if f.name in values})


def _shown(path: Any) -> str:
    """A path as text for a message: printable, not too long."""
    text = str(path).encode("utf-8", "backslashreplace").decode("utf-8")
    return text if len(text) <= 200 else f"{text[:80]}...{text[-80:]}"


class _Refused(ValueError):
    """A problem of a file, as text that follows its name."""


def _read(path: str | PathLike[str]) -> dict[str, Any]:
    """The arrays of the schema, with texts as str; read after all sizes were checked."""
    with open_archive(path) as archive:
        headers = read_headers(archive)
        schema = headers.get("schema")
        found = None
        if schema is not None and schema[0] == () and schema[2].kind == "U":
            _check_length("schema", schema)
            found = str(read_array(archive, "schema", schema))
        if found != SCHEMA:
            raise _Refused(f"has schema {found!r}, this version reads {SCHEMA!r}")
        required = [f.name for f in fields(StatesFile) if f.default is MISSING]
        missing = [name for name in required if name not in headers]
        if missing:
            raise _Refused(f"lacks {', '.join(missing)}; write it again with run.save_states")
        for group in _LATER:
            held = [name for name in group if name in headers]
            if held and len(held) < len(group):
                raise _Refused(
                    f"lacks {', '.join(n for n in group if n not in held)}; write it again with "
                    "run.save_states"
                )
        _check_headers(headers)
        arrays = {name: read_array(archive, name, headers[name]) for name in headers}
    if CHECKSUM in arrays:
        if str(arrays[CHECKSUM]) != str(checksum_of(arrays)):
            raise _Refused(
                "is damaged: it does not hold what was written, its checksum is another one; "
                "write it again with run.save_states"
            )
    elif unknown := [name for name in arrays if name not in _ARRAYS]:
        raise _Refused(f"is damaged: it holds {unknown[0]}, which no states file has")
    values: dict[str, Any] = {name: arrays[name] for name in _ARRAYS if name in arrays}
    for name in _NAMES:
        if name in values:
            values[name] = tuple(str(text) for text in values[name])
    for name, kind in (("n_atoms", int), ("window_ps", float), ("source", str)):
        values[name] = kind(values[name])
    return values


def _check_length(name: str, header: Header) -> None:
    most = LONGEST_SOURCE if name == "source" else LONGEST_NAME
    if header[2].kind == "U" and header[2].itemsize > 4 * most:
        raise _Refused(f"is damaged: {name} holds texts of up to {header[2].itemsize // 4} letters")


def _check_headers(headers: Mapping[str, Header]) -> None:
    """Check types and shapes of the arrays of the schema for consistency."""
    sizes = {"3": 3}
    for name, (kinds, dims) in _ARRAYS.items():
        if name not in headers:
            continue
        shape, _, dtype, _ = headers[name]
        if dtype.kind not in kinds:
            raise _Refused(f"is damaged: {name} holds {dtype}")
        _check_length(name, headers[name])
        expected = tuple(sizes.setdefault(d, n) for d, n in zip(dims, shape, strict=False))
        if shape != expected or len(shape) != len(dims):
            wanted = ", ".join(f"{d} {sizes[d]}" if d in sizes else d for d in dims)
            raise _Refused(f"is damaged: {name} has shape {shape}, which is not ({wanted})")


def _check_values(values: Mapping[str, Any]) -> None:
    """Check that codes have names, indices have atoms, and texts are text."""
    n_events, n_states = len(values["event_names"]), len(values["macrostate_names"])
    n_carriers = values["event"].shape[1]
    _check_range("event", values["event"], -1, n_events)
    _check_range("macrostate", values["macrostate"], -1, n_states)
    _check_range("cluster", values["cluster"], -1, None)
    _check_range("n_atoms", np.array(values["n_atoms"]), 1, None)
    _check_range("atom_index", values["atom_index"], 0, values["n_atoms"])
    _check_range("carrier_of_atom", values["carrier_of_atom"], 0, n_carriers)
    _check_range("step", values["step"], -1, None)
    _check_range("frame", values["frame"], 0, None)
    if np.any(np.diff(values["frame"]) <= 0):
        raise ValueError("frame does not increase")
    if len(np.unique(values["atom_index"])) != len(values["atom_index"]):
        raise ValueError("atom_index names an atom twice")
    if "species_of_carrier" in values:
        n_species = len(values["species_names"])
        _check_range("species_of_carrier", values["species_of_carrier"], 0, n_species)
    if "shell" in values:
        _check_shells(values)
    for name in ("time_ps", "displacement"):
        if not np.all(np.isfinite(values[name])):
            raise ValueError(f"{name} holds what is no number")
    if not 0 < values["window_ps"] < np.inf:
        raise ValueError(f"window_ps is {values['window_ps']:g}")
    for name in _NAMES:
        texts = values.get(name, ())
        if name.endswith("_colors"):
            wrong = [text for text in texts if not _COLOR.fullmatch(text)]
        else:
            wrong = [text for text in texts if not _is_name(text)]
            wrong += [text for text in texts if texts.count(text) > 1]
        if wrong:
            raise ValueError(f"{name} holds {wrong[0]!r:.80}")


def _is_name(text: str) -> bool:
    """Whether a text is visible, and no formula to a spreadsheet."""
    is_sign = re.fullmatch(r"[-+]\d*", text) is not None
    return bool(text.strip()) and text.isprintable() and (is_sign or not text.startswith(_FORMULA))


def _check_shells(values: Mapping[str, Any]) -> None:
    start, members = values["shell_start"], len(values["shell_atom_index"])
    if len(start) == 0 or start[0] != 0 or start[-1] != members or np.any(np.diff(start) < 0):
        raise ValueError(f"shell_start does not divide the {members} members of shells")
    _check_range("shell", values["shell"], -1, len(start) - 1)
    _check_range("shell_atom_index", values["shell_atom_index"], 0, values["n_atoms"])


def _check_range(name: str, values: np.ndarray, least: int, end: int | None) -> None:
    if values.size == 0:
        return
    low, high = int(values.min()), int(values.max())
    if low < least or (end is not None and high >= end):
        limits = f"{least} or more" if end is None else f"from {least} to {end - 1}"
        raise ValueError(f"{name} holds {low if low < least else high}, it must be {limits}")
