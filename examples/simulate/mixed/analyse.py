"""Tables of the page on mixed solvents: coordination, events, macrostates and residence by solvent.

python analyse.py output/prod.tpr output/prod.xtc
"""

import sys

import MDAnalysis as mda
import numpy as np

from mda_ionmech import IonSpecies, OnsagerDecomposition
from mda_ionmech.events import SolvationEvents
from mda_ionmech.macrostates import IonPairing, ShellComposition
from mda_ionmech.microstates import CutoffShell

TYPES = ("EC", "DMC", "anion")
WINDOWS = (16.0, 64.0)
BLOCKS = 10


def analysed(universe, macrostates):
    """The run that `ionmech init` proposes, with other macrostates."""
    shell = CutoffShell(
        "rdf",
        EC=universe.select_atoms("resname EC and name O1"),
        DMC=universe.select_atoms("resname DMC and name O1"),
        anion=universe.select_atoms("resname PF6 and name F*"),
        hysteresis={"EC": 0.6, "DMC": 0.6, "anion": 0.3},
        persistence=5.0,
    )
    pairing = isinstance(macrostates, IonPairing)
    lithium = IonSpecies(
        universe.select_atoms("resname LI"),
        charge=1,
        name="Li+",
        microstates=shell,
        events=SolvationEvents(resolve="ligand"),
        macrostates=macrostates,
    )
    anion = IonSpecies(
        universe.select_atoms("resname PF6"),
        charge=-1,
        compound="residues",
        name="PF6-",
        microstates=CutoffShell(
            "rdf", cation=universe.select_atoms("resname LI"), hysteresis=0.6, persistence=5.0
        ),
        events=SolvationEvents(resolve="counterion"),
        macrostates=macrostates if pairing else None,
    )
    return OnsagerDecomposition([lithium, anion], temperature=360.0).run()


def coordination(run):
    """Molecules of each type around an ion, mean of blocks of time and its standard error."""
    states = run.microstates["Li+"]
    shells = [states.shells[k] for k in range(len(states.shells))]
    held = np.array([[len(shell.molecule_set(t)) for t in TYPES] for shell in shells])
    per_frame = held[states.state].mean(axis=1)
    blocks = np.array([part.mean(axis=0) for part in np.array_split(per_frame, BLOCKS)])
    return blocks.mean(axis=0), blocks.std(axis=0, ddof=1) / BLOCKS**0.5


def populations(run, species="Li+"):
    """Part of the time in each macrostate, mean of blocks of time and its standard error."""
    macro = run.macrostates[species]
    for code, name in enumerate(macro.names):
        parts = np.array([np.mean(part == code) for part in np.array_split(macro.state, BLOCKS)])
        if parts.any():
            yield name, parts.mean(), parts.std(ddof=1) / BLOCKS**0.5


def main(topology, trajectory):
    universe = mda.Universe(topology, trajectory)
    run = analysed(universe, ShellComposition())
    print(f"{universe.trajectory.n_frames} frames, {universe.trajectory.totaltime:g} ps\n")
    radii = run.species[0].microstates.inner
    print("| ligand | radius (A) | molecules per Li | standard error |\n|---|---|---|---|")
    for name, mean, error in zip(TYPES, *coordination(run), strict=True):
        print(f"| {name} | {radii[name]:.2f} | {mean:.2f} | {error:.2f} |")
    for window in WINDOWS:
        table = run.results.summary(window)
        print(f"\n| event, {table.attrs['window_ps']:g} ps | share | interval | per ns | A^2 |")
        print("|---|---|---|---|---|")
        for event, row in table.iterrows():
            span = f"{row['share_low']:.2f} to {row['share_high']:.2f}"
            rest = f"{row['frequency']:.2f} | {row['effectiveness']:.1f}"
            print(f"| `{event}` | {row['share']:.2f} | {span} | {rest} |")
    for kind, window in (("PF6-", WINDOWS[0]),):
        table = run.results.summary(window, species=kind, by="bare")
        print(f"\n| event of {kind} | bare | share | interval | per ns | A^2 |")
        print("|---|---|---|---|---|---|")
        for (event, bare), row in table.iterrows():
            span = f"{row['share_low']:.2f} to {row['share_high']:.2f}"
            rest = f"{row['frequency']:.2f} | {row['effectiveness']:.1f}"
            print(f"| `{event}` | {bare} | {row['share']:.2f} | {span} | {rest} |")
    print("\n| macrostate | part of the time | standard error |\n|---|---|---|")
    pairing = [analysed(universe, IonPairing(by=by)) for by in ("cluster", "shell")]
    for one in (run, *pairing):
        for name, part, error in populations(one):
            print(f"| `{name}` | {part:.3f} | {error:.3f} |")
    print(run.residence_times().to_string())
    print(run.results.summary().to_string())
    print(run.results.summary().attrs)
    print(run.results.verdict())


if __name__ == "__main__":
    main(*sys.argv[1:])
