"""Spacing and order of frames in files: what readers make up, gaps, restarts, single precision."""

import warnings

import MDAnalysis as mda
import numpy as np
import pytest

from mda_ionmech import InputError, IonSpecies, OnsagerDecomposition
from mda_ionmech.trajectory import from_ase
from mda_ionmech.trajectory.frame_times import account_of_times

from ..builders import make_universe
from ..commands import ionmech_here
from .timed_files import (
    ATOMS,
    BOX,
    DT,
    LENGTH,
    N,
    analysis,
    coefficients,
    from_memory,
    made,
    read,
    topology,
    walk,
    write,
)

#: Formats that hold their times, and those that do not.
TIMED = ("xtc", "trr", "dcd", "ncdf", "h5md")
UNTIMED = ("lammpsdump", "xyz", "pdb", "gro")

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


def needs(ending):
    if ending == "h5md":
        pytest.importorskip("h5py")


# ---- where the spacing comes from -----------------------------------------------------------


@pytest.mark.parametrize("ending", TIMED)
def test_files_that_hold_their_times_are_taken_at_their_word(ending, tmp_path):
    needs(ending)
    universe = made(tmp_path, ending, walk())
    run = analysis(universe).run()
    assert run.results.settings["dt_ps"] == pytest.approx(DT, rel=1e-6)
    expected = from_memory(walk())
    tolerance = 2e-2 if ending == "xtc" else 1e-4
    np.testing.assert_allclose(
        run.results.decomposition["onsager"], expected, atol=tolerance * expected.max()
    )


@pytest.mark.parametrize("ending", UNTIMED)
def test_a_spacing_that_the_reader_made_up_is_asked_for(ending, tmp_path):
    universe = made(tmp_path, ending, walk())
    with pytest.raises(InputError, match=r"dt=None, and the times .* are not in the file") as found:
        analysis(universe).run()
    if ending == "lammpsdump":
        assert "frames 0 and 1 are steps 0 and 500" in str(found.value)
    given = analysis(universe, dt=DT).run()
    assert given.results.settings["dt_ps"] == DT
    expected = from_memory(walk())
    tolerance = 2e-2 if ending in ("pdb", "gro") else 1e-3  # decimals in the file
    np.testing.assert_allclose(
        given.results.decomposition["onsager"], expected, atol=tolerance * expected.max()
    )
    # times of what is written are on the same scale
    np.testing.assert_allclose(given.times, DT * np.arange(N), atol=1e-9)
    # the spacing is that of the frames analysed
    thinned = analysis(universe, dt=2 * DT, windows=[2 * DT]).run(step=2)
    assert thinned.results.settings["dt_ps"] == 2 * DT
    assert account_of_times(universe.trajectory).needs_dt


@pytest.mark.parametrize("ending", ["xyz", "lammpsdump"])
def test_a_copy_in_memory_has_no_more_times_than_its_file(ending, tmp_path):
    universe = made(tmp_path, ending, walk())
    universe.transfer_to_memory()
    with pytest.raises(InputError, match="are not in the file"):
        analysis(universe).run()
    held = made(tmp_path, "xtc", walk(), times=1.0 * np.arange(N))
    held.transfer_to_memory()
    assert analysis(held, windows=[2.0]).run().results.settings["dt_ps"] == 1.0


