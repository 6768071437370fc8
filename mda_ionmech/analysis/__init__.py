"""The analysis: frames in, labelled paths and results out."""

from .decomposition import OnsagerDecomposition

__all__ = ["OnsagerDecomposition"]
