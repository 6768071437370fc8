"""Cages: where carriers stay for some time, found from their paths without any list of sites.

For glasses, melts and crystals of unknown structure. A hop is a change of cage, so that the events,
the hop table and the views of crystals apply.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ...lib.checks import number, shown
from ...lib.errors import InputError
from ...lib.frozen import frozen
from ...lib.run_length import LabelRuns, with_values
from ...lib.whole_frames import whole_frames
from ...trajectory.unwrap import cell_heights
from ..contacts import CarrierPaths, ContactHistory, Contacts, FrameGeometry
from ..detector import Detector
from ..shells import Microstates, one_member_shells
from ..sites.core_sets import drop_brief_visits, hop_counts
from .dated_hops import dated
from .places import PairDistribution, group_stays, pair_distribution
from .stays import local_means, localisation, penalty_of_noise, stays

MINIMUM = "minimum"
#: Distance in use where the pair distribution has no minimum, Angstrom: short of the hops of small
#: ions between neighbouring sites of oxides, sulfides and halides.
USUAL_DISTANCE = 1.5


@frozen
class CageAssignment(Detector):
    r"""Cage of every carrier in every frame, without sites: for glasses, melts, unknown structures.

    A carrier hops where its local mean position moves by `distance` or more and stays there for
    `time` or longer. After the frames are read, the paths in the frame of reference are cut into
    *stays*, each about a mean position, such that

    .. math:: \sum_{\mathrm{stays}} \sum_{t} |r(t) - \bar r|^2
        + \frac{d^2}{2} \frac{\tau}{\delta t} \times \mathrm{changes}

    is smallest, with d the `distance`, tau the `time` and dt the spacing of the frames: a visit at
    distance d from a stay that lasts tau just pays for its two changes, and one at distance h pays
    from tau (d/h)^2 on. Mean positions of all stays
    of the species are grouped into cages whose centres are at least d apart; a hop is a change of
    cage. It is dated, as with ``SiteAssignment(hop_time="crossing")``, by the first frame after the
    last one in which the old centre is the nearer, before the carrier is within 0.3 d of the new
    centre, or as near as it comes. A carrier that returns is in the same cage, and one carrier may
    enter the cage that another has left.

    There are no sites to list, to align or to miss, but cages must last: they are fixed in the
    frame of reference, by default that of the atoms which are no carriers, else the barycentric
    one. Warnings say where this is no description: motion without stays (steps within stays are
    hardly bounded), cages that carriers do not return to, and cages that carriers share.

    Cost: linear in carriers x frames, 0.05 to 1 microsecond each, most for carriers that never hop;
    some passes over the stays.

    Parameters
    ----------
    time : float
        Shortest visit at `distance` that counts, ps; at least one frame, and shorter than the run.
        Of visits at distance h, those of time (distance/h)^2 or longer.
    distance : float or "minimum"
        Least distance between two cages, Angstrom. ``"minimum"``: the first minimum of the pair
        distribution of the mean positions of stays, between its peak at 0 (carriers that return)
        and the neighbouring cages; `USUAL_DISTANCE` (1.5 A) where it has none.
    persistence : float, optional
        Ignore a change of cage that reverts within this time, ps.

    Attributes
    ----------
    labels, label_names : tuple of str
        ``("cage",)``: cages have no types.

    Raises
    ------
    InputError
        For times and distances that are none, and, in a run, for a time longer than the run or a
        distance of half the smallest height of the cell or more.

    Notes
    -----
    Cutting a path where its local mean position changes follows Candelier, Dauchot and Biroli,
    Phys. Rev. Lett. 102, 088001 (2009), and Smessaert and Rottler, Phys. Rev. E 88, 022314 (2013);
    the stays that minimise the sum are found as by Killick, Fearnhead and Eckley, J. Am.
    Stat. Assoc. 107, 1590 (2012), so that two hops in short succession do not hide one another. The
    sum, and so the order of the cages, does not change when time is reversed. The mean positions
    behind the pair distribution are those of stays of means over `time`, with the penalty of
    Schwarz for their noise; grouping: Kulis and Jordan, Proc. 29th Int. Conf. Mach. Learn. (2012).
    """

    has_sites = True
    labels = label_names = ("cage",)

    def __init__(
        self,
        *,
        time: float = 0.1,
        distance: float | str = MINIMUM,
        persistence: float | None = None,
    ) -> None:
        # no ligands: cages depend on the carriers alone
        self.ligands = {}
        self.time = number("time", time, "a time in ps above 0", above=0)
        if isinstance(distance, str):
            if distance != MINIMUM:
                raise InputError(
                    f"distance must be a length in Angstrom or {MINIMUM!r}, got {shown(distance)}"
                )
        else:
            distance = number("distance", distance, "a length in Angstrom above 0", above=0)
        self.distance = distance
        if persistence is not None:
            persistence = number("persistence", persistence, "a time in ps, 0 or more", least=0)
        self.persistence = persistence

    def contacts(self, frame: FrameGeometry) -> Contacts:
        """No contacts: cages follow from the paths. See `Detector.contacts`."""
        none = np.empty(0, dtype=np.int32)
        return Contacts(none, none, np.empty(0, dtype=np.bool_))

    def fractional_positions(self, frame: FrameGeometry) -> np.ndarray:
        """Positions of the carriers in a frame, shape (carriers, 3), fractional, any image.

        Parameters
        ----------
        frame : FrameGeometry

        Returns
        -------
        numpy.ndarray
        """
        return np.asarray(frame.centres)

    def assemble(
        self,
        history: ContactHistory,
        *,
        filtered: bool = True,
        persistence: float | None = None,
    ) -> Microstates:
        """Cage of every carrier over time, from the paths of the carriers.

        Parameters
        ----------
        history : ContactHistory
            With `paths`.
        filtered, persistence
            As in `Detector.assemble`.

        Returns
        -------
        Microstates
            With the centres of the cages as `places`.
        """
        paths = history.paths
        assert paths is not None
        lag = max(whole_frames(self.time, history.spacing), 1)
        self._check_extent(paths, history.spacing, lag)
        distance, seen = self._distance(paths, lag)
        held, mean, frames = stays(paths.position, distance**2 * lag / 2)
        bound = localisation(paths.position, held, lag)
        place, centres = group_stays(paths.fractional(held, mean), frames, paths.cell, distance)
        runs, dating = dated(paths, with_values(held, place[held.value]), centres, distance)
        wait = self.frames_to_wait(history, filtered, persistence)
        if wait > 0:
            kept = drop_brief_visits(runs.offsets, runs.start, runs.value, wait)
            runs = LabelRuns(kept[0], kept[1], kept[2], runs.n_frames)
        report = {
            "distance_in_use_angstrom": distance,
            "distance_from": _origin(self.distance, seen),
            "returns_to_cages": None if seen is None or not seen.is_judged else seen.together,
            "localisation": bound,
            "stays": len(mean),
        }
        report |= {"cages": len(centres), **hop_counts(runs, len(centres), history)}
        report |= dating.report(history.spacing)
        shells = one_member_shells(np.zeros(len(centres), dtype=np.int64), self.label_names)
        return Microstates(runs, shells, report, centres)

    def _check_extent(self, paths: CarrierPaths, spacing: float, lag: int) -> None:
        """Refuse a distance beyond the cell, and a time beyond the run."""
        steps = paths.position.shape[2] - 1
        if lag > steps > 0:
            raise InputError(
                f"time={self.time:g} ps of CageAssignment is longer than the "
                f"{steps * spacing:g} ps analysed: no visit lasts longer; give the shortest visit "
                "that counts, in ps, or analyse a longer trajectory"
            )
        half = float(cell_heights(paths.cell).min()) / 2
        if not isinstance(self.distance, str) and self.distance >= half:
            raise InputError(
                f"distance={self.distance:g} Å of CageAssignment is not below {half:.4g} Å, half "
                "the smallest height of the cell, so that cages would meet their own images; give "
                "less than the length of a hop, in Angstrom, or 'minimum'"
            )

    def _distance(self, paths: CarrierPaths, lag: int) -> tuple[float, PairDistribution | None]:
        """Least distance of cages, and the pair distribution it is from."""
        coarse = local_means(paths.position, lag)
        held, mean, _ = stays(coarse, penalty_of_noise(coarse))
        seen = pair_distribution(paths.fractional(held, mean), paths.cell)
        if not isinstance(self.distance, str):
            return self.distance, seen
        return seen.first_minimum() or USUAL_DISTANCE, seen

    def describe(self) -> dict[str, Any]:
        """The detector and its choices as plain values, for the settings."""
        return super().describe() | {
            "time_ps": self.time,
            "distance_angstrom": self.distance,
            "labels": list(self.labels),
        }


def _origin(asked: float | str, seen: PairDistribution | None) -> str:
    """Where the distance in use is from."""
    if not isinstance(asked, str):
        return "given"
    return "default" if seen is None or seen.first_minimum() is None else MINIMUM
