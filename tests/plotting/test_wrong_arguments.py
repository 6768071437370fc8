"""Figures of what is no result, on what is no Axes, into what is no file."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from mda_ionmech import InputError, datasets, plotting
from mda_ionmech.report import write_report
from mda_ionmech.trajectory import from_ase

from ..analysis.test_hostile_values import analysis

NO_RESULT = [None, True, 3, "liquid.nc", [], {}, object(), np.zeros(3), pd.DataFrame()]
OF_RESULTS = [
    plotting.contributions, plotting.shares, plotting.effectiveness, plotting.event_matrix,
    plotting.onsager, plotting.timeline, plotting.view_curves, plotting.view_map,
    plotting.populations, plotting.transitions, plotting.concertedness, plotting.figures,
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
