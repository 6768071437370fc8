"""A methods paragraph from the settings of a run, with the works it cites."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..onsager.block_bootstrap import FEWEST_BLOCKS, RESAMPLES
from .bibliography import ENTRIES, Entry, entry_of

if TYPE_CHECKING:
    from .reading import Reading


@dataclass(frozen=True)
class Methods:
    """Paragraphs with numbers in brackets, and the works in that order."""

    paragraphs: tuple[str, ...]
    works: tuple[Entry, ...]

    @property
    def bibtex(self) -> str:
        """All works as BibTeX."""
        return "\n\n".join(one.bibtex for one in self.works) + "\n"


class _Cited:
    """Numbers of works in the order in which they are cited."""

    def __init__(self) -> None:
        self.works: list[Entry] = []

    def __call__(self, *entries: Entry) -> str:
        for one in entries:
            if one not in self.works:
                self.works.append(one)
        return f"[{', '.join(str(self.works.index(one) + 1) for one in entries)}]"


def methods(at: Reading) -> Methods:
    """What was done, in the words of a methods section, and what to cite for it.

    Parameters
    ----------
    at : Reading

    Returns
    -------
    Methods
    """
    cite = _Cited()
    paragraphs = [_trajectory(at, cite)]
    paragraphs += [text for one in at.results.settings["species"] if (text := _labels(one))]
    paragraphs += [_coefficients(at, cite), _statistics(at, cite)]
    # what the result itself asks to be cited beside
    for line in at.results.citations:
        cite(entry_of(line))
    return Methods(tuple(paragraphs), tuple(cite.works))


def _and(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def _trajectory(at: Reading, cite: _Cited) -> str:
    s = at.results.settings
    carriers = _and([
        f"{one['n_carriers']} {one['name']} ({one['charge']:+g} e"
        + (f", centres of mass of {one['compound']}" if one["compound"] else "") + ")"
        for one in s["species"]
    ])  # fmt: skip
    version, reader = s["versions"].get("mda-ionmech", ""), s["versions"].get("MDAnalysis", "")
    length = (s["n_frames"] - 1) * s["dt_ps"] / 1000
    several = f" of {len(s['replicas'])} replicas" if "replicas" in s else ""
    text = (
        f"Ion transport was analysed with mda_ionmech {version} {cite(ENTRIES['jun2026'])}, which "
        f"reads trajectories with MDAnalysis {reader} "
        f"{cite(ENTRIES['michaud2011'], ENTRIES['gowers2016'])}. {s['n_frames']} frames{several}, "
        f"{s['dt_ps']:g} ps apart ({length:.3g} ns), of {carriers} at {s['temperature_K']:g} K in "
        f"a mean volume of {s['volume_angstrom3'] / 1000:.2f} nm³ were used."
    )
    found = str(s["unwrap"]["found"])
    if found.startswith("wrapped"):
        text += (
            " Coordinates were unwrapped with the vectors of the cell of each frame "
            f"{cite(ENTRIES['vonbulow2020'])}."
        )
    frame = {
        "barycentric": "relative to the centre of mass of the system",
        "framework": "relative to the framework",
        "laboratory": "in the laboratory frame",
    }.get(str(s["frame"]), f"in the {s['frame']} frame of reference")
    only = "" if s["axes"] == "xyz" else f", along {_and(list(s['axes']))} alone"
    return f"{text} Displacements were taken {frame}{only}."


def _labels(one: dict[str, Any]) -> str:
    """Microstates, events and macrostates of a species."""
    name, said = one["name"], []
    about = one.get("microstates")
    if about and about["detector"] == "CutoffShell":
        said.append(_cutoffs(name, about))
    elif about and about["detector"] == "SiteAssignment":
        how = {
            "core": f"the cores of sites, spheres of {about.get('r_core_angstrom') or 0:.3g} Å; "
                    "between cores an ion belongs to the last one",
            "nearest": "the nearest site",
            "polyhedron": "the polyhedron of anions around a site",
        }.get(str(about["assignment"]), str(about["assignment"]))  # fmt: skip
        sites = ", ".join(f"{n} {label}" for label, n in about["labels"].items())
        said.append(f"{name} were assigned to {how} ({about['n_sites']} sites: {sites}).")
    elif about and about["detector"] == "CageAssignment":
        said.append(
            f"Cages of {name} were found from their paths: stays of {about['time_ps']:g} ps or "
            "longer, grouped into cages at least "
            f"{about.get('distance_in_use_angstrom') or float('nan'):.2f} Å apart."
        )
    elif about:
        said.append(f"The surroundings of {name} were found with {about['detector']}.")
    if about and about.get("persistence_ps"):
        said.append(f"Changes that revert within {about['persistence_ps']:g} ps were ignored.")
    if events := one.get("events"):
        names = _and([str(n).replace("_", " ") for n in events.get("names", [])] or ["all"])
        said.append(
            f"The change of surroundings over a window was classified by {events['rule']} as "
            f"{names}."
        )
    if macro := one.get("macrostates"):
        names = _and([str(n).replace("_", " ") for n in macro.get("names", [])] or ["its labels"])
        more = f" ({names})" if macro.get("names") else ""
        said.append(f"Macrostates of {name} are those of {macro['rule']}{more}.")
    return " ".join(said)


def _cutoffs(name: str, about: dict[str, Any]) -> str:
    inner, outer = about["cutoff_inner_angstrom"], about["cutoff_outer_angstrom"]
    found = set(about.get("cutoff_from_rdf") or ())
    parts = []
    for kind, radius in inner.items():
        text = f"{kind} atoms below {radius:.3g} Å"
        if kind in found:
            text += " (the minimum of g(r) behind its first peak)"
        if outer[kind] > radius:
            text += f", until they are beyond {outer[kind]:.3g} Å"
        parts.append(text)
    return f"The shell of {name} holds {_and(parts)}." if parts else ""


def _coefficients(at: Reading, cite: _Cited) -> str:
    s = at.results.settings
    windows = [float(w) for w in at.results.decomposition["window"].values]
    span = f"{windows[0]:g} ps" if len(windows) == 1 else f"{windows[0]:g} to {windows[-1]:g} ps"
    text = (
        f"Onsager coefficients {cite(ENTRIES['onsager1931'])} were computed from collective "
        f"displacements {cite(ENTRIES['fong2020'])} in windows of {span}, and split by the event "
        f"of each ion in each window {cite(ENTRIES['jun2026'])}; contributions sum to the "
        f"coefficient within {s['residual']:.0e} of it."
    )
    if at.diffusive:
        about = at.results.decomposition["diffusive_onsager"].attrs
        text += (
            f" Values of the diffusive limit are slopes over lags from "
            f"{float(about['first_lag_ps']):g} to {float(max(about['lag_ps'])):g} ps"
        )
        read = [at.results.recommend(species=n).label_resolution for n in at.ruled]
        labels = (
            _and([f"{r:g} ps" for r in dict.fromkeys(x for x in read if x)]) if any(read) else ""
        )
        text += f", with labels read over {labels}." if labels else "."
    else:
        text += f" Values are those of windows of {at.longest:g} ps."
    return text


def _statistics(at: Reading, cite: _Cited) -> str:
    s = at.results.settings
    if not at.resampled:
        return f"Intervals are of {at.level}."
    work = cite(ENTRIES["kunsch1989"])
    return (
        f"Intervals are of {at.level}, from {RESAMPLES} bootstrap samples of blocks of time "
        f"origins {work} (seed {s['seed']}), below {FEWEST_BLOCKS} blocks from a jackknife."
    )
