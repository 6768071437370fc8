"""Kernels are small: a table of arguments, the counting sort and words of bits they share."""

import ast
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import mda_ionmech
from mda_ionmech.lib.kernels import counting_order, lowest_bit

PACKAGE = Path(mda_ionmech.__file__).parent
#: Arguments of a kernel at most; what belongs together goes as one record, as a NamedTuple.
MOST_ARGUMENTS = 10


def kernels(path):
    """Functions of a file that numba compiles."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef):
            names = {
                name.id if isinstance(name, ast.Name) else name.attr
                for decorator in node.decorator_list
                for name in ast.walk(decorator)
                if isinstance(name, ast.Name | ast.Attribute)
            }
            if names & {"kernel", "njit", "jit", "vectorize", "guvectorize"}:
                yield node


FILES = [path for path in sorted(PACKAGE.rglob("*.py")) if any(kernels(path))]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_kernels_take_few_arguments(path):
    for one in kernels(path):
        arguments = one.args
        assert arguments.vararg is None, f"{one.name} takes any number of arguments"
        n = len(arguments.posonlyargs + arguments.args + arguments.kwonlyargs)
        assert n <= MOST_ARGUMENTS, f"{one.name} takes {n} arguments"


def test_kernels_are_found():
    assert len(FILES) > 15


def test_kernels_are_plain_numba():
    for path in PACKAGE.rglob("*.py"):
        words = {
            name.name if isinstance(node, ast.Import) else f"{node.module}.{name.name}"
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.Import | ast.ImportFrom)
            for name in node.names
        }
        assert not {w for w in words if w.startswith(("llvmlite", "numba.extending", "numba.core"))}


@settings(max_examples=100, deadline=None)
@given(word=st.integers(1, 2**64 - 1), place=st.integers(0, 63))
def test_the_lowest_bit_of_a_word(word, place):
    for one in (word, word << place & (2**64 - 1) or 1):
        assert lowest_bit(np.uint64(one)) == (one & -one).bit_length() - 1


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), n=st.integers(0, 200), n_keys=st.integers(1, 9))
def test_a_counting_sort_is_stable(seed, n, n_keys):
    rng = np.random.default_rng(seed)
    key, order = rng.integers(0, n_keys, n), rng.permutation(n)
    expected = order[np.argsort(key[order], kind="stable")]
    np.testing.assert_array_equal(counting_order(key, n_keys, order), expected)


def test_compiling_leaves_the_names_of_a_module_as_they_are():
    from mda_ionmech.microstates.sites import nearest_site, polyhedra

    kernel = type(lowest_bit)
    for module in (nearest_site, polyhedra):
        before = dict(vars(module))
        for value in before.values():
            if isinstance(value, kernel):
                value.compiled()
        assert vars(module) == before
