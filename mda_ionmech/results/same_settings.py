"""Differences between the settings of two results, which change the meaning of labels."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from .results import Results

#: Largest difference of cutoffs found from g(r), Angstrom: g(r) is flat there.
FOUND_CUTOFF = 0.2
#: Largest relative difference of core radii found from distances of sites, and of volumes.
SPREAD = 0.02

#: Settings found on a trajectory rather than chosen; results list more as ``measured``.
_MEASURED = {
    "alignment", "measured", "sites_without_polyhedron", "maxima", "farthest_from_known_angstrom",
    "symmetry_residual_angstrom", "space_group_found", "centred_by_angstrom",
    "distinct_shells", "changed_per_frame", "occupancy", "outside_every_core",
    "outside_every_polyhedron", "carriers_never_in_a_core", "carriers_never_in_a_polyhedron",
    "sharing_a_site", "hops", "entry_minus_crossing", "mean_residence_ps",
    "in_no_polyhedron", "in_several_polyhedra",
    "fallback_fewer_than_four_ligands", "fallback_no_atom_beside_ligands",
    "fallback_coplanar_ligands",
}  # fmt: skip
_ABSENT = "absent"


def differing(first: Results, other: Results) -> list[str]:
    """Settings in which a result differs from the first, each as "name: theirs against ours".

    Trajectory, range of frames, seed, and values found on the trajectory may differ.

    Parameters
    ----------
    first, other : Results
    """
    return [
        f"{name}: {in_words(theirs)} against {in_words(ours)}"
        for name, ours, theirs in _compared(first, other)
    ]


def differing_labels(first: Results, other: Results) -> list[str]:
    """As `differing`, for detectors and rules alone, which define the labels."""
    return [
        f"{name}: {in_words(theirs)} against {in_words(ours)}"
        for name, ours, theirs in _differing_labels(first, other)
    ]


def nearly_equal(first: Results, other: Results) -> list[str]:
    """Radii found on both trajectories whose differences are negligible."""
    return [
        f"{_plain(name)} {in_words(theirs)} and {in_words(ours)} Å"
        for name, ours, theirs in _differing_shells(first, other)
        if _is_found_alike(name, ours, theirs, first, other)
    ]


def _plain(name: str) -> str:
    """A radius as a reader names it."""
    name = name.removeprefix("microstates of ")
    for key, end in (("cutoff_inner_angstrom", "inner"), ("cutoff_outer_angstrom", "outer")):
        if f", {key}, " in name:
            species, ligand = name.split(f", {key}, ")
            return f"{species} and {ligand}, {end} radius"
    return name


def _compared(one: Results, other: Results) -> Iterator[tuple[str, Any, Any]]:
    a, b = one.blocks, other.blocks
    rows: list[tuple[str, Any, Any]] = [
        ("species", list(a.names), list(b.names)),
        ("event labels", list(a.events), list(b.events)),
        ("macrostates", list(a.kinds), list(b.kinds)),
        ("charges", [float(x) for x in a.system.charge], [float(x) for x in b.system.charge]),
        (
            "numbers of carriers",
            [int(n) for n in a.system.n_carriers],
            [int(n) for n in b.system.n_carriers],
        ),
        ("temperature (K)", a.system.temperature, b.system.temperature),
        ("frame spacing (ps)", round(a.dt, 9), round(b.dt, 9)),
        ("windows (frames)", [w.frames for w in a.scanned], [w.frames for w in b.scanned]),
        ("resolutions (frames)", list(a.resolutions), list(b.resolutions)),
        ("horizons (frames)", list(a.horizons), list(b.horizons)),
        ("interval level", a.level, b.level),
        ("nulls", sorted(a.windows[0].nulls), sorted(b.windows[0].nulls)),
    ]
    rows += [
        (name, one.settings.get(key), other.settings.get(key))
        for name, key in (
            ("axes", "axes"), ("frame of reference", "frame"), ("framework", "framework"),
            ("projection", "projection"), ("number of atoms", "n_atoms"),
        )
    ]  # fmt: skip
    found = [row for row in rows if row[1] != row[2]]
    yield from found
    if any(name == "species" for name, *_ in found):
        return  # the rest is compared species by species
    yield from _differing_labels(one, other)
    for mine, theirs in zip(one.settings["species"], other.settings["species"], strict=True):
        yield from _leaves(
            mine.get("compound"), theirs.get("compound"), f"compound of {mine['name']}"
        )


def _differing_labels(one: Results, other: Results) -> Iterator[tuple[str, Any, Any]]:
    for name, ours, theirs in _differing_shells(one, other):
        if not _is_found_alike(name, ours, theirs, one, other):
            yield name, ours, theirs
    for mine, theirs in zip(one.settings["species"], other.settings["species"], strict=True):
        for part in ("events", "macrostates"):
            yield from _leaves(mine.get(part), theirs.get(part), f"{part} of {mine['name']}")


def _differing_shells(one: Results, other: Results) -> Iterator[tuple[str, Any, Any]]:
    for mine, theirs in zip(one.settings["species"], other.settings["species"], strict=True):
        ours, others = mine.get("microstates"), theirs.get("microstates")
        skipped = _MEASURED | {
            name for about in (ours, others) for name in (about or {}).get("measured", ())
        }
        yield from _leaves(ours, others, f"microstates of {mine['name']}", skipped)


def _leaves(
    ours: Any, theirs: Any, name: str, skipped: set[str] | frozenset[str] = frozenset()
) -> Iterator[tuple[str, Any, Any]]:
    """Names and values of differences in nested settings."""
    if isinstance(ours, Mapping) and isinstance(theirs, Mapping):
        for key in dict.fromkeys([*ours, *theirs]):
            if key not in skipped:
                mine, other = ours.get(key, _ABSENT), theirs.get(key, _ABSENT)
                yield from _leaves(mine, other, f"{name}, {key}", skipped)
    elif ours != theirs and not (
        (name.endswith("persistence_ps") and not ours and not theirs)
        # results written before hops had two dates
        or (name.endswith("hop_time") and {ours, theirs} == {"entry", _ABSENT})
    ):
        yield name, ours, theirs


def _is_found_alike(name: str, ours: Any, theirs: Any, one: Results, other: Results) -> bool:
    """Whether a radius was found on both trajectories, with nearly the same value."""
    if not (isinstance(ours, int | float) and isinstance(theirs, int | float)):
        return False
    if name.endswith(", r_core_angstrom"):
        return abs(theirs / ours - 1) < SPREAD if ours else False
    species, _, rest = name.removeprefix("microstates of ").partition(", cutoff_")
    kind = rest.partition(", ")[2]
    if not kind or abs(theirs - ours) > FOUND_CUTOFF + 1e-6:
        return False
    return all(
        kind in about.get("microstates", {}).get("cutoff_from_rdf", ())
        for r in (one, other)
        for about in r.settings["species"]
        if about["name"] == species
    )


def in_words(value: Any) -> str:
    """A setting in words."""
    if isinstance(value, Mapping):
        text = ", ".join(f"{key} {in_words(one)}" for key, one in value.items()) or "none"
    elif isinstance(value, list | tuple):
        text = ", ".join(map(str, value)) or "none"
    else:
        text = "none" if value is None else str(value)
    return text if len(text) <= 120 else f"{text[:117]}..."
