"""``art:ProjectedGradientDescent``: evasion attacks of the Adversarial Robustness Toolbox.

https://github.com/Trusted-AI/adversarial-robustness-toolbox
"""

from __future__ import annotations

import inspect
import math
from types import ModuleType
from typing import Any

import torch
from torch import Tensor, nn

from robust_hypergan.attacks.adapters import Adapter, Batch, parameter_names

_NO_ARGUMENT = {
    "BasicIterativeMethod": "linf",
    "BoundaryAttack": "l2",
    "CarliniL2Method": "l2",
    "CarliniLInfMethod": "linf",
    "DeepFool": "l2",
    "NewtonFool": "l2",
    "SignOPTAttack": "l2",
    "ThresholdAttack": "linf",
    "VirtualAdversarialMethod": "l2",
    "ZooAttack": "l2",
}
"""The norm of classes whose constructor takes none, from their papers."""


class _Whole(nn.Module):
    """Hides that a model is a ``Sequential``, whose layers ART would call one by one.

    Some of its attacks hand over doubles, which a model in single precision does not take.
    """

    def __init__(self, model: nn.Module, dtype: torch.dtype) -> None:
        super().__init__()
        self.model, self.dtype = model, dtype

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.model(images.to(self.dtype))
        return logits


def _find(library: ModuleType) -> dict[str, type]:
    from art.attacks import EvasionAttack

    return {
        name: kind
        for name, kind in vars(library).items()
        if inspect.isclass(kind) and issubclass(kind, EvasionAttack) and _attacks_classifiers(kind)
    }


def _attacks_classifiers(kind: Any) -> bool:
    from art.estimators.classification import PyTorchClassifier

    needed = kind._estimator_requirements
    return bool(needed) and all(issubclass(PyTorchClassifier, each) for each in needed)


def _norms(kind: type) -> tuple[str, ...]:
    norm = inspect.signature(kind).parameters.get("norm")
    if norm is not None:
        return ("linf", "l2") if norm.default in (math.inf, 2) else ()
    return (_NO_ARGUMENT[kind.__name__],) if kind.__name__ in _NO_ARGUMENT else ()


def _run(kind: Any, batch: Batch, options: dict[str, Any]) -> Tensor:
    from art.estimators.classification import PyTorchClassifier

    names = parameter_names(kind)
    if batch.targets is not None and "targeted" not in names:
        raise ValueError(f"{kind.__name__} of ART has no targeted form")
    ours = {
        "eps": batch.eps,
        "th": batch.eps * 255,  # ThresholdAttack counts grey levels
        "norm": {"linf": math.inf, "l2": 2}[batch.norm],
        "targeted": batch.targets is not None,
        "verbose": False,
    }
    classifier = PyTorchClassifier(
        _Whole(batch.model, batch.inputs.dtype),
        loss=nn.CrossEntropyLoss(),
        input_shape=tuple(batch.inputs.shape[1:]),
        nb_classes=batch.classes(),
        clip_values=(0.0, 1.0),
        device_type="gpu" if batch.inputs.is_cuda else "cpu",
    )
    given = {name: value for name, value in ours.items() if name in names} | options
    wanted = batch.labels if batch.targets is None else batch.targets
    found = kind(classifier, **given).generate(x=batch.inputs.cpu().numpy(), y=wanted.cpu().numpy())
    return torch.as_tensor(found).to(batch.inputs)


ART = Adapter(
    "art",
    "art.attacks.evasion",
    _find,
    _norms,
    frozenset({"estimator", "classifier", "eps", "th", "norm", "targeted", "verbose", "summary_writer"}),
    _run,
)
"""The adapter."""
