"""Figures of the width that the column of a journal has."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from ..lib.checks import number, shown
from ..lib.errors import InputError

#: Widths of one and of two columns, mm: the least that publishers of chemistry and physics ask for.
COLUMNS_MM = {1: 84.0, 2: 174.0}
#: Size of the text, points; publishers ask for 5 to 8.
TEXT = 7.0
#: Below this width (inches) legends stand below the axes, and lines are broken.
NARROW = 4.5
#: Least height of an axes with its labels, inches.
LEAST_HEIGHT = 2.3
_MM = 1 / 25.4

_width: ContextVar[float | None] = ContextVar("width of figures, inches", default=None)


@contextmanager
def journal(columns: int = 1, *, width: float | None = None) -> Iterator[None]:
    """Draw figures for a journal: within ``with``, new ones have this width and small text.

    Legends stand below the axes of a figure of one column, and the text of all is 7 points.

    Parameters
    ----------
    columns : {1, 2}
        84 or 174 mm, which fit the columns of most journals.
    width : float, optional
        mm, for another width.

    Yields
    ------
    None

    Raises
    ------
    InputError
        For a number of columns but 1 and 2, or a width below 40 mm.

    Examples
    --------
    >>> from mda_ionmech import plotting
    >>> with plotting.journal(columns=1):
    ...     ax = plotting.contributions(results)  # doctest: +SKIP
    """
    import matplotlib as mpl

    is_known = isinstance(columns, int) and not isinstance(columns, bool)
    if not is_known or columns not in COLUMNS_MM:
        raise InputError(f"columns must be 1 or 2, got {shown(columns)}; or give width in mm")
    chosen = COLUMNS_MM[columns]
    if width is not None:
        chosen = number("width", width, "a width in mm, of 40 or more, e.g. 84", above=0)
        if chosen < 40:
            raise InputError(f"width must be 40 mm or more, got {chosen:g}; e.g. 84")
    settings: Any = {
        "font.size": TEXT, "axes.linewidth": 0.6, "lines.linewidth": 1.0, "lines.markersize": 3.0,
        "patch.linewidth": 0.6, "hatch.linewidth": 0.6, "savefig.dpi": 600,
        "xtick.major.width": 0.6, "ytick.major.width": 0.6, "xtick.minor.width": 0.4,
        "ytick.minor.width": 0.4, "xtick.major.size": 2.5, "ytick.major.size": 2.5,
        "xtick.minor.size": 1.5, "ytick.minor.size": 1.5, "legend.handlelength": 1.4,
    }  # fmt: skip
    token = _width.set(chosen * _MM)
    try:
        with mpl.rc_context(settings):
            yield
    finally:
        _width.reset(token)


def size_here(size: tuple[float, float]) -> tuple[float, float]:
    """Size of a new figure, inches: the usual one, or one of the width of the journal."""
    width = _width.get()
    if width is None:
        return size
    height = max(min(size[1] * width / size[0], size[1]), LEAST_HEIGHT)
    return width, height + (0.5 if width < NARROW else 0.0)


def is_narrow() -> bool:
    """Whether figures are drawn for one column."""
    width = _width.get()
    return width is not None and width < NARROW


def broken(line: str) -> list[str]:
    """A line of text in pieces that fit the width of the figure."""
    width = _width.get()
    if width is None:
        return [line]
    # letters of sans serif fonts are half as wide as high on average; labels take a third
    letters = int(0.68 * width * 72 / (0.5 * TEXT))
    return textwrap.wrap(line, letters, break_long_words=False) or [line]
