"""Random noise of the same size: the baseline that every attack has to beat."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from robust_hypergan.attacks.norms import NORMS


def noise(
    model: nn.Module,  # noqa: ARG001 - every attack is handed the model
    inputs: Tensor,
    labels: Tensor,  # noqa: ARG001 - likewise
    *,
    eps: float,
    norm: str = "linf",
    generator: torch.Generator | None = None,
    targets: Tensor | None = None,  # noqa: ARG001 - likewise
) -> Tensor:
    """A uniformly random point of the ball, clipped to [0, 1]; looks at neither model nor labels.

    Source: the sanity check of Carlini et al., *On Evaluating Adversarial Robustness*, 2019,
    arXiv:1902.06705: noise must be far weaker than any attack.

    Args:
        model: not used.
        inputs: images ``[B, C, H, W]`` in [0, 1].
        labels: not used.
        eps: radius of the ball, in units of the images.
        norm: ``linf`` or ``l2``.
        generator: randomness of the noise, on the CPU.
        targets: not used.

    Returns:
        Noisy images ``[B, C, H, W]``.

    Raises:
        ValueError: no generator.
    """
    if generator is None:
        raise ValueError("noise needs a generator")
    return NORMS[norm].random_start(inputs, eps, generator)
