"""Compiled kernels: compiled when first called, kept on disk; and what several of them share."""

from __future__ import annotations

import functools
import logging
import multiprocessing
from collections.abc import Callable
from types import FunctionType
from typing import Any

import numpy as np

logger = logging.getLogger(__name__)


class Kernel:
    """A function that numba compiles when it is first called; the result is cached on disk.

    Importing a module with kernels neither compiles nor imports numba. A kernel may call others by
    their names in its module; it releases the interpreter lock.

    Parameters
    ----------
    function : callable
        The function itself.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        functools.update_wrapper(self, function)
        self._function = function
        self._compiled: Any = None

    def compiled(self) -> Any:
        """What numba makes of the function, in which names of other kernels mean theirs."""
        if self._compiled is None:
            from numba import njit

            names = dict(self._function.__globals__)
            for name in self._function.__code__.co_names:
                if isinstance(names.get(name), Kernel):
                    names[name] = names[name].compiled()
            own = FunctionType(self._function.__code__, names)
            self._compiled = njit(nogil=True, cache=True)(functools.wraps(self._function)(own))
        return self._compiled

    def __call__(self, *args: Any, **options: Any) -> Any:
        known = self._compiled
        if known is not None:
            return known(*args, **options)
        compiled = self.compiled()
        result = compiled(*args, **options)
        if compiled.stats.cache_misses:
            _say_once()
        return result


#: Decorator: makes a `Kernel` of a function.
kernel: Any = Kernel


@functools.cache
def _say_once() -> None:
    if multiprocessing.parent_process() is None:
        logger.warning("compiling kernels: once per installation, for about half a minute")


#: A number whose six bits from each place on differ (de Bruijn), and the place by these bits.
_DE_BRUIJN = np.uint64(0x03F79D71B4CB0A89)
_PLACE_OF = np.zeros(64, dtype=np.uint8)
for _k in range(64):
    _PLACE_OF[(int(_DE_BRUIJN) << _k) % 2**64 >> 58] = _k


@kernel
def lowest_bit(word):  # type: ignore[no-untyped-def]
    """Place of the lowest bit set in a uint64 that is not 0, as uint64, without a branch."""
    lowest = word & (~word + np.uint64(1))
    return np.uint64(_PLACE_OF[(lowest * _DE_BRUIJN) >> np.uint64(58)])


@kernel
def longer(array, size):  # type: ignore[no-untyped-def]
    """The array (n,), followed by room up to size. A loop compiles faster than a slice."""
    out = np.empty(size, dtype=array.dtype)
    for k in range(min(array.shape[0], size)):
        out[k] = array[k]
    return out


@kernel
def counting_order(key, n_keys, order):  # type: ignore[no-untyped-def]
    """The numbers of order (n,), stably sorted by key[number], 0 <= key < n_keys. Cost: linear."""
    start = np.zeros(n_keys + 1, dtype=np.int64)
    for m in range(key.shape[0]):
        start[key[m] + 1] += 1
    for k in range(n_keys):
        start[k + 1] += start[k]
    out = np.empty(order.shape[0], dtype=order.dtype)
    for m in range(order.shape[0]):
        k = key[order[m]]
        out[start[k]] = order[m]
        start[k] += 1
    return out
