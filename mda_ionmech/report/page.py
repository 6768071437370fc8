"""Writes the report: collects the sections and fills the template."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..lib.checks import shown
from ..lib.errors import InputError
from ..lib.files import write_atomically
from ..lib.plain_text import printable
from ..lib.write_targets import file_target
from ..results.results import Results
from . import hop_channels, provenance, sections
from .comparison import comparison_page
from .elements import Page, Section, Slider
from .reading import Reading
from .sensitivity import sensitivity
from .store import script_text, store_of, vega
from .top import top

#: Identifiers in citations that become links.
_LOCATOR = re.compile(r"\b(?:arXiv:\d{4}\.\d{4,5}|10\.\d{4,9}/[^\s,;]+)")


def write_report(
    results: Results | Sequence[Results],
    path: str | os.PathLike[str],
    *,
    window: float | None = None,
    source: str | os.PathLike[str] | Sequence[str | os.PathLike[str]] | None = None,
) -> Path:
    """Write the HTML report of a result, or of several compared, as one file without a network.

    The same result gives the same bytes. Sections without data are omitted. Numbers and words can
    be read without scripts; figures are drawn by the page itself (Vega-Lite).

    Cost: the intervals of the slope view, a few seconds.

    Parameters
    ----------
    results : Results or sequence of Results
        Several are compared on one page.
    path : path-like
        The file to write, e.g. ``"liquid.html"``.
    window : float, optional
        Window of the events, matrices and transitions at first, ps, as in `Results.summary`; the
        reader can choose another. The conductivity is that of the diffusive limit, without one that
        of the longest window with ten blocks or more, in any case.
    source : path-like or sequence of path-like, optional
        The result files, named on the page with their SHA-256.

    Returns
    -------
    pathlib.Path

    Raises
    ------
    InputError
        Without jinja2 or vl-convert-python, for a window outside the scan, or a folder that cannot
        be written to.
    """
    listed = _listed(results)
    sources = _sources(source, len(listed))
    try:
        from jinja2 import Environment, PackageLoader, StrictUndefined
    except ImportError as error:
        raise InputError("the report needs jinja2: pip install 'mda-ionmech[report]'") from error
    runtime = vega()
    file_target(path)  # before the figures, which take time
    environment = Environment(
        loader=PackageLoader("mda_ionmech.report"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_as_text,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["parts_of"] = parts_of
    environment.filters["json_text"] = _json_text
    environment.tests["mapping_or_list"] = lambda value: isinstance(value, dict | list)
    if len(listed) == 1:
        page = _page(listed[0], window, sources[0])
    else:
        page = comparison_page(listed, window, [_described(one) for one in sources], sources)
    text = environment.get_template("page.html.j2").render(
        page=page, store=script_text(store_of(page)), runtime=runtime
    )
    return write_atomically(path, lambda name: Path(name).write_text(text, encoding="utf-8"))


def _listed(results: Any) -> list[Results]:
    """The results as a list."""
    listed = [results] if isinstance(results, Results) else results
    if isinstance(listed, list | tuple) and listed:
        wrong = [one for one in listed if not isinstance(one, Results)]
        if not wrong:
            return list(listed)
        results = wrong[0]
    raise InputError(
        f"results must be the Results of a run, or a list of them, got {shown(results)}; give "
        "run.results, or mda_ionmech.load(path)"
    )


def _sources(source: Any, number: int) -> list[Path | None]:
    """The file of every result, None where not given."""
    if source is None:
        return [None] * number
    given = [source] if isinstance(source, str | os.PathLike) else source
    if not isinstance(given, list | tuple) or len(given) != number:
        raise InputError(
            f"source must be the file of the result, or one for each of {number} results, got "
            f"{shown(source)}"
        )
    for one in given:
        if not (isinstance(one, str | os.PathLike) and os.path.isfile(one)):
            raise InputError(f"source must be the file of the result, got {shown(one)}")
    return [Path(one) for one in given]


def _page(results: Results, window: float | None, source: Path | None) -> Page:
    settings = results.settings
    at = Reading.of(results, window)
    names = [str(s["name"]) for s in settings["species"]]
    gathered = [
        sections.transport(at),
        sections.displacements(at),
        sections.events(at),
        sections.views_section(at),
        sensitivity(at),
        hop_channels.section(at),
        sections.coordination(at),
        sections.macrostates(at),
        sections.convergence(at),
        sections.over_time(at),
        provenance.method_section(at),
        provenance.section(results, _described(source), vehicle=results.vehicle is not None),
    ]
    return Page(
        title=f"Ion transport of {', '.join(names)}",
        subtitle=f"{settings.get('trajectory') or 'in memory'}; {provenance.spacing(settings)}; "
        f"{settings['temperature_K']:g} K",
        top=top(at),
        sections=tuple(one for one in gathered if one is not None and one.elements),
        sliders=tuple(_sliders(at, [one for one in gathered if one is not None])),
        made_by=str(results.tree.attrs["created_with"]),
    )


def _sliders(at: Reading, listed: Sequence[Section]) -> list[Slider]:
    """Choices of the window, and of resolution and horizon where a figure has values for them."""
    found = at.results.decomposition
    windows = tuple(float(w) for w in found["window"].values)
    out = []
    if len(windows) > 1:
        remarks = tuple(f"{int(b)} blocks" for b in found["blocks"].values)
        out.append(Slider("window", "Window", windows, at.window, remarks))
    pairs = sections.view_lengths(listed)
    if not pairs:
        return out
    advice = at.results.recommend(species=at.ruled[0])
    for name, k, chosen in (("resolution", 0, advice.resolution), ("horizon", 1, advice.horizon)):
        values = tuple(sorted({pair[k] for pair in pairs}))
        if chosen is None:
            chosen = values[0] if k == 0 else values[-1]
        nearest = min(values, key=lambda v: abs(v - chosen))
        out.append(Slider(name, name.capitalize(), values, nearest))
    return out


def _described(source: Path | None) -> tuple[tuple[str, str], ...]:
    """Name, size and checksum of the result file."""
    if source is None:
        return ()
    with source.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    size = f"{source.stat().st_size:,} bytes".replace(",", " ")
    return (("result file", f"{source.name}, {size}"), ("its SHA-256", digest))


def _json_text(value: Any) -> str:
    """A setting on one line, its words without quotes."""
    if value is None or value in ({}, []):
        return "none"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _as_text(value: Any) -> Any:
    """What a page shows of a value: of text what can be seen; HTML of the template as it is."""
    plain = isinstance(value, str) and not hasattr(value, "__html__")
    return printable(value) if plain else value


def parts_of(text: str) -> list[tuple[str, str]]:
    """Split a citation into texts and, for a DOI or an arXiv number, links."""
    out, at = [], 0
    for found in _LOCATOR.finditer(text):
        out.append((text[at : found.start()], ""))
        locator = found[0].rstrip(".")
        home = (
            f"https://arxiv.org/abs/{locator.removeprefix('arXiv:')}"
            if locator.startswith("arXiv:")
            else f"https://doi.org/{locator}"
        )
        out.append((locator, home))
        at = found.start() + len(locator)
    return [*out, (text[at:], "")]
