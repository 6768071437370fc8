"""What a result says, in sentences that follow from tests with stated thresholds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..lib.number_text import percent_with_interval, with_interval
from ..lib.still_carriers import is_still
from ..lib.whole_frames import whole_frames
from ..observables.channel_rates import FEW
from ..onsager.block_bootstrap import percentiles
from .diffusive_self import trajectories
from .elementary import reading_resolution
from .ends import with_ends
from .filter_finding import filter_finding, listed
from .hop_dates import finer_than_dates
from .hop_definitions import (
    APART,
    LinkedHops,
    definition_of,
    other_linked_hops,
    own_linked_hops,
)
from .recommend import memory_left_open, no_labels, no_reading
from .sufficiency import least_length, nanoseconds

_DEFINITIONS = {
    "core, entry": "hops dated by the entry into a core",
    "core, crossing": "hops dated by the crossing half way",
    "smaller core, entry": "hops between cores of {:.2f} Å",
    "larger core, entry": "hops between cores of {:.2f} Å",
    "nearest": "hops between nearest sites",
}
_WORDS = {
    "concerted": "concerted",
    "exclusion": "not beyond site exclusion",
    "no evidence": "not beyond chance",
}
#: Part of normal samples within a standard error of their mean.
_ONE_ERROR = 0.6827
#: Relative error of the conductivity and of the leading share above which data are scarce.
SCARCE = 0.1


@dataclass(frozen=True)
class Sentence:
    """One finding.

    Attributes
    ----------
    topic : str
        ``carriers``, ``events``, ``filters``, ``concertedness``, ``diffusion``, ``time reversal``
        or ``data``.
    finding : str
        In a word or two, e.g. ``solvent_exchange``, ``no evidence``, ``diffusive``.
    text : str
    """

    topic: str
    finding: str
    text: str

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True)
class Verdict:
    """The findings of a result; prints as their sentences.

    Attributes
    ----------
    sentences : tuple of Sentence
    """

    sentences: tuple[Sentence, ...]

    def __str__(self) -> str:
        return "\n".join(str(one) for one in self.sentences)

    def __iter__(self) -> Iterator[Sentence]:
        return iter(self.sentences)

    def finding(self, topic: str) -> str | None:
        """The finding on a topic; None where nothing is said of it.

        Parameters
        ----------
        topic : str
            As in `Sentence`.

        Returns
        -------
        str or None
        """
        return next((one.finding for one in self.sentences if one.topic == topic), None)


def verdict(results: Any, species: str | None) -> Verdict:
    """See `Results.verdict`."""
    name = results._species(species)
    found: list[Sentence | None] = []
    if results.has_diffusive_view:
        index = results.blocks.names.index(name)
        why = no_reading(results.decomposition, index)
    else:
        remedy = "run with resolutions='log' and horizons='log'"
        known = results.decomposition.get("diffusive_onsager")
        comment = remedy if known is None else known.attrs.get("comment", remedy)
        why = f"There is no diffusive view: {comment}."
    if not why:
        read = reading_resolution(results.decomposition, results.blocks, index)
        undated = finer_than_dates(
            results.settings, name, None if read is None else read * results.blocks.dt
        )
        flickering = "" if read is None else no_labels(results.blocks, index, read)
        if is_still(name, results.warnings):
            events: Sentence | None = _still(results, name)
        elif undated:
            events = Sentence("events", "undated", undated)
        else:
            events = _events(results, name, flickering)
        found += [_carriers(results), events]
        still = events is not None and events.finding == "still"
        if not still and (said := filter_finding(results, name, APART)) is not None:
            found.append(Sentence("filters", *said))
    elif is_still(name, results.warnings):
        # its coefficient is zero or unknown, and that of others may be known
        found += [_carriers(results) if _conducts(results) else None, _still(results, name)]
        return Verdict(tuple(one for one in [*found, _reversal(results)] if one is not None))
    found += [_concerted(results, name), _diffusive(results, name, why), _reversal(results)]
    if not why:
        found.append(_data(results, name))
    elif results.blocks.paths:
        found.append(_lacking(results, name))
    return Verdict(tuple(one for one in found if one is not None))


def _carriers(results: Any) -> Sentence | None:
    data = results.decomposition
    if not any(s["charge"] for s in results.settings["species"]):
        return None
    sigma = with_interval(*with_ends(data, "diffusive_conductivity"))
    text = f"The conductivity is {sigma} S/m."
    numbers = data["diffusive_transference_number"]
    names = [str(s["name"]) for s in results.settings["species"] if s["charge"]]
    numbers = numbers.sel(species=names)
    if len(names) > 1 and np.isfinite(numbers).all():
        parts = [
            f"{n} carries "
            + percent_with_interval(*with_ends(data, "diffusive_transference_number", species=n))
            for n in names
        ]
        text += f" Of it {', '.join(parts)}."
    leading = names[int(np.nanargmax(numbers))] if np.isfinite(numbers).any() else ""
    return Sentence("carriers", leading, text)


def _conducts(results: Any) -> bool:
    """Whether the conductivity of the diffusive view has a reading."""
    if not results.has_diffusive_view:
        return False
    data = results.decomposition
    _, low, _ = with_ends(data, "diffusive_conductivity")
    return bool(low > 0 and int(data["diffusive_onsager"].attrs["settled"]))


def _still(results: Any, name: str) -> Sentence:
    text = f"{name} does not move in this trajectory"
    if results.settings["frame"] != "laboratory":
        frame = results.settings["frame"]
        text += f": what its events carry is the motion of the {frame} frame of reference"
    return Sentence("events", "still", f"{text}.")


def _events(results: Any, name: str, flickering: str = "") -> Sentence | None:
    table = results.summary(view="diffusive", species=name)
    if len(table) < 2:
        return None
    over = f"labels over {table.attrs['resolution_ps']:g} ps"
    order = table.sort_values("share", ascending=False)
    said = [
        f"{event} {percent_with_interval(row['share'], row['share_low'], row['share_high'])}"
        for event, row in order.iterrows()
        if abs(row["share"]) >= 0.005
    ]
    first, second = (str(e) for e in order.index[:2])
    blocks = results.blocks
    if flickering:
        return Sentence(
            "events",
            "flickering",
            f"The events of {name} have no reading. {flickering} With {over} their shares would "
            f"be: {', '.join(said)}.",
        )
    at = blocks.resolutions.index(whole_frames(table.attrs["resolution_ps"], blocks.dt))
    k, drawn = blocks.names.index(name), results.samples("diffusive_share")
    one, other = (drawn[:, k, blocks.events.index(e), at] for e in (first, second))
    gap = order["share"].iloc[0] - order["share"].iloc[1]
    # a share has a denominator: few samples of a small total would dominate a standard deviation
    low, high = percentiles(one - other, _ONE_ERROR)
    if gap > APART * float(high - low) / 2:
        return Sentence(
            "events", first, f"{name} moves mostly by {first} ({over}): {', '.join(said)}."
        )
    return Sentence(
        "events",
        "undecided",
        f"Which event carries most of the transport of {name} is undecided ({over}): {first} and "
        f"{second} differ by less than {APART:g} standard errors; {', '.join(said)}.",
    )


def _concerted(results: Any, name: str) -> Sentence | None:
    at = results.at_window().sel(species=name)
    own = own_linked_hops(at)
    if own is None:
        return None
    window = float(at["window"])
    if undated := finer_than_dates(results.settings, name, window):
        return Sentence(
            "concertedness", "undated", f"Whether hops are concerted is open. {undated}"
        )
    over = f"in windows of {window:g} ps"
    others = [
        one
        for one in other_linked_hops(results, name)
        if np.isclose(results.hop_definition_data.attrs["window_ps"], window)
    ]
    if any(one.is_concerted != own.is_concerted for one in others):
        return _dependent(results, name, own, others, over)
    why = results.settings.get("without_exclusion_gas", {}).get(name, "")
    linked = f"{own.percent} of the hops of {name} are linked {over}, against {own.nulls(why)}"
    holds = _also(own, others)
    if own.finding == "concerted":
        return Sentence("concertedness", "concerted", f"Hops are concerted: {linked}{holds}.")
    beyond = " beyond site exclusion" if own.finding == "exclusion" else ""
    text = f"No evidence of concerted motion{beyond}: {linked}{holds}."
    return Sentence("concertedness", "no evidence", text)


def _also(own: LinkedHops, others: list[LinkedHops]) -> str:
    """For which other dates, core radii and assignments of hops a finding holds, too."""
    if others:
        words = [f"for {_said(one.definition, one.core_radius)}" for one in others]
        return f"; the same holds {listed(words)}"
    if own.finding != "concerted":
        return ""
    return "; other dates and assignments of the hops are not in this result"


def _dependent(
    results: Any, name: str, own: LinkedHops, others: list[LinkedHops], over: str
) -> Sentence:
    """That the finding depends on the definition of a hop."""
    lacking = results.settings.get("without_exclusion_gas", {}).get(name, "")
    said = [
        f"of {_said(*_definition(results, name, one))} {one.percent} are "
        f"linked against {one.nulls(lacking if one is own else '')} ({_WORDS[one.finding]})"
        for one in (own, *others)
    ]
    return Sentence(
        "concertedness",
        "depends",
        f"Whether hops of {name} are concerted depends on how they are dated and assigned to "
        f"sites, or on the radius of the cores: {over}, {'; '.join(said)}. See "
        "results.hop_definitions().",
    )


def _definition(results: Any, name: str, one: LinkedHops) -> tuple[str, float]:
    """A definition of hops and its core radius; that of the run where there is none."""
    return (
        (one.definition, one.core_radius)
        if one.definition
        else definition_of(results.settings, name)
    )


def _said(definition: str, core_radius: float) -> str:
    """A definition of hops in words."""
    return _DEFINITIONS.get(definition, f"hops by {definition}").format(core_radius)


def _diffusive(results: Any, name: str, why: str) -> Sentence:
    if why:
        kind = "caged" if "caged" in why else "not diffusive"
        return Sentence("diffusion", kind, f"{name} has no reading: {why[:1].lower()}{why[1:]}")
    advice = results.recommend(species=name)
    if memory := memory_left_open(results.decomposition):
        return Sentence(
            "diffusion",
            "memory left open",
            f"Motion looks diffusive, but the lags leave open a memory of up to {memory:.2g} ps, "
            "too long for this trajectory: the coefficient may then be smaller, by more than its "
            "interval, which allows for such memories. A longer trajectory decides.",
        )
    settled = float(results.decomposition["diffusive_onsager"].attrs["settled_from_ps"])
    return Sentence(
        "diffusion",
        "diffusive",
        f"Motion is diffusive from {settled:g} ps on: lines through the mean squared "
        f"displacements from later lags have the same slope, up to {advice.last_lag:g} ps.",
    )


def _reversal(results: Any) -> Sentence | None:
    found = results.convergence()
    if found.balanced is None:
        return None
    if found.balanced:
        return Sentence(
            "time reversal", "holds", "Forward and backward transitions balance within their noise."
        )
    return Sentence("time reversal", "violated", found.text)


def _data(results: Any, name: str) -> Sentence:
    table = results.data_sufficiency(species=name)
    picked = _leading(table)
    said = [f"{100 * table.loc[k, 'relative_error']:.0f}% on {_the(k)}" for k in picked]
    worst = table.loc[picked, "relative_error"].max()
    length, needed = table["length"].iloc[0], table.loc[picked, "needed"].max()
    text = f"{length:.3g} ns of trajectory give an error of {' and '.join(said)}"
    if table.attrs["leading_events"] < FEW:
        times = max(round(table.attrs["leading_events"]), 1)
        event = picked[-1].removeprefix("share of ")
        text += f"; {event} occurred {'once' if times == 1 else f'about {times} times'} in all"
    if memory_left_open(results.decomposition):
        text += "; errors allow for the memory that is left open"
        return Sentence("data", "scarce", f"{text}; about {nanoseconds(needed)} are needed.")
    if worst <= SCARCE:
        return Sentence("data", "sufficient", f"{text}.")
    return Sentence(
        "data", "scarce", f"{text}; for {100 * SCARCE:.0f}% about {nanoseconds(needed)} are needed."
    )


def _leading(table: Any) -> list[str]:
    """The total and the largest share of a table of errors."""
    shares = table[table.index.str.startswith("share of ")]
    largest = [str(shares["value"].idxmax())] if len(shares) > 1 else []
    return [str(table.index[0]), *largest]


def _lacking(results: Any, name: str) -> Sentence | None:
    """The least length of trajectory for a reading, where there is none."""
    table = results.data_sufficiency(SCARCE, species=name)
    least, why = least_length(results)
    largest = _leading(table)[1:]
    # what has no reading is the coefficient of the species, whatever the conductivity is
    picked = [f"L({name}, {name})", *largest]
    picked = [k for k in picked if np.isfinite(table.loc[k, "relative_error"])]
    length = f"The trajectory has {table['length'].iloc[0]:.3g} ns"
    pieces = trajectories(results.blocks)
    if len(pieces) > 1:
        longest = max(pieces) * results.blocks.dt / 1000
        length += f" in {len(pieces)} pieces, the longest of {longest:.3g} ns"
        why += " in one piece"
    said = [f"at least about {nanoseconds(least)} are needed {why}"] if least else []
    if picked:
        needed = nanoseconds(float(table.loc[picked, "needed"].max()))
        of = " and ".join(_the(k) for k in picked)
        bound = any(k in table.attrs["lower_bounds"] for k in picked)
        text = f"{'at least ' if bound else ''}about {needed} {'' if said else 'are needed '}"
        text += f"for {SCARCE:.0%} on {of}"
        text += ", if it is as large as its interval allows" if bound else ""
        if not results.has_diffusive_view:
            text += f", by the errors in windows of {results.longest_window:g} ps"
        said.append(text)
    return Sentence("data", "scarce", f"{length}; {', and '.join(said)}.") if said else None


def _the(quantity: str) -> str:
    return quantity if quantity.startswith("L(") else f"the {quantity}"
