"""Diffusivities of single ions, of each species together and of charge, from a result."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import constants

from ..lib.checks import positive
from ..lib.errors import InputError
from ..lib.unit_table import UnitTable
from ..observables.msd_exponents import cubic_length, finite_size_shift
from .flow import check_flows
from .window_tables import MEASURED, Coefficients

if TYPE_CHECKING:
    import pandas as pd

    from .tree import ResultTree


def diffusion(results: ResultTree, window: float | None, viscosity: float | None) -> pd.DataFrame:
    """Diffusivities of every species and of charge; see `Results.diffusion`."""
    read = Coefficients.of(results, window)
    settings = results.settings
    temperature, volume = settings["temperature_K"], settings["volume_angstrom3"] * 1e-30
    names = [str(s) for s in read.data["species"].values]
    number = np.array([s["n_carriers"] for s in settings["species"]], dtype=float)
    charge = np.array([s["charge"] for s in settings["species"]], dtype=float)
    rows: dict[str, tuple[float, float, float, str]] = {}

    def add(label: str, name: str, factor: float, unit: str, shift: float = 0.0, **at: str) -> None:
        value, low, high = (x * factor + shift for x in read.ends(name, **at))
        rows[label] = (value, low, high, unit)

    shift = 0.0
    if viscosity is not None:
        eta = positive("viscosity", viscosity, "mPa s", "give that of the simulated liquid")
        if settings["frame"] == "framework" or settings["axes"] != "xyz":
            raise InputError(
                "viscosity=...: the finite-size correction holds for liquids in three dimensions, "
                f"and this run has frame={settings['frame']!r}, axes={settings['axes']!r}; leave "
                "viscosity out"
            )
        remedy = "leave viscosity out, or compare cells of several sizes"
        check_flows(settings, "viscosity=...", remedy)
        length = cubic_length(np.array(settings["cell_angstrom"]))
        shift = finite_size_shift(temperature, eta, length)
    # kB T V L / N in m^2/s; for charge sigma / e^2 replaces L and sum z^2 N replaces N
    thermal = 1e4 * constants.k * temperature * volume
    for k, one in enumerate(names):
        add(f"self-diffusivity {one}", "diffusivity_self", 1.0, "cm2/s", species=one)
        if shift:
            label = f"self-diffusivity {one}, infinite cell"
            add(label, "diffusivity_self", 1.0, "cm2/s", shift, species=one)
        label, factor = f"collective diffusivity {one}", thermal / number[k]
        add(label, "onsager", factor, "cm2/s", species=one, species_2=one)
    carried = float(np.sum(charge**2 * number))
    if carried > 0:
        factor = thermal / (constants.e**2 * carried)
        add("charge diffusivity", "conductivity", factor, "cm2/s")
        add("charge diffusivity, ions independent", "nernst_einstein", factor, "cm2/s")
        if shift:
            label = "Nernst-Einstein conductivity, infinite cell"
            add(label, "nernst_einstein", 1.0, "S/m", shift / factor)
    shifted = {"finite_size_shift_cm2_per_s": shift} if shift else {}
    return UnitTable.of_rows(rows, MEASURED, ["quantity"], read.about() | shifted)
