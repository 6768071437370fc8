"""Windows, resolutions and horizons in whole frames."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ..lib.errors import InputError
from ..lib.whole_frames import whole_frames
from .choices import Choices
from .plausibility import short_length


@dataclass(frozen=True)
class Lengths:
    """Lengths of a run in frames, each shape (lengths,).

    Attributes
    ----------
    windows, resolutions, horizons : numpy.ndarray
    """

    windows: np.ndarray
    resolutions: np.ndarray
    horizons: np.ndarray


def whole_lengths(
    choices: Choices, n_frames: int, spacing: float, note: Callable[..., None]
) -> Lengths:
    """The requested lengths, rounded to whole frames.

    Parameters
    ----------
    choices : Choices
    n_frames : int
        Number of analysed frames.
    spacing : float
        Spacing of the frames, ps.
    note : callable
        Takes warnings, as `FrameSource.note`.

    Raises
    ------
    InputError
        For lengths beyond the trajectory, and where no horizon is a multiple of a resolution.
    """

    def rounded(argument: str) -> np.ndarray:
        return _rounded(argument, getattr(choices, argument), n_frames, spacing, note)

    windows = rounded("windows")
    none = np.empty(0, dtype=np.int64)
    if not choices.has_paths:
        return Lengths(windows, none, none)
    found = Lengths(windows, rounded("resolutions"), rounded("horizons"))
    if np.any(found.horizons[:, None] % found.resolutions[None] == 0):
        return found
    raise InputError(
        f"no horizon of {found.horizons * spacing} ps is a whole multiple of a resolution of "
        f"{found.resolutions * spacing} ps; give horizons that are, or 'log' for both"
    )


def _rounded(
    argument: str,
    lengths: str | Sequence[float],
    n_frames: int,
    spacing: float,
    note: Callable[..., None],
) -> np.ndarray:
    if isinstance(lengths, str):
        longest = max(n_frames // 10, 1)
        return 2 ** np.arange(int(np.log2(longest)) + 1)
    span = (n_frames - 1) * spacing
    chosen = []
    for length in lengths:
        n = max(whole_frames(length, spacing, n_frames), 1)
        if n > n_frames - 1:
            raise InputError(
                f"{argument} holds {length:g} ps, longer than the {span:g} ps analysed; give "
                f"{argument} of at most a tenth of that, {span / 10:g} ps, for an interval"
            )
        absurd = short_length(argument, length, spacing)
        if absurd:
            note(absurd, loud=True)
        elif abs(n * spacing - length) > 1e-3 * length:
            note(
                f"{argument[:-1]} of {length:g} ps rounded to {n * spacing:g} ps, {n} frames "
                f"of {spacing:g} ps"
            )
        chosen.append(n)
    return np.unique(np.array(chosen, dtype=np.int64))
