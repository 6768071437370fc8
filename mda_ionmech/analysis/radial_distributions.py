"""g(r) of the ligands around the carriers on sampled frames, as a group of the result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..microstates.rdf import BIN_WIDTH, RadialDistribution

if TYPE_CHECKING:
    import xarray as xr

    from ..species import IonSpecies

#: Significant digits that are kept, and of errors: the counts of some frames have fewer.
DIGITS, OF_ERRORS = 6, 3
#: Meaning and unit of every variable.
LONG_NAMES = {
    "radial_distribution": ("g(r) of the carriers and the ligand atoms of this type", "1"),
    "radial_distribution_error": ("standard error of g(r) from counting alone, smoothed", "1"),
    "number_within": (
        "mean number of ligand atoms of this type closer than the far edge of the bin", "1"
    ),
    "sampled_frames": ("number of frames that g(r) is averaged over", "1"),
    "inner_radius": ("distance below which a contact forms", "angstrom"),
    "outer_radius": ("distance beyond which a contact breaks", "angstrom"),
}  # fmt: skip


def distributions_of(found: Mapping[str, RadialDistribution], detector: Any) -> dict[str, Any]:
    """g(r) by ligand type: those that a detector was settled on, of more frames, come first.

    Parameters
    ----------
    found : mapping of str to RadialDistribution
        Of the sampled frames.
    detector : Detector
        In a user's own one, ``distributions`` may mean something else.

    Returns
    -------
    dict of str to RadialDistribution
    """
    own = getattr(detector, "distributions", None)
    own = own if isinstance(own, Mapping) else {}
    return {**found, **{k: d for k, d in own.items() if isinstance(d, RadialDistribution)}}


def radial_distributions_dataset(
    species: Sequence[IonSpecies], distributions: Mapping[int, Mapping[str, RadialDistribution]]
) -> xr.Dataset | None:
    """g(r) of all species with shells, on a common grid, with the radii of the contacts.

    Parameters
    ----------
    species : sequence of IonSpecies
    distributions : mapping of int to mapping of str to RadialDistribution
        By the number of the species, and by ligand type.

    Returns
    -------
    xarray.Dataset or None
        Group ``radial_distributions`` of the result: NaN for types that a species does not have
        and beyond the range of g(r). None without shells.
    """
    import xarray as xr

    kinds = list(dict.fromkeys(kind for found in distributions.values() for kind in found))
    if not kinds:
        return None
    n_bins = max(len(d.r) for found in distributions.values() for d in found.values())
    each = len(species), len(kinds)
    names = ("radial_distribution", "radial_distribution_error", "number_within")
    curves = {name: np.full((*each, n_bins), np.nan) for name in names}
    single = {name: np.full(each, np.nan) for name in LONG_NAMES if name not in names}
    for k, found in distributions.items():
        for kind, one in found.items():
            at = k, kinds.index(kind)
            for name, values in zip(names, (one.g, one.error, one.coordination), strict=True):
                digits = OF_ERRORS if name.endswith("_error") else DIGITS
                curves[name][*at, : len(values)] = [float(f"{x:.{digits}g}") for x in values]
            single["sampled_frames"][at] = one.n_frames
            for end in ("inner", "outer"):
                radii = getattr(species[k].microstates, end, None)
                if isinstance(radii, Mapping) and kind in radii:
                    single[f"{end}_radius"][at] = radii[kind]

    def about(name: str) -> dict[str, str]:
        text, unit = LONG_NAMES[name]
        return {"units": unit, "long_name": text}

    dims = ["species", "ligand_type"]
    r = np.round((np.arange(n_bins) + 0.5) * BIN_WIDTH, 6)
    return xr.Dataset(
        {name: ([*dims, "distance"], values, about(name)) for name, values in curves.items()}
        | {name: (dims, values, about(name)) for name, values in single.items()},
        coords={
            "species": [one.name for one in species],
            "ligand_type": kinds,
            "distance": ("distance", r, {"units": "angstrom"}),
        },
    )
