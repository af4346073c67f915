"""Attacks as text: ``pgd:steps=100,restarts=10`` taken apart, its values in the types that are asked for.

    NAME[:OPTIONS]                      built in, or an entry point
    LIBRARY:CLASS[:OPTIONS]             through an adapter
    package.module:function[:OPTIONS]   anything that can be imported
    ./file.py:function[:OPTIONS]        anything in a file

with ``OPTIONS`` as ``option=value,option=value``.
"""

from __future__ import annotations

import ast
import inspect
import types
import typing
from collections.abc import Container, Mapping
from dataclasses import dataclass
from typing import Any

from robust_hypergan.base.errors import InputError

_SIMPLE = (bool, int, float, str, types.NoneType)


@dataclass(frozen=True)
class Specification:
    """A specification in its parts.

    Attributes:
        place: where to look: a module, a file, a library; "" for a plain name.
        name: of the attack, class or function.
        options: the options as text.
    """

    place: str
    name: str
    options: Mapping[str, str]


def parse_specification(spec: str, plain_names: Container[str]) -> Specification:
    """Takes a specification apart.

    Args:
        spec: as in the module's docstring.
        plain_names: names that stand for themselves, and are followed by nothing but options.

    Raises:
        InputError: an option without a value, or given twice.
    """
    first, *rest = spec.split(":", 2)
    has_place = first not in plain_names and bool(rest) and "=" not in rest[0]
    if has_place:
        place, name, tail = first, rest[0], "".join(rest[1:])
    else:
        place, name, tail = "", first, ":".join(rest)
    options = {}
    for part in filter(None, tail.split(",")):
        option, equals, value = part.partition("=")
        if not equals:
            raise InputError(f"option {option} of attack {name} needs a value: write {option}=VALUE")
        if option in options:
            raise InputError(f"option {option} of attack {name} is given twice: leave one out")
        options[option] = value
    return Specification(place, name, options)


def convert(text: str, annotation: Any, what: str) -> Any:
    """An option's text as a value of the annotated type.

    Without an annotation, or with one beyond numbers, text, true and false, and ``Literal``, the text is
    read as Python reads a literal, and kept as text where that fails.

    Args:
        text: as the user wrote it.
        annotation: of the parameter.
        what: the option, for the message.

    Raises:
        InputError: the text is of another type.
    """
    kinds, values = _alternatives(annotation)
    typed = bool(kinds or values) and all(kind in _SIMPLE for kind in kinds)
    for value in values:
        if text == value or (not isinstance(value, str) and text.lower() == str(value).lower()):
            return value
    if text.lower() == "none" and (types.NoneType in kinds or not typed):
        return None
    if text.lower() in ("true", "false") and (bool in kinds or not typed):
        return text.lower() == "true"
    if not typed:
        return _literal(text)
    for kind in (int, float):
        if kind in kinds:
            try:
                return kind(text)
            except ValueError:
                continue
    if str in kinds:
        return text
    names = " or ".join([*map(str, values), *(kind.__name__ for kind in kinds)])
    raise InputError(f"{what} takes {names.replace('NoneType', 'none')}, not {text!r}")


def _alternatives(annotation: Any) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """Types, and the values of a ``Literal``, that an annotation allows."""
    if typing.get_origin(annotation) in (types.UnionType, typing.Union):
        parts = [_alternatives(part) for part in typing.get_args(annotation)]
        return sum((kinds for kinds, _ in parts), ()), sum((values for _, values in parts), ())
    if typing.get_origin(annotation) is typing.Annotated:
        return _alternatives(typing.get_args(annotation)[0])
    if typing.get_origin(annotation) is typing.Literal:
        return (), typing.get_args(annotation)
    return ((), ()) if annotation is inspect.Parameter.empty else ((annotation,), ())


def _literal(text: str) -> Any:
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text
