"""What one sees in OVITO of what mda_ionmech found; needs numpy alone until OVITO is used.

A states file (``*.states.npz``, written by ``OnsagerDecomposition.save_states``) holds the event
and macrostate of every carrier in every analysed frame, with their colours.
"""

from .states import StatesFile, read_states

__all__ = ["StatesFile", "read_states"]
