"""Adversarial training of a family: each network learns from images that were made against another one.

Sources: Madry et al., ICLR 2018, arXiv:1706.06083; examples of other networks are the ensemble adversarial
training of Tramer et al., ICLR 2018, arXiv:1705.07204, here of networks generated in the same step.
"""

from __future__ import annotations

from collections.abc import Collection

import torch
from torch import Tensor, nn

from robust_hypergan.attacks import pgd
from robust_hypergan.models.parameters import Params, bind, load, networks_of


def others_adversarials(
    classifier: nn.Module,
    params: Params,
    images: Tensor,
    labels: Tensor,
    *,
    eps: float,
    steps: int,
    generator: torch.Generator,
    wanted: Collection[int] | None = None,
) -> Tensor:
    """PGD examples for each of M networks, made against the one before it; for the first, against the last.

    Args:
        classifier: the architecture.
        params: parameters ``[M, ...]`` without a graph.
        images: ``[M, B, C, H, W]`` in [0, 1].
        labels: ``[M, B]``.
        eps: radius of the L-inf ball.
        steps: of PGD, from a random start.
        generator: of the starts, on the CPU; each network's are the same whichever are wanted.
        wanted: networks whose images are made, the others' are left as they are; None is all.

    Returns:
        Adversarial images of the same shape in [0, 1].
    """
    networks = networks_of(params)
    model = bind(classifier, networks[-1])
    seeds = torch.randint(2**62, (len(networks),), generator=generator).tolist()
    made = images.clone()
    for index in range(len(networks)) if wanted is None else wanted:
        load(model, networks[index - 1])
        random = torch.Generator().manual_seed(seeds[index])
        made[index] = pgd(
            model, images[index], labels[index], eps=eps, norm="linf", generator=random, steps=steps
        )
    return made
