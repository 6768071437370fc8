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
