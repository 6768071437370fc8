"""What is read from files equals what the same frames give from memory, and brute force."""

import pytest

from . import table
from .cases import BACKENDS, Library, cases, entries


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    return Library(tmp_path_factory.mktemp("formats"))


@pytest.fixture(scope="module")
def client():
    with table.dask_client() as client:
        yield client


def quick_and_slow():
    """All entries on all backends; one is quick for each format, its most general cell."""
    general = dict(entries())
    for backend in BACKENDS:
        for name, cell in entries():
            is_quick = backend == "serial" and general[name] == cell
            yield pytest.param(name, cell, backend, marks=[] if is_quick else [pytest.mark.slow])


@pytest.mark.slow
@pytest.mark.parametrize(("format", "cell", "backend"), quick_and_slow())
def test_files_give_what_their_frames_give(format, cell, backend, library, request):
    if backend == "dask":
        request.getfixturevalue("client")
    said = table.limits(format, cell)
    for case in cases(format, cell, backend):
        found = dict(zip(table.AGAINST, library.deviations(case), strict=True))
        # a page that was written anew must not hide what went wrong
        limits = {
            "memory": 1e-8 if format == "DCD" else 0.0,
            "brute force": min(said[backend], 1e-7 if format == "DCD" else 1e-12),
            "what was written": min(said["what was written"], 1e-4),
        }
        for against, value in found.items():
            assert value <= limits[against], f"{case} is {value:.1e} off {against}"


def test_the_page_has_every_case():
    text = table.PAGE.read_text()
    rows = [line for line in text.splitlines() if line.startswith("| ")][1:]
    assert [tuple(row[2:].split(" | ")[:2]) for row in rows] == entries()
    total = sum(len(cases(*entry, backend)) for entry in entries() for backend in BACKENDS)
    assert f"{total} cases" in text
    for entry in entries():
        met = {(c.n_files, c.part) for b in BACKENDS for c in cases(*entry, b)}
        assert len(met) == 4, "one file and two, whole and in part"
