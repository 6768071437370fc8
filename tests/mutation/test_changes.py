"""Mutants are small, all different, told by their text, and undone."""

import ast

from mda_ionmech.onsager import block_bootstrap

from .changes import mutants, sampled
from .modules import TESTS
from .trial import ROOT

SOURCE = '''
"""A docstring of 1 line."""

LIMIT = 10

def clipped(x: int, least: int = 0, *, strict=True) -> int:
    """Text of 2 lines."""
    if x < least and strict:
        raise InputError(f"x={x + 1} is below {least}", 3)
    out[0] = min(x, LIMIT)
    return -x
'''


def test_changes_of_a_function():
    found = [(m.line, m.after) for m in mutants(ast.parse(SOURCE))]
    assert len({*found}) == len(found)
    signature = "def clipped(x: int, least: int={}, *, strict={}) -> int:"
    assert found == [
        (4, "LIMIT = 11"),
        (4, "LIMIT = 9"),
        (6, signature.format(0, False)),
        (6, signature.format(1, True)),
        (6, signature.format(-1, True)),
        (8, "if not (x < least and strict):"),
        (8, "if x < least or strict:"),
        (8, "if x <= least and strict:"),
        (9, "pass"),
        (10, "out[1] = min(x, LIMIT)"),
        (10, "out[-1] = min(x, LIMIT)"),
        (10, "out[0] = max(x, LIMIT)"),
        (10, "pass"),
        (11, "return +x"),
    ]


def test_each_mutant_is_another_program_and_leaves_none_behind():
    source = (ROOT / "mda_ionmech/onsager/block_bootstrap.py").read_text("utf-8")
    tree = ast.parse(source)
    before = ast.unparse(tree)
    every = mutants(tree)
    assert len({m.name for m in every}) == len(every) > 200
    for one in every:
        undo = one.apply()
        assert ast.unparse(tree) != before, one.name
        undo()
    assert ast.unparse(tree) == before
    assert block_bootstrap.__file__ == str(ROOT / "mda_ionmech/onsager/block_bootstrap.py")


def test_the_choice_is_that_of_every_run():
    tree = ast.parse(SOURCE)
    names = [m.name for m in sampled("a.py", tree, 1.0)]
    assert len(names) == 4  # the root of 14
    assert names == [m.name for m in sampled("a.py", ast.parse("import sys\n" + SOURCE), 1.0)]
    assert names != [m.name for m in sampled("b.py", tree, 1.0)]
    assert len(sampled("a.py", tree, 100.0)) == len(mutants(tree))


def test_modules_and_their_tests_are_there():
    for module, tests in TESTS.items():
        for path in (f"mda_ionmech/{module}", *tests):
            assert (ROOT / path.partition("::")[0]).exists(), path
