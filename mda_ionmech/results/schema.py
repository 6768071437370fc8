"""The schema of the result file, and the check of a result against it.

Names, dimensions and units of ``results-schema.json`` are stable: later versions add variables but
do not rename them.
"""

from __future__ import annotations

import json
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import xarray as xr

#: Groups whose variables have intervals.
WITH_INTERVALS = (
    "/decomposition", "/displacement_spectrum", "/hop_channels", "/hop_definitions", "/transitions"
)  # fmt: skip


@cache
def load_schema() -> dict[str, Any]:
    """The schema of the result file: one dictionary for all who read it."""
    text = (
        resources.files("mda_ionmech").joinpath("results", "results-schema.json").read_text("utf-8")
    )
    return dict(json.loads(text))


def check_schema(tree: xr.DataTree, *, known_only: bool = True) -> None:
    """Compare a tree with the schema.

    Parameters
    ----------
    tree : xarray.DataTree
    known_only : bool
        Refuse variables that are not in the schema: a later version may have added them.

    Raises
    ------
    ValueError
        Naming the first variable whose name, dimensions, units or description differ.
    """
    schema = load_schema()
    for name in schema["groups"]["/"]["attributes"]:
        if name not in tree.attrs:
            raise ValueError(f"result lacks the attribute {name!r}")
    for path, group in schema["groups"].items():
        if "variables" not in group or path.strip("/") not in tree.children:
            continue
        dataset = tree[path].to_dataset()
        intervals = path in WITH_INTERVALS
        for name, variable in dataset.data_vars.items():
            base = str(name)
            for end in ("_low", "_high"):
                if intervals and base.endswith(end):
                    base = base.removesuffix(end)
                    if "level" not in variable.attrs:
                        raise ValueError(f"{path}/{name} lacks the attribute 'level'")
            if base not in group["variables"]:
                if not known_only:
                    continue
                raise ValueError(f"{path}/{name} is not in the schema {schema['schema']}")
            wanted = group["variables"][base]
            if list(variable.dims) != wanted["dims"]:
                raise ValueError(f"{path}/{name} has dims {variable.dims}, not {wanted['dims']}")
            if variable.attrs.get("units") != wanted["units"]:
                raise ValueError(
                    f"{path}/{name} has units {variable.attrs.get('units')!r}, "
                    f"not {wanted['units']!r}"
                )
            if not variable.attrs.get("long_name"):
                raise ValueError(f"{path}/{name} lacks a long_name")
