"""The momentum iterative fast gradient sign method."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from robust_hypergan.attacks.ascent import ascend
from robust_hypergan.attacks.contract import Count, Factor, Length
from robust_hypergan.attacks.loss import input_gradient
from robust_hypergan.attacks.norms import NORMS, enlarged, per_example


def mi_fgsm(
    model: nn.Module,
    inputs: Tensor,
    labels: Tensor,
    *,
    eps: float,
    norm: str = "linf",
    generator: torch.Generator | None = None,  # noqa: ARG001 - every attack takes one
    targets: Tensor | None = None,
    steps: Count = 10,
    step_size: Length = None,
    decay: Factor = 1.0,
) -> Tensor:
    """Iterative FGSM along an accumulated gradient, which keeps to directions that also transfer.

    Source: Dong et al., *Boosting Adversarial Attacks with Momentum*, CVPR 2018, arXiv:1710.06081.
    ``g <- decay * g + grad / |grad|_1``, then a step along ``sign(g)`` for L-inf or ``g / |g|`` for L2.

    Args:
        model: images in [0, 1] to logits, in eval mode.
        inputs: images ``[B, C, H, W]`` in [0, 1].
        labels: true classes ``[B]``.
        eps: radius of the ball, in units of the images.
        norm: ``linf`` or ``l2``.
        generator: not used, the attack is deterministic and starts at the input.
        targets: target classes ``[B]``, or None for any wrong class.
        steps: gradient steps.
        step_size: length of a step; None is ``eps / steps``, the paper's.
        decay: of the accumulated gradient; 0 is iterative FGSM.

    Returns:
        Adversarial images ``[B, C, H, W]``.

    Raises:
        ValueError: fewer steps than 1.
    """
    if steps < 1:
        raise ValueError(f"mi-fgsm needs at least 1 step, not {steps}")
    accumulated = torch.zeros_like(inputs)

    def gradient(images: Tensor) -> Tensor:
        nonlocal accumulated
        new = enlarged(input_gradient(model, images, labels, targets))
        length = torch.linalg.vector_norm(new.flatten(1), ord=1, dim=1).clamp_min(1e-12)
        accumulated = decay * accumulated + new / per_example(length, new)
        return accumulated

    size = eps / steps if step_size is None else step_size
    return ascend(inputs, inputs, gradient, ball=NORMS[norm], eps=eps, steps=steps, step_size=size)
