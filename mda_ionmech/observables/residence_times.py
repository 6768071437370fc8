"""Residence times of ligands in shells and of carriers on sites, as a table with intervals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .. import onsager
from ..lib.checks import is_one_of, shown
from ..lib.errors import InputError
from ..lib.tables import indexed
from ..onsager.labelled_run import LabelledRun, LabelledSpecies
from .contact_survival import (
    ContactTable,
    characteristic_times,
    contact_table,
    count_endings,
    count_survivors,
    survival_lags,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import pandas as pd

#: A survival function above this at the longest lag has no integral.
UNFINISHED = 0.05


def residence_times(run: LabelledRun, species: str | None, members: str) -> pd.DataFrame:
    """Residence times; see `OnsagerDecomposition.residence_times`."""
    import pandas as pd

    from ..lib.unit_table import UnitTable

    if not is_one_of(members, ("molecules", "atoms")):
        raise InputError(f"members must be 'molecules' or 'atoms', got {shown(members)}")
    detected = [one.name for one in run.species if one.microstates is not None]
    chosen = detected if species is None else [species]
    if not detected:
        raise InputError(
            "residence_times() needs a species with a detector, and this run has none; give one "
            "microstates=..., e.g. CutoffShell(...)"
        )
    if not is_one_of(chosen[0], detected):
        raise InputError(
            f"species={shown(species)} has no detector in this run, so nothing resides; those with "
            f"one are {detected}"
        )
    rows: list[list[Any]] = []
    for name in chosen:
        rows += _residence_of(run, run.index(name), members)
    columns = ["species", "ligand", "definition"]
    for value in ("decay_time", "integral_time", "mean_stay"):
        columns += [value, f"{value}_low", f"{value}_high"]
    columns += ["endings", "left", "blocks"]
    # without contacts there are no rows, but the same types
    kinds = {name: int if name in ("endings", "blocks") else float for name in columns[3:]}
    table = indexed(pd.DataFrame(rows, columns=columns).astype(kinds), 3)
    table.attrs = {
        "level": run.level,
        "members": members,
        "units": dict.fromkeys(("decay_time", "integral_time", "mean_stay"), "ps"),
    }
    return UnitTable.of(table)


def _contacts_of(one: LabelledSpecies, members: str) -> Iterator[ContactTable]:
    """Contacts of the carriers of a species, by blocks of carriers."""
    assert one.microstates is not None
    for _, _, runs, shells in one.microstates.blocks():
        offsets, kind = shells.offsets, shells.kind
        if one.has_sites:
            member = shells.molecule
        elif members == "atoms":
            member = shells.atom
        else:
            # a molecule that binds with atoms of several types counts for each type
            shell = np.repeat(np.arange(len(shells)), np.diff(offsets))
            found = np.unique(np.stack([shell, kind, shells.molecule], axis=1), axis=0)
            offsets = np.searchsorted(found[:, 0], np.arange(len(shells) + 1))
            kind, member = (np.ascontiguousarray(found[:, c]) for c in (1, 2))
        yield contact_table(runs, offsets, member, kind)


def _residence_of(run: LabelledRun, index: int, members: str) -> list[list[Any]]:
    one = run.species[index]
    micro = one.microstates
    assert micro is not None
    types, dt, n_frames = micro.shells.types, run.dt, run.n_frames
    n_kinds = len(types)
    ligands = one.ligands
    assert ligands is not None
    if one.has_sites:
        available = np.bincount(micro.shells.kind, minlength=n_kinds)
    elif members == "atoms":
        available = np.bincount(ligands.kind, minlength=n_kinds)
    else:
        pairs = np.unique(np.stack([ligands.kind, ligands.molecule], axis=1), axis=0)
        available = np.bincount(pairs[:, 0], minlength=n_kinds)
    lags = survival_lags(n_frames)
    # found once in memory, but again for each count on disk
    held = list(_contacts_of(one, members)) if micro.runs.folder is None else None

    def counts(
        plans: Mapping[bool, tuple[int, int]],
    ) -> dict[bool, tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """Survivors, contacts and endings, by definition, from origins per sub-block and number of
        sub-blocks; integers, so that sums do not depend on the order of contacts."""
        found = {
            continuous: (
                np.zeros((len(lags), n_kinds, n_blocks)),
                np.zeros((len(lags), n_kinds, n_blocks)),
                np.zeros((n_kinds, n_blocks)),
            )
            for continuous, (_, n_blocks) in plans.items()
        }
        for contacts in _contacts_of(one, members) if held is None else held:
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
            # probability for a random ligand
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
                low, high = onsager.interval(value, sample, plan, run.level, least=0)
                row += [float(value), float(low), float(high)]
            rows.append([*row, int(endings[k].sum()), float(left[k]), plan.n_blocks])
    return rows
