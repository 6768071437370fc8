"""Elements of a page. The template converts them to HTML and escapes every text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar


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
    """A list of sentences; `tone` as of Text, `links` turns DOIs and arXiv numbers into links."""

    items: tuple[str, ...]
    tone: str = "plain"
    links: bool = False
    kind: ClassVar[str] = "listing"


@dataclass(frozen=True)
class Headline:
    """The main number of the page."""

    label: str
    value: str
    unit: str
    interval: str
    kind: ClassVar[str] = "headline"


@dataclass(frozen=True)
class Table:
    """A table of texts; the first `left` columns are words, the others numbers.

    `foot` is a last row with totals; `colors` has the colour of each row in figures, or is empty.
    """

    caption: str
    head: tuple[str, ...]
    rows: Sequence[Sequence[str]]
    left: int = 1
    foot: tuple[str, ...] = ()
    colors: tuple[str, ...] = ()
    kind: ClassVar[str] = "table"


@dataclass(frozen=True)
class Pairs:
    """Names and values."""

    items: tuple[tuple[str, str], ...]
    kind: ClassVar[str] = "pairs"


@dataclass(frozen=True)
class Figure:
    """An embedded image: `source` is a data URI, `alt` the alternative text."""

    source: str
    alt: str
    caption: str
    kind: ClassVar[str] = "figure"


@dataclass(frozen=True)
class Equation:
    """A formula: its title, and the name of the template macro that writes it."""

    name: str
    formula: str
    kind: ClassVar[str] = "equation"


@dataclass(frozen=True)
class Code:
    """Preformatted text."""

    text: str
    kind: ClassVar[str] = "code"


@dataclass(frozen=True)
class Folded:
    """Collapsed elements with a title."""

    summary: str
    elements: tuple[Element, ...]
    kind: ClassVar[str] = "folded"


Element = Text | Heading | Listing | Headline | Table | Pairs | Figure | Equation | Code | Folded


@dataclass(frozen=True)
class Section:
    """Part of a page with an entry in its contents."""

    anchor: str
    title: str
    elements: tuple[Element, ...]


@dataclass(frozen=True)
class Page:
    """The whole page."""

    title: str
    subtitle: str
    facts: Pairs
    sections: tuple[Section, ...]
    made_by: str
