"""Tables of a result for the terminal, 80 columns wide."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

from ..lib import number_text
from ..lib.errors import InputError
from ..lib.number_text import measured, three_digits
from ..lib.terminal import headed
from .arrhenius_fits import KJ_PER_MOL
from .arrhenius_law_tables import QUANTITIES, print_laws, span
from .ends import ENDS, with_ends
from .plain_tables import fixed, number, plain_table
from .reading_table import percent, reading_table

if TYPE_CHECKING:
    from ..microstates import RadialDistribution
    from ..species import IonSpecies
    from .arrhenius import Arrhenius
    from .results import Results


def events_table(results: Results, window: float | None, plain: Results | None = None) -> Table:
    """The table of events and their sum, 80 columns wide."""
    summary = results.summary(window)
    level = f"{summary.attrs['level']:.0%}"
    names = ["event", "share %", level, "self %", "distinct %", "per ns", "Å²"]
    table = plain_table(
        f"{summary.attrs['species']}: events in windows of {summary.attrs['window_ps']:g} ps",
        names + ([] if plain is None else ["plain %"]),
        1,
        (
            f"share: percent of the Onsager coefficient with its {level} interval; self and "
            "distinct: its two parts; per ns: windows with this label per ion; Å²: effectiveness, "
            "D^e.D per ion and window"
            + _repeated(summary.attrs)
            + ("" if plain is None else "; plain: the share without hysteresis and persistence")
        ),
    )
    shares = None if plain is None else plain.summary(window)["share"]
    for event, row in summary.iterrows():
        cells = [
            str(event),
            *number_text.percent(*(row[f"share{end}"] for end in ENDS)),
            percent(row["self"]),
            percent(row["distinct"]),
            three_digits(row["frequency"]),
            three_digits(row["effectiveness"]),
        ]
        if shares is not None:
            cells.append(percent(shares[str(event)]))
        table.add_row(*cells)
    sums = summary[["share", "self", "distinct", "frequency"]].sum(skipna=False)
    cells = ["sum", percent(sums["share"]), "", percent(sums["self"]), percent(sums["distinct"])]
    cells += [three_digits(sums["frequency"]), ""]
    if shares is not None:
        cells.append(percent(shares.sum(skipna=False)))
    table.add_section()
    table.add_row(*cells)
    return table


def _repeated(about: Mapping[Any, Any]) -> str:
    """What windows hold more than one change, and why shares are unknown where they are."""
    said = ""
    if "repeated" in about:
        said += f"; {about['repeated']:.1%} of the windows hold more than one elementary change"
    return said + (f"; {about['comment']}" if "comment" in about else "")


def view_table(
    results: Results,
    view: str,
    *,
    resolution: float | None = None,
    horizon: float | None = None,
    species: str | None = None,
) -> Table:
    """The path or slope view at one resolution and horizon; arguments as in `Results.summary`."""
    if view == "diffusive":
        return reading_table(results)
    summary = results.summary(view=view, resolution=resolution, horizon=horizon, species=species)
    level = f"{summary.attrs['level']:.0%}"
    table = plain_table(
        f"{summary.attrs['species']}: {view} view, resolution "
        f"{summary.attrs['resolution_ps']:g}, horizon {summary.attrs['horizon_ps']:g} ps",
        ["event", "share %", level, "1/(J m s)"],
        1,
    )
    for event, row in summary.iterrows():
        share = number_text.percent(*(row[f"share{end}"] for end in ENDS))
        table.add_row(str(event), *share, number(row["onsager"]))
    total = summary.attrs["total"]
    table.add_section()
    table.add_row("sum", percent(summary["share"].sum(skipna=False)), "", number(total[0]))
    table.caption = f"sum: {number_text.with_interval(*total)} 1/(J m s)"
    return table


def transport_table(results: Results, window: float | None) -> Table:
    """Table of conductivity and derived quantities; without a window in the diffusive limit."""
    transport = results.transport(window)
    over = (
        "in the diffusive limit"
        if "window_ps" not in transport.attrs
        else f"over {transport.attrs['window_ps']:g} ps"
    )
    table = plain_table(
        f"Transport {over}, {transport.attrs['frame']} frame of reference",
        ["quantity", "value", "interval", "unit"],
        1,
        transport.attrs.get("comment"),
    )
    table.columns[-1].justify = "left"
    for name, row in transport.iterrows():
        unit = "" if row["unit"] == "1" else str(row["unit"])
        lines = [(str(name), 1, unit)]
        if name == "conductivity":
            lines.append(("", 10, "mS/cm"))
        for label, scale, of in lines:
            value, low, high = (scale * row[k] for k in ("value", "low", "high"))
            table.add_row(label, *measured(value, low, high), of)
    return table


def momentum_line(results: Results) -> str | None:
    """A line on the sum rule of momentum, where the species hold all mass of the system."""
    if results.diagnostics is None:
        return None
    worst = float(results.diagnostics["momentum_balance"].max())
    return (
        "Momentum: the species hold all mass of the system, and the sum over species of mass times "
        f"Onsager coefficient, 0 where momentum is conserved, is within {worst:.1e} of its self "
        "parts."
    )


def print_result(
    console: Console, results: Results, window: float | None, plain: Results | None = None
) -> None:
    """Print the tables of a result; `plain` adds the shares without filters.

    The diffusive view; that of a window where one is given, or where there is no diffusive view.
    """
    if window is None and results.has_diffusive_view:
        for one in results.verdict():
            console.print(one.text)
        console.print(reading_table(results, plain))
    else:
        if window is None and "blocks" in results.tree.children:
            for one in results.verdict():
                console.print(one.text)
        console.print(events_table(results, window, plain))
    console.print(transport_table(results, window))
    if "path_slope" in results.decomposition:
        of_window = window is not None or not results.has_diffusive_view
        head = "Recommended in place of one window." if of_window else "Reading."
        console.print(f"{head} {results.recommend()}")
    settings = results.settings
    console.print(
        f"Additivity: contributions sum to the whole within {settings['residual']:.1e} "
        "(largest residual of all windows, resolutions and horizons)."
    )
    if (momentum := momentum_line(results)) is not None:
        console.print(momentum)
    for species in settings["species"]:
        shell = species.get("microstates")
        if shell:
            console.print(surroundings(species["name"], shell))
    shown = float(results.at_window(window)["window"])
    for text in concertedness(results, shown):
        console.print(text)
    verdict = results.convergence(window)
    if len(verdict.table):
        console.print(verdict.text)
    for text in results.warnings:
        head = "Note:" if text.endswith("replicas pooled") else "Warning:"
        console.print(headed(head, f"{text}."))


#: Most labels of sites whose occupation is listed one by one.
MOST_LABELS = 12


def _when(dates: Mapping[str, Any] | None, hop_time: str) -> str:
    """How hops are dated, in a sentence; empty where that is not known."""
    if dates is None:
        return ""
    return (
        f" Hops are dated at the {hop_time}; entry into a core is {dates['mean_ps']:.2g} ps later "
        "than the crossing half way on average, with a scatter of "
        f"{dates['width_ps']:.2g} ps (the middle 68%)."
    )


def _occupation(occupancy: dict[str, float]) -> str:
    """Mean number of carriers on the sites of each label; of many labels the range."""
    if len(occupancy) <= MOST_LABELS:
        return ", ".join(f"{v:.1f} on {k}" for k, v in occupancy.items())
    each = sorted(occupancy.values())
    middle = each[len(each) // 2]
    return (
        f"{each[0]:.1f} to {each[-1]:.1f} ions on each of {len(each)} labels, {middle:.1f} in the "
        "middle"
    )


def surroundings(name: str, shell: dict[str, Any]) -> str:
    """A line on how the surroundings of a species were detected."""
    if "n_sites" in shell:
        held = _occupation(shell["occupancy"])
        aligned = shell["alignment"]
        if shell["assignment"] == "polyhedron":
            how = f"{shell['outside_every_polyhedron']:.0%} of the time in no polyhedron"
        else:
            how = (
                f"core radius {shell['r_core_angstrom']:.2f} Å, "
                f"{shell['outside_every_core']:.0%} of the time in no core"
            )
        when = _when(shell.get("entry_minus_crossing"), shell.get("hop_time", "entry"))
        return (
            f"Sites of {name}: {held} ({shell['n_sites']} sites, {how}); aligned by the "
            f"{aligned['by']} to {aligned['residual_angstrom']:.2f} Å.{when}"
        )
    if "cages" in shell:
        why = {
            "given": "as given",
            "minimum": "the first minimum of the pair distribution of stays",
            "default": "the default, as the pair distribution of stays has no minimum",
        }[shell["distance_from"]]
        return (
            f"Cages of {name}: {shell['cages']}, at least "
            f"{shell['distance_in_use_angstrom']:.2f} Å apart ({why}); mean residence "
            f"{shell['mean_residence_ps']:.3g} ps."
            + _when(shell.get("entry_minus_crossing"), "crossing")
        )
    radii = ", ".join(
        f"{kind} contacts form below {inner:g} Å"
        + (
            f" and break above {shell['cutoff_outer_angstrom'][kind]:g} Å"
            if shell["cutoff_outer_angstrom"][kind] > inner
            else ""
        )
        for kind, inner in shell.get("cutoff_inner_angstrom", {}).items()
    )
    persistence = shell["persistence_ps"]
    kept = f"; changes that revert within {persistence:g} ps ignored" if persistence else ""
    return f"Shell of {name}: {radii or shell['detector']}{kept}."


def concertedness(results: Results, window: float | None, species: str | None = None) -> list[str]:
    """Multi-ion fraction of the hops and both nulls, one paragraph for each species with hops."""
    data = results.at_window(window)
    if "multi_fraction" not in data:
        return []
    said = []
    lacking = results.settings.get("without_exclusion_gas", {})
    for name in data["species"].values if species is None else [species]:
        one = data.sel(species=name)
        if not float(one["multi_fraction"]) >= 0:
            continue
        fraction, chance, gas = (
            number_text.percent_with_interval(*with_ends(one, f"multi_fraction{null}"))
            for null in ("", "_circular", "_exclusion")
        )
        linked = (
            f"Of the hops of {name} in windows of {float(data['window']):g} ps, {fraction} are "
            f"linked to others; {chance} would be by chance (records shifted in time)"
        )
        if not float(one["multi_fraction_exclusion"]) >= 0:
            why = lacking.get(str(name), "its hops cannot be compared with one")
            said.append(f"{linked}; there is no exclusion gas beside them: {why}.")
            continue
        said.append(
            f"{linked}, {gas} in an exclusion gas with as many hops: only an excess over both "
            "is evidence of concerted motion, and the fraction depends on the window."
        )
    return said


def print_shells(
    console: Console, shells: Sequence[tuple[IonSpecies, dict[str, RadialDistribution]]]
) -> None:
    """Print the first shells by g(r), and the radii in use."""
    columns = ["species", "ligand", "peak, Å", "minimum, Å", "number within", "in use, Å"]
    table = plain_table("First shells", columns, 2)
    unclear, flat = [], []
    for species, found in shells:
        shell: Any = species.microstates
        for kind, distribution in found.items():
            peak = float(distribution.r[distribution.g.argmax()])
            cells = ["-", "-"]
            try:
                radius = distribution.first_minimum()
                at = int(distribution.r.searchsorted(radius)) - 1
                cells = [f"{radius:.2f}", f"{distribution.coordination[at]:.2f}"]
            except InputError as error:
                unclear.append(str(error))
            if ends := distribution.flat_minimum():
                few, many = map(distribution.number_within, ends)
                flat.append(
                    f"{species.name} and {kind}, {ends[0]:.1f} to {ends[1]:.1f} Å, {few:.2f} to "
                    f"{many:.2f} atoms within. The lowest value is anywhere in it; its near end, "
                    f"{kind} = {ends[0]:.1f}, leaves out what is between the shells."
                )
            inner, outer = (getattr(shell, end, {}).get(kind) for end in ("inner", "outer"))
            in_use = "-" if inner is None else f"{inner:.2f}"
            if inner is not None and outer is not None and outer > inner:
                in_use += f" to {outer:.2f}"
            table.add_row(species.name, kind, f"{peak:.2f}", *cells, in_use)
    console.print(table)
    for text in unclear:
        console.print(headed("Unclear:", text))
    for text in flat:
        console.print(headed("Flat minimum:", text))


def print_arrhenius(console: Console, fits: Arrhenius) -> None:
    """Print energies, refused fits, the budget, the laws and their fits; 80 columns wide."""
    found = fits.table()
    level = f"{fits.data.attrs['level']:.0%}"
    table = plain_table(
        f"Activation energies, {fits.data.attrs['view_description']}",
        ["quantity", "of", "sign", "eV", level, "kJ/mol", "chi2"],
        2,
        "X = A exp(-E / kB T); chi2: squared deviation per degree of freedom, near 1 where the "
        "line is straight",
    )
    refused = []
    for event, rows in found.groupby("event", sort=False):
        for _, row in rows.iterrows():
            name = QUANTITIES[row["quantity"]]
            of = str(row["species"] if event == "total" else event)
            if row["reason"]:
                refused.append(f"{name} of {of or 'all'}: {row['reason']}")
            cells = ["+" if row["sign"] > 0 else "-", fixed(row["energy"]), span(row)]
            cells += [f"{row['energy'] * KJ_PER_MOL:.1f}", fixed(row["reduced_chi2"], 2)]
            table.add_row(name, of, *(["", *["-"] * 4] if row["reason"] else cells))
        table.add_section()
    console.print(table)
    for text in refused:
        console.print(headed("No energy:", f"{text}."))
    if "budget_parts" in fits.data:
        _print_budget(console, fits, level)
    print_laws(console, fits)


def _print_budget(console: Console, fits: Arrhenius, level: str) -> None:
    names, budget = ["parts", "direct", "difference"], fits.budget()
    table = plain_table(
        f"{fits.data.attrs['species']}: apparent energy at each temperature, eV",
        ["T, K", "events", level, "whole", level, f"gap, {level}"],
        0,
        "events: sum of (L_e / L) E_e; whole: local -d ln(L T) / d(1 / kB T); gap: their "
        "difference" + ("" if budget["holds"].all() else "; *: the budget does not hold"),
    )
    for temperature, row in budget.iterrows():
        cells = [text for name in names for text in (fixed(row[name]), span(row, name))]
        del cells[-2]  # the gap follows from the two before it
        table.add_row(f"{temperature:g}" + ("" if row["holds"] else "*"), *cells)
    console.print(table)
    if budget["untested"].max() >= 0.01:
        most = budget["untested"].idxmax()
        text = (
            f"events without an energy have {budget['untested'].max():.0%} of L T at {most:g} K; "
            "they enter by the slope of their share, which the gap does not test."
        )
        console.print(headed("Not tested:", text))
    units = {"energy": ("Over all temperatures", "eV"), "curvature": ("Curvature", "eV^2")}
    for label, row in fits.closure().iterrows():
        if row["parts"] != row["parts"]:
            continue
        head, unit = units[str(label)]
        parts, whole, gap = (f"{fixed(row[name])} ({span(row, name)})" for name in names)
        console.print(f"{head}: {parts} {unit} from the events, {whole} from the whole; gap {gap}.")
