"""``foolbox:LinfPGD``: the attacks of foolbox (https://github.com/bethgelab/foolbox)."""

from __future__ import annotations

import inspect
import math
from types import ModuleType
from typing import Any

from torch import Tensor

from robust_hypergan.attacks.adapters import Adapter, Batch, parameter_names

_NORMS = {math.inf: "linf", 2: "l2"}


def _find(library: ModuleType) -> dict[str, type]:
    base = library.attacks.base.Attack
    return {
        name: kind
        for name, kind in vars(library.attacks).items()
        if inspect.isclass(kind) and issubclass(kind, base) and not inspect.isabstract(kind)
    }


def _norms(kind: Any) -> tuple[str, ...]:
    """Of its distance; a class that takes the distance as an argument suits both."""
    if "distance" in parameter_names(kind):
        return tuple(_NORMS.values())
    distance = getattr(kind, "distance", None)
    if isinstance(distance, property):
        distance = getattr(kind(), "distance", None)
    norm = _NORMS.get(getattr(distance, "p", math.nan))
    return (norm,) if norm else ()


def _run(kind: Any, batch: Batch, options: dict[str, Any]) -> Tensor:
    import foolbox
    from foolbox.models.pytorch import PyTorchModel

    if "distance" in parameter_names(kind):
        options = {"distance": getattr(foolbox.distances, batch.norm), **options}
    model = PyTorchModel(batch.model, bounds=(0, 1), device=batch.inputs.device)
    criterion = (
        foolbox.criteria.Misclassification(batch.labels)
        if batch.targets is None
        else foolbox.criteria.TargetedMisclassification(batch.targets)
    )
    # the second result is clipped to eps, which is what foolbox calls adversarial at this eps
    _, clipped, _ = kind(**options)(model, batch.inputs, criterion, epsilons=batch.eps)
    found: Tensor = clipped
    return found


FOOLBOX = Adapter("foolbox", "foolbox", _find, _norms, frozenset({"distance"}), _run)
"""The adapter."""
