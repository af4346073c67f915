"""``torchattacks:PGD``: the attacks of torchattacks (https://github.com/Harry24k/adversarial-attacks-pytorch)."""

from __future__ import annotations

import inspect
import re
from types import ModuleType
from typing import Any

from torch import Tensor

from robust_hypergan.attacks.adapters import Adapter, Batch, parameter_names

_NORMS = {"Linf": "linf", "L2": "l2"}


def _find(library: ModuleType) -> dict[str, type]:
    kinds = {name: getattr(library, name) for name in library.__all__}
    return {name: kind for name, kind in kinds.items() if "model" in parameter_names(kind)}


def _norms(kind: type) -> tuple[str, ...]:
    """As its docstring states; a class that states none (noise, no attack at all) suits both."""
    stated = re.search(r"Distance Measure\s*:(.*)", inspect.getdoc(kind) or "")
    named = re.findall(r"L\w+", stated[1]) if stated else list(_NORMS)
    return tuple(_NORMS[name] for name in named if name in _NORMS)


def _run(kind: Any, batch: Batch, options: dict[str, Any]) -> Tensor:
    ours = {
        "eps": batch.eps,
        "max_epsilon": batch.eps,
        "norm": {"linf": "Linf", "l2": "L2"}[batch.norm],
        "seed": batch.seed,
    }
    names = parameter_names(kind)
    given = {name: value for name, value in ours.items() if name in names} | options
    if "n_classes" in names and "n_classes" not in given:
        given["n_classes"] = batch.classes()
    attack = kind(batch.model, **given)
    attack.set_device(batch.inputs.device)  # it finds none for a model without parameters
    if batch.targets is not None:
        attack.set_mode_targeted_by_function(lambda *_: batch.targets, quiet=True)
    found: Tensor = attack(batch.inputs, batch.labels)
    return found


TORCHATTACKS = Adapter(
    "torchattacks",
    "torchattacks",
    _find,
    _norms,
    frozenset({"model", "eps", "max_epsilon", "norm", "seed"}),
    _run,
)
"""The adapter."""