def test_dt_given_to_mdanalysis_is_used_where_it_means_the_spacing(tmp_path):
    for ending in ("xyz", "pdb", "xtc"):
        universe = made(tmp_path, ending, walk(), dt=DT)
        assert analysis(universe).run().results.settings["dt_ps"] == DT
    # a dump multiplies it with the steps of the engine
    universe = made(tmp_path, "lammpsdump", walk(), dt=DT)
    with pytest.raises(InputError, match=r"trajectory.dt is 0.5 ps, but .* are 250 ps apart"):
        analysis(universe).run()
    assert analysis(universe, dt=DT).run().results.settings["dt_ps"] == DT
    # which is right for the time step of the engine
    universe = made(tmp_path, "lammpsdump", walk(), dt=0.001)
    run = analysis(universe).run()
    assert run.results.settings["dt_ps"] == pytest.approx(DT)
    assert any("500 steps of dt=0.001 ps" in text for text in run.results.warnings)
    # the times of a NetCDF file win over it without a word
    universe = made(tmp_path, "ncdf", walk(), dt=0.1)
    with pytest.raises(InputError, match=r"trajectory.dt is 0.1 ps, but .* are 0.5 ps apart"):
        analysis(universe).run()


def test_comments_that_speak_of_times_are_shown(tmp_path):
    """As CP2K writes them, and GROMACS; they have no common form and are not read as numbers."""
    path = write(tmp_path / "run.xyz", walk())
    lines = path.read_text().splitlines()
    for k in range(N):
        lines[1 + k * (ATOMS + 2)] = f" i = {k:8d}, time = {500.0 * k:12.3f}, E = -1.5"
    path.write_text("\n".join(lines) + "\n")
    with pytest.raises(InputError, match=r"'i = 0, time = 0.000, E = -1.5' and 'i = 1, time = 500"):
        analysis(read(path)).run()
    parts = [write(tmp_path / f"{k}.gro", walk()[k : k + 1]) for k in range(20)]
    for k, part in enumerate(parts):
        part.write_text(f"ions t= {0.5 * k:.5f} step= {k}\n" + part.read_text().split("\n", 1)[1])
    with pytest.raises(InputError, match=r"'ions t= 0.00000 step= 0' and 'ions t= 0.50"):
        analysis(read(parts)).run()


def test_netcdf_without_times(tmp_path):
    from scipy.io import netcdf_file

    path = write(tmp_path / "run.ncdf", walk())
    with netcdf_file(path, "r", mmap=False) as old, netcdf_file(
        tmp_path / "bare.ncdf", "w", version=2
    ) as new:  # fmt: skip
        for name, value in old._attributes.items():
            setattr(new, name, value)
        for name, size in old.dimensions.items():
            new.createDimension(name, size)
        for name, variable in old.variables.items():
            if name != "time":
                copy = new.createVariable(name, variable.typecode(), variable.dimensions)
                for key, value in variable._attributes.items():
                    setattr(copy, key, value)
                copy[:] = variable[:]
    universe = read(tmp_path / "bare.ncdf")
    with pytest.raises(InputError, match=r"not in the file \(NCDF\)"):
        analysis(universe).run()


def test_a_header_that_holds_nothing(tmp_path):
    universe = made(tmp_path, "dcd", walk(), times=np.zeros(N))
    with pytest.raises(InputError, match="times do not increase"):
        analysis(universe).run()
    assert analysis(universe, dt=DT).run().results.settings["dt_ps"] == DT


# ---- gaps, changed intervals, restarts ------------------------------------------------------

K = np.arange(N)
#: Frames of one even run that a file holds, and the first pair that is not even.
DISORDER = {
    "a gap": (np.r_[K[:30], K[30:50] + 10], 29),
    "the interval doubles": (np.r_[K[:20], K[20] + 2 * np.arange(20)], 20),
    "a short first interval": (np.r_[0, K[:40] + 0.25][1:], None),
    "a frame twice": (np.r_[K[:30], K[29:55]], 29),
    "frames twice": (np.r_[K[:30], K[15:55]], 29),
    "the run again": (np.r_[K[:30], K[:30]], 29),
    "files in the wrong order": (np.r_[K[30:], K[:30]], 29),
}
DISORDER.pop("a short first interval")


