"""One try of a module, changed or not: its tests in a forked process, until the first one fails.

Kernels of the module that is changed, and those that call them, run as plain Python: compiled ones
would be taken from numba's cache, which knows the age of a file and not what a mutant makes of it.
"""

from __future__ import annotations

import ast
import builtins
import contextlib
import copy
import importlib
import importlib.machinery
import os
import pickle
import resource
import signal
import sys
import tempfile
import time
import types
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
#: Memory of one try: a mutant may ask for more than there is.
MOST_BYTES = 8 * 2**30


class Marks(ast.NodeTransformer):
    """Puts a note of its line in front of every statement of a function."""

    def _marked(self, body: list[ast.stmt]) -> list[ast.stmt]:
        out: list[ast.stmt] = []
        for node in body:
            text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
            if not text:
                note = ast.parse(f"__run__({node.lineno})").body[0]
                out.append(ast.fix_missing_locations(ast.copy_location(note, node)))
            out.append(node)
        return out

    def generic_visit(self, node: ast.AST) -> ast.AST:
        super().generic_visit(node)
        if isinstance(node, ast.stmt | ast.ExceptHandler) and not isinstance(node, ast.ClassDef):
            for field in ("body", "orelse", "finalbody"):
                if getattr(node, field, None):
                    setattr(node, field, self._marked(getattr(node, field)))
        return node


class _Wrapping(ast.NodeTransformer):
    """Makes np.uint64(number) wrap negative numbers, as compiled code does."""

    def visit_Call(self, node: ast.Call) -> ast.Call:
        self.generic_visit(node)
        if ast.unparse(node.func) == "np.uint64":
            wrapped = ast.Call(ast.Name("__wrapped__", ast.Load()), node.args, [])
            node.args = [ast.copy_location(wrapped, node)]
        return node


class Watch:
    """A pytest plugin: tests that run the changed statement first; which test failed, and when."""

    def __init__(self, first: list[str], ran: set[int], skip: frozenset[str]) -> None:
        self.first, self.ran, self.skip = {name: k for k, name in enumerate(first)}, ran, skip
        self.seconds: dict[str, float] = {}
        self.lines: dict[str, set[int]] = {}
        self.failed = ""

    def pytest_collection_modifyitems(self, items: list[Any]) -> None:
        items[:] = [one for one in items if one.nodeid not in self.skip]
        if self.first:
            items.sort(key=lambda one: self.first.get(one.nodeid, len(self.first)))

    def pytest_runtest_logreport(self, report: Any) -> None:
        name = report.nodeid
        if report.when == "call":
            self.seconds[name] = report.duration
        self.lines.setdefault(name, set()).update(self.ran)
        self.ran.clear()
        if report.failed:
            self.failed = self.failed or name

    def pytest_collectreport(self, report: Any) -> None:
        if report.failed:
            self.failed = self.failed or f"{report.nodeid} (import)"


def _unboxed(result: Any) -> Any:
    """Plain numbers in place of NumPy's, as compiled code returns them."""
    import numpy as np

    if isinstance(result, tuple):
        plain = [_unboxed(one) for one in result]
        return type(result)(*plain) if hasattr(result, "_fields") else tuple(plain)
    return result.item() if isinstance(result, np.generic) else result


def _change(module: str, tree: ast.Module) -> None:
    """From now on the module is this tree, and kernels of it are plain Python."""
    name = module.removesuffix(".py").replace("/", ".")
    load = importlib.machinery.SourceFileLoader.get_code

    tree = ast.fix_missing_locations(_Wrapping().visit(copy.deepcopy(tree)))
    builtins.__wrapped__ = lambda x: x % 2**64 if isinstance(x, int) else x  # type: ignore

    def get_code(self: Any, fullname: str) -> Any:
        if fullname == name:
            return compile(tree, str(ROOT / module), "exec")
        return load(self, fullname)

    importlib.machinery.SourceFileLoader.get_code = get_code  # type: ignore[method-assign]
    import numpy as np

    from mda_ionmech.lib import kernels

    np.seterr(over="ignore")  # of hashes, which compiled code wraps in silence
    compiled = kernels.Kernel.compiled

    def plain(self: Any) -> Any:
        if self._compiled is not None:
            return self._compiled
        function = self._function
        names = dict(function.__globals__)
        called = [n for n in function.__code__.co_names if isinstance(names.get(n), kernels.Kernel)]
        names |= {n: names[n].compiled() for n in called}
        python = any(isinstance(names[n], types.FunctionType) for n in called)
        if python or function.__module__ == name:
            self._compiled = types.FunctionType(function.__code__, names)
            return self._compiled
        return compiled(self)

    kernels.Kernel.compiled = plain  # type: ignore[method-assign]
    kernels.Kernel.__call__ = lambda self, *a, **k: _unboxed(self.compiled()(*a, **k))  # type: ignore


