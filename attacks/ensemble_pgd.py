"""Projected gradient descent on several networks at once."""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor, nn

from robust_hypergan.attacks.ascent import ascend_from_starts
from robust_hypergan.attacks.contract import Count, Length
from robust_hypergan.attacks.draws import Draws
from robust_hypergan.attacks.ensemble_loss import (
    LossName,
    ensemble_gradient,
    ensemble_loss,
    ensemble_score,
)


def ensemble_pgd(
    model: nn.Module,  # noqa: ARG001 - the first held network is the model
    inputs: Tensor,
    labels: Tensor,
    *,
    draws: Draws,
    eps: float,
    norm: str = "linf",
    generator: torch.Generator | None = None,
    targets: Tensor | None = None,
    networks: Count = 8,
    loss: LossName = "mean-logit",
    steps: Count = 40,
    step_size: Length = None,
    restarts: Count = 1,
    random_start: bool = True,
) -> Tensor:
    """PGD on K networks that the attacker holds.

    Source: Liu et al., *Delving into Transferable Adversarial Examples and Black-box Attacks*, ICLR 2017,
    arXiv:1611.02770. With ``loss=mean-probability`` it is the attack on the mean vote.

    Args:
        model: not used: it is the first of the held networks.
        inputs: images ``[B, C, H, W]`` in [0, 1].
        labels: true classes ``[B]``.
        draws: gives the held networks.
        eps: radius of the ball, in units of the images.
        norm: ``linf`` or ``l2``.
        generator: randomness of the starts, on the CPU; needed with ``random_start``.
        targets: target classes ``[B]``, or None for any wrong class.
        networks: K, how many networks the attacker holds; 1 is PGD.
        loss: how the networks count, see :func:`robust_hypergan.attacks.ensemble_loss.ensemble_loss`.
        steps: gradient steps of each restart.
        step_size: length of a step; None is ``2.5 * eps / steps``.
        restarts: independent runs, of which each example keeps its best: one that fools more
            networks, then the larger loss.
        random_start: start uniformly in the ball instead of at the input.

    Returns:
        Adversarial images ``[B, C, H, W]``.

    Raises:
        ValueError: a count below 1, or a random start without generator.
    """
    held, objective = draws.held(networks), partial(ensemble_loss, loss)
    return ascend_from_starts(
        inputs,
        lambda images: ensemble_gradient(held, images, labels, targets, objective),
        lambda images: ensemble_score(held, images, labels, targets, objective),
        eps=eps,
        norm=norm,
        generator=generator,
        steps=steps,
        step_size=step_size,
        restarts=restarts,
        random_start=random_start,
    )
