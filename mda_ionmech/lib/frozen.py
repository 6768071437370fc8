"""Objects that hold parameters and are immutable after construction.

An object decorated with `frozen` can be given to any number of analyses: parameters found on a
trajectory are set in a copy (`changed`), so that analyses are independent of one another.
"""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable, Iterable
from dataclasses import FrozenInstanceError
from typing import Any, TypeVar

from .errors import InputError

_FLAG = "_is_constructed"

T = TypeVar("T")


def frozen(cls: type[T]) -> type[T]:
    """Class decorator: attributes can be assigned during construction only.

    Subclasses are not frozen unless they are decorated too, so that those of users may have mutable
    attributes.
    """
    construct = cls.__init__

    @functools.wraps(construct)
    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
        construct(self, *args, **kwargs)
        if type(self) is cls:
            self.__dict__[_FLAG] = True

    def refuse(self: Any, name: str, *value: Any) -> None:
        if is_frozen(self):
            raise FrozenInstanceError(
                f"{type(self).__name__} is fixed once it is made, so {name!r} cannot be changed; "
                "make a new one"
            )
        (object.__setattr__ if value else object.__delattr__)(self, name, *value)

    def deep_copy(self: Any, memo: dict[int, Any]) -> Any:
        # what never changes is its own copy, and atoms stay those of their universe
        return self if is_frozen(self) else own_copy(self)

    for method, function in (
        ("__init__", __init__), ("__setattr__", refuse), ("__delattr__", refuse),
        ("__deepcopy__", deep_copy),
    ):  # fmt: skip
        setattr(cls, method, function)
    return cls


def fixed_attributes(*names: str) -> Callable[[type[T]], type[T]]:
    """Class decorator: these attributes can be assigned during construction only."""

    def decorate(cls: type[T]) -> type[T]:
        construct = cls.__init__

        @functools.wraps(construct)
        def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
            construct(self, *args, **kwargs)
            self.__dict__[_FLAG] = True

        def assign(self: Any, name: str, value: Any) -> None:
            if name in names and is_frozen(self):
                raise InputError(
                    f"{name} of this {type(self).__name__} is fixed once it is made; make a new "
                    f"one with {name}=..."
                )
            object.__setattr__(self, name, value)

        for method, function in (("__init__", __init__), ("__setattr__", assign)):
            setattr(cls, method, function)
        return cls

    return decorate


def is_frozen(one: Any) -> bool:
    """Whether an object's attributes can no longer be assigned."""
    return bool(getattr(one, "__dict__", {}).get(_FLAG, False))


def changed(one: T, **attributes: Any) -> T:
    """A copy with other values of some attributes; frozen if the object is."""
    new = copy.copy(one)
    new.__dict__.update(attributes)
    return new


def copy_sharing(one: T, shared: Iterable[Any], memo: dict[int, Any]) -> T:
    """A deep copy, for `__deepcopy__`, that goes on to use some objects; one: with __getstate__."""
    memo.update({id(each): each for each in shared})
    new = copy.copy(one)
    memo[id(one)] = new
    state: Any = one.__getstate__()
    new.__dict__.update(copy.deepcopy(state, memo))
    return new


def own_copy(one: T) -> T:
    """A copy that may be changed without changing the object: lists, dicts and sets are its own."""
    new = copy.copy(one)
    inside = new.__dict__
    inside.pop(_FLAG, None)
    for name, value in list(inside.items()):
        if isinstance(value, dict | list | set):
            inside[name] = copy.copy(value)
    return new
