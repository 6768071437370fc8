"""What a page is made of. The template turns each into HTML and escapes every text."""

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
    """The one number of the page."""

    label: str
    value: str
    unit: str
    interval: str
    kind: ClassVar[str] = "headline"


@dataclass(frozen=True)
class Table:
    """Cells as text, the first `left` columns words and the others numbers.

    `foot` is a last row that sums up; `colors` has one colour per row, that of the figures, or none
    at all.
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
    """Names and what they are."""

    items: tuple[tuple[str, str], ...]
    kind: ClassVar[str] = "pairs"


@dataclass(frozen=True)
class Figure:
    """An image inside the page: `source` is a data URI, `alt` says what is seen."""

    source: str
    alt: str
    caption: str
    kind: ClassVar[str] = "figure"


@dataclass(frozen=True)
class Equation:
    """A formula: what it is called, and the name of the macro of the template that writes it."""

    name: str
    formula: str
    kind: ClassVar[str] = "equation"


@dataclass(frozen=True)
class Code:
    """Text as it stands in a file."""

    text: str
    kind: ClassVar[str] = "code"


@dataclass(frozen=True)
class Folded:
    """Elements behind a line that opens them."""

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
    """All of it."""

    title: str
    subtitle: str
    facts: Pairs
    sections: tuple[Section, ...]
    made_by: str
