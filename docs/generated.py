"""Parts of pages that are made from the code when the documentation is built."""

from __future__ import annotations

import json
import types
import typing
from collections.abc import Iterator
from typing import Any, Literal, get_args, get_origin

import typer
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from mda_ionmech.analysis.radial_distributions import LONG_NAMES as DISTRIBUTIONS
from mda_ionmech.cli.app import app as command
from mda_ionmech.cli.config import Config
from mda_ionmech.observables.displacement_spectrum import LONG_NAMES as DISPLACEMENTS
from mda_ionmech.observables.hop_channels import LONG_NAMES as HOP_CHANNELS
from mda_ionmech.results.estimates import LONG_NAMES
from mda_ionmech.results.schema import load_schema


def _type_name(annotation: Any) -> str:
    """A type as a writer of TOML thinks of it."""
    origin = get_origin(annotation)
    if origin is typing.Annotated:
        return _type_name(get_args(annotation)[0])
    if origin in (typing.Union, types.UnionType):
        kinds = [a for a in get_args(annotation) if a is not type(None)]
        return " or ".join(dict.fromkeys(_type_name(a) for a in kinds))
    if origin is Literal:
        return " or ".join(json.dumps(a) for a in get_args(annotation))
    if origin is list:
        return f"list of {_type_name(get_args(annotation)[0])}"
    if origin is tuple:
        return f"[{', '.join(_type_name(a) for a in get_args(annotation))}]"
    if origin is dict:
        return f"table of {_type_name(get_args(annotation)[1])}"
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return "table"
    names = {str: "string", float: "number", int: "integer", bool: "boolean", Any: "value"}
    return names.get(annotation, "path")


def _sections(annotation: Any) -> list[type[BaseModel]]:
    """Models a field holds, directly, in a list, or as one of several choices."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for a in get_args(annotation) for model in _sections(a)]


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True)
    if value is None:
        return "none"
    if isinstance(value, bool | int | float | str | list | tuple | dict):
        return f"`{json.dumps(value)}`"
    return f'`"{value}"`'


def config_sections(
    model: type[BaseModel] = Config, name: str = "", repeated: bool = False
) -> Iterator[tuple[str, type[BaseModel], list[tuple[str, FieldInfo]]]]:
    """Every table of the TOML file: its heading, its model, its own keys."""
    own, below = [], []
    for key, field in model.model_fields.items():
        inner = _sections(field.annotation)
        if inner:
            below += [(key, m, get_origin(field.annotation) is list) for m in inner]
        else:
            own.append((key, field))
    yield (f"[[{name}]]" if repeated else f"[{name}]") if name else "top of the file", model, own
    for key, inner_model, many in below:
        yield from config_sections(inner_model, f"{name}.{key}".strip("."), many)


def config_keys() -> str:
    """Tables of all keys of the TOML file, in Markdown."""
    lines: list[str] = []
    for heading, model, keys in config_sections():
        title = f"`{heading}`" if heading.startswith("[") else heading.capitalize()
        lines += [f"## {title}", "", str(model.__doc__).strip(), ""]
        if not keys:
            continue
        lines += ["| key | type | default | meaning |", "|---|---|---|---|"]
        for key, field in keys:
            kind = _type_name(field.annotation)
            if type(None) in get_args(field.annotation) and field.default is not None:
                kind += ' or "none"'
            meaning = (field.description or "").replace("\n", " ").replace("|", "\\|")
            lines.append(f"| `{key}` | {kind} | {_default(field)} | {meaning} |")
        lines.append("")
    return "\n".join(lines)


def commands() -> str:
    """The commands of `ionmech` with their arguments and options, in Markdown."""
    group: Any = typer.main.get_command(command)
    lines: list[str] = ["Options before the command:", "", *_parameters(group), ""]
    for name, one in group.commands.items():
        text = str(one.help).replace("[bold]", "`").replace("[/bold]", "`")
        pieces = [one.make_context(name, [], resilient_parsing=True).command_path]
        pieces += [_usage(p) for p in one.params if p.name != "help"]
        lines += [f"## `ionmech {name}`", "", "```text", f"ionmech {' '.join(pieces)}", "```", ""]
        lines += [text, "", *_parameters(one), ""]
    return "\n".join(lines)


def _usage(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        word = parameter.name.upper() + ("..." if parameter.nargs == -1 else "")
        return word if parameter.required else f"[{word}]"
    flag = parameter.opts[0]
    return f"[{flag}]" if parameter.is_flag else f"[{flag} {parameter.name.upper()}]"


def _parameters(one: Any) -> list[str]:
    """Rows of what a command takes."""
    rows = ["| | | default |", "|---|---|---|"]
    for parameter in one.params:
        if parameter.param_type_name == "argument":
            names = f"`{parameter.name.upper()}`"
        else:
            names = ", ".join(f"`{name}`" for name in parameter.opts)
        default = parameter.default
        shown = "" if default in (None, False) or callable(default) else f"`{default}`"
        if parameter.required:
            shown = "required"
        rows.append(f"| {names} | {parameter.help or ''} | {shown} |")
    return rows if len(rows) > 2 else []


def result_variables() -> str:
    """The variables of a result that this version computes, with dimensions and units."""
    lines: list[str] = []
    others = HOP_CHANNELS | DISPLACEMENTS | DISTRIBUTIONS
    meanings = LONG_NAMES | {n: text for n, (text, _) in others.items()}
    for path in (
        "/decomposition", "/transitions", "/filters", "/displacement_spectrum", "/hop_channels",
        "/radial_distributions", "/states",
    ):  # fmt: skip
        lines += [f"## `{path[1:]}`", "", "| variable | dimensions | unit | meaning |"]
        lines += ["|---|---|---|---|"]
        for name, spec in load_schema()["groups"][path]["variables"].items():
            if name not in meanings:
                continue
            dims = ", ".join(spec["dims"])
            lines.append(f"| `{name}` | {dims} | {spec['units']} | {meanings[name]} |")
        lines.append("")
    return "\n".join(lines)


MARKS = {
    "<!-- config-keys -->": config_keys,
    "<!-- commands -->": commands,
    "<!-- result-variables -->": result_variables,
}


def fill_in(app: object, name: str, source: list[str]) -> None:
    """Sphinx calls this for every page with its text in a list of one."""
    for mark, make in MARKS.items():
        if mark in source[0]:
            source[0] = source[0].replace(mark, make())
