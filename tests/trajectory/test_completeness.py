"""Ends of files, and numbers of atoms, as the checks see them."""

import gzip
from types import SimpleNamespace

import pytest

from mda_ionmech import InputError
from mda_ionmech.trajectory.completeness import (
    ReadFrames,
    _check_models,
    _is_torn,
    _path_of,
    check_atom_numbers,
    check_complete,
    check_passed_over,
    cut_last_line,
)


def written(path, text):
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("text", "last"),
    [
        ("H 0.10 0.20\nH 0.30 0.40\n", None),
        ("H 0.10 0.20\nH 0.30 0.40", None),
        ("H 0.10 0.20\nH 0.30 0.4", "H 0.30 0.4"),
        ("H 0.10 0.20\nH 0.30 0.", "H 0.30 0."),
        ("H 0.10 0.20\nH 0.30 -", "H 0.30 -"),
        # as many characters behind the point, but no number
        ("H 0.10 0.20\nH 0.30 0.4e", "H 0.30 0.4e"),
        # a number alone is held against the last of the line before
        ("1 2.5\n3 4.25\n5.25", None),
        ("1 2.5\n3 4.25\n5.2", "5.2"),
        ("1 2.55\n3 4.2\n5.2", None),
        ("1 2.5\n1 2.5\n3 4.25\n5.2", "5.2"),
        ("1 2.55\n5.2", "5.2"),
        # whole numbers tell nothing, and neither does the first line
        ("10 20\n10 2", None),
        ("0.1", None),
        ("0.25", None),
        ("", None),
    ],
)
def test_a_last_line_with_fewer_digits_was_cut(text, last, tmp_path):
    path = written(tmp_path / "a.xyz", text)
    assert cut_last_line(path) == last
    ended = text.endswith("\n") or not text
    assert cut_last_line(path, always_ended=True) == (None if ended else text.split("\n")[-1])


def test_readers_without_a_file_have_no_path(tmp_path):
    path = written(tmp_path / "a.xyz", "")
    assert _path_of(SimpleNamespace(filename=str(path))) == path
    assert _path_of(SimpleNamespace(filename=path)) == path
    for other in ("nowhere.xyz", tmp_path, None, 1):
        assert _path_of(SimpleNamespace(filename=other)) is None
    assert _path_of(SimpleNamespace()) is None
    assert _is_torn(SimpleNamespace(n_frames=3)) == (False, 3)


@pytest.mark.parametrize(
    ("size", "torn"), [(100 + 60, False), (100 + 60 + 3 * 50, False), (100 + 60 + 70, True),
                       (100 + 59, True), (100 + 60 + 1, True), (99, True)]
)  # fmt: skip
def test_a_dcd_file_holds_whole_frames_behind_its_header(size, torn, tmp_path):
    path = tmp_path / "a.dcd"
    path.write_bytes(bytes(size))
    file = SimpleNamespace(_header_size=100, _firstframesize=60, _framesize=50)
    reader = SimpleNamespace(filename=path, format="DCD", n_frames=2, _file=file)
    assert _is_torn(reader) == (torn, 2)


@pytest.mark.parametrize("kind", ["GRO", "PDB"])
def test_a_text_file_that_is_cut_has_one_frame_less(kind, tmp_path):
    path = written(tmp_path / "a.txt", "1 0.10 0.20\n2 0.30 0.4")
    reader = SimpleNamespace(filename=path, format=kind, n_frames=5)
    assert _is_torn(reader) == (True, 4)
    with pytest.raises(InputError, match=r"a\.txt is truncated: .* after 4 .* with run\(stop=4\)"):
        check_complete(reader)
    # of several files, those before count
    chain = SimpleNamespace(readers=[SimpleNamespace(n_frames=7), reader])
    with pytest.raises(InputError, match=r"after 4 complete ones.* run\(stop=11\)"):
        check_complete(chain)
    path.write_text("1 0.10 0.20\n2 0.30 0.40")
    check_complete(chain)


def xyz(*counts, extra="", n_atoms=2):
    """Text of an XYZ file whose headers name these numbers, and offsets of whole frames."""
    lines = [f"{n}\ncomment\n" + "H 0 0 0\n" * max(n, 0) + extra for n in counts]
    offsets = [sum(map(len, lines[:k])) for k in range(len(lines))]
    return "".join(lines), offsets


@pytest.mark.parametrize(
    ("counts", "message"),
    [
        ((2, 2, 2), None),
        ((2, 1, 2), r"frame 1 of a\.xyz holds 1 atoms, the frames before it 2: 1 atom was lost"),
        ((2, 2, 0), r"frame 2 of a\.xyz holds 0 atoms, .* 2: 2 atoms were lost; .*run\(stop=2\)"),
        ((2, 3, 2), r"frame 1 of .* holds 3 atoms, .* 1 atom was added"),
        ((2, 5, 2), r"frame 1 of .* 3 atoms were added"),
    ],
)
def test_the_number_of_atoms_in_each_header_is_that_of_the_reader(counts, message, tmp_path):
    text, offsets = xyz(*counts)
    path = written(tmp_path / "a.xyz", text)
    reader = SimpleNamespace(filename=path, format="XYZ", n_frames=3, n_atoms=2, _offsets=offsets)
    if message is None:
        check_atom_numbers(reader, 2)
        return
    with pytest.raises(InputError, match=message):
        check_atom_numbers(reader, 2)
    # frames that are not read may hold what they like
    bad = next(k for k, n in enumerate(counts) if n != 2)
    check_atom_numbers(reader, bad - 1)
    with pytest.raises(InputError):
        check_atom_numbers(reader, bad)


