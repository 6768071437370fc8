"""The analysis: reads frames, labels carriers, and computes the decomposition of transport."""

from .decomposition import OnsagerDecomposition

__all__ = ["OnsagerDecomposition"]
