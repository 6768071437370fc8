"""How much charge each event carried: sums over windows and paths, coefficients, intervals."""

from ..runs import LabelRuns, label_runs
from .arrhenius import (
    ArrheniusFit,
    Budget,
    VTFFit,
    budget,
    fit_arrhenius,
    fit_vtf,
)
from .coefficients import evaluate, residual
from .paths import PathSums, evaluate_paths, event_paths, mean_squares, path_residual, path_sums
from .rate_control import (
    HopChannels,
    HopGraph,
    HopRecord,
    RateControl,
    hop_graph,
    markov_diffusion,
    rate_control,
)
from .uncertainty import (
    BlockPlan,
    interval,
    lengthen_blocks,
    optimal_block_length,
    plan_blocks,
    resampling_weights,
)
from .windows import WindowSums, collective_path, window_pass, window_sums

__all__ = [
    "ArrheniusFit",
    "BlockPlan",
    "Budget",
    "HopChannels",
    "HopGraph",
    "HopRecord",
    "LabelRuns",
    "PathSums",
    "RateControl",
    "VTFFit",
    "WindowSums",
    "budget",
    "collective_path",
    "evaluate",
    "evaluate_paths",
    "event_paths",
    "fit_arrhenius",
    "fit_vtf",
    "hop_graph",
    "interval",
    "label_runs",
    "lengthen_blocks",
    "markov_diffusion",
    "mean_squares",
    "optimal_block_length",
    "path_residual",
    "path_sums",
    "plan_blocks",
    "rate_control",
    "resampling_weights",
    "residual",
    "window_pass",
    "window_sums",
]
