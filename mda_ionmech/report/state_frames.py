"""Rows of macrostates, hops, events over time, and of estimates from parts of the trajectory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from ..results.running_estimate import running_conductivity
from .elements import Data, data
from .frames import ends, events_of, largest, plain

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

    from .reading import Reading

#: Carriers and bars of the figure of events over time, at most.
MOST_CARRIERS, MOST_BARS = 16, 1500
#: Lags of survival functions, at most.
MOST_LAGS = 48
#: Part of the trajectory up to which survival is shown, and survival below which it is not.
LONGEST_LAG, LEAST_SURVIVAL = 0.25, 0.005


def macrostates_of(at: Reading, species: str) -> tuple[xr.Dataset, list[str]]:
    """Populations and transitions of a species, and the macrostates that occur.

    The most populated ones, where there are many.
    """
    found = at.results.transitions
    assert found is not None  # asked of species with macrostates alone
    one = found.sel(species=species)
    share = {
        str(k): float(x)
        for k, x in zip(one["macrostate_start"].values, one["population"].values, strict=True)
        if x > 0
    }
    return one, largest(list(share), share)


def populations(at: Reading, species: str, name: str) -> Data:
    """Mean fraction of carriers in each macrostate."""
    one, kinds = macrostates_of(at, species)
    rows = [[f"macrostate:{k}", k, *ends(one, "population", macrostate_start=k)] for k in kinds]
    return data(name, ["key", "macrostate", "value", "low", "high"], rows)


def coordination(table: pd.DataFrame, name: str) -> Data:
    """Fractions of carriers with each number of ligands of each type."""
    rows = [
        [f"ligand:{ligands}", ligands, counted, int(number), *map(plain, row)]
        for (ligands, counted, number), row in zip(
            table.index.to_list(), table[["fraction", "low", "high"]].to_numpy(), strict=True
        )
        if ligands in table.attrs["types"]
    ]
    return data(name, ["key", "ligands", "counted", "number", "value", "low", "high"], rows)


def radial_distribution(table: pd.DataFrame, name: str) -> Data:
    """g(r) and the number of ligand atoms within a distance, by ligand type."""
    rows = [
        [f"ligand:{ligands}", ligands, r, *map(plain, row)]
        for (ligands, r), row in zip(table.index.to_list(), table.to_numpy(), strict=True)
    ]
    columns: list[str | tuple[str, str]] = ["key", "ligands", ("r", "angstrom")]
    columns += ["g", "error", "number_within"]
    return data(name, columns, rows)


def shell_radii(table: pd.DataFrame, name: str) -> Data:
    """Where contacts begin and end, by ligand type."""
    rows = [
        [f"ligand:{kind}", kind, what, radius]
        for kind, ends in table.attrs["radii"].items()
        for what, radius in zip(("forms below", "breaks beyond"), ends, strict=True)
    ]
    return data(name, ["key", "ligands", "contact", ("radius", "angstrom")], rows)


def transitions(at: Reading, species: str, name: str) -> Data:
    """Every transition at each window: probability, rate, flow, contribution, and its ribbon.

    rate = probability / window, per ion in the first macrostate, and flow = population x rate, per
    ion, both for a return within the window not counted. Ribbons: lower ends of the flow at its
    start and end when all flows between different macrostates are stacked to a height of one.
    """
    one, kinds = macrostates_of(at, species)
    whole = at.results.decomposition["onsager"].sel(species=species, species_2=species)
    share = {k: float(one["population"].sel(macrostate_start=k)) for k in kinds}
    rows: list[list[Any]] = []
    for window in one["window"].values:
        at_one = one.sel(window=window)
        scale = float(whole.sel(window=window))
        low = _ribbons(at_one, kinds, share)
        for a in kinds:
            for b in kinds:
                where = {"macrostate_start": a, "macrostate_end": b}
                count = plain(at_one["transition_count"].sel(where))
                if not count:
                    continue
                chance = ends(at_one, "transition_probability", **where)
                rate: list[float | None] = [None] * 3  # staying is no transition
                if a != b:
                    rate = [None if p is None else p * 1000 / float(window) for p in chance]
                flow = None if rate[0] is None else rate[0] * share[a]
                part = ends(at_one, "transition_onsager", 1 / scale if scale else np.nan, **where)
                if scale < 0:
                    part = [part[0], part[2], part[1]]
                rows.append([f"macrostate:{a}", a, b, float(window), *chance, *rate, flow, *part,
                             count, *low.get((a, b), (None, None, None))])  # fmt: skip
    columns: list[str | tuple[str, str]] = ["key", "start", "end", ("window", "ps")]
    columns += [f"probability{end}" for end in ("", "_low", "_high")]
    columns += [(f"rate{end}", "1/ns") for end in ("", "_low", "_high")]
    columns += [("flow", "1/ns"), "share", "share_low", "share_high", "count"]
    return data(name, [*columns, "from_height", "to_height", "thickness"], rows)


def _ribbons(
    one: xr.Dataset, kinds: list[str], share: dict[str, float]
) -> dict[tuple[str, str], tuple[float, float, float]]:
    """Lower end at the start and at the end, and thickness, of every flow between two kinds."""
    flow = {}
    for a in kinds:
        for b in kinds:
            where = {"macrostate_start": a, "macrostate_end": b}
            chance = float(one["transition_probability"].sel(where))
            if a != b and chance > 0:
                flow[a, b] = share[a] * chance
    total, gap = sum(flow.values()), 0.08
    if not total:
        return {}
    start = _stacked({k: sum(f for (a, _), f in flow.items() if a == k) for k in kinds}, total, gap)
    end = _stacked({k: sum(f for (_, b), f in flow.items() if b == k) for k in kinds}, total, gap)
    out = {}
    for (a, b), value in flow.items():
        out[a, b] = start[a], end[b], value / total
        start[a] += value / total
        end[b] += value / total
    return out


def _stacked(height: dict[str, float], total: float, gap: float) -> dict[str, float]:
    """Where each macrostate begins, from below, with gaps between those that occur."""
    out, at = {}, 0.0
    for kind, value in height.items():
        out[kind] = at
        at += value / total + (gap if value else 0.0)
    return out


def survival(at: Reading, species: str, name: str) -> Data | None:
    """Probability that a carrier has stayed in its macrostate throughout, against the lag.

    S(t) of the stored frames: of all time origins with t of trajectory left, the fraction in whose
    following frames up to t the macrostate is the same.
    """
    states = at.results.states
    if states is None or not states.sizes["frame"]:
        return None
    number = at.species.index(species)
    mine = states["carrier_species"].values == number
    codes = np.asarray(states["macrostate"].values[:, mine], dtype=np.int32)
    names = str(states["macrostate"].attrs.get("flag_meanings", "")).split()
    n_frames = len(codes)
    if n_frames < 8 or codes.max(initial=-1) < 0:
        return None
    longest = int(n_frames * LONGEST_LAG)
    lags = np.unique(np.geomspace(1, longest, MOST_LAGS).astype(int))
    _, length, value, left = stays(codes)
    spacing = float(at.results.settings["dt_ps"])
    rows: list[list[Any]] = []
    for code in np.unique(value[value >= 0]):
        kind = names[code]
        of = value == code
        rows.append([f"macrostate:{kind}", kind, 0.0, 1.0])
        for lag in lags:
            stayed, origins = survivors(length[of], left[of], int(lag))
            if not origins or stayed / origins < LEAST_SURVIVAL:
                break
            rows.append([f"macrostate:{kind}", kind, float(lag) * spacing, stayed / origins])
    return data(name, ["key", "macrostate", ("lag", "ps"), "value"], rows)


def stays(codes: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Stretches of equal codes: first frame, length, code, and frames left from the first one.

    Parameters
    ----------
    codes : numpy.ndarray
        Shape (frames, carriers), int32.

    Returns
    -------
    begin, length, value, left : numpy.ndarray
        Each (stretches,).
    """
    n_frames, n_carriers = codes.shape
    flat = np.ascontiguousarray(codes.T).ravel()  # carrier after carrier
    begins = np.ones(len(flat), dtype=bool)
    begins[1:] = flat[1:] != flat[:-1]
    begins[::n_frames] = True
    first = np.flatnonzero(begins)
    length = np.diff(np.append(first, n_frames * n_carriers))
    begin = first % n_frames
    return begin, length, flat[first], n_frames - begin


