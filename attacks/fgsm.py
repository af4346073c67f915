"""The fast gradient sign method."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from robust_hypergan.attacks.loss import input_gradient
from robust_hypergan.attacks.norms import NORMS


def fgsm(
    model: nn.Module,
    inputs: Tensor,
    labels: Tensor,
    *,
    eps: float,
    norm: str = "linf",
    generator: torch.Generator | None = None,  # noqa: ARG001 - every attack takes one
    targets: Tensor | None = None,
) -> Tensor:
    """One step of size eps in the direction that increases the loss fastest.

    Source: Goodfellow, Shlens & Szegedy, *Explaining and Harnessing Adversarial Examples*, ICLR 2015,
    arXiv:1412.6572. ``x + eps * sign(grad)`` for L-inf, ``x + eps * grad / |grad|`` for L2, clipped
    to [0, 1].

    Args:
        model: images in [0, 1] to logits, in eval mode.
        inputs: images ``[B, C, H, W]`` in [0, 1].
        labels: true classes ``[B]``.
        eps: radius of the ball, in units of the images.
        norm: ``linf`` or ``l2``.
        generator: not used, FGSM is deterministic.
        targets: target classes ``[B]``, or None for any wrong class.

    Returns:
        Adversarial images ``[B, C, H, W]``.
    """
    step = NORMS[norm].steepest(input_gradient(model, inputs, labels, targets))
    return (inputs + eps * step).clamp(0.0, 1.0)
