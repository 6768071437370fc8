"""Conversion of objects to plain values for JSON, with arrays in separate files, and back.

Only data is read: objects are made from their attributes, of the classes that the caller lists and
no others, and no code in a file is executed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any

import numpy as np

from .checks import shown
from .errors import InputError

_SEQUENCES: dict[str, type] = {"tuple": tuple, "set": set, "frozenset": frozenset}


@dataclass(frozen=True)
class PlainWriter:
    """Converts objects to plain values.

    Attributes
    ----------
    keep : callable
        Stores an array and returns its number.
    known : collection of type
        Classes of the package whose objects are written by their attributes.
    is_own : callable
        Whether an object is of a user's own class that is written like these.
    convert : callable
        Replaces an object that cannot be written by another one.
    own : dict of str to type
        The user's own classes that were written, by name.
    """

    keep: Callable[[np.ndarray], int]
    known: frozenset[type]
    is_own: Callable[[Any], bool]
    convert: Callable[[Any], Any]
    own: dict[str, type] = field(default_factory=dict)

    def plain(self, value: Any, name: str) -> Any:
        """A value in a form that JSON can hold; anything but numbers and text has a tag.

        Parameters
        ----------
        value : object
        name : str
            Its name, for the message.

        Raises
        ------
        InputError
            For a value that is neither a number, text, an array, a list, tuple, set or dict of
            them, nor of a class that may be written.
        """
        value = self.convert(value)
        if isinstance(value, np.generic) and value.dtype.kind in "biuf":
            return {"scalar": [value.dtype.str, value.item()]}
        if value is None or type(value) in (bool, int, float, str):
            return value
        if isinstance(value, np.str_):
            return str(value)
        if isinstance(value, np.ndarray) and not value.dtype.hasobject:
            return {"array": self.keep(value)}
        if isinstance(value, np.ndarray) and value.dtype == object:
            return {"objects": [list(value.shape), self._each(value.ravel(), name)]}
        if type(value) is list:
            return self._each(value, name)
        if type(value) in _SEQUENCES.values():
            return {type(value).__name__: self._each(value, name)}
        if isinstance(value, Mapping):
            pairs = [[key, one] for key, one in value.items()]
            return {"dict": [self._each(pair, f"{name}[{shown(pair[0])}]") for pair in pairs]}
        if type(value) in self.known:
            return {"object": [type(value).__name__, self._attributes(value, name)]}
        if self.is_own(value) and not _slots(type(value)):
            return {"own": [self._own_name(value), self._attributes(value, name)]}
        raise InputError(
            f"{name} is {shown(value)}, and a saved run holds numbers, text, arrays, atom groups, "
            "and lists, tuples, sets and dicts of them; keep one of these in the attribute, and "
            "make functions methods of the class"
        )

    def _each(self, values: Iterable[Any], name: str) -> list[Any]:
        return [self.plain(one, name) for one in values]

    def _attributes(self, value: Any, name: str) -> dict[str, Any]:
        given = (
            {one.name: getattr(value, one.name) for one in fields(value)}
            if is_dataclass(value)
            else vars(value)
        )
        return {key: self.plain(one, f"{name}.{key}") for key, one in given.items()}

    def _own_name(self, value: Any) -> str:
        kind = type(value)
        if self.own.setdefault(kind.__name__, kind) is not kind:
            raise InputError(
                f"two classes of yours are called {kind.__name__!r}, and a saved run tells them "
                "apart by name; give one another name"
            )
        return kind.__name__


def _slots(kind: type) -> bool:
    """Whether objects of a class have attributes outside `vars`."""
    return any(vars(base).get("__slots__") for base in kind.__mro__)


@dataclass(frozen=True)
class PlainReader:
    """Converts plain values back to objects.

    Attributes
    ----------
    array : callable
        Returns the array of a number.
    known, own : mapping of str to type
        Classes that objects may have, by the name they were written with.
    """

    array: Callable[[int], np.ndarray]
    known: Mapping[str, type]
    own: Mapping[str, type]

    def value(self, plain: Any) -> Any:
        """The value that was given to `PlainWriter.plain`.

        Raises
        ------
        ValueError, TypeError, KeyError, AttributeError
            For values that no writer of this version writes.
        """
        if isinstance(plain, list):
            return [self.value(one) for one in plain]
        if not isinstance(plain, dict):
            return plain
        ((tag, content),) = plain.items()
        if tag == "scalar":
            kind = np.dtype(content[0])
            if kind.kind not in "biuf":
                raise ValueError(f"it holds a number of the type {kind}")
            return kind.type(content[1])
        if tag == "array":
            return self.array(content)
        if tag == "objects":
            shape, each = content
            out = np.empty(len(each), dtype=object)
            out[:] = [self.value(one) for one in each]
            return out.reshape(shape)
        if tag in _SEQUENCES:
            return _SEQUENCES[tag](self.value(content))
        if tag == "dict":
            return {self.value(key): self.value(one) for key, one in content}
        name, attributes = content
        kinds = {"object": self.known, "own": self.own}[tag]
        if name not in kinds:
            raise ValueError(f"it holds an object of the class {shown(name)}")
        return _made(kinds[name], {key: self.value(one) for key, one in attributes.items()})


def _made(kind: type, attributes: dict[str, Any]) -> Any:
    """An object with these attributes, without calling its constructor."""
    if is_dataclass(kind) and {one.name for one in fields(kind)} != set(attributes):
        raise ValueError(f"{kind.__name__} has other attributes here")
    made: Any = object.__new__(kind)
    made.__dict__.update(attributes)
    return made
