"""Dates of hops between cages: plain loops, hops at known times, and what a run says of them."""

import numpy as np
import pytest
from scipy.stats import norm

from mda_ionmech.lib.run_length import LabelRuns
from mda_ionmech.microstates import CageAssignment
from mda_ionmech.microstates.cages import dated_hops
from mda_ionmech.microstates.cages.dated_hops import CORE, dated
from mda_ionmech.microstates.contacts import CarrierPaths
from mda_ionmech.microstates.sites.site_assignment import minimum_image

from .test_cage_assignment import STEP, run_of, universe_of

CELL = np.array([[9.0, 0, 0], [2.0, 8.0, 0], [1.0, 2.0, 10.0]])
DISTANCE = 2.0
#: Of vibrations along each axis, Angstrom.
AMPLITUDE = 0.2


def plain_dates(place, centres, runs, distance=DISTANCE):
    """First frames of all runs and delays of the hops, by the words of the docstring."""
    dates, delays = [], []
    for c in range(runs.n_carriers):
        starts = runs.start[runs.offsets[c] : runs.offsets[c + 1]].tolist()
        cages = runs.value[runs.offsets[c] : runs.offsets[c + 1]]
        off = minimum_image(place[c][:, None] - centres[None]) @ CELL
        away = np.linalg.norm(off, axis=2)  # frames, cages
        found = [0]
        for m in range(1, len(starts)):
            old, new = away[:, cages[m - 1]], away[:, cages[m]]
            stop = [*starts, runs.n_frames][m + 1]
            stay = np.arange(found[-1], starts[m])
            inside = stay[old[stay] <= CORE * distance]
            # the first frame of a stay is the date before
            inside, stay = inside[inside > found[-1]], stay[stay >= found[-1]]
            near = inside.max() if len(inside) else stay[::-1][np.argmin(old[stay][::-1])]
            after = np.arange(near + 1, stop)
            inside = after[new[after] <= CORE * distance]
            entry = inside.min() if len(inside) else after[np.argmin(new[after])]
            nearer = [t for t in range(found[-1] + 1, entry) if old[t] <= new[t]]
            found.append(max(nearer) + 1 if nearer else found[-1] + 1)
            delays.append(entry - found[-1])
        dates += found
    return dates, delays


@pytest.mark.parametrize("seed", range(6))
def test_dates_are_those_of_plain_loops(seed, monkeypatch):
    rng = np.random.default_rng(seed)
    n, n_frames = 7, 60
    centres = rng.uniform(0, 1, (5, 3))
    held = rng.integers(0, 5, (n, 12))[:, np.sort(rng.integers(0, 12, n_frames))]
    change = np.ones(held.shape, dtype=bool)
    change[:, 1:] = held[:, 1:] != held[:, :-1]
    offsets = np.concatenate([[0], np.cumsum(change.sum(axis=1))])
    runs = LabelRuns(
        offsets, np.nonzero(change)[1].astype(np.int32), held[change].astype(np.int32), n_frames
    )
    # ions lag behind or run ahead of their cages, and wander about them
    place = centres[held] + rng.normal(scale=0.08, size=(n, n_frames, 3))
    place[:, 2:] = place[:, :-2] if seed % 2 else (place[:, 2:] + place[:, :-2]) / 2
    begin = place[:, 0] + rng.integers(-1, 2, (n, 3))
    steps = minimum_image(np.diff(place, axis=1, prepend=place[:, :1])) @ CELL
    position = np.ascontiguousarray(np.cumsum(steps, axis=1).transpose(0, 2, 1))
    monkeypatch.setattr(dated_hops, "carrier_blocks", lambda _: [(0, 3), (3, n)])
    found, dating = dated(CarrierPaths(position, begin, CELL), runs, centres, DISTANCE)
    dates, delays = plain_dates(place, centres, runs)
    assert found.start.tolist() == dates
    np.testing.assert_array_equal(found.value, runs.value)
    np.testing.assert_array_equal(found.offsets, runs.offsets)
    assert np.all(np.diff(found.start)[np.diff(np.repeat(np.arange(n), np.diff(offsets))) == 0] > 0)
    counted = np.bincount(delays, minlength=len(dating.counts))
    np.testing.assert_array_equal(dating.counts, counted)


def crossings(rng, n_ions, n_frames, transit):
    """Ions that go along x from place to place in `transit` frames, half way at whole frames."""
    places = np.zeros((n_frames, n_ions, 3)) + rng.integers(0, 6, (n_ions, 3)) * STEP
    times = []
    for c in range(n_ions):
        t = int(rng.integers(10, 40))
        while t < n_frames - 40:
            rise = np.clip((np.arange(n_frames) - t + 0.5) / transit + 0.5, 0, 1)
            places[:, c, 0] += STEP * rise
            times.append((c, t))
            t += int(rng.integers(30, 90))
    return places, times


@pytest.mark.slow
@pytest.mark.parametrize("transit", [1, 7])
def test_hops_at_known_times_are_dated_as_vibration_lets_them(transit):
    """Ions on their way for a known time: the last frame on the old side, by chance, is before the
    date; the chance of frame k after the middle follows from the place there and the vibration."""
    rng = np.random.default_rng(transit)
    places, times = crossings(rng, 24, 1500, transit)
    run = run_of(universe_of(places, rng, amplitude=AMPLITUDE, dt=0.05), CageAssignment(time=0.2))
    table = run.hops(0.05)
    found = sorted(zip(table["carrier"], table["frame"] + 1, strict=True))
    assert len(found) == len(times)
    assert [c for c, _ in found] == [c for c, _ in sorted(times)]
    late = np.array([t for _, t in found]) - np.array([t for _, t in sorted(times)])
    after = np.arange(-20, 21)
    beyond = np.clip((after + 0.5) / transit, -0.5, 0.5) * STEP
    back = norm.cdf(-beyond / AMPLITUDE)
    # the last frame on the old side: no later one is
    last = back * np.append(np.cumprod((1 - back)[::-1])[::-1][1:], 1.0)
    expected = last @ (after + 1)
    spread = np.sqrt(last @ (after + 1 - expected) ** 2)
    assert last.sum() == pytest.approx(1)
    assert abs(late.mean() - expected) <= 3 * spread / np.sqrt(len(late))
    dates = run.results.hop_dates().attrs
    assert dates["hops"] == len(times)
    assert "share_past_a_third_site" not in dates
