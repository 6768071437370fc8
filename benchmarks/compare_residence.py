"""Residence of acetonitrile at Li+ in the shipped liquid: ours against solvation-analysis.

Two steps, since the packages live in environments of their own.

    python -m benchmarks.compare_residence ours numbers.json     # mda_ionmech
    python benchmarks/compare_residence.py theirs numbers.json   # solvation-analysis>=0.4

Both take a plain cutoff of 2.8 A and the time at which the intermittent autocorrelation of contacts
falls to 1/e; theirs is a whole number of frames and keeps the 1.8% that a molecule taken at random
would give.
"""

from __future__ import annotations

import argparse
import json
import sys
import warnings
from pathlib import Path

DATA = Path(__file__).resolve().parents[1] / "mda_ionmech" / "datasets" / "liquid"
CUTOFF = 2.8


def ours(path: Path) -> None:
    """Write the decay time of intermittent survival with its interval, ps."""
    from mda_ionmech import IonSpecies, OnsagerDecomposition, datasets
    from mda_ionmech.microstates import CutoffShell

    universe = datasets.liquid()
    lithium = IonSpecies(
        universe.select_atoms("resname LI"), charge=1, name="Li+",
        microstates=CutoffShell(
            CUTOFF, solvent=universe.select_atoms("resname ACN and element N")
        ),
    )  # fmt: skip
    run = OnsagerDecomposition(
        [lithium], temperature=330, windows=[1.0], resolutions=None, frame="laboratory"
    ).run()
    row = run.residence_times().loc[("Li+", "solvent", "intermittent")]
    columns = ["decay_time", "decay_time_low", "decay_time_high"]
    path.write_text(json.dumps([float(x) for x in row[columns]]))


def theirs(path: Path) -> None:
    """Ask solvation-analysis for the same and print both."""
    try:
        from solvation_analysis.residence import Residence
        from solvation_analysis.solute import Solute
    except ImportError as error:
        sys.exit(f"skipped: {error}; run it where `pip install solvation-analysis` succeeded")
    import MDAnalysis as mda

    value, low, high = json.loads(path.read_text())
    universe = mda.Universe(
        str(DATA / "liquid.psf"), *[str(p) for p in sorted(DATA.glob("liquid.part*.xtc"))]
    )
    solute = Solute.from_atoms(
        universe.select_atoms("resname LI"),
        {"solvent": universe.select_atoms("resname ACN and name N1")},
        radii={"solvent": CUTOFF},
    )
    solute.run()
    found = Residence.from_solute(solute).residence_times_cutoff["solvent"]
    spacing = universe.trajectory[1].time - universe.trajectory[0].time
    print(f"1/e time of intermittent contacts, ps: ours {value:.1f} ({low:.1f} to {high:.1f}), "
          f"solvation-analysis {found * spacing:g}")  # fmt: skip


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
