"""Elements of a page. The template converts them to HTML and escapes every text."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

#: Columns of geometry and of the legend, which are for drawing alone.
_DRAWN_ONLY = frozenset({"key", "from_height", "to_height", "thickness"})


@dataclass(frozen=True)
class Text:
    """A paragraph; `tone` is plain, note or warning."""

    text: str
    tone: str = "plain"
    kind: ClassVar[str] = "text"


@dataclass(frozen=True)
class Heading:
    """A heading inside a section."""

    text: str
    kind: ClassVar[str] = "heading"


@dataclass(frozen=True)
class Listing:
    """A list of sentences; `tone` is plain, warning, verdict or verdict first."""

    items: tuple[str, ...]
    tone: str = "plain"
    kind: ClassVar[str] = "listing"


@dataclass(frozen=True)
class Numbered:
    """A numbered list of works, with links for DOIs and arXiv numbers."""

    items: tuple[str, ...]
    kind: ClassVar[str] = "numbered"


@dataclass(frozen=True)
class Headline:
    """The main number of the page."""

    label: str
    value: str
    unit: str
    interval: str
    kind: ClassVar[str] = "headline"


@dataclass(frozen=True)
class Column:
    """A column of `Data`: its name in files and charts, its unit, and whether files hold it."""

    name: str
    unit: str = ""
    in_files: bool = True


@dataclass(frozen=True)
class Data:
    """Rows of numbers and words, unrounded, that charts draw and files are written from.

    `name` is that of the file, and unique on a page.
    """

    name: str
    columns: tuple[Column, ...]
    rows: Sequence[Sequence[Any]]


def data(
    name: str, columns: Iterable[str | tuple[str, str]], rows: Sequence[Sequence[Any]]
) -> Data:
    """Rows with columns given as names, or names with units."""
    named = [(c, "") if isinstance(c, str) else c for c in columns]
    return Data(name, tuple(Column(n, u, n not in _DRAWN_ONLY) for n, u in named), rows)


@dataclass(frozen=True)
class Key:
    """An entry of a legend: what it hides and highlights, its text, and its colour.

    `key` is kind and name, e.g. ``event:vehicular``, the same in all charts and tables.
    """

    key: str
    label: str
    color: str


@dataclass(frozen=True)
class Table:
    """A table of texts; the first `left` columns are words, the others numbers.

    `foot` is a last row with totals; `keys` has the entry of the legend of each row, or is empty;
    `data` the unrounded values; `at_window` the rows and the foot at each window in ps, for tables
    that follow the choice of the window.
    """

    caption: str
    head: tuple[str, ...]
    rows: Sequence[Sequence[str]]
    left: int = 1
    foot: tuple[str, ...] = ()
    keys: tuple[Key | None, ...] = ()
    data: Data | None = None
    at_window: Mapping[float, Sequence[Sequence[str]]] = field(default_factory=dict)
    kind: ClassVar[str] = "table"


@dataclass(frozen=True)
class Pairs:
    """Names and values."""

    items: tuple[tuple[str, str], ...]
    kind: ClassVar[str] = "pairs"


@dataclass(frozen=True)
class Chart:
    """A figure of Vega-Lite.

    Attributes
    ----------
    name : str
        Unique on a page; of the files.
    spec : dict
        Specification; its data are named.
    alt : str
        Alternative text.
    caption : str
    legend : tuple of Key
    data : tuple of Data
        By the names in `spec`; the first is downloaded.
    wide : bool
        Whether it takes the whole width of the page.
    printed : bool
        Whether it is on paper too.
    """

    name: str
    spec: Mapping[str, Any]
    alt: str
    caption: str
    legend: tuple[Key, ...]
    data: tuple[Data, ...]
    wide: bool = False
    printed: bool = True
    kind: ClassVar[str] = "chart"


@dataclass(frozen=True)
class Charts:
    """Figures side by side where there is room."""

    charts: tuple[Chart, ...]
    kind: ClassVar[str] = "charts"


@dataclass(frozen=True)
class Beside:
    """Elements, and a figure beside them where there is room."""

    elements: tuple[Element, ...]
    chart: Chart
    kind: ClassVar[str] = "beside"


@dataclass(frozen=True)
class Tree:
    """Nested settings."""

    settings: Mapping[str, Any]
    kind: ClassVar[str] = "tree"


@dataclass(frozen=True)
class Equation:
    """A formula: its title, and the name of the template macro that writes it."""

    name: str
    formula: str
    kind: ClassVar[str] = "equation"


@dataclass(frozen=True)
class Code:
    """Preformatted text, to be copied or downloaded as a file of this name."""

    text: str
    label: str = ""
    file: str = ""
    kind: ClassVar[str] = "code"


@dataclass(frozen=True)
class Folded:
    """Collapsed elements with a title."""

    summary: str
    elements: tuple[Element, ...]
    printed: bool = True
    kind: ClassVar[str] = "folded"


Element = (
    Text | Heading | Listing | Numbered | Headline | Table | Pairs | Chart | Charts | Beside | Tree
    | Equation | Code | Folded
)  # fmt: skip


@dataclass(frozen=True)
class Section:
    """Part of a page with an entry in its contents."""

    anchor: str
    title: str
    elements: tuple[Element, ...]


@dataclass(frozen=True)
class Slider:
    """Lengths in ps that the reader may choose from, with a remark on each."""

    name: str
    label: str
    values: tuple[float, ...]
    chosen: float
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Page:
    """The whole page: what is open from the start, and the sections that unfold."""

    title: str
    subtitle: str
    top: tuple[Element, ...]
    sections: tuple[Section, ...]
    sliders: tuple[Slider, ...]
    made_by: str