def survivors(length: np.ndarray, left: np.ndarray, lag: int) -> tuple[int, int]:
    """Origins that stay for `lag` further frames, and all with so many frames left.

    Parameters
    ----------
    length, left : numpy.ndarray
        Of every stretch: its frames, and those from its first to the end of the trajectory.
    lag : int
        Frames.
    """
    stayed = np.maximum(length - lag, 0).sum()
    origins = np.minimum(np.maximum(left - lag, 0), length).sum()
    return int(stayed), int(origins)


def running(at: Reading, species: str, name: str) -> Data:
    """Conductivity, coefficient and shares from the first and from the last part."""
    table = at.results.running_estimate(species=species)
    length, rows = float(table.attrs["length_ns"]), []
    for (direction, fraction), row in _rows(table):
        lead = [direction, float(fraction), float(fraction) * length]
        value, error = plain(row["onsager"]), plain(row["error"])
        rows.append([f"series:L({species}, {species})", "coefficient", *lead,
                     *_around(value, error, float(table.attrs["total"]))])  # fmt: skip
        rows += [
            [f"event:{event}", str(event), *lead, plain(row[event]), None, None]
            for event in table.columns[2:]
        ]
    if at.charged:
        sigma = running_conductivity(at.results, 10)
        for (direction, fraction), row in _rows(sigma):
            value, error = plain(row["conductivity"]), plain(row["error"])
            rows.append(["series:conductivity", "conductivity", direction, float(fraction),
                         float(fraction) * length, *_around(value, error, 1.0)])  # fmt: skip
    return data(
        name,
        ["key", "quantity", "direction", "fraction", ("length", "ns"), "value", "low", "high"],
        rows,
    )