@pytest.mark.parametrize("dt", [None, DT])
@pytest.mark.parametrize("ending", ["xtc", "trr", "ncdf", "h5md", "lammpsdump"])
@pytest.mark.parametrize("what", list(DISORDER))
def test_frames_that_are_not_even_are_refused_with_the_first_pair(what, ending, dt, tmp_path):
    needs(ending)
    picked, before = DISORDER[what]
    universe = made(tmp_path, ending, walk(80)[picked], DT * picked, 500 * picked)
    if ending == "lammpsdump" and dt is None:
        dt = 0.25  # whatever is given
    with pytest.raises(InputError, match="times repeat or are unevenly spaced") as found:
        analysis(universe, dt=dt).run()
    text = str(found.value)
    assert f"frame {before} (" in text
    assert f"is followed by frame {before + 1} (" in text
    if ending == "lammpsdump":
        assert f"step {500 * picked[before + 1]}" in text
    assert ("uneven='drop'" in text) == (picked[before + 1] <= picked[before])
    with pytest.warns(UserWarning, match="frames are taken as evenly spaced, uneven='accept'"):
        analysis(universe, dt=dt or DT, uneven="accept", windows="log").run()


@pytest.mark.parametrize("at", [31, 37, 58])
@pytest.mark.parametrize("backend", ["serial", "multiprocessing"])
def test_one_odd_frame_is_found_wherever_it_is(at, backend, tmp_path):
    times = DT * K + 0.2 * (at == K)
    universe = made(tmp_path, "trr", walk(), times)
    with pytest.raises(InputError, match=f"frame {at} "):
        analysis(universe).run(backend=backend, n_workers=2 if backend != "serial" else None)


def test_steps_show_what_a_given_dt_hides(tmp_path):
    """With `dt` MDAnalysis numbers the frames of an XTC, and these times are even in any case."""
    picked = DISORDER["a gap"][0]
    universe = made(tmp_path, "xtc", walk(80)[picked], DT * picked, 500 * picked, dt=DT)
    with pytest.raises(InputError, match=r"frame 29 \(step 14500\) is followed by frame 30"):
        analysis(universe).run()


@pytest.mark.parametrize("ending", ["xtc", "lammpsdump", "xyz", "dcd", "memory"])
def test_frames_without_a_stride_are_refused(ending, tmp_path):
    if ending == "memory":
        universe = make_universe(walk(), BOX, dt=DT, masses=[7.0] * ATOMS)
    else:
        universe = made(tmp_path, ending, walk())
    with pytest.raises(InputError, match="unevenly spaced"):
        analysis(universe, dt=DT).run(frames=[0, 1, 2, 3, 5, 8])
    even = coefficients(universe, {"frames": list(range(0, N, 3))}, dt=DT)
    np.testing.assert_array_equal(even, coefficients(universe, {"step": 3}, dt=DT))


def test_times_that_never_change_leave_numbers_of_frames(tmp_path):
    universe = made(tmp_path, "xtc", walk(), np.zeros(N), np.zeros(N, int))
    with pytest.raises(InputError, match=r"frame 3 by frame 5, and no times or steps"):
        analysis(universe, dt=DT).run(frames=[0, 1, 2, 3, 5, 8])
    assert analysis(universe, dt=DT).run().results.settings["dt_ps"] == DT


@pytest.mark.parametrize("backend", ["serial", "multiprocessing"])
@pytest.mark.parametrize("ending", ["xyz", "pdb", "dcd"])
def test_a_frame_written_twice_is_seen_in_its_coordinates(ending, backend, tmp_path):
    picked = DISORDER["a frame twice"][0]
    universe = made(tmp_path, ending, walk(80)[picked])
    with pytest.raises(InputError, match=r"frame 30 .*holds the same coordinates as frame 29"):
        analysis(universe, dt=DT).run(backend=backend, n_workers=2 if backend != "serial" else None)
    analysis(universe, dt=DT, uneven="accept").run()


