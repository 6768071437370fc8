"""Self and collective diffusion of Li in the shipped garnet: ours against kinisi.

Two steps, since the packages live in environments of their own.

    python -m benchmarks.compare_kinisi ours numbers.json      # mda_ionmech[crystal]
    python benchmarks/compare_kinisi.py theirs numbers.json    # kinisi>=2.0, MDAnalysis

The first writes slopes of the mean squared displacements between two windows, in the frame of the
framework. The second reads the trajectory itself, fits kinisi's Bayesian line to the same range of
times, and prints both. Each answer should lie within the 95% interval of the other.
"""

from __future__ import annotations

import argparse
import json
import sys
import warnings
from pathlib import Path

import numpy as np

DATA = Path(__file__).resolve().parents[1] / "mda_ionmech" / "datasets" / "crystal"
#: ps: the line is fitted from the first to the last.
SHORT, LONG = 5.0, 25.0
TEMPERATURE = 800


def ours(path: Path) -> None:
    """Write slopes of our mean squared displacements, cm^2/s."""
    from mda_ionmech import IonSpecies, OnsagerDecomposition, datasets

    universe = datasets.crystal(TEMPERATURE)
    lithium = IonSpecies(universe.select_atoms("element Li"), charge=1, name="Li+")
    run = OnsagerDecomposition(
        [lithium], temperature=TEMPERATURE, windows=[SHORT, LONG], frame="framework",
        resolutions=None, level=0.95,
    ).run()  # fmt: skip
    table = run.exponents().loc["Li+"]
    columns = ["diffusivity", "diffusivity_low", "diffusivity_high"]
    numbers = {
        part: [float(x) for x in table.loc[part].iloc[0][columns]]
        for part in ("self", "collective")
    }
    path.write_text(json.dumps(numbers))


def theirs(path: Path) -> None:
    """Fit with kinisi and print both answers."""
    try:
        import scipp as sc
        from kinisi.analyze import DiffusionAnalyzer, JumpDiffusionAnalyzer
    except ImportError as error:
        sys.exit(f"skipped: {error}; run it where `pip install kinisi MDAnalysis` succeeded")
    import MDAnalysis as mda

    numbers = json.loads(path.read_text())
    universe = mda.Universe(
        str(DATA / f"llzo.T{TEMPERATURE}.data"), str(DATA / f"llzo.T{TEMPERATURE}.xtc"),
        topology_format="DATA", atom_style="id type charge x y z",
    )  # fmt: skip
    spacing = universe.trajectory[1].time - universe.trajectory[0].time
    times = np.arange(SHORT, LONG + 0.5, 1.0)
    options = {
        "specie": universe.atoms[universe.atoms.types == "1"].types[0],
        "time_step": sc.scalar(round(float(spacing), 6), unit="ps"),
        "step_skip": sc.scalar(1),
        "dt": sc.array(dims=["time interval"], values=times, unit="ps"),
        "progress": False,
    }
    own = DiffusionAnalyzer.from_universe(universe, **options)
    seed = np.random.RandomState(0)
    own.diffusion(sc.scalar(SHORT, unit="ps"), progress=False, random_state=seed)
    whole = JumpDiffusionAnalyzer.from_universe(universe, **options)
    whole.jump_diffusion(sc.scalar(SHORT, unit="ps"), progress=False, random_state=seed)
    print(f"Li in Li7La3Zr2O12 at {TEMPERATURE} K, {SHORT:g} to {LONG:g} ps, 1e-5 cm2/s")
    print(f"{'':12}{'ours':>8}{'95%':>18}{'kinisi':>10}{'95%':>18}")
    for part, found in (("self", own.D), ("collective", whole.D_J)):
        samples = sc.to_unit(found, "cm**2/s").values * 1e5
        value, low, high = (x * 1e5 for x in numbers[part])
        ends = np.quantile(samples, [0.025, 0.975])
        agree = low <= samples.mean() <= high and ends[0] <= value <= ends[1]
        print(
            f"{part:12}{value:8.3f}{low:9.3f}{high:9.3f}{samples.mean():10.3f}"
            f"{ends[0]:9.3f}{ends[1]:9.3f}  {'agree' if agree else 'DIFFER'}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("step", choices=["ours", "theirs"])
    parser.add_argument("path", type=Path, help="JSON that `ours` writes and `theirs` reads")
    arguments = parser.parse_args()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        {"ours": ours, "theirs": theirs}[arguments.step](arguments.path)


if __name__ == "__main__":
    main()
