"""Seeded damage of states files and of configurations, by what they hold."""

from __future__ import annotations

import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from mda_ionmech.results.states_file import write_archive

from .damage import Damage, Rng

# ---- what a states file holds -------------------------------------------------------------------


def rewritten(edit: Callable[[dict[str, np.ndarray], Rng], None]) -> Damage:
    """Damage that edits the arrays of a states file."""

    def harm(path: Path, rng: Rng) -> None:
        with np.load(path) as archive:
            arrays = {name: archive[name] for name in archive.files}
        edit(arrays, rng)
        write_archive(str(path), arrays)

    return harm


def _any_array(arrays: dict[str, np.ndarray], rng: Rng, kinds: str = "iuf") -> str:
    found = [n for n, v in arrays.items() if v.dtype.kind in kinds and v.size]
    return str(rng.choice(found))


def other_name(arrays: dict[str, np.ndarray], rng: Rng) -> None:
    name = str(rng.choice([*arrays]))
    arrays[f"{name}_x"] = arrays.pop(name)


def extra(arrays: dict[str, np.ndarray], rng: Rng) -> None:
    arrays["more"] = arrays[_any_array(arrays, rng)]


def absent(arrays: dict[str, np.ndarray], rng: Rng) -> None:
    del arrays[str(rng.choice([n for n in arrays if n != "checksum"]))]


def more(arrays: dict[str, np.ndarray], rng: Rng) -> None:
    name = _any_array(arrays, rng)
    arrays[name] = (arrays[name] + 1).astype(arrays[name].dtype)


def unknown_code(arrays: dict[str, np.ndarray], rng: Rng) -> None:
    name = str(rng.choice(["event", "macrostate", "atom_index", "carrier_of_atom"]))
    arrays[name].reshape(-1)[0] = rng.choice([999, -5])


def fewer(arrays: dict[str, np.ndarray], rng: Rng) -> None:
    found = [n for n, v in arrays.items() if v.ndim]
    name = str(rng.choice(found))
    arrays[name] = arrays[name][:-1]


def transposed(arrays: dict[str, np.ndarray], rng: Rng) -> None:
    name = str(rng.choice([n for n, v in arrays.items() if v.ndim > 1]))
    arrays[name] = arrays[name].T


def wider(arrays: dict[str, np.ndarray], rng: Rng) -> None:
    name = _any_array(arrays, rng)
    arrays[name] = arrays[name].astype(str(rng.choice(["f2", "i8", "f8", "u1"])))


def long_name(arrays: dict[str, np.ndarray], rng: Rng) -> None:
    names = arrays["event_names"].tolist()
    arrays["event_names"] = np.array([names[0] + "e" * 20_000, *names[1:]])


def claim(path: Path, rng: Rng) -> None:
    """A header that speaks of a gigabyte and more."""
    with zipfile.ZipFile(path) as archive:
        members = {n: archive.read(n) for n in archive.namelist()}
    name = str(rng.choice(["event.npy", "displacement.npy", "cluster.npy"]))
    shape = members[name].split(b"'shape': (")[1].split(b",")[0]
    there = b"'shape': (%s," % shape
    many = b"'shape': (%d00000," % int(shape)
    members[name] = members[name].replace(there, many).replace(b"     \n", b"\n")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for one, data in members.items():
            archive.writestr(one, data)


def member_twice(path: Path, rng: Rng) -> None:
    with zipfile.ZipFile(path, "a") as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        name = str(rng.choice(archive.namelist()))
        archive.writestr(name, archive.read(name))


ARRAYS = {
    "an array renamed": rewritten(other_name),
    "an array more": rewritten(extra),
    "an array missing": rewritten(absent),
    "other numbers": rewritten(more),
    "codes and indices of nothing": rewritten(unknown_code),
    "a row missing": rewritten(fewer),
    "dimensions swapped": rewritten(transposed),
    "another type of numbers": rewritten(wider),
    "a name of 20 000 letters": rewritten(long_name),
    "a header that claims 100 000 times the size": claim,
    "an array twice": member_twice,
}


# ---- texts --------------------------------------------------------------------------------------


def encoded(name: str) -> Damage:
    return lambda path, rng: path.write_bytes(path.read_text("utf-8").encode(name)) and None


def _line(text: Callable[[Rng], str]) -> Damage:
    """A line in place of one of the file."""

    def harm(path: Path, rng: Rng) -> None:
        lines = path.read_text("utf-8").split("\n")
        lines[int(rng.integers(len(lines)))] = text(rng)
        path.write_text("\n".join(lines), "utf-8")

    return harm


def swap_lines(path: Path, rng: Rng) -> None:
    lines = path.read_text("utf-8").split("\n")
    a, b = rng.integers(len(lines), size=2)
    lines[a], lines[b] = lines[b], lines[a]
    path.write_text("\n".join(lines), "utf-8")


def other_value(path: Path, rng: Rng) -> None:
    """Some value becomes one of another kind."""
    lines = path.read_text("utf-8").split("\n")
    at = int(rng.choice([k for k, line in enumerate(lines) if " = " in line]))
    key = lines[at].split(" = ")[0]
    values = [
        "9" * 400, "1e999", "nan", "-inf", "0x" + "F" * 5000, "9" * 5000, "true", "[]", "{}",
        '""', "1979-05-27T07:32:00Z", '"' + "L" * 20_000 + '"', '"a\\u0000b"', "[[1, 2], [3]]",
        "-1", "0", '"=1+1"', '"[red]x[/red]"', '"\\u202eabc"', "[nan, 1]", "{a = {b = {c = 1}}}",
    ]  # fmt: skip
    lines[at] = f"{key} = {rng.choice(np.array(values, dtype=object))}"
    path.write_text("\n".join(lines), "utf-8")


def deep_key(rng: Rng) -> str:
    return ".".join(["a"] * 20_000) + " = 1"


TEXTS = {
    "in UTF-16": encoded("utf-16"),
    "not in UTF-8": lambda path, rng: (
        path.write_bytes(path.read_bytes().replace(b"i", b"\xe9")) and None
    ),
    "lists 20 000 levels deep": _line(lambda rng: "x = " + "[" * 20_000 + "]" * 20_000),
    "tables 20 000 levels deep": _line(lambda rng: "x = " + "{a = " * 20_000 + "}" * 20_000),
    "a key of 20 000 levels": _line(deep_key),
    "a table of 20 000 levels": _line(lambda rng: f"[{deep_key(rng)[:-4]}]"),
    "10 000 unknown keys": _line(lambda rng: "\n".join(f"k{k} = 1" for k in range(10_000))),
    "a line of another file": _line(lambda rng: rng.bytes(60).decode("latin-1")),
    "two lines swapped": swap_lines,
    "a value of another kind": other_value,
}
