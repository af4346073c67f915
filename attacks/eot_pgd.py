"""Projected gradient descent on the expectation over networks."""

from __future__ import annotations

from functools import cache, partial

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


def eot_pgd(
    model: nn.Module,  # noqa: ARG001 - the attack is on the distribution
    inputs: Tensor,
    labels: Tensor,
    *,
    draws: Draws,
    eps: float,
    norm: str = "linf",
    generator: torch.Generator | None = None,
    targets: Tensor | None = None,
    eot_samples: Count = 8,
    loss: LossName = "mean-loss",
    steps: Count = 40,
    step_size: Length = None,
    restarts: Count = 1,
    random_start: bool = True,
) -> Tensor:
    """PGD with new networks at every step: the gradient of the expected loss, estimated.

    Source: expectation over transformation, Athalye et al., *Synthesizing Robust Adversarial Examples*, ICML
    2018, arXiv:1707.07397; on randomised defences: Athalye, Carlini & Wagner, *Obfuscated Gradients Give a
    False Sense of Security*, ICML 2018, arXiv:1802.00420.

    Args:
        model: not used: the attack is on the distribution, not on one network.
        inputs: images ``[B, C, H, W]`` in [0, 1].
        labels: true classes ``[B]``.
        draws: gives the new networks.
        eps: radius of the ball, in units of the images.
        norm: ``linf`` or ``l2``.
        generator: randomness of the starts, on the CPU; needed with ``random_start``.
        targets: target classes ``[B]``, or None for any wrong class.
        eot_samples: networks a step, and networks that judge the restarts.
        loss: how the networks of a step count, see
            :func:`robust_hypergan.attacks.ensemble_loss.ensemble_loss`.
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
    objective = partial(ensemble_loss, loss)
    judges = cache(partial(draws.eot, eot_samples))  # the same for all restarts, none for one
    return ascend_from_starts(
        inputs,
        lambda images: ensemble_gradient(draws.eot(eot_samples), images, labels, targets, objective),
        lambda images: ensemble_score(judges(), images, labels, targets, objective),
        eps=eps,
        norm=norm,
        generator=generator,
        steps=steps,
        step_size=step_size,
        restarts=restarts,
        random_start=random_start,
    )
