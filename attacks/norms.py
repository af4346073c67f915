"""The two norms of the threat models: distances, projections, random starts and steepest steps.

Every function works on whole batches: inputs ``[B, C, H, W]`` (any shape after B) in [0, 1].
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor


def per_example(values: Tensor, like: Tensor) -> Tensor:
    """``values [B]`` shaped to broadcast against ``like [B, ...]``."""
    return values.reshape(-1, *[1] * (like.ndim - 1))


def _linf_length(delta: Tensor) -> Tensor:
    length: Tensor = torch.linalg.vector_norm(delta.flatten(1), ord=torch.inf, dim=1)
    return length


def _l2_length(delta: Tensor) -> Tensor:
    length: Tensor = torch.linalg.vector_norm(delta.flatten(1), dim=1)
    return length


def _l2_shrink(delta: Tensor, eps: float) -> Tensor:
    factor = (eps / _l2_length(delta).clamp_min(1e-12)).clamp_max(1.0)
    return delta * per_example(factor, delta)


def enlarged(gradient: Tensor) -> Tensor:
    """A gradient ``[B, ...]``, each example times a power of 2, so that its largest entry lies in [0.5, 1).

    That of a network that is sure is so small that its square, and soon its length, is 0 in float32.
    """
    exponent = per_example(torch.frexp(gradient.flatten(1).abs().amax(1)).exponent, gradient)
    half = exponent.div(2, rounding_mode="floor")  # the whole power can be more than float32 holds
    return torch.ldexp(torch.ldexp(gradient, -half), half - exponent)


def _l2_steepest(gradient: Tensor) -> Tensor:
    gradient = enlarged(gradient)
    return gradient / per_example(_l2_length(gradient).clamp_min(1e-12), gradient)


def _l2_random(like: Tensor, generator: torch.Generator) -> Tensor:
    direction = _l2_steepest(torch.randn(like.shape, generator=generator))
    radius = torch.rand(len(like), generator=generator) ** (1 / like[0].numel())
    return direction * per_example(radius, direction)


@dataclass(frozen=True)
class Norm:
    """One norm, as the four things that attacks do with it.

    Attributes:
        name: ``linf`` or ``l2``.
        length: ``delta [B, ...]`` to its norm ``[B]``.
        shrink: ``(delta, eps)`` to the nearest point of the ball of radius eps.
        steepest: gradient to the step of unit length that increases the loss fastest.
        random: ``(like, generator)`` to a point drawn uniformly from the unit ball, on the CPU.
    """

    name: str
    length: Callable[[Tensor], Tensor]
    shrink: Callable[[Tensor, float], Tensor]
    steepest: Callable[[Tensor], Tensor]
    random: Callable[[Tensor, torch.Generator], Tensor]

    def project(self, adversarials: Tensor, inputs: Tensor, eps: float) -> Tensor:
        """The adversarials brought into the ball of radius ``eps`` around the inputs, and into [0, 1].

        Clipping to [0, 1] moves every pixel towards the input, so it never leaves the ball again.
        """
        return (inputs + self.shrink(adversarials - inputs, eps)).clamp(0.0, 1.0)

    def random_start(self, inputs: Tensor, eps: float, generator: torch.Generator) -> Tensor:
        """Inputs moved to a uniformly random point of the ball, clipped to [0, 1]."""
        delta = self.random(inputs, generator).to(inputs)
        return (inputs + eps * delta).clamp(0.0, 1.0)


NORMS = {
    "linf": Norm(
        "linf",
        _linf_length,
        lambda delta, eps: delta.clamp(-eps, eps),
        torch.sign,
        lambda like, generator: torch.rand(like.shape, generator=generator) * 2 - 1,
    ),
    "l2": Norm("l2", _l2_length, _l2_shrink, _l2_steepest, _l2_random),
}
"""The norms by name."""