@pytest.mark.parametrize("what", ["frames twice", "the run again"])
@pytest.mark.parametrize("ending", ["xyz", "dcd"])
def test_frames_that_come_again_are_seen_in_their_coordinates(what, ending, tmp_path):
    picked = DISORDER[what][0]
    universe = made(tmp_path, ending, walk(80)[picked])
    with pytest.raises(InputError, match=r"frames are repeated: from frame 30 on"):
        analysis(universe, dt=DT).run()
    with pytest.warns(UserWarning, match="frames are repeated"):
        analysis(universe, dt=DT, uneven="accept").run()


def test_missing_frames_are_said_where_nothing_else_tells(tmp_path):
    picked = np.r_[np.arange(40), np.arange(340, 380)]
    universe = made(tmp_path, "xyz", walk(400)[picked])
    with pytest.warns(UserWarning, match=r"between frames 39 and 40 most carriers move more"):
        analysis(universe, dt=DT).run()


@pytest.mark.parametrize("rate", [0.05, 0.6])
def test_motion_on_a_lattice_may_rest(rate, tmp_path):
    """Equal frames are no restart where carriers rest exactly, as in lattice models."""
    rng = np.random.default_rng(0)
    hops = rng.integers(-1, 2, (2000, 4, 3)) * (rng.random((2000, 4, 1)) < rate)
    assert np.any(~hops.any(axis=(1, 2)))
    universe = make_universe(np.cumsum(hops, axis=0) + 5.0, BOX, masses=[7.0] * 4)
    species = [IonSpecies(universe.atoms, charge=1, name="ion")]
    options = {"frame": "laboratory", "resolutions": None, "windows": [2.0]}
    OnsagerDecomposition(species, temperature=300.0, **options).run()


def test_two_dcd_files_that_count_from_zero_follow_one_another(tmp_path):
    true = walk()
    parts = [write(tmp_path / f"{k}.dcd", true[30 * k : 30 * (k + 1)]) for k in range(2)]
    whole = coefficients(made(tmp_path, "dcd", true))
    universe = read(parts)
    with pytest.warns(UserWarning, match="the times of every file begin at the same value"):
        np.testing.assert_array_equal(coefficients(universe), whole)
    again = write(tmp_path / "again.dcd", true[29:58])
    with pytest.raises(InputError, match=r"frame 30 .*holds the same coordinates as frame 29"):
        analysis(read([parts[0], again])).run()
    with pytest.warns(UserWarning, match="frame 30, which a later one repeats"):
        dropped = coefficients(read([parts[0], again]), uneven="drop")
    clean = read(write(tmp_path / "clean.dcd", true[:58]))
    np.testing.assert_array_equal(dropped, coefficients(clean))
    other = write(tmp_path / "other.dcd", true[30:], times=2 * DT * np.arange(30))
    with pytest.raises(InputError, match="times repeat or are unevenly spaced"):
        analysis(read([parts[0], other])).run()


# ---- dropping what a restart repeats --------------------------------------------------------


@pytest.mark.parametrize("what", ["a frame twice", "frames twice"])
@pytest.mark.parametrize("ending", ["xtc", "trr", "ncdf", "h5md", "lammpsdump"])
def test_what_a_restart_repeats_is_left_out(what, ending, tmp_path):
    needs(ending)
    picked, _ = DISORDER[what]
    true = walk(80)
    dead = true[picked].copy()
    # what was written after the checkpoint belongs to a run that was lost
    lost = np.arange(16, 30) if what == "frames twice" else []
    dead[lost] += np.random.default_rng(1).normal(scale=0.3, size=(len(lost), ATOMS, 3))
    universe = made(tmp_path, ending, dead, DT * picked, 500 * picked)
    n_twice = len(picked) - 55
    words = f"{n_twice} frames that later ones" if n_twice > 1 else "frame 29, which a later one"
    with pytest.warns(UserWarning, match=words):
        run = analysis(universe, dt=DT, uneven="drop").run()
    assert run.results.settings["frames_dropped"] == n_twice
    assert any("uneven='drop'" in text for text in run.results.warnings)
    (tmp_path / "clean").mkdir()
    clean = made(tmp_path / "clean", ending, true[:55], DT * K[:55], 500 * K[:55])
    np.testing.assert_array_equal(run.results.decomposition["onsager"], coefficients(clean, dt=DT))


