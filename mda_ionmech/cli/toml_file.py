"""Reading of TOML files from any source, in bounded time and memory."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any

from ..lib.checks import shown
from ..lib.errors import InputError

#: Largest configuration, bytes; deepest table; most keys and values.
MOST_BYTES, DEEPEST, MOST_VALUES = 2**20, 20, 200_000
#: Pattern of keys with too many levels, for which parsing takes quadratic time.
_DEEP_KEY = re.compile(
    r"""(?<![\w-])(?:(?>[\w-]+|"[^"\n]*"|'[^'\n]*')[ \t]{0,99}+\.[ \t]{0,99}+)"""
    rf"{{{3 * DEEPEST}}}",
    re.ASCII,
)


def read_toml(path: Path) -> dict[str, Any]:
    """The table of a file.

    Raises
    ------
    InputError
        If it is no TOML file, or larger or deeper than any configuration.
    """
    try:
        with open(path, "rb") as file:
            data = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error
    if len(data) > MOST_BYTES:
        raise InputError(
            f"{path} has more than {MOST_BYTES // 2**20} MB, which no configuration has; make one "
            "with `ionmech init TOPOLOGY TRAJECTORY`"
        )
    text = _decoded(path, data)
    deep = (
        f"{path} holds tables or lists more than {DEEPEST} levels deep, which no configuration "
        "has; make one with `ionmech init TOPOLOGY TRAJECTORY`"
    )
    if _DEEP_KEY.search(text):
        raise InputError(deep)
    try:
        table = tomllib.loads(text)
    except RecursionError:
        raise InputError(deep) from None
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{path} is not valid TOML: {short_message(error)}") from error
    except ValueError as error:  # numbers of thousands of digits, days that no month has
        raise InputError(f"{path} is not valid TOML: {short_message(error)}") from error
    _check_size(path, table, deep)
    return table


def short_message(error: Exception) -> str:
    """The message of a parser or reader, on one line and not too long."""
    text = " ".join(str(error).split())
    return text if len(text) <= 300 else f"{text[:200]} ... {text[-80:]}"


def _decoded(path: Path, data: bytes) -> str:
    """The text of a file in UTF-8, with or without a byte order mark."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise InputError(f"{path} is in UTF-16; save it as UTF-8, as TOML requires")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise InputError(
            f"{path} is not in UTF-8, as TOML requires: byte {data[error.start]:#04x} in line "
            f"{line}; save it as UTF-8"
        ) from error


def _check_size(path: Path, table: dict[str, Any], deep: str) -> None:
    """Refuse tables that are deeper or larger than any configuration."""
    level: list[Any] = [table]
    n_values = 0
    for _ in range(DEEPEST):
        inside: list[Any] = []
        for one in level:
            for value in one.values() if isinstance(one, dict) else one:
                n_values += 1
                if isinstance(value, dict | list):
                    inside.append(value)
                elif isinstance(value, int) and abs(value) >= 2**64:
                    raise InputError(
                        f"{path} holds {shown(value)}, a larger number than any configuration has"
                    )
        if n_values > MOST_VALUES:
            raise InputError(f"{path} holds more than {MOST_VALUES} values; shorten its lists")
        level = inside
        if not level:
            return
    raise InputError(deep)


def toml_string(text: str) -> str:
    """A text as a string of TOML."""
    # escape sequences of JSON are those of TOML, but for one character
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def toml_value(value: Any) -> str:
    """A value of an option in TOML."""
    if isinstance(value, str):
        return toml_string(value)
    if isinstance(value, list | tuple):
        return "[" + ", ".join(toml_value(v) for v in value) + "]"
    return json.dumps(value)
