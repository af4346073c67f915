"""Projected gradient descent."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from robust_hypergan.attacks.ascent import ascend_from_starts
from robust_hypergan.attacks.contract import Count, Length
from robust_hypergan.attacks.loss import attack_loss, input_gradient, is_fooled


def pgd(
    model: nn.Module,
    inputs: Tensor,
    labels: Tensor,
    *,
    eps: float,
    norm: str = "linf",
    generator: torch.Generator | None = None,
    targets: Tensor | None = None,
    steps: Count = 40,
    step_size: Length = None,
    restarts: Count = 1,
    random_start: bool = True,
) -> Tensor:
    """Steps along the steepest direction, each projected back into the ball and into [0, 1].

    Source: Madry et al., *Towards Deep Learning Models Resistant to Adversarial Attacks*, ICLR 2018,
    arXiv:1706.06083.

    Args:
        model: images in [0, 1] to logits, in eval mode.
        inputs: images ``[B, C, H, W]`` in [0, 1].
        labels: true classes ``[B]``.
        eps: radius of the ball, in units of the images.
        norm: ``linf`` or ``l2``.
        generator: randomness of the starts, on the CPU; needed with ``random_start``.
        targets: target classes ``[B]``, or None for any wrong class.
        steps: gradient steps of each restart.
        step_size: length of a step; None is ``2.5 * eps / steps``, Madry's rule of thumb: enough
            to reach any point of the ball from any start.
        restarts: independent runs, of which each example keeps its best: one that fools rather
            than one that does not, then the larger loss.
        random_start: start uniformly in the ball instead of at the input.

    Returns:
        Adversarial images ``[B, C, H, W]``.

    Raises:
        ValueError: a step count or a number of restarts below 1, or a random start without generator.
    """

    def gradient(images: Tensor) -> Tensor:
        return input_gradient(model, images, labels, targets)

    @torch.no_grad()
    def judge(images: Tensor) -> tuple[Tensor, Tensor]:
        logits = model(images)
        return is_fooled(logits, labels, targets), attack_loss(logits, labels, targets)

    return ascend_from_starts(
        inputs,
        gradient,
        judge,
        eps=eps,
        norm=norm,
        generator=generator,
        steps=steps,
        step_size=step_size,
        restarts=restarts,
        random_start=random_start,
    )
