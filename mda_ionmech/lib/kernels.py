"""Numba kernels, compiled at the first call and cached on disk, and small functions they share."""

from __future__ import annotations

import functools
import logging
import multiprocessing
import pickle
from collections.abc import Callable
from types import FunctionType
from typing import Any

import numpy as np

logger = logging.getLogger(__name__)

#: What numba raises where its files cannot be read or written: a full disk, damage.
_OF_FILES = (OSError, EOFError, pickle.PickleError)


class Kernel:
    """A function that numba compiles at its first call; the compiled code is cached on disk.

    Importing a module with kernels neither compiles them nor imports numba. A kernel may call other
    kernels of its module by name; it releases the interpreter lock. Where nothing can be kept on
    disk, or what was kept there is damaged, it is compiled in memory, and that is said once.

    Parameters
    ----------
    function : callable
        The Python function.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        functools.update_wrapper(self, function)
        self._function = function
        self._compiled: Any = None

    def compiled(self) -> Any:
        """The compiled function, in which other kernels are compiled ones, too."""
        if self._compiled is None:
            self._compiled = self._made(cache=True)
        return self._compiled

    def _made(self, *, cache: bool) -> Any:
        from numba import njit

        names = dict(self._function.__globals__)
        for name in self._function.__code__.co_names:
            other = names.get(name)
            if isinstance(other, Kernel):
                names[name] = other.compiled() if cache else other._made(cache=False)
        own = functools.wraps(self._function)(FunctionType(self._function.__code__, names))
        try:
            return njit(nogil=True, cache=cache)(own)
        except RuntimeError:  # numba finds no folder to write to
            if not cache:
                raise
            _say_no_cache()
            return njit(nogil=True)(own)

    def __call__(self, *args: Any, **options: Any) -> Any:
        known = self._compiled
        compiled = self.compiled() if known is None else known
        try:
            result = compiled(*args, **options)
        except _OF_FILES:  # before anything was computed: kernels touch no files
            self._compiled = self._made(cache=False)
            _say_no_cache()
            return self._compiled(*args, **options)
        # with NUMBA_DISABLE_JIT=1 it is the Python function itself
        if known is None and hasattr(compiled, "stats") and compiled.stats.cache_misses:
            _say_once()
        return result


#: Decorator: makes a `Kernel` of a function.
kernel: Any = Kernel


@functools.cache
def _say_once() -> None:
    if multiprocessing.parent_process() is None:
        logger.warning(
            "compiling kernels that are used for the first time here, up to half a minute; they "
            "are kept on disk for later runs"
        )


@functools.cache
def _say_no_cache() -> None:
    if multiprocessing.parent_process() is None:
        logger.warning(
            "compiled kernels cannot be kept on disk: every process compiles them anew, for about "
            "half a minute; set NUMBA_CACHE_DIR to a folder that can be written to"
        )


#: A de Bruijn number, whose six bits from each position on differ, and the position by these bits.
_DE_BRUIJN = np.uint64(0x03F79D71B4CB0A89)
_PLACE_OF = np.zeros(64, dtype=np.uint8)
for _k in range(64):
    _PLACE_OF[(int(_DE_BRUIJN) << _k) % 2**64 >> 58] = _k


@kernel
def lowest_bit(word):  # type: ignore[no-untyped-def]
    """Position of the lowest set bit of a uint64 that is not 0, as uint64, without a branch."""
    lowest = word & (~word + np.uint64(1))
    return np.uint64(_PLACE_OF[(lowest * _DE_BRUIJN) >> np.uint64(58)])


@kernel
def longer(array, size):  # type: ignore[no-untyped-def]
    """The array (n,) extended to `size` elements. A loop compiles faster than a slice."""
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
