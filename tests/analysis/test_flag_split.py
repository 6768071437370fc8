"""Classes split by a flag: exact sums, plain loops as a twin, files and errors."""

import copy
import pickle

import numpy as np
import pytest

import mda_ionmech
from mda_ionmech import InputError, IonSpecies, OnsagerDecomposition
from mda_ionmech.events import PolymerEvents, SolvationEvents
from mda_ionmech.microstates import CutoffShell
from mda_ionmech.onsager.coefficients import onsager_factor

from ..builders import brownian, make_universe, mobility

N_FRAMES, N_IONS, N_CHAINS, LENGTH = 300, 4, 3, 5
WINDOWS = [1.0, 2.0, 4.0]


def universe_of(seed):
    """Ions among chains of single atoms and anions of two atoms, all in random motion."""
    n_anions = 3
    n = N_IONS + N_CHAINS * LENGTH + 2 * n_anions
    rng = np.random.default_rng(seed)
    path = brownian(rng, N_FRAMES, n, 0.1, 1.0) + rng.uniform(0, 9, (n, 3))
    first = N_IONS + np.arange(N_CHAINS * LENGTH).reshape(N_CHAINS, LENGTH)
    bonds = [(a, a + 1) for row in first for a in row[:-1].tolist()]
    bonds += [(n - 2 * k - 2, n - 2 * k - 1) for k in range(n_anions)]
    residues = [*range(N_IONS), *np.repeat(np.arange(N_CHAINS), LENGTH) + N_IONS]
    residues += (np.repeat(np.arange(n_anions), 2) + N_IONS + N_CHAINS).tolist()
    return make_universe(
        path,
        (9, 9, 9, 90, 90, 90),
        residue=residues,
        names=["I"] * N_IONS + ["O"] * N_CHAINS * LENGTH + ["A"] * 2 * n_anions,
        masses=[7.0] * N_IONS + [44.0] * N_CHAINS * LENGTH + [35.0] * 2 * n_anions,
        bonds=bonds,
    )


def run_of(rule, seed=0, **options):
    universe = universe_of(seed)
    ions = IonSpecies(
        universe.select_atoms("name I"),
        charge=1,
        name="I+",
        microstates=CutoffShell(
            3.0, polymer=universe.select_atoms("name O"), anion=universe.select_atoms("name A")
        ),
        events=rule,
    )
    anions = IonSpecies(universe.select_atoms("name A"), charge=-1, name="A-", compound="residues")
    given = {"windows": WINDOWS, "resolutions": [2.0], "horizons": [4.0, 8.0]}
    return OnsagerDecomposition(
        [ions, anions], temperature=300, frame="laboratory", **given | options
    ).run()


@pytest.fixture(scope="module")
def polymer():
    return run_of(PolymerEvents())


@pytest.fixture(scope="module")
def liquid():
    return run_of(SolvationEvents(), seed=1)


def plain_parts(run, flag, n, m):
    """Coefficients of each class with and without a flag, by loops; steps of n, horizon of m."""
    labels = run.events(n * run.paths.dt)
    bit = labels.flag_names.index(flag)
    position = run.paths.carriers(0, N_IONS)
    out = {}
    for t in range(N_FRAMES - n * m):
        whole = (position[:, :, t + n * m] - position[:, :, t]).sum(axis=0)
        for k in range(m):
            a, b = t + k * n, t + (k + 1) * n
            for c in range(N_IONS):
                key = labels.names[labels.label[a, c]], bool(labels.flags[a, c] >> bit & 1)
                part = (position[c, :, b] - position[c, :, a]) @ whole
                sums = out.setdefault(key, [0.0, 0])
                sums[0] += float(part)
                sums[1] += 1
    time = n * m * run.paths.dt
    factor = onsager_factor(time, 3, 300.0, run.paths.volume) / (N_FRAMES - n * m)
    return {key: (factor * total, count) for key, (total, count) in out.items()}


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["polymer", "liquid"])
def test_parts_are_those_of_plain_loops(kind, request):
    run = request.getfixturevalue(kind)
    for flag in run.events().flag_names:
        readings = [({"window": 2.0}, 2, 1)]
        if flag in ("denticity", "renewal", "swap"):
            readings.append(({"view": "path", "resolution": 2.0, "horizon": 8.0}, 2, 4))
        for reading, n, m in readings:
            table = run.results.summary(by=flag, **reading)
            assert table.index.names == ["event", flag]
            assert table.attrs["by"] == flag
            wanted = plain_parts(run, flag, n, m)
            scale = sum(abs(value) for value, _ in wanted.values())
            assert set(wanted) <= set(table.index)
            for key, row in table.iterrows():
                value, count = wanted.get(key, (0.0, 0))
                assert row["onsager"] == pytest.approx(value, abs=1e-10 * scale)
                if "count" in row:
                    assert row["count"] == count


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["polymer", "liquid"])
def test_parts_sum_to_the_class_in_every_view(kind, request):
    run = request.getfixturevalue(kind)
    readings = [{"window": w} for w in WINDOWS] + [
        {"view": v, "resolution": 2.0, "horizon": 4.0} for v in ("path", "slope")
    ]
    for reading in readings:
        plain = run.results.summary(**reading)
        for flag in run.events().flag_names:
            table = run.results.summary(by=flag, **reading)
            scale = table["onsager"].abs().sum()
            for name in ("share", "onsager", "self", "distinct", "frequency", "count"):
                if name not in plain:
                    continue
                found = table[name].groupby(level="event").sum()
                size = scale if name == "onsager" else max(1.0, plain[name].abs().max())
                np.testing.assert_allclose(found[plain.index], plain[name], atol=1e-10 * size)
            known = table[table["share_low"].notna()]
            assert (known["share_low"] <= known["share_high"]).all()


