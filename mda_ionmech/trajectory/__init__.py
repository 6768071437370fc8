"""Frames to continuous paths: unwrapping, frames of reference, even time steps."""

from .ase_reader import from_ase
from .frames_of_reference import FRAMES
from .paths import Paths
from .timing import FrameTimes, frame_times

__all__ = ["FRAMES", "FrameTimes", "Paths", "frame_times", "from_ase"]
