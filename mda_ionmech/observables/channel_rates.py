"""Numbers that exist to be quoted, as tables with units and intervals.

Diffusivities, exponents of the mean squared displacement, residence times, rates of channels: what
a paper prints beside the shares, from the same run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .. import onsager
from ..lib.errors import InputError
from ..lib.run_length import LabelRuns
from ..onsager.window_sums import collective_path
from .msd_exponents import growth, squared_displacements
from .residence_times import (
    ContactTable,
    channel_counts,
    characteristic_times,
    contact_table,
    count_endings,
    count_survivors,
    survival_lags,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import pandas as pd

    from ..analysis.decomposition import OnsagerDecomposition

#: A survival function that still holds more than this at the longest lag has no integral.
UNFINISHED = 0.05


def indexed(table: pd.DataFrame, n_levels: int) -> pd.DataFrame:
    """The first columns as the index, names in the order they come in, which counts as sorted."""
    import pandas as pd

    keys = list(table.columns[:n_levels])
    for key in keys:
        table[key] = pd.Categorical(table[key], categories=table[key].unique(), ordered=True)
    return table.set_index(keys).sort_index()


def exponents(run: OnsagerDecomposition) -> pd.DataFrame:
    """Exponents of the mean squared displacements; see `OnsagerDecomposition.exponents`."""
    import pandas as pd

    windows = [int(n) for n in run._window_frames]
    if len(windows) < 2:
        raise InputError(
            f"exponents() compares windows, and this run has one, {windows[0] * run.paths.dt:g} "
            "ps; run with windows='log' or several lengths"
        )
    squares: dict[tuple[str, str], list[np.ndarray]] = {}
    carriers = {s.name: float(s.n_carriers) for s in run.species}
    carriers["all"] = sum(s.charge**2 * s.n_carriers for s in run.species)
    for n in windows:
        current = np.zeros((3, run.paths.n_frames))
        for k, one in enumerate(run.species):
            position = run._labels[k].position
            own, whole = squared_displacements(position, n)
            squares.setdefault((one.name, "self"), []).append(own)
            squares.setdefault((one.name, "collective"), []).append(whole)
            current += one.charge * collective_path(position)
        if any(one.charge for one in run.species):
            _, charge = squared_displacements(current[None], n)
            squares.setdefault(("all", "charge"), []).append(charge)
    rows = []
    for (name, part), series in squares.items():
        for k in range(len(windows) - 1):
            pair = windows[k], windows[k + 1]
            grown = growth(series[k], series[k + 1], pair, seed=run.seed, level=run.level)
            times = [n * run.paths.dt for n in pair]
            # A^2 / ps = 1e-4 cm^2 / s
            per_carrier = 1e-4 / (2 * len(run.axes) * run.paths.dt * carriers[name])
            slopes = [x * per_carrier for x in grown.slope]
            rows.append([name, part, *times, *grown.exponent, *slopes, grown.n_blocks])
    names = ["species", "part", "shorter", "longer"]
    for value in ("exponent", "diffusivity"):
        names += [value, f"{value}_low", f"{value}_high"]
    names.append("blocks")
    table = indexed(pd.DataFrame(rows, columns=names), 4)
    table.attrs = {
        "level": run.level,
        "units": {"shorter": "ps", "longer": "ps", "exponent": "1", "diffusivity": "cm2/s"},
    }
    return table


def residence_times(run: OnsagerDecomposition, species: str | None, members: str) -> pd.DataFrame:
    """How long contacts last; see `OnsagerDecomposition.residence_times`."""
    import pandas as pd

    if members not in ("molecules", "atoms"):
        raise InputError(f"members must be 'molecules' or 'atoms', got {members!r}")
    names = [s.name for s in run.species]
    detected = [names[k] for k in sorted(run._gathered)]
    chosen = detected if species is None else [species]
    if not detected:
        raise InputError(
            "residence_times() needs a species with a detector, and this run has none; give one "
            "microstates=..., e.g. CutoffShell(...)"
        )
    if chosen[0] not in detected:
        raise InputError(
            f"species={species!r} has no detector in this run, so nothing resides; those with one "
            f"are {detected}"
        )
    rows: list[list[Any]] = []
    for name in chosen:
        rows += _residence_of(run, names.index(name), members)
    columns = ["species", "ligand", "definition"]
    for value in ("decay_time", "integral_time", "mean_stay"):
        columns += [value, f"{value}_low", f"{value}_high"]
    columns += ["endings", "left", "blocks"]
    table = indexed(pd.DataFrame(rows, columns=columns), 3)
    table.attrs = {
        "level": run.level,
        "members": members,
        "units": dict.fromkeys(("decay_time", "integral_time", "mean_stay"), "ps"),
    }
    return table


def _contacts_of(run: OnsagerDecomposition, index: int, members: str) -> Iterator[ContactTable]:
    """Contacts of the carriers of a species, block after block of them."""
    on_sites = getattr(run.species[index].microstates, "has_sites", False)
    for _, _, runs, shells in run.microstates[run.species[index].name].blocks():
        offsets, kind = shells.offsets, shells.kind
        if on_sites:
            member = shells.molecule
        elif members == "atoms":
            member = shells.atom
        else:
            # a molecule may bind with atoms of several types: it is a ligand of each
            shell = np.repeat(np.arange(len(shells)), np.diff(offsets))
            found = np.unique(np.stack([shell, kind, shells.molecule], axis=1), axis=0)
            offsets = np.searchsorted(found[:, 0], np.arange(len(shells) + 1))
            kind, member = (np.ascontiguousarray(found[:, c]) for c in (1, 2))
        yield contact_table(runs, offsets, member, kind)


def _residence_of(run: OnsagerDecomposition, index: int, members: str) -> list[list[Any]]:
    one, micro = run.species[index], run.microstates[run.species[index].name]
    types, dt, n_frames = micro.shells.types, run.paths.dt, run.paths.n_frames
    n_kinds = len(types)
    ligands = run._ligands[index]
    assert ligands is not None
    if getattr(one.microstates, "has_sites", False):
        available = np.bincount(micro.shells.kind, minlength=n_kinds)
    elif members == "atoms":
        available = np.bincount(ligands.kind, minlength=n_kinds)
    else:
        pairs = np.unique(np.stack([ligands.kind, ligands.molecule], axis=1), axis=0)
        available = np.bincount(pairs[:, 0], minlength=n_kinds)
    lags = survival_lags(n_frames)
    # what is in memory is found once, what is on disk again for each count
    held = list(_contacts_of(run, index, members)) if isinstance(micro.runs, LabelRuns) else None

    def counts(
        plans: Mapping[bool, tuple[int, int]],
    ) -> dict[bool, tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """Survivors, contacts and endings, by definition, from origins of a sub-block and number of
        sub-blocks; whole numbers, so that the order in which contacts come has no part in it."""
        found = {
            continuous: (
                np.zeros((len(lags), n_kinds, n_blocks)),
                np.zeros((len(lags), n_kinds, n_blocks)),
                np.zeros((n_kinds, n_blocks)),
            )
            for continuous, (_, n_blocks) in plans.items()
        }
        for contacts in _contacts_of(run, index, members) if held is None else held:
            for continuous, (sub_block, _) in plans.items():
                alive, present, endings = found[continuous]
                count_survivors(
                    contacts.pair_offsets, contacts.begin, contacts.end, contacts.kind, n_frames,
                    lags, sub_block, continuous, alive, present,
                )  # fmt: skip
                count_endings(contacts, sub_block, endings)
        return found

    def survival(
        alive: np.ndarray, present: np.ndarray, frames: np.ndarray, continuous: bool
    ) -> np.ndarray:
        """From sums (..., lags, kinds) to survival (..., kinds, lags), 1 at lag 0."""
        with np.errstate(divide="ignore", invalid="ignore"):
            held = np.swapaxes(alive / present, -1, -2)
            if continuous:
                return held
            # what a ligand taken at random would do
            chance = present[..., 0, :] / (frames[..., None] * one.n_carriers * available)
        return (held - chance[..., None]) / (1 - chance[..., None])

    rows, settled = [], {}
    for continuous, (alive, present, _) in counts(
        {True: (n_frames, 1), False: (n_frames, 1)}
    ).items():
        whole = survival(alive[..., 0], present[..., 0], np.asarray(n_frames), continuous)
        fall, integral = characteristic_times(lags * dt, whole)
        longest = np.nanmax(np.concatenate([fall / dt, [1.0]]))
        plan = onsager.plan_blocks(n_frames, min(2 * int(longest + 1), n_frames))
        settled[continuous] = whole, fall, integral, present, plan
    parts = counts({c: (plan.sub_block, plan.n_sub_blocks) for c, (*_, plan) in settled.items()})
    for continuous, (whole, fall, integral, present, plan) in settled.items():
        definition = "continuous" if continuous else "intermittent"
        weights = onsager.resampling_weights(plan, np.random.default_rng([run.seed, index]))
        block = np.minimum(np.arange(n_frames) // plan.sub_block, plan.n_sub_blocks - 1)
        frames = np.bincount(block, minlength=plan.n_sub_blocks)
        drawn = [np.einsum("sb,mkb->smk", weights, part) for part in parts[continuous][:2]]
        samples = survival(drawn[0], drawn[1], weights @ frames, continuous)
        fall_drawn, integral_drawn = characteristic_times(lags * dt, samples)
        endings = parts[continuous][2]
        with np.errstate(divide="ignore", invalid="ignore"):
            stay = dt * present[0].sum(axis=-1) / endings.sum(axis=-1)
            stay_drawn = dt * drawn[1][:, 0] / (weights @ endings.T)
        stay_drawn = np.where(np.isfinite(stay_drawn), stay_drawn, np.nan)
        left = whole[:, -1]
        integral = np.where(left > UNFINISHED, np.nan, integral)
        for k, name in enumerate(types):
            if not present[0, k].sum():
                continue
            row: list[Any] = [one.name, name, definition]
            pairs_of_values = [(fall[k], fall_drawn[:, k]), (integral[k], integral_drawn[:, k])]
            pairs_of_values.append(
                (stay[k], stay_drawn[:, k]) if continuous else (np.nan, stay_drawn[:, k])
            )
            for value, sample in pairs_of_values:
                value = np.asarray(value if np.isfinite(value) else np.nan)
                low, high = onsager.interval(value, sample, plan, run.level)
                row += [float(value), float(low), float(high)]
            rows.append([*row, int(endings[k].sum()), float(left[k]), plan.n_blocks])
    return rows


def channel_rates(run: OnsagerDecomposition, species: str | None) -> pd.DataFrame:
    """Rates of hopping from label to label; see `OnsagerDecomposition.channel_rates`."""
    import pandas as pd

    on_sites = [s.name for s in run.species if getattr(s.microstates, "has_sites", False)]
    able = list(dict.fromkeys([*on_sites, *run.macrostates]))
    if not able:
        raise InputError(
            "channel_rates() needs a species on sites or with macrostates, and this run has none; "
            "give one microstates=SiteAssignment... or macrostates=..., e.g. IonPairing()"
        )
    name = able[0] if species is None else species
    if name not in able:
        raise InputError(
            f"species={species!r} has neither sites nor macrostates in this run, so no channels; "
            f"those with one are {able}"
        )
    if name in on_sites:
        micro = run.microstates[str(name)]
        labels, runs, label = micro.shells.types, micro.runs, micro.shells.kind
    else:
        macro = run.macrostates[str(name)]
        labels, runs, label = macro.names, macro.label_runs(), np.arange(len(macro.names))
    n_steps, dt = run.paths.n_frames - 1, run.paths.dt
    plan = onsager.plan_blocks(n_steps, 1)
    changes, held = channel_counts(runs, label, len(labels), plan.sub_block)
    per_step = np.bincount(np.arange(n_steps) // plan.sub_block)
    plan = onsager.lengthen_blocks(plan, changes.sum(axis=2) / per_step[:, None])
    # ns: rates come out per ns
    exposure = held * dt * 1e-3
    weights = onsager.resampling_weights(plan, np.random.default_rng([run.seed, 0]))
    count, exposed = changes.sum(axis=0), exposure.sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        rate = count / exposed[:, None]
        drawn = np.einsum("sb,bij->sij", weights, changes) / (weights @ exposure)[:, :, None]
    drawn = np.where(np.isfinite(drawn), drawn, np.nan)
    low, high = onsager.interval(rate, drawn, plan, run.level)
    # a channel never seen has no blocks to resample: the largest Poisson rate that fits
    with np.errstate(divide="ignore"):
        unseen = -np.log((1 - run.level) / 2) / exposed
    high = np.where(count == 0, unseen[:, None], high)
    rows = [
        [a, b, rate[i, j], low[i, j], high[i, j], int(count[i, j]), exposed[i]]
        for i, a in enumerate(labels)
        for j, b in enumerate(labels)
        if exposed[i] > 0 and (i != j or name in on_sites)
    ]
    columns = ["start", "end", "rate", "low", "high", "count", "exposure"]
    table = indexed(pd.DataFrame(rows, columns=columns), 2)
    table.attrs = {
        "species": name,
        "level": run.level,
        "blocks": plan.n_blocks,
        "units": {"rate": "1/ns", "exposure": "carrier ns"},
    }
    return table
