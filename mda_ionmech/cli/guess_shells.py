"""Tables of shells and rules of liquids and polymers, with the peaks of g(r) they rest on."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from textwrap import wrap
from typing import Any

import numpy as np

from ..lib.molecules import are_bonded
from ..lib.topology import describe_atoms
from ..macrostates.composition import MOST_TYPES
from ..microstates import RadialDistribution
from ..microstates.rdf import minimum_in_words
from ..trajectory.frame_times import account_of_times
from .guess_donors import (
    CENTRE_TO_CENTRE,
    FAR_RADIUS,
    WIDEST,
    Peak,
    contact_distance,
    distributions,
    frames_of_shell,
    peak_of,
)
from .guess_molecules import MoleculeKind, Survey, central_atoms
from .toml_file import toml_string

#: Longest persistence that is written, ps, and that of salts of single atoms, whose
#: contacts last about a picosecond.
PERSISTENCE, PERSISTENCE_OF_A_MELT = 5.0, 0.5
#: Hysteresis that is written, Angstrom.
HYSTERESIS = 0.6


@dataclass(frozen=True)
class MeasuredShell:
    """g(r) of a species and a ligand type, with the radii of its shell.

    Attributes
    ----------
    species : str
    distribution : RadialDistribution
        Its kind is the ligand type.
    cutoff : float or None
        Angstrom; None where no shell is written.
    """

    species: str
    distribution: RadialDistribution
    cutoff: float | None

    @property
    def outer(self) -> float | None:
        """Where a contact ends, Angstrom."""
        return None if self.cutoff is None else self.cutoff + HYSTERESIS


def ligand_types(found: Survey) -> dict[str, tuple[str, np.ndarray, list[MoleculeKind]]]:
    """Selection, atoms and kinds of every ligand type.

    One type per kind of solvent, ``solvent`` for a single one; ``polymer``; ``anion`` for all
    counter-ions, since rules take one type of them. Where these are more types than
    `ShellComposition` combines, all solvents are one.
    """
    solvents, polymers = found.of_role("solvent"), found.of_role("polymer")
    groups: dict[str, list[MoleculeKind]] = {}
    if polymers:
        groups["polymer"] = polymers
    apart = 1 < len(solvents) <= MOST_TYPES - bool(polymers) - bool(found.of_role("anion"))
    for kind in solvents:
        name = _type_name(kind.label, groups) if apart else "solvent"
        groups.setdefault(name, []).append(kind)
    if anions := found.of_role("anion"):
        groups["anion"] = anions
    return {
        name: (
            " or ".join(f"({k.donors})" for k in kinds),
            np.concatenate([k.donor_atoms for k in kinds]),
            kinds,
        )
        for name, kinds in groups.items()
    }


def _type_name(label: str, taken: Mapping[str, Any]) -> str:
    """A name of a ligand type from that of a residue: letters, digits and underscores."""
    name = re.sub(r"\W+", "_", label, flags=re.ASCII).strip("_") or "solvent"
    while name in (*taken, "anion", "cation", "counterion", "polymer", "solvent"):
        name += "_"
    return name


def shell_lines(
    universe: Any,
    kind: MoleculeKind,
    ligands: Mapping[str, tuple[str, np.ndarray, list[MoleculeKind]]],
    dt: float | None = None,
) -> tuple[list[str], list[MeasuredShell]]:
    """The table of a `CutoffShell`, and the g(r) of each type, from which its radii are.

    `dt` is the spacing of the frames, ps, where it was given.
    """
    found = distributions(
        universe, kind.atoms, [atoms for _, atoms, _ in ligands.values()], list(ligands),
        most=frames_of_shell(kind.n_molecules, universe.atoms.n_atoms),
    )  # fmt: skip
    measured: list[MeasuredShell] = []
    radii: dict[str, str] = {}
    told: dict[str, str] = {}
    for k, (name, (_, _, kinds)) in enumerate(ligands.items()):
        element = _element_of(universe, kinds)
        contact = contact_distance(kind.element, element)
        peak = None if found is None else peak_of(found[k], contact, contact - WIDEST)
        radii[name] = '"rdf"'
        if found is None:
            told[name] = "donors by chemistry: without a cell g(r) is not known"
        elif peak is not None:
            told[name] = _told(found[k], peak)
            radii[name] = f"{peak.cutoff:.1f}" if peak.is_flat else '"rdf"'
        else:
            radii[name] = f"{contact:.1f}"
            n = found[k].number_within(contact)
            told[name] = (
                f"g(r) has no clear minimum after a first peak at contact, up to {contact:.1f} Å "
                f"({n:.2f} atoms there, {found[k].n_frames} frames): the contact distance by ionic "
                "radii"
            )
        if found is not None:
            radius = round(contact, 1) if peak is None else peak.cutoff
            measured.append(MeasuredShell(kind.name, found[k], radius))
    same = set(radii.values()) == {'"rdf"'}
    melt = set(ligands) == {"anion"} and all(k.is_single for k in ligands["anion"][2])
    each = "{ " + ", ".join(f"{k} = {r}" for k, r in radii.items()) + " }"
    lines = [
        "",
        "[species.microstates]",
        'rule = "CutoffShell"',
        _cutoff('"rdf"' if same else each),
        _hysteresis(),
        _persistence(universe, PERSISTENCE_OF_A_MELT if melt else PERSISTENCE, dt),
        "",
        "[species.microstates.ligands]",
        *(
            line
            for name, (text, _, _) in ligands.items()
            for line in (
                *wrap(f"{name}: {told[name]}", 98, initial_indent="# ", subsequent_indent="#   "),
                f"{name} = {toml_string(text)}",
            )
        ),
    ]
    return lines, measured


def shell_of_centre_lines(
    universe: Any,
    kind: MoleculeKind,
    counterions: Sequence[MoleculeKind],
    role: str,
    rules: Sequence[str],
    dt: float | None = None,
) -> tuple[list[str], list[MeasuredShell]]:
    """Counter-ions around the centre of mass of an ion, as in ionic liquids and molten salts.

    `role` is their ligand type, ``anion`` or ``cation``; `rules` the tables that follow, `dt` the
    spacing of the frames, ps, where it was given. A comment where g(r) has no clear minimum.
    """
    if len(kind.atoms) != kind.n_molecules * kind.n_atoms:
        return [], []
    middles = [central_atoms(universe, k) for k in counterions]
    centres = kind.atoms.reshape(kind.n_molecules, kind.n_atoms)
    most = frames_of_shell(kind.n_molecules, universe.atoms.n_atoms)
    arguments: Any = (universe, centres, [np.concatenate(middles)], [role])
    found = distributions(*arguments, most=most)
    nearest, farthest = CENTRE_TO_CENTRE
    melt = kind.is_single and all(k.is_single for k in counterions)
    if melt:
        contacts = [contact_distance(*_by_sign(kind, k)) for k in counterions]
        nearest, farthest = max(contacts) - WIDEST, max(contacts)
    peak = None if found is None else peak_of(found[0], farthest, nearest)
    is_far = found is not None and peak is None and not melt
    if is_far:
        found = distributions(*arguments, most=most, radius=FAR_RADIUS)
        peak = None if found is None else peak_of(found[0], farthest, nearest)
        if found and peak and peak.cutoff + HYSTERESIS > found[0].r[-1]:  # half the cell
            peak = None
    centre = "" if kind.is_single else "the centre of mass of "
    measured = [
        MeasuredShell(kind.name, one, None if peak is None else peak.cutoff) for one in found or ()
    ]
    if found is None or peak is None:
        lines = [
            f"# no [species.microstates]: g(r) of {centre}{kind.name} and the",
            f"# central atoms of the {role}s has no clear first minimum; give a cutoff to split",
            "# its motion into events",
        ]
        return lines, measured
    text = " or ".join(f"({describe_atoms(universe.atoms[ix])})" for ix in middles)
    comment = "" if kind.is_single else "          # from centre of mass to central atom"
    lines = [
        "",
        "[species.microstates]",
        f'rule = "CutoffShell"{comment}',
        _cutoff(f"{peak.cutoff:.1f}" if peak.is_flat or is_far else '"rdf"'),
        _hysteresis(),
        _persistence(universe, PERSISTENCE_OF_A_MELT if melt else PERSISTENCE, dt),
        "",
        "[species.microstates.ligands]",
        *wrap(
            f"{role}: {_told(found[0], peak)}", 98, initial_indent="# ", subsequent_indent="#   "
        ),
        f"{role} = {toml_string(text)}",
        *rules,
    ]
    return lines, measured


def _cutoff(value: str) -> str:
    meaning = "Å; " if "rdf" not in value else ""
    meaning += '"rdf": ' if "{" in value and "rdf" in value else ""
    meaning += "first minimum of g(r); " if "rdf" in value else ""
    return f"{f'cutoff = {value}':29} # {meaning}look at it: ionmech rdf"


def _hysteresis() -> str:
    return f"{f'hysteresis = {HYSTERESIS}':29} # a contact ends only this far beyond the cutoff, Å"


def _by_sign(kind: MoleculeKind, other: MoleculeKind) -> tuple[str, str]:
    """The elements of a cation and an anion, the cation first."""
    return (kind.element, other.element) if kind.charge > 0 else (other.element, kind.element)


def _persistence(universe: Any, longest: float, dt: float | None) -> str:
    """The longest persistence, ps, or a fiftieth of a shorter run; none below two frames."""
    spacing = float(universe.trajectory.dt) if dt is None else dt
    wanted = min(longest, universe.trajectory.n_frames * spacing / 50)
    needs_dt = account_of_times(universe.trajectory, dt).needs_dt
    if needs_dt or wanted >= 2 * spacing:
        shorter = wanted < longest and not needs_dt
        value = f"persistence = {f'{wanted:.3g}' if shorter else longest}"
        return f"{value:29} # a change that reverts this soon is ignored, ps"
    few = "the run is too short" if longest >= 2 * spacing else "frames are too far apart"
    return f"{f'# persistence = {longest}':29} # ps; {few} for one"


def _told(found: RadialDistribution, peak: Peak) -> str:
    """The peak of g(r), its minimum, and the cutoff where it is the near end of a flat one."""
    words = minimum_in_words(found, peak.cutoff)
    return (
        f"{words}; the cutoff is the near end of the flat minimum" if peak.is_flat else str(words)
    )


def _element_of(universe: Any, kinds: Sequence[MoleculeKind]) -> str:
    """The element of the donors of some kinds; the one with the largest radius of several."""
    from ..lib.elements import elements_of

    elements = elements_of(universe)
    found = {str(elements[k.donor_atoms[0]]) for k in kinds if len(k.donor_atoms)}
    return max(found, key=lambda e: contact_distance("", e), default="")


def liquid_rules(
    ligands: Mapping[str, tuple[str, np.ndarray, list[MoleculeKind]]], anions: bool
) -> list[str]:
    """Tables of `SolvationEvents`, and of `IonPairing` where there are anions."""
    lines = ["", "[species.events]", 'rule = "SolvationEvents"']
    if len([name for name in ligands if name != "anion"]) > 1:
        lines.append('resolve = "ligand"            # exchange of each solvent is a class')
    return lines + (["", "[species.macrostates]", 'rule = "IonPairing"'] if anions else [])


def salt_rules() -> list[str]:
    """Rules of ions that only counter-ions surround, in ionic liquids and molten salts.

    Clusters of ions in contact say nothing there, since all ions are one.
    """
    return [
        "",
        "[species.events]",
        'rule = "SolvationEvents"',
        'resolve = "counterion"        # gain, loss and swap of counter-ions are classes',
        "",
        "[species.macrostates]",
        'rule = "ShellComposition"',
        'count = "molecules"           # number of counter-ions in the shell',
        "most = 8                      # more are one state",
    ]


def polymer_rules(
    universe: Any, polymers: list[MoleculeKind], bonds_guessed: bool = False
) -> list[str]:
    """Tables of `PolymerEvents` and `ShellComposition`.

    Chains are fragments where the topology has bonds, or a run will guess them.
    """
    bonded = are_bonded(universe)
    whole = bonds_guessed or all(bonded[k.atoms].all() for k in polymers)
    chains = f"chains = {toml_string('fragments' if whole else 'residues')}"
    return [
        "",
        "[species.events]",
        'rule = "PolymerEvents"',
        f"{chains:29} # what makes a chain: fragments, residues or segids",
        "",
        "[species.macrostates]",
        'rule = "ShellComposition"     # polymer_only, polymer_anion, ...; or "IonPairing"',
    ]
