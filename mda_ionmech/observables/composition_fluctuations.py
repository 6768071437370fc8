"""Fluctuations of the composition of a liquid at long wavelengths, from a trajectory.

They determine how much of each Onsager coefficient the periodic images of a cell take away: see
`mda_ionmech.results.infinite_cell`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from ..lib.checks import is_one_of, listed, shown, whole
from ..lib.errors import InputError
from ..species import IonSpecies
from ..trajectory.cells import read_cell
from ..trajectory.charge_balance import NEUTRAL, charges_in_words, net_charge
from ..trajectory.frames_of_reference import reference_weights
from ..trajectory.masses import usable_masses
from ..trajectory.reader_position import where_it_was
from .msd_exponents import cubic_length

if TYPE_CHECKING:
    import pandas as pd

#: Blocks of frames that the errors are computed from.
BLOCKS = 10
#: Fewest shells of wave vectors that a line against k^2 needs, and most.
SHELLS = (2, 9)
#: Sums of three squares up to the tenth, in units of (2 pi / L)^2; 7 is none.
_SQUARES = (1, 2, 3, 4, 5, 6, 8, 9, 10)
FRAMES = ("barycentric", "laboratory")
_SPECIES = "give the IonSpecies of the run, in a list"


@dataclass(frozen=True)
class CompositionFluctuations:
    """Fluctuations of the composition in the limit of long wavelengths.

    Attributes
    ----------
    species : tuple of str
        Names, in the order of the axes.
    value : numpy.ndarray
        Shape (species, species), 1/A^3: <phi_A(k) phi_B(-k)> / V extrapolated to k = 0, without a
        fluctuation of the charge.
    error : numpy.ndarray
        Shape (species, species), 1/A^3: standard errors, from ten blocks of frames.
    frame : str
        Frame of reference.
    squared_wavenumber : numpy.ndarray
        Shape (shells,), 1/A^2.
    by_wavenumber : numpy.ndarray
        Shape (shells, species, species), 1/A^3: measured, charge fluctuations included.
    n_frames : int
        Number of frames that were read.
    """

    species: tuple[str, ...]
    value: np.ndarray
    error: np.ndarray
    frame: str
    squared_wavenumber: np.ndarray
    by_wavenumber: np.ndarray
    n_frames: int

    def table(self) -> pd.DataFrame:
        """The limit, and the values it was extrapolated from.

        Returns
        -------
        pandas.DataFrame
            Index (species, species_2); columns ``limit`` and ``error``, then one per shell of
            wave vectors, named by k in 1/A; all in 1/A^3.
        """
        import pandas as pd

        rows = {}
        for a, one in enumerate(self.species):
            for b, other in enumerate(self.species[a:], start=a):
                found = self.by_wavenumber[:, a, b]
                rows[one, other] = [self.value[a, b], self.error[a, b], *found]
        shells = [f"k = {np.sqrt(k2):.3f}" for k2 in self.squared_wavenumber]
        table = pd.DataFrame.from_dict(rows, orient="index", columns=["limit", "error", *shells])
        table.index = pd.MultiIndex.from_tuples(rows, names=["species", "species_2"])
        table.attrs = {"frame": self.frame, "units": "1/angstrom3", "n_frames": self.n_frames}
        return table


def composition_fluctuations(
    species: Sequence[IonSpecies],
    *,
    frame: str = "barycentric",
    frames: int = 1000,
    shells: int = 4,
) -> CompositionFluctuations:
    r"""Fluctuations of the composition at the longest wavelengths, extrapolated to k = 0.

    .. math:: S_{AB} = \lim_{k \to 0} \frac{1}{V}
        \langle \varphi_A(\mathbf k)\, \varphi_B(-\mathbf k) \rangle, \qquad
        \varphi_A = \rho_A - \frac{\bar\rho_A}{\bar\rho_m}\, \rho_m

    with the number density of species A and the mass density of all atoms. A change of the density
    at constant composition does not contribute. The charge does not fluctuate at long wavelengths,
    so that fluctuations of it are projected out before a line in k^2 is fitted.

    Parameters
    ----------
    species : sequence of IonSpecies
        All ions of a liquid; neutral carriers as well, if they are in the run.
    frame : {"barycentric", "laboratory"}
        Frame of reference of the run. In the laboratory frame, for an implicit solvent, the
        mass density is not subtracted.
    frames : int
        Largest number of frames read, evenly over the trajectory.
    shells : int
        Number of lengths of wave vectors that the line is fitted to, 2 to 9.

    Returns
    -------
    CompositionFluctuations

    Raises
    ------
    InputError
        For species that are not neutral together, fewer than ten frames, a cell that is not
        cubic, or arguments out of range.

    Notes
    -----
    J. G. Kirkwood and F. P. Buff, J. Chem. Phys. 19, 774 (1951); F. H. Stillinger and R. Lovett, J.
    Chem. Phys. 49, 1991 (1968). Errors are from ten blocks of frames: too small where the
    composition relaxes over times near a tenth of the trajectory. Cost: one exponential per atom
    and frame, and some products.
    """
    chosen = [species] if isinstance(species, IonSpecies) else listed("species", species, _SPECIES)
    remedy = "give the number of lengths of wave vectors that a line is fitted to"
    shells = whole("shells", shells, least=SHELLS[0], most=SHELLS[1], remedy=remedy)
    remedy = f"give the most frames to read; an error needs {BLOCKS}"
    frames = whole("frames", frames, least=BLOCKS, remedy=remedy)
    if not is_one_of(frame, FRAMES):
        raise InputError(f"frame must be one of {FRAMES}, got {shown(frame)}")
    if not chosen or not all(isinstance(one, IonSpecies) for one in chosen):
        raise InputError(f"species holds {shown(chosen)}: {_SPECIES}")
    if abs(net_charge(chosen)) > NEUTRAL:
        raise InputError(
            f"the liquid is not neutral: {charges_in_words(chosen)}; list all ions, as the charge "
            "does not fluctuate at long wavelengths"
        )
    universe = chosen[0].atoms.universe
    n_read = min(frames, len(universe.trajectory))
    if n_read < BLOCKS:
        raise InputError(
            f"the trajectory has {len(universe.trajectory)} frames, and an error needs {BLOCKS}; "
            "give a longer one"
        )
    weights = [_weights(one) for one in chosen]
    reference = reference_weights(frame, chosen, None, universe)
    triples = _triples(shells)
    squares = np.sum(triples**2, axis=1)
    sums = np.zeros((BLOCKS, shells, len(chosen), len(chosen)))
    counted, edge = np.zeros(BLOCKS), np.zeros((BLOCKS, 1))
    numbers = np.linspace(0, len(universe.trajectory) - 1, n_read).round().astype(int)
    number = np.array([one.n_carriers for one in chosen])
    with where_it_was(universe.trajectory):
        for k, at in enumerate(numbers):
            ts = universe.trajectory[int(at)]
            cell = read_cell(ts)
            cubic_length(cell, "the limit of long wavelengths", "use a cubic cell")
            wave = _waves(ts.positions, cell, triples)
            moved = np.stack(
                [w @ wave[one.atoms.ix] for w, one in zip(weights, chosen, strict=True)]
            )
            if frame == "barycentric":
                moved -= number[:, None] * (reference @ wave)
            block = k * BLOCKS // n_read
            volume = abs(np.linalg.det(cell))
            both = np.einsum("ak,bk->kab", moved, moved.conj()).real / volume
            for s, square in enumerate(_SQUARES[:shells]):
                sums[block, s] += both[squares == square].mean(axis=0)
            counted[block] += 1
            edge[block] += volume ** (-2 / 3)
    k2 = (2 * np.pi) ** 2 * edge.sum() / counted.sum() * np.array(_SQUARES[:shells])
    multiplicity = np.array([np.sum(squares == s) for s in _SQUARES[:shells]], dtype=float)
    charge = np.array([one.charge for one in chosen])
    whole_run = sums.sum(axis=0) / counted.sum()
    value = _limit(whole_run, k2, multiplicity, charge)
    # jackknife: the estimate without one block
    left = [
        _limit((sums.sum(axis=0) - one) / (counted.sum() - n), k2, multiplicity, charge)
        for one, n in zip(sums, counted, strict=True)
    ]
    error = np.sqrt((BLOCKS - 1) / BLOCKS * np.sum((left - np.mean(left, axis=0)) ** 2, axis=0))
    names = tuple(one.name for one in chosen)
    return CompositionFluctuations(names, value, error, frame, k2, whole_run, n_read)


def _weights(species: IonSpecies) -> np.ndarray:
    """Weight of every atom of a species: its part of the mass of its carrier."""
    carrier = species.carrier_of_atom
    if species.n_carriers == len(carrier):
        return np.ones(len(carrier))
    used = species.atoms.ix
    own = usable_masses(species.atoms.universe, "centres of mass", used, carrier)[used]
    return np.asarray(own / np.bincount(carrier, weights=own)[carrier])


def _triples(shells: int) -> np.ndarray:
    """Wave vectors in units of 2 pi / L, one of each pair k and -k, of the shortest lengths."""
    reach = range(-3, 4)
    kept = _SQUARES[:shells]
    found = [n for n in product(reach, repeat=3) if n > (0, 0, 0) and sum(x * x for x in n) in kept]
    return np.array(found)


def _waves(position: np.ndarray, cell: np.ndarray, triples: np.ndarray) -> np.ndarray:
    """exp(-i k.r), shape (atoms, wave vectors): images across the cell are equal."""
    first = np.exp(-2j * np.pi * (position @ np.linalg.inv(cell)))
    powers: dict[int, Any] = {0: np.ones_like(first), 1: first, -1: first.conj()}
    for n in range(2, int(np.abs(triples).max()) + 1):
        powers[n] = powers[n - 1] * first
        powers[-n] = powers[n].conj()
    columns = [powers[a][:, 0] * powers[b][:, 1] * powers[c][:, 2] for a, b, c in triples.tolist()]
    return np.stack(columns, axis=1)


def _limit(
    measured: np.ndarray, k2: np.ndarray, multiplicity: np.ndarray, charge: np.ndarray
) -> np.ndarray:
    """Intercept of a line in k^2, without fluctuations of the charge."""
    project = neutral_projection(charge)
    neutral = project @ measured @ project
    weight = multiplicity / multiplicity.sum()
    middle = weight @ k2
    slope_of = weight * (k2 - middle) / (weight @ (k2 - middle) ** 2)
    return np.einsum("s,sab->ab", weight - middle * slope_of, neutral)


def neutral_projection(charge: np.ndarray) -> np.ndarray:
    """Projector on changes of the numbers of carriers that carry no charge.

    Parameters
    ----------
    charge : numpy.ndarray
        Shape (species,), e.

    Returns
    -------
    numpy.ndarray
        Shape (species, species).
    """
    size = float(charge @ charge)
    identity = np.eye(len(charge))
    return identity - np.outer(charge, charge) / size if size > 0 else identity
