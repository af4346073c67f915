"""Attacks by name: what exists, and ``pgd:steps=100,restarts=10`` turned into something to call."""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from robust_hypergan.attacks.arc import arc
from robust_hypergan.attacks.ensemble_pgd import ensemble_pgd
from robust_hypergan.attacks.entropy_pgd import entropy_pgd
from robust_hypergan.attacks.eot_pgd import eot_pgd
from robust_hypergan.attacks.fgsm import fgsm
from robust_hypergan.attacks.mi_fgsm import mi_fgsm
from robust_hypergan.attacks.noise import noise
from robust_hypergan.attacks.pgd import pgd
from robust_hypergan.errors import InputError, unknown

Craft = Callable[..., Tensor]
"""``craft(model, inputs, labels, *, eps, norm, generator, targets=None, **options) -> adversarials``.

One with a keyword ``draws`` is handed further networks as well: :class:`robust_hypergan.attacks.draws.Draws`.
"""

BUILT_IN: dict[str, Craft] = {
    "fgsm": fgsm,
    "mi-fgsm": mi_fgsm,
    "pgd": pgd,
    "ensemble-pgd": ensemble_pgd,
    "eot-pgd": eot_pgd,
    "entropy-pgd": entropy_pgd,
    "arc": arc,
    "noise": noise,
}
"""The attacks of this package."""

_CONTRACT = {"model", "inputs", "labels", "eps", "norm", "generator", "targets", "draws"}


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


def attack_options(craft: Craft) -> dict[str, inspect.Parameter]:
    """The options an attack takes beside the contract's own arguments, with types and defaults."""
    signature = inspect.signature(craft, eval_str=True)
    return {name: option for name, option in signature.parameters.items() if name not in _CONTRACT}


def asks_for_draws(craft: Craft) -> bool:
    """Whether an attack wants to draw networks beside the one it attacks."""
    return "draws" in inspect.signature(craft).parameters


def find_attack(spec: str) -> Attack:
    """The attack that ``NAME`` or ``NAME:OPTION=VALUE,OPTION=VALUE`` stands for.

    Raises:
        InputError: unknown attack or option, or a value of the wrong type.
    """
    name, _, tail = spec.partition(":")
    if name not in BUILT_IN:
        raise unknown("attack", name, BUILT_IN)
    craft = BUILT_IN[name]
    known = attack_options(craft)
    options = {}
    for part in filter(None, tail.split(",")):
        option, equals, value = part.partition("=")
        if option not in known:
            has = f"its options are {', '.join(known)}" if known else "it has no options"
            raise InputError(f"attack {name} has no option {option!r}: {has}")
        if not equals:
            raise InputError(f"option {option} of attack {name} needs a value: write {option}=VALUE")
        options[option] = _convert(value, known[option].annotation, f"option {option} of attack {name}")
    return Attack(spec, craft, options)


def _convert(text: str, annotation: Any, what: str) -> Any:
    is_union = typing.get_origin(annotation) in (types.UnionType, typing.Union)
    allowed = typing.get_args(annotation) if is_union else (annotation,)
    choices = typing.get_args(annotation) if typing.get_origin(annotation) is typing.Literal else ()
    if text in choices:
        return text
    if types.NoneType in allowed and text.lower() == "none":
        return None
    if bool in allowed and text.lower() in ("true", "false"):
        return text.lower() == "true"
    for kind in (int, float):
        if kind in allowed:
            try:
                return kind(text)
            except ValueError:
                continue
    if str in allowed or annotation is inspect.Parameter.empty:
        return text
    names = " or ".join(choices or (getattr(kind, "__name__", str(kind)) for kind in allowed))
    raise InputError(f"{what} takes {names.replace('NoneType', 'none')}, not {text!r}")
