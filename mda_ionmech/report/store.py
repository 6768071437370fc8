"""What the script of a page reads: rows, specifications of figures, tables that move; Vega-Lite."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

from ..lib.errors import InputError
from ..lib.plain_text import printable
from .charts.style import COMMON
from .elements import Beside, Chart, Charts, Data, Folded, Page, Slider, Table

#: What would end or change the state of a script element if it stood in a text of the runtime.
_ENDS_SCRIPT = re.compile(r"<(/script|!--)", re.IGNORECASE)


@lru_cache(maxsize=1)
def vega() -> Any:
    """The JavaScript of Vega, Vega-Lite and vega-embed, to stand in a page.

    Raises
    ------
    InputError
        Without vl-convert-python.
    """
    try:
        import vl_convert
    except ImportError as error:
        raise InputError(
            "the figures of the report need vl-convert-python: pip install 'mda-ionmech[report]'"
        ) from error
    from markupsafe import Markup

    code = _ENDS_SCRIPT.sub(r"<\\\1", vl_convert.javascript_bundle(None))
    return Markup("{" + code + "}")


def store_of(page: Page) -> dict[str, Any]:
    """Data of tables and figures, figures, moving tables and sliders of a page.

    The data are written by columns, see `packed`; ``common`` holds what all figures have.
    """
    data: dict[str, Any] = {}
    charts: dict[str, Any] = {}
    moving: dict[str, Any] = {}
    scans = {one.name: one for one in page.sliders}
    for element in _elements(page):
        sources = element.data if isinstance(element, Chart) else (element.data,)
        for one in sources:
            if one is not None:
                data.setdefault(one.name, _plain_data(one))
        if isinstance(element, Chart):
            names = [one.name for one in element.data]
            charts[element.name] = {
                "spec": {k: v for k, v in element.spec.items() if COMMON.get(k) != v},
                "data": names, "alt": element.alt, "wide": element.wide,
            }  # fmt: skip
        elif element.at_window and element.data is not None and "window" in scans:
            moving[element.data.name] = [element.at_window.get(w) for w in scans["window"].values]
    sliders = {name: _plain_slider(one) for name, one in scans.items()}
    return {
        "data": data, "charts": charts, "common": COMMON, "moving": moving, "sliders": sliders
    }  # fmt: skip


def _elements(page: Page) -> Iterator[Chart | Table]:
    """All figures and tables, in their order."""

    def inside(elements: Any) -> Iterator[Chart | Table]:
        for one in elements:
            if isinstance(one, Charts):
                yield from one.charts
            elif isinstance(one, Beside):
                yield from inside((*one.elements, one.chart))
            elif isinstance(one, Folded):
                yield from inside(one.elements)
            elif isinstance(one, Chart | Table):
                yield one

    yield from inside(page.top)
    for section in page.sections:
        yield from inside(section.elements)


def _plain_data(one: Data) -> dict[str, Any]:
    values = zip(*one.rows, strict=True) if one.rows else [()] * len(one.columns)
    return {
        "columns": [[c.name, c.unit, c.in_files] for c in one.columns],
        "values": [
            packed(v if c.in_files else [_for_drawing(x) for x in v])
            for c, v in zip(one.columns, values, strict=True)
        ],
    }


def _for_drawing(value: Any) -> Any:
    """A value that no file holds: a number with the digits that can be seen."""
    return float(f"{value:.5g}") if isinstance(value, float) else value


def packed(values: Sequence[Any]) -> list[Any] | dict[str, Any]:
    """A column as JSON: its values, or, where that is shorter, its distinct values once.

    Parameters
    ----------
    values : sequence
        Texts, numbers and None.

    Returns
    -------
    list, or dict
        ``of``: the distinct values, and ``at``: the number of the one in each row.
    """
    number: dict[str, int] = {}
    texts = [json.dumps(value) for value in values]
    at = [number.setdefault(text, len(number)) for text in texts]
    length = sum(len(text) for text in texts)
    if length <= sum(map(len, number)) + sum(len(str(k)) for k in at) + len('{"of":[],"at":}'):
        return list(values)
    distinct: dict[int, Any] = dict(zip(at, values, strict=True))
    return {"of": [distinct[k] for k in range(len(number))], "at": at}


def _plain_slider(one: Slider) -> dict[str, Any]:
    return {
        "values": list(one.values),
        "chosen": list(one.values).index(one.chosen),
        "remarks": list(one.remarks),
    }


def script_text(value: Any) -> Any:
    """A value as JSON that may stand in a script element: nothing in it ends the element."""
    from markupsafe import Markup

    text = json.dumps(_shown(value), ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)


def _shown(value: Any) -> Any:
    """Plain values, with texts as the page shows them."""
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, Mapping):
        return {printable(str(k)): _shown(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_shown(v) for v in value]
    return value
