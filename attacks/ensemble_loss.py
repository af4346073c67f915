"""What an attack on K networks increases, and its gradient in the images.

Shapes: K networks, B images, logits ``[K, B, classes]``; every loss is one value for each image ``[B]``.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor

from robust_hypergan.attacks.draws import Ensemble
from robust_hypergan.attacks.loss import attack_loss, gradient_in_images, is_fooled

Loss = Callable[[Tensor, Tensor, Tensor | None], Tensor]
"""``(logits [K, B, classes], labels [B], targets [B] or None) -> losses [B]``."""

LossName = Literal["mean-logit", "mean-probability", "mean-loss", "worst"]
"""The losses of :func:`ensemble_loss`."""


def log_mean_probability(logits: Tensor) -> Tensor:
    """Log of the mean softmax, ``[B, classes]``: the vote of the ensemble.

    Cross-entropy takes it as logits without softmaxing it again, since log-softmax leaves it as it is.
    """
    return logits.log_softmax(2).logsumexp(0) - math.log(len(logits))


def ensemble_loss(kind: LossName, logits: Tensor, labels: Tensor, targets: Tensor | None) -> Tensor:
    """What an attack on an ensemble increases, ``[B]``; the same for one network, whatever the kind.

    - ``mean-logit``: the loss of the mean logits (Dong et al., CVPR 2018, arXiv:1710.06081).
    - ``mean-probability``: the loss of the mean vote (Liu et al., ICLR 2017, arXiv:1611.02770).
    - ``mean-loss``: the expected loss (Athalye et al., ICML 2018, arXiv:1802.00420).
    - ``worst``: the loss of the network that resists most.

    Raises:
        ValueError: no such kind.
    """
    if kind == "mean-logit":
        return attack_loss(logits.mean(0), labels, targets)
    if kind == "mean-probability":
        return attack_loss(log_mean_probability(logits), labels, targets)
    each = torch.stack([attack_loss(own, labels, targets) for own in logits])  # (K, B)
    if kind == "mean-loss":
        return each.mean(0)
    if kind == "worst":
        return each.amin(0)
    raise ValueError(f"unknown loss {kind!r}")


def fooled_share(logits: Tensor, labels: Tensor, targets: Tensor | None) -> Tensor:
    """Share of the networks that each image fools, ``[B]``: one minus the expected accuracy."""
    return torch.stack([is_fooled(own, labels, targets) for own in logits]).float().mean(0)


def ensemble_gradient(
    ensemble: Ensemble, images: Tensor, labels: Tensor, targets: Tensor | None, loss: Loss
) -> Tensor:
    """Gradient of a loss in the images, ``[B, C, H, W]``; each network sees each image once."""

    def of_images(own: Tensor, labels: Tensor, targets: Tensor | None) -> Tensor:
        return loss(ensemble(own), labels, targets)

    return gradient_in_images(of_images, images, labels, targets, networks=len(ensemble))


@torch.no_grad()
def ensemble_score(
    ensemble: Ensemble, images: Tensor, labels: Tensor, targets: Tensor | None, loss: Loss
) -> tuple[Tensor, Tensor]:
    """Share of the networks that each image fools, and its loss, ``[B]`` each."""
    logits = ensemble(images)
    return fooled_share(logits, labels, targets), loss(logits, labels, targets)
