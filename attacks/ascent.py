"""Projected gradient ascent, whatever the gradient is of: the loop under PGD and the attacks on ensembles."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from robust_hypergan.attacks.norms import NORMS, Norm, per_example

Gradient = Callable[[Tensor], Tensor]
"""Images ``[B, C, H, W]`` to the direction ``[B, C, H, W]`` in which the loss grows."""

Judge = Callable[[Tensor], tuple[Tensor, Tensor]]
"""Images ``[B, C, H, W]`` to how far they fool and, to decide among equals, their loss: ``[B]`` each."""


def ascend(
    start: Tensor, inputs: Tensor, gradient: Gradient, *, ball: Norm, eps: float, steps: int, step_size: float
) -> Tensor:
    """Steps along the steepest direction, each projected back into the ball and into [0, 1].

    Args:
        start: where to start, ``[B, C, H, W]``.
        inputs: centre of the ball, ``[B, C, H, W]`` in [0, 1].
        gradient: called once a step.
        ball: the norm.
        eps: radius of the ball.
        steps: number of steps.
        step_size: length of a step.
    """
    adversarials = start
    for _ in range(steps):
        adversarials = adversarials + step_size * ball.steepest(gradient(adversarials))
        adversarials = ball.project(adversarials, inputs, eps)
    return adversarials


def ascend_from_starts(
    inputs: Tensor,
    gradient: Gradient,
    judge: Judge,
    *,
    eps: float,
    norm: str,
    generator: torch.Generator | None,
    steps: int,
    step_size: float | None,
    restarts: int,
    random_start: bool,
) -> Tensor:
    """The best of several ascents, chosen example by example.

    Args:
        inputs: images ``[B, C, H, W]`` in [0, 1].
        gradient: called once a step.
        judge: called once a restart if there is more than one.
        eps: radius of the ball.
        norm: ``linf`` or ``l2``.
        generator: randomness of the starts, on the CPU; needed with ``random_start``.
        steps: gradient steps of each restart.
        step_size: length of a step; None is ``2.5 * eps / steps``, Madry's rule of thumb: enough
            to reach any point of the ball from any start.
        restarts: independent runs.
        random_start: start uniformly in the ball instead of at the input.

    Raises:
        ValueError: a step count or a number of restarts below 1, or a random start without generator.
    """
    if steps < 1 or restarts < 1:
        raise ValueError(f"it needs steps and restarts of at least 1, not {steps} and {restarts}")
    if random_start and generator is None:
        raise ValueError("it needs a generator for its random start")
    size = 2.5 * eps / steps if step_size is None else step_size
    ball = NORMS[norm]

    def run() -> Tensor:
        start = ball.random_start(inputs, eps, generator) if generator and random_start else inputs
        return ascend(start, inputs, gradient, ball=ball, eps=eps, steps=steps, step_size=size)

    best = run()
    if restarts == 1:
        return best
    score = judge(best)
    for _ in range(restarts - 1):
        new = run()
        best, score = _better(best, score, new, judge(new))
    return best


def _better(
    old: Tensor, old_score: tuple[Tensor, Tensor], new: Tensor, new_score: tuple[Tensor, Tensor]
) -> tuple[Tensor, tuple[Tensor, Tensor]]:
    (old_fooled, old_loss), (new_fooled, new_loss) = old_score, new_score
    better = torch.where(new_fooled == old_fooled, new_loss > old_loss, new_fooled > old_fooled)
    score = torch.where(better, new_fooled, old_fooled), torch.where(better, new_loss, old_loss)
    return torch.where(per_example(better, new), new, old), score
