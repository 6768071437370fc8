"""Initial configuration from a topology and a trajectory, with what was taken for what.

Roles and charges are those of `guess_molecules`; radii are checked against g(r) on some frames.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from textwrap import wrap
from typing import Any

import numpy as np

from ..lib.checks import shown
from ..lib.elements import elements_of
from ..lib.errors import InputError
from ..lib.formal_charges import balanced
from ..lib.plain_text import on_one_line, printable
from ..trajectory.frame_times import account_of_times
from .guess_mobility import FEWEST
from .guess_molecules import MoleculeKind, Survey, molecule_kinds, survey
from .guess_shells import (
    MeasuredShell,
    ligand_types,
    liquid_rules,
    polymer_rules,
    salt_rules,
    shell_lines,
    shell_of_centre_lines,
)
from .toml_file import toml_string, toml_value

__all__ = ["Guess", "MoleculeKind", "guess_config", "molecule_kinds"]


#: Begins a note about charges that do not sum to zero.
_CHARGES = "CHARGES"
_CELL = "cell (A, degrees)"


@dataclass(frozen=True)
class Guess:
    """A configuration and what it lacks.

    Attributes
    ----------
    text : str
        The TOML file.
    found : Survey
    missing : dict of str to str
        What the files do not tell and the user must give, with the ways to give it.
    notes : tuple of str
        What the user should know.
    shells : tuple of MeasuredShell
        g(r) of each species with a shell and each ligand type.
    """

    text: str
    found: Survey
    missing: dict[str, str]
    notes: tuple[str, ...]
    shells: tuple[MeasuredShell, ...] = ()


def guess_config(
    universe: Any,
    topology: str,
    trajectory: list[str],
    options: Mapping[str, Any],
    dt: float | None = None,
    *,
    temperature: float | None = None,
    cif: str | None = None,
    cif_path: Path | None = None,
) -> Guess:
    """A commented TOML file for the system of a topology.

    Parameters
    ----------
    universe : Universe
    topology, trajectory : str, list of str
        Paths as written to the file.
    options : dict
        Further keyword arguments the universe was made with.
    dt : float, optional
        Spacing of the frames, ps, for files that hold no times.
    temperature : float, optional
        K; the file has no value where it is not given, and a run asks for it.
    cif : str, optional
        Path of a structure as written to the file, whose orbits are the sites of a crystal.
    cif_path : pathlib.Path, optional
        The same where it can be opened from here.

    Returns
    -------
    Guess

    Raises
    ------
    InputError
        Where no ion is recognised, and for a CIF of a liquid or of other lengths.
    """
    found = survey(universe)
    account = account_of_times(universe.trajectory, dt)
    missing = _missing(universe, account.needs_dt, temperature)
    ions_alone = found.system in ("crystal or glass", "molten salt")
    if _CELL in missing and (found.bonds_guessed or ions_alone):
        why = (
            "holds neither bonds nor residues that are molecules nor a cell: molecules are found "
            "by bonds, which need"
            if found.bonds_guessed
            else "and its trajectory hold no cell: which ions move, and which are the framework, "
            "is found from displacements, which need"
        )
        raise InputError(
            f"{topology} {why} the cell; nothing is written. Give what the files do not hold: "
            f"{_ways(missing)}"
        )
    if not found.of_role("cation", "anion"):
        further = f". Nor do the files hold {_ways(missing)}" if missing else ""
        raise InputError(_no_ion(universe, found, topology) + further)
    if cif is not None and found.system != "crystal or glass":
        raise InputError(
            f"--cif {cif}: the trajectory looks like a {found.system}, which has no sites; leave "
            "--cif out"
        )
    options = dict(options) | ({"bonds": "guess"} if found.bonds_guessed else {})
    notes = _notes(found)
    if any(note.startswith(_CHARGES) for note in notes):
        missing["charges (e)"] = "they do not sum to zero: charge of the [[species]]"
    lines = [
        f"# A run of mda_ionmech for what looks like a {found.system}. Check what was taken for",
        "# what; ionmech init --check shows what a run makes of this file.",
        "#",
        *(f"#   {on_one_line(k.described)}" for k in found.kinds),
        "#",
        *(
            line
            for n in notes
            for line in wrap(printable(n), 98, initial_indent="# ", subsequent_indent="# ")
        ),
        *wrap(f"{account.text}.", 98, initial_indent="# ", subsequent_indent="# "),
        "",
        f"topology = {toml_string(topology)}",
        "trajectory = [" + ", ".join(toml_string(t) for t in trajectory) + "]",
        *_universe_table(options),
        "",
        "[analysis]",
        *_temperature(temperature),
        'windows = "log"               # 1, 2, 4, ... frames; or lengths in ps, e.g. [1, 5, 20]',
    ]
    if dt is not None:
        lines.append(f"{f'dt = {dt:g}':29} # ps between the analysed frames, as given")
    elif account.needs_dt:
        lines.append("# dt = 1.0                    # ps between the analysed frames: GIVE IT")
    shells: list[MeasuredShell] = []
    if found.system == "crystal or glass":
        lines += _crystal(universe, found, cif, cif_path)
    else:
        of_liquid, shells = _liquid(universe, found, dt)
        lines += of_liquid
        if "[species.microstates]" not in of_liquid and _CELL not in missing:
            notes += (
                "No shell is written, so that a run has one event: g(r) has no clear first "
                "minimum, or no atoms were found that coordinate; give a cutoff and ligands.",
            )
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
    return Guess("\n".join(lines) + "\n", found, missing, notes, tuple(shells))


def _ways(missing: dict[str, str]) -> str:
    """What the files do not tell, each with the option that gives it."""
    return "; ".join(f"{what}: {how.split(',')[0]}" for what, how in missing.items())


def _no_ion(universe: Any, found: Survey, topology: str) -> str:
    """What was found where no ion was, and what to do."""
    listed = "; ".join(on_one_line(k.described) for k in found.kinds[:8])
    by_hand = "write the configuration by hand, with a [[species]] for each ion"
    elements = elements_of(universe)
    if any(not np.any(elements[k.atoms] != "") for k in found.kinds):
        why = "no ion is recognised in {}, by element, formula or charge"
        remedy = (
            "Give the elements of the atom types with --elements 'Li O ...', or a topology with "
            "elements (or masses) and charges, with bonds where residues or molecule numbers are "
            f"no molecules, or {by_hand}"
        )
    elif found.system == "crystal or glass":
        why = "no atom of {} is a usual carrier (Li, Na, K, Ag, Cu) or leaves its place"
        remedy = (
            "Where the ions of an element diffuse, give a longer run, or "
            f"{by_hand}, e.g. selection = 'element O' and charge = -2"
        )
    else:
        why = "{} seems to hold neutral molecules alone"
        remedy = (
            "Where some are ions, give a topology with charges, or with bonds where molecules were "
            f"taken apart or together, or {by_hand}"
        )
    return f"{why.format(shown(topology))}: {listed}; nothing is written. {remedy}"


def _missing(universe: Any, needs_dt: bool, temperature: float | None) -> dict[str, str]:
    """What the files do not tell, and how to give it."""
    out = {}
    if temperature is None:
        out["temperature (K)"] = "--temperature 300, or temperature under [analysis]"
    if needs_dt:
        out["dt (ps between frames)"] = "--dt 0.5, or dt under [analysis]"
    box = universe.trajectory.ts.dimensions
    if box is None or not np.all(box[:3] > 0):
        out[_CELL] = (
            "--dimensions '25 25 25 90 90 90' (or --cell-file of a CP2K run), or dimensions "
            "under [universe]"
        )
    return out


def _notes(found: Survey) -> tuple[str, ...]:
    """What the user should know about the charges, and about who moves."""
    out = []
    if found.regrouped:
        out.append(
            f"The topology has no bonds, and {found.regrouped}: molecules are those of bonds "
            'guessed from the distances in the first frame (bonds = "guess").'
        )
    if found.system == "crystal or glass":
        out += [*_who_moves(found), _oxidation_states(found)]
    if found.scale is not None:
        out.append(
            f"The topology has {found.scale:.2f} times the formal charges, as force fields with "
            "scaled charges do; the formal ones are used."
        )
    ions = found.of_role("cation", "anion")
    if found.system != "crystal or glass" and abs(found.net_charge) > 1e-6:
        told = ", ".join(f"{k.n_molecules} x {k.name} {k.charge:+g}" for k in ions)
        out.append(
            f"{_CHARGES}: {told} sum to {found.net_charge:+g} e, not zero: give the formal charge "
            "of each species, or list the ions that are missing."
        )
    return tuple(out)


def _oxidation_states(found: Survey) -> str:
    """Charges of the elements of a crystal that sum to zero."""
    counts = {k.element: k.n_molecules for k in found.kinds}
    charges = balanced(counts)
    if charges is None:
        held = " ".join(f"{element}{n}" for element, n in counts.items())
        return (
            f"The usual charges of the elements of {held} do not sum to zero: check the elements, "
            "and the charge of each species."
        )
    listed = ", ".join(f"{element} {z:+g}" for element, z in charges.items())
    return f"The crystal is neutral with {listed}."


def _who_moves(found: Survey) -> list[str]:
    """Doubts about carriers and framework of a crystal."""
    if all(k.displacement is None for k in found.kinds):
        return [
            f"The trajectory has fewer than {FEWEST} frames, too few to tell who moves: the "
            "framework is everything but the usual carriers. For a molten salt list each ion as a "
            "species."
        ]
    out = []
    for kind in found.kinds:
        moved = kind.displacement
        carries = kind.role != "framework"
        if moved is not None and carries != moved.is_mobile:
            what = "hardly moves" if carries else "moves too, and is left out of the framework"
            out.append(f"{kind.name} {what}: {moved.end:.1f} Å (root mean square).")
    return out


def _universe_table(options: Mapping[str, Any]) -> list[str]:
    if options:
        return ["", "[universe]", *(f"{k} = {toml_value(v)}" for k, v in options.items())]
    return [
        "# [universe]                  # how the files are read, e.g.",
        '# topology_format = "DATA"',
        '# format = "LAMMPSDUMP"       # of the trajectory',
        "# dimensions = [25, 25, 25, 90, 90, 90]  # the cell, where the files hold none",
    ]


def _temperature(temperature: float | None) -> list[str]:
    if temperature is None:
        return ["# temperature = 300.0         # K, not in the files: GIVE IT"]
    return [f"{f'temperature = {float(temperature):g}':29} # K, as given"]


def _species(kind: MoleculeKind) -> list[str]:
    lines = [
        "",
        "[[species]]",
        f"name = {toml_string(kind.name)}",
        f"selection = {toml_string(kind.selection)}",
        f"{f'charge = {kind.charge:g}':29} # formal charge, e",
    ]
    if kind.n_atoms > 1:
        compound = f"compound = {toml_string(kind.compound)}"
        lines.append(f"{compound:29} # centre of mass of each")
    return lines


# ---- liquids, polymers and molten salts ---------------------------------------------------------


def _liquid(
    universe: Any, found: Survey, dt: float | None
) -> tuple[list[str], list[MeasuredShell]]:
    """Frame of reference, species, shells and rules of a liquid, a polymer or a molten salt."""
    measured: list[MeasuredShell] = []
    lines = ['frame = "barycentric"         # or "solvent", "framework", "laboratory"']
    cations, anions = found.of_role("cation"), found.of_role("anion")
    ligands = ligand_types(found)
    salt = found.system == "molten salt"
    around_centres = salt_rules() if salt else liquid_rules({}, True)
    shells = False
    for kind in cations:
        lines += _species(kind)
        if ligands and kind.is_single:
            written, here = shell_lines(universe, kind, ligands, dt)
            lines += written
            measured += here
            polymers = found.of_role("polymer")
            if polymers:
                lines += polymer_rules(universe, polymers, found.bonds_guessed)
            else:
                lines += salt_rules() if salt else liquid_rules(ligands, bool(anions))
            shells = True
        elif anions:
            written, here = shell_of_centre_lines(
                universe, kind, anions, "anion", around_centres, dt
            )
            lines += written
            measured += here
            shells |= bool(written) and not written[-1].startswith("#")
    for kind in anions:
        lines += _species(kind)
        if salt and cations:
            written, here = shell_of_centre_lines(
                universe, kind, cations, "cation", around_centres, dt
            )
            lines += written
            measured += here
        elif shells:
            lines += ["", "[species.macrostates]", 'rule = "IonPairing"']
    return lines, measured


# ---- crystals -----------------------------------------------------------------------------------


def _crystal(universe: Any, found: Survey, cif: str | None, cif_path: Path | None) -> list[str]:
    """Frame of reference, species, sites and rules of a crystal or glass."""
    still = [
        k
        for k in found.of_role("framework")
        if k.displacement is None or not k.displacement.is_mobile
    ]
    still = still or found.of_role("framework")
    path = None if cif is None else cif_path or Path(cif)
    repeats, held = (None, None) if path is None else _supercell(universe, path)
    rest = " or ".join(k.selection for k in still)
    lines = [
        'frame = "framework"           # displacements against the immobile sublattice',
        f"framework = {toml_string(rest)}",
    ]
    for kind in found.of_role("cation", "anion"):
        lines += _species(kind)
        lines += ["", "[species.microstates]", 'rule = "SiteAssignment"']
        if cif is not None and repeats is not None and held is not None:
            aligned = [k for k in still if k.element in held]
            if kind.element not in held or not aligned:
                lacking = kind.element if kind.element not in held else still[0].element
                raise InputError(
                    f"--cif {cif} holds {', '.join(sorted(held))}, and no {lacking}: give the "
                    "structure of this crystal, with its elements as in the trajectory"
                )
            if len(aligned) < len(still):
                absent = ", ".join(k.element for k in still if k not in aligned)
                lines.append(f"# {absent} is not in the CIF, and does not align it")
                rest = " or ".join(k.selection for k in aligned)
            lines += [
                f"cif = {toml_string(cif)}",
                f"species = {toml_string(kind.element)}",
                f"supercell = [{', '.join(map(str, repeats))}]",
            ]
        else:
            lines += [
                "density = true                # sites: maxima of the density of the ions over the",
                "                              # run; a CIF is better: ionmech init --cif FILE",
            ]
        lines += [
            f"framework = {toml_string(rest)}",
            "",
            "[species.events]",
            'rule = "CrystalEvents"',
        ]
        if cif is not None:
            lines += ["", "[species.macrostates]", 'rule = "SiteType"']
    return lines


def _supercell(universe: Any, cif: Path) -> tuple[list[int], frozenset[str]]:
    """Repeats of the cell of a CIF in that of the trajectory, and the elements of the CIF."""
    from ..microstates.sites.cif import cell_and_elements

    box = universe.trajectory[0].dimensions
    lengths, held = cell_and_elements(cif)
    if box is None:
        return [1, 1, 1], held
    ratio = np.asarray(box[:3], dtype=float) / lengths
    repeats = np.maximum(np.rint(ratio), 1).astype(int)
    if np.any(np.abs(ratio / repeats - 1) > 0.06):
        own, given = (" x ".join(f"{x:.3f}" for x in one) for one in (lengths, box[:3]))
        raise InputError(
            f"--cif {cif.name}: its cell of {own} Å does not fit into that of the trajectory, "
            f"{given} Å, a whole number of times; give the CIF in the setting of the simulation"
        )
    return [int(n) for n in repeats], held
