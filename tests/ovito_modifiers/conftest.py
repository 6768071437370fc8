import pytest

from . import builders


@pytest.fixture
def states_file(tmp_path):
    return builders.write_states(tmp_path / "small.states.npz")


@pytest.fixture
def dump(tmp_path):
    return builders.write_dump(tmp_path / "small.dump")
