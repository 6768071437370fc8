"""Transport coefficients in the diffusive limit: ours beside kinisi and STACIE.

Two steps, since the packages live in environments of their own.

    python -m benchmarks.compare_limit ours limit.npz [trajectories]
    python benchmarks/compare_limit.py theirs limit.npz      # kinisi>=2.1, stacie>=1.3

The first writes collective paths (the charge-weighted sum of all displacements of the shipped
trajectories, and random processes whose coefficient is known) with our values and 68% intervals.
The second gives the same paths to the others and prints, for the shipped trajectories, all
conductivities, and for the processes root mean square error, half width (median) and coverage of
the intervals at each length.

kinisi is told the lag from which the process is diffusive (that of our choice for the shipped
trajectories, the memory for the processes) and gets 60 lags up to the whole trajectory;
STACIE fits its Pade model to the spectrum of the steps. All else is as they come.
"""

from __future__ import annotations

import argparse
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

#: Names and the lag, frames, at which the process is diffusive.
PROCESSES = {
    "Brownian, two modes": 1,
    "Brownian, localisation noise": 1,
    "caged (case 9), memory 2": 8,
    "back hops (case 10), p = 0.7": 8,
    "unequal barriers (case 11)": 64,
}
LENGTHS = (300, 1000, 3000, 10000)


def shipped() -> dict[str, tuple[np.ndarray, float, np.ndarray, int]]:
    """Path of the charge (3, frames), S/m per A^2 a frame, our value and ends, and our lag."""
    from mda_ionmech import datasets
    from mda_ionmech.cli.demos import DEMOS
    from mda_ionmech.results.diffusive_view import lags_of

    found = {}
    for name, analysis in DEMOS.items():
        run = analysis(getattr(datasets, name)()).run()
        record = run._labelled("paths")
        charge = np.concatenate([np.full(one.n_carriers, one.charge) for one in record.species])
        path = np.einsum("i,ijt->jt", charge, record.paths.carriers(0, len(charge)))
        data = run.results.decomposition
        ours = [float(data[f"diffusive_conductivity{end}"]) for end in ("", "_low", "_high")]
        # e^2 / (V kB T) times a coefficient in A^2 per frame
        unit = (
            1.602176634e-19**2 * 1e-20 / (record.dt * 1e-12)
            / (record.paths.volume * 1e-30 * 1.380649e-23 * record.temperature)
        )  # fmt: skip
        lag = lags_of(run.results.blocks).diffusive_from
        found[name] = (path, unit, np.array(ours), lag)
    return found


def ours(file: Path, replicas: int) -> None:
    """Write paths with our values."""
    from benchmarks import diffusive_limit
    from mda_ionmech.results.diffusive_view import diffusive_view

    kept: dict[str, Any] = {}
    for name, (path, unit, values, lag) in shipped().items():
        kept |= {f"{name}/path": path, f"{name}/unit": unit, f"{name}/ours": values}
        kept[f"{name}/lag"] = lag
    by_name = {one.name: one for one in diffusive_limit.PROCESSES}
    for name in PROCESSES:
        process = by_name[name]
        for frames in LENGTHS:
            rng = np.random.default_rng([diffusive_limit.SEED, frames, *name.encode()])
            steps = [process.steps(rng, frames) for _ in range(replicas)]
            for estimator in ("ours", "slope"):
                kept[f"{name}/{frames}/{estimator}"] = np.empty((replicas, 3))
            for replica, one in enumerate(steps):
                blocks = diffusive_limit.blocks_of(one.sum(axis=0, keepdims=True), replica)
                factor = blocks.system.onsager_factor(1.0) * 6 * process.total
                view = diffusive_view(blocks, 1)
                kept[f"{name}/{frames}/ours"][replica] = diffusive_limit.from_all_lags(
                    view, "diffusive_onsager", factor
                )
                kept[f"{name}/{frames}/slope"][replica] = diffusive_limit.at_one_horizon(
                    blocks, factor
                )
            kept[f"{name}/{frames}/steps"] = np.stack([x.sum(axis=0) for x in steps])
            kept[f"{name}/{frames}/total"] = process.total
    np.savez_compressed(file, **kept)


