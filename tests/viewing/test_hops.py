"""The table of hops lists beginnings; a hop knows its path and what changes in the shell."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from typer.testing import CliRunner

from mda_ionmech import InputError, datasets
from mda_ionmech.cli.app import app
from mda_ionmech.viewing.hops import hop_list, read_hop
from mda_ionmech.viewing.scene import open_states_file

from ..builders import make_universe
from ..ovito_modifiers import builders
from ..ovito_modifiers.builders import LENGTH, N_FRAMES, write_states
from ..site_lattices import hopping_run

HOPS = ["single_ion_hop", "multi_ion_hop"]


@pytest.fixture
def states(tmp_path):
    shell = np.full((N_FRAMES, 5), 1, dtype=np.int32)
    shell[4:, 0] = 2
    arrays = {
        "shell": shell,
        "shell_start": np.array([0, 0, 2, 4]),
        "shell_atom_index": np.array([9, 10, 10, 11]),
        "shell_atom_id": np.array([10, 11, 11, 12]),
    }
    return open_states_file(write_states(tmp_path / "s.states.npz", **arrays))


def test_every_beginning_is_listed_once(states):
    table = hop_list(states, HOPS)
    assert table["frame"].tolist() == [2, 4, 4, 7]
    assert table["ion"].tolist() == [0, 1, 2, 3]
    assert table["event"].tolist() == ["single_ion_hop", *2 * ["multi_ion_hop"], "single_ion_hop"]
    assert table["ions"].tolist() == [1, 2, 2, 1]
    np.testing.assert_allclose(table["length_angstrom"], [2.0, 1.5, 1.5, 2.0])
    assert hop_list(states, ["exchange"] if "exchange" in states.event_names else []).empty


def test_hops_of_an_ion_in_successive_windows_are_one_row(tmp_path):
    event = np.zeros((N_FRAMES, 5), dtype=np.int16)
    event[2:4, 0] = event[[2, 4], 1] = 1
    states = open_states_file(write_states(tmp_path / "s.states.npz", event=event))
    table = hop_list(states, [states.event_names[1]])
    assert list(zip(table["frame"], table["ion"], strict=True)) == [(2, 0), (2, 1), (4, 1)]


def test_rows_are_those_of_the_table_of_the_run(tmp_path):
    """In windows of one frame spacing, also hops of one ion in successive frames."""
    run = hopping_run()
    states = open_states_file(run.save_states(tmp_path / "s.states.npz", 1.0))
    table = hop_list(states, [name for name in states.event_names if name != "no_hop"])
    known = run.hops(1.0).sort_values(["frame", "carrier"])
    columns = {"frame": "frame", "carrier": "carrier", "event": "event", "ions": "n"}
    for mine, theirs in columns.items():
        assert table[mine].tolist() == known[theirs].tolist()
    length = np.linalg.norm(known[["dx", "dy", "dz"]], axis=1)
    np.testing.assert_allclose(table["length_angstrom"], length, atol=1e-5)
    merged = hop_list(
        open_states_file(run.save_states(tmp_path / "s.states.npz", 2.0)), ["single_ion_hop"]
    )
    assert len(merged) < (run.hops(2.0)["event"] == "single_ion_hop").sum()


def test_a_caption_is_broken_at_spaces_to_fit():
    pytest.importorskip("ovito")
    from mda_ionmech.viewing.close_up import wrapped

    def width(text, size):
        return len(text) * size

    text = "hop 7: mixed_exchange, lithium of the cathode 12 with 3 more"
    lines = wrapped([(text, "#000000")], width, 0.04)
    assert " ".join(words[0][0] for words in lines) == text
    assert all(width(words[0][0], 0.04) <= 0.96 for words in lines)
    assert [color for ((_, color),) in wrapped([(text, None)], width, 0.04)] == [None] * len(lines)
    assert wrapped([("a b", None)], width, 0.04) == [[("a b", None)]]
    long = [("x" * 30, "#000000")]
    assert wrapped(long, width, 0.04) == [long]  # it is written smaller


def test_path_and_shell_of_a_hop(states):
    place = builders.positions()
    place[3:, 0] += [LENGTH, 0, 0]  # the next frame is stored in another image
    hop = read_hop(make_universe(place, LENGTH), states, hop_list(states, HOPS), 0)
    assert hop.frames.tolist() == [2, 3, 4]
    np.testing.assert_allclose(hop.path[:, 0], builders.positions()[2:5, 0], atol=1e-5)
    assert [one.tolist() for one in hop.members] == [[9, 10], [9, 10], [10, 11]]
    assert [hop.is_of(a) for a in (9, 10, 11, 8)] == ["leaves", "stays", "arrives", "passes"]
    assert hop.text == ("hop 0: single_ion_hop", "ion 0", "2.0 Å in 1 ps")
    assert hop.color == "#FF0000"


def test_ions_of_a_cluster_hop_together(states):
    table = hop_list(states, HOPS)
    hop = read_hop(make_universe(builders.positions(), LENGTH), states, table, 2)
    assert hop.atoms.tolist() == [2, 1]
    apart = hop.path[0, 1] - hop.path[0, 0]
    assert np.abs(apart).max() <= LENGTH / 2
    with pytest.raises(InputError, match=r"hop 9 is not in the table of hops, which has 4, number"):
        read_hop(make_universe(builders.positions(), LENGTH), states, table, 9)


@pytest.mark.slow
def test_the_garnet_has_the_hops_of_its_table(crystal_states):
    """Beginnings of the states are rows of the table of hops of the run at the same frames."""
    states = open_states_file(crystal_states)
    table = hop_list(states, HOPS)
    length = np.linalg.norm(states.displacement, axis=-1)
    np.testing.assert_allclose(
        table["length_angstrom"], length[table["row"], table["carrier"]], rtol=1e-6
    )
    universe = datasets.crystal()
    number = int(table["length_angstrom"].idxmax())
    hop = read_hop(universe, states, table, number)
    moved = np.linalg.norm(hop.path[-1, 0] - hop.path[0, 0])
    assert moved == pytest.approx(table["length_angstrom"][number], abs=0.5)  # the cell drifts
    assert {str(e) for e in universe.atoms[hop.members[0]].elements} == {"O"}
    assert 3 <= len(hop.members[0]) <= 8


@pytest.mark.slow
@pytest.mark.usefixtures("vulkan")
def test_the_command_lists_and_draws_hops(crystal_states, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    options = ["render", str(crystal_states), "-d", "crystal", "-e", "multi_ion_hop", "-o", "out"]
    done = CliRunner().invoke(app, [*options, "--hops"])
    assert done.exit_code == 0, done.output
    assert "numbered among these events: multi_ion_hop; --hop N with --events" in done.output
    table = pd.read_csv("out/crystal-hops.csv", index_col="hop")
    assert set(table["event"]) == {"multi_ion_hop"}
    number = str(table["length_angstrom"].idxmax())
    done = CliRunner().invoke(
        app, [*options, "--hops", "--hop", number, "--size", "300x120", "--animate", "2"]
    )
    assert done.exit_code == 0, done.output
    assert f"{len(table)} hops" in done.output
    assert f"hop {number} of {len(table)}, numbered among these events: multi_ion" in done.output
    with Image.open(f"out/crystal-hop-{number}.png") as image:
        assert image.size == (300, 120)
        pixels = np.asarray(image.convert("RGB")).astype(int)
    orange = (pixels[..., 0] > pixels[..., 1] + 70) & (pixels[..., 1] > pixels[..., 2] + 30)
    for panel in range(3):  # the ions are in the middle of each picture
        assert orange[20:, 100 * panel : 100 * panel + 100].sum() > 50
    with Image.open(f"out/crystal-hop-{number}.gif") as gif:
        assert gif.n_frames == 2
