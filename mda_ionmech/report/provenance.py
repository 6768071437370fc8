"""Provenance: trajectory, versions, settings, and works to cite."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from MDAnalysis.lib.mdamath import triclinic_box

from ..results.tables import surroundings
from .configuration import configuration
from .elements import (
    Code,
    Equation,
    Folded,
    Heading,
    Listing,
    Numbered,
    Pairs,
    Section,
    Text,
    Tree,
)
from .methods import methods

if TYPE_CHECKING:
    from ..results.results import Results
    from .reading import Reading

_EQUATIONS = (
    ("Onsager coefficient of species A and B over a window Δt (docs: Windows)", "onsager"),
    ("Conductivity", "conductivity"),
    ("Contribution of event e, and additivity (docs: Additivity)", "contribution"),
    ("Conductivity of an event of species A, and its transference number", "event_conductivity"),
    ("Effectiveness of an event, and how it makes a contribution", "effectiveness"),
    ("Nernst-Einstein conductivity and Haven ratio", "nernst_einstein"),
)


def facts(results: Results) -> Pairs:
    """The system and the trajectory in brief."""
    settings = results.settings
    items = [
        ("carriers", "; ".join(_carriers(one) for one in settings["species"])),
        ("temperature", f"{settings['temperature_K']:g} K"),
        ("cell", _cell(settings)),
        ("trajectory", f"{settings['trajectory'] or 'in memory'}"),
        ("topology", str(settings["topology"] or "in memory")),
        ("frames", _frames(settings)),
        ("frame of reference", str(settings["frame"])),
    ]
    if settings["axes"] != "xyz":
        items.append(("directions analysed", ", ".join(settings["axes"])))
    if "replicas" in settings:
        items.append(
            (
                "replicas",
                "; ".join(f"{r['trajectory']} ({r['n_frames']} frames)"
                          for r in settings["replicas"]),
            )
        )  # fmt: skip
    return Pairs(tuple(items))


def _carriers(one: dict[str, Any]) -> str:
    return f"{one['n_carriers']} {one['name']} (charge {one['charge']:+g} e)"


def _cell(settings: dict[str, Any]) -> str:
    box = triclinic_box(*np.array(settings["cell_angstrom"]))
    volume = f"volume {settings['volume_angstrom3']:.1f} Å³"
    if not box.any():
        return volume
    lengths = ", ".join(f"{x:.3f}" for x in box[:3])
    angles = ", ".join(f"{x:.2f}" for x in box[3:])
    shape = "right angles" if np.allclose(box[3:], 90) else f"angles {angles}°"
    constant = settings["volume_variance_angstrom6"] < 1e-6 * settings["volume_angstrom3"] ** 2
    mean = "" if constant and settings["volume_variance_angstrom6"] < 1e-3 else "mean cell: "
    return f"{mean}edges {lengths} Å, {shape}, {volume}"


def spacing(settings: dict[str, Any]) -> str:
    """Number and spacing of the frames."""
    return f"{settings['n_frames']} frames, {settings['dt_ps']:g} ps apart"


def _frames(settings: dict[str, Any]) -> str:
    n, dt = settings["n_frames"], settings["dt_ps"]
    if "replicas" in settings:
        return f"{n} of all replicas, {dt:g} ps apart"
    step = settings["frame_step"]
    every = "" if step in (1, None) else f", every {step}."
    source = ""
    if settings.get("dt_given"):
        source = " (as given by dt)"
    elif settings.get("times_source"):
        source = f" (times are {settings['times_source']})"
    dropped = settings.get("frames_dropped")
    left_out = f"; {dropped} repeated ones dropped" if dropped else ""
    return (
        f"{n} of {settings['n_frames_in_trajectory']}, number {settings['first_frame']} to "
        f"{settings['last_frame']}{every}; {dt:g} ps apart{source}, {(n - 1) * dt:g} ps in "
        f"all{left_out}"
    )


def section(results: Results, source: tuple[tuple[str, str], ...], *, vehicle: bool) -> Section:
    """The system, versions, selections, detectors, seed: everything needed to repeat the run."""
    settings = results.settings
    items = [*source, ("schema", str(results.tree.attrs["schema"]))]
    items.append(("written by", str(results.tree.attrs["created_with"])))
    items.append(("versions", ", ".join(f"{n} {v}" for n, v in settings["versions"].items())))
    items += [
        ("seed of the resampling", str(settings["seed"])),
        ("level of the intervals", f"{settings['level']:g}"),
        ("wrapping", str(settings["unwrap"]["found"])),
        ("longest step of an atom", f"{settings['unwrap']['longest_step_angstrom']:.2f} Å"),
    ]
    for one in settings["species"]:
        chosen = f"{one['selection']}" + (f", by {one['compound']}" if one["compound"] else "")
        items.append((f"selection of {one['name']}", chosen))
        for part in ("events", "macrostates"):
            if one.get(part):
                items.append((f"{part} of {one['name']}", str(one[part].get("rule", one[part]))))
    shells = [
        Text(surroundings(one["name"], one["microstates"]))
        for one in settings["species"]
        if one.get("microstates")
    ]
    text, missing = configuration(settings, vehicle=vehicle)
    return Section(
        "provenance",
        "System, settings and provenance",
        (
            facts(results),
            *shells,
            Pairs(tuple(items)),
            Heading("Run it again"),
            Text("A configuration for ionmech run with the settings of this result:"),
            Code(text, "Configuration as TOML", "again.toml"),
            Text("What the result does not record:"),
            Listing(tuple(missing)),
            Folded("All settings of the result file", (Tree(settings),), printed=False),
        ),
    )


def method_section(at: Reading) -> Section:
    """A methods paragraph, the works it cites, and the equations."""
    found = methods(at)
    return Section(
        "methods",
        "Methods, works to cite, equations",
        (
            *(Text(paragraph) for paragraph in found.paragraphs),
            Numbered(tuple(f"{one.text.rstrip('.')}." for one in found.works)),
            Folded(
                "BibTeX of these works", (Code(found.bibtex, "BibTeX", "ionmech.bib"),),
                printed=False,
            ),
            *(Equation(name, formula) for name, formula in _EQUATIONS),
            Text(
                "D is the sum of the displacements d of the carriers of a species over the "
                "window, n the number of directions, V the mean volume, z the charge "
                "numbers, N the numbers of carriers, f the frequency; angle brackets average over "
                "time origins. Intervals are percentiles of a block bootstrap over time origins, "
                "below ten blocks of a jackknife (docs: Intervals); the path and slope views "
                "replace the displacements over the window by sums of labelled steps of one "
                "resolution over a horizon (docs: Resolution and horizon)."
            ),
        ),
    )  # fmt: skip
