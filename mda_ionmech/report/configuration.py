"""The settings of a result as a configuration of ``ionmech run``, as far as it records them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

#: Keys of detectors and rules in a configuration, by the names in the settings of a result.
_KEYS: dict[str, dict[str, str]] = {
    "HullShell": {"search_angstrom": "search", "ratio": "ratio", "fallback_angstrom": "fallback"},
    "CageAssignment": {"time_ps": "time", "distance_angstrom": "distance"},
    "SiteAssignment": {"assignment": "assignment", "r_core_angstrom": "r_core",
                       "hop_time": "hop_time", "merge_angstrom": "merge",
                       "merge_across": "merge_across", "coordination_asked": "coordination"},
    "SolvationEvents": {"counterion": "counterion", "resolve": "resolve"},
    "PolymerEvents": {"counterion": "counterion", "denticity": "denticity", "chains": "chains"},
    "CrystalEvents": {"linking": "linking", "distance_angstrom": "distance", "lag_ps": "lag",
                      "detail": "detail", "shared_angstrom": "shared"},
    "IonPairing": {"anion": "anion", "by": "by"},
    "ShellComposition": {"count": "count", "of": "of", "most": "most", "chains": "chains",
                         "anion": "anion"},
    "SiteType": {},
}  # fmt: skip
_BARE = re.compile(r"[A-Za-z0-9_-]+")


def configuration(settings: Mapping[str, Any], *, vehicle: bool = False) -> tuple[str, list[str]]:
    """A TOML file that repeats a run, and what the result does not record.

    Radii found from g(r) are written as found, and lengths of windows as scanned.

    Parameters
    ----------
    settings : mapping
        Of a result.
    vehicle : bool
        Whether the run was made with ``projection="vehicle"``.

    Returns
    -------
    text : str
    missing : list of str
        Sentences on what to add.
    """
    missing: list[str] = []
    dt = float(settings["dt_ps"])
    trajectories = str(settings["trajectory"] or "").split(", ")
    if not (settings["trajectory"] and settings["topology"]):
        missing.append("The trajectory was in memory: write it to files and give their names.")
    lines = [
        f"topology = {_toml(str(settings['topology'] or ''))}",
        "trajectory = " + _toml(trajectories if len(trajectories) > 1 else trajectories[0]),
        "",
        "[analysis]",
    ]
    analysis = {
        "temperature": settings["temperature_K"],
        "windows": _times(settings["window_frames"], dt),
        "resolutions": _times(settings["resolution_frames"], dt) or "none",
        "horizons": _times(settings["horizon_frames"], dt) or "none",
        "frame": settings["frame"],
        "framework": settings.get("framework"),
        "projection": _projection(settings, vehicle),
        "axes": settings["axes"],
        "unwrap": settings["unwrap"]["asked"],
        "dt": settings.get("dt_given"),
        "seed": settings["seed"],
        "level": settings["level"],
        "uneven": settings.get("uneven"),
    }
    lines += _pairs(analysis)
    for one in settings["species"]:
        lines += _species(one, missing)
    lines += ["", "[run]"]
    step = settings["frame_step"] or 1
    first, last = settings["first_frame"], settings["last_frame"]
    lines += _pairs({"start": first, "stop": last + 1, "step": step})
    expected = (last - first) // step + 1
    if expected != settings["n_frames"] and "replicas" not in settings:
        missing.append("Frames were chosen one by one: start, stop and step give others.")
    if "replicas" in settings:
        missing.append("Replicas were pooled: run each trajectory, then mda_ionmech.combine.")
    missing.append(
        "Names of files are written here without their folders and options, which the settings "
        "of the result hold as files; attributes set by hand and transformations of "
        "MDAnalysis.Universe are not recorded."
    )
    return "\n".join(lines) + "\n", missing


def _times(frames: list[int], dt: float) -> list[float]:
    return [round(n * dt, 9) for n in frames]


def _projection(settings: Mapping[str, Any], vehicle: bool) -> str | None:
    if vehicle:
        return "vehicle"
    found = settings.get("projection") or {}
    with_sites = [
        one["name"] for one in settings["species"]
        if (one.get("microstates") or {}).get("detector") in ("SiteAssignment", "CageAssignment")
    ]  # fmt: skip
    return "none" if any(not found.get(name) for name in with_sites) else None


def _species(one: Mapping[str, Any], missing: list[str]) -> list[str]:
    name = str(one["name"])
    lines = ["", "[[species]]"]
    lines += _pairs({"name": name, "selection": one["selection"], "charge": one["charge"],
                     "compound": one["compound"]})  # fmt: skip
    if about := one.get("microstates"):
        lines += ["", "[species.microstates]", *_detector(name, about, missing)]
    for part in ("events", "macrostates"):
        if about := one.get(part):
            lines += ["", f"[species.{part}]", *_rule(name, part, about, missing)]
    return lines


def _detector(name: str, about: Mapping[str, Any], missing: list[str]) -> list[str]:
    kind = str(about["detector"])
    given: dict[str, Any] = {"rule": kind, "persistence": about.get("persistence_ps")}
    ligands = about.get("ligands") or {}
    if kind == "CutoffShell":
        inner, outer = about["cutoff_inner_angstrom"], about["cutoff_outer_angstrom"]
        given["cutoff"] = dict(inner)
        given["hysteresis"] = {k: round(outer[k] - r, 9) for k, r in inner.items() if outer[k] > r}
        given["recorded"] = dict(about.get("recorded_angstrom") or {})
        given["ligands"] = dict(ligands)
    elif kind == "HullShell":
        given["ligands"] = dict(ligands)
        if about.get("host_atoms"):
            missing.append(f"The host atoms of the shells of {name}: give host.")
    elif kind == "SiteAssignment":
        given["framework"] = ligands.get("framework")
        missing.append(
            f"Where the sites of {name} are from: give cif and species, fractional and labels, or "
            "density = true, as in the run."
        )
        if about.get("vertex_atoms"):
            missing.append(f"The vertices of the polyhedra of {name}: give vertices.")
    elif kind != "CageAssignment":
        missing.append(f"Import path and options of {kind}, the detector of {name}.")
    return _pairs(given | _known(kind, about))


def _rule(name: str, part: str, about: Mapping[str, Any], missing: list[str]) -> list[str]:
    kind = str(about["rule"])
    if kind not in _KEYS:
        missing.append(f"Import path and options of {kind}, the rule for {part} of {name}.")
    given = _known(kind, about)
    if str(given.get("chains", "")).startswith("given, "):
        del given["chains"]
        missing.append(f"The chains of {kind} of {name}, which were given as a list.")
    return _pairs({"rule": kind, **given})


def _known(kind: str, about: Mapping[str, Any]) -> dict[str, Any]:
    return {key: about[said] for said, key in _KEYS.get(kind, {}).items() if said in about}


def _pairs(values: Mapping[str, Any]) -> list[str]:
    """Lines of a table, without values that are not given; a shared radius of None is a word."""
    lines = []
    for key, value in values.items():
        if value is None and key == "shared":
            value = "none"
        if value is None or value == {} or value == []:
            continue
        lines.append(f"{key} = {_toml(value)}")
    return lines


def _toml(value: Any) -> str:
    """A value in TOML, nested tables in line."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        inner = ", ".join(f"{_key(str(k))} = {_toml(v)}" for k, v in value.items())
        return f"{{ {inner} }}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(_toml(v) for v in value)}]"
    if isinstance(value, int | float):
        return repr(value)
    return _text(str(value))


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else _text(name)


def _text(text: str) -> str:
    """A basic string of TOML: that of JSON, but for DEL."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
