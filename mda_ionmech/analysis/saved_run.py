"""Writes and reads a finished run as a folder: ``.npy`` files, the result, and a JSON manifest.

The manifest assigns arrays to objects, with a checksum of each file. A folder holds no code:
objects are made of the package's own classes, and of those given to `load_run`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np
from MDAnalysis import AtomGroup

from ..events import CrystalEvents, EventRule, PolymerEvents, SolvationEvents
from ..lib.arrays_on_disk import ArrayFolder, folder_of
from ..lib.checks import shown
from ..lib.errors import InputError
from ..lib.files import checksum, checksum_of_content, write_folder_atomically
from ..lib.frame_blocks import frames_at_once, origin_blocks
from ..lib.plain_values import PlainReader, PlainWriter
from ..lib.recorded_atoms import RecordedAtoms
from ..lib.version import __version__
from ..lib.write_targets import folder_target, netcdf_name, not_reached
from ..macrostates import IonPairing, MacrostateRule, ShellComposition, SiteType
from ..microstates import (
    CageAssignment,
    CutoffShell,
    Detector,
    HullShell,
    RadialDistribution,
    SiteAssignment,
)
from ..microstates.gathered_contacts import GatheredContacts
from ..microstates.sites.alignment import Alignment
from ..microstates.sites.density_maxima import DensitySource
from ..microstates.sites.nearest_site import SiteGrid
from ..microstates.sites.polyhedra import Polyhedra
from ..microstates.sites.settled_sites import SettledSites, SiteSource
from ..observables.window_states import window_states
from ..onsager.labelled_run import CarrierAtoms
from ..results.load_file import load
from ..species import IonSpecies
from ..trajectory import Paths
from ..trajectory.carriers import Ligands
from .finished_run import FinishedRun
from .gathered_run import GatheredRun, positions_along
from .labelling import label
from .window_workers import WindowWorkers

FAMILY = "ionmech-saved-run"
#: Version of the format; increased whenever attributes of `CLASSES` or `GatheredRun` change.
VERSION = 9
MANIFEST, RESULTS, ARRAYS = "manifest.json", "results.nc", "arrays"
#: Classes that objects of a saved run may have.
CLASSES: tuple[type, ...] = (
    *(IonSpecies, RecordedAtoms, CarrierAtoms, Paths, Ligands),
    *(CutoffShell, HullShell, CageAssignment, RadialDistribution),
    *(SiteAssignment, SiteSource, DensitySource, SettledSites, SiteGrid, Alignment, Polyhedra),
    *(SolvationEvents, PolymerEvents, CrystalEvents),
    *(IonPairing, ShellComposition, SiteType),
)
#: Entries of a manifest besides its format and checksum.
_FORM = {
    "created_with": str, "own_classes": list, "results": dict, "arrays": list, "on_disk": bool,
    "run": dict,
}  # fmt: skip
#: Fields of `GatheredRun` that are made again on loading, and those written in another form.
_MADE = {"positions", "folder", "contacts"}
#: States that must be equal to those of the result.
_LABELS = ("microstate", "macrostate", "event", "cluster")


@dataclass
class _ArrayFiles:
    """Writes arrays to files."""

    folder: Path
    entries: list[dict[str, Any]] = field(default_factory=list)
    numbers: dict[int, tuple[int, np.ndarray]] = field(default_factory=dict)
    recorded: dict[int, tuple[RecordedAtoms, AtomGroup]] = field(default_factory=dict)

    def keep(self, array: np.ndarray) -> int:
        """Write an array unless it was written before; return its number."""
        if id(array) not in self.numbers:
            number = len(self.entries)
            path = self.folder / f"{number:04d}.npy"
            np.save(path, array, allow_pickle=False)
            mapped = folder_of(array) is not None
            self.entries.append(_about_file(path) | {"mapped": mapped})
            self.numbers[id(array)] = number, array  # kept, so that its id is not used again
        return self.numbers[id(array)][0]

    def recorded_atoms(self, value: Any) -> Any:
        """The record of an AtomGroup, the same one for each reference; other values unchanged."""
        if not isinstance(value, AtomGroup):
            return value
        if id(value) not in self.recorded:
            self.recorded[id(value)] = RecordedAtoms.of(value), value
        return self.recorded[id(value)][0]


def _about_file(path: Path) -> dict[str, Any]:
    return {"bytes": path.stat().st_size, "crc32": checksum(path)}


def write_run(path: str | os.PathLike[str], run: FinishedRun) -> Path:
    """Write a run; see `OnsagerDecomposition.save_run`.

    Cost: the arrays are written and read once.

    Parameters
    ----------
    path : path-like
    run : FinishedRun

    Returns
    -------
    pathlib.Path

    Raises
    ------
    InputError
        For a path that cannot be written to or holds other files, or a detector or rule with
        attributes that a file cannot hold.
    """
    netcdf_name(folder_target(path))
    return write_folder_atomically(
        path, lambda folder: _write(folder, run), replaces=is_saved_run, what="saved run"
    )


def is_saved_run(folder: Path) -> bool:
    """Whether a folder is a saved run and holds nothing else.

    Parameters
    ----------
    folder : pathlib.Path
    """
    try:
        family = json.loads((folder / MANIFEST).read_bytes())["format"].partition("/")[0]
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return False
    return family == FAMILY and {one.name for one in folder.iterdir()} <= {
        MANIFEST, RESULTS, ARRAYS
    }  # fmt: skip


def _write(folder: Path, run: FinishedRun) -> None:
    files = _ArrayFiles(folder / ARRAYS)
    files.folder.mkdir()
    gathered = run.gathered
    parts = [
        part
        for one in gathered.species
        for part in (one.microstates, one.events, one.macrostates)
        if part is not None
    ]
    writer = PlainWriter(
        keep=files.keep,
        known=frozenset(CLASSES),
        is_own=lambda value: (
            isinstance(value, Detector | EventRule | MacrostateRule)
            or any(value is part for part in parts)
        ),
        convert=files.recorded_atoms,
    )
    content = {
        one.name: getattr(gathered, one.name)
        for one in fields(GatheredRun)
        if one.name not in {*_MADE, "species"}
    } | {
        "contacts": {k: one.columns() for k, one in gathered.contacts.items()},
        "budget": run.workers.budget,
    }
    plain = {name: writer.plain(value, name) for name, value in content.items()}
    plain["species"] = {
        "tuple": [writer.plain(one, f"species {one.name!r}") for one in gathered.species]
    }
    run.results.save(folder / RESULTS)
    manifest = {
        "format": f"{FAMILY}/{VERSION}",
        "created_with": __version__,
        "own_classes": sorted(writer.own),
        "results": _about_file(folder / RESULTS),
        "arrays": files.entries,
        "on_disk": gathered.folder is not None,
        "run": plain,
    }
    manifest["checksum"] = checksum_of_content(manifest)
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=1), encoding="utf-8")


def read_run(path: str | os.PathLike[str], classes: Mapping[str, type]) -> FinishedRun:
    """Read a folder written by `write_run`, and label the carriers.

    Cost: the files are read once, and carriers are labelled again.

    Parameters
    ----------
    path : path-like
    classes : mapping of str to type
        The user's own detectors and rules, by name.

    Raises
    ------
    InputError
        If the folder is no saved run, is damaged, is of a newer version or needs other classes.
    """
    try:
        folder, manifest = _read_manifest(path)
        missing = [name for name in manifest["own_classes"] if name not in classes]
        if missing:
            raise InputError(
                f"{path} is a run with the class {missing[0]} of your own, and a file holds no "
                f"code: give it, load_run(path, classes=[{', '.join(missing)}]), or ionmech show "
                f"--classes MODULE:{missing[0]}, or --classes with the TOML file of the run"
            )
        return _finished(path, folder, manifest, classes)
    except OSError as error:
        raise InputError(
            f"{path} cannot be read: {error.strerror or error}; check the path and its permissions"
        ) from error


def _read_manifest(path: str | os.PathLike[str]) -> tuple[Path, dict[str, Any]]:
    """The folder of a saved run, and its manifest."""
    if not isinstance(path, str | os.PathLike) or not str(path) or "\0" in str(path):
        raise InputError(f"path must be the folder of a saved run, got {shown(path)}")
    folder, wanted = (
        Path(os.fsdecode(path)),
        "write a run with run.save_run(path), or check the path",
    )
    if not os.path.lexists(folder):
        raise InputError(f"there is no saved run at {path}{not_reached(path)}; {wanted}")
    if not folder.is_dir():
        raise InputError(
            f"{path} is a file, and a saved run is a folder; result files are opened with "
            "mda_ionmech.load(path)"
        )
    if not (folder / MANIFEST).is_file():
        raise InputError(f"{path} is no saved run: it holds no {MANIFEST}; {wanted}")
    try:
        manifest = json.loads((folder / MANIFEST).read_bytes())
        family, _, version = manifest["format"].partition("/")
        number = int(version) if family == FAMILY else 0
        is_sound = manifest.get("checksum") == checksum_of_content(manifest)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise _damaged(path, f"{MANIFEST} cannot be read ({error})") from error
    if family != FAMILY:
        raise InputError(
            f"{path} is no saved run: its {MANIFEST} is that of a {shown(manifest['format'])}; "
            f"{wanted}"
        )
    if number != VERSION:
        older = f"with mda_ionmech {manifest.get('created_with')}, or analyse the trajectory again"
        remedy = (
            f"open it {older}" if number < VERSION else f"update mda_ionmech, or open it {older}"
        )
        raise InputError(
            f"{path} is a saved run of format {number}, and mda_ionmech {__version__} reads "
            f"format {VERSION}; {remedy}"
        )
    if not is_sound:
        raise _damaged(path, f"{MANIFEST} was changed after it was written")
    if not all(isinstance(manifest.get(name), kind) for name, kind in _FORM.items()):
        raise _damaged(path, f"{MANIFEST} describes no run")
    return folder, manifest


def _damaged(path: str | os.PathLike[str], what: str) -> InputError:
    return InputError(
        f"{path} is damaged: {what}; copy it again from an intact original, or analyse the "
        "trajectory again"
    )


def _check_file(path: str | os.PathLike[str], file: Path, about: Mapping[str, Any]) -> None:
    """Refuse a file that differs from the one that was written."""
    name = f"{file.parent.name}/{file.name}" if file.parent.name == ARRAYS else file.name
    if not file.is_file():
        raise _damaged(path, f"{name} is missing")
    if file.stat().st_size != about["bytes"]:
        raise _damaged(path, f"{name} has {file.stat().st_size} bytes of {about['bytes']}")
    if checksum(file) != about["crc32"]:
        raise _damaged(path, f"{name} was changed")


def _array_reader(
    path: str | os.PathLike[str],
    folder: Path,
    manifest: Mapping[str, Any],
    work: ArrayFolder | None,
) -> Callable[[int], np.ndarray]:
    """A function that returns the arrays of a saved run by number."""
    known: dict[int, np.ndarray] = {}

    def array(number: int) -> np.ndarray:
        if number not in known:
            file, about = folder / ARRAYS / f"{number:04d}.npy", manifest["arrays"][number]
            _check_file(path, file, about)
            # changes to a copy-on-write map stay in memory; the file is never changed
            mode: Any = "c" if about["mapped"] else None
            found: Any = np.load(file, mmap_mode=mode, allow_pickle=False)
            if about["mapped"]:
                found.folder = work  # arrays derived from it are written there
            known[number] = found
        return known[number]

    return array


def _finished(
    path: str | os.PathLike[str],
    folder: Path,
    manifest: Mapping[str, Any],
    classes: Mapping[str, type],
) -> FinishedRun:
    work = ArrayFolder() if manifest["on_disk"] else None
    reader = PlainReader(
        array=_array_reader(path, folder, manifest, work),
        known={kind.__name__: kind for kind in CLASSES},
        own=classes,
    )
    try:
        _check_file(path, folder / RESULTS, manifest["results"])
        content = {name: reader.value(plain) for name, plain in manifest["run"].items()}
        budget = content.pop("budget")
        contacts = {k: GatheredContacts.of(one) for k, one in content.pop("contacts").items()}
        gathered = GatheredRun(
            **content,
            contacts=contacts,
            positions=positions_along(content["paths"], content["first"], content["axes"]),
            folder=work,
        )
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError) as error:
        if isinstance(error, InputError):
            raise
        raise _damaged(path, f"{MANIFEST} describes no run ({error})") from error
    workers = WindowWorkers(budget=budget)
    try:
        run = FinishedRun(gathered, label(gathered), load(folder / RESULTS), workers)
        _check_labels(path, run, manifest)
    except (InputError, OSError):
        raise
    except Exception as error:  # arrays of other shapes and types raise any error
        if manifest["own_classes"]:  # it may be theirs
            raise
        raise _damaged(path, f"{MANIFEST} describes no run ({shown(str(error))})") from error
    return run


def _check_labels(
    path: str | os.PathLike[str], run: FinishedRun, manifest: Mapping[str, Any]
) -> None:
    """Refuse labels that differ from those of the saved result, which other code has made."""
    found = window_states(run.record, int(run.record.windows[0]), run.gathered.folder)
    saved = run.results.tree["states"].to_dataset()
    n_frames, n_carriers = found["event"].shape
    for first, last in origin_blocks(n_frames, 0, frames_at_once(n_carriers)):
        for name in _LABELS:
            if not np.array_equal(saved[name][first:last].values, found[name][first:last]):
                own = ", ".join(manifest["own_classes"])
                given = f", and with {own} as given" if own else ""
                raise InputError(
                    f"{path} holds another {name} of the carriers than mda_ionmech {__version__} "
                    f"finds{given}: the code behind it has changed since mda_ionmech "
                    f"{manifest['created_with']} wrote it; use the version it was written with, or "
                    "analyse the trajectory again"
                )
