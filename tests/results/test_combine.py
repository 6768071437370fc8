"""Independent runs of one system taken together."""

import json
import re

import numpy as np
import pytest

from mda_ionmech import InputError, OnsagerDecomposition, Results, combine
from mda_ionmech.cli.app import main
from mda_ionmech.events import SolvationEvents
from mda_ionmech.macrostates import IonPairing, ShellComposition
from mda_ionmech.microstates import CutoffShell

from ..builders import IonSpecies, hops, make_universe


def replica(seed, *, n_frames=600, rate=0.2, n=6, **options):
    """Hopping ions with a counter ion, a shell that changes now and then, and macrostates."""
    rng = np.random.default_rng(seed)
    paths, _ = hops(rng, n_frames, n, rate, 1.0, 1.0)
    still = np.broadcast_to(rng.uniform(0, 40, (3, 3)), (n_frames, 3, 3))
    positions = np.concatenate([paths + rng.uniform(0, 40, (n, 3)), still], axis=1)
    universe = make_universe(positions, names=["I"] * n + ["A"] * 3, resnames=["RES"] * (n + 3))
    anions = universe.select_atoms("name A")
    ions = IonSpecies(
        universe.select_atoms("name I"),
        charge=1,
        name="ion",
        microstates=CutoffShell(6.0, anion=anions),
        events=SolvationEvents(),
        macrostates=IonPairing(),
    )
    options = {"windows": [1.0, 4.0], "resolutions": [1.0, 2.0], "horizons": [2.0, 4.0]} | options
    run = OnsagerDecomposition([ions], temperature=300.0, frame="laboratory", **options).run()
    return run.results


@pytest.fixture(scope="module")
def three():
    return [replica(seed, n_frames=n) for seed, n in ((1, 600), (2, 600), (3, 900))]


@pytest.mark.slow
def test_sums_add_up_and_stay_exact(three, tmp_path):
    joined = combine([three[0], three[1].save(tmp_path / "second.nc"), three[2]])
    data = joined.decomposition.sel(species="ion", species_2="ion")
    weights = np.array([[r.decomposition["origins"].values] for r in three])[:, 0]
    values = np.array([r.decomposition["onsager"].values[0, 0] for r in three])
    expected = np.sum(weights * values, axis=0) / weights.sum(axis=0)
    np.testing.assert_allclose(data["onsager"], expected, rtol=1e-12)
    np.testing.assert_allclose(data["event_onsager"].sum("event"), expected, rtol=1e-10)
    np.testing.assert_allclose(data["share"].sum("event"), 1.0, rtol=1e-10)
    assert float(joined.decomposition["residual"].max()) < 1e-12
    blocks = sum(r.decomposition["blocks"].values for r in three)
    assert np.all(np.abs(data["blocks"].values - blocks) <= 3)
    own = joined.decomposition["path_slope"].sum("event")
    assert np.isfinite(own.sel(resolution=2.0, horizon=4.0)).all()
    population = joined.transitions["population"].sum("macrostate_start")
    np.testing.assert_allclose(population, 1.0)
    assert [r["n_frames"] for r in joined.settings["replicas"]] == [600, 600, 900]
    assert joined.states is None
    # narrower than one replica alone
    reach = float((data["onsager_high"] - data["onsager_low"])[0])
    alone = three[0].decomposition
    assert reach < float((alone["onsager_high"] - alone["onsager_low"])[0, 0, 0])


@pytest.mark.slow
def test_many_replicas_are_blocks_of_their_own(tmp_path):
    """Twelve short runs: the interval is that of a mean of twelve numbers."""
    runs = [replica(100 + k, n_frames=120) for k in range(12)]
    joined = combine(runs)
    assert np.all(joined.decomposition["blocks"] == 12)
    values = np.array([float(r.decomposition["onsager"][0, 0, 0]) for r in runs])
    error = values.std(ddof=1) / np.sqrt(12)
    data = joined.decomposition.isel(window=0, species=0, species_2=0)
    half = float(data["onsager_high"] - data["onsager_low"]) / 2
    # the bootstrap's error is smaller by sqrt(11 / 12), its percentiles are those of 400 samples
    assert half == pytest.approx(error * np.sqrt(11 / 12) * 0.994, rel=0.2)
    path = joined.save(tmp_path / "joined.nc")
    from mda_ionmech import load

    again = load(path)
    np.testing.assert_array_equal(again.samples("onsager"), joined.samples("onsager"))


