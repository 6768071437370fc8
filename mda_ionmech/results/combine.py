"""Pooling of independent runs of one system: sums are added, replicas are blocks.

Ratios are not averaged; every quantity is computed from the pooled sums.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from os import PathLike

import numpy as np
import xarray as xr
from scipy.special import chdtrc

from ..lib.errors import InputError
from ..lib.version import __version__
from ..lib.write_targets import shown_path
from ..onsager import block_sums
from ..onsager.block_bootstrap import FEWEST_BLOCKS
from ..onsager.block_sums import Blocks
from .estimates import Estimates
from .load_file import load
from .results import Results
from .same_settings import SPREAD, differing, nearly_equal
from .same_trajectory import digests_of, origins_of, shared_frames
from .schema import check_schema, load_schema

#: Probability below which differences between replicas are reported.
UNLIKELY = 0.01


def combine(results: Sequence[Results | str | PathLike[str]]) -> Results:
    """Pool replicas: independent trajectories of the same system with the same settings.

    With ten replicas or more each is one block of the bootstrap; with fewer, blocks are drawn
    within replicas, and replicas that differ by more than their intervals are reported in the
    warnings.

    Cost: the intervals of one run.

    Parameters
    ----------
    results : sequence of Results or path-like
        Two or more with the same settings: species, charges, detectors with their cutoffs,
        hysteresis, persistence and ligands, rules, windows, resolutions, horizons, frame spacing,
        temperature, frame of reference, level. Trajectories, their lengths and the seeds may
        differ, volumes by 2%, and cutoffs found from g(r) by 0.2 A.

    Returns
    -------
    Results
        Without the groups states and shells, which are of single trajectories.

    Raises
    ------
    InputError
        For fewer than two results, one run given twice, also inside a result of `combine`, or
        different settings, with all that differs.
    """
    if isinstance(results, str | PathLike | Results) or not isinstance(results, Iterable):
        raise InputError("results must be a list of two results or more, or of their files")
    given = list(results)
    if len(given) < 2:
        raise InputError(f"combine needs two results or more, got {len(given)}")
    listed = [r if isinstance(r, Results) else load(r) for r in given]
    found_alike = _check_equal(listed)
    _check_different(listed, ["" if isinstance(r, Results) else shown_path(r) for r in given])
    replicas = [r.blocks for r in listed]
    joined = block_sums.join(replicas)
    estimates = Estimates(joined)
    settings = listed[0].settings
    settings["replicas"] = [one for r in listed for one in origins_of(r)]
    settings["n_frames"] = sum(int(r.settings["n_frames"]) for r in listed)
    settings.pop("files", None)  # of one replica
    settings["volume_angstrom3"] = joined.system.volume
    settings["residual"] = estimates.residual
    tree = xr.DataTree(children={"decomposition": xr.DataTree(estimates.decomposition())})
    if (diagnostics := estimates.diagnostics()) is not None:
        tree["diagnostics"] = xr.DataTree(diagnostics)
    if joined.kinds:
        tree["transitions"] = xr.DataTree(estimates.transitions())
    tree["blocks"] = block_sums.to_tree(joined)
    notes = [
        f"{len(listed)} replicas pooled",
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


def _check_equal(listed: Sequence[Results]) -> list[str]:
    """Refuse results of different systems or settings, naming all differences.

    Returns
    -------
    list of str
        Negligible differences, for the warnings.
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
                f"result {number} has a mean volume of {b:.1f} Å^3, the first {a:.1f} Å^3: more "
                f"than {SPREAD:.0%} apart, so they are not replicas of one system"
            )
        if found := nearly_equal(first, other):
            notes.append(
                f"result {number} and the first have cutoffs from g(r) of their own, which "
                f"differ by little: {'; '.join(found)}; give radii as numbers for equal shells"
            )
    return notes


def _check_different(listed: Sequence[Results], files: Sequence[str]) -> None:
    """Refuse a run that occurs twice, by itself or within a combined result.

    Parameters
    ----------
    listed : sequence of Results
    files : sequence of str
        Their names, empty for results that are not files.
    """
    runs = [digests_of(r) for r in listed]
    for number, mine in enumerate(runs):
        for earlier, others in enumerate(runs[:number]):
            if not mine & others:
                continue
            single = len(mine) == len(others) == 1
            which = "are one and the same run" if single else "hold one and the same run"
            names = [name for name in (files[earlier], files[number]) if name]
            raise InputError(
                f"results {earlier + 1} and {number + 1} {which}: used twice it would count as "
                "two independent ones; give each run once, and no result of combine together with "
                f"its replicas{' (' if names else ''}{', '.join(names)}{')' if names else ''}"
            )
    for number, other in enumerate(listed):
        for earlier, one in enumerate(listed[:number]):
            shared = shared_frames(one, other, origins_of(one), origins_of(other))
            if shared is None:
                continue
            (first, last), (begin, end) = shared
            apart = "" if (first, last) == (begin, end) else f", numbered {begin} to {end} there"
            raise InputError(
                f"results {earlier + 1} and {number + 1} are of one trajectory and both hold its "
                f"frames {first} to {last}{apart}: what is in both would be counted as two "
                "independent measurements; combine runs of separate trajectories, or stretches of "
                "one that do not overlap"
            )


def _differences(replicas: Sequence[Blocks]) -> list[str]:
    """Warnings where replicas differ by more than their intervals, a test of their lengths."""
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
        probability = float(chdtrc(len(value) - 1, np.sum(weights * (value - mean) ** 2)))
        if probability < UNLIKELY:
            notes.append(
                f"replicas differ in the Onsager coefficient of {name} at "
                f"{tables[0].times[window]:g} ps by more than their intervals (probability "
                f"{probability:.1e}): each is too short to sample the system"
            )
    return notes
