"""Results of a run: the labelled tree, its file, tables, pooling and fits over temperature."""

from .arrhenius_fits import ArrheniusFit, Budget, VTFFit, budget, fit_arrhenius, fit_vtf

__all__ = ["ArrheniusFit", "Budget", "VTFFit", "budget", "fit_arrhenius", "fit_vtf"]
