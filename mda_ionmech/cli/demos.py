"""Analyses of the shipped trajectories, as ``ionmech demo`` runs them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..analysis.decomposition import OnsagerDecomposition
    from ..species import IonSpecies


def _tfsi(universe: Any) -> IonSpecies:
    """The anion of the liquid and of the polymer: the centre of mass of each molecule."""
    from .. import IonSpecies
    from ..macrostates import IonPairing

    return IonSpecies(
        universe.select_atoms("resname TFS"),
        charge=-1,
        name="TFSI-",
        compound="residues",
        macrostates=IonPairing(),
    )


def liquid_analysis(universe: Any) -> OnsagerDecomposition:
    """The analysis of LiTFSI in acetonitrile."""
    from .. import IonSpecies, OnsagerDecomposition
    from ..events import SolvationEvents
    from ..macrostates import IonPairing
    from ..microstates import CutoffShell

    lithium = IonSpecies(
        universe.select_atoms("resname LI"),
        charge=+1,
        name="Li+",
        microstates=CutoffShell(
            cutoff="rdf",
            hysteresis=0.6,
            persistence=5.0,
            solvent=universe.select_atoms("resname ACN and element N"),
            anion=universe.select_atoms("resname TFS and element O"),
        ),
        events=SolvationEvents(),
        macrostates=IonPairing(),
    )
    return OnsagerDecomposition([lithium, _tfsi(universe)], temperature=330.0)


def crystal_analysis(universe: Any) -> OnsagerDecomposition:
    """The analysis of the garnet: hops between the sites of its CIF."""
    from .. import IonSpecies, OnsagerDecomposition, datasets
    from ..events import CrystalEvents
    from ..microstates import SiteAssignment

    sites = SiteAssignment.from_cif(
        datasets.path("crystal") / "llzo.cif",
        species="Li",
        framework=universe.select_atoms("element Zr"),
        r_core=0.6,
    )
    lithium = IonSpecies(
        universe.select_atoms("element Li"),
        charge=+1,
        name="Li+",
        microstates=sites,
        events=CrystalEvents(),
    )
    return OnsagerDecomposition([lithium], temperature=800.0)


def polymer_analysis(universe: Any) -> OnsagerDecomposition:
    """The analysis of LiTFSI in a short polyether."""
    from .. import IonSpecies, OnsagerDecomposition
    from ..events import PolymerEvents
    from ..macrostates import ShellComposition
    from ..microstates import CutoffShell

    lithium = IonSpecies(
        universe.select_atoms("resname LI"),
        charge=+1,
        name="Li+",
        microstates=CutoffShell(
            cutoff=2.9,
            hysteresis=0.6,
            persistence=8.0,
            polymer=universe.select_atoms("resname PEO and element O"),
            anion=universe.select_atoms("resname TFS and element O"),
        ),
        events=PolymerEvents(),
        macrostates=ShellComposition(),
    )
    return OnsagerDecomposition([lithium, _tfsi(universe)], temperature=480.0)


def melt_analysis(universe: Any) -> OnsagerDecomposition:
    """The analysis of molten NaCl: both ions with their counter-ions."""
    from .. import IonSpecies, OnsagerDecomposition
    from ..events import SolvationEvents
    from ..macrostates import ShellComposition
    from ..microstates import CutoffShell

    sodium, chloride = (universe.select_atoms(f"element {one}") for one in ("Na", "Cl"))
    species = [
        IonSpecies(
            atoms,
            charge=charge,
            name=name,
            microstates=CutoffShell(cutoff="rdf", hysteresis=0.6, persistence=0.5, **ligands),
            events=SolvationEvents(resolve="counterion"),
            macrostates=ShellComposition("molecules", most=8),
        )
        for atoms, charge, name, ligands in (
            (sodium, +1, "Na+", {"anion": chloride}),
            (chloride, -1, "Cl-", {"cation": sodium}),
        )
    ]
    return OnsagerDecomposition(species, temperature=1200.0)


#: By name: the analysis of a universe.
DEMOS = {
    "liquid": liquid_analysis,
    "crystal": crystal_analysis,
    "polymer": polymer_analysis,
    "melt": melt_analysis,
}
