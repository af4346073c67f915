"""Projected gradient descent."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from robust_hypergan.attacks.loss import attack_loss, input_gradient, is_fooled
from robust_hypergan.attacks.norms import NORMS, Norm


def pgd(
    model: nn.Module,
    inputs: Tensor,
    labels: Tensor,
    *,
    eps: float,
    norm: str = "linf",
    generator: torch.Generator | None = None,
    targets: Tensor | None = None,
    steps: int = 40,
    step_size: float | None = None,
    restarts: int = 1,
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
    if steps < 1 or restarts < 1:
        raise ValueError(f"pgd needs steps and restarts of at least 1, not {steps} and {restarts}")
    if random_start and generator is None:
        raise ValueError("pgd needs a generator for its random start")
    size = 2.5 * eps / steps if step_size is None else step_size
    ball = NORMS[norm]

    def run() -> Tensor:
        start = ball.random_start(inputs, eps, generator) if generator and random_start else inputs
        return _ascend(model, inputs, labels, targets, start, ball, eps, steps, size)

    best = run()
    for _ in range(restarts - 1):
        best = _better(model, best, run(), labels, targets)
    return best


def _ascend(
    model: nn.Module,
    inputs: Tensor,
    labels: Tensor,
    targets: Tensor | None,
    start: Tensor,
    ball: Norm,
    eps: float,
    steps: int,
    size: float,
) -> Tensor:
    adversarials = start
    for _ in range(steps):
        gradient = input_gradient(model, adversarials, labels, targets)
        adversarials = ball.project(adversarials + size * ball.steepest(gradient), inputs, eps)
    return adversarials


@torch.no_grad()
def _better(
    model: nn.Module, first: Tensor, second: Tensor, labels: Tensor, targets: Tensor | None
) -> Tensor:
    ranks = []
    for adversarials in (first, second):
        logits = model(adversarials)
        # fooled examples rank above all others, the loss decides among equals
        ranks.append((is_fooled(logits, labels, targets), attack_loss(logits, labels, targets)))
    (fooled, loss), (new_fooled, new_loss) = ranks
    better = torch.where(new_fooled == fooled, new_loss > loss, new_fooled)
    return torch.where(better.reshape(-1, *[1] * (first.ndim - 1)), second, first)
