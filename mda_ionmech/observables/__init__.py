"""Observables beside the decomposition: rates, residence times, fluctuations, rate control."""

from .composition_fluctuations import CompositionFluctuations, composition_fluctuations
from .hop_graph import HopChannels, HopGraph, HopRecord, hop_graph, markov_diffusion
from .rate_control import RateControl, rate_control

__all__ = [
    "CompositionFluctuations",
    "HopChannels",
    "HopGraph",
    "HopRecord",
    "RateControl",
    "composition_fluctuations",
    "hop_graph",
    "markov_diffusion",
    "rate_control",
]
