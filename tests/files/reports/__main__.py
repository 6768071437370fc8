"""Try every report, or those named, and write the page if all were tried."""

import sys

from . import PAGE, REPORTS, obtained, page

if names := sys.argv[1:]:
    for name in names:
        print(name, "--", obtained(name))
else:
    PAGE.write_text(page({name: obtained(name) for name in REPORTS}), encoding="utf-8")
