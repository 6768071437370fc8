"""The labelled tree of a result and what is read from it directly.

Tables, figures and the report are made from it; `Results` adds the questions a user asks.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from ..lib.checks import is_one_of, positive, shown
from ..lib.errors import InputError, warn_user
from ..lib.plain_text import printable
from .elementary import reading_resolution

if TYPE_CHECKING:
    import xarray as xr

    from ..onsager.block_sums import Blocks


#: Groups whose variables are attributes and items of a result too.
NAMED = ("decomposition", "transitions", "diagnostics")


#: What only a run answers, from the labels of all carriers.
OF_THE_RUN = frozenset(
    {
        "by_transition", "channel_rates", "events", "exponents", "frames",
        "hop_strings", "hops", "macrostates", "microstates", "path_parts", "paths", "plain",
        "rate_control", "relabelled", "residence_times", "robustness", "save_run", "save_states",
        "split_by", "times",
    }
)  # fmt: skip


class ResultTree:
    """One labelled tree: datasets, settings, warnings.

    Parameters
    ----------
    tree : xarray.DataTree
        As the result file holds it.
    """

    def __init__(self, tree: xr.DataTree) -> None:
        self.tree = tree
        self._blocks: Blocks | None = None

    def _variables(self) -> dict[str, str]:
        """Groups of the variables that are known by their names alone."""
        if "tree" not in self.__dict__:  # while it is unpickled
            return {}
        groups = [name for name in NAMED if name in self.tree.children]
        return {str(v): name for name in groups for v in self.tree[name].data_vars}

    def __getitem__(self, name: str) -> xr.DataArray:
        """A variable of the decomposition, the transitions or the diagnostics, by its name.

        Raises
        ------
        KeyError
            With the names there are.
        """
        known = self._variables()
        if not isinstance(name, str) or name not in known:
            raise KeyError(f"{name!r} is not in this result; it holds {_listed(known)}")
        return self.tree[known[name]].to_dataset()[name]

    def __getattr__(self, name: str) -> xr.DataArray:
        known = {} if name.startswith("_") else self._variables()
        if name not in known and name in OF_THE_RUN:
            raise AttributeError(
                f"{name} belongs to the run, and a result does not hold what it needs; keep the "
                f"run, run.{name}, or save it with run.save_run(path) and ask load_run(path).{name}"
            )
        if name not in known:
            raise AttributeError(
                f"{type(self).__name__!r} object has no attribute {name!r}"
                + (f"; variables are {_listed(known)}" if known else "")
            )
        return self[name]

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *self._variables()})

    def __contains__(self, name: object) -> bool:
        """Whether `results[name]` is a variable."""
        return name in self._variables()

    __iter__ = None  # a result is no list of results

    def _group(self, name: str) -> xr.Dataset | None:
        if name not in self.tree.children:
            return None
        return self.tree[name].to_dataset()

    @property
    def decomposition(self) -> xr.Dataset:
        """Onsager coefficients and conductivity, and the contributions of every event."""
        return self.tree["decomposition"].to_dataset()

    @property
    def transitions(self) -> xr.Dataset | None:
        """Populations of macrostates and transitions between them; None without them."""
        return self._group("transitions")

    @property
    def states(self) -> xr.Dataset | None:
        """Microstate, macrostate and event of every carrier; None where they were not kept."""
        return self._group("states")

    @property
    def shells(self) -> xr.Dataset | None:
        """The distinct shells that `states` refers to; None without them."""
        return self._group("shells")

    @property
    def diagnostics(self) -> xr.Dataset | None:
        """Momentum balance; None unless the species hold all mass of the system."""
        return self._group("diagnostics")

    @property
    def filters(self) -> xr.Dataset | None:
        """Shares with the filters next to those of the run; None where there are none."""
        return self._group("filters")

    @property
    def vehicle(self) -> xr.Dataset | None:
        """Sums behind `vehicularity`; None without ``projection="vehicle"``."""
        return self._group("vehicle")

    @property
    def hop_definition_data(self) -> xr.Dataset | None:
        """Linked hops under other dates and assignments of hops; see `Results.hop_definitions`."""
        return self._group("hop_definitions")

    @property
    def hop_channel_data(self) -> xr.Dataset | None:
        """Rates of hops between sites by channel; see `Results.hop_channels`."""
        return self._group("hop_channels")

    @property
    def displacement_data(self) -> xr.Dataset | None:
        """Displacements by event and length; see `Results.displacement_spectrum`."""
        return self._group("displacement_spectrum")

    @property
    def radial_distribution_data(self) -> xr.Dataset | None:
        """g(r) of ligands around carriers; see `Results.radial_distribution`."""
        return self._group("radial_distributions")

    @property
    def blocks(self) -> Blocks:
        """The sums over blocks of time origins that everything is computed from.

        Raises
        ------
        InputError
            If the result file holds none.
        """
        from ..onsager.block_sums import from_tree

        if self._blocks is None:
            if "blocks" not in self.tree.children:
                raise InputError(
                    "this result holds no sums over blocks, so nothing can be resampled; write it "
                    "again with the present version"
                )
            self._blocks = from_tree(self.tree.children["blocks"])
        return self._blocks

    def samples(self, name: str) -> np.ndarray:
        """Joint samples of a variable of the decomposition or the transitions.

        What the intervals are percentiles of, for functions of several variables: sample k of all
        variables of one window, or of one resolution and horizon, is of one resampled trajectory.

        Cost: that of the intervals of the variable's windows, each time it is called.

        Parameters
        ----------
        name : str
            E.g. ``"event_onsager"`` or ``"path_slope"``.

        Returns
        -------
        numpy.ndarray
            Shape (400, ...), then the dimensions of the variable, in its units: bootstrap samples;
            below ten blocks normal samples with the covariance of the jackknife; NaN below two.

        Raises
        ------
        InputError
            For a variable without samples.
        """
        from .view_estimates import samples_of

        try:
            return samples_of(name, self.blocks)
        except (KeyError, TypeError):
            raise InputError(
                f"{name!r} is no variable with samples in this result; those of "
                "results.decomposition with an interval have them, save the nulls"
            ) from None

    @property
    def settings(self) -> dict[str, Any]:
        """Everything needed to repeat the run, as plain values."""
        return dict(json.loads(self.tree.attrs["settings"]))

    @property
    def warnings(self) -> list[str]:
        """Warnings of the run."""
        return [printable(line) for line in self.tree.attrs["warnings"].split("\n") if line]

    @property
    def citations(self) -> list[str]:
        """References for the methods that were used."""
        return [line for line in self.tree.attrs["citations"].split("\n") if line]

    def at_window(self, window: float | None = None) -> xr.Dataset:
        """The decomposition at one scanned window.

        Parameters
        ----------
        window : float, optional
            ps, the nearest scanned one is taken; default: that in which labels are read, the
            resolution of `Results.recommend`; without one `longest_window`.

        Returns
        -------
        xarray.Dataset
            `decomposition` without the dimension window.

        Raises
        ------
        InputError
            If `window` lies outside the scan by more than half a frame spacing.
        """
        data = self.decomposition
        windows = data["window"].values
        if window is None:
            window = self._label_window()
            return data.sel(window=self.longest_window if window is None else window)
        window = positive("window", window, "ps", "give one of the scan, or leave it out")
        slack = 0.5 * float(self.settings["dt_ps"])
        if not windows[0] - slack <= window <= windows[-1] + slack:
            raise InputError(
                f"window={window:g} ps is outside the scan of {windows[0]:g} to {windows[-1]:g} "
                f"ps; the windows are {', '.join(f'{w:g}' for w in windows)}"
            )
        found = data.sel(window=window, method="nearest")
        if not np.isclose(float(found["window"]), window, rtol=1e-6):
            warn_user(
                f"window={window:g} ps is not in the scan: {float(found['window']):g} ps, the "
                "nearest, is used"
            )
        return found

    def _species(self, species: str | None) -> str:
        names = [str(s) for s in self.decomposition["species"].values]
        if species is None:
            described = self.settings["species"]
            return next((s["name"] for s in described if s.get("events")), names[0])
        if not is_one_of(species, names):
            raise InputError(f"species={shown(species)} is not in this result; it holds {names}")
        return species

    @property
    def longest_window(self) -> float:
        """The longest window with ten blocks or more, ps; the shortest where there is none."""
        data = self.decomposition
        windows = data["window"].values
        sound = windows[data["blocks"].values >= 10]
        return float(sound[-1] if len(sound) else windows[0])

    def _label_window(self) -> float | None:
        """The scanned window in which labels are read, ps, if there is one."""
        if not self.has_diffusive_view:
            return None
        blocks = self.blocks
        ruled = np.flatnonzero(blocks.system.ruled_species)
        frames = reading_resolution(self.decomposition, blocks, int(ruled[0]) if len(ruled) else 0)
        scanned = [w.frames for w in blocks.scanned]
        if frames not in scanned:
            return None
        return float(self.decomposition["window"].values[scanned.index(frames)])

    @property
    def has_diffusive_view(self) -> bool:
        """Whether coefficients in the diffusive limit are known."""
        data = self.decomposition
        if "diffusive_onsager" not in data or "blocks" not in self.tree.children:
            return False
        return bool(np.isfinite(data["diffusive_onsager"].values).all())

    def _nearest(self, argument: str, value: float, frames: list[int]) -> int:
        """The scanned length in frames that is nearest to a time."""
        dt = self.blocks.dt
        value = positive(argument, value, "ps", "give one of the scan, or leave it out")
        if not (frames[0] - 0.5) * dt <= value <= (frames[-1] + 0.5) * dt:
            raise InputError(
                f"{argument}={value:g} ps is outside the scan; the {argument}s are "
                f"{', '.join(f'{n * dt:g}' for n in frames)} ps"
            )
        found = min(frames, key=lambda n: abs(n * dt - value))
        if not np.isclose(found * dt, value, rtol=1e-6):
            warn_user(
                f"{argument}={value:g} ps is not in the scan: {found * dt:g} ps, the nearest, is "
                "used"
            )
        return found


def _listed(names: Iterable[str]) -> str:
    """Names of variables in a line, without those of the ends of intervals."""
    ends = ("_low", "_high")
    return ", ".join(name for name in names if not name.endswith(ends)) + ", and _low and _high"
