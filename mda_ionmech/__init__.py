"""Mechanisms of ion transport from molecular dynamics, in contributions that sum exactly.

An equilibrium trajectory goes in; the Onsager transport coefficients and the conductivity come
out, split into what each kind of event carried, window by window.
"""

import warnings
from importlib import import_module
from typing import TYPE_CHECKING, Any

from .lib.version import __version__

if TYPE_CHECKING:
    from . import datasets
    from .analysis.decomposition import OnsagerDecomposition
    from .analysis.loaded_run import LoadedRun, load_run
    from .lib.errors import AdditivityError, InputError
    from .results.arrhenius import Arrhenius, arrhenius
    from .results.combine import combine
    from .results.hop_barriers import hop_barriers
    from .results.load_file import load
    from .results.results import Results
    from .species import IonSpecies

__all__ = [
    "AdditivityError",
    "Arrhenius",
    "InputError",
    "IonSpecies",
    "LoadedRun",
    "OnsagerDecomposition",
    "Results",
    "__version__",
    "arrhenius",
    "combine",
    "datasets",
    "hop_barriers",
    "load",
    "load_run",
]

_HOME = {
    "AdditivityError": ".lib.errors",
    "Arrhenius": ".results.arrhenius",
    "InputError": ".lib.errors",
    "IonSpecies": ".species",
    "LoadedRun": ".analysis.loaded_run",
    "OnsagerDecomposition": ".analysis",
    "Results": ".results.results",
    "arrhenius": ".results.arrhenius",
    "combine": ".results.combine",
    "hop_barriers": ".results.hop_barriers",
    "load": ".results.load_file",
    "load_run": ".analysis.loaded_run",
}


def _load_progress_bars() -> None:
    """Load tqdm without its advice on ipywidgets in a notebook: its plain bar is good enough."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import_module("tqdm.auto")


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used, so that the package itself loads fast."""
    _load_progress_bars()
    if name == "datasets":
        return import_module(".datasets", __name__)
    if name in _HOME:
        return getattr(import_module(_HOME[name], __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
