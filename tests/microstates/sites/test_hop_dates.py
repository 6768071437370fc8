"""Dates of hops on lattices with known times: entry into a core, or crossing half way."""

import json

import numpy as np
import pytest

from mda_ionmech import InputError, IonSpecies, OnsagerDecomposition, load, load_run
from mda_ionmech.events import CrystalEvents
from mda_ionmech.microstates import ContactHistory, Contacts, SiteAssignment
from mda_ionmech.microstates.contact_tracking import ContactTracker
from mda_ionmech.microstates.sites.core_sets import held_sites
from mda_ionmech.microstates.sites.hop_dates import HopDating
from mda_ionmech.results.same_settings import differing
from mda_ionmech.results.tables import surroundings

from ...builders import make_universe

#: Sites along x, 4 A apart, in a cell of 40 A; lines of carriers are 10 A apart.
SPACING, LENGTH = 4.0, 40.0
HOST = np.array([[3.0, 7.0, 5.0], [21.0, 28.0, 15.0], [33.0, 12.0, 36.0], [11.0, 37.0, 27.0]])


def vibrating(n_frames):
    """The host, two atoms of which vibrate against each other: no two frames are equal."""
    host = np.repeat(HOST[None], n_frames, axis=0)
    wave = 0.01 * np.sin(0.7 * np.arange(n_frames))
    host[:, 0, 0] += wave
    host[:, 1, 0] -= wave
    return host


def path(n_frames, hops, steps=None):
    """x of a carrier that starts on site 0; hops: (crossing, entry) frames, one step along x each.

    Between the two it is just behind the surface half way, outside the core.
    """
    x = np.zeros(n_frames)
    for (crossing, entry), step in zip(
        hops, [1] * len(hops) if steps is None else steps, strict=True
    ):
        x[crossing:] += 0.55 * SPACING * step
        x[entry:] += 0.45 * SPACING * step
    return x


def analysis(x, rule=None, *, sites=None, windows=(1.0,), resolutions=None, **options):
    """Carriers along x (frames, carriers), each on its own line of sites."""
    n_frames, n = x.shape
    line = 10.0 * np.stack(np.unravel_index(np.arange(n), (4, 4)), axis=1)
    ions = np.concatenate([x[..., None], np.broadcast_to(line, (n_frames, n, 2))], axis=2)
    host = vibrating(n_frames)
    positions = np.concatenate([ions, host], axis=1) % LENGTH
    u = make_universe(
        positions, (LENGTH,) * 3 + (90.0,) * 3, names=["LI"] * n + ["H"] * len(HOST),
        masses=[7.0] * n + [90.0] * len(HOST),
    )  # fmt: skip
    along = np.arange(0, LENGTH, SPACING) if sites is None else np.asarray(sites)
    places = [[a, *b] for b in line for a in along]
    detector = SiteAssignment.from_structure(
        np.array(places) / LENGTH, ["a"] * len(places), framework=u.select_atoms("name H"),
        framework_fractional=HOST / LENGTH, r_core=0.8, **options,
    )  # fmt: skip
    ion = IonSpecies(
        u.select_atoms("name LI"), charge=1, name="Li+", microstates=detector, events=rule
    )
    return OnsagerDecomposition(
        [ion], temperature=300, windows=list(windows), resolutions=resolutions
    ).run()


def starts(run):
    runs = run.microstates["Li+"].runs
    return [
        runs.start[a + 1 : b].tolist()
        for a, b in zip(runs.offsets[:-1], runs.offsets[1:], strict=True)
    ]


HOPS = [[(10, 10), (30, 37)], [(5, 9), (20, 22)], [(40, 43)], [(12, 12)]]


def test_each_hop_has_the_date_that_is_asked_for():
    x = np.stack([path(60, hops) for hops in HOPS], axis=1)
    entry, crossing = analysis(x), analysis(x, hop_time="crossing")
    assert starts(entry) == [[e for _, e in hops] for hops in HOPS]
    assert starts(crossing) == [[c for c, _ in hops] for hops in HOPS]
    delays = np.array([e - c for hops in HOPS for c, e in hops])
    for run in (entry, crossing):
        table = run.results.hop_dates()
        assert table.attrs["hops"] == 6
        assert table.attrs["mean_ps"] == pytest.approx(delays.mean())
        assert table.attrs["standard_deviation_ps"] == pytest.approx(delays.std())
        ranks = np.percentile(delays, table.index, method="inverted_cdf")
        np.testing.assert_allclose(table["entry_minus_crossing"], ranks)
        at = table["entry_minus_crossing"]
        assert table.attrs["width_ps"] == pytest.approx(at[84] - at[16])
        assert table.attrs["share_past_a_third_site"] == 0
    # a fine difference of dates, none of sites: the same hops, the same paths in the end
    assert entry.microstates["Li+"].runs.n_changes == crossing.microstates["Li+"].runs.n_changes


