"""A trajectory is read by one thread at a time and left at the frame where it was found."""

import threading
from types import SimpleNamespace

import numpy as np
import pytest

from mda_ionmech import InputError
from mda_ionmech.trajectory.reader_position import check_reader, in_one_thread, where_it_was

from ..builders import make_universe


class Reader:
    """Counts what is read; a frame beyond the last fails."""

    frame, read = 3, 0

    def __getitem__(self, frame):
        self.read += 1
        if frame > 9:
            raise OSError("the file is gone")
        self.frame = frame


def test_the_frame_is_read_again_where_another_was():
    u = make_universe(np.arange(5.0)[:, None, None] * np.ones((5, 2, 3)))
    u.trajectory[2]
    with where_it_was(u.trajectory):
        for ts in u.trajectory:
            assert ts.frame == u.trajectory.frame
    assert u.trajectory.frame == 2
    np.testing.assert_array_equal(u.atoms.positions, np.full((2, 3), 2.0))


def test_nothing_is_read_in_vain_and_what_cannot_be_read_is_not_missed():
    reader = Reader()
    with where_it_was(reader):
        pass
    assert reader.read == 0
    with where_it_was(reader):
        reader[7]
    assert (reader.frame, reader.read) == (3, 2)
    reader.frame = 12
    with where_it_was(reader):
        reader[1]
    assert reader.frame == 1


def test_it_is_returned_after_an_error_as_well():
    reader = Reader()
    try:
        with where_it_was(reader):
            reader[5]
            raise KeyError
    except KeyError:
        assert reader.frame == 3


def test_another_thread_waits_for_the_reader():
    reader, order, inside = Reader(), [], threading.Event()

    def read():
        inside.wait(5)
        with where_it_was(reader):
            order.append("other")

    other = threading.Thread(target=read)
    other.start()
    with where_it_was(reader):
        inside.set()
        other.join(0.05)
        # the same thread may ask for it again
        with where_it_was(reader):
            reader[5]
        order.append("this")
    other.join(5)
    assert order == ["this", "other"]
    assert reader.frame == 3


class Analysis:
    def __init__(self):
        self.n_runs = 0

    @in_one_thread
    def run(self, then=None, *, fails=False):
        """Runs."""
        self.n_runs += 1
        if fails:
            raise KeyError
        return then() if then else self.n_runs


def test_an_analysis_that_is_running_is_not_run_by_another():
    analysis, other = Analysis(), Analysis()
    assert Analysis.run.__doc__ == "Runs."
    with pytest.raises(InputError, match="running already, in another thread"):
        analysis.run(analysis.run)
    assert analysis.n_runs == 1
    assert analysis.run(other.run) == 1
    with pytest.raises(KeyError):
        analysis.run(fails=True)
    assert analysis.run() == 4, "an error ends a run"


def test_a_reader_that_was_moved_is_noticed():
    check_reader(SimpleNamespace(frame=7), 7)
    with pytest.raises(InputError, match="frame 7 was to be read and the reader is at frame 8"):
        check_reader(SimpleNamespace(frame=8), 7)
