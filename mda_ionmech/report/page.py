"""Writes the report: collects the sections and fills the template."""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path
from typing import Any

from ..lib.checks import shown
from ..lib.errors import InputError
from ..lib.files import write_atomically
from ..lib.plain_text import printable
from ..lib.write_targets import file_target
from ..results.results import Results
from . import drawings, provenance, sections
from .elements import Page, Section
from .reading import Reading

#: Identifiers in citations that become links.
_LOCATOR = re.compile(r"\b(?:arXiv:\d{4}\.\d{4,5}|10\.\d{4,9}/[^\s,;]+)")


def write_report(
    results: Results,
    path: str | os.PathLike[str],
    *,
    window: float | None = None,
    source: str | os.PathLike[str] | None = None,
) -> Path:
    """Write the HTML report of a result as one file, which needs no network and no scripts.

    The same result gives the same bytes. Sections without data are omitted.

    Cost: the intervals of one window and its figures, a few seconds.

    Parameters
    ----------
    results : Results
    path : path-like
        The file to write, e.g. ``"liquid.html"``.
    window : float, optional
        Window of the events, matrices and transitions, ps, as in `Results.summary`. The
        conductivity is read at the longest window with ten blocks or more in any case.
    source : path-like, optional
        The result file, named on the page with its SHA-256.

    Returns
    -------
    pathlib.Path

    Raises
    ------
    InputError
        Without jinja2, for a window outside the scan, or a folder that cannot be written to.
    """
    if not isinstance(results, Results):
        raise InputError(
            f"results must be the Results of a run, got {shown(results)}; give run.results, or "
            "mda_ionmech.load(path)"
        )
    if source is not None and not (
        isinstance(source, str | os.PathLike) and os.path.isfile(source)
    ):
        raise InputError(f"source must be the file of the result, got {shown(source)}")
    try:
        from jinja2 import Environment, PackageLoader, StrictUndefined
    except ImportError as error:
        raise InputError("the report needs jinja2: pip install 'mda-ionmech[report]'") from error
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
    page = _page(results, window, None if source is None else Path(source))
    text = environment.get_template("page.html.j2").render(page=page)
    return write_atomically(path, lambda name: Path(name).write_text(text, encoding="utf-8"))


def _page(results: Results, window: float | None, source: Path | None) -> Page:
    settings = results.settings
    at = Reading.of(results, window)
    names = [str(s["name"]) for s in settings["species"]]
    gathered = [
        sections.headline(at),
        sections.warnings(at),
        sections.transport(at),
        sections.events(at),
        sections.macrostates(at),
        Section("figures", "Figures", tuple(drawings.all_figures(at))),
        sections.convergence(at),
        provenance.section(results, _described(source)),
        provenance.citing(results),
    ]
    return Page(
        title=f"Ion transport of {', '.join(names)}",
        subtitle=f"{settings.get('trajectory') or 'in memory'}; {provenance.spacing(settings)}",
        facts=provenance.facts(results),
        sections=tuple(one for one in gathered if one is not None and one.elements),
        made_by=str(results.tree.attrs["created_with"]),
    )


def _described(source: Path | None) -> tuple[tuple[str, str], ...]:
    """Name, size and checksum of the result file."""
    if source is None:
        return ()
    with source.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    size = f"{source.stat().st_size:,} bytes".replace(",", " ")
    return (("result file", f"{source.name}, {size}"), ("its SHA-256", digest))


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
