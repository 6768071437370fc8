"""Initial configuration from a topology, with guessed ions, anions, solvents and polymers.

Roles are guessed from formulas of common ions, then from the charges of the topology.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from textwrap import wrap
from typing import Any

import numpy as np
from MDAnalysis import SelectionError

from ..lib.checks import shown
from ..lib.elements import elements_of
from ..lib.errors import InputError
from ..lib.molecules import are_bonded, in_order_of_appearance, molecule_of_atom
from ..lib.plain_text import on_one_line
from ..lib.topology import describe_atoms
from ..trajectory.frame_times import account_of_times

_CATIONS = {
    "Li": 1, "Na": 1, "K": 1, "Rb": 1, "Cs": 1, "Ag": 1, "Cu": 1,
    "Mg": 2, "Ca": 2, "Sr": 2, "Ba": 2, "Zn": 2, "Al": 3,
}  # fmt: skip
_HALIDES = ("F", "Cl", "Br", "I")
#: Heavy-atom formulas of common polyatomic anions, elements in alphabetical order.
_ANIONS = {
    "C2F6NO4S2": ("TFSI-", -1),
    "F2NO4S2": ("FSI-", -1),
    "F6P": ("PF6-", -1),
    "BF4": ("BF4-", -1),
    "ClO4": ("ClO4-", -1),
    "CF3O3S": ("OTf-", -1),
    "NO3": ("NO3-", -1),
    "BC4O8": ("BOB-", -1),
    "BC2F2O4": ("DFOB-", -1),
    "C2N3": ("DCA-", -1),
    "AsF6": ("AsF6-", -1),
}
#: Number of atoms per molecule above which a solvent counts as a polymer.
_POLYMER_ATOMS = 60


@dataclass(frozen=True)
class MoleculeKind:
    """A kind of equal molecules.

    Attributes
    ----------
    label : str
        Residue name, or element.
    role : str
        ``cation``, ``anion``, ``solvent``, ``polymer`` or ``framework``.
    name, charge : str, float
        As for `IonSpecies`.
    n_molecules, n_atoms : int
        Number of molecules, and of atoms in each.
    is_single : bool
        Whether it is one atom, perhaps with a site without element (a Drude particle).
    compound : str
        What makes a carrier of the atoms of a molecule: ``residues`` where each is one, else
        ``fragments``.
    selection, donors : str
        Selections of all atoms and of those that coordinate.
    why : str
        Basis of the guess.
    """

    label: str
    role: str
    name: str
    charge: float
    n_molecules: int
    n_atoms: int
    is_single: bool
    compound: str
    selection: str
    donors: str
    why: str

    @property
    def described(self) -> str:
        """One line with the guessed role and its basis."""
        plural = "s" * (self.n_atoms > 1)
        return (
            f"{self.n_molecules} x {self.label} ({self.n_atoms} atom{plural}): {self.role}, from "
            f"{self.why}"
        )


def _formula(elements: np.ndarray) -> str:
    counts = Counter(e for e in elements if e not in ("", "H"))
    return "".join(f"{e}{n if n > 1 else ''}" for e, n in sorted(counts.items()))


def _exact(universe: Any, atoms: np.ndarray, text: str) -> str:
    """The text if it selects exactly these atoms, else a selection that does."""
    atoms = np.sort(atoms)
    try:
        if text and np.array_equal(np.sort(universe.select_atoms(text).ix), atoms):
            return text
    except SelectionError:  # a name that the language of selections cannot hold
        pass
    return describe_atoms(universe.atoms[atoms])


def _donors(
    universe: Any, atoms: np.ndarray, elements: np.ndarray, names: np.ndarray, selection: str
) -> str:
    """Selection of the atoms of one element that coordinate cations, of all atoms of a kind."""
    for wanted in ("O", "N", "F", "S", "Cl", "Br", "I"):
        mine = atoms[elements[atoms] == wanted]
        if len(mine):
            named = sorted({str(n) for n in names[mine]})
            text = f"{selection} and name {' '.join(named)}" if all(named) else selection
            return _exact(universe, mine, text)
    return selection


def molecule_kinds(universe: Any) -> list[MoleculeKind]:
    """Kinds of molecules in a universe with their guessed roles, cations first."""
    atoms = universe.atoms
    elements = elements_of(universe)
    molecule = in_order_of_appearance(molecule_of_atom(universe))
    names = np.asarray(getattr(atoms, "names", np.full(len(atoms), "")), dtype=str)
    residues = np.asarray(getattr(atoms, "resnames", np.full(len(atoms), "")), dtype=str)
    types = np.asarray(getattr(atoms, "types", np.full(len(atoms), "")), dtype=str)
    charges = np.asarray(getattr(atoms, "charges", np.zeros(len(atoms))))
    order = np.argsort(molecule, kind="stable")
    members = np.split(order, np.flatnonzero(np.diff(molecule[order])) + 1)
    groups: dict[tuple[str, str], list[np.ndarray]] = {}
    for ix in members:
        label = " ".join(sorted({str(r) for r in residues[ix]} - {""}))
        groups.setdefault((label, _formula(elements[ix])), []).append(ix)
    lone = all(len(ix) == 1 for ix in members) and len(groups) > 1
    same_residue = len(set(residues)) <= 1
    labels = Counter(label for label, _ in groups)
    size = np.bincount(atoms.resindices)
    kinds = []
    for (label, formula), listed in groups.items():
        first = listed[0]
        known = elements[first][elements[first] != ""]
        symbol = str(known[0]) if len(known) else ""
        whole = np.concatenate(listed)
        if label and not (lone and same_residue) and labels[label] == 1:
            selection = f"resname {label}"
        else:
            selection = _by_type_or_name(whole, types, names)
        selection = _exact(universe, whole, selection)
        # a molecule is a residue if the residue of its first atom has no other atoms
        in_residues = all(size[atoms.resindices[ix[0]]] == len(ix) for ix in listed)
        charge = float(np.mean([charges[ix].sum() for ix in listed]))
        alone = len(first) == 1 or (len(known) == 1 and symbol != "H")
        role, name, formal, why = _role(symbol, formula, charge, len(first), alone, lone)
        kinds.append(
            MoleculeKind(
                label=label or symbol,
                role=role,
                name=name or label or formula,
                charge=formal,
                n_molecules=len(listed),
                n_atoms=len(first),
                is_single=alone,
                compound="residues" if in_residues else "fragments",
                selection=selection,
                donors=_donors(universe, whole, elements, names, selection),
                why=why,
            )
        )
    rank = ("cation", "anion", "polymer", "solvent", "framework")
    return sorted(kinds, key=lambda k: rank.index(k.role))


def _by_type_or_name(atoms: np.ndarray, types: np.ndarray, names: np.ndarray) -> str:
    """Selection of atoms by properties that no other atom has: types, else names, else both."""
    chosen = {}
    for keyword, values in (("type", types), ("name", names)):
        mine = sorted(set(values[atoms].tolist()))
        chosen[keyword] = f"{keyword} {' '.join(mine)}"
        if all(mine) and np.count_nonzero(np.isin(values, mine)) == len(atoms):
            return chosen[keyword]
    return " and ".join(text for text in chosen.values() if not text.endswith(" "))


def _role(
    symbol: str, formula: str, charge: float, n_atoms: int, alone: bool, lone: bool
) -> tuple[str, str, float, str]:
    """Role, name, formal charge and the reason.

    An ion may be with its Drude particle; `lone`: the system has single atoms alone.
    """
    if alone and symbol in _CATIONS and (not lone or symbol in ("Li", "Na", "K", "Ag", "Cu")):
        number = _CATIONS[symbol]
        sign = "+" if number == 1 else f"{number}+"
        return "cation", f"{symbol}{sign}", float(number), f"a single {symbol} atom"
    if lone:
        return "framework", symbol, 0.0, "single atoms of a crystal or glass"
    if alone and symbol in _HALIDES:
        return "anion", f"{symbol}-", -1.0, f"a single {symbol} atom"
    if formula in _ANIONS:
        name, number = _ANIONS[formula]
        return "anion", name, float(number), f"heavy atoms {formula}"
    if abs(charge) > 0.3:
        formal = float(np.sign(charge) * max(1, round(abs(charge))))
        role = "cation" if formal > 0 else "anion"
        return role, "", formal, f"a charge of {charge:+.2f} e in the topology"
    why = f"heavy atoms {formula}, no charge"
    return ("polymer" if n_atoms > _POLYMER_ATOMS else "solvent"), "", 0.0, why


def _quoted(text: str) -> str:
    # escape sequences of JSON are those of TOML, but for one character
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def example_config(
    universe: Any,
    topology: str,
    trajectory: list[str],
    options: dict[str, str],
    dt: float | None = None,
) -> str:
    """Text of a commented TOML file for the system of a topology.

    Parameters
    ----------
    universe : Universe
    topology, trajectory : str, list of str
        Paths as written to the file.
    options : dict
        Further keyword arguments the universe was made with.
    dt : float, optional
        Spacing of the frames, ps, for files that hold no times.
    """
    kinds = molecule_kinds(universe)
    if not any(k.role in ("cation", "anion") for k in kinds):
        found = "; ".join(on_one_line(k.described) for k in kinds[:8])
        raise InputError(
            f"no ion is recognised in {shown(topology)}, by element, formula or charge: {found}; "
            "nothing is written. Give a topology with elements (or masses) and charges, or write "
            "the configuration by hand, with a [[species]] for each ion"
        )
    by_role = {r: [k for k in kinds if k.role == r] for r in {k.role for k in kinds}}
    crystal, polymers = "framework" in by_role, by_role.get("polymer", [])
    system = "crystal or glass" if crystal else "polymer" if polymers else "liquid"
    account = account_of_times(universe.trajectory)
    lines = [
        f"# A run of mda_ionmech for what looks like a {system}. Every line is a guess to",
        "# check, above all temperature, charges and which atoms coordinate.",
        "#",
    ]
    lines += [f"#   {on_one_line(k.described)}" for k in kinds]
    lines += [
        "#",
        *wrap(f"{account.text}.", 98, initial_indent="# ", subsequent_indent="# "),
        "",
        f"topology = {_quoted(topology)}",
        "trajectory = [" + ", ".join(_quoted(t) for t in trajectory) + "]",
    ]
    if options:
        lines += ["", "[universe]", *(f"{k} = {_quoted(v)}" for k, v in options.items())]
    else:
        lines += ["# [universe]                  # further arguments of MDAnalysis.Universe"]
        lines += ['# topology_format = "DATA"']
    lines += [
        "",
        "[analysis]",
        "temperature = 300.0           # K: not in the files, CHECK",
        'windows = "log"               # or a list of lengths in ps, e.g. [1, 5, 20]',
    ]  # fmt: skip
    if dt is not None:
        lines.append(f"{f'dt = {dt:g}':29} # ps between the analysed frames, as given")
    elif account.needs_dt:
        lines.append("# dt = 1.0                    # ps between the analysed frames: GIVE IT")
    if crystal:
        rest = " or ".join(k.selection for k in by_role["framework"])
        lines += [
            'frame = "framework"           # displacements against the immobile sublattice',
            f"framework = {_quoted(rest)}",
        ]
    else:
        lines.append('frame = "barycentric"         # or "solvent", "framework", "laboratory"')
    anions = by_role.get("anion", [])
    ligands = {
        role: " or ".join(f"({k.donors})" for k in by_role[role])
        for role in ("polymer", "solvent", "anion")
        if role in by_role
    }
    for kind in by_role.get("cation", []):
        lines += _species(kind)
        if ligands and kind.is_single:
            lines += [
                "",
                "[species.microstates]",
                'rule = "CutoffShell"',
                'cutoff = "rdf"                # first minimum of g(r); look at it: ionmech rdf',
                "hysteresis = 0.6              # a contact ends only this far beyond the cutoff, A",
                "persistence = 5.0             # a change that reverts this soon is ignored, ps",
                "",
                "[species.microstates.ligands]",
            ]
            lines += [f"{role} = {_quoted(text)}" for role, text in ligands.items()]
            lines += _polymer_rules(universe, polymers) if polymers else _liquid_rules(bool(anions))
    for kind in anions:
        lines += _species(kind)
        if ligands and any(c.is_single for c in by_role.get("cation", [])):
            lines += ["", "[species.macrostates]", 'rule = "IonPairing"']
    lines += [
        "",
        "[run]",
        "# start = 0",
        "# stop = 1000",
        "# step = 1",
        'backend = "serial"            # "multiprocessing" or "dask" with n_workers = 4',
        "",
        "[output]",
        'folder = "ionmech-output"',
        'figures = ["png"]             # also "pdf", "svg"',
        "# window = 16.0               # ps, for the printed tables",
    ]
    return "\n".join(lines) + "\n"


def _liquid_rules(anions: bool) -> list[str]:
    lines = ["", "[species.events]", 'rule = "SolvationEvents"']
    return lines + (["", "[species.macrostates]", 'rule = "IonPairing"'] if anions else [])


def _polymer_rules(universe: Any, polymers: list[MoleculeKind]) -> list[str]:
    bonded = are_bonded(universe)
    whole = all(bonded[universe.select_atoms(k.selection).ix].all() for k in polymers)
    chains = "fragments" if whole else "residues"
    return [
        "",
        "[species.events]",
        'rule = "PolymerEvents"',
        f"{f'chains = {_quoted(chains)}':29} # what makes a chain: fragments, residues or segids",
        "",
        "[species.macrostates]",
        'rule = "ShellComposition"     # polymer_only, polymer_anion, ...; or "IonPairing"',
    ]


def _species(kind: MoleculeKind) -> list[str]:
    lines = [
        "",
        "[[species]]",
        f"name = {_quoted(kind.name)}",
        f"selection = {_quoted(kind.selection)}",
        f"{f'charge = {kind.charge:g}':29} # formal charge, e",
    ]
    if kind.n_atoms > 1:
        compound = f"compound = {_quoted(kind.compound)}"
        lines.append(f"{compound:29} # centre of mass of each")
    return lines
