"""Independent runs of one system taken together: their sums are added, replicas are blocks.

Nothing is averaged that is a ratio; every quantity is computed anew from the joined sums.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from os import PathLike
from typing import Any

import numpy as np
import xarray as xr
from scipy.stats import chi2

from ..lib.errors import InputError
from ..lib.version import __version__
from ..onsager import block_sums
from ..onsager.block_bootstrap import FEWEST_BLOCKS
from ..onsager.block_sums import Blocks
from .estimates import Estimates
from .load_file import load
from .results import Results
from .same_settings import SPREAD, differing, nearly_equal
from .schema import check_schema, load_schema

#: Replicas that differ by more than their intervals with less than this probability are named.
UNLIKELY = 0.01


def combine(results: Sequence[Results | str | PathLike[str]]) -> Results:
    """Join replicas: independent trajectories of the same system under the same settings.

    From ten replicas on each is one block of the bootstrap; below ten, blocks are drawn inside
    the replicas and never across a join, and replicas that differ by more than their intervals
    are named among the warnings.

    Cost: that of the intervals of one run.

    Parameters
    ----------
    results : sequence of Results or path-like
        Two or more with the same choices: species, charges, detectors with their cutoffs,
        hysteresis, persistence and ligands, rules, windows, resolutions, horizons, frame spacing,
        temperature, frame of reference, level. Trajectories, their lengths and the seeds may
        differ, volumes by 2 %, and cutoffs that each found from g(r) by 0.2 A.

    Returns
    -------
    Results
        Without the groups states and shells, which belong to single trajectories.

    Raises
    ------
    InputError
        For fewer than two results, one run given twice, or different settings, with all that
        differs.
    """
    if isinstance(results, str | PathLike | Results) or not isinstance(results, Iterable):
        raise InputError("results must be a list of two results or more, or of their files")
    listed = [r if isinstance(r, Results) else load(r) for r in results]
    if len(listed) < 2:
        raise InputError(f"combine needs two results or more, got {len(listed)}")
    found_alike = _check_equal(listed)
    replicas = [r.blocks for r in listed]
    joined = block_sums.join(replicas)
    estimates = Estimates(joined)
    settings = listed[0].settings
    settings["replicas"] = [_origin(r.settings) for r in listed]
    settings["n_frames"] = sum(int(r.settings["n_frames"]) for r in listed)
    settings["volume_angstrom3"] = joined.system.volume
    settings["residual"] = estimates.residual
    tree = xr.DataTree(children={"decomposition": xr.DataTree(estimates.decomposition())})
    if (diagnostics := estimates.diagnostics()) is not None:
        tree["diagnostics"] = xr.DataTree(diagnostics)
    if joined.kinds:
        tree["transitions"] = xr.DataTree(estimates.transitions())
    tree["blocks"] = block_sums.to_tree(joined)
    notes = [
        f"{len(listed)} replicas taken together",
        *found_alike,
        *estimates.notes,
        *_differences(replicas),
    ]
    tree.attrs = listed[0].tree.attrs | {
        "schema": load_schema()["schema"],
        "created_with": f"mda_ionmech {__version__}",
        "settings": json.dumps(settings),
        "warnings": "\n".join(notes),
    }
    check_schema(tree)
    return Results(tree)


def _origin(settings: dict[str, Any]) -> dict[str, Any]:
    """What tells one replica from another."""
    return {k: settings[k] for k in ("trajectory", "n_frames", "first_frame", "last_frame")}


def _check_equal(listed: Sequence[Results]) -> list[str]:
    """Refuse results that are not of one system or choice, naming all that differs.

    Returns
    -------
    list of str
        What differs too little to matter, for the warnings.
    """
    first = listed[0]
    notes: list[str] = []
    for number, other in enumerate(listed[1:], start=2):
        differences = differing(first, other)
        if differences:
            raise InputError(
                f"result {number} differs from the first in {'; '.join(differences)}; "
                "combine runs of one system with the same settings, e.g. with explicit cutoffs, "
                "windows=[...], resolutions=[...] and horizons=[...]"
            )
        a, b = first.settings["volume_angstrom3"], other.settings["volume_angstrom3"]
        if abs(a / b - 1) > SPREAD:
            raise InputError(
                f"result {number} has a mean volume of {b:.1f} A^3, the first {a:.1f} A^3: more "
                f"than {SPREAD:.0%} apart, so they are not replicas of one system"
            )
        notes += [
            f"result {number} and the first found their own {text}"
            for text in nearly_equal(first, other)
        ]
    for number, other in enumerate(listed):
        for earlier, one in enumerate(listed[:number]):
            if _is_same_run(one, other):
                raise InputError(
                    f"results {earlier + 1} and {number + 1} are one and the same run: taken twice "
                    "it would look like two independent ones; give each run once"
                )
    return notes


def _is_same_run(one: Results, other: Results) -> bool:
    """Whether the sums of two results are equal bit for bit."""
    a, b = one.blocks.windows[0].sums, other.blocks.windows[0].sums
    return all(
        np.array_equal(getattr(a, name), getattr(b, name)) for name in type(a).__dataclass_fields__
    ) and bool(np.any(a.total_squared))


def _differences(replicas: Sequence[Blocks]) -> list[str]:
    """Say where replicas differ by more than their own intervals: a test of their lengths."""
    notes = []
    tables = [Estimates(r) for r in replicas]
    data = [t.decomposition() for t in tables]
    sound = np.all([d["blocks"].values >= FEWEST_BLOCKS for d in data], axis=0)
    if not sound.any():
        return ["no window has ten blocks in every replica, so their agreement was not tested"]
    window = int(np.flatnonzero(sound)[-1])
    for k, name in enumerate(replicas[0].names):
        at = {"species": k, "species_2": k, "window": window}
        value = np.array([float(d["onsager"][at]) for d in data])
        half = np.array([float(d["onsager_high"][at] - d["onsager_low"][at]) / 2 for d in data])
        if not np.all(half > 0):
            continue
        weights = 1 / half**2
        mean = np.sum(weights * value) / weights.sum()
        probability = float(chi2.sf(np.sum(weights * (value - mean) ** 2), len(value) - 1))
        if probability < UNLIKELY:
            notes.append(
                f"replicas differ in the Onsager coefficient of {name} at "
                f"{tables[0].times[window]:g} ps by more than their intervals (probability "
                f"{probability:.1e}): each is too short to have seen the whole"
            )
    return notes
