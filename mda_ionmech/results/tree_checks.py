"""Checks of the tree of a result file, by any writer."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import onsager
from ..lib.checks import as_number, shown
from ..lib.plain_text import is_formula, is_visible
from ..onsager.coefficients import MAX_RESIDUAL
from .checksums import DamagedError
from .diffusive_view import diffusive_view
from .schema import check_schema, load_schema

if TYPE_CHECKING:
    import xarray as xr

    from .tree import ResultTree

#: Longest warnings and citations, characters: actual results have about a page.
MOST_LETTERS = 10**6
#: Longest name of a species, label or site, characters.
LONGEST_NAME = 300
#: Largest deviation of values from those of the sums over blocks, relative to the largest value.
MAX_DEVIATION = 1e-8
#: Warning about intact files whose diffusive view differs from that of their sums.
OTHER_ESTIMATOR = (
    "the diffusive limit of this result was estimated by another version of mda_ionmech, and is "
    "kept as it was written; analyse the trajectory again before it is compared with, or pooled "
    "with, results of the present version"
)
#: Variables that every result has.
_NEEDED = (
    "onsager", "onsager_self", "conductivity", "nernst_einstein", "event_onsager", "event_matrix",
    "event_conductivity", "share", "origins", "blocks",
)  # fmt: skip
#: Settings that code for results needs, and their types.
_POSITIVE = ("temperature_K", "dt_ps", "volume_angstrom3", "n_frames")
_TEXTS = ("axes", "frame")


def check_tree(results: ResultTree, *, verified: bool) -> list[str]:
    """Compare a tree with the schema, and check the consistency of its numbers.

    Cost: of the order of 10 ms; groups that are left in the file are not read where a checksum
    verifies them.

    Parameters
    ----------
    results : ResultTree
    verified : bool
        Whether a checksum verifies the tree. Variables that are not in the schema are then those of
        a later version.

    Returns
    -------
    list of str
        Warnings on what is right but was made in another way than by this version.

    Raises
    ------
    DamagedError, ValueError, KeyError
        Naming the problem.
    """
    tree = results.tree
    _check_texts(tree)
    if "decomposition" not in tree.children:
        raise DamagedError("it lacks the group /decomposition")
    try:
        check_schema(tree, known_only=not verified)
    except ValueError as error:
        raise DamagedError(str(error)) from error
    data = results.decomposition
    lacking = [name for name in _NEEDED if name not in data]
    if lacking:
        raise DamagedError(f"/decomposition lacks {', '.join(lacking)}")
    for path, group in load_schema()["groups"].items():
        if "coordinates" in group and path.strip("/") in tree.children:
            _check_group(path, tree[path].to_dataset(), group["coordinates"])
    _check_settings(results)
    _check_sums(data)
    notes = []
    if "blocks" in tree.children and (not verified or _is_in_memory(tree["blocks"])):
        _check_blocks(results)
        try:
            _check_diffusive_blocks(results)
        except DamagedError:
            if not verified:
                raise
            notes = [OTHER_ESTIMATOR]
    _check_states(results, verified)
    return notes


def _check_texts(tree: xr.DataTree) -> None:
    for name in load_schema()["groups"]["/"]["attributes"]:
        value = tree.attrs.get(name)
        if not isinstance(value, str):
            raise DamagedError(f"its attribute {name!r} is not the text that every result has")
        if name in ("warnings", "citations") and len(value) > MOST_LETTERS:
            raise DamagedError(
                f"its attribute {name!r} has {len(value)} characters, which no run writes"
            )


def _check_group(path: str, data: xr.Dataset, known: dict[str, str]) -> None:
    """Check that every dimension has a coordinate, and numbers are in double precision."""
    for dim in map(str, data.dims):
        if dim not in data.coords:
            raise DamagedError(f"{path} lacks the coordinate {dim}")
        values = data[dim].values
        where = f"the coordinate {dim} of {path}"
        kind = known.get(dim, "")
        if kind == "str":
            texts = values.tolist()
            wrong = [t for t in texts if not _is_name(t)]
            if len({*texts}) != len(texts):
                wrong = [t for t in texts if texts.count(t) > 1]
            if wrong:
                raise DamagedError(
                    f"{where} does not hold different names that a run takes, but {shown(wrong[0])}"
                )
        elif kind == "x y z":
            if values.tolist() != ["x", "y", "z"]:
                raise DamagedError(f"{where} is not x, y, z")
        elif kind and not (
            values.dtype == np.float64
            and np.all(np.isfinite(values))
            and np.all(np.diff(values, prepend=0.0) > 0)
            and data[dim].attrs.get("units") == kind.split()[-1]
        ):
            raise DamagedError(f"{where} does not hold increasing times in {kind.split()[-1]}")
    for name, one in data.data_vars.items():
        if one.dtype != np.float64:
            raise DamagedError(f"{path}/{name} holds {one.dtype}, not float64")


def _is_name(text: Any) -> bool:
    """Whether a text is one that species, labels and sites may have as their name."""
    return (
        isinstance(text, str)
        and 0 < len(text) <= LONGEST_NAME
        and text.strip() == text
        and is_visible(text)
        and not is_formula(text)
    )


def _check_settings(results: ResultTree) -> None:
    try:
        settings = json.loads(results.tree.attrs["settings"])
    except (ValueError, RecursionError) as error:
        raise DamagedError(f"its settings are no JSON text: {error}") from error
    if not isinstance(settings, dict):
        raise DamagedError("its settings are no table")
    for name in _POSITIVE:
        if not as_number(settings.get(name)) > 0:
            raise DamagedError(f"its settings give {name} as {shown(settings.get(name))}")
    for name in _TEXTS:
        if not isinstance(settings.get(name), str):
            raise DamagedError(f"its settings give {name} as {shown(settings.get(name))}")
    if not as_number(settings.get("residual")) >= 0:
        raise DamagedError(f"its settings give residual as {shown(settings.get('residual'))}")
    described = settings.get("species")
    names = [one.get("name") for one in described or () if isinstance(one, dict)]
    labelled = [str(name) for name in results.decomposition["species"].values]
    if names != labelled:
        raise DamagedError(
            f"its settings describe the species {shown(names)}, its numbers are of "
            f"{shown(labelled)}"
        )


def _check_sums(data: xr.Dataset) -> None:
    """Refuse contributions that do not add up to the total."""
    _check_diffusive(data)
    for k, window in enumerate(data["window"].values):
        at = data.isel(window=k)
        values = {name: np.asarray(at[name].values) for name in _NEEDED}
        with np.errstate(invalid="ignore"):
            found = float(np.max(onsager.residual(values)))
        if not found <= MAX_RESIDUAL:
            raise DamagedError(
                f"the contributions of the events do not add up to the whole at window "
                f"{window:g} ps: residual {found:.1e} above {MAX_RESIDUAL:g}"
            )


def _check_diffusive(data: xr.Dataset) -> None:
    """The same for the diffusive view, which files of earlier versions lack."""
    if "diffusive_event_onsager" not in data or "diffusive_onsager" not in data:
        return
    total = np.asarray(data["diffusive_onsager"].values)
    parts = np.asarray(data["diffusive_event_onsager"].sum("event", skipna=False).values)
    gap = np.abs(parts - total[..., None])
    if np.any(gap > MAX_DEVIATION * np.max(np.abs(total), initial=0.0)):
        raise DamagedError(
            "the contributions of the events do not add up to the whole in the diffusive view"
        )


def _check_blocks(results: ResultTree) -> None:
    """Refuse values that differ from those of the sums over blocks."""
    blocks, data = results.blocks, results.decomposition
    system = blocks.system
    labels = {"species": blocks.names, "event": blocks.events}
    for dim in ("species", "species_2", "event", "event_2"):
        if data[dim].values.tolist() != list(labels[dim.removesuffix("_2")]):
            raise DamagedError(f"/blocks has other names of {dim} than /decomposition")
    if len(blocks.scanned) != data.sizes["window"]:
        raise DamagedError("/blocks is of other windows than /decomposition")
    charges = [float(one["charge"]) for one in results.settings["species"]]
    if charges != [float(z) for z in system.charge]:
        raise DamagedError("/blocks is of other charges than the settings")
    for name in ("temperature_K", "volume_angstrom3", "dt_ps", "level"):
        ours, theirs = results.settings[name], results.tree["blocks"].attrs[name]
        if not np.isclose(float(ours), float(theirs), rtol=1e-12, atol=0.0):
            raise DamagedError(f"/blocks gives {name} as {theirs}, the settings as {ours}")
    for k, entry in enumerate(blocks.scanned):
        at = data.isel(window=k)
        if not np.isclose(float(at["window"]), entry.frames * blocks.dt, rtol=1e-9):
            raise DamagedError("/blocks is of other windows than /decomposition")
        whole = entry.sums.resampled(np.ones((1, entry.plan.n_sub_blocks)))
        for name, values in onsager.evaluate(whole, system, entry.frames * blocks.dt).items():
            if name in data:
                _compare(f"{name} at window {float(at['window']):g} ps", at[name].values, values[0])


def _check_diffusive_blocks(results: ResultTree) -> None:
    """The same for the diffusive view, whose weights are chosen from the sums."""
    data = results.decomposition
    if "diffusive_onsager" not in data:
        return
    for name, values in diffusive_view(results.blocks).values.items():
        if name in data:
            _compare(name, data[name].values, values)


def _compare(what: str, found: np.ndarray, expected: np.ndarray) -> None:
    """Compare values where both are defined; meaningless ratios are NaN in the result."""
    if found.shape != expected.shape:
        raise DamagedError(f"{what} has shape {found.shape}, its sums {expected.shape}")
    both = np.isfinite(found) & np.isfinite(expected)
    a, b = found[both], expected[both]
    if np.any(np.isfinite(found) & ~both) or np.any(
        np.abs(a - b) > MAX_DEVIATION * np.max(np.abs(b), initial=0.0)
    ):
        raise DamagedError(f"{what} is not what the sums over its blocks give")


def _check_states(results: ResultTree, verified: bool) -> None:
    """Check that codes have names and shells have members."""
    states, shells = results.states, results.shells
    if states is not None and (not verified or _is_in_memory(results.tree["states"])):
        for name in ("event", "macrostate", "carrier_species"):
            if name in states:
                _check_codes(f"/states/{name}", states[name])
        if "microstate" in states:
            n = 0 if shells is None else shells.sizes["shell_edge"] - 1
            _check_range("/states/microstate", states["microstate"].values, n)
    if shells is not None and (not verified or _is_in_memory(results.tree["shells"])):
        start, n = shells["start"].values, shells.sizes.get("member", 0)
        if start[0] != 0 or start[-1] != n or np.any(np.diff(start) < 0):
            raise DamagedError("/shells/start does not divide the members of the shells")
        _check_codes("/shells/ligand_type", shells["ligand_type"])


def _check_codes(where: str, codes: xr.DataArray) -> None:
    _check_range(where, codes.values, len(str(codes.attrs.get("flag_meanings", "")).split()))


def _check_range(where: str, codes: np.ndarray, n: int) -> None:
    """Check integers from -1, which means none, to n - 1."""
    if codes.dtype.kind not in "iu" or (codes.size and not -1 <= codes.min() <= codes.max() < n):
        raise DamagedError(f"{where} holds numbers that stand for nothing: there are {n}")


def _is_in_memory(node: Any) -> bool:
    """Whether the values of a group and those inside it were read."""
    return all(
        isinstance(one.variable._data, np.ndarray)
        for group in node.subtree
        for one in group.data_vars.values()
    )
