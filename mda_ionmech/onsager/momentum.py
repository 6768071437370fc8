"""Conservation of momentum: sum over species of m_B L_AB = 0 where all mass is listed.

With D_B the collective displacement of the carriers of B relative to the centre of mass of all,
sum_B m_B D_B = 0. If two kinds of ions are the whole system, only one coefficient is independent,
and the transference number t_1 = (z_1 / m_1) / (z_1 / m_1 - z_2 / m_2) depends on masses alone.
"""

from __future__ import annotations

import numpy as np

#: Momentum is conserved within this fraction of the self parts; transference numbers of a pure salt
#: then follow from the masses to about the same precision.
CONSERVED = 0.01


def momentum_balance(onsager: np.ndarray, own: np.ndarray, mass: np.ndarray) -> np.ndarray:
    """Sum over species of carrier mass times Onsager coefficient, relative to the self parts.

    Parameters
    ----------
    onsager : numpy.ndarray
        Shape (species, species).
    own : numpy.ndarray
        Shape (species,): self parts.
    mass : numpy.ndarray
        Shape (species,): mass per carrier, including its whole molecule.

    Returns
    -------
    numpy.ndarray
        Shape (species,): magnitude of sum_B m_B L_AB over sum_B m_B sqrt(L_AA^self L_BB^self); 0
        where nothing moved.
    """
    scale = (mass * np.sqrt(np.abs(own[:, None] * own))).sum(axis=1)
    return np.divide(np.abs(onsager @ mass), scale, out=np.zeros_like(scale), where=scale > 0)


def is_salt_alone(charge: np.ndarray, mass: np.ndarray) -> bool:
    """Whether two kinds of ions are the whole system.

    Parameters
    ----------
    charge : numpy.ndarray
        Shape (species,), e.
    mass : numpy.ndarray
        Shape (species,), or (0,) where not all mass is listed.
    """
    return len(mass) == 2 and bool(np.all(charge != 0))


def fixed_transference(charge: np.ndarray, mass: np.ndarray) -> np.ndarray:
    """Barycentric transference numbers of two ions that are the whole system, shape (2,)."""
    current = charge / mass * np.array([1.0, -1.0])
    return np.asarray(current / current.sum() if current.sum() else np.full(2, np.nan))
