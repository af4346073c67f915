"""Settings from a TOML file: the same keys as a command's flags."""

from __future__ import annotations

import os
import re
import tomllib
from pathlib import Path
from typing import Any

import click

from robust_hypergan.base.durable import read_text
from robust_hypergan.base.errors import InputError, check_text, unknown

LARGEST = 2**14
"""Characters of the largest file that is read."""

TYPES: dict[str, tuple[tuple[type, ...], str]] = {
    "boolean": ((bool,), "true or false"),
    "integer": ((int, str), "a whole number"),
    "integer range": ((int, str), "a whole number"),
    "float": ((int, float, str), "a number"),
    "path": ((str,), "a text"),
    "text": ((int, float, str), "a text or a number"),
}
"""For each of click's types what TOML may say, and that in words; no truth value stands for a number."""


def read_config_file(path: Path, command: click.Command) -> dict[str, Any]:
    """The file's values by parameter name, for click's ``default_map``.

    A key is a flag without its dashes in front, with ``-`` or ``_`` inside. Flags that may be repeated
    take a list. An attack is a text or a table, ``[[attack]]`` with ``name`` and its options. A path stays
    inside the working folder or the file's own: a file from elsewhere can neither read nor write beyond, nor
    run code from there. Flags can.

    Args:
        path: the TOML file.
        command: the command whose flags the keys are.

    Raises:
        InputError: no such file, not TOML, an unknown key, or a value of the wrong kind.
    """
    try:
        text = read_text(path)
        if len(text) > LARGEST:  # the parser takes the square of the time for some texts
            raise ValueError(f"its {len(text):,} characters are too many for the settings of a command")
        values = tomllib.loads(text)
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"can't read {path} ({error}): give --config a TOML file") from error
    except (ValueError, RecursionError) as error:  # also a number of too many digits, brackets too deep
        raise InputError(f"{path} is not TOML: {error}") from error
    flags = {
        flag.removeprefix("--"): option
        for option in command.params
        if isinstance(option, click.Option) and option.expose_value
        for flag in option.opts
        if flag.startswith("--")
    }
    defaults = {}
    for key, value in values.items():
        name = key.replace("_", "-")
        if name not in flags:
            raise unknown(f"key in {path}", key, flags)
        if name == "attack" and isinstance(value, list):
            value = [_specification(path, each) if isinstance(each, dict) else each for each in value]
        _check(path, key, value, flags[name])
        defaults[str(flags[name].name)] = value
    return defaults


def _specification(path: Path, table: dict[str, Any]) -> str:
    """An ``[[attack]]`` table as the flag writes it: ``name:option=value,option=value``."""
    name, options = table.get("name"), {key: value for key, value in table.items() if key != "name"}
    if not isinstance(name, str):
        raise InputError(f'an [[attack]] in {path} needs a name, as in name = "pgd"')
    for key, value in options.items():
        if not isinstance(value, (bool, int, float, str)) or "," in str(value):
            raise InputError(
                f"{key} of attack {name} in {path} takes a number, true, false or a text without commas"
            )
    written = [f"{key}={value}" for key, value in options.items()]
    joint = "," if "=" in name else ":"  # the name may bring options of its own
    return joint.join([name, ",".join(written)]) if written else name


def _check(path: Path, key: str, value: Any, option: click.Option) -> None:
    items = value if option.multiple and isinstance(value, list) else [value]
    if option.multiple and not isinstance(value, list):
        raise InputError(f"{key} in {path} takes a list, as in {key} = [...]")
    for item in items:
        kinds, wanted = TYPES[option.type.name]
        if not isinstance(item, kinds) or isinstance(item, bool) != (bool in kinds):
            raise InputError(f"{key} in {path} takes {wanted}, not {item!r}")
        if isinstance(item, str):
            check_text(f"{key} in {path}", item)
            _check_place(path, key, item)


def _check_place(path: Path, key: str, text: str) -> None:
    """Refuses a path that leads out, also in ``NAME=PATH`` or ``FILE.py:NAME``; links are the user's own."""
    folders = [Path.cwd(), Path(os.path.abspath(path)).parent]
    for part in re.split("[=:]", text):
        place = Path(os.path.abspath(part))
        if part.startswith("~") or not any(place.is_relative_to(folder) for folder in folders):
            raise InputError(
                f"{key} in {path} leads out of this folder, to {part}: say it by the flag --{key} instead"
            )
