"""From frames to continuous paths: times, unwrapping, masses and frames of reference."""

from .ase_reader import from_ase
from .frame_times import FrameTimes, frame_times
from .frames_of_reference import FRAMES
from .paths import Paths

__all__ = ["FRAMES", "FrameTimes", "Paths", "frame_times", "from_ase"]
