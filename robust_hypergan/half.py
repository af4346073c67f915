"""A classifier in bfloat16 whose last layer stays in float32: fast predictions, near ties aside."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from robust_hypergan.errors import InputError
from robust_hypergan.networks import Params


def halved(classifier: nn.Module) -> tuple[nn.Module, Callable[[Params], Params]]:
    """A copy for bfloat16 images, and what casts the parameters of a network for it.

    The last linear layer, if there is one, works in float32, so that the logits are not rounded again.
    """
    module = copy.deepcopy(classifier).to(torch.bfloat16)
    linear = [name for name, each in module.named_modules() if isinstance(each, nn.Linear)]
    head = linear[-1] if linear else None
    if head:
        module.get_submodule(head).float().register_forward_pre_hook(_in_float32)

    def cast(network: Params) -> Params:
        return {
            name: value if head and name.startswith(f"{head}.") else value.to(torch.bfloat16)
            for name, value in network.items()
        }

    return module, cast


def check_half(classifier: nn.Module, images: Tensor) -> None:
    """Tries a classifier in bfloat16 on two images.

    Raises:
        InputError: it can't be computed so.
    """
    module, _ = halved(classifier)
    try:
        with torch.no_grad():
            module(images[:2].to(torch.bfloat16))
    except Exception as error:  # a classifier of the user's own may raise anything
        reason = f"{type(error).__name__}: {error}".splitlines()[0]
        raise InputError(
            f"this classifier can't be computed in bfloat16 ({reason}): use --precision float32"
        ) from error


def can_halve(classifier: nn.Module, images: Tensor) -> bool:
    """Whether the CPU has bfloat16 arithmetic and the classifier can be computed in it."""
    if not torch.ops.mkldnn._is_mkldnn_bf16_supported():
        return False
    try:
        check_half(classifier, images)
    except InputError:
        return False
    return True


def _in_float32(_: nn.Module, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(each.float() for each in inputs)
