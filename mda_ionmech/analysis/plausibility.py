"""Plausibility checks of input that is valid but probably wrong; each returns a warning or None.

All are pure functions of numbers and arrays. Input that cannot be right raises an InputError. A
check that the sample cannot decide gives no warning, because frequent false warnings are ignored.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from scipy import constants

from ..lib.errors import InputError
from ..lib.whole_frames import whole_frames
from ..microstates.rdf import RadialDistribution

#: A length below this fraction of the frame spacing cannot be resolved by the frames.
SHORTEST_LENGTH = 0.5
#: A length below this fraction of it must be in another unit: ps and s differ by 1e12, ps and ns by
#: 1e3.
OTHER_UNIT = 0.01
#: A persistence above this fraction of the trajectory leaves fewer than ten independent changes.
LONGEST_PERSISTENCE = 0.1
#: Largest plausible ratio of the outer to the inner radius of hysteresis.
WIDEST_BAND = 2.0
#: Mean number of ligands of all types below which shells count as empty. Solvated ions have 3 to 8;
#: anions alone, as ligands of a salt at 1 mol/L that is nearly dissociated, 0.2.
EMPTY = 0.02
#: Radii below this are shorter than any distance between atoms that are not bonded, Angstrom.
SHORTEST_RADIUS = 1.0
#: How much farther than its radius the nearest ligand is, in all frames sampled, for the
#: radius to be refused.
CLEARLY_FARTHER = 1.5
#: A second peak of g(r) nearer than this multiple of the first is a part of the first shell: the
#: second neighbours of a body-centred lattice are at 1.15, those of ions in liquids at 1.7 to 2.4.
#: Round the centre of a molecule, shells of one and two bonds are up to 1.4 apart.
SECOND_SHELL_ATOM, SECOND_SHELL_MOLECULE = 1.3, 1.5
#: How many times the neighbours of the first shell a shell has that holds second neighbours.
SECOND_NEIGHBOURS = 1.5
#: Differences of g(r) below so many standard errors are noise.
CLEAR = 4.0
#: Fewest steps between sampled frames, and the least ratio of the square of their sum to the sum of
#: their squares, for a drift: it is 1 for a random walk (above 8 once in 40 000) and the number of
#: steps, 24, for a steady drift.
FEWEST_STEPS, STEADY = 12, 8.0
#: Least part of an Onsager coefficient in the laboratory frame that a drift must make.
DRIFT_PART = 0.1
#: Least drift of a framework as a whole that is reported, Angstrom: supercells
#: settle by about 1 A after their temperature is set.
SETTLING = 3.0
#: A framework diffuses where its mean squared displacement, relative to its own mean, exceeds this,
#: Angstrom^2, and this fraction of that of the carriers, and grows by this factor from a quarter to
#: three quarters of the run: by 1 for vibrations and groups that turn in place, by 3 for diffusion
#: and by 1.7 for the monomers of chains.
MELTING, MELTING_PART, GROWTH = 1.0, 0.1, 1.6
#: Host atoms move more than the carriers where their mean squared displacement exceeds this,
#: Angstrom^2, and so many times that of the carriers.
HOST_MOVES, HOST_FASTER = 0.25, 1.5
#: Relative difference of temperatures that is reported: above any thermostat's error.
TEMPERATURE = 0.15
#: Atoms in molecules have a kinetic temperature between this fraction of the temperature and all of
#: it: of three degrees of freedom, one is lost in rigid water and with all bonds constrained.
CONSTRAINED = 0.6
#: Temperatures that differ by more than this factor mean velocities in unknown units.
UNKNOWN_UNITS = 1e3
#: Ions are too fast where they move by more than this multiple of the thermal distance between two
#: frames, and by at least this many Angstrom (coordinates may be rounded to 0.01).
TOO_FAST, ROUNDING = 2.0, 0.05
#: Polymer chains have more ligand atoms than this; dimethoxyethane has 2, diglyme 3.
SHORT_CHAIN = 3


def short_length(argument: str, length: float, spacing: float) -> str | None:
    """Warn of a window, resolution or horizon far below the spacing of the frames.

    Parameters
    ----------
    argument : str
    length, spacing : float
        ps.

    Raises
    ------
    InputError
        Where the length must be in another unit.
    """
    if length >= SHORTEST_LENGTH * spacing:
        return None
    if length < OTHER_UNIT * spacing:
        raise InputError(
            f"{argument} holds {length:g} ps, and frames are {spacing:g} ps apart: lengths are "
            f"times in ps (1e-12 s is 1, 1 ns is 1000); give {argument} of {spacing:g} ps or more, "
            "or analyse more closely spaced frames"
        )
    return (
        f"{argument} holds {length:g} ps, less than half the {spacing:g} ps between frames, and is "
        f"taken as one frame, the shortest length there is; lengths are times in ps"
    )


def long_persistence(name: str, persistence: float, spacing: float, n_frames: int) -> str | None:
    """Warn of a persistence comparable with the run, or shorter than the frames can resolve.

    Parameters
    ----------
    name : str
        Of the species.
    persistence, spacing : float
        ps.
    n_frames : int

    Raises
    ------
    InputError
        Where no change can last longer.
    """
    span = (n_frames - 1) * spacing
    if persistence == 0:
        return None
    if persistence >= span:
        raise InputError(
            f"persistence={persistence:g} ps of {name} is as long as the {span:g} ps analysed: no "
            f"change of a shell or site can last longer; give a time in ps well below "
            f"{LONGEST_PERSISTENCE * span:g} ps, or analyse a longer trajectory"
        )
    if persistence > LONGEST_PERSISTENCE * span:
        return (
            f"persistence={persistence:g} ps of {name} is {persistence / span:.0%} of the "
            f"{span:g} ps analysed: shorter changes are ignored, and few longer ones can occur; "
            "it is a time in ps, usually that of the return after an unsuccessful exchange"
        )
    if whole_frames(persistence, spacing) == 0:
        return (
            f"persistence={persistence:g} ps of {name} is below half the {spacing:g} ps between "
            "frames and filters nothing; it is a time in ps, give one of several frames or leave "
            "it out"
        )
    return None


def wide_band(name: str, kind: str, inner: float, outer: float) -> str | None:
    """Warn of a hysteresis as wide as the shell; radii in Angstrom."""
    if outer <= WIDEST_BAND * inner:
        return None
    return (
        f"hysteresis of {kind!r} of {name} lets a contact last up to {outer:g} Å, more than twice "
        f"the {inner:g} Å below which it begins: hysteresis=h is a width that is added to the "
        "cutoff, both radii are given as a pair (r_in, r_out), in Angstrom"
    )


def empty_shells(
    name: str,
    coordination: Mapping[str, float],
    radii: Mapping[str, float],
    nearest: Mapping[str, float],
    n_frames: int,
) -> str | None:
    """Warn of nearly empty shells: a cutoff in nm, or a wrong selection of ligands.

    Parameters
    ----------
    name : str
        Of the species.
    coordination, radii, nearest : mapping of str to float
        By ligand type: mean number of ligand atoms in contact; radius below which a contact begins,
        none for detectors without radii; distance of the nearest ligand in all frames sampled,
        infinite where there was none. Angstrom.
    n_frames : int
        Number of sampled frames.

    Raises
    ------
    InputError
        Where no contact can be expected in the other frames either.
    """
    total = sum(coordination.values())
    if total >= EMPTY:
        return None
    found = ", ".join(
        f"{kind}: {'none' if not np.isfinite(r) else f'{r:.2f} Å'}" for kind, r in nearest.items()
    )
    shown = ", ".join(f"{kind}: {r:g} Å" for kind, r in radii.items())
    if (
        radii
        and total == 0
        and max(radii.values()) < SHORTEST_RADIUS
        and all(nearest.get(kind, np.inf) > CLEARLY_FARTHER * r for kind, r in radii.items())
    ):
        raise InputError(
            f"cutoff ({shown}) of {name}: no ligand comes that near in {n_frames} sampled frames, "
            f"the nearest are at {found}; radii are in Angstrom, 0.28 nm is 2.8: "
            "give cutoff='rdf' or the first minimum of g(r)"
        )
    within = f" within the cutoff ({shown})" if radii else ""
    return (
        f"shells of {name} are nearly empty: {total:.3g} ligand atoms on average{within} in "
        f"{n_frames} sampled frames; nearest ligands: {found}; check the cutoff "
        "(Angstrom) and the selections of the ligands"
    )


def misplaced_radii(
    name: str, found: RadialDistribution, inner: float, outer: float, *, molecule: bool
) -> list[str]:
    """Warn of a cutoff or hysteresis that does not lie in the first minimum of g(r).

    Parameters
    ----------
    name : str
        Of the species.
    found : RadialDistribution
    inner, outer : float
        Radii below which a contact begins and beyond which it ends, Angstrom; equal without
        hysteresis.
    molecule : bool
        Whether the carriers are molecules.
    """
    places = found.peaks()
    if places is None:
        return []
    first, low, second = places
    kind = f"{found.kind!r} of {name}"
    farthest = SECOND_SHELL_MOLECULE if molecule else SECOND_SHELL_ATOM
    advice = f"the first minimum of g(r) is at {found.first_minimum():g} Å"
    if outer < first - found.r[1] + found.r[0]:
        within = found.coordination[np.searchsorted(found.r, outer, side="right") - 1]
        return [
            f"cutoff={outer:g} Å of {kind} ends before the first peak of g(r) at {first:.2f} Å: "
            f"{within:.2g} of {found.coordination[np.searchsorted(found.r, low)]:.2g} neighbours "
            f"are counted; {advice}"
        ]
    texts = []
    held = [found.coordination[np.searchsorted(found.r, r) - 1] for r in (low, inner)]
    if (
        second is not None
        and second > farthest * first
        and inner > second
        and held[1] > SECOND_NEIGHBOURS * held[0]
    ):
        texts.append(
            f"cutoff={inner:g} Å of {kind} lies beyond the second peak of g(r), reached at "
            f"{second:.2f} Å: the shell holds second neighbours; {advice}"
        )
    elif inner < outer <= found.r[-1]:
        smooth = found.smoothed()
        at = [int(np.searchsorted(found.r, r)) for r in (inner, outer)]
        rise = smooth[at[1]] - smooth[at[0]]
        clear = rise > CLEAR * float(np.hypot(found.error[at[0]], found.error[at[1]]))
        flank = inner < first
        if second is not None and second > farthest * first:
            lowest = smooth[int(np.searchsorted(found.r, low))]
            top = smooth[int(np.searchsorted(found.r, second))]
            flank = flank or outer > second or smooth[at[1]] > (lowest + top) / 2
        if clear and flank:
            where = "first" if inner < first else "second"
            texts.append(
                f"hysteresis of {kind} from {inner:g} to {outer:g} Å lies where g(r) rises to its "
                f"{where} peak ({smooth[at[0]]:.2g} to {smooth[at[1]]:.2g}): the band belongs in "
                f"the minimum between the peaks; {advice}"
            )
    return texts


def unchanged_sample(name: str, n_frames: int, span: float) -> str:
    """Warning about shells that are the same in all sampled frames; span in ps."""
    return (
        f"no shell of {name} differs between {n_frames} frames sampled over {span:g} ps: a "
        "decomposition by events needs events; check the cutoff and the ligands, or analyse a "
        "longer trajectory"
    )


def unchanged(name: str, what: str, empty: bool) -> str:
    """Warning about a species whose microstates never change in the whole run.

    Parameters
    ----------
    name : str
        Of the species.
    what : str
        ``"shell"`` or ``"site"``.
    empty : bool
        Whether no carrier ever has a ligand.
    """
    remedy = {
        "shell": "check the cutoff, hysteresis and persistence, and that the ligands are those",
        "site": "check r_core, persistence and the temperature of the simulation",
    }[what]
    if empty:
        return (
            f"no {name} has a ligand in any frame: shells are empty, and events have no meaning; "
            f"{remedy}"
        )
    return (
        f"no {name} changes its {what} in the whole run: every window has one label, and its share "
        f"is no measurement; {remedy}, or analyse a longer trajectory"
    )


def one_label(name: str, counts: Mapping[str, float], shortest: float) -> str | None:
    """Warn of one label for every carrier and window.

    Parameters
    ----------
    name : str
        Of the species.
    counts : mapping of str to float
        Number of carriers with each label, summed over all windows.
    shortest : float
        The shortest window, ps.
    """
    met = [label for label, n in counts.items() if n > 0]
    if len(counts) < 2 or len(met) != 1:
        return None
    return (
        f"every window of {name} from {shortest:g} ps on is labelled {met[0]!r}: a share of 1 is "
        "no finding; windows may be too long for this rule or the shells too wide, or the rule "
        "does not fit the system"
    )


def small_molecules(name: str, largest: int, n_chains: int) -> str | None:
    """Warn of `PolymerEvents` applied to small molecules.

    Parameters
    ----------
    name : str
        Of the species.
    largest : int
        Most ligand atoms of one chain.
    n_chains : int
    """
    if largest > SHORT_CHAIN:
        return None
    return (
        f"PolymerEvents of {name} finds {n_chains} chains of at most {largest} ligand "
        f"atom{'s' * (largest > 1)}: those are small molecules, and interchain or intrachain mean "
        "exchange or another denticity; use SolvationEvents, or give chains=... that join the "
        "monomers"
    )


def kinetic_temperature(temperature: float, kinetic: float, error: float, free: bool) -> str | None:
    """Warn of a temperature far from that of the velocities.

    Parameters
    ----------
    temperature : float
        As given, K.
    kinetic : float
        sum m v^2 / (3 N kB) over the sampled atoms, K.
    error : float
        Its relative standard error.
    free : bool
        Whether none of these atoms can be under constraints.
    """
    if not 1 / UNKNOWN_UNITS < kinetic / temperature < UNKNOWN_UNITS:
        return None
    margin = TEMPERATURE + CLEAR * error
    lowest, highest = kinetic * (1 - margin), kinetic * (1 + margin) / (1 if free else CONSTRAINED)
    if lowest <= temperature <= highest:
        return None
    shown = f"{kinetic:.0f} K" if free else f"{kinetic:.0f} to {kinetic / CONSTRAINED:.0f} K"
    why = "" if free else ", the more the more constraints there are"
    return (
        f"temperature={temperature:g} K is far from that of the velocities in the trajectory, "
        f"{shown}{why}: coefficients are divided by it; give that of the simulation, in K"
    )


def written_temperature(temperature: float, written: float, key: str) -> str | None:
    """Warn of a temperature far from the one in the trajectory file; both in K."""
    if abs(temperature - written) <= TEMPERATURE * written:
        return None
    return (
        f"temperature={temperature:g} K, but the trajectory has {written:.0f} K ({key}): "
        "coefficients are divided by it; give that of the simulation, in K"
    )


def drift(frame: str, steps: np.ndarray, msd: Mapping[str, tuple[int, float]]) -> str | None:
    """Warn of a system or framework that drifts steadily as a whole.

    Parameters
    ----------
    frame : str
        Frame of reference.
    steps : numpy.ndarray
        Shape (steps, 3), Angstrom: of what does not carry charge, or of all atoms, between
        consecutive sampled frames.
    msd : mapping of str to (int, float)
        By species, number of carriers and their mean squared displacement over the same time
        relative to the drift, Angstrom^2.
    """
    whole = float(np.sum(steps.sum(axis=0) ** 2))
    squares = float(np.sum(steps**2))
    if frame not in ("laboratory", "framework") or len(steps) < FEWEST_STEPS:
        return None
    if squares == 0 or whole < STEADY * squares:
        return None
    length = np.sqrt(whole)
    if frame == "framework":
        if length < SETTLING:
            return None
        return (
            f"the framework drifts as a whole, by {length:.1f} Å over the run: the motion of the "
            "centre of mass was not removed in the simulation; frame='framework' subtracts it, so "
            "that coefficients do not contain it"
        )
    worst, part = max(
        ((name, n * whole / (n * whole + d)) for name, (n, d) in msd.items()),
        key=lambda one: one[1],
        default=("", 0.0),
    )
    if part < DRIFT_PART:
        return None
    return (
        f"the system drifts as a whole, by {length:.1f} Å over the run, and frame='laboratory' "
        f"counts that as transport: about {part:.0%} of L of {worst}; use frame='framework' or "
        "'barycentric', which subtract it"
    )


def moving_host(
    carriers: Mapping[str, float], host: Mapping[str, tuple[float, float]]
) -> str | None:
    """Warn of a framework that diffuses, or whose atoms move more than the carriers.

    Parameters
    ----------
    carriers : mapping of str to float
        By species, mean squared displacement over three quarters of the run relative to the mean
        of the framework, Angstrom^2.
    host : mapping of str to (float, float)
        The same of every kind of framework atoms, over a quarter and over three quarters.
    """
    fastest = max(carriers, key=lambda name: carriers[name])
    most = carriers[fastest]
    faster = {
        kind: late
        for kind, (_, late) in host.items()
        if late > HOST_MOVES and late > HOST_FASTER * most
    }
    if len(faster) == len(host):
        kind = max(faster, key=lambda one: faster[one])
        return (
            f"framework atoms move more than the carriers: {kind} by {np.sqrt(faster[kind]):.2g} Å "
            f"(root mean square), {fastest} by {np.sqrt(most):.2g} Å; check that the selections "
            "of carriers and framework are not exchanged"
        )
    melting = {
        kind: late
        for kind, (early, late) in host.items()
        if late > MELTING and late > MELTING_PART * most and late > GROWTH * early
    }
    if not melting:
        return None
    listed = ", ".join(f"{kind} by {np.sqrt(late):.2g} Å" for kind, late in melting.items())
    return (
        f"the framework diffuses: {listed} (root mean square, and growing), {fastest} by "
        f"{np.sqrt(most):.2g} Å; it melts, or holds mobile species: give framework=... of the "
        "immobile atoms alone, or use frame='barycentric'"
    )


def too_fast(name: str, step: float, mass: float, temperature: float, spacing: float) -> str | None:
    """Warn of ions that move farther between two frames than their thermal velocity allows.

    In equilibrium <|dr|^2> <= <v^2> t^2 = 3 kB T t^2 / m at any time t.

    Parameters
    ----------
    name : str
        Of the species.
    step : float
        Root mean square displacement of the sampled atoms between two frames, Angstrom.
    mass : float
        Their harmonic mean mass, amu.
    temperature : float
        K.
    spacing : float
        Of the frames, ps.
    """
    speed = np.sqrt(3 * constants.k * temperature / (mass * constants.atomic_mass)) * 1e-2  # A/ps
    allowed = speed * spacing
    if step < ROUNDING or step < TOO_FAST * allowed:
        return None
    return (
        f"{name} moves {step:.2g} Å between frames {spacing:g} ps apart, and its thermal velocity "
        f"at {temperature:g} K allows {allowed:.2g} Å: the frames are farther apart (the "
        "header of a DCD may hold the step of the integrator, other files hold no time), or the "
        "temperature or the masses are wrong; give dt=... in ps"
    )
