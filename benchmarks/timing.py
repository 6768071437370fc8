"""CPU time, the least of several turns; things that are compared take turns."""

from __future__ import annotations

import resource
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np


def least(actions: Mapping[str, Callable[[], object]], repeat: int) -> dict[str, float]:
    """Least CPU seconds of each action; all take turns, so that a busy machine hurts all alike."""
    best = dict.fromkeys(actions, float("inf"))
    for _ in range(repeat):
        for name, action in actions.items():
            begin = time.process_time()
            action()
            best[name] = min(best[name], time.process_time() - begin)
    return best


def peak_megabytes() -> float:
    """Largest resident size of this process so far."""
    status = Path("/proc/self/status")
    if status.is_file():  # that of getrusage counts the parent too
        (line,) = [x for x in status.read_text().splitlines() if x.startswith("VmHWM")]
        return int(line.split()[1]) * 1024 / 1e6
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000


def exponent(sizes: list[float], seconds: list[float]) -> float:
    """Slope of log time against log size."""
    return float(np.polyfit(np.log(sizes), np.log(seconds), 1)[0])
