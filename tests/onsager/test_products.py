"""Products in pieces of fixed sizes: those of NumPy, with bits that threads do not change."""

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from mda_ionmech.onsager.products import LONGEST, MOST, ROWS, product
from mda_ionmech.results.estimates import Estimates


@pytest.mark.parametrize(
    ("rows", "terms", "columns"),
    [
        (1, 1, 1),
        (400, 37, 6),
        (400, LONGEST, 3),
        (17, LONGEST + 1, 40),
        (3, 3000, 2),
        (5, 0, 4),
        (2, 17, 1000),
    ],
)
def test_products_are_those_of_numpy(rows, terms, columns):
    rng = np.random.default_rng(rows + terms)
    left, right = rng.normal(size=(rows, terms)), rng.normal(size=(columns, terms)).T
    np.testing.assert_allclose(product(left, right), left @ right, rtol=1e-12, atol=1e-12)


def test_one_call_is_below_what_libraries_share_among_threads():
    assert ROWS * LONGEST <= MOST < 2**18


@pytest.mark.slow
def test_bits_do_not_depend_on_the_number_of_threads(liquid_run):
    rng = np.random.default_rng(1)
    left, right = rng.integers(0, 3, (400, 500)).astype(float), rng.normal(size=(500, 300))
    found = []
    for threads in (1, 2, 3):
        with threadpool_limits(threads, user_api="blas"):
            estimates = Estimates(liquid_run.results.blocks)
            found.append((product(left, right), estimates.decomposition()))
    for other, decomposition in found[1:]:
        np.testing.assert_array_equal(other, found[0][0])
        assert decomposition.identical(found[0][1])