def attempt(
    module: str, tree: ast.Module, tests: list[str], seconds: float, *,
    first: list[str] | None = None, skip: frozenset[str] = frozenset(), log: Path | None = None,
    until_failure: bool = True,
) -> dict[str, Any]:  # fmt: skip
    """Run tests of a module that is changed in a forked process.

    Returns ``status`` (passed, failed, timeout or crashed), ``failed`` (the test), ``seconds`` and
    ``lines`` by test, and ``wall``.
    """
    handle, name = tempfile.mkstemp(suffix=".pickle")
    os.close(handle)
    begin = time.monotonic()
    child = os.fork()
    if child == 0:
        _run(module, tree, tests, name, first or [], skip, log, until_failure)
    status = None
    while status is None and time.monotonic() - begin < seconds:
        done, code = os.waitpid(child, os.WNOHANG)
        status = code if done else time.sleep(0.02)
    if status is None:
        os.killpg(child, signal.SIGKILL)
        os.waitpid(child, 0)
    found: dict[str, Any] = {"status": "timeout" if status is None else "crashed", "failed": ""}
    if status == 0:
        found = pickle.loads(Path(name).read_bytes())
    Path(name).unlink()
    return found | {"wall": time.monotonic() - begin}


def _run(
    module: str, tree: ast.Module, tests: list[str], out: str, first: list[str],
    skip: frozenset[str], log: Path | None, until_failure: bool,
) -> None:  # fmt: skip
    """What the forked process does; it never returns."""
    try:
        os.setsid()
        resource.setrlimit(resource.RLIMIT_DATA, (MOST_BYTES, MOST_BYTES))
        where = os.open(str(log or os.devnull), os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        null = os.open(os.devnull, os.O_RDONLY)
        for k, number in enumerate((null, where, where)):
            os.dup2(number, k)
        os.chdir(ROOT)
        ran: set[int] = set()
        builtins.__run__ = ran.add  # type: ignore[attr-defined]
        import pytest
        from hypothesis import settings

        settings.register_profile("mutants", database=None, derandomize=True, deadline=None)
        settings.load_profile("mutants")
        _change(module, tree)
        watch = Watch(first, ran, skip)
        options = ["-q", "-o", "addopts=", "-p", "no:cacheprovider", "-p", "no:xdist"]
        options += ["--tb=short", "-x"] if until_failure else ["--tb=short"]
        code = pytest.main([*options, *tests], plugins=[watch])
        failed = watch.failed or ("" if code == 0 else f"pytest: {code}")
        result = {"status": "failed" if failed else "passed", "failed": failed}
        result |= {"seconds": watch.seconds, "lines": watch.lines}
        Path(out).write_bytes(pickle.dumps(result))
        sys.stdout.flush()
        os._exit(0)
    finally:
        os._exit(1)


def warm_up() -> None:
    """Import what tests need and no mutant changes, once for all processes forked from here."""
    for name in ("numpy", "scipy.signal", "scipy.sparse.csgraph", "scipy.stats", "xarray", "numba",
                 "pandas", "MDAnalysis", "pydantic", "hypothesis.extra.numpy", "netCDF4",
                 "scipy.spatial", "scipy.optimize", "spglib", "gemmi", "ase", "rich"):  # fmt: skip
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
