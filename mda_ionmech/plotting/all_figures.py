"""All figures of a result, and writing them to files."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..lib.checks import listed, shown
from ..lib.errors import InputError
from ..lib.files import write_atomically
from ..lib.write_targets import file_target, shown_path
from ..results.coordination import has_coordination
from ..results.displacement_spectrum import species_with_displacements
from ..results.hop_channels import species_with_channels
from ..results.radial_distribution import species_with_distributions
from .contributions import contributions, effectiveness, event_matrix, onsager, shares
from .coordination import coordination
from .hop_channels import hop_channels
from .mechanism import (
    concertedness,
    has_linked_hops,
    macrostates_of,
    populations,
    timeline,
    transitions,
)
from .radial_distribution import radial_distribution
from .running import running
from .spectrum import displacement_spectrum
from .style import check_axes, check_results
from .views import view_curves, view_map

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ..results.results import Results


def figures(
    results: Results, window: float | None = None, *, species: str | None = None
) -> Mapping[str, Callable[[], Axes]]:
    """Every figure that this result has data for.

    Parameters
    ----------
    results : Results
    window : float, optional
        ps, for the figures of one window; default as in `Results.summary`.
    species : str, optional
        Default: the first species with an event rule.

    Returns
    -------
    mapping of str to callable
        By file name; a call draws the figure and returns its Axes.

    Raises
    ------
    InputError
        For a window or species that is not in the result.
    """
    check_results(results)
    results.at_window(window)
    name = results._species(species)
    own: dict[str, Any] = {"species": name}
    at = own | {"window": window}
    drawn: list[tuple[Callable[..., Axes], dict[str, Any]]] = [
        (contributions, own), (shares, own), (effectiveness, at), (event_matrix, at), (onsager, {}),
    ]  # fmt: skip
    if results.states is not None:
        drawn.append((timeline, own))
    if "path_slope" in results.decomposition and "blocks" in results.tree.children:
        drawn += [(view_curves, own), (view_map, own)]
    if results.has_diffusive_view:
        drawn.append((running, own))
    if has_linked_hops(results, name):
        drawn.append((concertedness, own))
    if name in species_with_channels(results):
        drawn.append((hop_channels, own))
    if has_coordination(results, name):
        drawn.append((coordination, own))
    if name in species_with_distributions(results):
        drawn.append((radial_distribution, own))
    with suppress(InputError):
        macrostates_of(results, name)
        drawn += [(populations, own), (transitions, at)]
    out: dict[str, Callable[[], Axes]] = {
        draw.__name__.replace("_", "-"): partial(draw, results, **given) for draw, given in drawn
    }
    if name in species_with_displacements(results):
        table = partial(results.displacement_spectrum, **at)
        out["displacement-spectrum"] = lambda: displacement_spectrum(table())
    return out


def save(ax: Axes, path: Path) -> Path:
    """Write the figure of an Axes to a file, atomically.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    path : pathlib.Path
        Its suffix chooses the format.

    Returns
    -------
    pathlib.Path

    Raises
    ------
    InputError
        For a suffix that is no format, or a path that cannot be written to.
    """
    check_axes(ax)
    figure: Any = ax.get_figure(root=True)
    known = figure.canvas.get_supported_filetypes()
    if (ending := file_target(path).suffix[1:].lower()) not in known:
        raise InputError(
            f"{shown_path(path)}: no format of figures is called {ending!r}; end the name in "
            f".{', .'.join(sorted(known))}"
        )
    import matplotlib as mpl

    # words stay words in SVG and PDF, so that they can be edited
    with mpl.rc_context({"svg.fonttype": "none", "pdf.fonttype": 42, "ps.fonttype": 42}):
        dpi = mpl.rcParams["savefig.dpi"]
        dots = 160 if dpi == "figure" else dpi
        return write_atomically(path, lambda name: figure.savefig(name, dpi=dots))


def close(ax: Axes) -> None:
    """Close the figure of an Axes, so that many may be drawn one after the other.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    """
    import matplotlib.pyplot as plt

    check_axes(ax)
    plt.close(ax.get_figure(root=True))


def save_all(
    results: Results,
    folder: Path,
    stem: str,
    *,
    formats: Iterable[str] = ("png",),
    window: float | None = None,
) -> list[Path]:
    """Write every figure of `figures` into a folder.

    Parameters
    ----------
    results : Results
    folder : pathlib.Path
    stem : str
        Files are called ``<stem>-<figure>.<format>``.
    formats : iterable of str
        Suffixes, e.g. ``("png", "pdf")``.
    window : float, optional
        ps, for the figures of one window; default as in `Results.summary`.

    Returns
    -------
    list of pathlib.Path

    Raises
    ------
    InputError
        For a folder or stem that is no path, an unknown format, or a path that cannot be written
        to.
    """
    if not isinstance(folder, str | os.PathLike) or not isinstance(stem, str) or not stem:
        raise InputError(
            f"folder must be a path and stem the beginning of file names, got {shown(folder)} and "
            f"{shown(stem)}"
        )
    endings = [formats] if isinstance(formats, str) else listed("formats", formats, "give ['png']")
    folder, written = Path(folder), []
    for name, draw in figures(results, window).items():
        ax = draw()
        try:
            written += [save(ax, folder / f"{stem}-{name}.{ending}") for ending in endings]
        finally:
            close(ax)
    return written
