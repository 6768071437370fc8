"""What a labelled run can be asked beside the decomposition: tables, one method each."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from ..lib.checks import species_with
from ..lib.errors import InputError
from ..onsager.labelled_run import LabelledRun

if TYPE_CHECKING:
    import pandas as pd

    from ..events import EventLabels


class RunObservables(ABC):
    """Tables of a labelled run: hops, residence times, rates. No frame is read again."""

    @abstractmethod
    def _labelled(self, what: str) -> LabelledRun:
        """The record to answer from; InputError, naming `what`, where there is none yet."""

    @abstractmethod
    def _window(self, window: float | None) -> int:
        """A window in whole frames; None for the one that `Results.summary` reads."""

    def events(self, window: float | None = None, *, species: str | None = None) -> EventLabels:
        """Event of every carrier and origin for one window length, with the flags.

        Parameters
        ----------
        window : float, optional
            ps, rounded to whole frames; default as in `Results.summary`.
        species : str, optional
            Default: the first with an event rule.

        Returns
        -------
        EventLabels

        Raises
        ------
        InputError
            Before a run, for an unknown species, one without a rule, or a window out of range.
        """
        from .event_labels import event_labels

        run = self._labelled("events()")
        ruled = [one.name for one in run.species if one.rule is not None]
        remedy = "microstates=... and events=..., e.g. SolvationEvents()"
        name = species_with(species, ruled, "events()", "event rule", remedy)
        return event_labels(run, run.index(name), self._window(window))

    def hops(self, window: float | None = None, *, species: str | None = None) -> pd.DataFrame:
        """Every hop of one species on sites, with its channel and the size of its cluster.

        Windows overlap: a window begins at every frame, so that in windows of n frames one
        elementary hop is in up to n rows. With the spacing of the frames as window each row is a
        hop of its own.

        Parameters
        ----------
        window : float, optional
            ps, rounded to whole frames; default as in `Results.summary`.
        species : str, optional
            Default: the first with `CrystalEvents`.

        Returns
        -------
        pandas.DataFrame
            One row per carrier and window that end on another site: ``frame`` (of the trajectory)
            and ``time_ps`` at which the window begins, ``carrier`` (within the species),
            ``site_start``, ``site_end`` and their labels ``label_start``, ``label_end`` (the
            channel), ``event``, ``cluster`` (shared by the carriers of one cluster of the window,
            as in the results' states), ``n`` (carriers in it, of all species linked), and the
            displacement of the carrier ``dx``, ``dy``, ``dz``, Angstrom.

        Raises
        ------
        InputError
            Before a run, for a species without `CrystalEvents`, or a window out of range.

        Examples
        --------
        >>> hops = run.hops(0.1)  # doctest: +SKIP
        >>> hops.groupby(["label_start", "label_end", "n"]).size()  # doctest: +SKIP
        """
        from .hop_table import hop_table

        run = self._labelled("hops()")
        able = [one.name for one in run.species if one.on_sites]
        remedy = "microstates=SiteAssignment... and events=CrystalEvents()"
        name = species_with(species, able, "hops()", "hops between sites", remedy)
        return hop_table(run, run.index(name), self._window(window))

    def exponents(self) -> pd.DataFrame:
        """Exponents and slopes of the mean squared displacements between neighbouring windows.

        1 is diffusion, below 1 caged or subdiffusive motion; of single ions (``self``), of each
        species together (``collective``) and of the charge (``charge``, species ``all``).

        Cost: one pass over carriers x frames per window.

        Returns
        -------
        pandas.DataFrame
            Index (species, part, shorter, longer), the windows in ps; columns ``exponent`` and
            ``diffusivity``, each with ``_low`` and ``_high``, and ``blocks``. The diffusivity is
            that of the slope, in cm2/s, without what vibration and caging add to a ratio; of
            charge, with sum z^2 N for the number of carriers. Both windows of a pair are resampled
            together.

        Raises
        ------
        InputError
            Before a run, or with one window.
        """
        from .msd_exponents import exponents

        return exponents(self._labelled("exponents()"))

    def residence_times(
        self, *, species: str | None = None, members: str = "molecules"
    ) -> pd.DataFrame:
        """How long ligands stay in shells, or carriers on sites.

        From C(t) = <h(0) h(t)> / <h(0)>, h = 1 in contact. ``intermittent``: the contact is there
        at both ends, less what a ligand taken at random would give; ``continuous``: it lasts all
        the time between. Both count filtered contacts, so hysteresis and persistence lengthen them,
        the continuous one most.

        Cost: at most 200 lags, each one pass over the unbroken contacts.

        Parameters
        ----------
        species : str, optional
            Default: every species with a detector.
        members : {"molecules", "atoms"}
            What stays: a molecule with any of its atoms, or each atom by itself.

        Returns
        -------
        pandas.DataFrame
            Index (species, ligand type or site label, definition); columns, each with its interval,
            in ps: ``decay_time`` to fall to 1/e, ``integral_time`` of C to half the trajectory (NaN
            where more than 5 % is ``left`` then), ``mean_stay``, the time in contact over the
            number of ``endings``, which corrects for stays cut off at the ends of the run.

        Raises
        ------
        InputError
            Before a run, for a species without a detector, or unknown members.

        Notes
        -----
        Impey, Madden and McDonald, J. Phys. Chem. 87, 5071 (1983).
        """
        from .residence_times import residence_times

        return residence_times(self._labelled("residence_times()"), species, members)

    def channel_rates(self, *, species: str | None = None) -> pd.DataFrame:
        """How often a carrier on one label goes to another: counts over exposure.

        Channels lead from site label to site label where the species lives on sites, else from
        macrostate to macrostate.

        Parameters
        ----------
        species : str, optional
            Default: the first on sites, else the first with macrostates.

        Returns
        -------
        pandas.DataFrame
            Index (start, end); columns ``rate`` (1/ns per carrier on the start label), ``low``,
            ``high``, ``count`` and ``exposure`` (carriers on the start label times ns). The
            interval comes from resampled blocks; below ten counts it is at least the exact one of
            a Poisson count (Garwood 1936), and no end is negative.

        Raises
        ------
        InputError
            Before a run, or for a species with neither sites nor macrostates.

        Notes
        -----
        Changes from frame to frame are counted, so a carrier that leaves and returns between two
        frames is not seen, and one that hops twice counts once, from its first to its last label.
        """
        from .channel_rates import channel_rates

        return channel_rates(self._labelled("channel_rates()"), species)

    def path_parts(
        self, resolution: float, horizon: float, *, species: str | None = None
    ) -> pd.DataFrame:
        """Self, distinct and in-cluster parts of the path view of one species, with intervals.

        Cost: one pass over labels x carriers x frames; no frame is read again.

        Parameters
        ----------
        resolution, horizon : float
            ps, rounded to whole frames; the horizon a whole multiple of the resolution.
        species : str, optional
            Default: the first with an event rule.

        Returns
        -------
        pandas.DataFrame
            Index event; columns ``onsager``, ``self`` and ``distinct``, each with ``_low`` and
            ``_high``, and ``incluster``: pairs of carriers in one concerted cluster in the same
            step, a part of ``distinct``; 1/(J m s).

        Raises
        ------
        InputError
            Before a run, for an unknown species, or lengths that do not fit.
        """
        from .self_and_distinct import path_parts

        run = self._labelled("path_parts()")
        ruled = [one.name for one in run.species if one.rule is not None]
        name = (ruled or run.names)[0] if species is None else species
        n = run.in_frames(resolution, "resolution")
        whole = run.in_frames(horizon, "horizon")
        if whole % n:
            raise InputError(
                f"horizon={horizon:g} ps is no whole multiple of resolution={resolution:g} ps"
            )
        return path_parts(run, run.index(name), n, whole // n)

    def rate_control(
        self, *, species: str | None = None, horizon: float | None = None
    ) -> pd.DataFrame:
        """Which hops are in control of the rate of transport, beside which ones carry it.

        A channel is a pair of site labels at one distance. Its control is d ln D / d ln k: by how
        many per cent the diffusion coefficient of independent carriers would rise if hops along
        that channel, both ways, became one per cent more frequent. Controls sum to one, like the
        shares. In a row of fast and slow hops all carry according to their lengths, but the slow
        ones alone are in control.

        Parameters
        ----------
        species : str, optional
            Default: the first on sites.
        horizon : float, optional
            Of the shares, ps, rounded to whole frames; their resolution is one frame. Default: ten
            times the mean residence on a site, at most a fortieth of the trajectory.

        Returns
        -------
        pandas.DataFrame
            Index channel, from the largest control down; columns ``hops``, ``rate`` (1/ns per
            carrier), and with ``_low`` and ``_high`` ``control``, ``share_self`` and ``share``: the
            part of the slope of the self and the collective mean squared displacement from site to
            site. In ``attrs``, value and interval in cm^2/s: ``diffusion_cm2_per_s`` of independent
            carriers, ``measured_cm2_per_s`` and ``collective_cm2_per_s`` of these slopes.

        Raises
        ------
        InputError
            Before a run, for a species without sites and events of hops, where nothing hopped or
            the hops lead nowhere, or for a horizon out of range.

        Notes
        -----
        Assumed: each carrier hops by itself, without memory, over sites that the others leave free
        as often as on average, with one rate for all edges of a channel and detailed balance. How
        far that holds tells ``measured_cm2_per_s`` beside ``diffusion_cm2_per_s``. The shares
        assume none of it.

        Cost: four passes over carriers x frames, and 400 linear problems of the size of the sites.
        """
        from .rate_control import rate_control_of

        run = self._labelled("rate_control()")
        able = [one.name for one in run.species if one.on_sites]
        remedy = "microstates=SiteAssignment... and events=CrystalEvents()"
        name = species_with(species, able, "rate_control()", "hops between sites", remedy)
        return rate_control_of(run, run.index(name), horizon)
