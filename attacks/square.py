"""Random search with square patches: no gradient, so nothing to mask."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from robust_hypergan.attacks.contract import Count, Factor
from robust_hypergan.attacks.norms import NORMS, per_example

HALVINGS = (10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000)
"""Queries out of 10,000 after which the patch's area is halved; the values of the authors' code."""


@torch.no_grad()
def square(
    model: nn.Module,
    inputs: Tensor,
    labels: Tensor,
    *,
    eps: float,
    norm: str = "linf",
    generator: torch.Generator | None = None,
    targets: Tensor | None = None,
    queries: Count = 1000,
    patch: Factor = 0.8,
) -> Tensor:
    """Patches of one random sign a channel, each kept where it lowers the margin of the true class.

    Source: Square Attack, Andriushchenko et al., ECCV 2020, arXiv:1912.00049. L-inf is theirs: stripes to
    start with, then patches that are set to the ball's boundary. L2 is a plainer search than theirs: the
    patch is added with a length of half of eps, and the sum projected back into the ball.

    Args:
        model: images in [0, 1] to logits; only its answers are used.
        inputs: images ``[B, C, H, W]`` in [0, 1].
        labels: true classes ``[B]``.
        eps: radius of the ball, in units of the images.
        norm: ``linf`` or ``l2``.
        generator: randomness of the patches, on the CPU.
        targets: target classes ``[B]``, or None for any wrong class.
        queries: times that the model is asked about each image; one that is fooled is left alone.
        patch: share of the image that the first patches cover.

    Returns:
        Adversarial images ``[B, C, H, W]``.

    Raises:
        ValueError: no generator, or no query.
    """
    if generator is None or queries < 1:
        raise ValueError(f"it needs a generator and at least 1 query, not {queries}")
    ball, (_, channels, height, width) = NORMS[norm], inputs.shape

    def signs(*shape: int) -> Tensor:
        return (torch.randint(2, shape, generator=generator) * 2 - 1).to(inputs)

    stripes = signs(len(inputs), channels, 1, width).expand_as(inputs)
    start = eps * stripes / per_example(ball.length(stripes), stripes)
    best = ball.project(inputs + start, inputs, eps)
    margin = _margin(model(best), labels, targets)
    for query in range(1, queries):
        open_ = (margin > 0).nonzero().squeeze(1)
        if not len(open_):
            break
        side = _side(query / queries, patch, height, width)
        window = _windows(len(open_), min(side, height), min(side, width), height, width, generator)
        pattern = window.to(inputs) * signs(len(open_), channels, 1, 1)
        own, centre = best[open_], inputs[open_]
        if norm == "linf":
            moved = torch.where(pattern != 0, centre + eps * pattern, own)
        else:
            moved = own + eps / 2 * pattern / per_example(ball.length(pattern), pattern)
        moved = ball.project(moved, centre, eps)
        new = _margin(model(moved), labels[open_], None if targets is None else targets[open_])
        better = new < margin[open_]
        best[open_] = torch.where(per_example(better, own), moved, own)
        margin[open_] = torch.where(better, new, margin[open_])
    return best


def _margin(logits: Tensor, labels: Tensor, targets: Tensor | None) -> Tensor:
    """How far each image is from fooling the model, ``[B]``; 0 or less for one that does."""
    wanted = (labels if targets is None else targets)[:, None]
    own = logits.gather(1, wanted).squeeze(1)
    rival = logits.scatter(1, wanted, -torch.inf).amax(1)
    return own - rival if targets is None else rival - own


def _side(progress: float, patch: float, height: int, width: int) -> int:
    area = patch / 2 ** sum(progress * 10_000 > halving for halving in HALVINGS)
    return max(1, round(math.sqrt(area * height * width)))


def _windows(count: int, high: int, wide: int, height: int, width: int, generator: torch.Generator) -> Tensor:
    """A window of ``high x wide`` pixels at a random place of each image: bool ``[count, 1, H, W]``."""
    top = torch.randint(height - high + 1, (count, 1, 1, 1), generator=generator)
    left = torch.randint(width - wide + 1, (count, 1, 1, 1), generator=generator)
    row, column = torch.arange(height).view(1, 1, -1, 1), torch.arange(width).view(1, 1, 1, -1)
    return (row >= top) & (row < top + high) & (column >= left) & (column < left + wide)