def test_the_last_crossing_before_the_entry_counts():
    x = path(40, [(10, 25)])
    x[14:18] = 0.3 * SPACING  # back behind the surface, not into the core
    x[20] = 0.45 * SPACING
    assert starts(analysis(x[:, None], hop_time="crossing")) == [[21]]
    x[22] = 0.0  # into the old core
    assert starts(analysis(x[:, None], hop_time="crossing")) == [[23]]
    assert starts(analysis(x[:, None])) == [[25]]


def test_a_hop_past_a_third_site_is_dated_in_the_middle_of_that_time():
    x = np.zeros(40)
    x[10:16] = 0.7 * SPACING  # nearest to the middle site, outside its core
    x[16:] = 1.7 * SPACING
    x[20:] = 2 * SPACING
    run = analysis(x[:, None], hop_time="crossing")
    assert starts(run) == [[13]]
    assert run.results.hop_dates().attrs["share_past_a_third_site"] == 1


def test_dates_are_those_of_a_plain_search():
    rng = np.random.default_rng(5)
    for _ in range(60):
        n_frames, n, n_sites = int(rng.integers(2, 60)), 3, int(rng.integers(2, 5))
        nearest = rng.integers(0, n_sites, (n_frames, n)).repeat(rng.integers(1, 4), axis=0)
        nearest = nearest[:n_frames].astype(np.int32)
        inside = rng.random(nearest.shape) < rng.random()
        tracker = ContactTracker(n, 0)
        for t in range(n_frames):
            tracker.add(Contacts(np.arange(n), nearest[t], inside[t]))
        history = ContactHistory(
            **tracker.finish(), n_frames=n_frames, n_carriers=n, spacing=0.5,
            ligand_atom=np.arange(n_sites), ligand_molecule=np.arange(n_sites),
            ligand_kind=np.zeros(n_sites, dtype=int),
        )  # fmt: skip
        plain, _, _ = held_sites(history, 0, by_core=True)
        entry, crossing = HopDating("entry"), HopDating("crossing")
        same, _, _ = held_sites(history, 0, by_core=True, dating=entry)
        np.testing.assert_array_equal(same.dense(), plain.dense())
        found, _, _ = held_sites(history, 0, by_core=True, dating=crossing)
        expected, delays, third = plain.dense().copy(), [], 0
        for c in range(n):
            held = plain.dense()[c]
            if not inside[:, c].any():
                continue
            for e in np.flatnonzero(np.diff(held)) + 1:
                left = 1 + max(t for t in range(e) if nearest[t, c] == held[e - 1])
                arrived = e
                while arrived > 0 and nearest[arrived - 1, c] == held[e]:
                    arrived -= 1
                when = (left + arrived + 1) // 2
                expected[c, when:e] = held[e]
                delays.append(e - when)
                third += left < arrived
        np.testing.assert_array_equal(found.dense(), expected)
        for one in (entry, crossing):
            assert one.counts.sum() == len(delays)
            assert one.past_third == third
            assert one.report(0.5) == {} or one.report(0.5)["entry_minus_crossing"][
                "mean_ps"
            ] == pytest.approx(0.5 * np.mean(delays))


def trains(rng, late):
    """Trains of two: the first ion crosses to an empty site as the second crosses to its own.

    x (frames, 4) of two lines with two ions each; entries are late by 0 to `late` frames.
    """
    moments = np.arange(20, 1900, 30)
    lines = []
    for ahead in (1, 0):
        hops = [(int(t), int(t + rng.integers(0, late + 1))) for t in moments]
        lines.append(path(2000, hops) + ahead * SPACING)
    return np.stack(lines, axis=1)


def test_hops_that_cross_together_are_linked_however_late_they_enter():
    x = trains(np.random.default_rng(7), 8)
    n_frames = len(x)
    ions = np.zeros((n_frames, 2, 3))
    ions[..., 0] = x
    host = vibrating(n_frames)
    u = make_universe(
        np.concatenate([ions, host], axis=1) % LENGTH, (LENGTH,) * 3 + (90.0,) * 3,
        names=["LI"] * 2 + ["H"] * len(HOST), masses=[7.0] * 2 + [90.0] * len(HOST),
    )  # fmt: skip
    places = np.array([[a, 0, 0] for a in np.arange(0, LENGTH, SPACING)]) / LENGTH
    share = {}
    for hop_time in ("entry", "crossing"):
        detector = SiteAssignment.from_structure(
            places, ["a"] * len(places), framework=u.select_atoms("name H"), r_core=0.8,
            framework_fractional=HOST / LENGTH, hop_time=hop_time,
        )  # fmt: skip
        ion = IonSpecies(
            u.select_atoms("name LI"), charge=1, name="Li+", microstates=detector,
            events=CrystalEvents(),
        )  # fmt: skip
        run = OnsagerDecomposition([ion], temperature=300, windows=[1.0], resolutions=None).run()
        share[hop_time] = float(run.results.decomposition["multi_fraction"].sel(species="Li+")[0])
    assert share["crossing"] == 1.0
    # both delays are equal once in nine
    assert share["entry"] == pytest.approx(1 / 9, abs=0.1)


