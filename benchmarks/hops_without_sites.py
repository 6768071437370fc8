"""Hops without sites beside known sites and shells of neighbours; the tables in docs/validation.

    python -m benchmarks.hops_without_sites [--melt FOLDER] [--glass FOLDER] [--argyrodite FOLDER]

The garnet is shipped. Molten NaCl and the silicate glass are made by examples/simulate/melt and
examples/simulate/glass; the argyrodite is that of Morgan, Chem. Mater. 33, 2004 (2021).
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import MDAnalysis as mda
import numpy as np

from mda_ionmech import IonSpecies, OnsagerDecomposition, datasets
from mda_ionmech.events import CrystalEvents, SolvationEvents
from mda_ionmech.microstates import CageAssignment, HullShell, SiteAssignment

from .__main__ import table

WINDOWS = [0.1, 0.5, 1.0, 2.0, 5.0]
HEAD = ["system", "detector", "hops", "cages or sites", "distance, A", "localisation", "returns"]
#: Half of Li6PS5Cl's minimum, so that both sites of a pair are cages.
SHORT = 1.5


def analysed(species: list[IonSpecies], temperature: float, **options: Any) -> Any:
    """A finished run, without the warnings, which the page shows in words."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return OnsagerDecomposition(
            species, temperature=temperature, resolutions=None, **({"windows": WINDOWS} | options)
        ).run()


def counts(system: str, what: str, run: Any, name: str) -> list[str]:
    """A row of the first table."""
    report = run.microstates[name].report
    numbers = (report.get(k) for k in ("distance_in_use_angstrom", "localisation"))
    returns = report.get("returns_to_cages")
    return [
        system, what, str(report.get("hops", "-")),
        str(report["distinct_shells"]) if "hops" in report else "-",
        *("-" if x is None else f"{x:.2f}" for x in numbers),
        "-" if returns is None else f"{returns:.1f}",
    ]  # fmt: skip


def shares(system: str, what: str, run: Any, name: str) -> Iterator[list[str]]:
    """Rows of the second table: shares that exceed 1% in some window, and linked fractions."""
    data = run.results.decomposition.sel(species=name, species_2=name)
    for event in run.results.summary(species=name).index:
        one = data.sel(event=event)
        value = one["share"].values
        if not np.nanmax(np.abs(value)) > 0.01:
            continue
        half = (one["share_high"] - one["share_low"]).values / 2
        cells = [f"{v:.3f} ({h:.3f})" for v, h in zip(value, half, strict=True)]
        yield [system, what, str(event), *cells]
    for variable in ("multi_fraction", "multi_fraction_circular"):
        if variable in data and np.isfinite(data[variable]).any():
            yield [system, what, f"`{variable}`", *(f"{v:.3f}" for v in data[variable].values)]


def garnet() -> Iterator[tuple[str, str, Any, str]]:
    """Cages, and sites whose hops are dated both ways."""
    for temperature in (500, 600, 800):
        universe = datasets.crystal(temperature)
        lithium = universe.select_atoms("element Li")
        for what in ("CageAssignment", "sites, crossing", "sites, entry"):
            found = (
                CageAssignment()
                if what == "CageAssignment"
                else SiteAssignment.from_cif(
                    datasets.path("crystal") / "llzo.cif",
                    species="Li",
                    framework=universe.select_atoms("element Zr"),
                    r_core=0.6,
                    hop_time=what.split()[-1],
                )
            )
            ions = IonSpecies(
                lithium, charge=1, name="Li+", microstates=found, events=CrystalEvents()
            )
            yield f"garnet, {temperature} K", what, analysed([ions], temperature), "Li+"


def flowing() -> Iterator[tuple[str, str, Any, str]]:
    """Lithium in the shipped liquid and polymer, against the centre of mass and the chains."""
    for name, temperature, frame in (("liquid", 330.0, "barycentric"), ("polymer", 480.0, "auto")):
        universe = datasets.load(name)
        ions = IonSpecies(
            universe.select_atoms("resname LI"), charge=1, name="Li+",
            microstates=CageAssignment(), events=CrystalEvents("proximity", 3.0),
        )  # fmt: skip
        anions = IonSpecies(
            universe.select_atoms("resname TFS"), charge=-1, name="TFSI-", compound="residues"
        )
        run = analysed([ions, anions], temperature, frame=frame, windows=[4.0])
        yield f"shipped {name}, Li+", "CageAssignment", run, "Li+"


