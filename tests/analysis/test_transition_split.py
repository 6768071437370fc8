"""Transitions of macrostates as events: exact sums, plain loops as a twin, files and errors."""

import numpy as np
import pytest

import mda_ionmech
from mda_ionmech import InputError, IonSpecies, OnsagerDecomposition
from mda_ionmech.events import SolvationEvents
from mda_ionmech.lib.frozen import changed
from mda_ionmech.macrostates import MacrostateRule, Macrostates, SiteType
from mda_ionmech.microstates import CutoffShell
from mda_ionmech.onsager.coefficients import onsager_factor

from ..builders import brownian, make_universe, rows_of_two_species

N_FRAMES, N_IONS = 240, 5
STATES = ("free", "pair", "cluster", "never")


class RandomStates(MacrostateRule):
    """Random macrostates of random lengths; the last one never occurs."""

    names = STATES

    def assign(self, states, index):
        rng = np.random.default_rng(3)
        changes = rng.random((N_FRAMES, N_IONS)) < 0.15
        drawn = rng.integers(0, 3, (N_FRAMES, N_IONS))
        held = np.maximum.accumulate(np.where(changes, np.arange(N_FRAMES)[:, None], 0), axis=0)
        return Macrostates(np.take_along_axis(drawn, held, axis=0).astype(np.int16), self.names)


def random_run(**options):
    rng = np.random.default_rng(11)
    path = brownian(rng, N_FRAMES, 2 * N_IONS + 6, 0.1, 1.0) + rng.uniform(
        0, 12, (2 * N_IONS + 6, 3)
    )
    universe = make_universe(
        path,
        (12, 12, 12, 90, 90, 90),
        names=["L"] * N_IONS + ["A"] * N_IONS + ["S"] * 6,
    )
    ions = IonSpecies(
        universe.select_atoms("name L"),
        charge=1,
        name="Li+",
        microstates=CutoffShell(3.0, solvent=universe.select_atoms("name S")),
        events=SolvationEvents(),
        macrostates=RandomStates(),
    )
    anions = IonSpecies(universe.select_atoms("name A"), charge=-1, name="A-")
    return OnsagerDecomposition(
        [ions, anions], temperature=300, frame="laboratory", **options
    ).run()


@pytest.fixture(scope="module")
def run():
    return random_run()


def plain_parts(run, n, m):
    """Coefficient of each transition by loops: steps of n frames, a horizon of m steps."""
    state = run.macrostates["Li+"].state
    position = run.paths.carriers(0, N_IONS)
    out = {}
    for t in range(N_FRAMES - n * m):
        whole = (position[:, :, t + n * m] - position[:, :, t]).sum(axis=0)
        for a in range(t, t + n * m, n):
            for c in range(N_IONS):
                key = f"{STATES[state[a, c]]}_to_{STATES[state[a + n, c]]}"
                part = (position[c, :, a + n] - position[c, :, a]) @ whole
                out[key] = out.get(key, 0.0) + float(part)
    factor = onsager_factor(n * m * run.paths.dt, 3, 300.0, run.paths.volume)
    return {key: factor * total / (N_FRAMES - n * m) for key, total in out.items()}


@pytest.mark.slow
def test_transitions_are_those_of_plain_loops(run):
    found = run.by_transition()
    for reading, n, m in (
        ({"window": 4.0}, 4, 1),
        ({"view": "path", "resolution": 2.0, "horizon": 8.0}, 2, 4),
    ):
        table = found.summary(**reading)
        wanted = plain_parts(run, n, m)
        assert set(wanted) <= set(table.index)
        assert not any("never" in event for event in table.index), "it occurs in no window"
        scale = sum(abs(value) for value in wanted.values())
        for event, row in table.iterrows():
            assert row["onsager"] == pytest.approx(wanted.get(event, 0.0), abs=1e-10 * scale)


def test_in_the_window_view_they_are_the_transitions_of_the_result(run):
    found, known = run.by_transition(), run.results.transitions
    for window in known["window"].values:
        table = found.summary(float(window))
        for event, row in table.iterrows():
            start, end = event.split("_to_")
            at = {"species": "Li+", "macrostate_start": start, "macrostate_end": end}
            same = known.sel(**at, window=window)
            assert row["onsager"] == pytest.approx(float(same["transition_onsager"]), rel=1e-12)
            assert row["count"] == float(same["transition_count"])


def test_the_diffusive_view_sums_to_the_coefficient_with_intervals(run):
    table = run.by_transition().summary()
    assert table.attrs["view"] == "diffusive"
    assert table["share"].sum() == pytest.approx(1.0, rel=1e-10)
    total = table.attrs["total"]
    assert table["onsager"].sum() == pytest.approx(total[0], rel=1e-10)
    assert total[1] < total[0] < total[2]
    assert (table["share_low"] < table["share_high"]).all()
    # labels leave the totals as they are, up to the choice of lags
    wanted = run.results.decomposition["onsager"]
    found = run.by_transition().decomposition["onsager"]
    np.testing.assert_array_equal(found, wanted)


def test_other_species_keep_their_events(run):
    events = run.by_transition(species="Li+").summary(2.0, species="A-")
    assert list(events.index) == ["all"]


@pytest.mark.slow
def test_files_and_saved_runs_give_the_same(run, tmp_path):
    found = run.by_transition()
    again = mda_ionmech.load(found.save(tmp_path / "transitions.nc"))
    assert again.summary().equals(found.summary())
    assert again.settings["species"][0]["events"]["rule"] == "MacrostateTransitions"
    run.save_run(tmp_path / "saved.run")
    loaded = mda_ionmech.load_run(tmp_path / "saved.run", classes=RandomStates)
    assert loaded.by_transition().summary().equals(found.summary())


def test_species_without_macrostates(run):
    with pytest.raises(InputError, match=r"'A-' has no macrostates; species .* \['Li\+'\]"):
        run.by_transition(species="A-")
    with pytest.raises(InputError, match="species='Na' is not in this run"):
        run.by_transition(species="Na")
    bare = rows_of_two_species().run()
    with pytest.raises(InputError, match="no species of this run has macrostates"):
        bare.by_transition()


@pytest.mark.slow
def test_hops_that_are_labelled_together_are_split_together():
    analysis = rows_of_two_species()
    species = [changed(one, macrostates=SiteType()) for one in analysis.species]
    options = {"temperature": 300, "windows": [1.0], "resolutions": [1.0], "horizons": [2.0],
               "framework": analysis.framework}  # fmt: skip
    both = OnsagerDecomposition(species, **options).run().by_transition()
    for name in "LN":
        assert list(both.summary(1.0, species=name).index) == ["a_to_a"]
    alone = OnsagerDecomposition([species[0], analysis.species[1]], **options).run()
    with pytest.raises(InputError, match="labelled together with those of 'N'"):
        alone.by_transition()
