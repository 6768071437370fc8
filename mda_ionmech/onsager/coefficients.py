"""Onsager coefficients, conductivity and derived quantities from sums over time origins.

L_AB^e = < D_A^e . D_B > / (2 n kB T V dt): these sum over e to L_AB on any finite sample, because
each carrier has exactly one label per window.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from scipy import constants

from .window_sums import WindowSums

#: Residual above which additivity is violated, by a bug.
MAX_RESIDUAL = 1e-10


@dataclass(frozen=True)
class System:
    """Parameters for computing coefficients from sums.

    Attributes
    ----------
    charge : numpy.ndarray
        Shape (species,), e.
    n_carriers : numpy.ndarray
        Shape (species,).
    row_species, row_label : numpy.ndarray
        Shape (rows,): species and union event of each row.
    n_events : int
        Size of the union of all labels.
    transition_species, transition_start, transition_end : numpy.ndarray
        Shape (transition rows,).
    n_macrostates : int
    joint_species : numpy.ndarray
        Shape (species,), bool: whether labels come with clusters.
    ruled_species : numpy.ndarray
        Shape (species,), bool: whether there is an event rule.
    temperature : float
        K.
    volume : float
        Mean volume, cubic Angstrom.
    n_dimensions : int
    carrier_mass : numpy.ndarray
        Shape (species,), u: mass of the molecules per carrier, where the species hold all mass of
        the system; else (0,).
    """

    charge: np.ndarray
    n_carriers: np.ndarray
    row_species: np.ndarray
    row_label: np.ndarray
    n_events: int
    transition_species: np.ndarray
    transition_start: np.ndarray
    transition_end: np.ndarray
    n_macrostates: int
    joint_species: np.ndarray
    ruled_species: np.ndarray
    temperature: float
    volume: float
    n_dimensions: int
    carrier_mass: np.ndarray = field(default_factory=lambda: np.empty(0))

    def onsager_factor(self, time: float, n_dimensions: int | None = None) -> float:
        """Factor from a mean of D.D in A^2 over `time` ps to 1/(J m s)."""
        n = self.n_dimensions if n_dimensions is None else n_dimensions
        return onsager_factor(time, n, self.temperature, self.volume)


def onsager_factor(time: float, n_dimensions: int, temperature: float, volume: float) -> float:
    """Factor from a mean of D.D in A^2 over `time` ps to 1/(J m s): 1 / (2 n kB T V dt).

    temperature: K; volume: cubic Angstrom.
    """
    square_metre, cubic_metre, second = 1e-20, 1e-30, 1e-12
    energy = constants.k * temperature
    return square_metre / (2 * n_dimensions * energy * volume * cubic_metre * time * second)


def spread_rows(
    rows: np.ndarray, system: System, lead: tuple[int, ...], tail: tuple[int, ...] = ()
) -> np.ndarray:
    """Rows (*lead, R, *tail) as (*lead, species, event, *tail), 0 where a label is missing."""
    out = np.zeros((*lead, len(system.charge), system.n_events, *tail))
    # species and event first, so that two plain indices address a row
    np.moveaxis(out, (len(lead), len(lead) + 1), (0, 1))[system.row_species, system.row_label] = (
        np.moveaxis(rows, len(lead), 0)
    )
    return out


def evaluate(sums: WindowSums, system: System, time: float) -> dict[str, np.ndarray]:
    """All quantities of one window length from sums of any leading shape.

    Parameters
    ----------
    sums : WindowSums
        Leading axes are kept: () for the whole, (samples,) for resampled sums.
    system : System
    time : float
        The window, ps.

    Returns
    -------
    dict of str to numpy.ndarray
        By the names of the result file, without the window axis. Ratios are NaN where their
        denominator is 0; labels that a species lacks have contribution 0 and ratios NaN.

    References
    ----------
    Fong, Bergstrom, McCloskey and Mandadapu, AIChE J. 66, e17091 (2020), for Onsager coefficients
    from displacements; Jun et al., arXiv:2602.16636 (2026), for their decomposition by events.
    """
    s = len(system.charge)
    lead = sums.origins.shape
    per_origin = system.onsager_factor(time) / sums.origins
    # a tensor component is a coefficient in one dimension
    per_origin_axis = system.onsager_factor(time, 1) / sums.origins

    def spread(rows: np.ndarray, tail: tuple[int, ...] = ()) -> np.ndarray:
        return spread_rows(rows, system, lead, tail)

    def times(array: np.ndarray, factor: np.ndarray) -> np.ndarray:
        return array * factor.reshape(*lead, *[1] * (array.ndim - len(lead)))

    def ratio(top: np.ndarray, bottom: np.ndarray) -> np.ndarray:
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(bottom != 0, top / np.where(bottom != 0, bottom, 1), np.nan)

    lacking = np.ones((s, system.n_events), dtype=bool)
    lacking[system.row_species, system.row_label] = False
    z = system.charge
    e2 = constants.e**2

    out: dict[str, np.ndarray] = {}
    tensor = times(sums.total, per_origin_axis)
    onsager = times(np.trace(sums.total, axis1=-2, axis2=-1), per_origin)
    out["onsager"] = onsager
    out["onsager_tensor"] = _symmetrised(tensor)
    own = times(sums.total_squared, per_origin)
    out["onsager_self"] = own
    conductivity = e2 * np.einsum("a,...ab,b->...", z, onsager, z)
    out["conductivity"] = conductivity
    out["nernst_einstein"] = e2 * np.einsum("a,...a->...", z**2, own)
    out["haven_ratio"] = ratio(out["nernst_einstein"], conductivity)
    out["transference_number"] = ratio(
        e2 * np.einsum("a,...ab,b->...a", z, onsager, z), conductivity[..., None]
    )
    # A^2 / ps = 1e-4 cm^2 / s
    diffusivity = times(sums.total_squared, 1 / sums.origins)
    out["diffusivity_self"] = 1e-4 * diffusivity / (2 * system.n_dimensions * time)
    out["diffusivity_self"] = out["diffusivity_self"] / system.n_carriers

    marginal = spread(times(np.trace(sums.marginal, axis1=-2, axis2=-1), per_origin), (s,))
    out["event_onsager"] = np.swapaxes(marginal, -1, -2)
    tensors = spread(times(sums.marginal, per_origin_axis), (s, 3, 3))
    out["event_onsager_tensor"] = np.moveaxis(tensors, -3, -4)
    matrix = np.zeros((*lead, s, s, system.n_events, system.n_events))
    a, e = system.row_species, system.row_label
    matrix[..., a[:, None], a[None, :], e[:, None], e[None, :]] = times(sums.gram, per_origin)
    out["event_matrix"] = matrix
    out["event_conductivity"] = e2 * np.einsum("a,...aeb,b->...ae", z, marginal, z)
    out["event_self"] = spread(times(sums.squared, per_origin))
    species = np.arange(s)
    in_own = marginal[..., species, :, species]
    in_own = np.moveaxis(in_own, 0, -2)  # advanced indexing puts species first
    out["event_distinct"] = in_own - out["event_self"]
    number = spread(sums.number)
    out["event_count"] = number
    mean_number = spread(times(sums.number, 1 / sums.origins))
    per_ns = 1000.0 / (system.n_carriers[:, None] * time)
    out["event_frequency"] = np.where(lacking, np.nan, mean_number * per_ns)
    product = np.trace(sums.marginal, axis1=-2, axis2=-1)
    product = product[..., np.arange(len(a)), a]
    out["effectiveness"] = ratio(spread(product), number)
    own_total = onsager[..., species, species]
    out["share"] = np.where(lacking, np.nan, ratio(in_own, own_total[..., :, None]))

    if system.joint_species.any():
        out["cluster_count"] = spread(sums.clusters)
        out["event_incluster"] = spread(times(sums.incluster, per_origin))
        out["effectiveness_cooperative"] = ratio(spread(product), out["cluster_count"])
        out["multi_fraction"] = ratio(sums.clustered, sums.hopping)
        out["largest_cluster_fraction"] = ratio(sums.largest, sums.hopping)
    if system.ruled_species.any():
        repeated = times(sums.repeated, 1 / sums.origins) / system.n_carriers
        out["multi_hop_fraction"] = np.where(system.ruled_species, repeated, np.nan)

    m = system.n_macrostates
    if m:

        def table(rows: np.ndarray) -> np.ndarray:
            full = np.zeros((*lead, s, m, m))
            index = (system.transition_species, system.transition_start, system.transition_end)
            full[(..., *index)] = rows
            return full

        out["transition_onsager"] = table(times(sums.transition, per_origin))
        counts = table(sums.transition_number)
        out["transition_count"] = counts
        out["transition_probability"] = ratio(counts, counts.sum(axis=-1, keepdims=True))
    return out


def _symmetrised(tensor: np.ndarray) -> np.ndarray:
    """Symmetrised in x and y, for A = B only: (..., A, B, x, y)."""
    out = tensor.copy()
    species = np.arange(tensor.shape[-4])
    diagonal = out[..., species, species, :, :]
    out[..., species, species, :, :] = (diagonal + np.swapaxes(diagonal, -1, -2)) / 2
    return out


def residual(values: dict[str, np.ndarray]) -> np.ndarray:
    """Violation of additivity in one window.

    The larger of ``|sum_e L_AB^e - L_AB|`` and ``|sum_ef L_AB[e, f] - L_AB|`` over
    sqrt(L_AA^self L_BB^self), or that of the conductivity over the Nernst-Einstein value if it is
    larger. L_AB itself is computed from the collective paths, without labels. 0 if nothing moved,
    NaN where a sum is not finite.

    Parameters
    ----------
    values : dict of str to numpy.ndarray
        From `evaluate`.

    Returns
    -------
    numpy.ndarray
        Shape (species, species).
    """
    whole = values["onsager"]
    own = values["onsager_self"]
    scale = np.sqrt(own[:, None] * own[None, :])
    gaps = [
        np.abs(values["event_onsager"].sum(axis=-1) - whole),
        np.abs(values["event_matrix"].sum(axis=(-1, -2)) - whole),
    ]
    gap = np.max(gaps, axis=0)
    relative = np.divide(gap, scale, out=np.zeros_like(gap), where=scale != 0)
    nernst_einstein = float(values["nernst_einstein"])
    if nernst_einstein != 0:
        sigma_gap = abs(values["event_conductivity"].sum() - values["conductivity"])
        relative = np.maximum(relative, float(sigma_gap) / nernst_einstein)
    return relative
