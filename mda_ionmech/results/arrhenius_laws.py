"""Which law the values at several temperatures support: straight, curved, or of two segments.

Evidence of each law for ln|X|: the likelihood averaged over the prior of its parameters. Unlike an
information criterion, it does not prefer the straight line where the data cannot tell.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from scipy import special

from .arrhenius_fits import BOLTZMANN, inverse_energy

if TYPE_CHECKING:
    import pandas as pd

#: The laws compared, with their number of parameters.
PARAMETERS = {"arrhenius": 2, "vtf": 3, "segments": 4}
#: Their names in text.
NAMES = {"arrhenius": "Arrhenius", "vtf": "VTF", "segments": "two segments"}
_SHORT = NAMES | {"bent": "bent", "none": "no law describes it"}
#: Temperatures that a comparison needs: an exact fit of two segments has four.
FEWEST = 5
#: A law is supported from this probability on.
SUPPORTED = 0.9
#: All laws are rejected where the deviations from each are less probable than this.
REJECTED = 0.01
#: Standard deviation of the logarithm of a common factor on all errors, which are estimates too.
_ERROR_OF_ERRORS = 0.25
#: Points of the averages over T0, or over the break.
_GRID = 100
_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(9)


@dataclass(frozen=True)
class LawComparison:
    """Probabilities of the laws, and the one that the data support.

    Attributes
    ----------
    law : str
        "arrhenius", "vtf" or "segments" where one of them is supported, with a probability of 0.9
        or more; "bent" where the straight line has less than 0.1 but neither of the others is
        supported; "undecided" otherwise; "none" where all are rejected at the level of 0.01;
        "too_few" below five temperatures; empty where ln|X| or its errors are not known.
    probability : dict of str to float
        Of each law, with equal prior probabilities; NaN where it was not compared.
    statement : str
        The same in words.
    straight : float
        Probability of deviations from a straight line as large as these or larger; NaN for two
        temperatures.
    """

    law: str
    probability: dict[str, float]
    statement: str
    straight: float = np.nan


def _log_evidence(
    design: np.ndarray, log: np.ndarray, error: np.ndarray, factor: np.ndarray, width: float = 0.0
) -> np.ndarray:
    """Logarithm of the evidence of linear laws, per design and factor on the errors.

    Parameters
    ----------
    design : numpy.ndarray
        Shape (designs, temperatures, parameters).
    log, error : numpy.ndarray
        Shape (temperatures,): ln|X| and its standard errors.
    factor : numpy.ndarray
        Shape (factors,): on all errors.
    width : float
        Standard deviation of the Gaussian prior of the third parameter; the prior of the first two
        is uniform, with the same density in every law.

    Returns
    -------
    numpy.ndarray
        Shape (designs, factors), but for a constant common to all laws.
    """
    n, p = design.shape[1:]
    scaled = design / error[:, None]
    y = log / error
    normal = np.swapaxes(scaled, 1, 2) @ scaled
    moment = np.swapaxes(scaled, 1, 2) @ y
    precision = normal[:, None] / factor[:, None, None] ** 2
    if p == 3:
        precision = precision + np.diag([0.0, 0.0, 1.0 / width**2])
    b = moment[:, None] / factor[:, None] ** 2
    solved = np.linalg.solve(precision, b[..., None])[..., 0]
    misfit = (y @ y) / factor**2 - np.sum(b * solved, axis=-1)
    found = -0.5 * misfit - 0.5 * np.linalg.slogdet(precision)[1] - n * np.log(factor)
    found += p / 2 * np.log(2 * np.pi)
    if p == 3:
        found -= 0.5 * np.log(2 * np.pi * width**2)
    return np.asarray(found)


def _average(log_values: np.ndarray) -> float:
    """Logarithm of the mean over designs and of the average over the factor on the errors."""
    top = log_values.max()
    per_factor = np.exp(log_values - top).mean(axis=0)
    return float(top + np.log(per_factor @ (_WEIGHTS / _WEIGHTS.sum())))


def vtf_shape(temperature: np.ndarray, t0: np.ndarray, middle: float) -> np.ndarray:
    """-d ln X / dE of a VTF law, E its apparent energy at a temperature in the middle, 1/eV.

    Shape (values of t0, temperatures); zero at the middle, where its derivative against 1 / kB T
    is one: so E means the same for every T0, and T0 = 0 is the law of Arrhenius.
    """
    t0 = np.asarray(t0)[:, None]
    return np.asarray(
        (1 - t0 / middle) ** 2 / BOLTZMANN * (1 / (temperature - t0) - 1 / (middle - t0))
    )


def _designs(temperature: np.ndarray, log: np.ndarray, law: str) -> tuple[np.ndarray, float]:
    """Designs of a law over its T0 or break, and the width of the prior of the third parameter."""
    beta = inverse_energy(temperature)
    middle = float(beta.mean())
    steps = (np.arange(_GRID) + 0.5) / _GRID
    straight = np.stack([np.ones_like(beta), -(beta - middle)], axis=1)
    if law == "arrhenius":
        return straight[None], 0.0
    if law == "vtf":
        shape = vtf_shape(temperature, steps * temperature.min(), 1 / (BOLTZMANN * middle))
        return np.stack([np.ones_like(shape), -shape], axis=2), 0.0
    ordered = np.sort(beta)
    at = ordered[1] + steps * (ordered[-2] - ordered[1])
    # the second parameter is the mean of both energies, the third one half of their difference
    kink = np.abs(beta - at[:, None]) - np.abs(middle - at[:, None])
    both = np.broadcast_to(straight, (_GRID, *straight.shape))
    return np.concatenate([both, -kink[..., None]], axis=2), float(np.ptp(log) / np.ptp(beta)) / 2


def _least_chi2(design: np.ndarray, log: np.ndarray, error: np.ndarray) -> float:
    """The least chi^2 over the designs of a law."""
    left, values, _ = np.linalg.svd(design / error[:, None], full_matrices=False)
    y = log / error
    inside = np.where(values > 1e-12 * values[:, :1], np.swapaxes(left, 1, 2) @ y, 0.0)
    return float(np.min(y @ y - np.sum(inside**2, axis=1)))


def compare_laws(temperature: np.ndarray, value: np.ndarray, error: np.ndarray) -> LawComparison:
    """Probabilities of the laws from values at several temperatures and their errors.

    Parameters
    ----------
    temperature, value : numpy.ndarray
        Shape (temperatures,): K, and X of one sign in any unit.
    error : numpy.ndarray
        Shape (temperatures,): standard errors of ln|X|.

    Returns
    -------
    LawComparison
        "too_few" below five temperatures.

    Notes
    -----
    The evidence of a law is its likelihood averaged over the prior: ln|X| and the apparent energy
    in the middle of the range have the same uniform prior in all laws; T0 is uniform between 0 K
    and the lowest temperature; the break is uniform in 1 / T, two temperatures or more on each
    side; half the difference of the energies of the segments is Gaussian about zero, as wide as
    half the largest difference of ln|X| over the range of 1 / kB T. Errors are estimates from few
    blocks: all of them have a common factor, of standard deviation 0.25 in its logarithm. The laws
    themselves are equally probable. R. E. Kass and A. E. Raftery, J. Am. Stat. Assoc. 90, 773
    (1995). Cost: some 2 ms.
    """
    nothing = dict.fromkeys(PARAMETERS, np.nan)
    temperature = np.asarray(temperature, dtype=np.float64)
    n = len(temperature)
    known = np.all(np.isfinite(value) & (value != 0) & np.isfinite(error) & (error > 0))
    if n >= FEWEST and not known:
        return LawComparison("", nothing, "cannot tell: ln|X| or its errors are not known")
    factor, share = np.exp(_ERROR_OF_ERRORS * _NODES), _WEIGHTS / _WEIGHTS.sum()
    log = np.log(np.abs(value)) if known else np.zeros(n)
    log = log - log.mean()

    def chance(law: str) -> float:
        """Probability of deviations from a law as large as these."""
        chi2 = _least_chi2(_designs(temperature, log, law)[0], log, error)
        return float(share @ special.chdtrc(n - PARAMETERS[law], chi2 / factor**2))

    straight = chance("arrhenius") if n > 2 and known else np.nan
    if n < FEWEST:
        text = f"too few temperatures to tell: {n}, at least {FEWEST} are needed"
        if straight < REJECTED:
            text += f"; they are not on a straight line (probability {straight:.1g})"
        return LawComparison("too_few", nothing, text, straight)
    evidence, fitting = [], []
    for law in PARAMETERS:
        design, width = _designs(temperature, log, law)
        evidence.append(_average(_log_evidence(design, log, error, factor, width)))
        fitting.append(chance(law))
    weight = np.exp(np.array(evidence) - max(evidence))
    probability = dict(zip(PARAMETERS, (weight / weight.sum()).tolist(), strict=True))
    return replace(_decided(probability, max(fitting)), straight=straight)


def _decided(probability: dict[str, float], fitting: float) -> LawComparison:
    """The law that is supported, in words."""
    each = ", ".join(f"{NAMES[k]} {p:.2f}" for k, p in probability.items())
    if fitting < REJECTED:
        text = (
            f"none of the laws describes the data (probability {fitting:.1g} or less): there is a "
            "jump, one run differs from the others, or the errors are too small"
        )
        return LawComparison("none", probability, text)
    best = max(probability, key=lambda k: probability[k])
    if probability[best] >= SUPPORTED:
        return LawComparison(best, probability, f"{NAMES[best]} ({each})")
    if probability["arrhenius"] <= 1 - SUPPORTED:
        text = f"bent, but by which law cannot be told ({each})"
        return LawComparison("bent", probability, text)
    return LawComparison("undecided", probability, f"cannot tell ({each})")


def warn_of_bends(laws: pd.DataFrame) -> None:
    """Warn of quantities whose activation energy is a mean, because their line is not straight.

    Parameters
    ----------
    laws : pandas.DataFrame
        As `Arrhenius.laws` returns.
    """
    few = (laws["law"] == "too_few") & (laws["straight"] < REJECTED)
    bent = laws[laws["law"].isin(["vtf", "segments", "bent", "none"]) | few]
    if len(bent):
        said = [
            _SHORT.get(r["law"], f"probability {r['straight']:.1g}") for _, r in bent.iterrows()
        ]
        each = ", ".join(
            f"{r['quantity']} {r['species']} {r['event']} ({short})".replace("  ", " ")
            for short, (_, r) in zip(said, bent.iterrows(), strict=True)
        )
        warnings.warn(
            "the line of ln X against 1 / T is not straight, so that the Arrhenius energy is a "
            f"mean over these temperatures; see laws(): {each}",
            stacklevel=3,
        )
