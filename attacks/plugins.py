"""Attacks of other people: entry points, importable functions, functions in a file.

Nothing is imported before it is named.
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
import sys
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import Any

from robust_hypergan.attacks.contract import Craft
from robust_hypergan.base.errors import FOREIGN, InputError, unknown

GROUP = "robust_hypergan.attacks"
"""Entry point group of attacks."""


def plugin_attacks() -> list[EntryPoint]:
    """The entry points of installed packages; nothing is imported."""
    return sorted(set(entry_points(group=GROUP)), key=lambda point: (point.name, point.value))


def distribution_name(point: EntryPoint) -> str:
    """The installed package that offers an entry point, with its version."""
    return f"{point.dist.name} {point.dist.version}" if point.dist else "an unknown package"


def load_entry_point(point: EntryPoint) -> Craft:
    """The function behind an entry point.

    Raises:
        InputError: it can't be imported.
    """
    try:
        return _function(point.load(), point.name)
    except FOREIGN as error:  # a stranger's module may raise anything
        raise InputError(f"attack {point.name} of {distribution_name(point)} {_cannot(error)}") from error


def load_function(place: str, name: str) -> Craft:
    """A function by module or file.

    Args:
        place: ``package.module``, or a path that ends in ``.py``.
        name: of the function.

    Raises:
        InputError: no such module, file or function, or it can't be imported.
    """
    path = Path(place)
    if place.endswith(".py") and not path.is_file():
        raise InputError(f"no file {place}: give an attack as ./file.py:function")
    try:
        if place.endswith(".py"):
            module = _load_file(path.resolve(), path.stat().st_mtime_ns)
        else:
            module = importlib.import_module(place)
    except FOREIGN as error:  # likewise
        raise InputError(f"attack {place}:{name} {_cannot(error)}") from error
    if not hasattr(module, name):
        public = [key for key, value in vars(module).items() if callable(value) and not key.startswith("_")]
        raise unknown(f"function in {place}", name, public)
    return _function(getattr(module, name), f"{place}:{name}")


def _function(found: Any, what: str) -> Craft:
    if not callable(found):
        raise InputError(f"attack {what} is {found!r}, which is no function")
    function: Craft = found
    return function


def _cannot(error: BaseException) -> str:
    return f"can't be imported ({type(error).__name__}: {error})"


@functools.cache
def _load_file(path: Path, modified: int) -> ModuleType:
    """The file as a module, run once for each time it was changed."""
    name = f"robust_hypergan_attack_{path.stem}_{modified}"
    found = importlib.util.spec_from_file_location(name, path)
    if found is None or found.loader is None:
        raise ImportError(f"{path} is no Python file")
    module = importlib.util.module_from_spec(found)
    sys.modules[name] = module  # dataclasses in the file look themselves up here
    found.loader.exec_module(module)
    return module
