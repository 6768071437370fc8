"""Keys of ``[universe]``: keyword arguments of MDAnalysis for a universe and its files."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from typing import Any

from ..lib.errors import InputError
from ..trajectory.open_files import OURS
from .rules import nearest

#: Arguments that other keys give, or that have no meaning in a file.
_OTHERS = {
    "self", "topology", "coordinates", "filename", "filenames", "transformations", "context",
    "coordinate_array", "order", "comm", "driver", "outfilename", "trzfilename", "dcdfilename",
}  # fmt: skip
#: Arguments of readers and parsers of MDAnalysis that are not in their signatures.
_TAKEN = {
    "atom_style", "dt", "time_offset", "timeunit", "lengthunit", "velocityunit", "extended",
    "reindex", "model_offset", "force_chainids_to_segids", "n_atoms", "multiframe",
}  # fmt: skip


def universe_options() -> set[str]:
    """Names of all arguments of a universe of any format."""
    import MDAnalysis as mda

    functions = [mda.Universe.__init__]
    for table in (mda._READERS, mda._PARSERS):
        for one in table.values():
            for base in one.__mro__:
                functions += [vars(base)[m] for m in ("__init__", "parse") if m in vars(base)]
    return (_TAKEN | set(OURS) | _named(functions)) - _OTHERS


def _named(functions: Iterable[Any]) -> set[str]:
    names = set()
    for function in functions:
        try:
            parameters = inspect.signature(function).parameters.values()
        except (TypeError, ValueError):  # a compiled class
            continue
        names |= {p.name for p in parameters if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)}
    return names


def check_universe_options(options: Mapping[str, Any]) -> None:
    """Refuse keys that MDAnalysis would ignore.

    Raises
    ------
    InputError
        Naming all of them.
    """
    if not options:
        return
    known = sorted(universe_options())
    unknown = [key for key in options if key not in known]
    if unknown:
        listed = "\n  ".join(
            f"universe.{key}: unknown key; {nearest(key, known, 'keys here')}" for key in unknown
        )
        raise InputError(f"{len(unknown)} problem(s):\n  {listed}")
