"""Seeded damage of files: of their bytes, and of what they hold."""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import netCDF4
import numpy as np

from mda_ionmech.results.checksums import ATTRIBUTE, groups_of

Rng = np.random.Generator
#: Damages the file in place.
Damage = Callable[[Path, Rng], None]


# ---- bytes --------------------------------------------------------------------------------------


def flip_bits(path: Path, rng: Rng) -> None:
    """1 to 64 bits become others."""
    data = bytearray(path.read_bytes())
    for at in rng.integers(len(data), size=rng.choice([1, 8, 64])):
        data[at] ^= 1 << int(rng.integers(8))
    path.write_bytes(data)


def flip_early_bits(path: Path, rng: Rng) -> None:
    """1 to 64 bits of the first 2 kB, which say what the rest is."""
    data = bytearray(path.read_bytes())
    for at in rng.integers(min(2048, len(data)), size=rng.choice([1, 8, 64])):
        data[at] ^= 1 << int(rng.integers(8))
    path.write_bytes(data)


def truncate(path: Path, rng: Rng) -> None:
    """The end is missing."""
    data = path.read_bytes()
    path.write_bytes(data[: rng.integers(len(data))])


def zero(path: Path, rng: Rng) -> None:
    """4 kB, or a quarter of a smaller file, are zeros."""
    data = bytearray(path.read_bytes())
    size = min(4096, len(data) // 4)
    at = int(rng.integers(len(data) - size))
    data[at : at + size] = bytes(size)
    path.write_bytes(data)


def move(path: Path, rng: Rng) -> None:
    """A stretch of the file is where another one was."""
    data = bytearray(path.read_bytes())
    size = min(2048, len(data) // 4)
    a, b = (int(n) for n in rng.integers(len(data) - size, size=2))
    data[a : a + size] = data[b : b + size]
    path.write_bytes(data)


def insert(path: Path, rng: Rng) -> None:
    """Bytes that do not belong there."""
    data = bytearray(path.read_bytes())
    at = int(rng.integers(len(data)))
    data[at:at] = rng.bytes(int(rng.integers(1, 200)))
    path.write_bytes(data)


BYTES = {
    "bits flipped": flip_bits, "bits of the header flipped": flip_early_bits, "cut off": truncate,
    "a stretch of zeros": zero, "a stretch in place of another": move, "bytes inserted": insert,
}  # fmt: skip


# ---- what a result file holds -------------------------------------------------------------------


def _any_group(file: Any, rng: Rng, with_variables: bool = True) -> Any:
    found = [file, *file.groups.values(), *file["blocks"].groups.values()]
    found = [g for g in found if g.variables or not with_variables]
    return found[rng.integers(len(found))]


def _any_numbers(file: Any, rng: Rng) -> Any:
    """A variable of numbers, none of which is left as it is when it is doubled."""
    found: list[Any] = []
    while not found:
        variables = _any_group(file, rng).variables.values()
        found = [v for v in variables if v.dtype is not str and np.any(_raw(v) > 0)]
    return found[rng.integers(len(found))]


def _raw(variable: Any) -> np.ndarray:
    variable.set_auto_maskandscale(False)
    return np.asarray(variable[...])


def edited(edit: Callable[[Any, Rng], None]) -> Damage:
    """Damage that edits a file with netCDF4."""

    def harm(path: Path, rng: Rng) -> None:
        # what a version of the library cannot do leaves a damaged file, too
        with contextlib.suppress(RuntimeError), netCDF4.Dataset(path, "a") as file:
            edit(file, rng)

    return harm


def rename_variable(file: Any, rng: Rng) -> None:
    group = _any_group(file, rng)
    name = str(rng.choice([*group.variables]))
    group.renameVariable(name, f"{name}x")


def swap_names(file: Any, rng: Rng) -> None:
    variables = file["decomposition"].variables
    a, b = rng.choice([n for n in variables if variables[n].ndim == 3], size=2, replace=False)
    group = file["decomposition"]
    group.renameVariable(a, "between")
    group.renameVariable(b, a)
    group.renameVariable("between", b)


def rename_dimension(file: Any, rng: Rng) -> None:
    group = _any_group(file, rng)
    name = str(rng.choice([*group.dimensions]))
    group.renameDimension(name, f"{name}x")


def duplicate(file: Any, rng: Rng) -> None:
    source = _any_numbers(file, rng)
    group = source.group()
    copy = group.createVariable(f"{source.name}_2", source.dtype, source.dimensions)
    copy.setncatts({k: source.getncattr(k) for k in source.ncattrs() if k != "_FillValue"})
    copy[...] = _raw(source)


def change_units(file: Any, rng: Rng) -> None:
    group = _any_group(file, rng)
    found = [v for v in group.variables.values() if "units" in v.ncattrs()]
    for one in found[:1] or [file["decomposition/onsager"]]:
        one.units = str(rng.choice(["mS/cm", "1", "days since 2000-01-01", ""]))


def _any_attribute(file: Any, rng: Rng) -> tuple[Any, str]:
    found = [(v, n) for v in _any_group(file, rng).variables.values() for n in v.ncattrs()]
    found += [(file, n) for n in file.ncattrs()]
    found = [(one, n) for one, n in found if n != "_FillValue"]
    return found[rng.integers(len(found))]


def change_attribute(file: Any, rng: Rng) -> None:
    one, name = _any_attribute(file, rng)
    one.setncattr(name, 7.5)


def remove_attribute(file: Any, rng: Rng) -> None:
    one, name = _any_attribute(file, rng)
    one.delncattr(name)


def add_attribute(file: Any, rng: Rng) -> None:
    _any_group(file, rng, False).setncattr("scale_factor", 2.0)


def scale_on_reading(file: Any, rng: Rng) -> None:
    """The attributes by which readers of NetCDF change every number."""
    one = _any_numbers(file, rng)
    one.setncattr(str(rng.choice(["scale_factor", "add_offset"])), 2.0)


def change_root(file: Any, rng: Rng) -> None:
    name = str(rng.choice(["schema", "created_with", "settings", "citations", "warnings"]))
    file.setncattr(name, f"{file.getncattr(name)}.")


def other_temperature(file: Any, rng: Rng) -> None:
    settings = json.loads(file.settings)
    settings["temperature_K"] *= float(rng.uniform(1.1, 2))
    file.settings = json.dumps(settings)


def giant_warnings(file: Any, rng: Rng) -> None:
    file.warnings = "w" * 60_000_000


def remove_checksum(file: Any, rng: Rng) -> None:
    _any_group(file, rng, False).delncattr(ATTRIBUTE)


def double(file: Any, rng: Rng) -> None:
    one = _any_numbers(file, rng)
    one[...] = 2 * _raw(one)


def one_number(file: Any, rng: Rng) -> None:
    one = _any_numbers(file, rng)
    values = _raw(one)
    flat = values.reshape(-1)
    k = rng.integers(flat.size)
    flat[k] = 1.0 if flat[k] != 1 else 0.0
    one[...] = values


def other_text(file: Any, rng: Rng) -> None:
    one = file["decomposition"].variables["event"]
    one[0] = f"{one[0]}{'e' * int(rng.choice([1, 20_000]))}"


def _replaced(group: Any, name: str, values: np.ndarray, dims: tuple[str, ...]) -> None:
    """A variable of another type or shape in place of one; NetCDF cannot remove the old one."""
    old = group.variables[name]
    about = {k: old.getncattr(k) for k in old.ncattrs() if k != "_FillValue"}
    group.renameVariable(name, "before")
    new = group.createVariable(name, values.dtype, dims)
    new.setncatts(about)
    new[...] = values


def swap_dimensions(file: Any, rng: Rng) -> None:
    group = file["decomposition"]
    name = str(rng.choice([n for n in group.variables if group.variables[n].ndim == 3]))
    one = group.variables[name]
    _replaced(group, name, _raw(one).T, one.dimensions[::-1])


def other_type(file: Any, rng: Rng) -> None:
    one = _any_numbers(file, rng)
    other = np.float32 if one.dtype != np.float32 else np.float64
    _replaced(one.group(), one.name, _raw(one).astype(other), one.dimensions)


def other_shape(file: Any, rng: Rng) -> None:
    one = _any_numbers(file, rng)
    group = one.group()
    group.createDimension("shorter", max(one.shape[0] - 1, 1))
    values = _raw(one)[: max(one.shape[0] - 1, 1)]
    _replaced(group, one.name, values, ("shorter", *one.dimensions[1:]))


def sparse(file: Any, rng: Rng) -> None:
    """An array of a terabyte that takes no place in the file."""
    group = _any_group(file, rng)
    group.createDimension("long", 2**37)
    group.createVariable("none", "f8", ("long",), chunksizes=(2**16,), zlib=True)


def remove_group(path: Path, rng: Rng) -> None:
    with h5py.File(path, "r+") as file:
        del file[str(rng.choice(["decomposition", "states", "transitions", "shells", "blocks"]))]


CONTENTS = {
    "a variable renamed": edited(rename_variable),
    "two variables with each other's name": edited(swap_names),
    "a dimension renamed": edited(rename_dimension),
    "a variable twice": edited(duplicate),
    "other units": edited(change_units),
    "another attribute": edited(change_attribute),
    "an attribute removed": edited(remove_attribute),
    "an attribute added": edited(add_attribute),
    "numbers scaled on reading": edited(scale_on_reading),
    "other texts at the root": edited(change_root),
    "another temperature in the settings": edited(other_temperature),
    "warnings of 60 MB": edited(giant_warnings),
    "a checksum removed": edited(remove_checksum),
    "numbers doubled": edited(double),
    "one number changed": edited(one_number),
    "another name, of 20 000 letters too": edited(other_text),
    "dimensions swapped": edited(swap_dimensions),
    "another type of numbers": edited(other_type),
    "another shape": edited(other_shape),
    "an array of a terabyte": edited(sparse),
    "a group removed": remove_group,
}


def forget_checksums(path: Path) -> None:
    """A result file as earlier versions wrote it."""
    with netCDF4.Dataset(path, "a") as file:
        for group in groups_of(file):
            group.delncattr(ATTRIBUTE)


def scaled(*names: str, factor: float = 2.0) -> Damage:
    """Some variables of the decomposition or of a group of the sums, times a factor."""

    def edit(file: Any, rng: Rng) -> None:
        for name in names:
            one = file[name]
            one[...] = factor * _raw(one)

    return edited(edit)


def without(name: str) -> Damage:
    def harm(path: Path, rng: Rng) -> None:
        with h5py.File(path, "r+") as file:
            del file[name]

    return harm


def setting(**changes: Any) -> Damage:
    def edit(file: Any, rng: Rng) -> None:
        file.settings = json.dumps(json.loads(file.settings) | changes)

    return edited(edit)


def negative_code(file: Any, rng: Rng) -> None:
    file["states/event"][0, 0] = 99


def in_single(file: Any, rng: Rng) -> None:
    one = file["decomposition/onsager"]
    _replaced(one.group(), "onsager", _raw(one).astype(np.float32), one.dimensions)


def onsager_twice(file: Any, rng: Rng) -> None:
    one = file["decomposition/onsager"]
    copy = one.group().createVariable("onsager_2", "f8", one.dimensions)
    copy[...] = _raw(one)


def unordered(file: Any, rng: Rng) -> None:
    window = file["decomposition/window"]
    window[...] = _raw(window)[::-1].copy()


_L = [f"decomposition/{n}" for n in ("onsager", "event_onsager", "event_matrix")]
_SIGMA = ["decomposition/conductivity", "decomposition/event_conductivity"]
#: What is seen in a file without checksums, by what its numbers must be to one another.
OLDER = {
    "L doubled": scaled(_L[0]),
    "L and its parts doubled": scaled(*_L),
    "conductivity and its parts doubled": scaled(*_SIGMA),
    "shares doubled": scaled("decomposition/share"),
    "numbers of events doubled": scaled("decomposition/event_count"),
    "sums over blocks doubled": scaled("blocks/windows/total"),
    "charges of the sums doubled": scaled("blocks/charge"),
    "windows ten times as long": scaled("decomposition/window", factor=10.0),
    "windows out of order": edited(unordered),
    "another temperature": edited(other_temperature),
    "no temperature": setting(temperature_K=None),
    "another species": setting(species=[{"name": "other", "charge": 1.0}]),
    "settings that are no table": edited(lambda file, rng: file.setncattr("settings", "[]")),
    "settings 20 000 levels deep": edited(
        lambda file, rng: file.setncattr("settings", "[" * 20_000)
    ),
    "an unknown code": edited(negative_code),
    "L renamed": edited(lambda file, rng: file["decomposition"].renameVariable("onsager", "l")),
    "L removed": without("decomposition/onsager"),
    "the decomposition removed": without("decomposition"),
    "the shells removed": without("shells"),
    "a variable of another type": edited(in_single),
    "a variable twice": edited(onsager_twice),
    **{
        name: CONTENTS[name]
        for name in (
            "two variables with each other's name", "warnings of 60 MB",
            "another name, of 20 000 letters too", "dimensions swapped",
        )
    },
}  # fmt: skip


def damaged(source: Path, target: Path, harm: Damage, seed: int) -> Path:
    """A damaged copy."""
    shutil.copyfile(source, target)
    harm(target, np.random.default_rng(seed))
    return target
