"""Attacks by name, wherever they come from: built in, plugged in, or through an adapter."""

from __future__ import annotations

import inspect

from robust_hypergan.attacks.adapter_art import ART
from robust_hypergan.attacks.adapter_foolbox import FOOLBOX
from robust_hypergan.attacks.adapter_torchattacks import TORCHATTACKS
from robust_hypergan.attacks.arc import arc
from robust_hypergan.attacks.contract import Attack, Craft, attack_options, check_attack
from robust_hypergan.attacks.ensemble_pgd import ensemble_pgd
from robust_hypergan.attacks.entropy_pgd import entropy_pgd
from robust_hypergan.attacks.eot_pgd import eot_pgd
from robust_hypergan.attacks.fgsm import fgsm
from robust_hypergan.attacks.mi_fgsm import mi_fgsm
from robust_hypergan.attacks.noise import noise
from robust_hypergan.attacks.pgd import pgd
from robust_hypergan.attacks.plugins import (
    distribution_name,
    load_entry_point,
    load_function,
    plugin_attacks,
)
from robust_hypergan.attacks.specification import convert, parse_specification
from robust_hypergan.attacks.square import square
from robust_hypergan.base.errors import InputError, unknown

BUILT_IN: dict[str, Craft] = {
    "fgsm": fgsm,
    "mi-fgsm": mi_fgsm,
    "pgd": pgd,
    "ensemble-pgd": ensemble_pgd,
    "eot-pgd": eot_pgd,
    "entropy-pgd": entropy_pgd,
    "arc": arc,
    "square": square,
    "noise": noise,
}
"""The attacks of this package."""

ADAPTERS = {adapter.library: adapter for adapter in (TORCHATTACKS, FOOLBOX, ART)}
"""Other libraries, whose attack classes are named ``LIBRARY:CLASS``."""


def find_attack(spec: str, norm: str | None = None) -> Attack:
    """The attack that a specification stands for; see :mod:`robust_hypergan.attacks.specification`.

    Args:
        spec: as in ``pgd:steps=100``, ``foolbox:LinfPGD``, ``package.module:function`` or
            ``./file.py:function:option=3``.
        norm: ``linf`` or ``l2``, if it is known in which the attack will have to work.

    Raises:
        InputError: unknown attack or option, a value of the wrong type, a plug-in that can't be
            imported, or an attack that does not work in this norm.
    """
    plugins = [point.name for point in plugin_attacks()]
    parsed = parse_specification(spec, {*BUILT_IN, *plugins})
    if parsed.place in ADAPTERS:
        craft = ADAPTERS[parsed.place].attack(parsed.name)
    elif parsed.place:
        craft = load_function(parsed.place, parsed.name)
    else:
        craft = BUILT_IN.get(parsed.name) or find_plugin(parsed.name)
    check_attack(Attack(spec, craft, parsed.options))
    known = attack_options(craft)
    options = {
        option: convert(
            text,
            known[option].annotation if option in known else inspect.Parameter.empty,
            f"option {option} of attack {parsed.name}",
        )
        for option, text in parsed.options.items()
    }
    return check_attack(Attack(spec, craft, options), norm)


def find_plugin(name: str) -> Craft:
    """The one attack of this name that installed packages offer.

    Raises:
        InputError: none does, several do or we do ourselves, or it can't be imported.
    """
    points = [point for point in plugin_attacks() if point.name == name]
    if not points:
        raise unknown("attack", name, {*BUILT_IN, *(point.name for point in plugin_attacks())})
    if name in BUILT_IN or len(points) > 1:
        owners = ["robust-hypergan"] * (name in BUILT_IN) + [distribution_name(point) for point in points]
        raise InputError(
            f"{' and '.join(owners)} all call an attack {name}: name the function, as in {points[0].value}"
        )
    return load_entry_point(points[0])
