"""Labels and flags of random small systems, from coordinates to the class, by loops over sets.

Oblique cells that may breathe, one to three kinds of solvent, chains of one or several monomers,
two species of cations, anions of one to three atoms; any window, some of the frames left out.
"""

import MDAnalysis as mda
import numpy as np
import pytest

from mda_ionmech import IonSpecies, OnsagerDecomposition
from mda_ionmech.events import PolymerEvents, SolvationEvents
from mda_ionmech.macrostates import IonPairing
from mda_ionmech.microstates import CutoffShell

from ..builders import make_universe

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]
LIGANDS = {"anion": "OA", "EC": "OE", "DMC": "OD", "polymer": "OP"}
IMAGES = np.stack(np.meshgrid(*[[-1, 0, 1]] * 3, indexing="ij"), -1).reshape(-1, 3)
RULES = {
    "solvation": SolvationEvents,
    "ligand": lambda: SolvationEvents(resolve="ligand"),
    "counterion": lambda: SolvationEvents(resolve="counterion"),
    "polymer": PolymerEvents,
    "merged": lambda: PolymerEvents(denticity="intrachain"),
}


def random_universe(rng):
    n_frames, n_anions = int(rng.integers(14, 40)), int(rng.integers(0, 4))
    names, resnames, residue, bonds, masses = [], [], [], [], []

    def molecule(kind, name, n_atoms, bonded_to=None):
        masses.extend([{"LIA": 7.0, "NAB": 23.0}.get(kind, 12.0 + len(resnames) % 3)] * n_atoms)
        first = len(names)
        residue.extend([len(resnames)] * n_atoms)
        resnames.append(kind)
        names.extend([name] * n_atoms)
        bonds.extend((first + k, first + k + 1) for k in range(n_atoms - 1))
        if bonded_to is not None:
            bonds.append((bonded_to, first))
        return len(names) - 1

    for kind, name, number, most in (
        ("LIA", "A", rng.integers(1, 4), 1),
        ("NAB", "B", rng.integers(0, 3), 1),
        ("ANI", "OA", n_anions, 3),
        ("EC", "OE", rng.integers(1, 4), 2),
        ("DMC", "OD", rng.integers(0, 4), 2),
    ):
        for _ in range(int(number)):
            molecule(kind, name, int(rng.integers(1, most + 1)))
    for _ in range(int(rng.integers(1, 3))):
        last = None
        for _ in range(int(rng.integers(2, 5))):
            last = molecule("MON", "OP", int(rng.integers(1, 3)), last)
    n = len(names)
    box = np.concatenate([rng.uniform(11, 15, 3), rng.uniform(70, 110, 3)])
    cell = mda.lib.mdamath.triclinic_vectors(box).astype(float)
    steps = rng.normal(scale=rng.uniform(0.01, 0.08), size=(n_frames, n, 3))
    steps *= np.where(rng.random((n_frames, n, 1)) < 0.5, 1, 0.2)
    path = rng.random((n, 3)) + np.clip(steps, -0.2, 0.2).cumsum(axis=0)
    for a, b in sorted(
        bonds, key=lambda pair: pair[1]
    ):  # the next atom of a molecule stays near the one before
        apart = rng.normal(size=3)
        apart *= 1.4 / np.linalg.norm(apart)
        moved = apart + rng.normal(scale=0.15, size=(n_frames, 3))
        path[:, b] = path[:, a] + moved @ np.linalg.inv(cell)
    breath = 1 + 0.02 * np.sin(np.arange(n_frames) / 3) * float(n_anions > 0 and rng.random() < 0.5)
    return make_universe(
        (path % 1.0) @ cell * breath[:, None, None],
        np.column_stack([np.outer(breath, box[:3]), np.tile(box[3:], (n_frames, 1))]),
        names=names, resnames=resnames, residue=residue, masses=masses, bonds=bonds,
    )  # fmt: skip


def in_contact(distance, inner, outer, wait):
    """Whether a contact exists in each frame, after hysteresis and persistence."""
    outside = [d for d in distance if d <= inner or d > outer]
    now, on = bool(outside) and outside[0] <= inner, []
    for d in distance:
        now = d <= inner or (now and d <= outer)
        on.append(now)
    periods = [[on[0], 0]]
    for state in on:
        if state != periods[-1][0]:
            periods.append([state, 0])
        periods[-1][1] += 1
    lasting = [n > wait or n == len(on) for _, n in periods]
    state = next((s for (s, _), keep in zip(periods, lasting, strict=True) if keep), False)
    out = []
    for (s, n), keep in zip(periods, lasting, strict=True):
        state = s if keep else state
        out += [state] * n
    return out


