"""Folders for temporary files, with an error that tells what to do where there is none."""

from __future__ import annotations

import tempfile
from pathlib import Path

from .errors import InputError

_REMEDY = "set TMPDIR to a folder that can be written to and has space"


def temporary_place() -> Path:
    """The folder that temporary files go to (``TMPDIR``).

    Returns
    -------
    pathlib.Path

    Raises
    ------
    InputError
        If no folder can be written to.
    """
    try:
        return Path(tempfile.gettempdir())
    except OSError as error:
        raise InputError(
            f"temporary files cannot be written: {error.strerror or error}; {_REMEDY}"
        ) from error


def temporary_folder(prefix: str = "ionmech-") -> tempfile.TemporaryDirectory[str]:
    """A new folder for temporary files, removed with the object or at the end of a ``with`` block.

    Parameters
    ----------
    prefix : str
        Of its name.

    Returns
    -------
    tempfile.TemporaryDirectory

    Raises
    ------
    InputError
        If none can be made.
    """
    place = temporary_place()
    try:
        return tempfile.TemporaryDirectory(prefix=prefix, dir=place)
    except OSError as error:
        raise InputError(
            f"no temporary folder can be made in {place}: {error.strerror or error}; {_REMEDY}"
        ) from error
