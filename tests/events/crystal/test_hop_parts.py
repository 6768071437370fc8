"""Classes of hops split by flag and by channel: loops as a twin, sums, a walk that turns back."""

import numpy as np
import pytest

import mda_ionmech
from mda_ionmech import InputError, IonSpecies, OnsagerDecomposition
from mda_ionmech.events import CrystalEvents
from mda_ionmech.events.crystal.crystal_events import LinkedHops
from mda_ionmech.events.crystal.joined_history import join_histories
from mda_ionmech.microstates import SiteAssignment
from mda_ionmech.onsager.coefficients import onsager_factor

from ...builders import make_universe, mobility
from .test_crystal_events import in_space

N, SPACING = 4, 3.0
FLAGS = ("back_hop", "return")


def flags_by_loops(images, n):
    """Flags of every carrier and origin from site images (carriers, frames)."""
    out = []
    for held in images.tolist():
        row = []
        for t in range(len(held) - n):
            stayed = held[t] == held[t + n]
            between = held[t : t + n + 1]
            # of the frames before the present stay the last one
            last = next((x for x in held[t::-1] if x != held[t]), None)
            row.append(
                int(stayed and len(set(between)) > 1)
                + 2 * int(not stayed and held[t + n] == last)
            )  # fmt: skip
        out.append(row)
    return np.array(out)


@pytest.mark.parametrize("n", [1, 3, 7])
def test_flags_are_those_of_loops_for_each_of_two_species(n):
    rng = np.random.default_rng(n)
    states = []
    for n_carriers in (4, 3):
        state = rng.integers(0, 4, (n_carriers, 60))
        for t in range(1, 60):
            stay = rng.random(n_carriers) < 0.6
            state[stay, t] = state[stay, t - 1]
        states.append(state)
    # the last carrier begins where the one before it ends, and hops to where that one was before
    states[1][1, -15:], states[1][2, :15] = [2] * 7 + [0] * 8, [0] * 8 + [2] * 7
    places = np.arange(4)[:, None] * np.array([0.12, 0, 0])
    apart = np.array([0, 0.4, 0])
    records = [in_space(s, places + apart * k) for k, s in enumerate(states)]
    rules = CrystalEvents(), CrystalEvents()
    hops = LinkedHops(rules, join_histories(records, 1.0), np.arange(7, dtype=np.int32))
    found = [
        np.concatenate([hops.flags(block, k) for block in hops.blocks(n)], axis=1) for k in (0, 1)
    ]
    for record, flags in zip(records, found, strict=True):
        np.testing.assert_array_equal(flags, flags_by_loops(record.occupied.dense(), n))
    assert set(np.unique(np.concatenate(found))) == ({0, 2} if n == 1 else {0, 1, 2})


def steps_of(rng, n_frames, n_ions, p_back, rate=0.2):
    """Walks along a line, +1 or -1 each time, that reverse the step before with a probability."""
    sign = rng.choice([-1, 1], n_ions)
    out = np.zeros((n_frames, n_ions), dtype=np.int64)
    for t in range(1, n_frames):
        hop = rng.random(n_ions) < rate
        turn = hop & (rng.random(n_ions) < p_back)
        sign = np.where(turn, -sign, sign)
        out[t] = np.where(hop, sign, 0)
    return np.cumsum(out, axis=0)


def run_of(place, labels=("a", "b"), noise=0.1, lengths=None, **options):
    """Ions on lines of N sites round the cell with these labels in turn; each line has one ion."""
    n_frames, n_ions = place.shape
    x = np.zeros((n_frames, n_ions + 1, 3))
    x[:, :-1, 0] = SPACING * place
    x[:, :-1, 1] = 6.0 * np.arange(n_ions)
    x[:, :-1] += np.random.default_rng(0).normal(scale=noise, size=x[:, :-1].shape)
    box = (N * SPACING, 6.0 * n_ions, 12.0, 90, 90, 90)
    u = make_universe(x + 1.0, box, names=["I"] * n_ions + ["H"], masses=[7.0] * n_ions + [90.0])
    sites = np.array([[k / N, i / n_ions, 0] for i in range(n_ions) for k in range(N)])
    kinds = [labels[k % len(labels)] for k in range(len(sites))]
    ion = IonSpecies(
        u.select_atoms("name I"), charge=1, name="I+", events=CrystalEvents(**options),
        microstates=SiteAssignment.from_structure(
            sites + 1.0 / np.array(box[:3]), kinds, framework=u.select_atoms("name H"), r_core=0.8
        ),
    )  # fmt: skip
    given = {"windows": [1, 2, 4], "resolutions": [2.0], "horizons": [2.0, 4.0, 8.0]}
    return OnsagerDecomposition([ion], temperature=300, **lengths or given).run()


@pytest.fixture(scope="module")
def run():
    return run_of(steps_of(np.random.default_rng(8), 400, 3, 0.5))


def parts_by_loops(run, by, n):
    """Coefficient and count of each part of each class in the window view, by loops."""
    labels = run.events(n * run.paths.dt)
    position = run.paths.carriers(0, 3)
    held = run.microstates["I+"].state
    of_site = run.species[0].microstates.labels
    out = {}
    for t in range(position.shape[2] - n):
        whole = (position[:, :, t + n] - position[:, :, t]).sum(axis=0)
        for c in range(3):
            event = labels.names[labels.label[t, c]]
            part = ""
            if by in FLAGS:
                part = bool(labels.flags[t, c] >> FLAGS.index(by) & 1)
            elif event != "no_hop":
                part = "->".join(of_site[held[k][c]] for k in (t, t + n))
            sums = out.setdefault((event, part), [0.0, 0])
            sums[0] += float((position[c, :, t + n] - position[c, :, t]) @ whole)
            sums[1] += 1
    factor = onsager_factor(n * run.paths.dt, 3, 300.0, run.paths.volume)
    n_origins = position.shape[2] - n
    return {key: (factor * total / n_origins, count) for key, (total, count) in out.items()}