@pytest.mark.slow
def test_replicas_that_disagree_are_named():
    joined = combine([replica(1, n_frames=900), replica(2, n_frames=900, rate=1.2)])
    assert any("replicas differ in the Onsager coefficient of ion" in w for w in joined.warnings)
    same = combine([replica(1, n_frames=900), replica(2, n_frames=900)])
    assert not any("replicas differ" in w for w in same.warnings)


@pytest.mark.slow
def test_what_is_no_replica_is_refused(three):
    with pytest.raises(InputError, match="combine needs two results or more, got 1"):
        combine(three[:1])
    with pytest.raises(InputError, match=r"result 2 differs from the first in numbers of carriers"):
        combine([three[0], replica(4, n=5)])
    with pytest.raises(InputError, match=r"differs from the first in windows \(frames\): 1, 8"):
        combine([three[0], replica(4, windows=[1.0, 8.0])])
    with pytest.raises(InputError, match=r"differs from the first in horizons \(frames\)"):
        combine([three[0], replica(4, horizons=[2.0])])


ANION = {"anion": "name A"}


def chosen(seed=1, **choices):
    return chosen_run(seed, **choices).results


def chosen_run(
    seed=1, *, cutoff=6.0, hysteresis=0.5, persistence=0.0, recorded=None, ligands=ANION, rule=None,
    macrostates=True, charge=1.0, compound=None, **options,
):  # fmt: skip
    """One replica with all its choices."""
    options["seed"] = options.pop("seed_of_run", 0)
    rng = np.random.default_rng(seed)
    paths, _ = hops(rng, 200, 6, 0.2, 1.0, 1.0)
    still = np.broadcast_to(rng.uniform(0, 40, (6, 3)), (200, 6, 3))
    universe = make_universe(
        np.concatenate([paths + rng.uniform(0, 40, (6, 3)), still], axis=1),
        options.pop("dimensions", (40, 40, 40, 90, 90, 90)), dt=options.pop("dt", 1.0),
        names=["I"] * 6 + ["A"] * 3 + ["B"] * 3, resnames=["RES"] * 12, masses=[1.0] * 12,
    )  # fmt: skip
    groups = {kind: universe.select_atoms(text) for kind, text in ligands.items()}
    ions = IonSpecies(
        universe.select_atoms("name I"), charge=charge, name=options.pop("name", "ion"),
        compound=compound, events=rule or SolvationEvents(),
        microstates=CutoffShell(
            cutoff, hysteresis=hysteresis, persistence=persistence, recorded=recorded, **groups
        ),
        macrostates=(IonPairing() if "anion" in ligands else ShellComposition())
        if macrostates else None,
    )  # fmt: skip
    if framework := options.pop("framework", None):
        options["framework"] = universe.select_atoms(framework)
    options = {
        "temperature": 300.0, "windows": [1.0, 4.0], "resolutions": [1.0], "horizons": [4.0],
    } | ({} if "framework" in options else {"frame": "laboratory"}) | options  # fmt: skip
    return OnsagerDecomposition([ions], **options).run()


class Other(SolvationEvents):
    """The same under another name."""


@pytest.fixture(scope="module")
def one():
    return chosen()


