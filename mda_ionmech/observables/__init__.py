"""Quantities beyond the decomposition that follow from labelled paths."""

from .rate_control import (
    HopChannels,
    HopGraph,
    HopRecord,
    RateControl,
    hop_graph,
    markov_diffusion,
    rate_control,
)

__all__ = [
    "HopChannels",
    "HopGraph",
    "HopRecord",
    "RateControl",
    "hop_graph",
    "markov_diffusion",
    "rate_control",
]
