"""Figures of what is no result, on what is no Axes, into what is no file."""

import inspect

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from mda_ionmech import InputError, OnsagerDecomposition, datasets, plotting
from mda_ionmech.events import SolvationEvents
from mda_ionmech.macrostates import ShellComposition
from mda_ionmech.microstates import CutoffShell
from mda_ionmech.report import write_report
from mda_ionmech.trajectory import from_ase

from ..analysis.test_hostile_values import OXYGENS, analysis, species

NO_RESULT = [None, True, 3, "liquid.nc", [], {}, object(), np.zeros(3), pd.DataFrame()]
OF_RESULTS = [
    plotting.contributions, plotting.shares, plotting.effectiveness, plotting.event_matrix,
    plotting.onsager, plotting.timeline, plotting.view_curves, plotting.view_map,
    plotting.populations, plotting.transitions, plotting.concertedness, plotting.figures,
    plotting.radial_distribution,
]  # fmt: skip


@pytest.fixture(scope="module")
def run():
    return analysis().run()


def figures_left():
    return len(plt.get_fignums())


def test_a_result_is_asked_for(run, tmp_path):
    before = figures_left()
    for draw in OF_RESULTS:
        for value in NO_RESULT:
            with pytest.raises(InputError, match="results must be the Results of a run, got"):
                draw(value)
        with pytest.raises(InputError, match=r"give its \.results"):
            draw(run)
    for value in NO_RESULT:
        with pytest.raises(InputError, match=r"arrhenius\(results\) returns"):
            plotting.arrhenius(value)
        with pytest.raises(InputError, match="distribution must be"):
            plotting.rdf(value)
        with pytest.raises(InputError, match=r"table must be the one that run.robustness"):
            plotting.robustness(value)
        with pytest.raises(InputError, match="results must be"):
            plotting.save_all(value, tmp_path, "x")
        with pytest.raises(InputError, match="results must be the Results"):
            write_report(value, tmp_path / "x.html")
    assert figures_left() == before


def test_what_is_not_in_the_result_is_refused_before_a_figure_is_made(run, tmp_path):
    one = species(
        microstates=CutoffShell(11.0, solvent=OXYGENS), events=SolvationEvents(),
        macrostates=ShellComposition(),
    )  # fmt: skip
    results = OnsagerDecomposition(one, temperature=300, frame="laboratory").run().results
    before = figures_left()
    unknown = ["nobody", "", 3, True, 10**5000, [], {}, object(), np.array(["ion"])]
    lengths = ["abc", 0, -1.0, 1e9, np.nan, True, 10**5000, [1.0, 2.0], object()]
    events = ["no_event", "", 3, [], object(), 10**5000]
    for draw in OF_RESULTS:
        takes = inspect.signature(draw).parameters
        wrong = {"species": unknown, "window": lengths, "event": events, "view": unknown}
        wrong |= {"start": lengths[4:], "stop": lengths[4:], "resolutions": lengths[:7]}
        wrong |= {"ions": [0, -1, 10**5, 1.5, "abc", [], [1, 0], [True], {}, object()]}
        for argument in set(wrong) & set(takes):
            for value in wrong[argument]:
                with pytest.raises(InputError, match=argument):
                    draw(results, **{argument: value})
    for value in ([], [1.0] * 4, [1e9], ["abc"]):
        with pytest.raises(InputError, match="resolution"):
            plotting.view_curves(results, resolutions=value)
    shell = analysis().measure_shells(stop=20)
    _, found = shell[0]
    for value in ("abc", -1.0, 0, True, 10**5000, [1.0]):
        for argument in ("inner", "outer"):
            with pytest.raises(InputError, match=argument):
                plotting.rdf(next(iter(found.values())), **{"inner": 2.0, argument: value})
    for radii in ({"outer": 3.0}, {"inner": 3.0, "outer": 2.9}):
        with pytest.raises(InputError, match=r"outer=.* Å is where a contact ends"):
            plotting.rdf(next(iter(found.values())), **radii)
    with pytest.raises(InputError, match="no format"):
        plotting.save_all(results, tmp_path, "x", formats=["xyz"])
    with pytest.raises(InputError, match="window"):
        plotting.save_all(results, tmp_path, "x", window=1e9)
    assert not any(tmp_path.iterdir())
    assert figures_left() == before


def test_one_axes_is_asked_for(run):
    figure, several = plt.subplots(2)
    for value in (figure, several, "ax", True, [several[0]]):
        for draw in (plotting.contributions, plotting.onsager, plotting.timeline):
            with pytest.raises(InputError, match="ax must be one Axes of matplotlib, got"):
                draw(run.results, value)
        for use in (plotting.close, lambda ax: plotting.save(ax, "x.png")):
            with pytest.raises(InputError, match="ax must be one Axes"):
                use(value)
    plotting.contributions(run.results, several[0])
    plt.close(figure)


@pytest.mark.slow
def test_files_of_figures(run, tmp_path):
    results = run.results
    for folder, stem in ((None, "x"), (3, "x"), (tmp_path, ""), (tmp_path, None)):
        with pytest.raises(InputError, match="folder must be a path and stem"):
            plotting.save_all(results, folder, stem)
    for formats in (None, 3, ["xyz"], [None], "docx"):
        with pytest.raises(InputError, match=r"formats|no format of figures is called"):
            plotting.save_all(results, tmp_path, "x", formats=formats)
    plt.close("all")
    assert all(
        path.suffix == ".png"
        for path in plotting.save_all(results, str(tmp_path), "x", formats="png")
    )
    for value in ("a", True, np.nan):
        with pytest.raises(InputError, match="start must be a time in ps"):
            plotting.timeline(results, start=value)
    for value in (3, [], object()):
        with pytest.raises(InputError, match="event="):
            plotting.view_map(results, event=value)


def test_names_of_datasets_and_files(run, tmp_path):
    for value in (None, np.zeros(2), ["liquid"], 3):
        with pytest.raises(InputError, match="is not shipped"):
            datasets.load(value)
    for value in ("hot", 10**400, [800], True, 333):
        with pytest.raises(InputError, match="temperature"):
            datasets.crystal(value)
    for value in (None, 3, [3], "", ["a", None], "a\0b", "x" * 300):
        with pytest.raises(InputError, match="paths"):
            from_ase(value, dt=1.0)
    with pytest.raises(InputError, match="source must be the file"):
        write_report(run.results, tmp_path / "x.html", source="missing.nc")
    long = tmp_path / ("x" * 300)
    for write in (run.save, run.save_states, run.results.save):
        with pytest.raises(InputError, match="cannot write"):
            write(long)