@pytest.mark.parametrize(
    ("choices", "named"),
    [
        ({"cutoff": 6.5}, ["cutoff_inner_angstrom, anion: 6.5 against 6.0", "cutoff_outer"]),
        ({"hysteresis": 1.0}, [r"cutoff_outer_angstrom, anion: 7.0 against 6.5"]),
        ({"persistence": 5.0}, ["microstates of ion, persistence_ps: 5.0 against 0.0"]),
        ({"ligands": {"anion": "name A B"}}, ["ligands, anion: name A B against name A"]),
        ({"ligands": {"anion": "name A", "solvent": "name B"}}, ["ligands, solvent: name B again"]),
        ({"ligands": {"solvent": "name A"}, "macrostates": False}, ["macrostates"]),
        ({"rule": Other()}, ["events of ion, rule: Other against SolvationEvents"]),
        ({"macrostates": False}, ["macrostates"]),
        ({"charge": 2.0}, ["charges: 2.0 against 1.0"]),
        ({"name": "other"}, ["species: other against ion; projection: other none against"]),
        ({"compound": "residues"}, ["compound of ion: residues against none"]),
        ({"temperature": 310.0}, [r"temperature \(K\): 310.0 against 300.0"]),
        ({"windows": [2.0]}, [r"windows \(frames\): 2 against 1, 4"]),
        ({"resolutions": [2.0]}, [r"resolutions \(frames\): 2 against 1"]),
        ({"horizons": [8.0]}, [r"horizons \(frames\): 8 against 4"]),
        ({"dt": 0.5}, [r"frame spacing \(ps\): 0.5 against 1.0"]),
        ({"framework": "name B"}, ["frame of reference: framework against lab", "framework"]),
        ({"axes": "xy"}, ["axes: xy against xyz"]),
        ({"level": 0.95}, ["interval level: 0.95 against 0.68"]),
        ({"cutoff": 7.0, "persistence": 9.0, "temperature": 1.0}, ["cutoff", "persis", "temper"]),
    ],
)  # fmt: skip
def test_different_choices_are_refused_with_all_that_differs(one, choices, named):
    other = chosen(seed=2, **choices)
    with pytest.raises(InputError, match="result 2 differs from the first in") as refused:
        combine([one, other])
    for text in named:
        assert re.search(text, str(refused.value)), refused.value
    # the order does not matter
    with pytest.raises(InputError, match="result 2 differs"):
        combine([other, one])


def test_results_with_other_filters_are_refused(one):
    run = chosen_run(seed=2)
    with pytest.raises(InputError, match="filters_used: False against True"):
        combine([one, run.plain()])
    with pytest.raises(InputError, match=r"persistence_ps: 3.0 against 0.0"):
        combine([one, run.relabelled(3.0)])
    assert len(combine([one, run.relabelled(0.0)]).settings["replicas"]) == 2


def test_what_may_differ_may_differ(one):
    joined = combine([one, chosen(2, seed_of_run=7)])
    assert len(joined.settings["replicas"]) == 2


@pytest.mark.slow
def test_one_run_is_not_taken_twice(one, tmp_path):
    other = chosen(seed=2)
    with pytest.raises(InputError, match="results 1 and 3 are one and the same run"):
        combine([one, other, one.save(tmp_path / "again.nc")])


@pytest.mark.slow
def test_a_combined_result_is_not_taken_beside_its_runs(one, tmp_path):
    other, third = chosen(seed=2), chosen(seed=3)
    pair = combine([one, other])
    again = pair.save(tmp_path / "combined.nc")
    for listed in ([one, other, again], [pair, third, other], [pair, again], [again, third, one]):
        with pytest.raises(InputError, match="same run: used twice it would count as two"):
            combine(listed)
    with pytest.raises(
        InputError, match=r"no result of combine together with its replicas .*combined\.nc\)"
    ):
        combine([one, again])
    # in two steps as in one
    steps, once = combine([pair, third]), combine([one, other, third])
    assert steps.settings["replicas"] == once.settings["replicas"]
    assert steps.decomposition["onsager"].equals(once.decomposition["onsager"])


@pytest.mark.slow
def test_overlapping_stretches_of_one_trajectory_are_refused():
    """Frames 0 to 119 and 40 to 199 share 80 frames; 0 to 99 and 100 to 199 share none."""
    ions = chosen_run().species

    def stretch(start, stop):
        options = {"windows": [1.0, 4.0], "resolutions": [1.0], "horizons": [4.0]}
        run = OnsagerDecomposition(ions, temperature=300.0, frame="laboratory", **options)
        return run.run(start=start, stop=stop).results

    with pytest.raises(InputError, match=r"of one trajectory and both hold its frames 40 to 119:"):
        combine([stretch(0, 120), stretch(40, 200)])
    pair = combine([stretch(0, 100), stretch(100, 200)])
    assert len(pair.settings["replicas"]) == 2
    # also of a replica inside a combined result
    both = combine([stretch(0, 100), chosen(seed=2)])
    for overlapping in (stretch(60, 160), pair):
        with pytest.raises(InputError, match=r"one trajectory and both hold its frames|same run"):
            combine([both, overlapping])
    assert len(combine([both, stretch(100, 200)]).settings["replicas"]) == 3


