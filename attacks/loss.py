"""The loss that gradient attacks increase, and its gradient in the images."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


def attack_loss(logits: Tensor, labels: Tensor, targets: Tensor | None) -> Tensor:
    """What an attack increases, one value for each example ``[B]``.

    Cross-entropy with the true label; with target classes, minus the cross-entropy with those.
    """
    if targets is None:
        return functional.cross_entropy(logits, labels, reduction="none")
    return -functional.cross_entropy(logits, targets, reduction="none")


def is_fooled(logits: Tensor, labels: Tensor, targets: Tensor | None) -> Tensor:
    """Whether each example ``[B]`` is misclassified or, with target classes, classified as its target."""
    predictions = logits.argmax(1)
    return predictions != labels if targets is None else predictions == targets


def input_gradient(model: nn.Module, inputs: Tensor, labels: Tensor, targets: Tensor | None) -> Tensor:
    """Gradient of :func:`attack_loss` in the inputs, ``[B, C, H, W]``; examples do not mix."""
    with torch.enable_grad():
        images = inputs.detach().requires_grad_()
        loss = attack_loss(model(images), labels, targets).sum()
        (gradient,) = torch.autograd.grad(loss, images)
    return gradient
