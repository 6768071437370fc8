"""The numbers of a result as rows, unrounded: what charts draw and files hold."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from ..onsager.coefficients import onsager_factor
from ..results.ends import ENDS, value_at
from .elements import Data, data

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

    from .reading import Reading

#: Label of the diffusive limit on axes of windows.
LIMIT = "limit"
#: Events and macrostates that matrices on a page show, at most: their size grows with the square.
MOST_IN_MATRIX = 12
#: cm2/s in A^2/ps.
_SQUARE_CM = 1e4


def plain(value: Any) -> float | None:
    """A number for JSON: None where it is unknown."""
    number = float(value)
    return number if np.isfinite(number) else None


def ends(data: xr.Dataset, name: str, factor: float = 1.0, /, **where: str) -> list[float | None]:
    """Value, low and high end of a variable, times a factor; None where unknown."""
    out = []
    for end in ENDS:
        variable = f"{name}{end}"
        out.append(plain(factor * value_at(data, variable, where)) if variable in data else None)
    return out


def events_of(at: Reading, species: str) -> list[str]:
    """Labels that a species has in windows."""
    frequency = at.results.decomposition["event_frequency"].sel(species=species)
    has = np.isfinite(frequency.transpose("event", "window").values).any(axis=1)
    return [str(e) for e, own in zip(frequency["event"].values, has, strict=True) if own]


def conductivity_by_event(at: Reading) -> Data:
    """Contribution of every event of every species at each window and in the diffusive limit.

    Of the conductivity; without charges, of the Onsager coefficient of the first species.
    """
    rows: list[list[Any]] = []
    mine = at.species if at.charged else at.species[:1]
    for name in mine:
        for event in events_of(at, name):
            key = f"event:{event}" if name in at.ruled else f"species:{name}"
            shown = event if name in at.ruled else name
            for window, label, one in at.scan:
                blocks = int(one["blocks"])
                count = plain(one["event_count"].sel(species=name, event=event))
                where = {"species": name, "event": event}
                if at.charged:
                    value = ends(one, "event_conductivity", **where)
                else:
                    value = ends(one, "event_onsager", species_2=name, **where)
                rows.append([key, name, shown, label, window, *value, count, blocks])
    if at.diffusive:
        rows += _limits(at, mine)
    unit = "S/m" if at.charged else "1/(J m s)"
    return data(
        "contributions-by-window",
        ["key", "species", "event", "label", ("window", "ps"), ("value", unit), ("low", unit),
         ("high", unit), "count", "blocks"],
        rows,
    )  # fmt: skip


def _limits(at: Reading, mine: Sequence[str]) -> Iterator[list[Any]]:
    """Rows of the diffusive limit, labels read as recommended for each species."""
    short = "conductivity" if at.charged else "onsager"
    blocks = int(at.results.decomposition["diffusive_onsager"].attrs["blocks"])
    for name in mine:
        if name in at.ruled:
            table = at.results.summary(view="diffusive", species=name)
            for event, row in table.iterrows():
                value = [plain(row[f"{short}{end}"]) for end in ENDS]
                yield [f"event:{event}", name, str(event), LIMIT, None, *value, None, blocks]
        else:
            one = at.results.decomposition.sel(species=name)
            variable = f"diffusive_event_{short}"
            if variable not in one:
                continue
            held = one[variable].sel(event="all")
            held = held if at.charged else held.sel(species_2=name)
            known = np.flatnonzero(np.isfinite(held.values))
            if len(known):
                one = one.isel(resolution=int(known[0]))
                where = {"event": "all"} | ({} if at.charged else {"species_2": name})
                value = ends(one, variable, **where)
                yield [f"species:{name}", name, name, LIMIT, None, *value, None, blocks]


def totals(at: Reading) -> Data:
    """The conductivity, or the coefficient of the first species, at each window and its limit."""
    first = at.species[0]
    name, where = ("conductivity", {}) if at.charged else (
        "onsager", {"species": first, "species_2": first}
    )  # fmt: skip
    rows: list[list[Any]] = [
        [label, window, *ends(one, name, **where), int(one["blocks"])]
        for window, label, one in at.scan
    ]
    if at.diffusive:
        found = at.results.decomposition
        blocks = int(found["diffusive_onsager"].attrs["blocks"])
        rows.append([LIMIT, None, *ends(found, f"diffusive_{name}", **where), blocks])
    unit = "S/m" if at.charged else "1/(J m s)"
    return data(
        "totals-by-window",
        ["label", ("window", "ps"), ("value", unit), ("low", unit), ("high", unit), "blocks"],
        rows,
    )


def events_by_window(at: Reading, species: str, name: str) -> Data:
    """Everything known of the events of one species at each window."""
    rows: list[list[Any]] = []
    extra = ["effectiveness_cooperative", "cluster_count"]
    found = at.results.decomposition
    extra = [v for v in extra if v in found]
    for event in events_of(at, species):
        where = {"species": species, "event": event}
        for window, _, one in at.scan:
            rows.append(
                [f"event:{event}", event, window, *ends(one, "share", **where),
                 *ends(one, "event_conductivity", **where),
                 *ends(one, "event_onsager", species_2=species, **where),
                 plain(one["event_self"].sel(where)), plain(one["event_distinct"].sel(where)),
                 *ends(one, "event_frequency", **where), *ends(one, "effectiveness", **where),
                 *(plain(one[v].sel(where)) for v in extra),
                 plain(one["event_count"].sel(where)), int(one["blocks"])]
            )  # fmt: skip
    units = {"share": "1", "conductivity": "S/m", "onsager": "1/(J m s)"}
    columns: list[str | tuple[str, str]] = ["key", "event", ("window", "ps")]
    columns += [(f"{n}{end}", unit) for n, unit in units.items() for end in ENDS]
    columns += [("self", "1/(J m s)"), ("distinct", "1/(J m s)")]
    columns += [(f"frequency{end}", "1/ns") for end in ENDS]
    columns += [(f"effectiveness{end}", "angstrom2") for end in ENDS]
    columns += [(v, str(found[v].attrs["units"])) for v in extra]
    return data(name, [*columns, "count", "blocks"], rows)


def transport_by_window(at: Reading) -> Data:
    """Conductivities, Haven ratio and transference numbers at each window.

    Column `slope` of the conductivities: of sigma times window between neighbouring windows, at
    the later one, without the contribution of vibration and caging to short windows.
    """
    rows: list[list[Any]] = []
    windows = at.scan
    for quantity, name, species in _quantities(at):
        where = {} if species is None else {"species": species}
        values = [float(one[name].sel(where)) for *_, one in windows]
        if not np.isfinite(values).any():
            continue  # e.g. transference numbers that momentum alone fixes
        slopes: list[float | None] = [None]
        if name in ("conductivity", "nernst_einstein"):
            slopes += [
                plain((b * t - a * s) / (t - s))
                for (a, (s, *_)), (b, (t, *_)) in pairwise(zip(values, windows, strict=True))
            ]
        else:
            slopes += [None] * (len(windows) - 1)
        for (window, _, one), slope in zip(windows, slopes, strict=True):
            value = ends(one, name, **where)
            rows.append([f"series:{quantity}", quantity, window, *value, slope, int(one["blocks"])])
    return data(
        "transport-by-window",
        ["key", "quantity", ("window", "ps"), "value", "low", "high", "slope", "blocks"],
        rows,
    )


def _quantities(at: Reading) -> list[tuple[str, str, str | None]]:
    out: list[tuple[str, str, str | None]] = []
    if at.charged:
        out += [
            ("conductivity", "conductivity", None),
            ("Nernst-Einstein", "nernst_einstein", None),
            ("Haven ratio", "haven_ratio", None),
        ]
        if len(at.species) > 1:
            out += [(f"t({n})", "transference_number", n) for n in at.species]
    return out


def displacements(at: Reading) -> Data:
    """Mean squared displacements of single ions and, per ion, of all ions of a species together.

    <d^2> = 2 n D t and <D.D> / N = 2 n kB T V L_AA t / N, with the local exponents d ln / d ln t
    between neighbouring windows, at their geometric mean.
    """
    settings = at.results.settings
    n = len(settings["axes"])
    rows: list[list[Any]] = []
    windows = at.scan
    for one in settings["species"]:
        species = str(one["name"])
        for which, name in (("single ions", "diffusivity_self"), ("collective", "onsager")):
            where = {"species": species} | (
                {} if which == "single ions" else {"species_2": species}
            )
            series = f"{species}, {which}" if len(at.species) > 1 else which
            last: tuple[float, float] | None = None
            for window, _, found in windows:
                if which == "single ions":
                    factor = 2 * n * _SQUARE_CM * window
                else:
                    factor = 1 / (one["n_carriers"] * onsager_factor(
                        window, n, settings["temperature_K"], settings["volume_angstrom3"]
                    ))  # fmt: skip
                value = ends(found, name, factor, **where)
                exponent = middle = None
                if last is not None and value[0] and last[1] > 0 and value[0] > 0:
                    exponent = plain(np.log(value[0] / last[1]) / np.log(window / last[0]))
                    middle = plain(np.sqrt(window * last[0]))
                if value[0]:
                    last = window, value[0]
                rows.append([f"series:{series}", species, which, window, *value, middle, exponent,
                             int(found["blocks"])])  # fmt: skip
    area = "angstrom2"
    return data(
        "mean-squared-displacements",
        ["key", "species", "which", ("window", "ps"), ("value", area), ("low", area),
         ("high", area), ("middle", "ps"), "exponent", "blocks"],
        rows,
    )  # fmt: skip


def displacement_bins(at: Reading, species: str, name: str) -> Data:
    """Displacements of one species by event and length, at each window that has them."""
    rows: list[list[Any]] = []
    held = at.results.displacement_data
    for window in () if held is None else held["window"].values:
        table = at.results.displacement_spectrum(float(window), species=species)
        for (event, low, high), row in zip(
            table.index.to_list(), table.to_dict("records"), strict=True
        ):
            share = [plain(row[f"share{end}"]) for end in ENDS]
            rows.append([f"event:{event}", event, float(window), round(low, 9), round(high, 9),
                         row["count"], *share])  # fmt: skip
    return data(
        name,
        ["key", "event", ("window", "ps"), ("from", "angstrom"), ("to", "angstrom"), "count",
         *(f"share{end}" for end in ENDS)],
        rows,
    )  # fmt: skip


def event_matrix(at: Reading, species: str, name: str) -> Data:
    """Cross terms of the events of one species over its coefficient, at each window.

    Of the `MOST_IN_MATRIX` events with the largest shares.
    """
    events = events_of(at, species)
    share = at.results.decomposition["share"].sel(species=species)
    size = {e: float(abs(share.sel(event=e)).max()) for e in events}
    events = largest(events, size)
    rows: list[list[Any]] = []
    for window, _, one in at.scan:
        mine = one.sel(species=species, species_2=species)
        whole = float(mine["onsager"])
        defined = np.isfinite(one["share"].sel(species=species)).any()
        scale = 1 / whole if defined and whole else np.nan
        for a in events:
            for b in events:
                value = ends(mine, "event_matrix", scale, event=a, event_2=b)
                if scale < 0:
                    value = [value[0], value[2], value[1]]
                rows.append([f"event:{a}", a, b, window, *value])
    return data(name, ["key", "event", "event_2", ("window", "ps"), "value", "low", "high"], rows)


def largest(names: Sequence[str], size: Mapping[str, float]) -> list[str]:
    """The `MOST_IN_MATRIX` largest in their order."""
    order = sorted(names, key=lambda name: -np.nan_to_num(size[name]))
    kept = set(order[:MOST_IN_MATRIX])
    return [name for name in names if name in kept]


def view_shares(at: Reading, species: str, name: str) -> Data:
    """Shares in the slope view at each resolution and horizon, with intervals."""
    results, rows = at.results, []
    blocks = results.blocks
    for entry in sorted(blocks.paths, key=lambda p: (p.resolution, p.horizon)):
        resolution, horizon = entry.resolution * blocks.dt, entry.horizon * blocks.dt
        table = results.summary(
            species=species, view="slope", resolution=resolution, horizon=horizon
        )
        for event, row in table.iterrows():
            share = [plain(row[f"share{end}"]) for end in ENDS]
            if share[0] is not None:
                rows.append([f"event:{event}", str(event), resolution, horizon, *share])
    return data(
        name,
        ["key", "event", ("resolution", "ps"), ("horizon", "ps"), "value", "low", "high"],
        rows,
    )


def table_data(name: str, table: pd.DataFrame) -> Data:
    """A table of `Results` as rows, its index first, with units from its attributes.

    Columns of interval ends have the unit of their value.
    """
    units = dict(table.attrs.get("units", {}))
    index: list[str | tuple[str, str]] = [str(n) for n in table.index.names]

    def unit(column: str) -> str:
        stem = column.removesuffix("_low").removesuffix("_high")
        return str(units.get(column, units.get(stem, "")))

    columns = [*index, *((str(c), unit(str(c))) for c in table.columns)]
    rows = []
    for at, row in zip(table.index, table.itertuples(index=False), strict=True):
        lead = list(at) if isinstance(at, tuple) else [at]
        rows.append([_cell(v) for v in (*lead, *row)])
    return data(name, columns, rows)


def _cell(value: Any) -> Any:
    if isinstance(value, str):
        return value
    if isinstance(value, int | np.integer) and not isinstance(value, bool):
        return int(value)
    return plain(value)
