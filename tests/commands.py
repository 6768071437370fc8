"""The command, run within the process of the tests, which spares the start of another one."""

import contextlib
import io
import os
import sys
from dataclasses import dataclass

from mda_ionmech.cli import app


@dataclass
class Done:
    """What a command wrote, and its exit status."""

    returncode: int
    stdout: str
    stderr: str


def ionmech_here(*args, cwd, columns=80):
    """Run ``ionmech`` with these arguments in a folder."""
    out, err, status = io.StringIO(), io.StringIO(), 0
    before, argv, width = os.getcwd(), sys.argv, os.environ.get("COLUMNS")
    os.chdir(cwd)
    sys.argv, os.environ["COLUMNS"] = ["ionmech", *args], str(columns)
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            app.main()
    except SystemExit as end:
        status = int(end.code or 0)
    finally:
        os.chdir(before)
        sys.argv = argv
        if width is None:
            del os.environ["COLUMNS"]
        else:
            os.environ["COLUMNS"] = width
    return Done(status, out.getvalue(), err.getvalue())
