"""Methods of a labelled run that return tables of further observables.

The class is long because each method is documented in full here; it calls a function of its own
module.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..lib.checks import species_with
from ..lib.errors import InputError
from ..onsager.labelled_run import LabelledRun

if TYPE_CHECKING:
    import pandas as pd

    from ..events import EventLabels


class RunObservables(ABC):
    """Tables of a labelled run: hops, residence times, rates. Reads no frames."""

    @abstractmethod
    def _labelled(self, what: str) -> LabelledRun:
        """The labelled run; InputError, naming `what`, before a run."""

    @abstractmethod
    def _window(self, window: float | None) -> int:
        """A window in whole frames; None for that of `Results.summary`."""

    def _ruled(self, what: str, species: str | None) -> tuple[LabelledRun, int]:
        """The run, and the number of a species with an event rule; default the first one."""
        run = self._labelled(what)
        able = [one.name for one in run.species if one.rule is not None]
        remedy = "microstates=... and events=..., e.g. SolvationEvents()"
        return run, run.index(species_with(species, able, what, "event rule", remedy))

    def _hopping(self, what: str, species: str | None) -> tuple[LabelledRun, int]:
        """The run, and the number of a species with hops between sites; default the first one."""
        run = self._labelled(what)
        able = [one.name for one in run.species if one.on_sites]
        remedy = "microstates=SiteAssignment... and events=CrystalEvents()"
        return run, run.index(species_with(species, able, what, "hops between sites", remedy))

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

        run, index = self._ruled("events()", species)
        return event_labels(run, index, self._window(window))

    def hops(self, window: float | None = None, *, species: str | None = None) -> pd.DataFrame:
        """Every hop of one species on sites, with its channel and the size of its cluster.

        A channel is here the pair of site labels from start to end.

        Windows overlap: one begins at every frame, so that an elementary hop is in up to n rows for
        windows of n frames. With the frame spacing as window each row is a different hop.

        Parameters
        ----------
        window : float, optional
            ps, rounded to whole frames; default as in `Results.summary`.
        species : str, optional
            Default: the first with `CrystalEvents`.

        Returns
        -------
        pandas.DataFrame
            One row per carrier and window that end on another site, or on another periodic image of
            it: ``frame`` (of the trajectory) and ``time_ps`` at which the window begins,
            ``carrier`` (within the species), ``site_start``, ``site_end`` and their labels
            ``label_start``, ``label_end`` (the channel), ``event``, ``cluster`` (shared by the
            carriers of one cluster of the window, as in the results' states), ``n`` (carriers in
            it, of all species linked), and the displacement of the carrier ``dx``, ``dy``, ``dz``,
            Angstrom.

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

        run, index = self._hopping("hops()", species)
        return hop_table(run, index, self._window(window))

    def displacement_spectrum(
        self,
        window: float | None = None,
        *,
        species: str | None = None,
        bins: int | Sequence[float] | None = None,
    ) -> pd.DataFrame:
        r"""Distribution of displacements in a window by event, and the transport each part carries.

        .. math:: L_{AA} \propto \sum_e \sum_b \Bigl\langle
            \sum_{i: e_i = e, |d_i| \in b} d_i \cdot \sum_j d_j \Bigr\rangle

        The shares of all events e and bins b sum to one, those of an event to its share in the
        window view.

        Cost: two passes over carriers x frames.

        Parameters
        ----------
        window : float, optional
            ps, rounded to whole frames; default as in `Results.summary`.
        species : str, optional
            Default: the first with an event rule.
        bins : int or sequence of float, optional
            Number of bins of equal width, or their edges in Angstrom from 0 on; a last bin is added
            where displacements are longer. Default: steps of 1, 2 or 5 times a power of ten, at
            most 40.

        Returns
        -------
        pandas.DataFrame
            Index (event, from, to), the edges in Angstrom, bins without displacements left out;
            columns ``count`` (carrier-windows), ``density`` of the displacements of that event
            (1/A), and ``share`` of the Onsager coefficient with ``share_low`` and ``share_high``.
            ``attrs["moments"]``: of each event the mean squared displacement (A^2) and the
            non-Gaussian parameter, d <r^4> / ((d + 2) <r^2>^2) - 1 in d dimensions, 0 for Gaussian
            displacements.

        Raises
        ------
        InputError
            Before a run, for a species without a rule, a window out of range, or bins that are
            neither a number nor edges that rise from 0.

        References
        ----------
        Rahman, Phys. Rev. 136, A405 (1964), for the non-Gaussian parameter.
        """
        from .displacement_spectrum import displacement_spectrum

        run, index = self._ruled("displacement_spectrum()", species)
        return displacement_spectrum(run, index, self._window(window), bins)

    def hop_strings(
        self, taus: str | Sequence[float] = "log", *, species: str | None = None
    ) -> pd.DataFrame:
        """Share of hops that follow one another through the same site within a time tau.

        The hop of an ion that leaves a site and that of another ion that enters it are linked if at
        most tau lies between them, whichever comes first, and no other ion enters the site in
        between; connected hops are a string, whatever windows they fall in. Both nulls are analysed
        alike: records shifted in time, and an exclusion gas.

        Cost: linear in hops, for the run and six null records; the gas is simulated anew.

        Parameters
        ----------
        taus : "log" or sequence of float
            ps, rounded to whole frames; 0 is the same frame. ``"log"``: 0 and the frame spacing
            times powers of two, up to a tenth of the trajectory.
        species : str, optional
            Default: the first with `CrystalEvents`.

        Returns
        -------
        pandas.DataFrame
            Index tau (ps); columns ``share`` of the hops in strings of two or more, ``circular``
            and ``exclusion``, the same in the nulls, each with ``_low`` and ``_high`` (one standard
            deviation of five shifts for ``circular``), ``strings``, their number, and
            ``mean_size``, hops in each. `plotting.hop_strings` draws it.

        Raises
        ------
        InputError
            Before a run, for a species without `CrystalEvents`, or times out of range.

        Notes
        -----
        Independent hops have a share that rises as 1 - exp(-tau / t), with t the time between
        arrivals at a site; a string that is caused, the second hop by the first, shows as a rise
        above both nulls at the delay of its hops.
        """
        from .hop_strings import hop_strings

        run, index = self._hopping("hop_strings()", species)
        return hop_strings(run, index, taus)

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
            that of the slope, in cm2/s, without the contribution of vibration and caging to a
            ratio; for charge, with sum z^2 N as the number of carriers. Both windows of a pair are
            resampled together.

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
        """Residence times of ligands in shells, or of carriers on sites.

        From C(t) = <h(0) h(t)> / <h(0)>, h = 1 in contact. ``intermittent``: the contact exists at
        both ends, minus the probability for a random ligand; ``continuous``: it lasts throughout.
        Both are of filtered contacts, so that hysteresis and persistence lengthen them, the
        continuous one most.

        Cost: at most 200 lags, with one pass over the continuous contacts each.

        Parameters
        ----------
        species : str, optional
            Default: every species with a detector.
        members : {"molecules", "atoms"}
            Whether a contact is with a molecule, by any of its atoms, or with each atom.

        Returns
        -------
        pandas.DataFrame
            Index (species, ligand type or site label, definition); columns, each with its interval,
            in ps: ``decay_time`` to 1/e, ``integral_time`` of C up to half the trajectory (NaN
            where C is still above 5% there, see ``left``), ``mean_stay``, the time in contact over
            the number of ``endings``, which corrects for stays truncated by the ends of the run.

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
        """Rates of transitions between labels: counts over exposure.

        Labels are those of sites for a species on sites, else macrostates. A channel is here a pair
        of labels from start to end, whatever the distance between the sites.

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
        Changes from frame to frame are counted, so that a carrier that leaves and returns between
        two frames is missed, and two hops between two frames count as one.
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
        """Degree of rate control of each hop channel, and its contribution to transport.

        A channel is here a pair of site labels and the distance between the sites, in both
        directions, so that all its edges may have one rate. Its control is d ln D / d ln k: the
        increase, in per cent, of the diffusion coefficient of independent carriers if hops along
        that channel, in both directions, become one per cent more frequent. Controls sum to one,
        like the shares. In a series of fast and slow hops the contributions are proportional to the
        lengths of the hops, but the slow ones alone control the rate.

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
            Before a run, for a species without sites and hop events, without hops or with hops that
            do not percolate, or for a horizon out of range.

        Notes
        -----
        The controls assume independent carriers that hop without memory on sites with the mean
        occupancies, with one rate for all edges of a channel and detailed balance. Compare
        ``measured_cm2_per_s`` with ``diffusion_cm2_per_s`` to test this. The shares need no such
        assumption.

        Cost: four passes over carriers x frames, and 400 linear problems of the size of the sites.
        """
        from .rate_control import rate_control_of

        run, index = self._hopping("rate_control()", species)
        return rate_control_of(run, index, horizon)
