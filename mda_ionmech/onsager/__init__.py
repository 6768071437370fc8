"""How much charge each event carried: sums over windows and paths, coefficients, intervals."""

from .coefficients import evaluate, residual
from .paths import PathSums, evaluate_paths, event_paths, path_residual, path_sums
from .uncertainty import (
    BlockPlan,
    interval,
    lengthen_blocks,
    optimal_block_length,
    plan_blocks,
    resampling_weights,
)
from .windows import LabelRuns, WindowSums, label_runs, window_pass, window_sums

__all__ = [
    "BlockPlan",
    "LabelRuns",
    "PathSums",
    "WindowSums",
    "evaluate",
    "evaluate_paths",
    "event_paths",
    "interval",
    "label_runs",
    "lengthen_blocks",
    "optimal_block_length",
    "path_residual",
    "path_sums",
    "plan_blocks",
    "resampling_weights",
    "residual",
    "window_pass",
    "window_sums",
]
