"""Checks of the output of a configuration before frames are read."""

from __future__ import annotations

import math
import os
import secrets
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..lib.checks import shown
from ..lib.errors import InputError
from ..lib.temporary import temporary_place
from ..lib.whole_frames import whole_frames
from ..lib.write_targets import check_can_write, folder_target, netcdf_name, shown_path

if TYPE_CHECKING:
    from ..analysis.decomposition import OnsagerDecomposition
    from ..trajectory.frame_times import FrameTimes

#: Longest name of a file on common file systems, bytes, and the longest suffix added to a name.
_LONGEST, _ENDING = 255, 80


def check_output_name(name: str) -> None:
    """Refuse an output name that is not valid in file names.

    Raises
    ------
    InputError
    """
    if not name.strip() or name in (".", "..") or any(c in name for c in ("/", os.sep, "\0")):
        raise InputError(
            f"output.name {shown(name)} is no name of a file: give letters and digits, and the "
            "folder as output.folder"
        )
    if not name.isprintable() or len(os.fsencode(name)) > _LONGEST - _ENDING:
        raise InputError(
            f"output.name {shown(name)} is no name of a file here: give one line of at most "
            f"{_LONGEST - _ENDING} letters"
        )


def check_outputs(paths: Sequence[Path]) -> None:
    """Refuse files that cannot be written, before the analysis.

    Raises
    ------
    InputError
    """
    for path in paths:
        check_can_write(path)
        if path.suffix == ".nc":
            netcdf_name(path)


def check_saved_run(path: Path) -> None:
    """Refuse a folder for a saved run that holds something else, before the analysis.

    Raises
    ------
    InputError
    """
    from ..analysis.saved_run import is_saved_run

    folder = folder_target(path)
    if os.path.lexists(folder) and not is_saved_run(folder):
        raise InputError(
            f"--save-run: {shown_path(path)} exists and is no saved run; move it away, or give "
            "another output.name"
        )


def save_or_rescue(writers: Mapping[Path, Callable[[Path], Path]]) -> list[Path]:
    """Write the output of an analysis; if that fails, into another folder.

    Parameters
    ----------
    writers : mapping of Path to callable
        Files, and functions that write them.

    Returns
    -------
    list of Path

    Raises
    ------
    InputError
        If a file cannot be written, with the folder where all of them are instead.
    """
    try:
        return [write(path) for path, write in writers.items()]
    except InputError as error:
        for folder in _other_folders():
            saved = {path: folder / f"{secrets.token_hex(3)}-{path.name}" for path in writers}
            try:
                for path, write in writers.items():
                    write(saved[path])
            except InputError:
                continue
            listed = ", ".join(shown_path(path) for path in saved.values())
            raise InputError(
                f"{getattr(error, 'fact', error)}. They were written to other files: {listed}"
            ) from error
        raise


def _other_folders() -> list[Path]:
    """Where files could be written instead: the present folder, that of temporary files, home."""
    found: dict[Path, None] = {}
    for folder in (Path.cwd, temporary_place, Path.home):
        try:
            found[folder()] = None
        except (OSError, RuntimeError, InputError):  # removed, none to write to, none at all
            continue
    return list(found)


def check_output_windows(output: Any, analysis: OnsagerDecomposition, times: FrameTimes) -> None:
    """Refuse windows that are not in the run.

    Parameters
    ----------
    output : Any
    analysis : OnsagerDecomposition
    times : FrameTimes
        Of the frames that will be read.

    Raises
    ------
    InputError
    """
    spacing, last = times.spacing, times.n_frames - 1
    if output.states_window is not None and whole_frames(output.states_window, spacing) > last:
        raise InputError(
            f"output.states_window={output.states_window:g} ps is longer than the "
            f"{last * spacing:g} ps analysed"
        )
    if output.window is None:
        return
    if isinstance(analysis.windows, str):
        longest = 2 ** int(math.log2(max(times.n_frames // 10, 1))) * spacing
        scan = spacing, longest
    else:
        scan = min(analysis.windows), max(analysis.windows)
    if not scan[0] - spacing <= output.window <= scan[1] + spacing:
        raise InputError(
            f"output.window={output.window:g} ps is outside the scan of {scan[0]:g} to "
            f"{scan[1]:g} ps; give one inside, or add it to analysis.windows"
        )