def shells_of(u, frames, ion, present, inner, outer, wait):
    """(type, atom) pairs in the shell of an ion in each frame."""
    shells = [set() for _ in frames]
    for kind in present:
        atoms = u.select_atoms(f"name {LIGANDS[kind]}").ix
        distance = []
        for t in frames:
            ts = u.trajectory[int(t)]
            cell = ts.triclinic_dimensions.astype(float)
            x = ts.positions.astype(float)
            d = (x[atoms] - x[ion]) @ np.linalg.inv(cell)
            d -= np.rint(d)
            distance.append(np.linalg.norm((d[:, None] + IMAGES) @ cell, axis=-1).min(axis=1))
        for a, series in zip(atoms, np.transpose(distance), strict=True):
            for shell, on in zip(shells, in_contact(series, inner, outer, wait), strict=True):
                if on:
                    shell.add((kind, int(a)))
    return shells


def solvation(which, before, after, fragment):
    had = {fragment[a]: kind for kind, a in before}
    has = {fragment[a]: kind for kind, a in after}
    lost, gained = had.keys() - has.keys(), has.keys() - had.keys()
    kept = had.keys() & has.keys()
    types = {(had | has)[m] for m in lost | gained}
    change = "swap" if lost and gained else "dissociation" if lost else "association"
    if not types:
        label = "vehicular"
    elif not kept and lost and gained:
        label = "renewal"
    elif types == {"anion"}:
        label = f"anion_{change}" if which == "counterion" else "anion_exchange"
    elif "anion" in types:
        label = "mixed_exchange"
    elif which != "ligand":
        label = "solvent_exchange"
    else:
        label = f"{types.pop()}_exchange" if len(types) == 1 else "mixed_solvent_exchange"
    flags = {change} if lost or gained else set()
    flags |= set() if before or after else {"bare"}
    for m in kept:
        old, new = ({a for _, a in shell if fragment[a] == m} for shell in (before, after))
        flags |= {"denticity"} if len(old) != len(new) else set()
        flags |= {"rotation"} if old - new and new - old else set()
    return label, flags


def polymer(which, before, after, fragment, monomer):
    old, new = ({a for kind, a in shell if kind != "anion"} for shell in (before, after))
    ions = [{a for kind, a in shell if kind == "anion"} for shell in (before, after)]
    had, has = ({fragment[a] for a in atoms} for atoms in (old, new))
    anions = [{fragment[a] for a in atoms} for atoms in ions]
    if bool(had) != bool(has):
        label = "attach_detach"
    elif had != has:
        label = "interchain"
    elif old != new:
        alone = which == "polymer" and (old <= new or new <= old)
        label = "denticity" if alone else "intrachain"
    else:
        label = "vehicular" if anions[0] == anions[1] else "anion_assisted"
    flags = set() if before or after else {"bare"}
    for m in (had & has) | (anions[0] & anions[1]):
        numbers = {sum(fragment[a] == m for _, a in shell) for shell in (before, after)}
        flags |= {"denticity"} if len(numbers) > 1 else set()
    if before and after and not old & new and not anions[0] & anions[1]:
        flags.add("renewal")
    if anions[0] != anions[1]:
        flags.add("anion_change")
    if had != has:
        flags.add(
            "chain_swapped" if had - has and has - had else
            "chain_lost" if had - has else "chain_added"
        )  # fmt: skip
    shifts = [
        np.mean([monomer[a] for a in new if fragment[a] == m])
        - np.mean([monomer[a] for a in old if fragment[a] == m])
        for m in had & has
    ]
    if shifts and abs(sum(shifts)) >= len(shifts) - 1e-9:
        flags.add("shift")
    return label, flags


def monomers(u):
    """Residues of a chain where any chain has several, else its ligand atoms."""
    atoms = u.select_atoms("name OE OD OP")
    several = any(len(f.residues) > 1 for f in atoms.fragments)
    out = {}
    for chain in atoms.fragments:
        for k, a in enumerate(chain):
            out[int(a.ix)] = list(chain.residues.ix).index(a.resindex) if several else k
    return out


