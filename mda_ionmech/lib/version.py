"""Version of the package, and of those that its numbers come from."""

from functools import cache

__version__ = "0.1.0"


@cache
def versions() -> dict[str, str]:
    """Installed versions of the package and of those it computes with, by name."""
    from importlib.metadata import version

    others = {name: version(name) for name in ("MDAnalysis", "numpy", "numba", "scipy", "xarray")}
    return others | {"mda-ionmech": __version__}
