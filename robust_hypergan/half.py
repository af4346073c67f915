"""A classifier in bfloat16 whose last layer stays in float32: fast predictions, near ties aside."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

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


def _in_float32(_: nn.Module, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(each.float() for each in inputs)