def cluster(node, edges, by):
    """Cations and anions joined to an ion by contacts, or in contact with it."""
    found, new = {node}, {node}
    while new:
        new = {x for edge in edges if set(edge) & new for x in edge} - found
        found |= new
        if by == "shell":
            break
    return found


@pytest.mark.parametrize("seed", range(40))
def test_every_label_and_flag_is_that_of_the_sets(seed):
    rng = np.random.default_rng(seed)
    u = random_universe(rng)
    present = [k for k, name in LIGANDS.items() if len(u.select_atoms(f"name {name}"))]
    start, step = int(rng.integers(0, 3)), int(rng.integers(1, 3))
    stop = int(rng.integers(len(u.trajectory) - 2, len(u.trajectory) + 1))
    frames = np.arange(len(u.trajectory))[start:stop:step]
    window, wait = int(rng.integers(1, len(frames))), int(rng.integers(0, 3))
    inner = float(rng.uniform(2.5, 4.0))
    outer = inner + float(rng.choice([0.0, 0.7]))
    which, by = str(rng.choice(list(RULES))), str(rng.choice(["cluster", "shell"]))
    pairing = IonPairing(by=by) if "anion" in present else None
    species = []
    for name in "AB":
        atoms = u.select_atoms(f"name {name}")
        shell = CutoffShell(
            inner, hysteresis=(inner, outer), persistence=float(wait * step),
            **{k: u.select_atoms(f"name {LIGANDS[k]}") for k in present},
        )  # fmt: skip
        if len(atoms):
            species.append(
                IonSpecies(atoms, charge=1, name=name, microstates=shell, events=RULES[which](),
                           macrostates=pairing)
            )  # fmt: skip
    if pairing is not None:
        anions = u.select_atoms("name OA")
        species.append(
            IonSpecies(anions, compound="residues", charge=-len(u.select_atoms("name A B")) / len(
                anions.residues), name="X", macrostates=pairing)
        )  # fmt: skip
    breathes = np.ptp([ts.dimensions[0] for ts in u.trajectory]) > 0
    run = OnsagerDecomposition(
        species, temperature=300, windows=[float(window * step)], resolutions=None,
        frame="barycentric" if breathes else "laboratory", unwrap=True,
    ).run(start=start, stop=stop, step=step)  # fmt: skip
    fragment = {int(a.ix): int(k) for a, k in zip(u.atoms, u.atoms.fragindices, strict=True)}
    monomer = monomers(u)
    shells = {
        int(i): shells_of(u, frames, int(i), present, inner, outer, wait)
        for i in u.select_atoms("name A B").ix
    }
    for one in species:
        if one.events is None:
            continue
        events = run.events(window=float(window * step), species=one.name)
        for c, i in enumerate(u.select_atoms(f"name {one.name}").ix):
            for t in range(len(frames) - window):
                pair = shells[int(i)][t], shells[int(i)][t + window]
                if which in ("polymer", "merged"):
                    wanted = polymer(which, *pair, fragment, monomer)
                else:
                    wanted = solvation(which, *pair, fragment)
                flags = {
                    name
                    for k, name in enumerate(events.flag_names)
                    if int(events.flags[t, c]) >> k & 1
                }
                assert (events.names[events.label[t, c]], flags) == wanted, (i, t, pair)
    if pairing is None:
        return
    residues = u.atoms.resindices
    for t in range(len(frames)):
        edges = {
            (("+", i), ("-", residues[a]))
            for i, shell in shells.items()
            for kind, a in shell[t]
            if kind == "anion"
        }
        for one in species:
            sign = "+" if one.name in "AB" else "-"
            index = (
                u.select_atoms(f"name {one.name}").ix
                if sign == "+"
                else np.unique(residues[u.select_atoms("name OA").ix])
            )
            states = run.macrostates[one.name]
            for c, k in enumerate(index):
                found = cluster((sign, k), edges, by)
                signs = sorted(s for s, _ in found)
                kind = {1: "SSIP", 2: "CIP"}.get(len(signs), "AGG")
                end = "_shell" if by == "shell" else ""
                assert states.names[states.state[t, c]] == kind + end
