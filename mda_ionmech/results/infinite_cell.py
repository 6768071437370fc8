"""Onsager coefficients of a liquid in a cell of infinite size.

Periodic images slow down the long-wavelength flow that carries ions along: the correction of
Yeh and Hummer for a single ion, times the fluctuations of the composition for L_AB.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import special

from ..lib.checks import checked_array, instance, positive
from ..lib.errors import InputError
from ..observables.composition_fluctuations import CompositionFluctuations, neutral_projection
from ..observables.msd_exponents import XI, cubic_length
from ..trajectory.charge_balance import NEUTRAL
from .flow import check_flows
from .results import Results

if TYPE_CHECKING:
    import pandas as pd

#: Largest part of a matrix of fluctuations that may belong to the charge.
_CHARGED = 0.05


def infinite_cell(
    results: Results,
    fluctuations: CompositionFluctuations | np.ndarray,
    *,
    viscosity: float,
    window: float | None = None,
) -> pd.DataFrame:
    r"""L_AB of a liquid, corrected for the finite size of its periodic cell.

    .. math:: L_{AB}^\infty = L_{AB} + \frac{\xi}{6 \pi \eta L}\, S_{AB}, \qquad \xi = 2.837297

    with the fluctuations S_AB of the composition. As the charge does not fluctuate at long
    wavelengths, :math:`\sum_B z_B S_{AB} = 0`: conductivity and transference numbers have no
    correction at this order, and are in the table unchanged.

    Parameters
    ----------
    results : Results
        Of a liquid in a cubic cell, in three dimensions, with all ions listed; in the barycentric
        frame, or, for an implicit solvent, in that of the laboratory.
    fluctuations : CompositionFluctuations or numpy.ndarray
        From `mda_ionmech.observables.composition_fluctuations`; or S_AB in 1/A^3, shape (species,
        species), without an error, e.g. from a thermodynamic factor.
    viscosity : float
        Of the simulated liquid, mPa s.
    window : float, optional
        ps; default the diffusive view, as in `Results.summary`.

    Returns
    -------
    pandas.DataFrame
        Index quantity; columns ``value``, ``low``, ``high`` in the cell; ``shift`` and
        ``shift_error`` (a standard error); ``infinite``, ``infinite_low``, ``infinite_high``;
        ``unit``.

    Raises
    ------
    InputError
        For crystals, polymers, other frames of reference, fewer than three dimensions, a cell that
        is not cubic, ions that are not listed, and fluctuations of other species, another frame or
        with a charge.

    Warns
    -----
    UserWarning
        Where a correction is larger than the coefficient: the next order is not small then.

    Notes
    -----
    I.-C. Yeh and G. Hummer, J. Phys. Chem. B 108, 15873 (2004); S. H. Jamali et al., J. Chem.
    Theory Comput. 14, 2667 (2018), whose correction of a mutual diffusion coefficient this is for
    two components; A. T. Celebi et al., Mol. Simul. 47, 831 (2021). The next order is
    :math:`L^{-3}`, with the square of the size of ions and their correlations.
    """
    from ..lib.unit_table import UnitTable
    from .window_tables import Coefficients

    instance("results", results, Results, "give run.results, or mda_ionmech.load(path)")
    settings = results.settings
    eta = positive("viscosity", viscosity, "mPa s", "give that of the simulated liquid")
    _check_liquid(settings)
    length = cubic_length(
        np.array(settings["cell_angstrom"]),
        "infinite_cell",
        "extrapolate over cells of other sizes",
    )
    at = Coefficients.of(results, window)
    names = [str(s) for s in at.data["species"].values]
    charge = np.array([float(s["charge"]) for s in settings["species"]])
    value, error = _fluctuations(fluctuations, names, charge, str(settings["frame"]))
    # 1/A^3 in 1/m^3
    per_fluctuation = 1e30 * XI / (6 * np.pi * eta * 1e-3 * length * 1e-10)
    shift, shift_error = per_fluctuation * value, per_fluctuation * error
    level = float(at.data["onsager_low"].attrs["level"])
    reach = float(special.ndtri((1 + level) / 2))
    rows: dict[str, list[Any]] = {}
    large = []
    for a, one in enumerate(names):
        for b, other in enumerate(names[a:], start=a):
            found = at.ends("onsager", species=one, species_2=other)
            label = f"L({one}, {other})"
            by, uncertain = float(shift[a, b]), float(shift_error[a, b])
            low, high = (
                found[0] + by + sign * float(np.hypot(end - found[0], reach * uncertain))
                for sign, end in ((-1, found[1]), (1, found[2]))
            )
            rows[label] = [*found, by, uncertain, found[0] + by, low, high, at.unit("onsager")]
            if a == b and abs(by) > abs(found[0]):
                large.append(f"{label} by {by / found[0]:.2g} of itself")
    same: list[tuple[str, str, dict[str, str]]] = []
    if np.any(charge):
        same.append(("conductivity", "conductivity", {}))
        number = "transference_number"
        same += [(f"transference number {one}", number, {"species": one}) for one in names]
    for label, name, where in same:
        found = at.ends(name, **where)
        rows[label] = [*found, 0.0, 0.0, *found, at.unit(name)]
    if large:
        warnings.warn(
            f"the finite-size correction changes {', '.join(large)}: it is the first order of an "
            "expansion in the size of ions over that of the cell; use a larger cell",
            stacklevel=2,
        )
    columns = ["value", "low", "high", "shift", "shift_error"]
    columns += ["infinite", "infinite_low", "infinite_high", "unit"]
    attrs = at.about() | {"viscosity_mPa_s": eta, "length_angstrom": length, "level": level}
    return UnitTable.of_rows(rows, columns, ["quantity"], attrs)


def _check_liquid(settings: dict[str, Any]) -> None:
    """Refuse runs that the correction does not hold for."""
    if settings["frame"] not in ("barycentric", "laboratory") or settings["axes"] != "xyz":
        raise InputError(
            "infinite_cell: the correction holds for a liquid in three dimensions, against its "
            f"centre of mass, and this run has frame={settings['frame']!r}, "
            f"axes={settings['axes']!r}; run with frame='barycentric' and axes='xyz'"
        )
    check_flows(settings, "infinite_cell", "compare cells of several sizes instead")
    net = sum(float(s["charge"]) * s["n_carriers"] for s in settings["species"])
    if abs(net) > NEUTRAL:
        raise InputError(
            f"infinite_cell: the charges of the species of this run sum to {net:+g} e; run again "
            "with all ions listed"
        )


def _fluctuations(
    given: Any, names: list[str], charge: np.ndarray, frame: str
) -> tuple[np.ndarray, np.ndarray]:
    """S_AB and its errors, 1/A^3, without fluctuations of the charge."""
    n = len(names)
    if isinstance(given, CompositionFluctuations):
        if list(given.species) != names or given.frame != frame:
            raise InputError(
                f"fluctuations are of {list(given.species)} in the {given.frame} frame, and this "
                f"run has {names} in the {frame} frame; compute them for these species with "
                f"composition_fluctuations(species, frame={frame!r})"
            )
        return given.value, given.error
    what = "S_AB in 1/Å^3, (species, species), or what composition_fluctuations(species) returns"
    value = checked_array("fluctuations", given, (n, n), what)
    largest = float(np.abs(value).max())
    if not np.allclose(value, value.T, atol=1e-6 * largest):
        raise InputError("fluctuations must be symmetric: S_AB is S_BA")
    if np.linalg.eigvalsh(value).min() < -1e-6 * largest:
        raise InputError(
            "fluctuations must have no negative eigenvalue, as mean squares have none; S_AB is in "
            "1/Å^3, in the order of the species"
        )
    project = neutral_projection(charge)
    neutral = project @ value @ project
    if np.abs(value - neutral).max() > _CHARGED * largest:
        raise InputError(
            "fluctuations: the sum of z_B S_AB over B must be zero, as the charge of a liquid does "
            "not fluctuate at long wavelengths; extrapolate to k = 0, as "
            "composition_fluctuations(species) does"
        )
    return neutral, np.zeros((n, n))