def _rows(table: pd.DataFrame) -> Iterator[tuple[tuple[str, float], Any]]:
    """Rows of a table by direction and fraction."""
    yield from zip(table.index.to_list(), table.to_dict("records"), strict=True)


def _around(value: float | None, error: float | None, scale: float) -> list[float | None]:
    if value is None or error is None or not scale:
        return [None, None, None]
    error = abs(error / scale)
    return [value / scale, value / scale - error, value / scale + error]


def concerted(at: Reading, species: str, name: str) -> Data | None:
    """Fractions of linked hops with both nulls at each window; None without them."""
    found = at.results.decomposition
    if "multi_fraction" not in found:
        return None
    one = found.sel(species=species)
    if not np.isfinite(one["multi_fraction"]).any():
        return None
    said = {
        "multi_fraction": "linked hops",
        "multi_fraction_exclusion": "the same in an exclusion gas",
        "multi_fraction_circular": "the same by chance",
        "largest_cluster_fraction": "hops in the largest cluster",
        "multi_hop_fraction": "carriers with two hops or more",
    }
    rows = [
        [f"series:{words}", words, float(window), *ends(one.sel(window=window), variable),
         int(found["blocks"].sel(window=window))]
        for variable, words in said.items() if variable in one
        for window in one["window"].values
    ]  # fmt: skip
    return data(name, ["key", "quantity", ("window", "ps"), "value", "low", "high", "blocks"], rows)


def timeline(at: Reading, species: str, name: str) -> Data | None:
    """Stretches of equal events of the first carriers, in the windows of the stored states."""
    states = at.results.states
    if states is None or species not in at.ruled:
        return None
    mine = np.flatnonzero(states["carrier_species"].values == at.species.index(species))
    codes = np.asarray(states["event"].values[:, mine[:MOST_CARRIERS]], dtype=np.int32)
    names = str(states["event"].attrs["flag_meanings"]).split()
    times, spacing = states["time"].values, float(at.results.settings["dt_ps"])
    changes = np.cumsum((codes[1:] != codes[:-1]).sum(axis=1)) + codes.shape[1]
    last = int(np.searchsorted(changes, MOST_BARS // len(at.ruled))) + 1
    codes = codes[:last]
    begin, length, value, _ = stays(codes)
    carrier = np.cumsum(begin == 0) - 1
    rows = [
        [f"event:{names[v]}", int(c) + 1, names[v], round(float(times[b]), 6),
         round(float(times[b]) + float(n) * spacing, 6)]
        for b, n, v, c in zip(begin, length, value, carrier, strict=True)
        if v >= 0
    ]  # fmt: skip
    known = set(events_of(at, species))
    rows = [row for row in rows if row[2] in known]
    return data(name, ["key", "carrier", "event", ("start", "ps"), ("stop", "ps")], rows)