def test_a_frame_written_twice_without_times_is_left_out(tmp_path):
    picked, _ = DISORDER["a frame twice"]
    universe = made(tmp_path, "xyz", walk(80)[picked])
    with pytest.warns(UserWarning, match="frame 30, which a later one repeats, was dropped"):
        dropped = coefficients(universe, dt=DT, uneven="drop")
    clean = read(write(tmp_path / "clean.xyz", walk(80)[:55]))
    np.testing.assert_array_equal(dropped, coefficients(clean, dt=DT))


@pytest.mark.filterwarnings("ignore:.*uneven='drop'")
@pytest.mark.parametrize("step", [None, 2])
@pytest.mark.parametrize("source", ["memory", "xyz", "xtc", "dcd", "ase"])
def test_times_that_count_frames_do_not_count_what_was_left_out(source, step, tmp_path):
    picked, _ = DISORDER["a frame twice"]
    paths = walk(80)[picked]
    if source == "ase":
        from ase import Atoms
        from ase.io import write as write_ase

        frames = [Atoms(["Li"] * ATOMS, positions=p, cell=[30.0] * 3, pbc=True) for p in paths]
        write_ase(str(tmp_path / "run.extxyz"), frames, format="extxyz")
        universe = from_ase(tmp_path / "run.extxyz", dt=DT)
    else:
        given = {} if source == "dcd" else {"dt": DT}
        ending = "xyz" if source == "memory" else source
        universe = made(tmp_path, ending, paths, **given)
        if source == "memory":
            universe.transfer_to_memory()
    run = analysis(universe, uneven="drop", windows=[4 * DT]).run(step=step)
    spacing = DT * (step or 1)
    assert run.results.settings["dt_ps"] == pytest.approx(spacing, rel=1e-6)
    assert len(run.times) == len(range(0, len(picked) - 1, step or 1))
    np.testing.assert_allclose(np.diff(run.times), spacing, rtol=1e-5)


@pytest.mark.filterwarnings("ignore:.*uneven='drop'")
@pytest.mark.parametrize(
    "chosen",
    [{"step": 2}, {"start": 5, "stop": 50}, {"start": 3, "step": 3}, {"frames": list(range(70))}],
)
def test_dropping_goes_with_every_choice_of_frames(chosen, tmp_path):
    """Two files that overlap: the second was started from the tenth frame before the end."""
    true = walk(80)
    first = write(tmp_path / "part1.xtc", true[:40], DT * np.arange(40), 500 * np.arange(40))
    rest = np.arange(30, 60)
    second = write(tmp_path / "part2.xtc", true[rest], DT * rest, 500 * rest)
    universe = read([first, second])
    run = analysis(universe, uneven="drop", windows=[6 * DT]).run(**chosen)
    clean = read(write(tmp_path / "clean.xtc", true[:60]))
    # frames are counted in the files, so that stop=50 ends in the second
    last = {50: 40, None: 60}[chosen.get("stop")]
    if "frames" in chosen:
        kept = {}
    else:
        kept = {"start": chosen.get("start"), "stop": last, "step": chosen.get("step")}
    expected = analysis(clean, windows=[6 * DT]).run(**kept)
    np.testing.assert_array_equal(
        run.results.decomposition["onsager"], expected.results.decomposition["onsager"]
    )


