"""Transport observables of labelled paths: rates, residence times, exponents, rate control."""

from .hop_graph import HopChannels, HopGraph, HopRecord, hop_graph, markov_diffusion
from .rate_control import RateControl, rate_control

__all__ = [
    "HopChannels",
    "HopGraph",
    "HopRecord",
    "RateControl",
    "hop_graph",
    "markov_diffusion",
    "rate_control",
]
