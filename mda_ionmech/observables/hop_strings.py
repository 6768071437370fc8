"""Share of hops in strings against the time that links them, beside both nulls."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import onsager
from ..events.crystal.hop_strings import HopList, hop_list
from ..events.nulls.circular_shift import SHIFTS, exclusion_gas, on_sites
from ..events.nulls.gas_reasons import why_no_gas
from ..lib.checks import is_one_of, listed
from ..lib.errors import InputError
from ..onsager.labelled_run import LabelledRun

if TYPE_CHECKING:
    import pandas as pd

#: Longest time of ``taus="log"``, as a part of the trajectory.
LONGEST = 0.1


def hop_strings(run: LabelledRun, index: int, taus: Any) -> pd.DataFrame:
    """Strings of hops of species number `index`; see `RunObservables.hop_strings`."""
    import pandas as pd

    frames = _in_frames(run, taus)
    linked, member = run.linked_with(index)
    history = linked.history
    mine = slice(*history.first[member : member + 2].tolist())
    found = hop_list(history)
    table: dict[str, Any] = _shares(found, mine, frames, run, "share")
    table |= _circular(run, index, linked.history, mine, frames)
    # the gas of the run itself
    members = next(m for m in run.linked if index in m)
    gas = exclusion_gas(history, run.dt, np.random.default_rng([run.seed, members[0]]))
    why = why_no_gas(history, gas)
    null = None if why or gas is None else hop_list(on_sites(history, gas))
    table |= _shares(null, mine, frames, run, "exclusion")
    table |= _sizes(found, mine, frames)
    out = pd.DataFrame(table, index=pd.Index(frames * run.dt, name="tau"))
    own = (found.carrier >= mine.start) & (found.carrier < mine.stop)
    out.attrs = {
        "species": run.names[index],
        "hops": int(own.sum()),
        "level": run.level,
        "units": {"tau": "ps"},
        "without_exclusion_gas": why or "",
    }
    return out


def _in_frames(run: LabelledRun, taus: str | Sequence[float]) -> np.ndarray:
    """Times as whole numbers of frames, ascending; 0 is the same frame."""
    if is_one_of(taus, ("log",)):
        most = max(int(LONGEST * (run.n_frames - 1)), 1)
        return np.array([0, *(2**k for k in range(most.bit_length()))])
    given = listed("taus", taus, "give times in ps, or 'log'")
    if not given:
        raise InputError("taus holds no times: give times in ps, or 'log'")
    found = set()
    for tau in given:
        if isinstance(tau, int | float) and not isinstance(tau, bool) and tau == 0:
            found.add(0)
        else:
            found.add(run.in_frames(tau, "taus"))
    return np.array(sorted(found))


def _in_string(found: HopList, mine: slice, frames: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Whether each hop of a species is in a string, (hops, taus), and its frame, (hops,)."""
    own = (found.carrier >= mine.start) & (found.carrier < mine.stop)
    return found.nearest[own][:, None] <= frames, found.frame[own]


def _shares(
    found: HopList | None, mine: slice, frames: np.ndarray, run: LabelledRun, name: str
) -> dict[str, np.ndarray]:
    """Share of hops in strings with its interval from blocks of time, by tau."""
    columns = {f"{name}{end}": np.full(len(frames), np.nan) for end in ("", "_low", "_high")}
    if found is None:
        return columns
    inside, frame = _in_string(found, mine, frames)
    if not len(frame):
        return columns
    for k, tau in enumerate(frames.tolist()):
        plan = onsager.plan_blocks(run.n_frames, 2 * max(tau, 1))
        block = frame // plan.sub_block
        sums = np.stack(
            [np.bincount(block, w, plan.n_sub_blocks) for w in (inside[:, k], np.ones(len(frame)))]
        )
        rng = np.random.default_rng([run.seed, tau])
        weights = onsager.resampling_weights(plan, rng)
        with np.errstate(invalid="ignore", divide="ignore"):
            drawn = (weights @ sums[0]) / (weights @ sums[1])
        value = np.array(inside[:, k].mean())
        low, high = onsager.interval(value, drawn, plan, run.level, least=0, most=1)
        for end, number in (("", value), ("_low", low), ("_high", high)):
            columns[f"{name}{end}"][k] = number
    return columns


def _circular(
    run: LabelledRun, index: int, history: Any, mine: slice, frames: np.ndarray
) -> dict[str, np.ndarray]:
    """Mean share over records shifted in time, and its standard deviation as an interval."""
    rng = np.random.default_rng([run.seed, index, 1])
    n = history.n_frames
    first, last = n // 10, n - n // 10
    shares = []
    for _ in range(SHIFTS):
        shift = rng.integers(first, last, size=history.n_carriers)
        found = hop_list(history.time_shifted(shift), n - shift)
        inside, frame = _in_string(found, mine, frames)
        shares.append(inside.mean(axis=0) if len(frame) else np.full(len(frames), np.nan))
    mean, spread = np.mean(shares, axis=0), np.std(shares, axis=0, ddof=1)
    low, high = np.maximum(mean - spread, 0.0), np.minimum(mean + spread, 1.0)
    return {"circular": mean, "circular_low": low, "circular_high": high}


def _sizes(found: HopList, mine: slice, frames: np.ndarray) -> dict[str, np.ndarray]:
    """Number of strings of two hops or more with a hop of the species, and their mean size."""
    own = (found.carrier >= mine.start) & (found.carrier < mine.stop)
    number, mean = np.zeros(len(frames), dtype=np.int64), np.full(len(frames), np.nan)
    for k, tau in enumerate(frames.tolist()):
        if not len(own):
            continue
        string = found.strings(tau)
        size = np.bincount(string)
        touched = np.unique(string[own])
        touched = touched[size[touched] > 1]
        number[k] = len(touched)
        mean[k] = size[touched].mean() if len(touched) else np.nan
    return {"strings": number, "mean_size": mean}