@pytest.mark.filterwarnings("ignore:.*uneven='drop'")
def test_dropping_gives_the_same_bits_on_every_backend_and_in_a_store(tmp_path):
    picked, _ = DISORDER["frames twice"]
    universe = made(tmp_path, "xtc", walk(80)[picked], DT * picked, 500 * picked)
    serial = coefficients(universe, uneven="drop")
    parallel = coefficients(universe, {"backend": "multiprocessing", "n_workers": 2}, uneven="drop")
    np.testing.assert_array_equal(serial, parallel)
    for _ in range(2):  # the second takes what the store holds
        stored = coefficients(universe, uneven="drop", store=tmp_path / "run.zarr")
        np.testing.assert_array_equal(serial, stored)


@pytest.mark.parametrize("what", ["the run again", "files in the wrong order"])
def test_two_runs_are_not_a_restart(what, tmp_path):
    picked, _ = DISORDER[what]
    universe = made(tmp_path, "lammpsdump", walk(80)[picked], steps=500 * picked)
    with pytest.raises(InputError, match="these are two runs, or files in the wrong order"):
        analysis(universe, dt=DT, uneven="drop").run()


def test_a_gap_is_not_mended_by_dropping(tmp_path):
    picked, _ = DISORDER["a gap"]
    universe = made(tmp_path, "xtc", walk(80)[picked], DT * picked, 500 * picked)
    with pytest.raises(InputError, match=r"frame 29 .* is followed by frame 30"):
        analysis(universe, uneven="drop").run()


def test_steps_that_begin_anew_in_the_next_file_are_said(tmp_path):
    """A continuation with a new input counts steps from 0, and its times go on."""
    true = walk(80)
    first = write(tmp_path / "part1.xtc", true[:30], DT * K[:30], 250 * K[:30])
    second = write(tmp_path / "part2.xtc", true[30:60], DT * K[30:60], 500 * K[:30])
    universe = read([first, second])
    with pytest.warns(UserWarning, match="steps of the engine restart"):
        joined = coefficients(universe)
    clean = read(write(tmp_path / "clean.xtc", true[:60]))
    np.testing.assert_array_equal(joined, coefficients(clean))


# ---- single precision -----------------------------------------------------------------------


@pytest.mark.parametrize(("start", "error"), [(1e6, "3.14%"), (1e7, "50.25%")])
def test_times_too_coarse_for_the_spacing_are_refused(start, error, tmp_path):
    n, dt = 200, 0.01
    universe = made(tmp_path, "xtc", walk(n), start + dt * np.arange(n))
    with pytest.raises(InputError, match="single precision") as found:
        analysis(universe, windows="log").run()
    assert "may be wrong by" in str(found.value)
    given = analysis(universe, dt=dt, windows="log").run()
    assert given.results.settings["dt_ps"] == dt


@pytest.mark.parametrize("start", [1e6, 1e7])
def test_steps_of_the_engine_give_the_spacing_where_times_are_coarse(start, tmp_path):
    n, dt, time_step = 200, 0.01, 0.005
    steps = round(start / time_step / 2) * 2 + round(dt / time_step) * np.arange(n)
    if steps.max() >= 2**31:
        pytest.skip("an XTC holds steps of 32 bits")
    universe = made(tmp_path, "xtc", walk(n), steps * time_step, steps)
    run = analysis(universe, windows="log").run()
    assert run.results.settings["dt_ps"] == pytest.approx(dt, rel=1e-7)


def test_a_spacing_known_to_a_few_parts_in_a_thousand_is_said(tmp_path):
    n, dt = 1500, 0.01
    universe = made(tmp_path, "trr", walk(n), 1e6 + dt * np.arange(n))
    with pytest.warns(UserWarning, match="may be wrong by 0.42%"):
        run = analysis(universe, windows=[1.0]).run()
    assert run.results.settings["dt_ps"] == pytest.approx(dt, rel=5e-3)


def test_steps_beyond_32_bits_go_on(tmp_path):
    steps = (2**31 - 10_000 + 500 * np.arange(N) + 2**31) % 2**32 - 2**31
    assert steps.min() < 0 < steps.max()
    universe = made(tmp_path, "xtc", walk(), steps=steps)
    analysis(universe).run()


