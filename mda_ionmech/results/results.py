"""Results of a run: one labelled tree, saved as NetCDF4, which plain xarray can open.

Names, dimensions and units are those of ``results-schema.json``, and every result is checked
against it. Later versions add variables to the schema but do not rename them.

`Results` is longer than other classes because users find its methods by completion: each method is
documented in full here and calls a function of its own module.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..lib.checks import is_one_of, shown
from ..lib.errors import InputError
from ..lib.later import later
from .ends import with_ends
from .tree import ResultTree

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

    from .recommend import Recommendation
    from .time_reversal import Convergence
    from .verdict import Verdict

#: Remedy where a result cannot be written.
KEPT = "The results are still in memory: free space, or save elsewhere, run.save('elsewhere.nc')"


class Results(ResultTree):
    """The outcome of a decomposition: labelled datasets, tables, files and figures.

    Parameters
    ----------
    tree : xarray.DataTree
        As in the result file.

    Attributes
    ----------
    tree : xarray.DataTree
        All data.
    decomposition : xarray.Dataset
        Onsager coefficients, conductivity and contributions by event; species x event x window.
    transitions : xarray.Dataset or None
        Populations of macrostates and contributions of transitions.
    states : xarray.Dataset or None
        Microstate, macrostate and event of every carrier in every frame.
    shells : xarray.Dataset or None
        The distinct coordination shells of the microstate numbers.
    diagnostics : xarray.Dataset or None
        Where the species hold all mass of the system: ``momentum_balance`` (species, window), the
        sum over species of mass times Onsager coefficient over its self parts, 0 by conservation
        of momentum.
    vehicle : xarray.Dataset or None
        Of a run with ``projection="vehicle"``: see `vehicularity`.
    settings : dict
        Everything needed to repeat the run.
    warnings : list of str
        Warnings about the input and the numbers.
    """

    def __init__(self, tree: xr.DataTree) -> None:
        super().__init__(tree)
        self._advice: dict[str, Recommendation] = {}
        self._splits: dict[tuple[str, str], Results] = {}
        self._run_link: Callable[[], Callable[[str, str], Results] | None] | None = None

    def summary(
        self,
        window: float | None = None,
        *,
        species: str | None = None,
        view: str | None = None,
        resolution: float | None = None,
        horizon: float | None = None,
        by: str | None = None,
    ) -> pd.DataFrame:
        """Share, contribution, frequency and effectiveness of each event.

        Without arguments the reading of `recommend`: the diffusive view, or, for a run without one,
        the longest window with ten blocks or more.

        Parameters
        ----------
        window : float, optional
            Length of the window in the window view, ps; the nearest scanned one. Default: the
            longest with ten blocks or more.
        species : str, optional
            Default: the first species with an event rule.
        view : {"window", "path", "slope", "diffusive"}, optional
            Default: ``window`` where `window` is given, else ``diffusive`` where there is one.
            ``window``: labels and displacements over the same window. ``path``, ``slope``: labels
            over a resolution, displacements correlated over a horizon. ``diffusive``: labels over
            a resolution, the limit of long times from all lags.
        resolution, horizon : float, optional
            Of the other views, ps; the nearest scanned ones. Default: those of `recommend`; the
            diffusive view has no horizon.
        by : str, optional
            A flag of the event rule, e.g. ``"denticity"``: each class is split into windows with
            and without it, and both parts sum to the class; ``"ligand"``: exchange of solvent is
            split by the solvent, see `mda_ionmech.events.SolvationEvents`; ``"channel"``: hops are
            split by the labels of the sites at their ends. Needs the run of this
            result, which must still exist: ``run.results``, or ``load_run(path).results``. See
            `run.split_by`.

        Returns
        -------
        pandas.DataFrame
            Index event, with `by` (event, flag) without the parts that never occur; columns
            ``share`` of the species' Onsager coefficient with ``share_low`` and ``share_high``,
            ``onsager`` (1/(J m s)); in the window view also ``self`` and ``distinct`` part as
            shares of the same coefficient, ``frequency`` (1/ns), ``effectiveness`` (A^2),
            ``count`` (carrier-windows) and ``conductivity`` (S/m) with its interval, in the others
            ``onsager_low`` and ``onsager_high``. The diffusive view has all of these but self and
            distinct, with counts in windows of the resolution.
            ``attrs`` hold the window or resolution and horizon, the species, the units, the
            fraction ``repeated`` of carrier-windows with more than one change of microstate, and
            the ``comment`` why shares are NaN, where they are.

        Raises
        ------
        InputError
            For an unknown species or view, lengths outside the scan, a horizon that is no whole
            multiple of the resolution, a run without the view, or a flag that the rule lacks.
        """
        import pandas as pd

        from ..lib.unit_table import UnitTable

        if by is not None:
            from .flag_table import flag_table

            given = {"window": window, "view": view, "resolution": resolution, "horizon": horizon}
            return flag_table(self, by, self._species(species), **given)
        if view is None:
            view = "window"
            if window is None and horizon is None and self.has_diffusive_view:
                view = "diffusive"
        if not is_one_of(view, ("window", "path", "slope", "diffusive")):
            raise InputError(
                f"view must be 'window', 'path', 'slope' or 'diffusive', got {shown(view)}"
            )
        if view == "diffusive":
            if window is not None or horizon is not None:
                raise InputError(
                    "window and horizon have no meaning with view='diffusive', which uses all "
                    "lags: give resolution=... for the labels, or view='slope'"
                )
            from .diffusive_table import diffusive_table

            return diffusive_table(self, self._species(species), resolution)
        if view != "window":
            if window is not None:
                raise InputError(f"window has no meaning with view={view!r}; give horizon=...")
            from .window_tables import view_of

            return view_of(self, view, self._species(species), resolution, horizon)
        if resolution is not None or horizon is not None:
            raise InputError(
                "resolution and horizon belong to view='path' and view='slope'; in the window view "
                "both are window=..."
            )
        name = self._species(species)
        data = self.at_window(window).sel(species=name)
        whole = float(data["onsager"].sel(species_2=name))
        own = data["event_onsager"].sel(species_2=name)
        scale = whole if np.isfinite(data["share"].values).any() else np.nan
        table = pd.DataFrame(
            {
                "share": data["share"].values,
                "share_low": data["share_low"].values,
                "share_high": data["share_high"].values,
                "onsager": own.values,
                "self": data["event_self"].values / scale,
                "distinct": data["event_distinct"].values / scale,
                "frequency": data["event_frequency"].values,
                "effectiveness": data["effectiveness"].values,
                "count": data["event_count"].values,
                "conductivity": data["event_conductivity"].values,
                "conductivity_low": data["event_conductivity_low"].values,
                "conductivity_high": data["event_conductivity_high"].values,
            },
            index=pd.Index([str(e) for e in data["event"].values], name="event"),
        )
        table = table[np.isfinite(table["frequency"])]
        table.attrs = {
            "species": name,
            "window_ps": float(data["window"]),
            "level": float(data["share_low"].attrs["level"]),
            "units": {
                "onsager": "1/(J m s)",
                "frequency": "1/ns",
                "effectiveness": "angstrom2",
                "conductivity": "S/m",
            },
        }
        if "multi_hop_fraction" in data:
            table.attrs["repeated"] = float(data["multi_hop_fraction"])
        if table["share"].isna().any():
            from .diffusive_table import undefined_shares

            total = with_ends(data, "onsager", species_2=name)
            table.attrs["comment"] = undefined_shares(name, total)
        elif table["share_low"].isna().any():
            table.attrs["comment"] = (
                "there are no intervals: fewer than three blocks of time origins"
            )
        return UnitTable.of(table)

    def recommend(self, *, species: str | None = None) -> Recommendation:
        """The recommended reading with the reasons, or why there is none.

        Labels are read over the longest resolution at which less than 10% of the carriers have
        more than one change of microstate, and coefficients from all lags from which slopes agree
        (the diffusive view). For the slope view a horizon: the shortest from which the slope of the
        total is constant within its interval. No resolution below the scatter of the dates of hops
        (`hop_dates`) is recommended.

        Parameters
        ----------
        species : str, optional
            Default: the first species with an event rule.

        Returns
        -------
        Recommendation
            Prints as a text; ``label_resolution``, ``first_lag`` and ``last_lag`` of the diffusive
            view, ``resolution`` and ``horizon`` of the slope view, in ps, None where there is none.

        Raises
        ------
        InputError
            For an unknown species, or a run without path and slope views.
        """
        from .recommend import recommend

        name = self._species(species)
        if not self.blocks.paths:
            raise InputError(
                "this run has no path and slope views to recommend from; run it with "
                "resolutions='log' and horizons='log'"
            )
        if name not in self._advice:
            self._advice[name] = recommend(
                self.decomposition, self.blocks, self.blocks.names.index(name), self.settings
            )
        return self._advice[name]

    def hop_dates(self, *, species: str | None = None) -> pd.DataFrame:
        """How much later hops enter a core than they cross the surface half way.

        Parameters
        ----------
        species : str, optional
            Default: the first species with an event rule.

        Returns
        -------
        pandas.DataFrame
            Index percentile; column ``entry_minus_crossing``, ps. ``attrs`` holds the number of
            hops, their mean and standard deviation, ``width_ps``, the range of the middle 68%, and
            the share of hops between whose sites a third one is nearest, of which the crossing is
            known less exactly (not of cages).

        Raises
        ------
        InputError
            Without hops between cores or cages.
        """
        from .hop_dates import hop_dates

        return hop_dates(self.settings, self._species(species))

    def hop_definitions(self, *, species: str | None = None) -> pd.DataFrame:
        """Linked hops under every date of hops, core radius and assignment, beside their nulls.

        In the window in which labels are read. What is not found under each of these definitions is
        a property of the definition, and `verdict` says so.

        Parameters
        ----------
        species : str, optional
            Default: the first species with an event rule.

        Returns
        -------
        pandas.DataFrame
            Index definition, that of the run first: ``core, entry``, ``core, crossing``,
            ``smaller core, entry``, ``larger core, entry`` (of 0.8 and 1.2 times the radius, as
            far as cores do not overlap) and ``nearest``; columns ``core_radius``, Angstrom,
            ``multi_fraction``, the share of linked hops, ``multi_fraction_circular`` and
            ``multi_fraction_exclusion``, the same in both nulls, each with ``_low`` and ``_high``,
            and ``finding``: ``concerted``, ``exclusion`` where only chance is exceeded, or ``no
            evidence``.

        Raises
        ------
        InputError
            For results without them: of species without hops or on polyhedra, combined or
            relabelled ones.
        """
        from .hop_definitions import hop_definitions

        return hop_definitions(self, self._species(species))

    def hop_channels(self, *, species: str | None = None) -> pd.DataFrame:
        """Rates of hops between sites by channel: labels of both sites and their distance.

        Distances of one pair of labels that follow one another by less than 0.1 Angstrom are one
        channel. Changes of site from frame to frame are counted: two hops between two frames are
        one, over the sum of both.

        Parameters
        ----------
        species : str, optional
            Default: the first with hops.

        Returns
        -------
        pandas.DataFrame
            Index (start, end, distance), distance in Angstrom; columns ``rate`` (1/ns per carrier
            on a site with the label of the start), ``low``, ``high`` and ``count``. The interval is
            from blocks; below ten hops it is at least that of a Poisson count. Both directions are
            listed; at equilibrium they have the same count. ``attrs["sites"]``: number of sites and
            mean number of carriers on each, by label.

        Raises
        ------
        InputError
            For a species without `CrystalEvents`, and for results that do not hold channels, as
            combined ones and those of earlier versions.
        """
        from .hop_channels import hop_channels

        return hop_channels(self, species)

    def displacement_spectrum(
        self, window: float | None = None, *, species: str | None = None
    ) -> pd.DataFrame:
        """Distribution of displacements in a window by event, and the transport each part carries.

        As `OnsagerDecomposition.displacement_spectrum`, which takes any window and bins and has
        moments, in the windows of the scan with ten blocks or more.

        Parameters
        ----------
        window : float, optional
            ps, the nearest one is taken; default as in `at_window`.
        species : str, optional
            Default: the first with an event rule.

        Returns
        -------
        pandas.DataFrame
            Index (event, from, to), the edges in Angstrom; columns ``count`` (carrier-windows),
            ``density`` of the displacements of that event (1/A), and ``share`` of the Onsager
            coefficient with ``share_low`` and ``share_high``. `plotting.displacement_spectrum`
            draws it.

        Raises
        ------
        InputError
            For a species without an event rule, a window outside the scan, and results that do not
            hold displacements, as combined ones and those of earlier versions.
        """
        from .displacement_spectrum import displacement_spectrum

        return displacement_spectrum(self, window, species)

    def verdict(self, *, species: str | None = None) -> Verdict:
        """What carries the charge and how, in sentences that follow from tests.

        Parameters
        ----------
        species : str, optional
            Whose events are spoken of; default the first species with an event rule.

        Returns
        -------
        Verdict
            Prints as sentences; ``finding(topic)`` gives the word behind one.

        Raises
        ------
        InputError
            For an unknown species.

        Notes
        -----
        Two shares are told apart if they differ by two standard errors. The leading share depends
        on the filters if one next to those of the run changes it by ten points and by two standard
        errors. Hops are concerted if their linked fraction exceeds that of both nulls by two
        standard errors and by a tenth of the null, for every date of hops, core radius and
        assignment (`hop_definitions`). Motion is diffusive where the diffusive view has a reading
        (`recommend`). Data are scarce above 10% of error on the conductivity or on the largest
        share.
        """
        from .verdict import verdict

        return verdict(self, species)

    def data_sufficiency(self, target: float = 0.1, *, species: str | None = None) -> pd.DataFrame:
        """Relative errors in the diffusive limit, and the length of trajectory for a smaller one.

        Parameters
        ----------
        target : float
            Relative error.
        species : str, optional
            Default: the first species with an event rule.

        Returns
        -------
        pandas.DataFrame
            Index quantity: the conductivity, the coefficient of the species and its shares;
            columns ``value``, ``relative_error`` (half the interval over the value), ``length`` of
            the trajectory and ``needed`` length, ns: errors fall with the square root of it.
            Without a diffusive view they are those of `longest_window`. Where the leading event
            occurred fewer than ten times, N, the error of totals is at least 1 / sqrt(N).
            ``attrs["open_memory_ps"]``: a memory that the lags leave open, too long for the
            trajectory, 0 where none is; at least 120 times as much is needed then.
            ``attrs["least_ns"]``: the shortest length for a reading, 0 where there is one;
            ``attrs["lower_bounds"]``: quantities that are zero within their intervals, of which the
            needed length is a lower bound; ``attrs["leading_events"]``: N.

        Raises
        ------
        InputError
            For a target that is not between 0 and 1.
        """
        from .sufficiency import data_sufficiency

        return data_sufficiency(self, target, species)

    def running_estimate(self, parts: int = 10, *, species: str | None = None) -> pd.DataFrame:
        """Coefficient and shares in the diffusive limit against the length of trajectory used.

        With the lags and weights of the whole trajectory, from the first and from the last part of
        it: forward and backward estimates agree within their errors where it is long enough.

        Parameters
        ----------
        parts : int
            Number of lengths, 2 to 50.
        species : str, optional
            Default: the first species with an event rule.

        Returns
        -------
        pandas.DataFrame
            Index (direction, fraction); columns ``onsager`` and its ``error`` (1/(J m s); that of
            the whole trajectory over the root of the fraction), and the share of each event. NaN
            where the part is shorter than the longest lag.

        Raises
        ------
        InputError
            For a run without a diffusive view, or a number of parts out of range.
        """
        from .running_estimate import running_estimate

        return running_estimate(self, parts, species)

    def radial_distribution(self, *, species: str | None = None) -> pd.DataFrame:
        """g(r) of the ligand atoms around the carriers, of the frames sampled before the run.

        Of those that the cutoffs were found on, where the detector found them (up to 200 frames),
        else of 25 frames, and of at most 200 carriers then.

        Parameters
        ----------
        species : str, optional
            Default: the first species with shells.

        Returns
        -------
        pandas.DataFrame
            Index (ligands, r): ligand type, and the centre of each bin, Angstrom. Columns ``g``,
            ``error``, the standard error of smoothed g(r) from counting alone, and
            ``number_within``, the mean number of ligand atoms closer than the far edge of the bin.
            By ligand type, ``attrs["frames"]`` holds the number of frames and ``attrs["radii"]``
            the distances below which a contact forms and beyond which it breaks, Angstrom, of
            detectors with cutoffs. `plotting.radial_distribution` draws it.

        Raises
        ------
        InputError
            For a species without shells, as on sites, and for results that do not hold g(r), as
            combined ones and those of earlier versions.
        """
        from .radial_distribution import radial_distribution

        return radial_distribution(self, species)

    def coordination(self, *, species: str | None = None) -> pd.DataFrame:
        """How often carriers have how many ligands in their shells, as the run counted them.

        Shells are those of the detector, with its hysteresis and persistence.

        Parameters
        ----------
        species : str, optional
            Default: the first species with an event rule.

        Returns
        -------
        pandas.DataFrame
            Index (ligands, counted, number): ligand type, or ``all`` where there are several;
            ``atoms`` or ``molecules``; and how many. Columns ``fraction`` of carriers and frames
            with ``low`` and ``high``, by bootstrap over blocks of frames. ``attrs["mean"]`` is the
            mean number with its interval, by (ligands, counted); ``attrs["types"]`` lists the
            ligand types.

        Raises
        ------
        InputError
            For a species without shells, as on sites, and a result without states, as a combined
            one.
        """
        from .coordination import coordination

        return coordination(self, species)

    def transference(self, window: float | None = None) -> pd.DataFrame:
        """Transference number of every event: its fraction of the conductivity.

        Parameters
        ----------
        window : float, optional
            ps; default the diffusive view, as in `summary`.

        Returns
        -------
        pandas.DataFrame
            Index (species, event); columns ``transference`` with ``low`` and ``high``, and
            ``conductivity`` (S/m). The numbers sum to 1 over all species and events; NaN where the
            conductivity is zero within its interval, or where conservation of momentum fixes those
            of the species (if two kinds of ions are the whole system; ``attrs["comment"]``). They
            depend on the frame of reference (``attrs["frame"]``), but their sum does not.
            ``attrs["labels_ps"]``: over which length the labels of each species are read.
        """
        from .window_tables import transference

        return transference(self, window)

    def transport(self, window: float | None = None) -> pd.DataFrame:
        """Transport coefficients: conductivity, Haven ratio, transference numbers, diffusivities.

        Parameters
        ----------
        window : float, optional
            ps; default the diffusive view, as in `summary`.

        Returns
        -------
        pandas.DataFrame
            Index quantity; columns ``value``, ``low``, ``high``, ``unit``. Transference numbers
            that conservation of momentum fixes are NaN; ``attrs["comment"]`` says why.
        """
        from .window_tables import transport

        return transport(self, window)

    def convergence(self, window: float | None = None) -> Convergence:
        """Test of time reversal and detailed balance, which hold at equilibrium.

        Compares the contribution of every macrostate transition, and every hop channel, with that
        of its reverse, their numbers, and the net circulation through three labels with zero, each
        in units of its standard error.

        Parameters
        ----------
        window : float, optional
            ps; default the longest with ten blocks or more.

        Returns
        -------
        Convergence
            Prints as a text; ``table`` holds the comparisons.

        Raises
        ------
        InputError
            For a window outside the scan.

        Notes
        -----
        Holds for labels that depend on single frames: plain cutoffs, nearest sites. With
        hysteresis, persistence and core sets it does not hold for windows comparable to their
        memory, which the text then says. The counts of two labels balance trivially and are
        omitted. Balance is necessary but not sufficient for convergence: compare the standard
        errors with the differences of interest.
        """
        from .time_reversal import convergence

        return convergence(self, window)

    def diffusion(
        self, window: float | None = None, *, viscosity: float | None = None
    ) -> pd.DataFrame:
        r"""Diffusivities: of single ions, of each species together, of charge.

        .. math:: D_A^\mathrm{coll} = \frac{k_B T V L_{AA}}{N_A}, \qquad
            D_\sigma = \frac{k_B T V \sigma}{e^2 \sum_A z_A^2 N_A}

        Parameters
        ----------
        window : float, optional
            ps; default the diffusive view, as in `summary`.
        viscosity : float, optional
            Of the simulated liquid, mPa s: adds self-diffusivities and the Nernst-Einstein
            conductivity of an infinite cell (Yeh and Hummer, J. Phys. Chem. B 108, 15873 (2004)).

        Returns
        -------
        pandas.DataFrame
            Index quantity; columns ``value``, ``low``, ``high``, ``unit`` (cm2/s, S/m).
            ``attrs`` hold the window, the frame of reference and the shift, if any.

        Raises
        ------
        InputError
            For a viscosity that is not positive, and for a correction of a crystal or polymer, in
            a cell far from cubic, the frame of a framework or fewer than three dimensions.

        Notes
        -----
        At a window each is a ratio over it, too large for short windows because of vibration and
        caging: check `OnsagerDecomposition.exponents` first.
        """
        from .diffusion import diffusion

        return diffusion(self, window, viscosity)

    def vehicularity(
        self, window: float | None = None, *, species: str | None = None
    ) -> pd.DataFrame:
        r"""Fraction of the vehicular motion in which the shell moves along with the ion.

        .. math:: V = \frac{\langle d_i \cdot d_\mathrm{shell} \rangle}{\langle |d_i|^2 \rangle}

        over windows labelled ``vehicular``, with :math:`d_\mathrm{shell}` the displacement of the
        centre of mass of the ligand atoms that are in the shell at both ends: 1 where ion and shell
        move as one body, 0 where the ion moves relative to an immobile shell.

        Parameters
        ----------
        window : float, optional
            ps; default all windows.
        species : str, optional
            Default: the first with an event rule.

        Returns
        -------
        pandas.DataFrame
            Index window (ps); columns ``vehicularity`` and, as parts of L_AA that sum exactly to
            the vehicular share, ``share_shell`` of the shells, ``share_relative`` relative to them,
            ``share_alone`` of ions that keep no ligand atom; each with ``_low`` and ``_high``;
            ``count``, ``count_alone``, ``blocks``.

        Raises
        ------
        InputError
            For a run without ``projection="vehicle"``, an unknown species, or a window outside the
            scan.

        Notes
        -----
        In short windows V is dominated by vibration relative to the shell. Ions that leave their
        shell are not labelled vehicular and do not contribute.
        """
        from .vehicularity_table import vehicularity

        return vehicularity(self, window, species)

    def plot(self, ax: Any = None, **options: Any) -> Any:
        """Contributions of the events against the window; see `plotting.contributions`.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Where to draw; a new figure by default.
        **options
            Of `plotting.contributions`.

        Returns
        -------
        matplotlib.axes.Axes
        """
        return later("mda_ionmech.plotting").contributions(self, ax=ax, **options)

    def view(self, frame: int | None = None, *, universe: Any = None, events: Any = None) -> Any:
        """One frame in a notebook, ions coloured by their event in the shortest window.

        Parameters
        ----------
        frame : int, optional
            Number in the trajectory; default: the one with most ions in these events.
        universe : MDAnalysis.Universe, optional
            The trajectory that was analysed; default: opened from the files in `settings`.
        events : str or sequence of str, optional
            Default: all that mean a change.

        Returns
        -------
        nglview.NGLWidget

        Raises
        ------
        InputError
            Without nglview (the extra ``notebook``), for a frame that was not analysed, an unknown
            event, a result without states, or files that are not found.
        """
        viewing = later("mda_ionmech.viewing.notebook")
        return viewing.view_frame(self, frame, universe=universe, events=events)

    def report(
        self,
        path: str | os.PathLike[str] | None = None,
        *,
        window: float | None = None,
    ) -> Path:
        """Write one self-contained HTML page of this result: numbers, figures, warnings, settings.

        To compare several results on one page: `mda_ionmech.report.write_report`.

        Parameters
        ----------
        path : path-like, optional
            Default: ``ionmech-report.html`` in the present folder.
        window : float, optional
            Of the events at first, as in `summary`; the reader can choose another. The conductivity
            is that of the diffusive limit, else of the longest window with ten blocks or more.

        Returns
        -------
        pathlib.Path

        Raises
        ------
        InputError
            Without jinja2 or vl-convert-python (the extra ``report``), for a window outside the
            scan, or a folder that cannot be written to.
        """
        path = "ionmech-report.html" if path is None else path
        return later("mda_ionmech.report").write_report(self, path, window=window)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write everything as one NetCDF4 file, atomically.

        A symbolic link is followed: the file behind it is replaced.

        Parameters
        ----------
        path : path-like
            Conventionally ``*.nc``; a file that is there is replaced.

        Returns
        -------
        pathlib.Path

        Raises
        ------
        InputError
            If `path` cannot be written to or the disk is full; a file that was there stays as it
            was.
        """
        from .write_file import save_netcdf, write_netcdf

        return save_netcdf(path, lambda name: write_netcdf(self.tree, name), remedy=KEPT)

    def _repr_html_(self) -> str:
        from .shown import results_html

        return results_html(self)

    def __repr__(self) -> str:
        from .shown import results_line

        return f"<Results of {results_line(self)}; .summary(), .transport(), .verdict()>"