@pytest.mark.parametrize("by", [*FLAGS, "channel"])
def test_parts_are_those_of_loops_and_sum_to_the_class_in_every_view(run, by):
    for n in (1, 4):
        wanted = parts_by_loops(run, by, n)
        table = run.results.summary(float(n), by=by)
        assert table.index.names == ["event", by]
        scale = sum(abs(value) for value, _ in wanted.values())
        assert {key for key, (_, count) in wanted.items() if count} <= set(table.index)
        for key, row in table.iterrows():
            value, count = wanted.get(key, (0.0, 0))
            assert row["onsager"] == pytest.approx(value, abs=1e-10 * scale)
            assert row["count"] == count
    for reading in (
        {"window": 2.0},
        {"view": "path", "resolution": 2.0, "horizon": 8.0},
        {"view": "slope", "resolution": 2.0, "horizon": 4.0},
    ):
        plain, table = run.results.summary(**reading), run.results.summary(by=by, **reading)
        scale = table["onsager"].abs().sum()
        sums = table["onsager"].groupby(level="event").sum()
        for event, row in plain.iterrows():
            assert sums.get(event, 0.0) == pytest.approx(row["onsager"], abs=1e-10 * scale)


@pytest.mark.slow
def test_a_split_run_is_a_result_of_its_own(run, tmp_path):
    split = run.split_by("channel")
    assert split.settings["species"][0]["events"]["split_by"] == "channel"
    table = mda_ionmech.load(split.save(tmp_path / "split.nc")).summary(2.0)
    assert "single_ion_hop_a->b" in table.index
    assert table["share"].sum() == pytest.approx(1.0, abs=1e-10)
    assert float(split.decomposition["residual"].max()) < 1e-10
    np.testing.assert_allclose(mobility(split, "I+"), mobility(run.results, "I+"), rtol=1e-12)
    clusters = run.results.decomposition["cluster_count"].sum(["species", "event"])
    np.testing.assert_array_equal(
        split.decomposition["cluster_count"].sum(["species", "event"]), clusters
    )
    for name in ("multi_fraction", "multi_fraction_circular"):
        np.testing.assert_array_equal(
            split.decomposition[name], run.results.decomposition[name]
        )  # the nulls know nothing of the parts
    loaded = mda_ionmech.load_run(run.save_run(tmp_path / "hops.run"))
    assert loaded.results.summary(2.0, by="return").equals(run.results.summary(2.0, by="return"))


def test_channels_of_a_rule_with_channels_are_split_by_a_flag_alone():
    run = run_of(steps_of(np.random.default_rng(8), 200, 3, 0.5), detail="channel")
    table = run.results.summary(1.0, by="return")
    plain = run.results.summary(1.0)
    np.testing.assert_allclose(
        table["share"].groupby(level="event").sum()[plain.index], plain["share"], atol=1e-12
    )
    assert ("a->b", True) in table.index
    with pytest.raises(InputError, match="are channels already, by detail='channel'"):
        run.results.summary(1.0, by="channel")


@pytest.mark.parametrize(
    ("by", "message"),
    [
        ("swap", r"CrystalEvents of 'I\+' has the flags \['back_hop', 'return'\]; give one"),
        ("exchange", "exchange is a class of CrystalEvents, with a row of its own"),
        ("ligand", "is for exchange of solvents by SolvationEvents, and 'I\\+' has CrystalEvents"),
    ],
)
def test_what_does_not_split_hops_is_refused(run, by, message):
    with pytest.raises(InputError, match=message):
        run.results.summary(1.0, by=by)


def test_more_channels_than_a_table_can_show_are_refused():
    place = steps_of(np.random.default_rng(8), 100, 3, 0.5)
    run = run_of(place, [f"s{k}" for k in range(9)], lengths={"windows": [1], "resolutions": None})
    with pytest.raises(InputError, match="have 9 labels, which make 81 channels of each class"):
        run.results.summary(1.0, by="channel")


@pytest.mark.slow
@pytest.mark.parametrize("p_back", [0.3, 0.7])
def test_hops_that_return_carry_nothing_in_the_long_run(p_back):
    """Walks whose steps reverse the one before with probability p: see case 10 of the table.

    Their share of the slope is 0, and that of the other hops 1, at any p.
    """
    place = steps_of(np.random.default_rng(3), 20000, 12, p_back, rate=0.05)
    n_ions = place.shape[1]
    lengths = {"windows": [1], "resolutions": [1.0], "horizons": [200.0]}
    run = run_of(place, ("a",), noise=0, lengths=lengths)
    table = run.results.summary(view="slope", resolution=1.0, horizon=200.0, by="return")
    hops = table.loc["single_ion_hop"]
    count = run.results.summary(1.0, by="return").loc["single_ion_hop", "count"]
    assert count[True] / count.sum() == pytest.approx(p_back, abs=3 * 0.5 / np.sqrt(count.sum()))
    # in the slope view the error of a share is that of a sum over independent stretches
    n_stretches = len(place) * n_ions / 200
    error = np.sqrt(4.0 / n_stretches)
    assert abs(hops.loc[True, "share"]) < 3 * error
    assert hops.loc[False, "share"] == pytest.approx(1, abs=3 * error)
    # in windows as short as a hop every hop counts alike
    short = run.results.summary(1.0, by="return").loc["single_ion_hop", "self"]
    assert short[True] / short.sum() == pytest.approx(p_back, abs=0.03)
