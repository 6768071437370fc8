"""`ionmech show`: what is asked of a saved run, and of what is none."""

import shutil
import sys

import pytest

from mda_ionmech import InputError, datasets
from mda_ionmech.cli.show_command import _own_classes, _settings

from ..commands import ionmech_here


def test_settings_are_read_from_texts():
    vary = ["persistence=0, 2.5", "hop_time=entry,crossing", "persistence=10", "r_core=0.5"]
    assert _settings(vary) == {
        "persistence": [0, 2.5, 10],
        "hop_time": ["entry", "crossing"],
        "r_core": [0.5],
    }


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


RULE = """
from mda_ionmech.events import EventRule


class Lost(EventRule):
    names = ("kept", "lost")

    def label(self, before, after):
        return "lost" if before.molecule_set() - after.molecule_set() else "kept"
"""
OWN = """
topology = "liquid/liquid.psf"
trajectory = ["liquid/liquid.part1.xtc"]

[analysis]
temperature = 330
windows = [8]

[[species]]
name = "Li+"
selection = "resname LI"
charge = 1

[species.microstates]
cutoff = 2.8

[species.microstates.ligands]
solvent = "resname ACN and name N1"

[species.events]
rule = "lost_in_show:Lost"

[[species]]
name = "TFSI-"
selection = "resname TFS"
charge = -1
compound = "residues"

[run]
stop = 101

[output]
figures = []
"""


@pytest.fixture
def own(tmp_path, monkeypatch):
    """A folder with a rule of one's own and the configuration that names it."""
    (tmp_path / "lost_in_show.py").write_text(RULE)
    (tmp_path / "own.toml").write_text(OWN)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield tmp_path
    sys.modules.pop("lost_in_show", None)


@pytest.mark.parametrize("named", ["lost_in_show:Lost", "own.toml"])
def test_own_classes_are_named_by_path_or_configuration(named, own):
    (found,) = _own_classes([named])
    assert found.names == ("kept", "lost")


@pytest.mark.parametrize(
    ("named", "message"),
    [
        ("lost_in_show:Lots", "has no Lots; did you mean 'Lost'"),
        ("other_in_show:Lost", "no module 'other_in_show'"),
        ("Lost", 'is no import path; write "my_module:MyRule"'),
        ("no.toml", "no configuration at no.toml"),
        ("plain.toml", "plain.toml names no class of your own"),
    ],
)
def test_other_names_of_classes_are_refused(named, message, own):
    (own / "plain.toml").write_text(OWN.replace("lost_in_show:Lost", "SolvationEvents"))
    with pytest.raises((InputError, FileNotFoundError), match=message):
        _own_classes([named])


@pytest.mark.slow
def test_a_saved_run_with_a_rule_of_ones_own_is_shown(own):
    shutil.copytree(datasets.path("liquid"), own / "liquid")
    assert ionmech_here("run", "own.toml", "--save-run", cwd=own).returncode == 0
    saved = "ionmech-output/own.run"
    refused = ionmech_here("show", saved, "--residence-times", cwd=own)
    assert refused.returncode == 2
    assert "--classes MODULE:Lost" in refused.stderr
    for named in ("own.toml", "lost_in_show:Lost"):
        done = ionmech_here("show", saved, "--classes", named, "--residence-times", cwd=own)
        assert done.returncode == 0, done.stderr
        assert "Residence times" in done.stdout
