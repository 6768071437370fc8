"""IonSpecies: carrier atoms, charge, detector and rules of one kind of carrier."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from .lib.checks import number, shown
from .lib.compounds import check_compound
from .lib.errors import InputError
from .lib.frozen import frozen
from .lib.molecules import are_bonded, in_order_of_appearance, molecule_of_atom
from .lib.plain_text import is_formula, is_visible
from .lib.topology import check_atom_group

if TYPE_CHECKING:
    from MDAnalysis import AtomGroup


#: Largest charge of a carrier and smallest but 0, e, and longest name of a species.
MOST_CHARGE, LEAST_CHARGE, MOST_LETTERS = 1e4, 1e-3, 60
COMPOUNDS = ("residues", "molecules", "fragments")
_COMPOUND_INDEX = {"residues": "resindices", "molecules": "molnums"}


class Detector(Protocol):
    """Interface of detectors for a species; see `mda_ionmech.microstates.Detector`."""

    @property
    def tally_names(self) -> tuple[str, ...]:
        """Names of counters of `contacts`."""

    @property
    def ligands(self) -> Mapping[str, Any]:
        """Ligand atoms by type."""

    @property
    def ligand_types(self) -> tuple[str, ...]:
        """Names of the ligand types."""

    @property
    def has_sites(self) -> bool:
        """Whether microstates are sites instead of shells."""

    @property
    def persistence(self) -> float | None:
        """Time within which a change that reverts is ignored, ps."""

    @property
    def reach(self) -> float:
        """Largest distance of a contact, Angstrom."""

    def other_atoms(self, carriers: Any) -> Any:
        """Indices of further atoms whose positions `contacts` needs."""

    def settle(self, sample: Any) -> Any:
        """The detector with parameters found on frames of the trajectory, e.g. cutoffs."""

    def with_distributions(self, found: Any) -> Any:
        """The detector with measured g(r), by ligand type."""

    def contacts(self, frame: Any) -> Any:
        """Contacts of one frame."""

    def follower(self, n_carriers: int, first_frame: int) -> Any:
        """Tracks contacts from frame to frame."""

    @property
    def assemble(self) -> Callable[..., Any]:
        """Function that makes microstates from the contacts of all frames."""

    def describe(self) -> dict[str, Any]:
        """The parameters as plain values, for the settings."""


class EventRule(Protocol):
    """Interface of event rules for a species; see `mda_ionmech.events.EventRule`."""

    @property
    def names(self) -> tuple[str, ...]:
        """The event classes."""

    @property
    def flag_names(self) -> tuple[str, ...]:
        """Names of the flags besides the label."""

    @property
    def joint(self) -> bool:
        """Whether labels depend on all carriers."""

    def names_for(self, label_names: tuple[str, ...]) -> tuple[str, ...]:
        """The event classes, where they depend on the labels of the sites."""

    def check(self, ligand_types: tuple[str, ...]) -> None:
        """Refuse ligand types that the rule cannot work with."""

    def for_carriers(self, charge: float, ligand_types: tuple[str, ...]) -> Any:
        """The rule for carriers of this charge."""

    def prepare(self, universe: Any, ligands: Any) -> Any:
        """The rule with data from the topology."""

    def classifier(self, shells: Any) -> Any:
        """Function from pairs of shells to event codes and flags."""

    def describe(self) -> dict[str, Any]:
        """The parameters as plain values, for the settings."""


class MacrostateRule(Protocol):
    """Interface of macrostate rules for a species; see `mda_ionmech.macrostates.MacrostateRule`."""

    @property
    def names(self) -> tuple[str, ...]:
        """The macrostates."""

    def check(self, species: Any, index: int) -> None:
        """Refuse species that the rule cannot work with."""

    def assign(self, states: Any, index: int) -> Any:
        """Macrostates of one species from the microstates of all."""

    def describe(self) -> dict[str, Any]:
        """The parameters as plain values, for the settings."""


@frozen
class IonSpecies:
    """One kind of charge carrier.

    Parameters
    ----------
    atoms : AtomGroup
        The carriers' atoms. Without `compound` each atom is a carrier.
    charge : float
        Charge of one carrier in units of the elementary charge: the formal charge, unless the
        transport of a scaled charge is intended.
    name : str
        Name in the results, e.g. ``"Li+"``.
    compound : {None, "residues", "molecules", "fragments"}
        Group the atoms into molecules; a carrier is then the centre of mass of one molecule, made
        whole across the cell. Give all atoms with mass of these molecules.
    microstates : Detector, optional
        Finds the surroundings of a carrier in a frame, e.g. `mda_ionmech.microstates.CutoffShell`.
    events : EventRule, optional
        Labels the change between two frames. Without it every window is labelled ``all``.
    macrostates : MacrostateRule, optional
        The chemical label of a carrier's surroundings, e.g.
        `mda_ionmech.macrostates.IonPairing`.

    Attributes
    ----------
    n_carriers : int
    carrier_of_atom : numpy.ndarray
        Shape (atoms,), int64: the carrier each atom of `atoms` belongs to.

    Raises
    ------
    InputError
        For an empty, updating or repeating group, an unknown compound, a charge that is not a
        finite number, or an event rule without a detector.
    """

    def __init__(
        self,
        atoms: AtomGroup,
        *,
        charge: float,
        name: str,
        compound: str | None = None,
        microstates: Detector | None = None,
        events: EventRule | None = None,
        macrostates: MacrostateRule | None = None,
    ) -> None:
        _check_name(name)
        check_atom_group(atoms, f"atoms of species {name!r}")
        charge = _check_charge(name, charge)
        if compound is not None and not (isinstance(compound, str) and compound in COMPOUNDS):
            raise InputError(
                f"compound of species {name!r} must be None or one of {COMPOUNDS}, got "
                f"{shown(compound)}"
            )
        _check_parts(name, microstates, events, macrostates)
        if events is not None and microstates is None:
            raise InputError(
                f"species {name!r} has an event rule but no detector: give microstates=..., whose "
                "microstates the rule compares"
            )
        self.atoms = atoms
        self.charge = charge
        self.name = name
        self.compound = compound
        self.microstates = microstates
        self.events = events
        self.macrostates = macrostates
        self.carrier_of_atom = _carriers(atoms, compound, name)
        self.n_carriers = int(self.carrier_of_atom.max()) + 1

    def __repr__(self) -> str:
        unit = "atoms" if self.compound is None else self.compound
        parts = (self.microstates, self.events, self.macrostates)
        rules = "".join(f", {type(part).__name__}" for part in parts if part is not None)
        return f"<IonSpecies {self.name}: {self.n_carriers} {unit}, charge {self.charge:+g}{rules}>"


def _check_charge(name: str, charge: Any) -> float:
    """A charge in units of e: not in Coulomb, and one for all carriers."""
    of = f"charge of species {name!r}"
    if isinstance(charge, float | np.floating) and not np.isfinite(charge):
        raise InputError(f"{of} must be finite, got {charge}")
    remedy = "split carriers of different charge into several IonSpecies"
    if isinstance(charge, str):
        remedy = "give a number without quotes, e.g. charge=+1"
    found = number(of, charge, "one number per species in units of e", remedy=remedy)
    if abs(found) > MOST_CHARGE or 0 < abs(found) < LEAST_CHARGE:
        bound = f"beyond {MOST_CHARGE:g}" if abs(found) > 1 else f"below {LEAST_CHARGE:g}"
        raise InputError(
            f"{of} is {found:g} e, {bound}: give the formal charge of one carrier in units of the "
            "elementary charge, e.g. +1 (1.6e-19 C, or 96485 C/mol)"
        )
    return found


def _check_name(name: Any) -> None:
    """Refuse names that tables, files and result files cannot hold."""
    if not isinstance(name, str) or not name.strip():
        raise InputError(f"name must be a non-empty string, got {shown(name)}")
    if not is_visible(name) or len(name) > MOST_LETTERS:
        raise InputError(
            f"name must be one line of at most {MOST_LETTERS} letters, got {shown(name)}; give a "
            "short one such as 'Li+'"
        )
    if is_formula(name):
        raise InputError(
            f"name must begin with a letter, a digit or a bracket, not as formulas of spreadsheets "
            f"do, got {shown(name)}; give one such as 'Li+'"
        )


#: What a species takes: what it must have, and an example.
_PARTS = {
    "microstates": (("contacts", "ligands"), "CutoffShell(solvent=...)"),
    "events": (("label", "names"), "SolvationEvents()"),
    "macrostates": (("assign", "names"), "IonPairing()"),
}


def _check_parts(name: str, *parts: Any) -> None:
    """Refuse classes in place of their instances, and what is no detector or rule at all."""
    for (argument, (needed, example)), part in zip(_PARTS.items(), parts, strict=True):
        if part is None:
            continue
        if isinstance(part, type):
            raise InputError(
                f"{argument} of species {name!r} is the class {part.__name__} itself; make an "
                f"instance of it: {argument}={part.__name__}(...)"
            )
        if not all(hasattr(part, attribute) for attribute in needed):
            raise InputError(
                f"{argument} of species {name!r} must be an object such as {example}, got "
                f"{shown(part)}"
            )


def _carriers(atoms: AtomGroup, compound: str | None, name: str) -> np.ndarray:
    """Carrier number of each atom, carriers in order of first appearance."""
    if compound is None:
        return np.arange(atoms.n_atoms, dtype=np.int64)
    if compound == "fragments":
        return _fragments(atoms, name)
    try:
        group_of_atom = getattr(atoms, _COMPOUND_INDEX[compound])
    except AttributeError as error:
        raise InputError(
            f"compound={compound!r} of species {name!r} needs molecule numbers, which this "
            "topology does not hold; use compound='residues' or a topology with them"
        ) from error
    carrier = in_order_of_appearance(group_of_atom)
    check_compound(atoms, compound, carrier, name)
    return carrier


def _fragments(atoms: AtomGroup, name: str) -> np.ndarray:
    """Carriers by bonds; sites without bonds go with the molecule of their residue."""
    universe = atoms.universe
    if not are_bonded(universe)[atoms.ix].any():
        raise InputError(
            f"compound='fragments' of species {name!r} needs bonds, which this topology does not "
            "hold for these atoms; use compound='residues' or a topology with them"
        )
    return in_order_of_appearance(molecule_of_atom(universe)[atoms.ix])
