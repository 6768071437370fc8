"""The view, and the window or the resolution and horizon, in which temperatures are compared."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..lib.errors import InputError
from .results import Results

#: Per view: coefficients by event.
BY_EVENT = {
    "window": "event_onsager",
    "path": "path_onsager",
    "slope": "path_slope",
    "diffusive": "diffusive_event_onsager",
}


def temperature_of(results: Results) -> float:
    """Temperature of a result, K."""
    return float(results.settings["temperature_K"])


def sound_view(
    results: Sequence[Results],
    species: str,
    window: float | None,
    resolution: float | None,
    horizon: float | None,
) -> str:
    """The diffusive view where every temperature has one; else the slope or the window view.

    The slope view where a horizon is given, or where it is recommended at every temperature. Any
    view that was not asked for, other than the diffusive one, is said in a warning.
    """
    if horizon is not None:
        return "slope"
    if window is not None:
        return "window" if resolution is None else "slope"
    without = [r for r in results if not r.has_diffusive_view]
    if not without:
        return "diffusive"
    why = f"no diffusive view at {_at(without)} ({_why_no_limit(without[0])})"
    view = "slope" if resolution is not None else "window"
    if view == "window":
        no_paths = [r for r in results if "path_slope" not in r.decomposition]
        if no_paths:
            why += f", no slope view at {_at(no_paths)}"
        else:
            advice = [(r, r.recommend(species=species)) for r in results]
            vague = [(r, a) for r, a in advice if a.resolution is None or a.horizon is None]
            if vague:
                why += f", no slope view at {_at([vague[0][0]])} ({str(vague[0][1]).rstrip('.')})"
            else:
                view = "slope"
    more = "; its energies are also those of the motion on sites" if view == "window" else ""
    warnings.warn(f"the {view} view is used, as there is {why}{more}", stacklevel=3)
    return view


def _at(results: Sequence[Results]) -> str:
    return ", ".join(f"{temperature_of(r):g}" for r in results) + " K"


def _why_no_limit(results: Results) -> str:
    """Why a result has no diffusive view, with the remedy."""
    data = results.decomposition
    said = data["diffusive_onsager"].attrs.get("comment", "") if "diffusive_onsager" in data else ""
    return str(said).rstrip(".") or "it was run without resolutions='log' and horizons='log'"


def recommended_lengths(
    results: Sequence[Results],
    view: str,
    species: str,
    resolution: float | None,
    horizon: float | None,
) -> tuple[float, float]:
    """The shortest resolution and the longest horizon recommended at any temperature."""
    advice = [r.recommend(species=species) for r in results]

    def recommended(name: str) -> list[float]:
        for r, one in zip(results, advice, strict=True):
            if getattr(one, name) is None:
                raise InputError(
                    f"the {view} view needs {name}=... in ps, none is recommended at "
                    f"{temperature_of(r):g} K; {one}"
                )
        return [getattr(one, name) for one in advice]

    if resolution is None:
        scanned = [r.decomposition["resolution"].values for r in results]
        resolution = _shared_below(results, min(recommended("resolution")), scanned)
    return resolution, max(recommended("horizon")) if horizon is None else horizon


def diffusive_resolution(results: Sequence[Results], species: str) -> float:
    """The shortest resolution at which labels are read in the diffusive view of any temperature.

    The next shorter one where not all temperatures have it. A warning says which temperatures
    have values that are not to be read, and why.
    """
    lengths, known, unsound = [], [], []
    for one in results:
        advice = one.recommend(species=species)
        if advice.label_resolution is None:
            if not one.has_diffusive_view:
                raise InputError(
                    f"the result at {temperature_of(one):g} K has no diffusive view: "
                    f"{_why_no_limit(one)}; leave it out, or give view='slope' or 'window'"
                )
            raise InputError(
                f"the result at {temperature_of(one):g} K has no reading in the diffusive view: "
                f"{str(advice).rstrip('.')}; leave it out, or give resolution=... in ps"
            )
        if advice.unsound:
            unsound.append(f"at {temperature_of(one):g} K: {advice.unsound.rstrip('.')}")
        lengths.append(advice.label_resolution)
        values = one.decomposition["diffusive_event_onsager"]
        mine = values.sel(species=species, species_2=species).transpose("event", "resolution")
        known.append(values["resolution"].values[np.isfinite(mine.values).all(axis=0)])
    if unsound:
        warnings.warn(
            f"the diffusive view of {species} is not to be read {'; '.join(unsound)}. Its energies "
            "use it all the same; leave these temperatures out, or run them as is said",
            stacklevel=4,
        )
    return _shared_below(results, min(lengths), known)


def _shared_below(results: Sequence[Results], wanted: float, held: Sequence[Any]) -> float:
    """The longest resolution of all results up to the wanted one; the shortest without one."""
    shared = [float(v) for v in held[0] if all(near(v, other) for other in held[1:])]
    if not shared:
        each = "; ".join(
            f"{', '.join(f'{v:g}' for v in values)} at {temperature_of(r):g} K"
            for r, values in zip(results, held, strict=True)
        )
        raise InputError(
            f"no resolution is common to all temperatures, they are (ps) {each}; analyse every "
            f"temperature with resolutions=[{wanted:g}]"
        )
    return max((v for v in shared if v <= wanted * (1 + 1e-6)), default=min(shared))


def check_view(results: Sequence[Results], view: str) -> None:
    """Refuse results without a view."""
    for r in results:
        if BY_EVENT[view] not in r.decomposition:
            raise InputError(
                f"the result at {temperature_of(r):g} K has no {view} view; run it again with "
                "resolutions='log' and horizons='log'"
            )


def check_lengths(
    view: str, window: float | None, resolution: float | None, horizon: float | None
) -> None:
    """Refuse lengths that belong to another view."""
    if view == "window":
        if resolution is not None or horizon is not None:
            raise InputError(
                "the window view has one length: give window=..., or view='slope' with "
                "resolution=... and horizon=..."
            )
    elif window is not None:
        raise InputError(
            f"window={window:g} belongs to view='window'; the {view} view takes resolution=..."
            + (" alone" if view == "diffusive" else " and horizon=...")
        )
    elif view == "diffusive" and horizon is not None:
        raise InputError(
            f"horizon={horizon:g} belongs to view='slope'; the diffusive view uses all lags"
        )


def place_of(
    results: Sequence[Results],
    view: str,
    window: float | None,
    resolution: float | None,
    horizon: float | None,
) -> dict[str, float]:
    """The window, or resolution and horizon, common to all results."""
    if view == "window":
        if window is None:
            sound = [
                {float(w) for w, b in zip(d["window"].values, d["blocks"].values, strict=True)
                 if b >= 10}
                for d in (r.decomposition for r in results)
            ]  # fmt: skip
            for r, lengths in zip(results, sound, strict=True):
                if not lengths:
                    raise InputError(
                        f"no window has ten blocks at {temperature_of(r):g} K; run it longer, "
                        "leave that temperature out, or give window=..."
                    )
            common = [w for w in sorted(sound[0]) if all(near(w, s) for s in sound[1:])]
            if not common:
                raise InputError(
                    "no window has ten blocks at every temperature; give window=..., or analyse "
                    "all of them with the same windows=[...]"
                )
            window = common[-1]
        return {"window": _common(results, "window", window)}
    assert resolution is not None
    if view == "diffusive":
        return {"resolution": _common(results, "resolution", resolution)}
    assert horizon is not None
    return {
        "resolution": _common(results, "resolution", resolution),
        "horizon": _common(results, "horizon", horizon),
    }


def near(value: float, values: Any) -> bool:
    """Whether a length is among others, but for rounding."""
    return bool(np.any(np.isclose(np.array(sorted(values)), value, rtol=1e-6, atol=0)))


def _common(results: Sequence[Results], dim: str, wanted: float) -> float:
    """The scanned length closest to the wanted one, if it is the same in every result."""
    found = []
    for r in results:
        values = r.decomposition[dim].values
        slack = 0.5 * float(r.settings["dt_ps"])
        if not values[0] - slack <= wanted <= values[-1] + slack:
            raise InputError(
                f"{dim}={wanted:g} ps is outside the scan at {temperature_of(r):g} K, "
                f"{values[0]:g} to {values[-1]:g} ps"
            )
        found.append(float(values[np.argmin(np.abs(values - wanted))]))
    if not near(found[0], found) or np.ptp(found) > 1e-6 * found[0]:
        each = ", ".join(
            f"{f:g} at {temperature_of(r):g} K" for f, r in zip(found, results, strict=True)
        )
        shared = [
            f"{v:g}"
            for v in results[0].decomposition[dim].values
            if all(near(v, r.decomposition[dim].values) for r in results)
        ]
        raise InputError(
            f"{dim}={wanted:g} ps: the nearest scanned ones are {each} (ps); common to all are "
            f"{', '.join(shared) or 'none'}; analyse every temperature with {dim}s=[{wanted:g}]"
        )
    return found[0]
