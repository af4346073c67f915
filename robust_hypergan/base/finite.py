"""Numbers that are not finite: found where they first appear, told in one line, and never saved."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from robust_hypergan.base.errors import InputError


class NotFinite(InputError):
    """A loss, weights or logits with a NaN or an infinity; the message names the first of them."""


def first_not_finite(tensors: Mapping[str, Tensor]) -> str | None:
    """The name of the first tensor with a NaN or an infinity; None if all are finite."""
    return next((name for name, value in tensors.items() if not bool(value.isfinite().all())), None)


def check_finite(what: str, tensors: Mapping[str, Tensor]) -> None:
    """Refuses tensors with a NaN or an infinity.

    Raises:
        NotFinite: says what, and which tensor.
    """
    found = first_not_finite(tensors)
    if found is not None:
        raise NotFinite(f"{what} {found} is not finite")


def check_loss(loss: float, what: str = "loss") -> None:
    """Refuses a loss that is NaN or infinite.

    Raises:
        NotFinite: says so.
    """
    if not math.isfinite(loss):
        raise NotFinite(f"the {what} is {loss}")


@torch.no_grad()
def first_layer_not_finite(network: nn.Module, images: Tensor) -> str | None:
    """Where in a network the first NaN or infinity appears, in words; None if nowhere.

    Args:
        network: a classifier; it is run in a copy, in eval mode.
        images: ``[N, C, H, W]``, finite.
    """
    network = copy.deepcopy(network).eval()
    found = first_not_finite(dict(network.named_parameters()))
    if found is not None:
        return f"weight {found}"
    broken: list[str] = []

    def look(name: str, outputs: object) -> None:
        if isinstance(outputs, Tensor) and not bool(outputs.isfinite().all()):
            broken.append(name)

    for name, module in network.named_modules():
        if not any(module.children()):
            module.register_forward_hook(lambda _, __, outputs, name=name: look(name, outputs))
    network(images)
    return f"layer {broken[0]}" if broken else None
