"""Tables for the terminal, and the numbers and intervals in them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rich import box
from rich.table import Table


def number(value: float) -> str:
    """A number with at most three digits; a dash where it is unknown."""
    return "-" if value != value else f"{value:.3g}"


def fixed(value: float, places: int = 3) -> str:
    """A number with so many decimals, without the sign of a zero; a dash where it is unknown."""
    return "-" if value != value else f"{value:z.{places}f}"


def reach(low: float, high: float, text: Callable[[float], str]) -> str:
    """An interval, or a dash where it is unknown."""
    return f"{text(low)} to {text(high)}" if low == low else "-"


def plain_table(title: str, columns: Sequence[str], left: int, caption: str | None = None) -> Table:
    """A table whose first `left` columns are text, folded where the terminal is too narrow."""
    table = Table(title=title, caption=caption, box=box.SIMPLE_HEAD, padding=(0, 1),
                  collapse_padding=True, pad_edge=False)  # fmt: skip
    for k, name in enumerate(columns):
        is_text = k < left
        table.add_column(
            name, justify="left" if is_text else "right", no_wrap=not is_text,
            overflow="fold" if is_text else "ellipsis",
        )  # fmt: skip
    return table
