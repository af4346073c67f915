"""Settings from a TOML file: the same keys as a command's flags."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import click

from robust_hypergan.errors import InputError, unknown


def read_config_file(path: Path, command: click.Command) -> dict[str, Any]:
    """The file's values by parameter name, for click's ``default_map``.

    A key is a flag without its dashes in front, with ``-`` or ``_`` inside. Flags that may be repeated
    take a list. An attack is a text or a table, ``[[attack]]`` with ``name`` and its options.

    Args:
        path: the TOML file.
        command: the command whose flags the keys are.

    Raises:
        InputError: no such file, not TOML, an unknown key, or a value of the wrong kind.
    """
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"can't read {path} ({error}): give --config a TOML file") from error
    except tomllib.TOMLDecodeError as error:
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
        if isinstance(item, bool) != bool(option.is_flag) or not isinstance(item, (bool, int, float, str)):
            wanted = "true or false" if option.is_flag else "a number or a text"
            raise InputError(f"{key} in {path} takes {wanted}, not {item!r}")
