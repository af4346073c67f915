"""Code of the user's own by name: ``package.module:NAME`` or ``./file.py:NAME``.

Importing a module runs it. A name is therefore imported only when the user wrote it in this very
command, never because a file says so.
"""

from __future__ import annotations

import functools
import hashlib
import importlib
import importlib.util
import inspect
import re
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from torch import nn

from robust_hypergan.base.errors import FOREIGN, InputError, unknown


def is_user_code(specification: str) -> bool:
    """Whether this names code, as ``package.module:NAME`` does, and not something built in."""
    return ":" in specification


def build_from_user_code(specification: str, what: str, classes: int | None) -> Any:
    """What the named class or function makes.

    Args:
        specification: ``package.module:NAME`` or ``./file.py:NAME``.
        what: what it stands for, for messages.
        classes: given to it if it takes an argument of the name ``classes`` or ``num_classes``; None where
            nobody knows.

    Raises:
        InputError: no such module, file or name, it asks for classes that nobody knows, or it raises; the
            message says what.
    """
    build = _find(specification, what)
    try:
        takes = [name for name in ("classes", "num_classes") if name in inspect.signature(build).parameters]
        if takes and classes is None:
            raise ValueError(f"it asks for {takes[0]}, and no data say how many there are")
        return build(**dict.fromkeys(takes[:1], classes))
    except FOREIGN as error:  # the user's code may raise anything
        raise InputError(f"{what} {specification} can't be built ({short(error)})") from error


def _find(specification: str, what: str) -> Callable[..., Any]:
    module_name, _, name = specification.rpartition(":")
    try:
        from_file = module_name.endswith(".py")
        module = _import_file(module_name) if from_file else importlib.import_module(module_name)
    except FOREIGN as error:  # the user's code may raise anything
        advice = "write package.module:NAME or ./file.py:NAME"
        raise InputError(f"can't import {what} {specification} ({short(error)}): {advice}") from error
    if not callable(getattr(module, name, None)):
        names = [each for each, value in vars(module).items() if callable(value) and each[0] != "_"]
        raise unknown(f"{what} in {module_name}", name, names)
    found: Callable[..., Any] = getattr(module, name)
    return found


def _import_file(name: str) -> ModuleType:
    path = Path(name).resolve()
    if not path.is_file():
        raise FileNotFoundError(f"no file {name}")
    module_name = f"user_code_{path.stem}"  # never that of an installed module
    found = importlib.util.spec_from_file_location(module_name, path)
    if found is None or found.loader is None:
        raise ImportError(f"{name} is not Python")
    module = importlib.util.module_from_spec(found)
    sys.modules[module_name] = module  # as an import would: dataclasses look their module up
    found.loader.exec_module(module)
    return module


def code_digest(thing: object) -> str:
    """SHA-256 of the files that define a function, or the class of an object; empty where there are none.

    Of a module it is that of its parts, too, and of how they are put together.
    """
    while isinstance(thing, functools.partial):
        thing = thing.func
    parts, text = [thing if inspect.isroutine(thing) or inspect.isclass(thing) else type(thing)], ""
    if isinstance(thing, nn.Module):
        parts, text = [type(each) for each in thing.modules()], re.sub(r" at 0x\w+", "", repr(thing))
    files = {_source_of(inspect.unwrap(each) if inspect.isroutine(each) else each) for each in parts}
    if not any(files):
        return ""
    return hashlib.sha256(b"".join([text.encode(), *sorted(files)])).hexdigest()


def _source_of(defined: Any) -> bytes:
    """What stands in the file that defines a function or class; nothing of what has none."""
    try:
        return Path(inspect.getsourcefile(defined) or "").read_bytes()
    except (TypeError, OSError):  # built in, or typed into a notebook
        return b""


def short(error: BaseException) -> str:
    """What an exception says, after its type, on one line that is not too long."""
    return " ".join(f"{type(error).__name__}: {error}".split())[:300]
