"""Table of event classes split by a flag, with the sums checked against the classes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from ..events.solvation import EXCHANGE, SEVERAL, SOLVENT, SolvationEvents
from ..lib.checks import shown
from ..lib.errors import AdditivityError, InputError, warn_user
from ..lib.label_names import CHANNEL, LIGAND, split_names
from ..onsager.coefficients import MAX_RESIDUAL
from .diffusive_view import diffusive_view, lags_of, mask_undefined
from .ends import ENDS

#: Attribute of a table: the lag from which the parts of classes are straight, ps.
STRAIGHT_FROM = "parts_straight_from_ps"


def flag_table(results: Any, by: str, species: str, **reading: Any) -> pd.DataFrame:
    """See `Results.summary` with ``by=...``; reading: its other arguments.

    Raises
    ------
    InputError
        For a result without its run, or a flag that the rule does not have.
    AdditivityError
        If the parts of a class do not sum to it: a bug.
    """
    from ..lib.unit_table import UnitTable

    plain = results.summary(species=species, **reading)
    other = _split(results, by, species)
    view = plain.attrs.get("view", "window")
    if view == "window":
        table = other.summary(plain.attrs["window_ps"], species=species)
    else:
        lengths = {k: plain.attrs.get(f"{k}_ps") for k in ("resolution", "horizon")}
        table = other.summary(view=view, species=species, **lengths)
    events = [str(e) for e in plain.index]
    keys = {LIGAND: _ligand_key, CHANNEL: _channel_key}
    key = keys[by](events, table) if by in keys else _flag_key(events, by)
    _check_sums(plain, table, key)
    counts = other.decomposition["event_count"].sel(species=species).sum("window")
    met = {key[str(e)] for e, n in zip(counts["event"].values, counts.values, strict=True) if n > 0}
    if by == LIGAND:
        met = set(key.values())
    elif by == CHANNEL:
        met |= {(e, "") for e in events}
    else:  # of a class that never occurs the part without the flag stays
        met |= {(e, False) for e in events if (e, True) not in met}
    attrs = table.attrs
    if view == "diffusive":
        attrs = attrs | {STRAIGHT_FROM: _straight_from(other, by, attrs["first_lag_ps"])}
    kept = [key[str(e)] in met for e in table.index]
    table = table[kept]
    table.index = pd.MultiIndex.from_tuples([key[str(e)] for e in table.index], names=["event", by])
    table.attrs = attrs | {"by": by}
    return UnitTable.of(table)


def _straight_from(other: Any, by: str, first: float) -> float:
    """The lag from which all parts are straight, ps, with a warning where it is a later one."""
    found = float(other.decomposition["diffusive_onsager"].attrs[STRAIGHT_FROM])
    if found > first * (1 + 1e-9):
        warn_user(
            f"summary(by={shown(by)}): parts of the classes are straight from {found:g} ps on, and "
            f"this table is of the lags of the run, from {first:g} ps: their sums are right, but "
            "parts that undo one another are told apart at long times only; see "
            f"run.split_by({shown(by)}).summary(), whose lags are those of the parts"
        )
    return found


def _flag_key(events: list[str], by: str) -> dict[str, tuple[str, Any]]:
    """Class of each label, and whether it is the part with the flag."""
    both = [(e, has) for e in events for has in (True, False)]
    key: dict[str, tuple[str, Any]] = dict(zip(split_names(events, by), both, strict=True))
    return key | {e: (e, False) for e in events}  # vibration, which is no class of the rule


def _ligand_key(events: list[str], table: pd.DataFrame) -> dict[str, tuple[str, Any]]:
    """Class of each label, and the solvent of those that are exchange of one; see `_split`."""
    whole = SolvationEvents.names[SOLVENT]
    key: dict[str, tuple[str, Any]] = {e: (e, "") for e in events if e != whole}
    for label in map(str, table.index):
        if label not in key:
            key[label] = whole, "several" if label == SEVERAL else label.removesuffix(EXCHANGE)
    return key


def _channel_key(events: list[str], table: pd.DataFrame) -> dict[str, tuple[str, Any]]:
    """Class of each label, and the labels of the sites at both ends of its hops."""
    key: dict[str, tuple[str, Any]] = {}
    for label in map(str, table.index):
        whole = next(e for e in events if label == e or label.startswith(f"{e}_"))
        key[label] = whole, label[len(whole) + 1 :]
    return key


def _split(results: Any, by: str, species: str) -> Any:
    """The result with classes split, in the diffusive view with the lags of the result itself."""
    if not isinstance(by, str) or not by:
        raise InputError(f"by must be the name of a flag, e.g. 'denticity', got {shown(by)}")
    if (by, species) not in results._splits:
        split = None if results._run_link is None else results._run_link()
        if split is None:
            raise InputError(
                f"summary(by={shown(by)}): flags belong to the run, and a result does not hold "
                "them; keep the run, run.results.summary(by=...), or save it with "
                "run.save_run(path) and ask load_run(path).results.summary(by=...); "
                "run.split_by(flag).save(path) writes a result with split classes"
            )
        results._splits[by, species] = _with_lags_of(split(by, species), results)
    return results._splits[by, species]


def _with_lags_of(split: Any, results: Any) -> Any:
    """A result whose diffusive view has the lags and weights of another one of the same run."""
    if not results.has_diffusive_view:
        return split
    view = diffusive_view(split.blocks, choice=lags_of(results.blocks))
    view = mask_undefined(view, split.blocks, fixed=False)
    data = split.decomposition
    for name, value in view.values.items():
        for end, array in zip(ENDS, (value, *view.spans[name]), strict=True):
            if name + end in data:
                data[name + end] = data[name + end].copy(data=array)
    straight_from = data["diffusive_onsager"].attrs["first_lag_ps"]
    about = results.decomposition["diffusive_onsager"].attrs
    data["diffusive_onsager"].attrs = about | {STRAIGHT_FROM: straight_from}
    tree = split.tree.copy()
    tree["decomposition"] = xr.DataTree(data)
    return type(results)(tree)


def _check_sums(plain: pd.DataFrame, table: pd.DataFrame, key: dict[str, tuple[str, Any]]) -> None:
    """Refuse parts that do not sum to their class."""
    found = table["onsager"].groupby([key[str(e)][0] for e in table.index]).sum()
    whole = plain["onsager"]
    scale = float(np.abs(table["onsager"]).sum())
    worst = float(np.abs(found.reindex(whole.index) - whole).max())
    if not worst <= MAX_RESIDUAL * scale:
        raise AdditivityError(
            f"parts of the classes do not sum to them: residual {worst / scale:.2e}; this is a bug "
            "in the labelling, please report it"
        )
