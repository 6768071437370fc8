"""Environments for the programs that are compared with, made from PyPI."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]


class LeftOut(Exception):
    """Why a program is not compared with, in one line."""


def requirements() -> dict[str, str]:
    """What the package and its extra `peers` ask of other packages, by the package's name."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    listed = [*project["dependencies"], *project["optional-dependencies"]["peers"]]
    return {re.split(r"[^\w.-]", one)[0]: one for one in listed}


def call(command: Sequence[str | Path], limit: float) -> str:
    """What a command writes to its output, run where the benchmarks can be imported.

    Raises
    ------
    LeftOut
        With the last error it wrote, if it fails, cannot start or takes longer than limit, s.
    """
    try:
        done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=limit)
    except subprocess.TimeoutExpired:
        raise LeftOut(f"stopped after {limit:g} s") from None
    except OSError as error:
        raise LeftOut(str(error)) from None
    if done.returncode == 0:
        return done.stdout
    if done.returncode < 0:
        raise LeftOut(f"ended by {signal.Signals(-done.returncode).name}")
    lines = [x.strip() for x in (done.stderr or done.stdout).splitlines() if x.strip()]
    # advice and notices follow what pip says of an error
    errors = [x[6:].strip() for x in lines if x.lower().startswith("error:")] or lines
    reason = errors[-1] if errors else f"exit status {done.returncode}"
    if "connection broken" in done.stderr:
        reason = f"the package index was not reached; {reason}"
    raise LeftOut(reason)


def environment(folder: Path, wanted: Sequence[str], limit: float = 900) -> Path:
    """Python of the virtual environment in a folder, made if there is none, with what is wanted.

    Raises
    ------
    LeftOut
        If it cannot be made, or something cannot be installed within limit, s.
    """
    folder = folder.absolute()  # the commands run elsewhere
    python = folder / "bin" / "python"
    if not python.exists():
        call([sys.executable, "-m", "venv", folder], limit)
    pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    call([python, *pip, *wanted], limit)
    return python


def find_place(folder: Path, name: str, wanted: Sequence[str], together: list[str]) -> Path:
    """Python of an environment that has what a program wants.

    It is that of all programs so far, whose wants are `together`, if pip finds versions that suit
    all, and then `together` grows; else one of its own, by name.

    Raises
    ------
    LeftOut
        If it cannot be installed there either.
    """
    try:
        python = environment(folder / "shared", [*together, *wanted])
    except LeftOut:
        return environment(folder / name, wanted)
    together += wanted
    return python
