"""Draw the figures of the documentation from the shipped trajectories: python docs/make_figures.py

Writes PNG files to docs/images; takes about a minute.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from mda_ionmech import (
    IonSpecies,
    OnsagerDecomposition,
    Results,
    arrhenius,
    datasets,
    plotting,
)
from mda_ionmech.cli.demos import crystal_analysis, liquid_analysis
from mda_ionmech.events import SolvationEvents
from mda_ionmech.lib.frozen import changed
from mda_ionmech.microstates import CutoffShell

IMAGES = Path(__file__).parent / "images"
COLORS = ("#7F7F7F", "#E69F00", "#56B4E9", "#0072B2")
WINDOW = 16.0


def filtered_shares(hysteresis: float | None, persistence: float | None) -> tuple[Any, Any]:
    """Windows and vehicular shares of lithium with these filters."""
    u = datasets.liquid()
    shell = CutoffShell(
        hysteresis=hysteresis,
        persistence=persistence,
        solvent=u.select_atoms("resname ACN and element N"),
        anion=u.select_atoms("resname TFS and element O"),
    )
    lithium = IonSpecies(
        u.select_atoms("resname LI"),
        charge=1,
        name="Li+",
        microstates=shell,
        events=SolvationEvents(),
    )
    tfsi = IonSpecies(u.select_atoms("resname TFS"), charge=-1, name="TFSI-", compound="residues")
    data = OnsagerDecomposition([lithium, tfsi], temperature=330).run().results.decomposition
    share = data["share"].sel(species="Li+", event="vehicular")
    return data["window"].values, share.values


def draw_flicker() -> Any:
    """Vehicular share against the window for four ways of counting the same contacts."""
    ax = Figure(figsize=(6.5, 3.8), layout="constrained").subplots()
    ways = {
        "plain cutoff": (None, None),
        "hysteresis 0.6 Å": (0.6, None),
        "persistence 5 ps": (None, 5.0),
        "both": (0.6, 5.0),
    }
    for (label, way), color, mark in zip(ways.items(), COLORS, "osD^", strict=True):
        windows, share = filtered_shares(*way)
        ax.plot(windows, share, f"{mark}-", color=color, ms=5, lw=1.3, label=label)
    ax.set_xscale("log")
    ax.set_xlabel("window (ps)")
    ax.set_ylabel("share of vehicular, Li+")
    ax.set_ylim(bottom=0)
    ax.spines[["top", "right"]].set_visible(False)
    ax.legend(frameon=False, fontsize="small")
    return ax


def draw_frames() -> Any:
    """Onsager coefficients and the transference number of lithium in three frames."""
    figure = Figure(figsize=(7.0, 3.6), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=(2, 1))
    frames = ("barycentric", "solvent", "laboratory")
    pairs = (("Li+", "Li+"), ("Li+", "TFSI-"), ("TFSI-", "TFSI-"))
    for k, (frame, color) in enumerate(zip(frames, COLORS[1:], strict=True)):
        species = liquid_analysis(datasets.liquid()).species
        run = OnsagerDecomposition(species, temperature=330, frame=frame, windows=[64]).run()
        data = run.results.decomposition.isel(window=0)
        for ax, names, heights in (
            (left, ["onsager"] * 3, [{"species": a, "species_2": b} for a, b in pairs]),
            (right, ["transference_number"], [{"species": "Li+"}]),
        ):
            scale = 1e38 if ax is left else 1.0
            ends = [
                [
                    float(data[n + end].sel(where)) / scale
                    for n, where in zip(names, heights, strict=True)
                ]
                for end in ("", "_low", "_high")
            ]
            value, low, high = np.array(ends)
            ax.bar(
                np.arange(len(value)) + 0.27 * (k - 1), value, width=0.25, color=color,
                yerr=[value - low, high - value], capsize=2, label=frame, zorder=2,
            )  # fmt: skip
    left.set_xticks(range(3), [f"{a}, {b}" for a, b in pairs])
    left.set_ylabel("Onsager coefficient ($10^{38}$ J$^{-1}$ m$^{-1}$ s$^{-1}$)")
    right.set_xticks([0], ["Li+"])
    right.set_ylabel("transference number")
    for ax in (left, right):
        ax.axhline(0, color="black", lw=0.8)
        ax.spines[["top", "right"]].set_visible(False)
    left.legend(frameon=False, fontsize="small", loc="upper left")
    figure.suptitle("windows of 64 ps, 68% intervals", fontsize="small")
    return left


def draw_robustness() -> Any:
    """Shares of lithium under other filters and radii."""
    u = datasets.liquid()
    lithium, *others = liquid_analysis(u).species
    shell = CutoffShell(
        hysteresis=0.6,
        persistence=5.0,
        recorded=[2.8, 3.0, 3.4, 3.6],
        solvent=u.select_atoms("resname ACN and element N"),
        anion=u.select_atoms("resname TFS and element O"),
    )
    species = [changed(lithium, microstates=shell), *others]
    run = OnsagerDecomposition(species, temperature=330, windows=[WINDOW], resolutions=None).run()
    table = run.robustness(persistence=[0, 2, 10], hysteresis=[0], cutoffs=[2.8, 3.0])
    return plotting.robustness(table)


def draw_arrhenius() -> Any:
    """Energies of the garnet's hops from three temperatures."""
    results = []
    for temperature in (500, 600, 800):
        species = crystal_analysis(datasets.crystal(temperature)).species
        run = OnsagerDecomposition(
            species, temperature=temperature, windows=[0.4, 1.6, 6.4], resolutions=[0.4],
            horizons=[0.8, 1.6, 3.2, 6.4],
        )  # fmt: skip
        results.append(run.run().results)
    return arrhenius(results, resolution=0.4, horizon=3.2).plot()


def main() -> None:
    """Draw and write them all."""
    run = liquid_analysis(datasets.liquid()).run()
    results: Results = run.results
    shell: Any = run.species[0].microstates
    drawn = {
        "contributions": plotting.contributions(results),
        "shares": plotting.shares(results),
        "event-matrix": plotting.event_matrix(results, window=WINDOW),
        "effectiveness": plotting.effectiveness(results, window=WINDOW),
        "coordination": plotting.coordination(results),
        "radial-distribution": plotting.radial_distribution(results),
        "rdf": plotting.rdf(
            shell.distributions["solvent"],
            inner=shell.inner["solvent"],
            outer=shell.outer["solvent"],
        ),
        "flicker": draw_flicker(),
        "robustness": draw_robustness(),
        "frames": draw_frames(),
        "view-curves": plotting.view_curves(results, resolutions=[1, 2, 8]),
        "view-map": plotting.view_map(results),
    }
    for name, ax in drawn.items():
        plotting.save(ax, IMAGES / f"liquid-{name}.png")
    garnet = crystal_analysis(datasets.crystal()).run()
    crystal = garnet.results
    curves = plotting.view_curves(crystal, resolutions=[0.2, 0.4, 1.6])
    plotting.save(curves, IMAGES / "crystal-view-curves.png")
    plotting.save(plotting.concertedness(crystal), IMAGES / "crystal-concertedness.png")
    plotting.save(plotting.hop_channels(crystal), IMAGES / "crystal-channels.png")
    plotting.save(plotting.hop_strings(garnet.hop_strings()), IMAGES / "crystal-strings.png")
    plotting.save(draw_arrhenius(), IMAGES / "crystal-arrhenius.png")


if __name__ == "__main__":
    main()
