"""Whether linked hops exceed both nulls, under each date of hops, core radius and assignment."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..lib.errors import InputError
from ..lib.number_text import percent_with_interval

if TYPE_CHECKING:
    import pandas as pd

#: Standard errors by which the linked fraction must exceed a null.
APART = 2.0
#: Part of a null by which the linked fraction must exceed it, beside the standard errors.
EXCESS = 0.1
_NULLS = {
    "multi_fraction_circular": "by chance",
    "multi_fraction_exclusion": "in an exclusion gas",
}
_COLUMNS = ("multi_fraction", "multi_fraction_circular", "multi_fraction_exclusion")


@dataclass(frozen=True)
class LinkedHops:
    """Linked hops of a species in one window under one definition, beside both nulls.

    Attributes
    ----------
    definition : str
        E.g. ``core, entry``; empty where there is one only.
    values : mapping of str to tuple of float
        By variable: value, low and high end.
    core_radius : float
        Angstrom; NaN without cores.
    """

    definition: str
    values: Mapping[str, tuple[float, float, float]]
    core_radius: float = float("nan")

    @property
    def exceeded(self) -> list[bool]:
        """Whether each null that is known is exceeded."""
        value, low, high = self.values["multi_fraction"]
        error, out = max(value - low, high - value), []
        for variable in _NULLS:
            null, low, high = self.values[variable]
            if null >= 0:
                # the longer side: the other one may end at 0 or 1
                spread = np.nan_to_num(max(null - low, high - null))
                reach = APART * float(np.hypot(error, spread))
                out.append(value - null > max(reach, EXCESS * null))
        return out

    @property
    def finding(self) -> str:
        """``concerted``, ``exclusion`` where only chance is exceeded, or ``no evidence``."""
        found = self.exceeded
        if len(found) == 2 and all(found):
            return "concerted"
        return "exclusion" if len(found) == 2 and found[0] else "no evidence"

    @property
    def is_concerted(self) -> bool:
        """Whether both nulls are exceeded."""
        return self.finding == "concerted"

    def nulls(self, why_no_gas: str = "") -> str:
        """The nulls in words, e.g.: ``34% (32 to 36) by chance``."""
        said = []
        for variable, words in _NULLS.items():
            null = self.values[variable][0]
            given = why_no_gas and variable == "multi_fraction_exclusion"
            if null >= 0:
                said.append(f"{percent_with_interval(*self.values[variable])} {words}")
            else:
                said.append(f"unknown {words}{f' ({why_no_gas})' if given else ''}")
        return " and ".join(said)

    @property
    def percent(self) -> str:
        """The linked fraction in words."""
        return percent_with_interval(*self.values["multi_fraction"])


def own_linked_hops(at: Any) -> LinkedHops | None:
    """Linked hops of the run itself, from the decomposition of one species and window."""
    if "multi_fraction" not in at or not float(at["multi_fraction"]) > 0:
        return None
    return LinkedHops("", _values(at))


def other_linked_hops(results: Any, species: str) -> Iterator[LinkedHops]:
    """Those under the other definitions that the result holds."""
    data = results.hop_definition_data
    if data is None or species not in data["species"].values:
        return
    for name in data["definition"].values:
        at = data.sel(species=species, definition=name)
        if float(at["multi_fraction"]) >= 0:
            # results of before have one radius, that of the run
            radius = float(at["core_radius"]) if "core_radius" in at else float("nan")
            yield LinkedHops(str(name), _values(at), radius)


def _values(at: Any) -> dict[str, tuple[float, float, float]]:
    return {
        name: tuple(  # type: ignore[misc]
            float(at[f"{name}{end}"]) if f"{name}{end}" in at else float("nan")
            for end in ("", "_low", "_high")
        )
        for name in _COLUMNS
    }


def definition_of(settings: Mapping[str, Any], species: str) -> tuple[str, float]:
    """Assignment and date of the hops of a species, as in the group ``hop_definitions``.

    With the radius of its cores, Angstrom; NaN without cores.
    """
    about = next(one.get("microstates") or {} for one in settings["species"]
                 if one["name"] == species)  # fmt: skip
    assignment = str(about.get("assignment", ""))
    if assignment != "core":
        return assignment, float("nan")
    return f"core, {about.get('hop_time', 'entry')}", float(about["r_core_angstrom"])


def hop_definitions(results: Any, species: str) -> pd.DataFrame:
    """See `Results.hop_definitions`."""
    import pandas as pd

    from ..lib.unit_table import UnitTable

    data = results.hop_definition_data
    others = list(other_linked_hops(results, species))
    if data is None or not others:
        raise InputError(
            f"hop_definitions(): this result holds none for {species!r}; it is for runs with "
            "CrystalEvents and assignment='core' or 'nearest', before they are combined or "
            "labelled otherwise: run.robustness(hop_time=[...], assignment=[...]) makes them"
        )
    at = results.at_window(data.attrs["window_ps"]).sel(species=species)
    name, radius = definition_of(results.settings, species)
    own = LinkedHops(name, _values(at), radius)
    rows = {
        one.definition: {"core_radius": one.core_radius}
        | {
            f"{name}{end}": value
            for name in _COLUMNS
            for end, value in zip(("", "_low", "_high"), one.values[name], strict=True)
        }
        | {"finding": one.finding}
        for one in (own, *others)
    }
    table = pd.DataFrame.from_dict(rows, orient="index")
    table.index.name = "definition"
    table.attrs = {
        "units": {"core_radius": "angstrom"},
        "species": species,
        "as_run": own.definition,
        "window_ps": float(data.attrs["window_ps"]),
        "level": float(data["multi_fraction_low"].attrs["level"]),
    }
    return UnitTable.of(table)
