"""How often any test can tell a memory from a walk: the likelihood ratio with all else known.

``python -m benchmarks.memory_power [replicas]`` prints, for the caged process with a memory of 10
frames and for walks of the same coefficient at short times, the fraction of trajectories in which
the memory is recognised, where a fraction of the walks is mistaken for it. By the lemma of Neyman
and Pearson no test does better; here shape and relative size of the spectrum are told.
"""

from __future__ import annotations

import sys

import numpy as np

from .diffusive_limit import LENGTHS, PROCESSES

#: Fractions of walks that are mistaken for a memory.
MISTAKEN = (0.02, 0.05, 0.1)
_MEMORY, _VARIANCE = 10.0, 6.0


def ratio(steps: np.ndarray) -> float:
    """Log of the likelihood of the spectrum with the memory over that without, scales fitted.

    Parameters
    ----------
    steps : numpy.ndarray
        Shape (3, frames - 1).
    """
    n = steps.shape[1]
    power = (np.abs(np.fft.rfft(steps, axis=1)) ** 2).sum(axis=0)[1 : (n + 1) // 2] / n
    angle = 2 * np.pi * np.arange(1, (n + 1) // 2) / n
    keep = np.exp(-1 / _MEMORY)
    cage = (2 - 2 * np.cos(angle)) / (1 - 2 * keep * np.cos(angle) + keep**2)
    shape = 2 + _VARIANCE * (1 - keep**2) * cage
    known = np.log((power / shape).mean()) + np.log(shape).mean()
    return float(3 * len(power) * (np.log(power.mean()) - known))


def main() -> None:
    replicas = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    walk, cage = (next(p for p in PROCESSES if p.name == name) for name in (
        "Brownian, two modes", "caged (case 9), memory 10"))  # fmt: skip
    print("| frames | " + " | ".join(f"{100 * m:g}% mistaken" for m in MISTAKEN) + " |")
    print("|---|" + "---|" * len(MISTAKEN))
    for frames in LENGTHS:
        rng = np.random.default_rng([7, frames])
        without, with_memory = (
            [ratio(process.steps(rng, frames).sum(axis=0)) for _ in range(replicas)]
            for process in (walk, cage)
        )
        found = [np.mean(with_memory > np.quantile(without, 1 - m)) for m in MISTAKEN]
        print(f"| {frames} | " + " | ".join(f"{x:.2f}" for x in found) + " |", flush=True)


if __name__ == "__main__":
    main()
