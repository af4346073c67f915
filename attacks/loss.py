"""The loss that gradient attacks increase, and its gradient in the images."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from robust_hypergan.attacks.thin_convolution import ThinConvolutions
from robust_hypergan.base.layout import channels_last, refuses_strides
from robust_hypergan.base.memory import Chunks

ImageLoss = Callable[[Tensor, Tensor, Tensor | None], Tensor]
"""``(images [B, C, H, W], labels [B], targets [B] or None) -> losses [B]``."""

CPU_GRAPH_IMAGES, GRAPH_IMAGES = 1024, 5000
"""Images times networks whose graphs are held at once: on a CPU more cost page faults, elsewhere memory."""

SMALLEST_TURN, LARGEST_CPU_TURN = 16, 64
"""Images that a convolution needs at once to be worth its start, and that still fit a CPU's cache."""


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

    def loss(images: Tensor, labels: Tensor, targets: Tensor | None) -> Tensor:
        return attack_loss(model(images), labels, targets)

    return gradient_in_images(loss, inputs, labels, targets)


def gradient_in_images(
    loss: ImageLoss, inputs: Tensor, labels: Tensor, targets: Tensor | None, *, networks: int = 1
) -> Tensor:
    """Gradient of a loss in the images it is of, ``[B, C, H, W]``; the images must not mix.

    On the CPU the images take turns of a size whose graph stays in the cache, in the layout that
    convolutions run fastest on; of half that size where memory runs out.

    Args:
        loss: ``(images, labels, targets) -> [B]``.
        inputs: images ``[B, C, H, W]``.
        labels: true classes ``[B]``.
        targets: target classes ``[B]``, or None.
        networks: networks that the loss evaluates, whose graphs are held at once.
    """
    on_cpu = inputs.device.type == "cpu"
    size = max(SMALLEST_TURN, (CPU_GRAPH_IMAGES if on_cpu else GRAPH_IMAGES) // networks)
    size = min(size, LARGEST_CPU_TURN) if on_cpu else size
    layouts = [channels_last if on_cpu else Tensor.contiguous]

    def turn(rows: Tensor) -> Tensor:
        own = inputs[rows], labels[rows], None if targets is None else targets[rows]
        try:
            return _gradient(loss, *own, layouts[-1])
        except RuntimeError as error:
            if not refuses_strides(error):
                raise
            layouts.append(Tensor.contiguous)
            return _gradient(loss, *own, layouts[-1])

    return Chunks(size, 0, inputs.device).map(turn, torch.arange(len(inputs), device=inputs.device))


def _gradient(
    loss: ImageLoss,
    inputs: Tensor,
    labels: Tensor,
    targets: Tensor | None,
    layout: Callable[[Tensor], Tensor],
) -> Tensor:
    thin = ThinConvolutions() if inputs.device.type == "cpu" else contextlib.nullcontext()
    with torch.enable_grad(), thin:
        images = inputs.detach().requires_grad_()
        (gradient,) = torch.autograd.grad(loss(layout(images), labels, targets).sum(), images)
    return gradient
