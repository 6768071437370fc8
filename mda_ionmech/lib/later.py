"""Late import of packages for convenience methods of results.

``results.plot()`` and ``results.report()`` call packages that depend on results. They are imported
by name at the call, as pandas imports its plotting backend, so that no module imports from a higher
layer.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any


def later(name: str) -> Any:
    """The module of this name, imported now."""
    return import_module(name)
