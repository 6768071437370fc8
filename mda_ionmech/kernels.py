"""What several kernels share."""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(nogil=True, cache=True)
def longer(array, size):  # type: ignore[no-untyped-def]
    """The array (n,), followed by room up to size. A loop compiles faster than a slice."""
    out = np.empty(size, dtype=array.dtype)
    for k in range(min(array.shape[0], size)):
        out[k] = array[k]
    return out


@njit(nogil=True, cache=True)
def counting_order(key, n_keys, order):  # type: ignore[no-untyped-def]
    """The numbers of order (n,), stably sorted by key[number], 0 <= key < n_keys. Cost: linear."""
    start = np.zeros(n_keys + 1, dtype=np.int64)
    for m in range(key.shape[0]):
        start[key[m] + 1] += 1
    for k in range(n_keys):
        start[k + 1] += start[k]
    out = np.empty(order.shape[0], dtype=np.int64)
    for m in range(order.shape[0]):
        k = key[order[m]]
        out[start[k]] = order[m]
        start[k] += 1
    return out
