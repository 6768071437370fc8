"""How much charge each event carried: sums over windows, coefficients, intervals."""

from .arrhenius import (
    ArrheniusFit,
    Budget,
    VTFFit,
    budget,
    fit_arrhenius,
    fit_vtf,
)
from .coefficients import evaluate, residual
from .uncertainty import BlockPlan, interval, plan_blocks, resampling_weights
from .windows import LabelRuns, WindowSums, label_runs, window_sums

__all__ = [
    "ArrheniusFit",
    "BlockPlan",
    "Budget",
    "LabelRuns",
    "VTFFit",
    "WindowSums",
    "budget",
    "evaluate",
    "fit_arrhenius",
    "fit_vtf",
    "interval",
    "label_runs",
    "plan_blocks",
    "resampling_weights",
    "residual",
    "window_sums",
]
