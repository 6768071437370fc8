"""A trajectory is left at the frame where it was found."""

import numpy as np

from mda_ionmech.trajectory.reader_position import where_it_was

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
