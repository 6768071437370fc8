"""Seeded damage of saved runs, which are folders."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from mda_ionmech.lib.files import checksum_of_content

from .damage import BYTES, Rng

#: Damages the folder in place.
Harm = Callable[[Path, Rng], None]


def _any_file(folder: Path, rng: Rng) -> Path:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return files[rng.integers(len(files))]


def in_any_file(harm: Callable[[Path, Rng], None]) -> Harm:
    """Damage of the bytes of one of the files."""
    return lambda folder, rng: harm(_any_file(folder, rng), rng)


def exchanged(folder: Path, rng: Rng) -> None:
    one, other = _any_file(folder, rng), _any_file(folder, rng)
    data = one.read_bytes(), other.read_bytes()
    one.write_bytes(data[1])
    other.write_bytes(data[0])


def replaced(how: str) -> Harm:
    """Something else in place of a file."""

    def harm(folder: Path, rng: Rng) -> None:
        path = _any_file(folder, rng)
        data = path.read_bytes()
        path.unlink()
        if how == "folder":
            path.mkdir()
        elif how == "pipe":
            os.mkfifo(path)
        elif how == "loop":
            path.symlink_to(path)
        elif how == "device":
            path.symlink_to("/dev/zero")
        elif how == "empty":
            path.touch()
        elif how == "longer":
            path.write_bytes(data)
            os.truncate(path, 10**11)  # takes no space

    return harm


#: What is put in place of a value of a manifest.
_VALUES: tuple[Any, ...] = (
    None, -1, 0, 10**30, 1e308, "x", "\x1b[2J", [], {}, True, [[]], "../../results.nc",
    {"object": "IonSpecies"}, {"array": 0}, {"array": 999}, {"array": -1}, {"tuple": []},
)  # fmt: skip


def _places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if path:
        yield path
    listed = value.items() if isinstance(value, dict) else enumerate(value)
    for key, inside in listed:
        if isinstance(inside, dict | list):
            yield from _places(inside, (*path, key))
        else:
            yield (*path, key)


def _at(value: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        value = value[key]
    return value


def edited(how: str) -> Harm:
    """A manifest whose checksum fits what it holds."""

    def harm(folder: Path, rng: Rng) -> None:
        file = folder / "manifest.json"
        manifest = json.loads(file.read_text("utf-8"))
        places = [p for p in _places(manifest) if p[0] not in ("checksum", "format")]
        place = places[rng.integers(len(places))]
        holder = _at(manifest, place[:-1])
        if how == "missing":
            del holder[place[-1]]
        elif how == "another":
            other = _at(manifest, places[rng.integers(len(places))])
            holder[place[-1]] = json.loads(json.dumps(other))
        else:
            holder[place[-1]] = _VALUES[rng.integers(len(_VALUES))]
        manifest["checksum"] = checksum_of_content(manifest)
        file.write_text(json.dumps(manifest), encoding="utf-8")

    return harm


def deep(folder: Path, rng: Rng) -> None:
    (folder / "manifest.json").write_text("[" * int(rng.choice([900, 20_000, 10**6])))


def large(folder: Path, rng: Rng) -> None:
    text = (folder / "manifest.json").read_text("utf-8").rstrip()[:-1]
    (folder / "manifest.json").write_text(f'{text}, "more": "{"m" * 50_000_000}"}}')


#: Kinds of damage, how many folders of each, and whether the checksums tell.
RUNS: dict[str, tuple[Harm, int, bool]] = {
    **{name: (in_any_file(harm), 8, True) for name, harm in BYTES.items()},
    "two files exchanged": (exchanged, 8, True),
    **{
        f"{what} in place of a file": (replaced(how), 3, True)
        for how, what in {
            "folder": "a folder", "pipe": "a pipe", "loop": "a link to itself",
            "device": "a link to a device", "empty": "nothing", "gone": "no file",
            "longer": "100 GB of zeros after it",
        }.items()
    },
    "a manifest 1 000 000 levels deep": (deep, 3, True),
    "a manifest of 50 MB": (large, 1, True),
    "an entry missing in a manifest with the right checksum": (edited("missing"), 16, False),
    "an entry in place of another": (edited("another"), 16, False),
    "another value": (edited("value"), 32, False),
}  # fmt: skip


def damaged(source: Path, target: Path, harm: Harm, seed: int) -> Path:
    """A damaged copy."""
    shutil.copytree(source, target)
    harm(target, np.random.default_rng(seed))
    return target
