"""Adversarial training of a family: each network learns from images that were made against another one.

Sources: Madry et al., ICLR 2018, arXiv:1706.06083; examples of other networks are the ensemble adversarial
training of Tramer et al., ICLR 2018, arXiv:1705.07204, here of networks generated in the same step.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from robust_hypergan.attacks import pgd
from robust_hypergan.networks import Params, bind, load, networks_of


def others_adversarials(
    classifier: nn.Module,
    params: Params,
    images: Tensor,
    labels: Tensor,
    *,
    eps: float,
    steps: int,
    generator: torch.Generator,
) -> Tensor:
    """PGD examples for each of M networks, made against the one before it; for the first, against the last.

    Args:
        classifier: the architecture.
        params: parameters ``[M, ...]`` without a graph.
        images: ``[M, B, C, H, W]`` in [0, 1].
        labels: ``[M, B]``.
        eps: radius of the L-inf ball.
        steps: of PGD, from a random start.
        generator: of the starts, on the CPU.

    Returns:
        Adversarial images of the same shape in [0, 1].
    """
    networks = networks_of(params)
    model = bind(classifier, networks[-1])
    made = []
    for index, (own_images, own_labels) in enumerate(zip(images, labels, strict=True)):
        load(model, networks[index - 1])
        made.append(
            pgd(model, own_images, own_labels, eps=eps, norm="linf", generator=generator, steps=steps)
        )
    return torch.stack(made)