# ---- what the user is shown -----------------------------------------------------------------


@pytest.mark.slow
def test_the_command_asks_for_what_the_file_does_not_hold(tmp_path):
    write(tmp_path / "topol.pdb", walk()[:1])
    write(tmp_path / "run.lammpsdump", walk())
    kelvin = ("--temperature", "300")
    done = ionmech_here("init", "topol.pdb", "run.lammpsdump", *kelvin, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "times are not in the file (LAMMPSDUMP)" in done.stdout
    assert "Not in the files: dt (ps between frames): --dt 0.5, or dt under" in done.stdout
    config = tmp_path / "ionmech.toml"
    assert "own account" not in config.read_text()
    assert "# dt = 1.0                    # ps between the analysed frames: GIVE IT" in (
        config.read_text()
    )
    done = ionmech_here("run", "ionmech.toml", cwd=tmp_path)
    assert done.returncode == 2
    assert "frames 0 and 1 are steps 0 and 500" in done.stderr
    assert "dt = ... under [analysis]" in done.stderr
    files = ("topol.pdb", "run.lammpsdump")
    done = ionmech_here("init", *files, "--dt", "0.5", *kelvin, "--force", cwd=tmp_path)
    assert "dt = 0.5 " in config.read_text()
    text = config.read_text().replace('frame = "barycentric"', 'frame = "laboratory"')
    config.write_text(text.replace("[output]", "[output]\nfigures = []", 1).replace(
        'figures = ["png"]', ""
    ))  # fmt: skip
    done = ionmech_here("run", "ionmech.toml", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0] == "60 frames, 0.5 ps apart, 29.5 ps in all, as given by dt."


@pytest.mark.slow
def test_the_spacing_and_its_source_are_shown(tmp_path):
    pytest.importorskip("jinja2")
    from mda_ionmech.report import write_report

    universe = made(tmp_path, "dcd", walk())
    begun = analysis(universe)
    first_line = begun.frame_spacing(stop=50, step=2).described
    assert first_line.startswith(
        "25 frames, 1 ps apart, 24 ps in all; times are those of the header"
    )
    assert "time step of the engine" in first_line
    results = begun.run().results
    page = write_report(results, tmp_path / "page.html").read_text()
    assert "run.dcd; 60 frames, 0.5 ps apart" in page
    assert "those of the header (DCD)" in page


def test_a_header_with_the_time_step_of_the_engine_is_against_physics(tmp_path):
    universe = made(tmp_path, "dcd", walk(), times=1e-3 * np.arange(N))
    with pytest.warns(UserWarning, match="its thermal velocity at 300 K allows"):
        run = analysis(universe, windows=[0.002]).run()
    assert any("header of a DCD" in text for text in run.results.warnings)
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        warnings.filterwarnings("ignore", "Reader has no dt|Found no information|no intervals")
        made(tmp_path, "xtc", walk())
        analysis(made(tmp_path, "xtc", walk(400)), windows="log").run()


@pytest.mark.parametrize("scale", [1e-4, 50.0])
def test_steps_far_from_any_diffusion_are_said(scale, tmp_path):
    path = scale * (walk(200) - walk(200)[0]) + walk()[0]
    universe = made(tmp_path, "trr", path)
    run = analysis(universe, unwrap=False if scale > 1 else "auto", windows=[1.0])
    words = "less than 0.001 Å" if scale < 1 else "above a quarter of the shortest cell height"
    with pytest.warns(UserWarning, match=words):
        run.run()


# ---- coordinates and steps that cannot be ----------------------------------------------------


def spoiled(folder, value, atom=2, frame=33, backend=None, n=N):
    """One coordinate of one frame is a number it should not be."""
    positions = walk(n) % LENGTH
    positions[frame, atom, 1] = value
    universe = topology()
    universe.load_new(
        positions.astype(np.float32), dimensions=np.tile(np.float32(BOX), (n, 1)), dt=DT
    )
    path = folder / "spoiled.trr"
    with mda.Writer(str(path), ATOMS) as writer:
        for _ in universe.trajectory:
            writer.write(universe.atoms)
    run = analysis(read(path))
    return run.run(backend=backend, n_workers=2 if backend else None)


@pytest.mark.parametrize("value", [1.1e6, 1e7, -1e9, 1e16, 1e30])
@pytest.mark.parametrize("atom", [2, 7])
@pytest.mark.parametrize("backend", [None, "multiprocessing"])
def test_a_coordinate_beyond_single_precision_is_refused(value, atom, backend, tmp_path):
    if backend and value != 1e9:
        value = 1e9
    with pytest.raises(InputError, match=f"frame 33 has atom index {atom} at .* single precision"):
        spoiled(tmp_path, value, atom, backend=backend)


@pytest.mark.parametrize("value", [5e3, -1e5, 9e5])
def test_a_coordinate_hundreds_of_cells_away_is_refused(value, tmp_path):
    with pytest.raises(InputError, match=r"frame 33 has atom index 2 at .* cells from where"):
        spoiled(tmp_path, value)


def test_coordinates_that_were_wrapped_again_are_not_damaged(tmp_path):
    """Unwrapped until a restart wraps them: all atoms jump, by whole cells."""
    true = walk()
    cells = (
        np.random.default_rng(0).integers(80, 200, (ATOMS, 3)) * (np.arange(N) < 30)[:, None, None]
    )
    universe = make_universe(true + LENGTH * cells, BOX, dt=DT, masses=[7.0] * ATOMS)
    np.testing.assert_allclose(
        coefficients(universe), from_memory(true), atol=2e-2 * from_memory(true).max()
    )


def test_rounding_far_from_the_origin_is_said(tmp_path):
    """An offset of 1e6 A: coordinates are 0.06 A apart, a fifth of a step."""
    universe = make_universe(walk() + 1e6, BOX, dt=DT, masses=[7.0] * ATOMS)
    with pytest.warns(UserWarning, match=r"stored in steps of 0\.062 Å \(single precision\)"):
        run = analysis(universe).run()
    assert any("short windows are dominated by rounding" in text for text in run.results.warnings)
    near = make_universe(walk() + 1e3, BOX, dt=DT, masses=[7.0] * ATOMS)
    assert not any("rounding" in text for text in analysis(near).run().results.warnings)


@pytest.mark.parametrize("fraction", [0.42, 0.47, 0.55, 0.62])
def test_one_step_near_half_the_cell_is_said_with_its_atom_and_frame(fraction, tmp_path):
    n = 2000
    true = walk(n)
    true[1200:, 5, 0] += fraction * LENGTH
    universe = made(tmp_path, "trr", true)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        run = analysis(universe).run()
    texts = [str(w.message) for w in caught]
    named = [t for t in texts if "atom index 5 between frames 1199 and 1200" in t]
    assert len(named) == 1
    assert "replaced by its periodic image" in named[0]
    assert "velocity" in named[0]
    assert "smaller step" in named[0]
    assert named[0] in run.results.warnings


def test_hops_in_a_small_cell_are_no_outliers(tmp_path):
    """Ions that hop 2.5 A in a cell of 10 A between vibrations."""
    rng = np.random.default_rng(0)
    hops = rng.integers(-1, 2, (800, 8, 1)) * (rng.random((800, 8, 1)) < 0.02) * [1, 0, 0]
    path = 2.5 * np.cumsum(hops, axis=0) + rng.normal(scale=0.15, size=(800, 8, 3)) + 5
    universe = make_universe(path, (10, 10, 10, 90, 90, 90), masses=[7.0] * 8)
    texts = analysis(universe, windows=[2.0]).run().results.warnings
    assert not any("is an outlier" in text for text in texts)
