"""Onsager coefficients by event: sums over windows and paths, coefficients, and intervals."""

from ..lib.run_length import LabelRuns, label_runs
from .block_bootstrap import (
    BlockPlan,
    interval,
    lengthen_blocks,
    optimal_block_length,
    plan_blocks,
    resampling_weights,
)
from .coefficients import evaluate, residual
from .path_sums import PathSums, evaluate_paths, event_paths, mean_squares, path_residual, path_sums
from .window_kernels import collective_path
from .window_sums import WindowSums, window_pass, window_sums

__all__ = [
    "BlockPlan",
    "LabelRuns",
    "PathSums",
    "WindowSums",
    "collective_path",
    "evaluate",
    "evaluate_paths",
    "event_paths",
    "interval",
    "label_runs",
    "lengthen_blocks",
    "mean_squares",
    "optimal_block_length",
    "path_residual",
    "path_sums",
    "plan_blocks",
    "resampling_weights",
    "residual",
    "window_pass",
    "window_sums",
]
