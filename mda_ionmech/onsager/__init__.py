"""How much charge each event carried: sums over windows, coefficients, intervals."""

from .coefficients import evaluate, residual
from .uncertainty import BlockPlan, interval, plan_blocks, resampling_weights
from .windows import LabelRuns, WindowSums, label_runs, window_sums

__all__ = [
    "BlockPlan",
    "LabelRuns",
    "WindowSums",
    "evaluate",
    "interval",
    "label_runs",
    "plan_blocks",
    "resampling_weights",
    "residual",
    "window_sums",
]