@pytest.mark.slow
def test_the_diffusive_view_keeps_the_lags_of_the_run():
    run = run_of(SolvationEvents(), resolutions="log", horizons="log", windows="log")
    plain = run.results.summary()
    assert plain.attrs["view"] == "diffusive"
    for flag in ("swap", "denticity"):
        table = run.results.summary(by=flag)
        assert table.attrs["last_lag_ps"] == plain.attrs["last_lag_ps"]
        found = table["onsager"].groupby(level="event").sum()[plain.index]
        size = table["onsager"].abs().sum()
        np.testing.assert_allclose(found, plain["onsager"], atol=1e-10 * size)
        np.testing.assert_allclose(
            table["share"].groupby(level="event").sum()[plain.index], plain["share"], atol=1e-9
        )


@pytest.mark.slow
def test_a_split_run_is_a_result_of_its_own(polymer, tmp_path):
    split = polymer.split_by("denticity")
    assert split.settings["species"][0]["events"]["split_by"] == "denticity"
    path = split.save(tmp_path / "split.nc")
    table = mda_ionmech.load(path).summary(2.0)
    by = polymer.results.summary(2.0, by="denticity")
    for (event, has), row in by.iterrows():
        name = f"{event}_{'with' if has else 'without'}_denticity"
        assert table.loc[name, "onsager"] == row["onsager"]
    assert table["share"].sum() == pytest.approx(1.0, abs=1e-10)
    assert split.decomposition["residual"].max() < 1e-10
    whole = mobility(split, "I+")
    np.testing.assert_allclose(whole, mobility(polymer.results, "I+"), rtol=1e-12)


@pytest.mark.slow
def test_a_saved_run_and_copies_give_the_same(polymer, tmp_path):
    wanted = polymer.results.summary(2.0, by="shift")
    loaded = mda_ionmech.load_run(polymer.save_run(tmp_path / "polymer.run"))
    for other in (loaded, copy.deepcopy(polymer), loaded.results):
        results = getattr(other, "results", other)
        assert results.summary(2.0, by="shift").equals(wanted)


@pytest.mark.slow
def test_a_result_without_its_run_says_so(polymer, tmp_path):
    loaded = mda_ionmech.load(polymer.save(tmp_path / "polymer.nc"))
    alone = pickle.loads(pickle.dumps(polymer.results))
    alone._splits.clear()
    run = run_of(SolvationEvents(), resolutions=None, windows=[1.0])
    gone = run.results
    del run
    for results in (loaded, alone, gone):
        with pytest.raises(InputError, match=r"keep the run, .* run\.save_run\(path\) .*split_by"):
            results.summary(2.0 if results is not gone else 1.0, by="denticity")


@pytest.mark.parametrize(
    ("by", "message"),
    [
        ("swop", r"by='swop': SolvationEvents of 'I\+' has the flags \['bare', .*; give one"),
        ("renewal", r"by='renewal': renewal is a class of SolvationEvents, with a row of its own"),
        (3, "by must be the name of a flag, e.g. 'denticity', got 3"),
        ("", "by must be the name of a flag"),
    ],
)
def test_wrong_flags(liquid, by, message):
    with pytest.raises(InputError, match=message):
        liquid.results.summary(by=by)


def test_species_without_flags(liquid):
    with pytest.raises(InputError, match="'A-' has no event rule"):
        liquid.results.summary(1.0, by="swap", species="A-")
    with pytest.raises(InputError, match="'A-' has no event rule"):
        liquid.split_by("swap", species="A-")
