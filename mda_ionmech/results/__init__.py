"""Results of a run: the labelled tree, its file, tables, pooling and fits over temperature."""

from .arrhenius_budget import Budget, budget
from .arrhenius_fits import ArrheniusFit, fit_arrhenius
from .arrhenius_laws import LawComparison, compare_laws
from .arrhenius_segments import SegmentsFit, fit_segments
from .arrhenius_vtf import VTFFit, fit_vtf
from .infinite_cell import infinite_cell

__all__ = [
    "ArrheniusFit",
    "Budget",
    "LawComparison",
    "SegmentsFit",
    "VTFFit",
    "budget",
    "compare_laws",
    "fit_arrhenius",
    "fit_segments",
    "fit_vtf",
    "infinite_cell",
]