def _opened(folder: Path, name: str) -> mda.Universe:
    return mda.Universe(
        folder / f"{name}.data", folder / f"{name}.xtc", topology_format="DATA",
        atom_style="id type charge x y z",
    )  # fmt: skip


def _both(
    system: str, atoms: Any, ligands: dict[str, Any], temperature: float, *distances: Any,
    **options: Any,
) -> Iterator[tuple[str, str, Any, str]]:  # fmt: skip
    """Cages, with some distances, and hull shells of one species against a framework."""
    detectors: dict[str, Any] = {
        "CageAssignment" if d == "minimum" else f"CageAssignment, {d:g} A": CageAssignment(
            distance=d
        )
        for d in distances
    }
    detectors["HullShell"] = HullShell(**ligands)
    for what, found in detectors.items():
        rule: Any = SolvationEvents() if what == "HullShell" else CrystalEvents("proximity", 3.0)
        ions = IonSpecies(atoms, charge=1, name="Li+", microstates=found, events=rule)
        yield system, what, analysed([ions], temperature, **options), "Li+"


def melt(folder: Path) -> Iterator[tuple[str, str, Any, str]]:
    """Molten NaCl."""
    universe = _opened(folder, "nacl")
    groups = universe.select_atoms("type 1"), universe.select_atoms("type 2")
    for what in ("CageAssignment", "HullShell"):
        species = []
        for k, (name, charge) in enumerate((("Na+", 1), ("Cl-", -1))):
            ligands = {("anion", "cation")[k]: groups[1 - k]}
            found: Any = CageAssignment() if what == "CageAssignment" else HullShell(**ligands)
            rule: Any = (
                CrystalEvents("proximity", 3.0)
                if what == "CageAssignment"
                else SolvationEvents(*ligands)
            )
            species.append(
                IonSpecies(groups[k], charge=charge, name=name, microstates=found, events=rule)
            )
        run = analysed(species, 1200.0)
        for name in ("Na+", "Cl-"):
            yield f"molten NaCl, {name}", what, run, name


def glass(folder: Path) -> Iterator[tuple[str, str, Any, str]]:
    """Lithium disilicate."""
    universe = _opened(folder, "silicate")
    oxygen = universe.select_atoms("type 3")
    lithium = universe.select_atoms("type 1")
    yield from _both(
        "Li2Si2O5 glass", lithium, {"anion": oxygen}, 1200.0, "minimum",
        framework=universe.select_atoms("type 2"),
    )  # fmt: skip


def argyrodite(folder: Path) -> Iterator[tuple[str, str, Any, str]]:
    """Li6PS5Cl, ordered and with half of S and Cl exchanged."""
    for disorder in ("0p", "50p"):
        stem = folder / f"Li6PS5Cl_{disorder}"
        universe = mda.Universe(f"{stem}.pdb", f"{stem}_unwrapped.dcd")
        yield from _both(
            f"Li6PS5Cl, {disorder[:-1]}%", universe.select_atoms("name Li"),
            {"anion": universe.select_atoms("name S Cl")}, 500.0, "minimum", SHORT,
            framework=universe.select_atoms("name P"),
        )  # fmt: skip


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("melt", "glass", "argyrodite"):
        parser.add_argument(f"--{name}", type=Path)
    given = parser.parse_args()
    numbers, parts = [], []
    sources = [garnet(), flowing()]
    sources += [melt(given.melt)] if given.melt else []
    sources += [glass(given.glass)] if given.glass else []
    sources += [argyrodite(given.argyrodite)] if given.argyrodite else []
    for source in sources:
        for system, what, run, name in source:
            numbers.append(counts(system, what, run, name))
            if not system.startswith("shipped"):
                parts += shares(system, what, run, name)
            said = [w for w in run.results.warnings if "cage" in w and w.startswith(name)]
            said += [w for w in run.results.warnings if w.startswith(f"cages of {name}")]
            print(system, what, *said, sep="\n  ", flush=True)
    print(table(HEAD, numbers))
    print(table(["system", "detector", "label", *(f"{w:g} ps" for w in WINDOWS)], parts))


if __name__ == "__main__":
    main()