@pytest.mark.slow
def test_no_resolution_below_the_scatter_of_dates_is_recommended():
    rng = np.random.default_rng(8)

    def run(waits, delays):
        columns = []
        for _ in range(8):
            moments = np.cumsum(rng.choice(waits, 2000 // min(waits)))
            hops = [(int(t), int(t + rng.choice(delays))) for t in moments]
            hops = [h for h in hops if h[1] < 2000]
            columns.append(path(2000, hops, rng.choice([-1, 1], len(hops))))
        x = np.stack(columns, axis=1)
        return analysis(x, CrystalEvents(), resolutions="log").results

    sharp = run([12, 13], [0])
    assert sharp.hop_dates().attrs["width_ps"] == 0
    assert sharp.recommend().resolution == 8.0
    # far apart, so that labels are elementary in windows longer than the scatter
    rare = run([60, 140], [0, 11])
    assert rare.recommend().resolution >= rare.hop_dates().attrs["width_ps"] == 11.0
    # close together: a window is too short for the dates or too long for the hops
    close = run([12, 13], [0, 11])
    advice = close.recommend()
    assert (advice.resolution, advice.label_resolution) == (None, None)
    assert "scatter over 11 ps" in advice.text
    assert "no reading" in advice.text
    assert close.verdict().finding("events") in (None, "undated")
    if "multi_fraction" in close.decomposition:
        assert close.verdict().finding("concertedness") != "concerted"


@pytest.mark.slow
def test_dates_are_saved_with_the_run(tmp_path):
    x = np.stack([path(60, hops) for hops in HOPS], axis=1)
    run = analysis(x, CrystalEvents(), hop_time="crossing")
    back = load_run(run.save_run(tmp_path / "dates.run"))
    assert back.species[0].microstates.hop_time == "crossing"
    assert starts(back) == starts(run)
    results = load(run.save(tmp_path / "dates.nc"))
    assert results.hop_dates().equals(run.results.hop_dates())
    assert results.settings["species"][0]["microstates"]["hop_time"] == "crossing"


def test_results_from_before_two_dates_are_those_of_entries():
    x = np.stack([path(60, hops) for hops in HOPS], axis=1)
    entry, crossing = (analysis(x, hop_time=h).results for h in ("entry", "crossing"))
    settings = json.loads(entry.tree.attrs["settings"])
    for one in settings["species"]:
        for name in ("hop_time", "entry_minus_crossing"):
            del one["microstates"][name]
        one["microstates"]["measured"].remove("entry_minus_crossing")
    older = type(entry)(entry.tree.copy())
    older.tree.attrs = entry.tree.attrs | {"settings": json.dumps(settings)}
    assert differing(entry, older) == differing(older, entry) == []
    assert differing(crossing, older) == ["microstates of Li+, hop_time: absent against crossing"]
    assert differing(entry, crossing) == ["microstates of Li+, hop_time: crossing against entry"]
    assert "Hops are dated" not in surroundings("Li+", settings["species"][0]["microstates"])
    assert "Hops are dated at the crossing" in surroundings(
        "Li+", crossing.settings["species"][0]["microstates"]
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"hop_time": "exit"}, r"hop_time must be one of \('entry', 'crossing'\), got 'exit'"),
        ({"hop_time": ["entry"]}, "hop_time must be one of"),
        ({"hop_time": "crossing", "assignment": "nearest"}, "hop_time='crossing' dates hops betw"),
        ({"hop_time": "crossing", "assignment": "polyhedron"}, "hop_time='crossing' dates hops"),
    ],
)
def test_dates_that_do_not_exist_are_refused(options, message):
    with pytest.raises(InputError, match=message):
        analysis(np.zeros((5, 1)), **options)


def test_without_cores_there_are_no_dates():
    x = np.stack([path(60, hops) for hops in HOPS], axis=1)
    with pytest.raises(InputError, match="no hops between cores"):
        analysis(x, assignment="nearest").results.hop_dates()
