"""Packages above the results, found when a convenience method of a result is called.

``results.plot()`` and ``results.report()`` hand a result to packages that are built on results.
They are looked up by name, as pandas looks up its plotting backend, so that no module imports one
that stands above it.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any


def later(name: str) -> Any:
    """The module of this name, imported now."""
    return import_module(name)
