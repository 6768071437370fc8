"""Matrix products whose bits do not depend on the number of threads.

Libraries of linear algebra split large products over their threads, and the last bit of an element
may then depend on how many there are. Small products they do in one.
"""

from __future__ import annotations

import numpy as np

#: Longest sum that is done at once, and multiplications of one call: below what OpenBLAS splits
#: (2**18).
LONGEST, MOST = 512, 2**17
#: Rows of one call.
ROWS = 16


def product(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """left (a, n) times right (n, b), shape (a, b), in pieces of fixed sizes.

    Cost: that of the product in one thread.

    Parameters
    ----------
    left, right : numpy.ndarray
        float64.

    Returns
    -------
    numpy.ndarray
    """
    left, right = np.ascontiguousarray(left), np.ascontiguousarray(right)
    n = left.shape[1]
    columns = max(MOST // (ROWS * min(max(n, 1), LONGEST)), 1)
    out = np.zeros((len(left), right.shape[1]))
    for first in range(0, n, LONGEST):
        terms = slice(first, first + LONGEST)
        for c in range(0, right.shape[1], columns):
            some = np.ascontiguousarray(right[terms, c : c + columns])
            for r in range(0, len(left), ROWS):
                out[r : r + ROWS, c : c + columns] += left[r : r + ROWS, terms] @ some
    return out
