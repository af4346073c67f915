"""A classifier in half precision, norm layers and the last layer in float32: fast, near ties aside."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from robust_hypergan.base.errors import InputError
from robust_hypergan.models.layers import NORMS
from robust_hypergan.models.parameters import Params


def half_type(device: torch.device) -> torch.dtype:
    """Half precision of predictions: float16 on a GPU, where it is as fast and rounds less; else bfloat16."""
    return torch.float16 if device.type == "cuda" else torch.bfloat16


def halved(
    classifier: nn.Module, kind: torch.dtype = torch.bfloat16
) -> tuple[nn.Module, Callable[[Params], Params]]:
    """A copy for images of half precision, and what casts the parameters of a network for it.

    The last linear layer, if there is one, works in float32, so that the logits are not rounded again; so do
    norm layers, as under :func:`torch.autocast`: they add up many numbers, and on a CPU are slow in bfloat16.
    """
    module = copy.deepcopy(classifier).to(kind)
    linear = [name for name, each in module.named_modules() if isinstance(each, nn.Linear)]
    norms = [name for name, each in module.named_modules() if isinstance(each, NORMS)]
    for name in {*linear[-1:], *norms}:
        module.get_submodule(name).float().register_forward_pre_hook(_in_float32)
    for name in norms:
        module.get_submodule(name).register_forward_hook(lambda *call: call[-1].to(kind))

    kinds = {name: value.dtype for name, value in module.state_dict().items()}

    def cast(network: Params) -> Params:
        return {name: value.to(kinds.get(name, kind)) for name, value in network.items()}

    return module, cast


def check_half(classifier: nn.Module, images: Tensor) -> None:
    """Tries a classifier in half precision on two images.

    Raises:
        InputError: it can't be computed so.
    """
    kind = half_type(images.device)
    module, _ = halved(classifier, kind)
    try:
        with torch.no_grad():
            module(images[:2].to(kind))
    except Exception as error:  # a classifier of the user's own may raise anything
        reason = f"{type(error).__name__}: {error}".splitlines()[0]
        raise InputError(
            f"this classifier can't be computed in {str(kind)[6:]} ({reason}): use --precision float32"
        ) from error


def can_halve(classifier: nn.Module, images: Tensor) -> bool:
    """Whether the device has arithmetic of half precision and the classifier can be computed in it."""
    if images.device.type == "cpu" and not torch.ops.mkldnn._is_mkldnn_bf16_supported():
        return False
    try:
        check_half(classifier, images)
    except InputError:
        return False
    return True


def _in_float32(_: nn.Module, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(each.float() for each in inputs)
