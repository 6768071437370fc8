"""Sections of the configuration file, generated from the signatures of classes.

The keys of a section are the arguments of a class. Types and defaults come from its signature;
descriptions, allowed words and shapes of arrays from its docstring (numpydoc). An argument added
to the class is automatically a key of the file, its JSON schema and its reference page.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from operator import or_
from pathlib import Path
from types import GenericAlias, NoneType, UnionType
from typing import Annotated, Any, ClassVar, Literal, NamedTuple, Union, get_args, get_origin

import numpy as np
from MDAnalysis import AtomGroup
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    Strict,
    ValidationInfo,
    create_model,
    model_validator,
)
from pydantic_core import core_schema

#: Names in annotations that are imported for type checking alone.
_NAMES = {
    "Any": Any, "AtomGroup": AtomGroup, "Iterable": Iterable, "Mapping": Mapping, "Path": Path,
    "Sequence": Sequence, "np": np,
}  # fmt: skip


def _from_folder(path: Any, info: ValidationInfo) -> Any:
    return type(path)(Path((info.context or {}).get("folder", "")) / path)


#: A path relative to the folder of the file, and one as text.
FilePath = Annotated[Path, AfterValidator(_from_folder)]
_TextPath = Annotated[str, AfterValidator(_from_folder)]


class _OrNone:
    """Allows None for a value, written "none" or false in TOML, which has no None."""

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        words: tuple[Any, ...] = ("none",) if bool in _inside(source) else ("none", False)
        return core_schema.no_info_before_validator_function(
            lambda value: None if isinstance(value, str | bool) and value in words else value,
            handler(source),
        )

    def __get_pydantic_json_schema__(self, schema: Any, handler: Any) -> Any:
        none = {"enum": ["none", False]}
        return {"anyOf": [none if k == {"type": "null"} else k for k in handler(schema)["anyOf"]]}


@dataclass(frozen=True)
class Argument:
    """One argument of a class as a key of the file.

    Attributes
    ----------
    name : str
        Name in Python; empty for a key that only chooses the call.
    kind : Any
        Type for pydantic.
    default : Any
        Ellipsis where the key is required.
    meaning : str
    is_atoms : bool
        Whether the value is a selection in the file and an AtomGroup in Python.
    is_spread : bool
        Whether the key is a table of keyword arguments.
    """

    name: str
    kind: Any
    default: Any
    meaning: str
    is_atoms: bool = False
    is_spread: bool = False

    def optional(self) -> Argument:
        """The argument as an optional one."""
        if self.default is not ...:
            return self
        return replace(self, kind=Annotated[self.kind | None, _OrNone()], default=None)


class Call(NamedTuple):
    """A class or function, and its arguments by key."""

    function: Callable[..., Any]
    arguments: dict[str, Argument]


class Section(BaseModel):
    """A table of the file.

    `calls` are the functions that may be called with its values; a table must choose exactly one of
    them by its key.
    """

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)
    calls: ClassVar[dict[str, Call]] = {}

    @property
    def chosen(self) -> str:
        """The key of the call that a table has chosen."""
        asked = [k for k in self.calls if getattr(self, k, None) not in (None, False)]
        return next(iter(self.calls)) if len(self.calls) == 1 else asked[0]

    @property
    def function(self) -> Callable[..., Any]:
        """The chosen class or function."""
        return self.calls[self.chosen].function

    @model_validator(mode="after")
    def _one_call(self) -> Section:
        if len(self.calls) < 2:
            return self
        given = [k for k in type(self).model_fields if k in self.model_fields_set]
        if sum(getattr(self, k) not in (None, False) for k in self.calls) != 1:
            common = set.intersection(*(set(call.arguments) for call in self.calls.values()))
            ways = []
            for key, call in self.calls.items():
                needs = [k for k, a in call.arguments.items() if a.default is ... and k != key]
                ways.append(" with ".join([self._way(key), *(k for k in needs if k not in common)]))
            raise ValueError(f"give exactly one of {', '.join(ways)}")
        arguments = self.calls[self.chosen].arguments
        for key, call in self.calls.items():
            idle = [k for k in given if k in call.arguments and k not in {*arguments, *self.calls}]
            if idle:
                raise ValueError(
                    f"{', '.join(idle)} has no meaning without {self._way(key)}; leave it out"
                )
        for key, one in arguments.items():
            if one.default is ... and getattr(self, key) is None:
                raise ValueError(f"{self.chosen} needs {key}: {one.meaning}")
        return self

    def _way(self, key: str) -> str:
        return f"{key} = true" if self.calls[key].arguments[key].kind is bool else key

    def values(self, select: Callable[[str, str], Any]) -> dict[str, Any]:
        """The given keyword arguments, with atoms for selections.

        Parameters
        ----------
        select : callable
            Returns the atoms of a selection, given also its key.
        """

        def atoms(value: Any, key: str) -> Any:
            if isinstance(value, dict):
                return {k: atoms(v, f"{key}.{k}") for k, v in value.items()}
            if isinstance(value, list | tuple):
                return [atoms(v, f"{key}.{k}") for k, v in enumerate(value)]
            return select(value, key) if isinstance(value, str) else value

        values: dict[str, Any] = {}
        for key, one in self.calls[self.chosen].arguments.items():
            if one.name and key in self.model_fields_set:
                value = getattr(self, key)
                value = atoms(value, key) if one.is_atoms else value
                values |= value if one.is_spread else {one.name: value}
        return values


def described_arguments(text: str | None) -> dict[str, tuple[str, str]]:
    """Type and description of every parameter in a numpydoc docstring."""
    body = re.search(
        r"^Parameters\n-+\n(.*?)(?=^\w[\w ]*\n---|\Z)", inspect.cleandoc(text or ""), re.M | re.S
    )
    found = {}
    for entry in re.split(r"\n(?=\S)", body[1].strip()) if body else ():
        head, _, below = entry.partition("\n")
        names, _, kind = head.partition(" : ")
        for name in names.split(","):
            found[name.strip().lstrip("*")] = (kind, " ".join(below.split()))
    return found


def _evaluated(annotation: Any, function: Any) -> Any:
    """An annotation as an object; Any without one or with an unknown name."""
    if annotation is inspect.Parameter.empty:
        return Any
    if not isinstance(annotation, str):
        return annotation
    try:
        return eval(annotation, _NAMES | inspect.unwrap(function).__globals__)
    except Exception:
        return Any


def _inside(annotation: Any) -> Iterator[Any]:
    """An annotation and all its parts."""
    yield annotation
    for inner in get_args(annotation):
        yield from _inside(inner)


def _array(meaning: str) -> Any:
    """Nested lists of the shape given in a description, e.g. "Shape (sites, 3)"; else Any."""
    shape = re.search(r"\b[Ss]hape \(([^)]*)\)", meaning)
    kind: Any = Annotated[float, Strict()] if shape else Any
    for length in re.findall(r"\w+", shape[1])[::-1] if shape else ():
        if length.isdigit():
            kind = GenericAlias(tuple, (kind,) * int(length))
        else:
            kind = GenericAlias(list, (kind,))
    return kind


def _toml_type(kind: Any, about: str, meaning: str, limits: Any) -> Any:
    """The TOML type of a Python type.

    about, meaning: type and description as text; limits: range of numbers, or None.
    """
    origin, inner = get_origin(kind) or kind, get_args(kind)
    words = tuple(re.findall(r'"([^"]+)"', about))

    def of(part: Any) -> Any:
        return _toml_type(part, about, meaning, limits)

    if origin in (Union, UnionType):
        # an array is a list in TOML
        kinds = [of(k) for k in inner if k not in (NoneType, np.ndarray)]
        if FilePath in kinds:
            kinds = [k for k in kinds if k not in (str, _TextPath)]
        return reduce(or_, kinds)
    if kind in (str, Any) and words:
        return Literal[words]
    if kind is str:
        return _TextPath if "path-like" in about else str
    if kind is Any and "path-like" in about and _array(meaning) is Any:
        return FilePath
    if kind in (int, float):
        # neither true nor a text is a number
        strict = Annotated[kind, Strict()]
        return strict if limits is None else Annotated[strict, limits]
    if kind is bool or origin is Literal:
        return kind
    if kind in (Any, np.ndarray) or not isinstance(origin, type):
        return _array(meaning)
    if issubclass(origin, Path):
        return FilePath
    if issubclass(origin, AtomGroup):
        return str
    if issubclass(origin, tuple) and inner and inner[-1] is not ...:
        return GenericAlias(tuple, tuple(of(k) for k in inner))
    if issubclass(origin, Mapping):
        return GenericAlias(dict, (inner[0], of(inner[1])) if inner else (str, Any))
    if issubclass(origin, Iterable):
        return GenericAlias(list, (of(inner[0]) if inner else Any,))
    return Any


def _argument(
    parameter: inspect.Parameter, function: Any, doc: tuple[str, str], limits: Any
) -> Argument:
    about, meaning = doc
    annotation = _evaluated(parameter.annotation, function)
    if annotation is Any and about.startswith("AtomGroup"):
        annotation = AtomGroup
    kind, default = _toml_type(annotation, about, meaning, limits), parameter.default
    if default is None or NoneType in get_args(annotation):
        kind = Annotated[kind | None, _OrNone()]
    is_atoms = AtomGroup in _inside(annotation)
    return Argument(
        name=parameter.name,
        kind=kind,
        default=... if default is inspect.Parameter.empty else default,
        meaning=f"Selection. {meaning}".strip() if is_atoms else meaning,
        is_atoms=is_atoms,
    )


def arguments_of(
    function: Any, limits: Mapping[str, Any], *, has_ligands: bool = False
) -> dict[str, Argument]:
    """All arguments of a class or function that a file may give.

    Parameters
    ----------
    function : callable
        A class or a function. Further keywords of a class are those of its base classes.
    limits : mapping of str to Any
        Ranges of numbers by argument, for pydantic.
    has_ligands : bool
        Whether further keywords are atoms by type, the table `ligands` of a file.
    """
    found: dict[str, Argument] = {}
    is_class = isinstance(function, type)
    for layer in [c for c in function.__mro__ if "__init__" in vars(c)] if is_class else [function]:
        call = layer.__init__ if is_class else layer
        if inspect.unwrap(call) is object.__init__:
            break
        docs = described_arguments(layer.__doc__) | described_arguments(call.__doc__)
        parameters = list(inspect.signature(call).parameters.values())
        for one in parameters[1:] if is_class else parameters:
            doc = docs.get(one.name, ("", ""))
            if one.kind is one.VAR_KEYWORD and has_ligands:
                table = Annotated[dict[str, str], Field(min_length=1)]
                meaning = f"Selections. {doc[1]}".strip()
                found.setdefault("ligands", Argument("ligands", table, ..., meaning, True, True))
            elif one.kind in (one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY):
                argument = _argument(one, call, doc, limits.get(one.name))
                found.setdefault(one.name, argument)
        if parameters[-1].kind is not inspect.Parameter.VAR_KEYWORD:
            break
    return found


def section_of(
    calls: Mapping[str, Call], doc: str | None, *, name: str, rule: str = "", is_usual: bool = False
) -> Any:
    """The section with the arguments of classes or functions as keys.

    Parameters
    ----------
    calls : mapping of str to Call
        See `Section`. Keys that not all of them have are optional.
    doc : str or None
        A docstring, whose first paragraph is used.
    name : str
        Of the section.
    rule : str
        Value of the key `rule`; empty for sections without it.
    is_usual : bool
        Whether `rule` may be omitted.
    """
    fields: dict[str, Any] = {}
    if rule:
        about = Field(rule if is_usual else ..., description="Name of the rule.")
        fields["rule"] = (Literal[rule], about)
    for call in calls.values():
        for key, one in call.arguments.items():
            in_all = all(key in other.arguments for other in calls.values())
            mine = one if in_all else one.optional()
            fields.setdefault(key, (mine.kind, Field(mine.default, description=mine.meaning)))
    summary = inspect.cleandoc(doc or name).split("\n\n")[0].replace("\n", " ")
    model = create_model(f"{name}Section", __base__=Section, __doc__=summary, **fields)
    model.calls = dict(calls)
    return model
