"""Results at several temperatures as one series: checks, and the common window or horizon."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from itertools import combinations, pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from ..lib.errors import InputError
from ..onsager.coefficients import MAX_RESIDUAL
from .arrhenius_views import BY_EVENT, near, temperature_of
from .results import Results
from .same_settings import differing_labels, in_words
from .same_trajectory import digests_of

if TYPE_CHECKING:
    import pandas as pd

#: Per view: conductivity.
_CONDUCTIVITY = {
    "path": "path_conductivity",
    "slope": "slope_conductivity",
    "diffusive": "diffusive_event_conductivity",
}


#: Ratio of number densities at two temperatures that expansion does not reach.
MOST_EXPANSION = 1.3
#: No ion is transported with a higher activation energy, eV.
HIGHEST_ENERGY = 3.0


def check_temperatures(results: Sequence[Results]) -> None:
    """Refuse fewer than two results, and two results at one temperature."""
    if len(results) < 2:
        raise InputError(
            f"results holds {len(results)} of them: an activation energy needs at least two "
            "temperatures, and three to see whether the line is straight"
        )
    temperatures = [temperature_of(r) for r in results]
    for low, high in pairwise(temperatures):
        if high - low < 1e-6 * high:
            raise InputError(
                f"two results are at {low:g} K: give one per temperature, and pool replicas of one "
                "temperature with mda_ionmech.combine first"
            )
    if len(results) == 2:
        warnings.warn(
            "two temperatures: a straight line fits any two points, so there is neither "
            "a goodness of fit nor a curvature; add a third temperature",
            stacklevel=3,
        )


def check_alike(results: Sequence[Results]) -> None:
    """Refuse results that differ in species, events, frame of reference or directions."""

    def described(r: Results) -> dict[str, Any]:
        data, settings = r.decomposition, r.settings
        return {
            "species": [str(s) for s in data["species"].values],
            "charges": [s["charge"] for s in settings["species"]],
            "events": sorted(str(e) for e in data["event"].values),
            "frame of reference": settings["frame"],
            "axes": settings["axes"],
            "projection": settings.get("projection"),
            "interval level": float(data["onsager_low"].attrs["level"]),
        }

    first = described(results[0])
    for other in results[1:]:
        for name, value in described(other).items():
            if value != first[name]:
                raise InputError(
                    f"{name} differ between temperatures: {in_words(first[name])} at "
                    f"{temperature_of(results[0]):g} K, {in_words(value)} at "
                    f"{temperature_of(other):g} K; "
                    "analyse every temperature with the same choices"
                )
    different = [text for r in results[1:] for text in differing_labels(results[0], r)]
    if different:
        warnings.warn(
            "event rules or detectors differ between temperatures, so that equal labels may "
            f"have different meanings: {'; '.join(dict.fromkeys(different))}",
            stacklevel=3,
        )


def check_different(results: Sequence[Results]) -> None:
    """Refuse two results of one trajectory, which has one temperature; warn of other densities."""
    with_blocks = [r for r in results if "blocks" in r.tree.children]
    for one, other in combinations(with_blocks, 2):
        if digests_of(one) & digests_of(other):
            raise InputError(
                f"the results at {temperature_of(one):g} and {temperature_of(other):g} K are of "
                "one and the same trajectory: one of the temperatures is wrong; give each "
                "temperature a trajectory of its own"
            )
    for number, species in enumerate(results[0].settings["species"]):
        density = [
            r.settings["species"][number]["n_carriers"] / r.settings["volume_angstrom3"]
            for r in results
        ]
        if max(density) > MOST_EXPANSION * min(density):
            low, high = (temperature_of(results[density.index(f(density))]) for f in (min, max))
            warnings.warn(
                f"the number density of {species['name']} is {max(density) / min(density):.3g} "
                f"times as large at {high:g} K as at {low:g} K: results may be of different "
                "systems, whose energies hold that, too",
                stacklevel=3,
            )


def warn_of_energies(table: pd.DataFrame, temperatures: Sequence[float]) -> None:
    """Warn of transport that slows down on heating, and of energies that no transport has.

    Parameters
    ----------
    table : pandas.DataFrame
        As `Arrhenius.table` returns, eV.
    temperatures : sequence of float
        K.
    """
    whole = table[(table["event"] == "total") & table["quantity"].isin(["onsager", "conductivity"])]
    listed = ", ".join(f"{t:g}" for t in temperatures)
    for wrong, text in (
        (whole["high"] < 0, "transport slows down on heating: results may have each other's"),
        (whole["low"] > HIGHEST_ENERGY, "no ion moves with such: results may have wrong"),
    ):
        if wrong.any():
            row = whole[wrong].iloc[0]
            what = f"{row['quantity']} {row['species']}".strip()
            warnings.warn(
                f"activation energy of {what}: {row['energy']:.3g} eV ({row['low']:.3g} to "
                f"{row['high']:.3g}); {text} temperatures, which are {listed} K",
                stacklevel=3,
            )


def warn_of_refusals(table: pd.DataFrame, species: str) -> None:
    """Warn where the total of a species has no energy, with the remedy.

    Parameters
    ----------
    table : pandas.DataFrame
        As `Arrhenius.table` returns.
    species : str
    """
    mine = (table["event"] == "total") & (table["quantity"] == "onsager")
    reason = table.loc[mine & (table["species"] == species), "reason"].iloc[0]
    if reason:
        warnings.warn(
            f"L T of {species} has no activation energy: {reason}; run the temperatures that are "
            "named longer, or leave them out",
            stacklevel=3,
        )


def warn_of_gaps(budget: pd.DataFrame) -> None:
    """Warn where the energy from the events is not that of the total.

    Parameters
    ----------
    budget : pandas.DataFrame
        As `Arrhenius.budget` returns.
    """
    apart = budget[~budget["holds"]]
    if len(apart):
        each = ", ".join(
            f"{t:g} K ({row['parts']:.3f} eV from the events, {row['direct']:.3f} from the total)"
            for t, row in apart.iterrows()
        )
        warnings.warn(
            f"the budget does not hold at {each}: the gap is above three standard errors, so that "
            "the line of an event is not straight",
            stacklevel=3,
        )


class TemperatureSeries:
    """Values and samples of variables at all temperatures."""

    def __init__(
        self, results: Sequence[Results], view: str, place: dict[str, float], species: str
    ) -> None:
        self.results, self.view, self.place, self.species = results, view, place, species
        self.temperature = np.array([temperature_of(r) for r in results])
        self.level = float(results[0].decomposition["onsager_low"].attrs["level"])
        self.names = [str(s) for s in results[0].decomposition["species"].values]
        self.events = [str(e) for e in results[0].decomposition["event"].values]
        self._held: dict[tuple[str, int], np.ndarray] = {}
        # runs with equal seeds draw the same blocks in sample k, a spurious correlation
        self.order = [
            np.random.default_rng(k).permutation(len(self._samples("onsager", k)))
            for k in range(len(results))
        ]
        value, samples = self.onsager(species)
        for t, known, drawn in zip(self.temperature, value, samples.T, strict=True):
            if not np.isfinite(known):
                why = (
                    "it does not divide the lags of its diffusive view; give a shorter one"
                    if view == "diffusive"
                    else "a horizon must be a whole multiple of the resolution"
                )
                raise InputError(f"{self.words()} is not in the result at {t:g} K: {why}")
            if not np.isfinite(drawn).all():
                raise InputError(
                    f"the result at {t:g} K has no intervals at {self.words()}: fewer than three "
                    "blocks; run it longer, or use a shorter one"
                )

    def _samples(self, name: str, k: int) -> np.ndarray:
        if (name, k) not in self._held:
            self._held[name, k] = np.asarray(self.results[k].samples(name))
        return self._held[name, k]

    def take(self, name: str, **where: Any) -> tuple[np.ndarray, np.ndarray]:
        """A variable at given labels, summed over the other dimensions.

        Returns
        -------
        value, samples : numpy.ndarray
            Shape (temperatures,) and (samples, temperatures).
        """
        values, resampled = [], []
        for k, one in enumerate(self.results):
            variable = one.decomposition[name]
            samples = self._samples(name, k)[self.order[k]]
            sample_values = variable.values
            for axis in reversed(range(variable.ndim)):
                dim = str(variable.dims[axis])
                if dim not in where:
                    sample_values = sample_values.sum(axis=axis)
                    samples = samples.sum(axis=axis + 1)
                    continue
                labels = variable[dim].values
                if isinstance(where[dim], str):
                    at = [str(x) for x in labels].index(where[dim])
                else:
                    at = int(np.argmin(np.abs(labels - where[dim])))
                sample_values = sample_values.take(at, axis=axis)
                samples = samples.take(at, axis=axis + 1)
            values.append(float(sample_values))
            resampled.append(samples)
        return np.array(values), np.stack(resampled, axis=1)

    def words(self) -> str:
        """The window, or resolution and horizon, as text, e.g. "window 2 ps"."""
        return " and ".join(f"{k} {v:g} ps" for k, v in self.place.items())

    def _window(self, length: float) -> float | None:
        """The scanned window of this length at every temperature, if there is one."""
        held = all(near(length, r.decomposition["window"].values) for r in self.results)
        return length if held else None

    def onsager(self, species: str, event: str | None = None) -> tuple[np.ndarray, np.ndarray]:
        """L_AA, or the contribution of an event, in 1/(J m s)."""
        where: dict[str, Any] = {"species": species, "species_2": species, **self.place}
        if event is not None:
            return self.take(BY_EVENT[self.view], **where, event=event)
        if self.view == "window":
            return self.take("onsager", **where)
        return self.take(BY_EVENT[self.view], **where)

    def conductivity(self) -> tuple[np.ndarray, np.ndarray]:
        """Conductivity at each temperature and its bootstrap samples, S/m."""
        return self.take(_CONDUCTIVITY.get(self.view, "conductivity"), **self.place)

    def self_diffusivity(self, species: str) -> tuple[np.ndarray, np.ndarray] | None:
        """Self-diffusion coefficient in cm^2/s; None where the view has no self part."""
        if self.view == "slope":
            return None
        if self.view == "diffusive":
            return self.take("diffusive_diffusivity_self", species=species)
        window = self._window(self.place["window" if self.view == "window" else "horizon"])
        if window is None:
            return None
        return self.take("diffusivity_self", species=species, window=window)

    def frequency(self, event: str) -> tuple[np.ndarray, np.ndarray] | None:
        """Frequency in 1/ns in windows of one resolution; None if not available."""
        window = self._window(self.place["window" if self.view == "window" else "resolution"])
        if window is None:
            return None
        found = self.take("event_frequency", species=self.species, event=event, window=window)
        return found if np.isfinite(found[0]).any() else None

    def density(self) -> np.ndarray:
        """N / V at every temperature in 1/A^3."""
        number = [
            next(s["n_carriers"] for s in r.settings["species"] if s["name"] == self.species)
            for r in self.results
        ]
        return np.array(number) / [r.settings["volume_angstrom3"] for r in self.results]

    def dimensions(self) -> int:
        """Number of directions that are analysed."""
        return len(self.results[0].settings["axes"])

    def occurring(self) -> list[str]:
        """Events of the species with a contribution above rounding errors at any temperature."""
        whole = np.abs(self.onsager(self.species)[0])
        return [
            e
            for e in self.events
            if np.any(np.abs(self.onsager(self.species, e)[0]) > MAX_RESIDUAL * whole)
        ]
