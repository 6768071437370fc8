"""Output in a terminal: text is shown as it is, whatever is in it."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.text import Text

from .plain_text import printable


class Terminal(Console):
    """A console that takes no text for markup, emoji or control sequences.

    Parameters
    ----------
    **options
        As of `rich.console.Console`.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(highlight=False, markup=False, emoji=False, **options)

    def render_str(self, text: str, **options: Any) -> Text:
        """A text with what cannot be seen written out; cells of tables come this way, too.

        Parameters
        ----------
        text : str
        **options
            As of `rich.console.Console.render_str`.

        Returns
        -------
        rich.text.Text
        """
        as_it_is = {"markup": False, "emoji": False, "highlight": False, "highlighter": None}
        return super().render_str(printable(text), **(options | as_it_is))


def headed(head: str, text: str, style: str = "yellow") -> Text:
    """A text behind a word in colour.

    Parameters
    ----------
    head, text : str
    style : str
        Of the word.

    Returns
    -------
    rich.text.Text
    """
    return Text.assemble((printable(head), style), " ", printable(text))
