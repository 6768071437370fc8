"""Detectors and rules in the configuration file, including a user's own.

A table names its rule by the key `rule`: one of this package, or the import path of a class,
"my_module:MyRule"; the folder of the file is searched first.
"""

from __future__ import annotations

import difflib
import functools
import importlib
import importlib.machinery
import inspect
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo
from pydantic_core import PydanticCustomError, core_schema

from ..lib.checks import shown
from ..lib.errors import InputError
from .sections_from_signatures import Section

#: Folders of configuration files whose modules were imported.
_folders: set[Path] = set()


class OwnRule(BaseModel):
    """A class of your own: the other keys are the arguments of its constructor."""

    model_config = ConfigDict(extra="allow")

    rule: str = Field(
        pattern=r"^[\w.]+:\w+$",
        description='Import path of the class, e.g. "my_module:MyRule". The folder of this file is '
        "searched first.",
    )


def nearest(word: str, known: Sequence[str], what: str) -> str:
    """A hint at the closest known word, or all of them."""
    near = difflib.get_close_matches(word[:80], known, n=1, cutoff=0.5)
    return f"did you mean {near[0]!r}?" if near else f"the {what} are {', '.join(known)}"


def imported_class(path: str, base: type, folder: Path | None) -> type:
    """The class at an import path such as ``my_module:MyRule``.

    Parameters
    ----------
    path : str
    base : type
        Required base class.
    folder : Path or None
        Searched before those on Python's path and added to it, so that other processes find the
        class, too.

    Raises
    ------
    InputError
        If there is no such module or class, or it cannot be imported or used.
    """
    module_name, _, name = path.partition(":")
    if not all(part.isidentifier() for part in (*module_name.split("."), name)):
        raise InputError(f'{path!r} is no import path; write "my_module:MyRule"')
    if folder is not None:
        _search_first(folder, module_name.partition(".")[0], path)
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name and f"{module_name}.".startswith(f"{error.name}."):
            where = "" if folder is None else f" in {folder} or"
            raise InputError(
                f"{path!r}: no module {error.name!r}{where} among the installed packages"
            ) from error
        raise InputError(f"{path!r}: {module_name} cannot be imported: {error}") from error
    except Exception as error:
        raise InputError(
            f"{path!r}: {module_name} cannot be imported: {type(error).__name__}: {error}"
        ) from error
    found = getattr(module, name, None)
    if found is None:
        classes = [
            k
            for k, v in vars(module).items()
            if isinstance(v, type) and v.__module__ == module_name
        ]
        hint = nearest(name, classes, "classes there") if classes else "it defines no class"
        raise InputError(f"{path!r}: {module_name} has no {name}; {hint}")
    wanted = f"{base.__module__.rpartition('.')[0] or base.__module__}.{base.__name__}"
    if not (isinstance(found, type) and issubclass(found, base)):
        raise InputError(f"{path!r} is no subclass of {wanted}, which is needed here")
    if inspect.isabstract(found):
        missing = ", ".join(sorted(getattr(found, "__abstractmethods__", ())))
        raise InputError(f"{path!r} does not define {missing}, as every {base.__name__} must")
    return found


def _search_first(folder: Path, package: str, path: str) -> None:
    """Put a folder first on Python's path, if it holds a module of that name."""
    importlib.invalidate_caches()
    spec = importlib.machinery.PathFinder.find_spec(package, [str(folder)])
    if spec is None or spec.origin is None:
        return
    loaded = sys.modules.get(package)
    place = Path(str(getattr(loaded, "__file__", ""))).resolve()
    if loaded is not None and place != Path(spec.origin).resolve():
        home = place.parent.parent if place.name == "__init__.py" else place.parent
        if home not in _folders:
            raise InputError(
                f"{path!r}: {spec.origin} has the name of another module that is in use, "
                f"{place}; rename it"
            )
        # a module of another configuration: its name now refers to this folder
        for name in [m for m in sys.modules if f"{m}.".startswith(f"{package}.")]:
            del sys.modules[name]
    _folders.add(folder.resolve())
    if str(folder) in sys.path:
        sys.path.remove(str(folder))
    sys.path.insert(0, str(folder))


class RuleChoice:
    """Finds the section for a table by its key `rule`; annotation of fields with such tables.

    Parameters
    ----------
    base : type
        Required base class of a user's own classes.
    sections : sequence of Section
        Those of this package; the first is used without a key `rule`.
    section_for : callable
        Returns the section of a class and its import path.
    """

    def __init__(
        self,
        base: type,
        sections: Sequence[Any],
        section_for: Callable[[type, str], Any],
    ) -> None:
        self.base = base
        self.sections = {get_args(s.model_fields["rule"].annotation)[0]: s for s in sections}
        self.section_for = functools.cache(section_for)

    def model_of(self, table: Any, folder: Path | None) -> Any:
        """The section for checking a table.

        Raises
        ------
        ValidationError, PydanticCustomError
            Unless it is a table with a known rule.
        """
        if not isinstance(table, dict):
            raise PydanticCustomError("table", "input should be a table")
        rule = table.get("rule", next(iter(self.sections)))
        if isinstance(rule, str) and rule in self.sections:
            return self.sections[rule]
        if not isinstance(rule, str) or ":" not in rule:
            hint = nearest(str(rule), list(self.sections), "rules here")
            raise _at_rule(f'unknown rule {shown(rule)}; {hint}, or "my_module:MyRule"', rule)
        try:
            return self.section_for(imported_class(rule, self.base, folder), rule)
        except InputError as error:
            raise _at_rule(str(error), rule) from error

    def _check(self, table: Any, _: Any, info: ValidationInfo) -> Any:
        if isinstance(table, Section):
            return table
        folder = (info.context or {}).get("folder")
        return self.model_of(table, folder).model_validate(table, context=info.context)

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        # the JSON schema is that of all sections
        return core_schema.with_info_wrap_validator_function(self._check, handler(source))


def _at_rule(text: str, rule: Any) -> ValidationError:
    problem = PydanticCustomError("rule", "{text}", {"text": text})
    return ValidationError.from_exception_data(
        "rule", [{"type": problem, "loc": ("rule",), "input": rule}]
    )
