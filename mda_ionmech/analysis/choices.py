"""The arguments of an analysis besides its species, checked and converted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..lib.checks import shown
from ..lib.errors import InputError
from ..lib.topology import check_atom_group
from ..trajectory.frames_of_reference import resolve_frame
from .arguments import (
    check_axes,
    check_lengths,
    check_level,
    check_memory,
    check_projection,
    check_seed,
    check_spacing,
    check_store,
    check_temperature,
    check_uneven,
    check_universe,
    check_unwrap,
)

if TYPE_CHECKING:
    from pathlib import Path

    from ..species import IonSpecies


@dataclass(frozen=True)
class Choices:
    """Arguments of `OnsagerDecomposition`, where they are documented, in the form used here.

    Attributes
    ----------
    temperature : float
    windows, resolutions, horizons : "log", sequence of float or None
    projection : str or None
    frame : str
        Frame of reference, with ``auto`` resolved.
    framework : AtomGroup or None
    axes : str
    unwrap : str or bool
    dt : float or None
    uneven : str
    seed : int
    level : float
    memory : int or None
        Bytes.
    store : Path or None
    """

    temperature: float
    windows: str | Sequence[float]
    resolutions: str | Sequence[float] | None
    horizons: str | Sequence[float] | None
    projection: str | None
    frame: str
    framework: Any
    axes: str
    unwrap: str | bool
    dt: float | None
    uneven: str
    seed: int
    level: float
    memory: int | None
    store: Path | None

    @property
    def has_paths(self) -> bool:
        """Whether the path and slope views are computed."""
        return self.resolutions is not None and self.horizons is not None


def check_choices(species: Sequence[IonSpecies], universe: Any, given: dict[str, Any]) -> Choices:
    """Check the arguments of an analysis.

    Parameters
    ----------
    species : sequence of IonSpecies
    universe : Universe
    given : dict
        Arguments of `OnsagerDecomposition` by name.

    Raises
    ------
    InputError
        Naming the argument, its value and the values that are allowed.
    """
    framework, frame = given["framework"], given["frame"]
    if framework is not None:
        check_atom_group(framework, "framework")
        check_universe(framework, "framework", universe)
        if frame not in ("auto", "framework"):
            raise InputError(f"framework=... has no meaning with frame={shown(frame)}")
        frame = "framework"
    with_paths = given["resolutions"] is not None and given["horizons"] is not None
    return Choices(
        memory=check_memory(given["memory"]),
        store=check_store(given["store"]),
        temperature=check_temperature(given["temperature"]),
        windows=check_lengths("windows", given["windows"]),
        resolutions=check_lengths("resolutions", given["resolutions"]) if with_paths else None,
        horizons=check_lengths("horizons", given["horizons"]) if with_paths else None,
        projection=check_projection(given["projection"], species),
        dt=check_spacing(given["dt"]),
        uneven=check_uneven(given["uneven"]),
        axes=check_axes(given["axes"]),
        unwrap=check_unwrap(given["unwrap"]),
        level=check_level(given["level"]),
        seed=check_seed(given["seed"]),
        framework=framework,
        frame=resolve_frame(frame, species, framework is not None),
    )
