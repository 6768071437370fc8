"""A finished run: the record of its frames, its labels and its results."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ..lib.frozen import changed
from ..onsager.labelled_run import LabelledRun
from .flag_split import RunLink, split_run
from .gathered_run import GatheredRun
from .labelling import label
from .transition_split import by_transition, with_macrostates
from .window_workers import WindowWorkers

if TYPE_CHECKING:
    from ..events import EventRule
    from ..microstates.detector import Detector
    from ..microstates.rdf import RadialDistribution
    from ..results.results import Results


@dataclass(frozen=True)
class FinishedRun:
    """The outcome of a run, from which all further quantities are computed.

    Attributes
    ----------
    gathered : GatheredRun
        Paths and contacts read from the frames.
    record : LabelledRun
        Labels of the carriers.
    results : Results
    workers : WindowWorkers
        Threads or cluster workers that compute windows.
    """

    gathered: GatheredRun
    record: LabelledRun
    results: Results
    workers: WindowWorkers

    def __post_init__(self) -> None:
        self.results._run_link = RunLink(self)

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self.__post_init__()

    def with_others(self, sampled: Mapping[int, Mapping[str, RadialDistribution]]) -> FinishedRun:
        """The run itself, with further groups in its results: displacements, hops, other choices.

        See `displacement_dataset`, `hop_channels_dataset`, `radial_distributions_dataset`,
        `add_filters` and `add_hop_definitions`.

        Parameters
        ----------
        sampled : mapping of int to mapping of str to RadialDistribution
            g(r) of sampled frames by ligand type, by the number of each species with shells.
        """
        import xarray as xr

        from ..observables.displacement_spectrum import displacement_dataset
        from ..observables.hop_channels import hop_channels_dataset
        from .filter_shares import add_filters  # imports what is slow to import
        from .hop_definitions import add_hop_definitions
        from .radial_distributions import radial_distributions_dataset

        add_filters(self.gathered, self.results)
        add_hop_definitions(self.gathered, self.record, self.results)
        further = {
            "displacement_spectrum": displacement_dataset(self.record, self._few_windows()),
            "hop_channels": hop_channels_dataset(self.record),
            "radial_distributions": radial_distributions_dataset(self.gathered.species, sampled),
        }
        for name, group in further.items():
            if group is not None:
                self.results.tree[name] = xr.DataTree(group)
        return self

    def _few_windows(self) -> list[int]:
        """Shortest window, that in which labels are read, and the longest with ten blocks."""
        scan, results = self.results.decomposition["window"].values, self.results
        chosen = {scan[0], float(results.at_window()["window"]), results.longest_window}
        return sorted(int(self.record.windows[np.argmin(abs(scan - w))]) for w in chosen)

    def split_by(self, flag: str, name: str) -> Results:
        """The result with the classes of a species split by a flag, without reading frames.

        Parameters
        ----------
        flag : str
            Of the event rule of the species.
        name : str
            Of the species.
        """
        from .assembly import assembled  # imports what is slow to import

        run = split_run(self.record, name, flag)
        return assembled(run, replace(self.gathered, ligand_paths={}), self.workers.of(run))

    def by_transition(self, species: str | None) -> Results:
        """The result with transitions of macrostates as events, without reading frames.

        Parameters
        ----------
        species : str or None
            None: the first with an event rule, or with macrostates.
        """
        from .assembly import assembled  # imports what is slow to import

        members = with_macrostates(self.record, species, self.results._species(None))
        run = by_transition(self.record, members, self.results.blocks)
        gathered = replace(
            self.gathered, ligand_paths={}, on_sites=self.gathered.on_sites - {*members}
        )
        return assembled(run, gathered, self.workers.of(run))

    def relabelled(
        self,
        *,
        rules: Mapping[int, EventRule] | None = None,
        detectors: Mapping[int, Detector] | None = None,
        window: int | None = None,
        with_nulls: bool | None = None,
        **choices: Any,
    ) -> Results:
        """The result with other filters, radii or rules, without reading frames.

        Parameters
        ----------
        rules : mapping of int to EventRule, optional
            Rules by species number, in place of those of the species.
        detectors : mapping of int to Detector, optional
            Likewise; with the same contacts.
        window : int, optional
            Frames: the window view of this length alone.
        with_nulls : bool, optional
            Whether nulls of concertedness are computed; default unless `window` is given.
        **choices
            Of `label`.
        """
        from .assembly import assembled  # imports what is slow to import

        species = list(self.gathered.species)
        for index, rule in (rules or {}).items():
            species[index] = changed(species[index], events=rule)
        for index, detector in (detectors or {}).items():
            species[index] = changed(species[index], microstates=detector)
        gathered = replace(self.gathered, species=tuple(species))
        if window is not None:
            none = np.empty(0, dtype=np.int64)
            gathered = replace(
                gathered, windows=np.array([window]), resolutions=none, horizons=none,
                ligand_paths={},
            )  # fmt: skip
        run = label(gathered, **choices)
        nulls = window is None if with_nulls is None else with_nulls
        return assembled(run, gathered, self.workers.of(run), with_nulls=nulls)
