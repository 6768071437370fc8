"""Rows behind the figures: against what they are computed from, and against brute force."""

import numpy as np
import pytest

from mda_ionmech.report import frames, state_frames
from mda_ionmech.report.charts import events as event_charts
from mda_ionmech.report.reading import Reading
from mda_ionmech.results.running_estimate import running_conductivity

from ..builders import brownian, decompose, make_universe


@pytest.fixture(scope="module")
def at(liquid_run):
    return Reading.of(liquid_run.results, None)


def column(data, name):
    return [row[[c.name for c in data.columns].index(name)] for row in data.rows]


def test_contributions_of_all_species_sum_to_the_conductivity(at):
    data = frames.conductivity_by_event(at)
    whole = {row[0]: row[2] for row in frames.totals(at).rows}
    assert set(whole) == {f"{w:g}" for w in at.results.decomposition["window"].values} | {"limit"}
    for label, value in whole.items():
        parts = [v for v, where in zip(column(data, "value"), column(data, "label"), strict=True)
                 if where == label]  # fmt: skip
        assert sum(parts) == pytest.approx(value, rel=1e-10)


def test_slopes_between_windows_are_those_of_conductivity_times_window(at):
    data = frames.transport_by_window(at)
    sigma = at.results.decomposition["conductivity"].values
    window = at.results.decomposition["window"].values
    found = [row[6] for row in data.rows if row[1] == "conductivity"]
    assert found[0] is None
    np.testing.assert_allclose(found[1:], np.diff(sigma * window) / np.diff(window), rtol=1e-12)


def test_displacements_of_brownian_ions_are_six_d_t():
    """Known answer: 6 D t for single ions, and for all together per ion, within 4 errors."""
    diffusion, n_ions, n_frames = 0.05, 60, 4000
    rng = np.random.default_rng(5)
    paths = brownian(rng, n_frames, n_ions, diffusion, 1.0)
    results = decompose(make_universe(paths + 20), windows=[1.0, 2.0, 4.0])
    data = frames.displacements(Reading.of(results, None))
    for key, which, window, value, exponent in zip(
        *(column(data, c) for c in ("key", "which", "window", "value", "exponent")), strict=True
    ):
        samples = n_frames / window * (n_ions if which == "single ions" else 1)
        error = np.sqrt(2 / (3 * samples))
        assert value == pytest.approx(6 * diffusion * window, rel=4 * error), key
        if exponent is not None:
            assert exponent == pytest.approx(1, abs=8 * error)
    step = np.diff(paths, axis=0)  # coordinates of MDAnalysis have single precision
    brute = np.mean(np.sum(step**2, axis=-1))
    assert column(data, "value")[0] == pytest.approx(brute, rel=1e-6)
    brute = np.mean(np.sum(step.sum(axis=1) ** 2, axis=-1)) / n_ions
    assert column(data, "value")[3] == pytest.approx(brute, rel=1e-6)


def test_survival_is_that_of_counting_every_origin():
    rng = np.random.default_rng(3)
    codes = (rng.random((60, 5)) < 0.3).cumsum(axis=0).astype(np.int32) % 3
    _, length, value, left = state_frames.stays(codes)
    assert length.sum() == codes.size
    for kind in range(3):
        of = value == kind
        for lag in (1, 2, 5, 20):
            stayed = origins = 0
            for c in range(codes.shape[1]):
                for t in range(len(codes) - lag):
                    if codes[t, c] == kind:
                        origins += 1
                        stayed += bool(np.all(codes[t : t + lag + 1, c] == kind))
            assert state_frames.survivors(length[of], left[of], lag) == (stayed, origins)


def test_survival_of_random_switching_is_a_power():
    """Known answer: (1 - p)^t for a chance p of leaving in each frame, within 4 errors."""
    rng, leaving, n_frames, n_carriers = np.random.default_rng(8), 0.1, 4000, 40
    codes = (rng.random((n_frames, n_carriers)) < leaving).cumsum(axis=0).astype(np.int32) % 2
    _, length, _, left = state_frames.stays(codes)
    for lag in (1, 3, 10):
        stayed, origins = state_frames.survivors(length, left, lag)
        chance = (1 - leaving) ** lag
        # origins within one stay are not independent of each other
        error = np.sqrt(chance * (1 - chance) / (origins / lag))
        assert stayed / origins == pytest.approx(chance, abs=4 * error)


def test_the_running_conductivity_ends_at_that_of_the_whole(at):
    results = at.results
    table = running_conductivity(results, 10)
    whole = float(results.decomposition["diffusive_conductivity"])
    for direction in ("forward", "backward"):
        assert table.loc[(direction, 1.0), "conductivity"] == pytest.approx(whole, rel=1e-10)
    errors = table.loc["forward", "error"].to_numpy()
    np.testing.assert_allclose(errors[0] / errors[-1], np.sqrt(10), rtol=1e-12)
    # the halves of the trajectory average to the whole where origins are as many in both
    halves = running_conductivity(results, 2)
    mean = (halves.loc[("forward", 0.5)] + halves.loc[("backward", 0.5)])["conductivity"] / 2
    assert mean == pytest.approx(whole, rel=0.05)


def test_rows_of_the_matrix_sum_to_the_shares(at):
    data = frames.event_matrix(at, "Li+", "cross")
    window = 16.0
    share = at.results.summary(window)["share"]
    for event in share.index:
        mine = [row[4] for row in data.rows if row[1] == event and row[3] == window]
        assert sum(mine) == pytest.approx(share[event], abs=1e-12)


def test_matrices_hold_the_largest_of_many_events(at, monkeypatch):
    monkeypatch.setattr(frames, "MOST_IN_MATRIX", 2)
    data = frames.event_matrix(at, "Li+", "cross")
    share = abs(at.results.decomposition["share"].sel(species="Li+")).max("window")
    assert {row[1] for row in data.rows} == set(share.to_series().nlargest(2).index)
    _, kinds = state_frames.macrostates_of(at, "Li+")
    assert kinds == ["SSIP", "CIP"]
    chart = event_charts.cross_terms(at, "Li+", data)
    assert "Shown are the 2 of 5 events with the largest shares." in chart.caption


def test_transitions_have_rates_and_ribbons_that_fill_the_height(at):
    data = state_frames.transitions(at, "Li+", "transitions")
    found = [dict(zip([c.name for c in data.columns], row, strict=True)) for row in data.rows]
    one = at.results.transitions.sel(species="Li+")
    for window in (2.0, 16.0):
        mine = [row for row in found if row["window"] == window and row["start"] != row["end"]]
        assert sum(row["thickness"] for row in mine) == pytest.approx(1)
        flows = sum(row["flow"] for row in mine)
        for row in mine:
            assert row["thickness"] == pytest.approx(row["flow"] / flows)
            chance = float(one["transition_probability"].sel(
                window=window, macrostate_start=row["start"], macrostate_end=row["end"]
            ))  # fmt: skip
            assert row["rate"] == pytest.approx(1000 * chance / window)
    assert all(row["rate"] is None for row in found if row["start"] == row["end"])


def test_shares_of_the_slope_view_are_those_of_the_tables(at):
    data = frames.view_shares(at, "Li+", "slope")
    table = at.results.summary(view="slope", resolution=2.0, horizon=16.0)
    mine = {row[1]: row[4:] for row in data.rows if row[2:4] == [2.0, 16.0]}
    for event, row in table.iterrows():
        assert mine[event] == [row["share"], row["share_low"], row["share_high"]]
