"""Figure of the spread of transport coefficients against the length of the trajectory.

    python -m benchmarks.limit_figure limit.all.npz docs/images/limit-spread.png

The first file is what ``benchmarks/compare_limit.py theirs`` writes: coefficients of random
processes with known answers, by the slope at one horizon, the diffusive view and kinisi.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping

import numpy as np

from .compare_limit import LENGTHS

#: Estimators by their names in the file: label, colour, marker.
ESTIMATORS = {
    "slope": ("slope at one horizon", "#E69F00", "s"),
    "ours": ("diffusive view", "#0072B2", "o"),
    "kinisi": ("kinisi 2.1", "#CC79A7", "^"),
}
PROCESSES = (
    "Brownian, two modes",
    "caged (case 9), memory 2",
    "back hops (case 10), p = 0.7",
)


def draw(found: Mapping[str, np.ndarray]) -> object:
    """Errors and, in brackets of lines, spreads about the known answer, one panel for a process.

    Parameters
    ----------
    found : mapping of str to numpy.ndarray
        By ``process/frames/estimator``: value and ends of its interval, relative to the answer,
        shape (trajectories, 3).
    """
    import matplotlib.pyplot as plt

    figure, panels = plt.subplots(1, 3, figsize=(9.5, 3.4), sharey=True, layout="constrained")
    for panel, process in zip(panels, PROCESSES, strict=True):
        for name, (label, color, marker) in ESTIMATORS.items():
            values = [found[f"{process}/{n}/{name}"][:, 0] for n in LENGTHS]
            error = [np.sqrt(np.nanmean((v - 1) ** 2)) for v in values]
            spread = [np.diff(np.nanquantile(v, [0.16, 0.84]))[0] / 2 for v in values]
            panel.plot(LENGTHS, spread, marker, ls="-", color=color, label=label)
            panel.plot(LENGTHS, error, marker, ls=":", color=color, mfc="white")
        panel.set(xscale="log", yscale="log", xlabel="frames", title=process)
        panel.set_xticks(LENGTHS, [f"{n}" for n in LENGTHS])
        panel.minorticks_off()
        panel.spines[["top", "right"]].set_visible(False)
    panels[0].set_yticks([0.02, 0.05, 0.1, 0.2, 0.5], ["0.02", "0.05", "0.1", "0.2", "0.5"])
    panels[0].set_ylabel("relative to the coefficient")
    panels[0].plot([], [], "o", ls=":", color="0.4", mfc="white", label="root mean square error")
    panels[0].legend(frameon=False, fontsize="small")
    return figure


def main() -> None:
    source, target = sys.argv[1:3]
    with np.load(source) as file:
        figure = draw(dict(file))
    figure.savefig(target, dpi=120)  # type: ignore[attr-defined]


if __name__ == "__main__":
    main()