@pytest.mark.parametrize("ending", ["xyz", "xyz.gz"])
def test_an_xyz_file_ends_with_a_whole_frame(ending, tmp_path):
    text, offsets = xyz(2, 2, 2)
    for content, torn, whole in (
        (text, False, 3),
        (text + "\n", False, 3),
        (text[: -len("H 0 0 0\n")], True, 2),
        (text + "2\ncomment\n", True, 3),  # a frame that the reader does not count
    ):
        path = tmp_path / f"a.{ending}"
        path.write_bytes(gzip.compress(content.encode()) if ending != "xyz" else content.encode())
        reader = SimpleNamespace(
            filename=path, format="XYZ", n_frames=3, n_atoms=2, _offsets=offsets
        )
        # lines of a compressed file are not counted
        assert _is_torn(reader) == ((torn, whole) if ending == "xyz" else (False, 3))


def test_models_of_files_that_are_read_are_looked_at(tmp_path):
    path = written(tmp_path / "a.pdb", "CRYST1 1 1 1\n" * 2 + "MODEL\nENDMDL\n" * 3)
    pdb = SimpleNamespace(filename=path, format="PDB", n_frames=3)
    chain = SimpleNamespace(
        readers=[SimpleNamespace(n_frames=7), pdb], ts=SimpleNamespace(dimensions=None)
    )
    check_atom_numbers(chain, 6)
    for last in (7, 8):
        with pytest.raises(InputError, match=r"2 CRYST1 records for 3 models: .* are 7 to 9"):
            check_atom_numbers(chain, last)


def test_a_trajectory_that_ends_before_its_last_frame_is_refused():
    trajectory = SimpleNamespace(n_frames=4, transformations=[])
    frames = iter(ReadFrames(["a", "b"], [1, 2, 3], trajectory))
    assert (next(frames), next(frames)) == ("a", "b")
    with pytest.raises(InputError, match=r"frame 3 of the trajectory .* ends before it\).*stop=3"):
        next(frames)
    assert list(ReadFrames(["a", "b"], [1, 2], trajectory)) == ["a", "b"]


def test_a_frame_that_is_elsewhere_is_named(tmp_path):
    path = written(tmp_path / "a.xyz", "2\nc\nH 0 0 0\nH 0 0 0\nnote\n2\nc\nH 0 0 0\nH 0 0 0\n")
    reader = SimpleNamespace(filename=path, format="XYZ", n_frames=2, n_atoms=2, _offsets=[0, 20])
    with pytest.raises(
        InputError, match=r"frame 1 of a\.xyz is not where 2 atoms per frame put it"
    ):
        check_atom_numbers(reader, 1)


@pytest.mark.parametrize(
    ("cells", "models", "fine"),
    [(0, 3, True), (1, 3, True), (3, 3, True), (2, 3, False), (3, 2, False), (2, 1, True),
     (4, 3, False), (2, 2, True), (0, 0, True)],
)  # fmt: skip
def test_models_have_a_cell_each_or_one_for_all(cells, models, fine, tmp_path):
    path = written(tmp_path / "a.pdb", "CRYST1 1 1 1\n" * cells + "MODEL\nENDMDL\n" * models)
    if fine:
        _check_models(path, 0, True)
        return
    with pytest.raises(InputError, match=f"a.pdb has {cells} CRYST1 records for {models} models"):
        _check_models(path, 0, True)
    last = 10 + models - 1
    with pytest.raises(InputError, match=rf"\(its frames are 10 to {last} of the trajectory\)"):
        _check_models(path, 10, True)


@pytest.mark.parametrize(
    ("models", "has_cell", "fine"),
    [(3, False, False), (2, False, False), (3, True, True), (1, False, True)],
)
def test_one_cell_that_the_reader_gives_to_no_model_is_named(models, has_cell, fine, tmp_path):
    cell = "CRYST1   20.000   21.500   22.000  90.00  90.00 120.00 P 1           1\n"
    path = written(tmp_path / "a.pdb", cell + "MODEL\nENDMDL\n" * models)
    if fine:
        _check_models(path, 0, has_cell)
        return
    said = r"set_dimensions\(\[20.000, 21.500, 22.000, 90.00, 90.00, 120.00\]\)"
    with pytest.raises(InputError, match=rf"one CRYST1 record for {models} models.*{said}"):
        _check_models(path, 0, has_cell)


def test_what_a_reader_passes_over_is_named_by_the_ending_of_the_file(tmp_path):
    """Of a file that is looked at alone no frames of a trajectory are named."""
    text = "CRYST1 1 1 1\n" * 2 + "MODEL\nENDMDL\n" * 3
    path = written(tmp_path / "a.PDB", text)
    with pytest.raises(InputError, match=r"2 CRYST1 records for 3 models.*for every model$"):
        check_passed_over(path, True)
    check_passed_over(written(tmp_path / "a.txt", text), True)
    gro = "a\n1\n    1LI     LI    1   0.1   0.1   0.1\n 2 2 2\n"
    check_passed_over(written(tmp_path / "b.gro", gro + "\n"), True)
    with pytest.raises(InputError, match=r"b\.gro holds several frames"):
        check_passed_over(written(tmp_path / "b.gro", gro * 2), True)