def with_kinisi(path: np.ndarray, first: int) -> tuple[float, float, float]:
    """Coefficient and ends of its 68% interval, A^2 per frame, of one collective path."""
    import scipp as sc
    from kinisi.diffusion import Diffusion
    from kinisi.displacement import calculate_msd

    n = path.shape[1] - 1
    # the longest lag tells it the length of the path
    lags = np.unique(np.geomspace(first, n, 60).astype(int))
    parser = SimpleNamespace(
        dt=sc.array(dims=["time interval"], values=lags * 1.0, unit="ps"),
        dt_index=sc.array(dims=["time interval"], values=lags),
        displacements=sc.array(
            dims=["obs", "particle", "dimension"],
            values=(path[:, 1:] - path[:, :1]).T[:, None],
            unit="angstrom",
        ),
        dimensionality=sc.scalar(3),
    )
    fit = Diffusion(calculate_msd(parser, progress=False))
    fit.bayesian_regression(
        sc.scalar(float(first), unit="ps"), progress=False, n_walkers=16, n_samples=400,
        n_burn=200, random_state=np.random.RandomState(0),
    )  # fmt: skip
    samples = fit.gradient.values / 6
    return (float(samples.mean()), *np.quantile(samples, [0.16, 0.84]))


def with_stacie(path: np.ndarray, _: int) -> tuple[float, float, float]:
    """Coefficient, A^2 per frame, less and plus its standard error."""
    from stacie import compute_spectrum, estimate_acint
    from stacie.model import PadeModel

    spectrum = compute_spectrum(np.diff(path, axis=1), timestep=1.0, include_zero_freq=False)
    found = estimate_acint(spectrum, PadeModel([0, 2], [2]))
    return found.acint, found.acint - found.acint_std, found.acint + found.acint_std


OTHERS: dict[str, Callable[[np.ndarray, int], tuple[float, float, float]]] = {
    "kinisi": with_kinisi,
    "STACIE": with_stacie,
}


def theirs(file: Path) -> None:
    """Print the values of all packages, and their errors where the answer is known."""
    with np.load(file) as found:
        kept = dict(found)
    print("| shipped trajectory | ours | kinisi | STACIE |\n|---|---|---|---|")
    for name in sorted({key.split("/")[0] for key in kept if key.endswith("/path")}):
        rows = [kept[f"{name}/ours"]]
        for other in OTHERS.values():
            values = other(kept[f"{name}/path"], int(kept[f"{name}/lag"]))
            rows.append(np.array(values) * kept[f"{name}/unit"])
        print(f"| {name} | {' | '.join('{:.3g} ({:.3g}-{:.3g})'.format(*x) for x in rows)} |")
    columns = ("ours", "slope", *OTHERS)
    print("\nError and, in brackets, half width and coverage of the intervals:\n")
    print(f"| process | frames | {' | '.join(columns)} |\n|---|---|{'---|' * len(columns)}")
    for name, first in PROCESSES.items():
        for frames in LENGTHS:
            at = f"{name}/{frames}"
            steps, total = kept[f"{at}/steps"], float(kept[f"{at}/total"])
            cells = []
            for column in columns:
                if column in OTHERS:
                    values = np.full((len(steps), 3), np.nan)
                    for k, one in enumerate(steps):
                        path = np.pad(np.cumsum(one, axis=1), ((0, 0), (1, 0)))
                        try:
                            values[k] = np.array(OTHERS[column](path, first)) / total
                        except ValueError:  # no fit
                            continue
                    kept[f"{at}/{column}"] = values
                value, low, high = kept[f"{at}/{column}"].T
                known = np.isfinite(value)
                error = np.sqrt(np.mean((value[known] - 1) ** 2))
                inside = np.mean((low[known] <= 1) & (high[known] >= 1))
                half = np.nanmedian(high[known] - low[known]) / 2
                missing = f"; {np.sum(~known)} without" if not known.all() else ""
                cells.append(f"{error:.3f} ({half:.3f}, {inside:.2f}{missing})")
            print(f"| {name} | {frames} | {' | '.join(cells)} |", flush=True)
    np.savez_compressed(file.with_suffix(".all.npz"), **kept)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("step", choices=["ours", "theirs"])
    parser.add_argument("file", type=Path, help="what `ours` writes and `theirs` reads")
    parser.add_argument("trajectories", type=int, nargs="?", default=40, help="of each process")
    arguments = parser.parse_args()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if arguments.step == "ours":
            ours(arguments.file, arguments.trajectories)
        else:
            try:
                theirs(arguments.file)
            except ImportError as error:
                sys.exit(f"skipped: {error}; run it where `pip install kinisi stacie` succeeded")


if __name__ == "__main__":
    main()
