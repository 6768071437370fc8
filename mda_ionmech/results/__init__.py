"""The labelled tree of results, its file, and what is computed from it alone."""

from .arrhenius_fits import ArrheniusFit, Budget, VTFFit, budget, fit_arrhenius, fit_vtf

__all__ = ["ArrheniusFit", "Budget", "VTFFit", "budget", "fit_arrhenius", "fit_vtf"]
