"""Estimators of a transport coefficient in the diffusive limit, on processes with known answers.

``python -m benchmarks.diffusive_limit [replicas]`` prints, for each process and length of the
trajectory, bias, standard deviation, root mean square error and coverage of nominal 68% intervals
of the estimators, and of the part of an event. With ``--blocks`` it prints the coverage of the
diffusive view by the number of blocks behind the interval.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.signal import lfilter

from mda_ionmech import onsager
from mda_ionmech.events.nulls.exclusion_gas import SiteGraph, simulate_blocks
from mda_ionmech.onsager.block_sums import Blocks, PathEntry
from mda_ionmech.onsager.coefficients import System
from mda_ionmech.onsager.lag_sums import lag_grids, lag_sums
from mda_ionmech.results.diffusive_view import DiffusiveView, diffusive_view
from mda_ionmech.results.recommend import steady_horizon

SEED = 16
LENGTHS = (300, 1000, 3000)
N = 40  # carriers


@dataclass(frozen=True)
class Process:
    """Steps of two labels, the coefficient of their sum and the part of the first.

    Attributes
    ----------
    name : str
    steps : callable
        From a generator and a number of frames to steps of shape (2, 3, frames - 1).
    total, first : float
        Coefficients K, A^2 per frame, to which results are relative; the first label's part.
    answer : float
        Expected result, relative to `total`; of the first label where it is 0.
    """

    name: str
    steps: Callable[[np.random.Generator, int], np.ndarray]
    total: float
    first: float
    answer: float = 1.0


def _walk(rng: np.random.Generator, n: int, diffusion: float) -> np.ndarray:
    return rng.normal(scale=np.sqrt(2 * diffusion), size=(3, n))


def _cage(rng: np.random.Generator, frames: int, variance: float, memory: float) -> np.ndarray:
    """Steps of a coordinate in a harmonic cage."""
    keep = np.exp(-1 / memory)
    noise = rng.normal(scale=np.sqrt(variance * (1 - keep**2)), size=(3, frames))
    noise[:, 0] = rng.normal(scale=np.sqrt(variance), size=3)
    return np.diff(lfilter([1.0], [1.0, -keep], noise, axis=1), axis=1)


def _vehicle_and_jumps(rng: np.random.Generator, frames: int) -> np.ndarray:
    # N carriers, jumps of 2 A at 0.05 per frame
    number = rng.poisson(N * 0.05, size=frames - 1)
    direction = rng.normal(size=(number.sum(), 3))
    direction *= 2.0 / np.linalg.norm(direction, axis=1)[:, None]
    jumps = np.zeros((frames - 1, 3))
    np.add.at(jumps, np.repeat(np.arange(frames - 1), number), direction)
    return np.stack([_walk(rng, frames - 1, N * 0.01), jumps.T])


def _in_cages(variance: float, memory: float) -> Callable[[np.random.Generator, int], np.ndarray]:
    def steps(rng: np.random.Generator, frames: int) -> np.ndarray:
        return np.stack([_walk(rng, frames - 1, 1.0), _cage(rng, frames, variance, memory)])

    return steps


def _back_hops(rng: np.random.Generator, frames: int) -> np.ndarray:
    """Hops of 1 A along each axis; each reverses the one before with probability 0.7."""
    hopped = rng.random((frames - 1, N * 3)) < 0.3
    back = rng.random((frames - 1, N * 3)) < 0.7
    direction = np.cumprod(np.where(hopped & back, -1.0, 1.0), axis=0)
    direction *= rng.choice([-1.0, 1.0], size=N * 3)
    moved = np.where(hopped, direction, 0.0).reshape(frames - 1, 3, N)
    reverse = back.reshape(frames - 1, 3, N)
    parts = [np.where(reverse, 0.0, moved).sum(-1), np.where(reverse, moved, 0.0).sum(-1)]
    return np.stack([one.T for one in parts])


def _alternating(rng: np.random.Generator, frames: int) -> np.ndarray:
    """Chain of fast (0.4, 1 A) and slow (0.02, 2 A) bonds along each axis: labels by bond."""
    right = rng.random(N * 3) < 0.5  # whether the fast bond lies to the right
    fast, slow = np.zeros((2, frames - 1, N * 3))
    for t in range(frames - 1):
        draw = rng.random(N * 3)
        a, b = draw < 0.4, (draw >= 0.4) & (draw < 0.42)
        fast[t] = np.where(a, np.where(right, 1.0, -1.0), 0.0)
        slow[t] = np.where(b, np.where(right, -2.0, 2.0), 0.0)
        right ^= a | b
    return np.stack([x.reshape(frames - 1, 3, N).sum(-1).T for x in (fast, slow)])


def _noisy(rng: np.random.Generator, frames: int) -> np.ndarray:
    noise = np.diff(3 * np.sqrt(2) * rng.normal(size=(3, frames)), axis=1)
    return np.stack([_walk(rng, frames - 1, 1.0), noise])


def _many_cages(rng: np.random.Generator, frames: int) -> np.ndarray:
    """A walk in cages of 1, 2, 4, 8 and 16 frames, with variances as in a Rouse chain."""
    cages = sum(_cage(rng, frames, 0.4 * np.sqrt(t), t) for t in (1, 2, 4, 8, 16))
    return np.stack([_walk(rng, frames - 1, 1.0), cages])


def _two_walks(rng: np.random.Generator, frames: int) -> np.ndarray:
    return np.stack([_walk(rng, frames - 1, 0.3), _walk(rng, frames - 1, 0.7)])


def _rare_hops(rng: np.random.Generator, frames: int) -> np.ndarray:
    """Hops of 2 A in every tenth frame, a third with the first label: far from Gaussian."""
    hops = rng.normal(size=(3, frames - 1))
    hops *= np.where(rng.random(frames - 1) < 0.1, 2.0, 0.0) / np.linalg.norm(hops, axis=0)
    first = rng.random(frames - 1) < 1 / 3
    return np.stack([np.where(first, hops, 0.0), np.where(first, 0.0, hops)])


def _caged(rng: np.random.Generator, frames: int) -> np.ndarray:
    cage = _cage(rng, frames, 6.0, 2.0)
    return np.stack([cage, np.zeros_like(cage)])


@functools.cache
def _cubic(length: int) -> SiteGraph:
    """Sites of a cubic lattice, and edges to nearest neighbours with a rate of 0.02."""
    sites = np.indices((length,) * 3).reshape(3, -1).T
    ends = (sites[:, None] + np.array(_AXES)) % length
    number = (ends @ [length**2, length, 1]).ravel()
    start = np.repeat(np.arange(len(sites)), 6)
    return SiteGraph(len(sites), start, number, np.zeros(len(start), int), np.array([0.02]))


def _lattice_gas(rng: np.random.Generator, frames: int) -> np.ndarray:
    """Hops of 2 A of an exclusion gas on 216 sites: labels by carriers, the first third."""
    graph = _cubic(6)
    held = rng.permutation(graph.n_sites)[:_GAS]
    sites = np.concatenate(
        list(simulate_blocks(graph, held, n_frames=frames, spacing=1.0, rng=rng, skip=200)), axis=1
    )
    place = np.stack(np.unravel_index(sites, (6, 6, 6)))
    step = (np.diff(place, axis=2) + 2) % 6 - 2  # two hops in a frame at most but for one in 1e3
    return 2.0 * np.stack([step[:, : _GAS // 3].sum(axis=1), step[:, _GAS // 3 :].sum(axis=1)])


#: Carriers of the lattice gas.
_GAS = 90
_AXES = ((1, 0, 0), (-1, 0, 0), (0, 1, 0), (0, -1, 0), (0, 0, 1), (0, 0, -1))
_GAS_TOTAL = _GAS * 6 * 0.02 * 4 * (1 - (_GAS - 1) / 215) / 6
_CHAIN = N * 9 / (2 * (1 / 0.4 + 1 / 0.02))
PROCESSES = (
    Process("Brownian, two modes", _two_walks, 1.0, 0.3),
    Process("Brownian, localisation noise", _noisy, 1.0, 1.0),
    Process("vehicle and jumps (case 5)", _vehicle_and_jumps, N * (0.01 + 0.2 / 6), N * 0.01),
    Process("caged (case 9), memory 2", _in_cages(6.0, 2.0), 1.0, 1.0),
    Process("caged (case 9), memory 10", _in_cages(6.0, 10.0), 1.0, 1.0),
    Process("many cages, memories 1 to 16", _many_cages, 1.0, 1.0),
    Process("back hops (case 10), p = 0.7", _back_hops, N * 0.15 * 3 / 7, N * 0.15 * 3 / 7),
    Process("unequal barriers (case 11)", _alternating, _CHAIN, _CHAIN / 3),
    Process("lattice gas (case 12)", _lattice_gas, _GAS_TOTAL, _GAS_TOTAL / 3),
    Process("rare hops", _rare_hops, 0.1 * 4 / 6, 0.1 * 4 / 18),
    # relative to the slope of the first frame
    Process("caged (case 8), memory 2", _caged, 6.0 * (1 - np.exp(-1 / 2)), 0.0, answer=0.0),
)


def system(n_rows: int, n_dimensions: int = 3) -> System:
    """One neutral species with so many labels."""
    none = np.empty(0, dtype=int)
    return System(
        charge=np.ones(1), n_carriers=np.array([N]), row_species=np.zeros(n_rows, dtype=int),
        row_label=np.arange(n_rows), n_events=n_rows, transition_species=none,
        transition_start=none, transition_end=none, n_macrostates=0,
        joint_species=np.zeros(1, dtype=bool), ruled_species=np.ones(1, dtype=bool),
        temperature=300.0, volume=1e4, n_dimensions=n_dimensions,
    )  # fmt: skip


def blocks_of(steps: np.ndarray, seed: int = 0) -> Blocks:
    """The sums of labelled steps at a resolution of one frame.

    Parameters
    ----------
    steps : numpy.ndarray
        Shape (labels, 3, frames - 1), A.
    seed : int
    """
    path = onsager.event_paths(steps, 1)
    collective = path.sum(axis=0)[None]
    n_frames = path.shape[-1]
    lags = lag_grids([1], n_frames)
    horizons = [2**k for k in range(20) if 2**k <= n_frames // 10]
    paths = []
    for horizon in horizons:
        plan = onsager.plan_blocks(n_frames - horizon, horizon + 1)
        sums = onsager.path_sums(path, collective, 1, horizon, plan.sub_block)
        means = np.einsum("bss->bs", sums.total) / sums.origins[:, None]
        paths.append(PathEntry(1, horizon, sums, onsager.lengthen_blocks(plan, means)))
    return Blocks(
        system=system(len(steps)), path_rows=(np.zeros(len(steps), int), np.arange(len(steps))),
        names=("ion",), events=tuple(f"label {k}" for k in range(len(steps))), kinds=(), dt=1.0,
        seed=seed, level=0.68, resolutions=(1,), horizons=tuple(horizons), windows=(),
        paths=tuple(paths), lags=tuple(lag_sums(path, collective, 1, one) for one in lags.values()),
    )  # fmt: skip


def spectral(steps: np.ndarray) -> tuple[float, float]:
    """Spectrum of the current at zero frequency: mean of as many low frequencies as agree."""
    current = steps.sum(axis=0)
    n = current.shape[1]
    power = (np.abs(np.fft.rfft(current, axis=1)) ** 2).sum(axis=0)[1 : n // 2] / n
    numbers = [m for m in (2 ** (np.arange(4, 40) / 2)).astype(int) if m <= len(power)]
    means = np.array([power[:m].mean() for m in numbers])
    for k in range(len(numbers) - 1, -1, -1):
        m = np.array(numbers[:k])
        error = means[:k] * np.sqrt((1 / m - 1 / numbers[k]) / 3)
        if np.all(np.abs(means[:k] - means[k]) <= 2 * error):
            break
    return means[k] / 6, means[k] / 6 / np.sqrt(3 * numbers[k])


def shrunk(blocks: Blocks, view: DiffusiveView) -> float:
    """Weights from the covariance of blocks, shrunk to its diagonal, where lines agree."""
    assert view.choice is not None
    sums = blocks.lags[0]
    first = view.choice.diffusive_from
    used = [k for k, t in enumerate(sums.lags) if t >= first]
    lags = np.array(sums.lags)[used]
    n = max(len(sums.origins) // 20, 1)
    edges = np.arange(0, len(sums.origins) - n + 1, n)
    with np.errstate(invalid="ignore", divide="ignore"):
        means = np.add.reduceat(sums.total[:, used, 0, 0], edges) / np.add.reduceat(
            sums.origins[:, used], edges
        )
    means = means[np.isfinite(means).all(axis=1)]
    spread = means - means.mean(axis=0)
    found = spread.T @ spread / len(spread)
    # Schaefer and Strimmer, Stat. Appl. Genet. Mol. Biol. 4, 32 (2005)
    scaled = spread / np.sqrt(np.diag(found))
    products = np.einsum("bi,bj->bij", scaled, scaled)
    off = ~np.eye(len(lags), dtype=bool)
    noise = products.var(axis=0)[off].sum() / len(spread)
    part = np.clip(noise / (products.mean(axis=0)[off] ** 2).sum(), 0.0, 1.0)
    matrix = np.where(off, 1 - part, 1.0) * found
    line = np.stack([lags, np.ones(len(lags))], axis=1).astype(float)
    weighted = np.linalg.solve(matrix, line)
    whole = sums.total[:, used, 0, 0].sum(axis=0) / sums.origins[:, used].sum(axis=0)
    return float(np.linalg.solve(line.T @ weighted, weighted.T @ whole)[0]) / 6


def from_all_lags(view: DiffusiveView, key: str, scale: float) -> tuple[float, float, float]:
    """Value and ends of the first element of a variable of the diffusive view, over the scale."""
    value, low, high = (
        float(np.asarray(x).ravel()[0]) / scale for x in (view.values[key], *view.spans[key])
    )
    return value, low, high


def at_one_horizon(blocks: Blocks, scale: float) -> tuple[float, float, float]:
    """Value and ends of the slope at the shortest horizon that agrees with longer ones."""
    _, (value, low, high), _ = steady_horizon(blocks, 0, 1)
    return value / scale, low / scale, high / scale


ESTIMATORS = (
    "all lags",
    "all lags, no memory left open",
    "part of the first label",
    "slope at one horizon",
    "spectrum",
    "covariance of blocks",
)


def estimates(
    process: Process, frames: int, replicas: int, wanted: Sequence[str] = ESTIMATORS
) -> dict[str, np.ndarray]:
    """Value, low and high end of each estimator, relative to the answer; shape (replicas, 3)."""
    rng = np.random.default_rng([SEED, frames, *process.name.encode()])
    out: dict[str, list[tuple[float, float, float]]] = {}
    for replica in range(replicas):
        steps = process.steps(rng, frames)
        blocks = blocks_of(steps, replica)
        factor = blocks.system.onsager_factor(1.0) * 6 * process.total
        view = diffusive_view(blocks, 1)
        for name, key, scale in (
            ("all lags", "diffusive_onsager", factor),
            ("part of the first label", "diffusive_event_onsager", factor),
        ):
            out.setdefault(name, []).append(from_all_lags(view, key, scale))
        if "all lags, no memory left open" in wanted:
            closed = view.choice is not None and not view.choice.open_memory
            sure = out["all lags"][-1] if closed else (np.nan,) * 3
            out.setdefault("all lags, no memory left open", []).append(sure)
        if "slope at one horizon" in wanted:
            out.setdefault("slope at one horizon", []).append(at_one_horizon(blocks, factor))
        if "spectrum" in wanted:
            value, error = (one / process.total for one in spectral(steps))
            out.setdefault("spectrum", []).append((value, value - error, value + error))
        if "covariance of blocks" in wanted:
            value = shrunk(blocks, view) / process.total
            out.setdefault("covariance of blocks", []).append((value, np.nan, np.nan))
    return {name: np.array(rows) for name, rows in out.items()}


def table(replicas: int) -> Iterator[str]:
    """Rows of the table, as Markdown."""
    yield "| process | frames | estimator | bias | spread | error | coverage |"
    yield "|---|---|---|---|---|---|---|"
    for process in PROCESSES:
        for frames in LENGTHS:
            for name, rows in estimates(process, frames, replicas).items():
                part = name.startswith("part")
                answer = process.first / process.total if part else process.answer
                value, low, high = rows[np.isfinite(rows[:, 0])].T
                if not len(value):
                    yield f"| {process.name} | {frames} | {name} | | | | (none has one) |"
                    continue
                bias, spread = value.mean() - answer, value.std()
                known = np.isfinite(low)
                inside = np.mean((low <= answer) & (answer <= high)) if known.any() else np.nan
                missing = len(rows) - len(value)
                yield (
                    f"| {process.name} | {frames} | {name} | {bias:+.3f} | {spread:.3f} | "
                    f"{np.hypot(bias, spread):.3f} | "
                    f"{'' if np.isnan(inside) else f'{inside:.2f}'}"
                    f"{f' ({missing} without)' if missing else ''} |"
                )


def by_blocks(replicas: int) -> Iterator[str]:
    """Coverage of the diffusive view by the number of blocks, as Markdown.

    Of all processes and lengths but the one whose memory no test can tell (memory 10 in 300), and
    the one with a coefficient of zero.
    """
    found: dict[str, list[bool]] = {"3 to 5": [], "6 to 9": [], "10 to 50": []}
    for process in PROCESSES:
        for frames in LENGTHS:
            if process.answer == 0 or (process.name.endswith("memory 10") and frames == LENGTHS[0]):
                continue
            rng = np.random.default_rng([SEED, frames, *process.name.encode()])
            for replica in range(replicas):
                blocks = blocks_of(process.steps(rng, frames), replica)
                view = diffusive_view(blocks, 1)
                scale = blocks.system.onsager_factor(1.0) * 6 * process.total
                _, low, high = from_all_lags(view, "diffusive_onsager", scale)
                n = view.n_blocks
                name = "3 to 5" if n <= 5 else "6 to 9" if n < 10 else "10 to 50"
                found[name].append(low <= 1 <= high)
    yield "| blocks | trajectories | coverage |"
    yield "|---|---|---|"
    for name, inside in found.items():
        yield f"| {name} | {len(inside)} | {np.mean(inside):.3f} |"


if __name__ == "__main__":
    given = [one for one in sys.argv[1:] if one != "--blocks"]
    rows = by_blocks if "--blocks" in sys.argv else table
    for row in rows(int(given[0]) if given else 200):
        print(row, flush=True)
