"""An attack on the mean vote that also evades a detector of high predictive entropy."""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor, nn

from robust_hypergan.attacks.ascent import ascend_from_starts
from robust_hypergan.attacks.contract import Count, Length
from robust_hypergan.attacks.draws import Draws
from robust_hypergan.attacks.ensemble_loss import (
    ensemble_gradient,
    ensemble_score,
    log_mean_probability,
)
from robust_hypergan.attacks.loss import attack_loss, is_fooled


def entropy_pgd(
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
    entropy_weight: float = 1.0,
    steps: Count = 40,
    step_size: Length = None,
    restarts: Count = 1,
    random_start: bool = True,
) -> Tensor:
    """PGD that makes the mean vote of K held networks wrong, and then sure of it.

    ``loss - entropy_weight * entropy`` of the mean softmax, the entropy only where the vote is fooled: before
    that, the way to lower it leads back to the true class. The aim is that of Feng et al., *Attacking Bayes*,
    2024, arXiv:2404.19640: to pass a detector that refuses images of high predictive entropy as well.

    Args:
        model: not used: it is the first of the held networks.
        inputs: images ``[B, C, H, W]`` in [0, 1].
        labels: true classes ``[B]``.
        draws: gives the held networks.
        eps: radius of the ball, in units of the images.
        norm: ``linf`` or ``l2``.
        generator: randomness of the starts, on the CPU; needed with ``random_start``.
        targets: target classes ``[B]``, or None for any wrong class.
        networks: K, how many networks the attacker holds.
        entropy_weight: of the entropy in nats; 0 is ``ensemble-pgd`` with ``loss=mean-probability``.
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
    held, objective = draws.held(networks), partial(_confident_loss, entropy_weight)
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


def _confident_loss(weight: float, logits: Tensor, labels: Tensor, targets: Tensor | None) -> Tensor:
    vote = log_mean_probability(logits)
    entropy = -(vote.exp() * vote).sum(1)
    return attack_loss(vote, labels, targets) - weight * entropy * is_fooled(vote, labels, targets)
