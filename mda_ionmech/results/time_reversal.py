"""Tests of time reversal and detailed balance, with standard errors.

At equilibrium L[m -> m'] = L[m' -> m], as many carriers go from m to m' as back, and there is no
net circulation, for labels that depend on single frames. Significant differences mean insufficient
sampling.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import ndtri

from ..onsager.block_bootstrap import FEWEST_BLOCKS, FEWEST_FOR_INTERVAL, normal_samples
from .estimates import window_samples

if TYPE_CHECKING:
    import pandas as pd

    from .tree import ResultTree

#: Probability of a false alarm for balanced motion, over all comparisons together.
FALSE_ALARM = 0.01


@dataclass(frozen=True)
class Convergence:
    """Outcome of the time-reversal and detailed-balance tests of one window; prints as its text.

    Attributes
    ----------
    table : pandas.DataFrame
        Index (species, test, what): ``onsager`` compares L[m -> m'] with L[m' -> m] and
        ``event`` the contributions of hop channels a->b and b->a, 1/(J m s); ``count`` the numbers
        of carrier-windows, where there are three labels or more; ``cycle`` the net circulation,
        carrier-windows, against 0. Columns ``forward``, ``backward``, ``difference``, ``noise``
        (its standard error) and ``standard_errors``.
    balanced : bool or None
        None where nothing can be tested.
    text : str
    """

    table: pd.DataFrame
    balanced: bool | None
    text: str

    def __str__(self) -> str:
        return self.text


def circulation(counts: np.ndarray) -> np.ndarray:
    """Net number of turns m1 -> m2 -> m3 -> m1: shape (..., 3, 3) to (...).

    The mean of the net fluxes through the three sides, which are equal apart from effects of the
    ends of the trajectory.
    """
    net = counts - np.swapaxes(counts, -1, -2)
    return np.asarray((net[..., 0, 1] + net[..., 1, 2] + net[..., 2, 0]) / 3)


def convergence(results: ResultTree, window: float | None) -> Convergence:
    """Compare every transition with its reverse; see `Results.convergence`."""
    import pandas as pd

    blocks = results.blocks
    window = results.longest_window if window is None else window
    length = float(results.at_window(window)["window"])
    entry = min(blocks.scanned, key=lambda w: abs(w.frames * blocks.dt - length))
    first, samples = window_samples(entry, blocks)
    rng = blocks.rng(entry.frames, 1)

    def drawn(name: str) -> np.ndarray:
        return normal_samples(first[name], samples[name], entry.plan, rng)

    rows: list[tuple[Any, ...]] = []

    def add(species: str, test: str, what: str, pair: tuple[Any, Any], of: np.ndarray) -> None:
        forward, backward = (float(x) for x in pair)
        noise = float(np.std(of, ddof=1))
        if not noise > 0:  # neither ever happened
            return
        gap = forward - backward
        rows.append((species, test, what, forward, backward, gap, noise, gap / noise))

    if "transition_onsager" in first:
        carried, counts = first["transition_onsager"], first["transition_count"]
        carried_drawn, counts_drawn = drawn("transition_onsager"), drawn("transition_count")
        for s, name in enumerate(blocks.names):
            held = [
                m for m in range(len(blocks.kinds)) if counts[s, m].any() or counts[s, :, m].any()
            ]
            for test, value, of in (
                ("onsager", carried, carried_drawn),
                ("count", counts, counts_drawn),
            ):
                if test == "count" and len(held) < 3:
                    continue  # two labels balance by themselves
                for a, b in combinations(held, 2):
                    what = f"{blocks.kinds[a]} -> {blocks.kinds[b]}"
                    add(name, test, what, (value[s, a, b], value[s, b, a]),
                        of[:, s, a, b] - of[:, s, b, a])  # fmt: skip
            for three in combinations(held, 3):
                at = np.ix_(three, three)
                what = " -> ".join(blocks.kinds[m] for m in (*three, three[0]))
                turns = circulation(counts[s][at])
                add(
                    name,
                    "cycle",
                    what,
                    (turns, 0.0),
                    circulation(counts_drawn[:, s][:, at[0], at[1]]),
                )
    channels = [e for e in blocks.events if "->" in e]
    if channels:
        own, own_drawn = first["event_onsager"], drawn("event_onsager")
        for s, name in enumerate(blocks.names):
            for event in channels:
                back = "->".join(reversed(event.split("->")))
                if event < back and back in channels:
                    a, b = blocks.events.index(event), blocks.events.index(back)
                    add(name, "event", event, (own[s, s, a], own[s, s, b]),
                        own_drawn[:, s, s, a] - own_drawn[:, s, s, b])  # fmt: skip
    names = ["species", "test", "what", "forward", "backward", "difference", "noise"]
    table = pd.DataFrame(rows, columns=[*names, "standard_errors"]).set_index(names[:3])
    table.attrs = {
        "window_ps": length,
        "blocks": entry.plan.n_blocks,
        "units": {"onsager": "1/(J m s)", "event": "1/(J m s)", "count": "1", "cycle": "1"},
    }
    few = entry.plan.n_blocks < FEWEST_BLOCKS and not entry.plan.by_segment
    if len(table) == 0 and few and entry.plan.n_blocks < FEWEST_FOR_INTERVAL:
        return Convergence(
            table,
            None,
            f"Time reversal in windows of {length:g} ps: with fewer than ten blocks the noise is a "
            f"guess, and with {entry.plan.n_blocks} of them nothing is compared.",
        )
    balanced, text = _verdict(table, few)
    return Convergence(table, balanced, text + _caveat(results, length))


def _verdict(table: pd.DataFrame, few: bool) -> tuple[bool | None, str]:
    head = f"Time reversal in windows of {table.attrs['window_ps']:g} ps: "
    if len(table) == 0:
        return None, head + (
            "nothing to compare; give a species macrostates=..., e.g. IonPairing(), or "
            "CrystalEvents(detail='channel')."
        )
    apart = np.abs(table["standard_errors"].to_numpy())
    species, test, what = (str(x) for x in table.index.to_list()[int(apart.argmax())])
    unit = {
        "onsager": "L of {} and of its reverse", "event": "the parts of {} and of its reverse",
        "count": "the numbers of {} and of its reverse", "cycle": "the circulation {} and zero",
    }[test].format(what)  # fmt: skip
    limit = float(-ndtri(FALSE_ALARM / (2 * len(table))))
    worst = float(apart.max())
    places = 1 if f"{worst:.1f}" != f"{limit:.1f}" else 2
    text = (
        f"{head}largest of {len(table)} deviations: {unit} ({species}), {worst:.{places}f} "
        f"standard errors (threshold {limit:.{places}f}). "
    )
    if few:
        return None, text + "With fewer than ten blocks the noise is a guess and nothing follows."
    if worst > limit:
        return False, text + (
            "Not balanced: these transitions are not sampled yet, or not at equilibrium."
        )
    return True, text + "Detailed balance holds."


def _caveat(results: ResultTree, window: float) -> str:
    """What breaks the symmetry without any lack of sampling."""
    reasons = []
    for one in results.settings["species"]:
        shell = one.get("microstates", {})
        if not shell.get("filters_used", True):
            continue
        inner, outer = (shell.get(f"cutoff_{end}_angstrom", {}) for end in ("inner", "outer"))
        if shell.get("persistence_ps"):
            reasons.append(f"persistence of {shell['persistence_ps']:g} ps")
        if any(outer[k] > inner[k] for k in inner):
            reasons.append("hysteresis")
        if shell.get("assignment") == "core":
            reasons.append("core sets")
    if not reasons:
        return ""
    return (
        f" Labels here depend on more than single frames ({', '.join(dict.fromkeys(reasons))}): "
        "the symmetry holds only for windows much longer than that memory."
    )
