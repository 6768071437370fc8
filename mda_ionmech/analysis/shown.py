"""What an analysis says of itself in an interactive session: a line, and HTML in a notebook."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from ..lib.errors import InputError
from ..species import IonSpecies
from .finished_run import FinishedRun


class ShownRun:
    """What is known before and after a run: the species, and the finished run or None."""

    species: tuple[IonSpecies, ...]
    _done: FinishedRun | None = None

    def _finished(self, what: str) -> FinishedRun:
        """The finished run; InputError, naming `what`, before a run."""
        if self._done is None:
            raise InputError(f"{what} needs a finished run: call .run() first")
        return self._done

    def __repr__(self) -> str:
        return run_line(type(self).__name__, self.species, self._done)

    def _repr_html_(self) -> str:
        return run_html(type(self).__name__, self.species, self._done)


def run_line(name: str, species: Sequence[IonSpecies], done: FinishedRun | None) -> str:
    """Species, and the reading of a finished run.

    Parameters
    ----------
    name : str
        Of the class.
    species : sequence of IonSpecies
    done : FinishedRun or None
        None before a run.

    Returns
    -------
    str
    """
    if done is None:
        of = ", ".join(f"{one.n_carriers} {one.name}" for one in species)
        return f"<{name} of {of}; not run yet: .run()>"
    from ..results.shown import results_line  # imports what is slow to import

    return f"<{name} of {results_line(done.results)}; .results, .save(path)>"


def run_html(name: str, species: Sequence[IonSpecies], done: FinishedRun | None) -> str:
    """A table of the species, and the tables of a finished run; arguments as in `run_line`.

    Parameters
    ----------
    name : str
    species : sequence of IonSpecies
    done : FinishedRun or None

    Returns
    -------
    str
    """
    rows = "".join(species_row(one) for one in species)
    head = "".join(f"<th>{text}</th>" for text in COLUMNS)
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
    after = "<p>Not run yet: .run()</p>"
    if done is not None:
        from ..results.shown import results_html

        after = results_html(done.results)
    return f"<p><b>{escape(name)}</b></p>{table}{after}"


COLUMNS = ("species", "carriers", "charge, e", "microstates", "events", "macrostates")


def species_row(one: IonSpecies) -> str:
    """A row of the table of species.

    Parameters
    ----------
    one : IonSpecies

    Returns
    -------
    str
    """
    parts = (one.microstates, one.events, one.macrostates)
    rules = ["-" if part is None else type(part).__name__ for part in parts]
    cells = [one.name, str(one.n_carriers), f"{one.charge:+g}", *rules]
    return f"<tr>{''.join(f'<td>{escape(text)}</td>' for text in cells)}</tr>"