def piece(start, stop, seed=4, noise=0.05):
    """Frames of a trajectory in a file of its own, where their numbers begin at 0."""
    rng = np.random.default_rng(seed)
    paths, _ = hops(rng, 400, 6, 0.2, 1.0, 1.0)
    paths = paths + rng.uniform(0, 40, (6, 3)) + rng.normal(0, noise, paths.shape)
    universe = make_universe(paths[start:stop], names=["I"] * 6)
    ions = IonSpecies(universe.select_atoms("name I"), charge=1, name="ion")
    options = {"windows": [1.0, 4.0], "resolutions": [1.0], "horizons": [4.0]}
    run = OnsagerDecomposition([ions], temperature=300.0, frame="laboratory", **options).run()
    return run.results


@pytest.mark.slow
def test_overlapping_pieces_of_one_trajectory_are_refused_whatever_their_numbers(tmp_path):
    """As of a trajectory that was cut into files with some frames in two of them."""
    first = piece(0, 250)
    for (start, stop), frames in {
        (200, 400): (r"20\d to 24\d", r"\d to 4\d"),
        (100, 200): (r"10\d to 19\d", r"\d to 9\d"),
    }.items():
        text = rf"hold its frames {frames[0]}, numbered {frames[1]} there: what is in both"
        with pytest.raises(InputError, match=text):
            combine([first, piece(start, stop)])
        # also from files, in the other order, and inside a combined result
        files = [piece(start, stop).save(tmp_path / "b.nc"), first.save(tmp_path / "a.nc")]
        with pytest.raises(InputError, match="are of one trajectory"):
            combine(files)
    both = combine([first, piece(0, 250, seed=9)])
    for pair in ([both, piece(100, 400)], [piece(100, 400), both]):
        with pytest.raises(InputError, match="are of one trajectory"):
            combine(pair)
    # what follows is not what went before, nor are other carriers on the same lattice
    assert len(combine([first, piece(250, 400)]).settings["replicas"]) == 2
    for noise in (0.0, 0.05):
        several = [piece(0, 250, seed, noise) for seed in (4, 5, 6)]
        assert len(combine(several).settings["replicas"]) == 3


@pytest.mark.slow
def test_the_command_does_not_take_its_own_output(one, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    one.save("a.nc")
    chosen(seed=2).save("b.nc")

    def combined(*words):
        monkeypatch.setattr("sys.argv", ["ionmech", "combine", *words])
        try:
            main()
        except SystemExit as end:
            return end.code, capsys.readouterr().err
        return 0, capsys.readouterr().err

    assert combined("a.nc", "b.nc")[0] == 0
    # as the shell fills in combine *.nc
    status, said = combined("a.nc", "b.nc", "combined.nc", "-o", "all.nc")
    assert status == 2
    assert "hold one and the same run" in said
    assert "combined.nc" in said
    assert not (tmp_path / "all.nc").exists()
    before = (tmp_path / "combined.nc").read_bytes()
    status, said = combined("a.nc", "b.nc", "combined.nc")
    assert status == 2
    assert "--output combined.nc is one of the results to combine" in said
    assert (tmp_path / "combined.nc").read_bytes() == before


def test_volumes_far_apart_are_refused(one):
    with pytest.raises(InputError, match=r"mean volume of 68921\.0 Å"):
        combine([one, chosen(seed=2, dimensions=(41, 41, 41, 90, 90, 90))])


def with_settings(results, change):
    """The same result with other settings written into it."""
    settings = results.settings
    change(settings["species"][0]["microstates"])
    tree = results.tree.copy()
    tree.attrs = results.tree.attrs | {"settings": json.dumps(settings)}
    return Results(tree)


@pytest.mark.parametrize(
    ("found", "radius", "fine"),
    [(["anion"], 6.08, True), (["anion"], 6.21, False), ([], 6.08, False)],
)
def test_cutoffs_found_on_each_trajectory_may_differ_a_little(one, found, radius, fine):
    def first(about):
        about["cutoff_from_rdf"] = found

    def second(about):
        first(about)
        about["cutoff_inner_angstrom"]["anion"] = radius

    pair = [with_settings(one, first), with_settings(chosen(seed=2), second)]
    if fine:
        notes = combine(pair).warnings
        assert any("ion and anion, inner radius 6.08 and 6.0 Å; give radii" in x for x in notes)
    else:
        with pytest.raises(
            InputError, match=rf"cutoff_inner_angstrom, anion: {radius} against 6\.0"
        ):
            combine(pair)
