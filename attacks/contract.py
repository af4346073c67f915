"""What an attack is: a function, whose signature says everything that is known about it.

``craft(model, inputs, labels, *, eps, norm, generator, targets=None, **options) -> adversarials``.
The parameters beyond the contract's own are the options. An attack that works in one norm only says
so in its annotation, ``norm: Literal["linf"]``; any other annotation stands for both norms. The least
value of an option is part of its annotation as well: :class:`AtLeast`.
"""

from __future__ import annotations

import inspect
import math
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Annotated, Any

from torch import Tensor

from robust_hypergan.attacks.norms import NORMS
from robust_hypergan.base.errors import InputError

Craft = Callable[..., Tensor]
"""``craft(model, inputs, labels, *, eps, norm, generator, targets=None, **options) -> adversarials``.

One with a keyword ``draws`` is handed further networks as well: :class:`robust_hypergan.attacks.draws.Draws`.
"""

CONTRACT = "(model, inputs, labels, *, eps, norm, generator, targets=None, **options)"


@dataclass(frozen=True)
class AtLeast:
    """The least value of an option that is a number: ``steps: Annotated[int, AtLeast(1)]``."""

    least: float


Count = Annotated[int, AtLeast(1)]
"""An option that counts something."""

Factor = Annotated[float, AtLeast(0)]
"""An option that something is multiplied by."""

Length = Annotated[float | None, AtLeast(0)]
"""An option that is a length, or None for the usual one."""

_ALWAYS = ("eps", "norm", "generator", "targets")
_KEYWORDS = (*_ALWAYS, "draws")


@dataclass(frozen=True)
class Attack:
    """An attack with its options: one row of a benchmark for each eps.

    Attributes:
        spec: how the user wrote it, and how tables and figures call it.
        craft: the function.
        options: its keyword options.
    """

    spec: str
    craft: Craft
    options: Mapping[str, Any] = field(default_factory=dict)


UNKNOWN = (NameError, AttributeError, TypeError, SyntaxError)
"""What an annotation raises that only type checkers can read."""


def signature_of(function: Callable[..., Any]) -> inspect.Signature:
    """The signature, each of its annotations evaluated where that is possible.

    Raises:
        InputError: the function, as some that are built in, does not tell its own.
    """
    try:
        return inspect.signature(function, eval_str=True)
    except ValueError as error:
        raise InputError(f"{error}: an attack must take {CONTRACT}") from error
    except UNKNOWN:
        signature, names = inspect.signature(function), getattr(inspect.unwrap(function), "__globals__", {})
    parameters = [
        each.replace(annotation=_evaluated(each.annotation, names)) for each in signature.parameters.values()
    ]
    return signature.replace(parameters=parameters)


def _evaluated(annotation: Any, names: dict[str, Any]) -> Any:
    alone = SimpleNamespace(__annotations__={"own": annotation})
    try:
        return typing.get_type_hints(alone, names, include_extras=True)["own"]
    except UNKNOWN:
        return annotation


def asks_for_draws(craft: Craft) -> bool:
    """Whether an attack wants to draw networks beside the one it attacks."""
    return "draws" in signature_of(craft).parameters


def attack_options(craft: Craft) -> dict[str, inspect.Parameter]:
    """The options that an attack names beside the contract's own arguments, with types and defaults."""
    parameters = list(signature_of(craft).parameters.values())
    variable = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return {
        each.name: each for each in parameters[3:] if each.name not in _KEYWORDS and each.kind not in variable
    }


def takes_any_option(craft: Craft) -> bool:
    """Whether the function ends in ``**options``."""
    kinds = [each.kind for each in signature_of(craft).parameters.values()]
    return inspect.Parameter.VAR_KEYWORD in kinds


def attack_norms(craft: Craft) -> tuple[str, ...]:
    """The norms an attack works in: those of its annotation ``norm: Literal[...]``, otherwise all."""
    norm = signature_of(craft).parameters.get("norm")
    if norm is None or typing.get_origin(norm.annotation) is not typing.Literal:
        return tuple(NORMS)
    return tuple(name for name in typing.get_args(norm.annotation) if name in NORMS)


def check_attack(attack: Attack, norm: str | None = None) -> Attack:
    """The attack itself, when it can be called with its options, and in this norm.

    Raises:
        InputError: the function does not keep the contract, or an option, its value or the norm does not fit.
    """
    if not callable(attack.craft):
        raise InputError(f"{attack.spec} is no attack: give a function {CONTRACT}")
    known = attack_options(attack.craft)
    for option in attack.options:
        if option in _KEYWORDS or (option not in known and not takes_any_option(attack.craft)):
            raise _no_option(attack.spec, option, known)
    for option in known.keys() & attack.options.keys():
        _check_least(attack, option, known[option].annotation)
    try:
        handed = _KEYWORDS if asks_for_draws(attack.craft) else _ALWAYS
        inspect.signature(attack.craft).bind(
            None, None, None, **dict.fromkeys(handed), **dict(attack.options)
        )
    except TypeError as error:
        raise InputError(
            f"attack {attack.spec} can't be called ({error}): it must take {CONTRACT}"
        ) from error
    norms = attack_norms(attack.craft)
    if norm is not None and norm not in norms:
        advice = f"it works in {' and '.join(norms)}" if norms else f"it works in none of {', '.join(NORMS)}"
        raise InputError(f"attack {attack.spec} does not work in the norm {norm}: {advice}")
    return attack


def _check_least(attack: Attack, option: str, annotation: Any) -> None:
    value = attack.options[option]
    bounds = [each for each in getattr(annotation, "__metadata__", ()) if isinstance(each, AtLeast)]
    for each in bounds if isinstance(value, (int, float)) else ():
        if not each.least <= value < math.inf:
            raise InputError(
                f"attack {attack.spec}: {option} {value} is out of range: it must be finite and at least "
                f"{each.least:g}"
            )


def _no_option(spec: str, option: str, known: Mapping[str, Any]) -> InputError:
    has = f"its options are {', '.join(known)}" if known else "it has no options"
    return InputError(f"attack {spec} has no option {option!r}: {has}")
