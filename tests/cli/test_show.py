"""`ionmech show`: what is asked of a saved run, and of what is none."""

import pytest

from mda_ionmech import InputError
from mda_ionmech.cli.show_command import _settings

from ..commands import ionmech_here


def test_settings_are_read_from_texts():
    vary = ["persistence=0, 2.5", "hop_time=entry,crossing", "persistence=10"]
    assert _settings(vary) == {"persistence": [0, 2.5, 10], "hop_time": ["entry", "crossing"]}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("persistance=3", "unknown setting 'persistance'; those are persistence, hysteresis"),
        ("persistence", "no list of values; give e.g. --vary persistence=0,2,10"),
        ("cutoffs=2.8,wide", "no list of values"),
        ("=", "unknown setting ''"),
    ],
)
def test_other_settings_are_refused(text, message):
    with pytest.raises(InputError, match=message):
        _settings([text])


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("a.nc", "--by", "bare"), "--by needs the labels of all ions, which the result file a.nc"),
        (("a.nc", "--residence-times"), "run CONFIG --save-run, and give that folder, a.run"),
        (("b.run", "--vary", "merge=1"), "no saved run at b.run; write one with ionmech run"),
        ((".", "--residence-times"), ". is no saved run: it holds no manifest.json"),
    ],
)  # fmt: skip
def test_only_a_saved_run_is_asked(args, message, tmp_path):
    (tmp_path / "a.nc").write_bytes(b"")
    done = ionmech_here("show", *args, cwd=tmp_path)
    assert done.returncode == 2
    assert message in done.stderr
