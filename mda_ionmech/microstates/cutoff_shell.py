"""Coordination shells by a distance cutoff per ligand type.

Ligand a is in the shell of carrier i when |r_a - r_i| < cutoff of its type. With hysteresis a
contact begins below r_in and ends above r_out; persistence ignores changes that revert within t*.

The class is long because its radii can be given in many ways, which it documents and checks.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ..lib.checks import as_number, listed, number, shown
from ..lib.errors import InputError
from ..lib.frozen import changed, frozen
from .contact_tracking import Follower
from .contacts import MOST_RADII, SAME_RADIUS, ContactHistory, Contacts, FrameGeometry
from .detector import Detector
from .neighbour_search import NearLigands, contact_pairs
from .rdf import RadialDistribution, sample_distributions
from .shells import Microstates

if TYPE_CHECKING:
    from MDAnalysis import AtomGroup


@frozen
class CutoffShell(Detector):
    """First coordination shell by distance; a plain cutoff unless filters are given.

    Cost per frame: linear in the number of ligands plus contacts (a numba cell list).

    Parameters
    ----------
    cutoff : float, "rdf", or mapping of ligand type to either
        Radius of the shell, Angstrom. ``"rdf"``: the first minimum of g(r), found on frames sampled
        over the run; refused when g(r) has no clear minimum.
    hysteresis : float, (float, float), or mapping of ligand type to either, optional
        A number h: contacts end only beyond cutoff + h. A pair (r_in, r_out): both radii, which
        replace the cutoff. Angstrom.
    persistence : float, optional
        Ignore a change of a contact that reverts within this time, ps.
    recorded : sequence of float, or mapping of ligand type to one, optional
        Further radii, Angstrom, that `OnsagerDecomposition.robustness` can use in place of the
        others. Twice the largest of all radii must be below the shortest cell height.
    **ligands : AtomGroup
        Ligand atoms by type, e.g. ``solvent=..., anion=...``.

    Attributes
    ----------
    inner, outer : dict of str to float
        Radii in use by ligand type, Angstrom. Those given as ``"rdf"`` are found by each run and
        are in its own copy of the detector, ``run.species[k].microstates``.
    distributions : dict of str to RadialDistribution
        g(r) of the types whose cutoff was found from it; empty before a run.

    Raises
    ------
    InputError
        For unknown ligand types, radii that are not positive, or r_out < r_in.

    Notes
    -----
    The shell of a molecule is that around its centre of mass. With a plain cutoff, a ligand that
    vibrates across it counts as an exchange (flicker), so that short windows have too much exchange
    and too little vehicular motion; hysteresis and persistence remove most of this bias.
    """

    def __init__(
        self,
        cutoff: float | str | Mapping[str, float | str] = "rdf",
        *,
        hysteresis: (
            float | tuple[float, float] | Mapping[str, float | tuple[float, float]] | None
        ) = None,
        persistence: float | None = None,
        recorded: Sequence[float] | Mapping[str, Sequence[float]] | None = None,
        **ligands: AtomGroup,
    ) -> None:
        super().__init__(persistence=persistence, **ligands)
        self.cutoff = dict(cutoff) if isinstance(cutoff, Mapping) else cutoff
        self.recorded = {
            kind: tuple(
                number(f"recorded of {kind!r}", r, "a radius in Angstrom above 0", above=0)
                for r in listed("recorded", radii, "give radii in Angstrom, e.g. [2.8, 3.2]")
            )
            for kind, radii in self._per_type(recorded, "recorded").items()
        }
        most = max(map(len, self.recorded.values()), default=0)
        if most > MOST_RADII:
            raise InputError(
                f"recorded holds {most} radii; at most {MOST_RADII} can be recorded: give the most "
                "important ones"
            )
        self.hysteresis = dict(hysteresis) if isinstance(hysteresis, Mapping) else hysteresis
        self.inner: dict[str, float] = {}
        self.outer: dict[str, float] = {}
        self.distributions: dict[str, RadialDistribution] = {}
        wanted = self._per_type(cutoff, "cutoff")
        margins = self._per_type(hysteresis, "hysteresis")
        from_rdf: list[str] = []
        self._margins: dict[str, float] = {}
        for kind in self.ligand_types:
            margin = margins.get(kind)
            if isinstance(margin, tuple | list):
                if len(margin) != 2:
                    raise InputError(
                        f"hysteresis of {kind!r} must be a width or a pair (r_in, r_out) in "
                        f"Angstrom, got {shown(margin)}"
                    )
                self._set(kind, _radius(margin[0], kind), _radius(margin[1], kind))
                continue
            self._margins[kind] = 0.0 if margin is None else _width(margin, kind)
            if kind not in wanted:
                raise InputError(
                    f"cutoff has no entry for ligand type {kind!r}; give cutoff={{{kind!r}: ...}} "
                    "with a radius in Angstrom or 'rdf'"
                )
            if isinstance(wanted[kind], str) and wanted[kind] == "rdf":
                from_rdf.append(kind)
            else:
                radius = _radius(wanted[kind], kind)
                self._set(kind, radius, radius + self._margins[kind])
        #: Ligand types whose cutoff is not found yet.
        self._unsettled = tuple(from_rdf)

    def _per_type(self, value: Any, argument: str) -> dict[str, Any]:
        if value is None:
            return {}
        if not isinstance(value, Mapping):
            return dict.fromkeys(self.ligand_types, value)
        unknown = [k for k in value if k not in self.ligands]
        if unknown:
            raise InputError(
                f"{argument} names {unknown[0]!r}, which is no ligand type; the types are "
                f"{list(self.ligand_types)}"
            )
        return dict(value)

    def _set(self, kind: str, inner: float, outer: float) -> None:
        if outer < inner:
            raise InputError(
                f"hysteresis of {kind!r}: r_out = {outer:g} Å is below r_in = {inner:g} Å"
            )
        self.inner[kind], self.outer[kind] = inner, outer

    @property
    def reach(self) -> float:
        """Largest radius at which contacts are recorded, Angstrom."""
        return max((*self.outer.values(), *itertools.chain(*self.recorded.values())), default=0.0)

    def radii(self, kind: str) -> np.ndarray:
        """Radii at which contacts with one ligand type are distinguished.

        Parameters
        ----------
        kind : str
            Ligand type.

        Returns
        -------
        numpy.ndarray
            Shape (radii,), Angstrom, ascending.
        """
        in_use = self.inner[kind], self.outer[kind]
        further = [
            r for r in self.recorded.get(kind, ()) if min(abs(r - x) for x in in_use) > SAME_RADIUS
        ]
        return np.unique(np.array([*in_use, *further]))

    def settle(self, sample: Callable[[], Iterable[FrameGeometry]]) -> CutoffShell:
        """The shell with cutoffs of ``"rdf"`` found on sampled frames; see `Detector.settle`."""
        if not self._unsettled:
            return self
        found = sample_distributions(sample(), self.ligand_types)
        asked = {kind: found[kind] for kind in self._unsettled}
        return self._with(asked, {kind: one.first_minimum() for kind, one in asked.items()})

    def with_distributions(self, found: Mapping[str, RadialDistribution]) -> CutoffShell:
        """The shell with g(r) and, where they have a clear minimum, the cutoffs given as ``"rdf"``.

        See `Detector.with_distributions`.
        """
        minima = {}
        for kind in self._unsettled:
            try:
                minima[kind] = found[kind].first_minimum()
            except InputError:
                continue
        return self._with(found, minima)

    def _with(
        self, found: Mapping[str, RadialDistribution], minima: Mapping[str, float]
    ) -> CutoffShell:
        """The shell with g(r) and the cutoffs that were found."""
        outer = {kind: radius + self._margins[kind] for kind, radius in minima.items()}
        return changed(
            self,
            distributions=self.distributions | dict(found),
            inner=self.inner | dict(minima),
            outer=self.outer | outer,
            _unsettled=tuple(kind for kind in self._unsettled if kind not in minima),
        )

    def outer_radii(self) -> np.ndarray:
        """Radius within which contacts of each ligand type are recorded.

        Returns
        -------
        numpy.ndarray
            Shape (ligand types,), Angstrom: the outer radius, or the largest of `recorded`.
        """
        return np.array(
            [max(self.outer[k], *self.recorded.get(k, (0.0,))) for k in self.ligand_types]
        )

    @property
    def is_plain(self) -> bool:
        """Whether there is one radius per ligand type: no hysteresis and no recorded radii."""
        return not self.recorded and self.inner == self.outer

    def levels(self, kind: Any, ligand: np.ndarray, square: np.ndarray) -> Any:
        """`Contacts.inner` and `Contacts.ring` of contacts at these distances.

        Parameters
        ----------
        kind : numpy.ndarray
            Shape (ligand atoms,): number of the type of each ligand atom.
        ligand : numpy.ndarray
            Shape (contacts,): ligand atom of each contact.
        square : numpy.ndarray
            Shape (contacts,), Angstrom^2: squared distances.

        Returns
        -------
        inner : numpy.ndarray
            Shape (contacts,), bool: within the inner radius.
        ring : numpy.ndarray or None
            Shape (contacts,), uint8: how many of `radii` are shorter; None unless radii are
            recorded.
        """
        if self.is_plain:
            return np.ones(len(ligand), dtype=bool), None
        of_kind, distance = kind[ligand], np.sqrt(square)
        inner = distance <= np.array([self.inner[k] for k in self.ligand_types])[of_kind]
        if not self.recorded:
            return inner, None
        ring = np.zeros(len(ligand), dtype=np.uint8)
        for k, name in enumerate(self.ligand_types):
            ring[of_kind == k] = np.searchsorted(self.radii(name), distance[of_kind == k])
        return inner, ring

    def contacts(self, frame: FrameGeometry) -> Contacts:
        """Contacts of one frame within `outer_radii`; see `Detector.contacts`."""
        carrier, ligand, distance = contact_pairs(frame, self.outer_radii())
        inner, ring = self.levels(frame.ligand_kind, ligand, distance**2)
        return Contacts(carrier, ligand, inner, ring=ring)

    def follower(self, n_carriers: int, first_frame: int) -> Follower:
        """The tracker of contacts from frame to frame; see `Detector.follower`."""
        if type(self).contacts is not CutoffShell.contacts:
            return super().follower(n_carriers, first_frame)
        return ShellFollower(self, n_carriers, first_frame)

    def assemble(
        self,
        history: ContactHistory,
        *,
        filtered: bool = True,
        persistence: float | None = None,
        inner: Mapping[str, float] | None = None,
        outer: Mapping[str, float] | None = None,
    ) -> Microstates:
        """Microstates from the recorded contacts; see `Detector.assemble`.

        Parameters
        ----------
        history : ContactHistory
        filtered : bool
            False leaves hysteresis and persistence out.
        persistence : float, optional
            ps, in place of the detector's own.
        inner, outer : mapping of str to float, optional
            Radii by ligand type in place of those in use, Angstrom; they must be among `radii`.

        Returns
        -------
        Microstates
        """
        if history.has_rings or inner is not None or outer is not None:
            radii = self.inner | dict(inner or {}), self.outer | dict(outer or {})
            history = history.mapped(lambda rows: self._within(rows, *radii))
        return super().assemble(history, filtered=filtered, persistence=persistence)

    def _within(
        self, history: ContactHistory, inner: Mapping[str, float], outer: Mapping[str, float]
    ) -> ContactHistory:
        """The contacts with other radii, which must have been recorded."""
        kind = history.ligand_kind[history.ligand]
        ring = history.ring
        if ring is None:
            split = np.array([self.outer[k] > self.inner[k] for k in self.ligand_types])
            ring = (~history.inner & split[kind]).astype(np.uint8)
        places = np.array(
            [
                [self._place(name, radii[name]) for name in self.ligand_types]
                for radii in (inner, outer)
            ]
        )
        keep = ring <= places[1, kind]
        rows = {n: getattr(history, n)[keep] for n in ("carrier", "ligand", "begin", "end")}
        return replace(history, **rows, inner=(ring <= places[0, kind])[keep], ring=None)

    def is_recorded(self, kind: str, radius: float) -> bool:
        """Whether contacts nearer and farther than a radius are distinguished.

        Parameters
        ----------
        kind : str
            Ligand type.
        radius : float
            Angstrom.

        Returns
        -------
        bool
        """
        return bool(np.any(np.abs(self.radii(kind) - radius) < SAME_RADIUS))

    def check_recorded(self, kind: str, radius: float) -> None:
        """Refuse a radius that was not recorded.

        Parameters
        ----------
        kind : str
            Ligand type.
        radius : float
            Angstrom.

        Raises
        ------
        InputError
            Naming the radii that were recorded.
        """
        radii = self.radii(kind)
        if not self.is_recorded(kind, radius):
            raise InputError(
                f"{radius:g} Å is no radius at which contacts with {kind!r} were recorded; those "
                f"are {', '.join(f'{r:g}' for r in radii)} Å: run again with CutoffShell(..., "
                f"recorded={{{kind!r}: [{radius:g}]}})"
            )

    def _place(self, kind: str, radius: float) -> int:
        self.check_recorded(kind, radius)
        return int(np.argmin(np.abs(self.radii(kind) - radius)))

    def describe(self) -> dict[str, Any]:
        """The detector and its radii as plain values, for the settings."""
        return super().describe() | {
            "cutoff_inner_angstrom": dict(self.inner),
            "cutoff_outer_angstrom": dict(self.outer),
            "cutoff_from_rdf": sorted(self.distributions),
            "recorded_angstrom": {kind: list(radii) for kind, radii in self.recorded.items()},
        }


class ShellFollower(Follower):
    """Tracks the contacts of a `CutoffShell`, without sorting them."""

    def __init__(self, detector: CutoffShell, n_carriers: int, first_frame: int) -> None:
        super().__init__(detector, n_carriers, first_frame)
        self.shell = detector
        self.search = NearLigands(detector.outer_radii(), measured=not detector.is_plain)

    def add(self, frame: FrameGeometry) -> tuple[int, ...]:
        """Add the next frame; the tally is empty."""
        first, last, ligand, square = self.search.find(frame)
        if not self.search.measured:
            self.tracker.add_rows(first, last, ligand)
        else:
            n = int(last.max(initial=0))
            inner, ring = self.shell.levels(frame.ligand_kind, ligand[:n], square[:n])
            self.tracker.add_rows(first, last, ligand, inner, ring)
        return ()


def _radius(value: Any, kind: str) -> float:
    found = as_number(value)
    if not found > 0:
        raise InputError(
            f"cutoff of {kind!r} must be a radius in Angstrom above 0 or 'rdf', got {shown(value)}"
            f"{_meant(value, kind)}"
        )
    return found


def _meant(value: Any, kind: str) -> str:
    """What a wrong cutoff was probably meant to be."""
    if isinstance(value, str):
        if value.strip().strip("'\"").lower() in ("rdf", "g(r)", "auto"):
            return "; did you mean cutoff='rdf'?"
        try:
            return f"; give the number without quotes: cutoff={float(value):g}"
        except ValueError:
            return "; give e.g. cutoff='rdf' or cutoff=2.8"
    if isinstance(value, list | tuple):
        return f"; give one radius for each ligand type, cutoff={{{kind!r}: 2.8, ...}}"
    return ""


def _width(value: Any, kind: str) -> float:
    found = as_number(value)
    if not found >= 0:
        raise InputError(
            f"hysteresis of {kind!r} must be a width in Angstrom, 0 or more, got {shown(value)}"
        )
    return found
