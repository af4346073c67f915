"""FGSM on the few pixels that matter most: an attack for robust-hypergan in a package of its own."""

from typing import Literal

import torch
from torch import Tensor, nn


def sparse_sign(
    model: nn.Module,
    inputs: Tensor,
    labels: Tensor,
    *,
    eps: float,
    norm: Literal["linf"],
    generator: torch.Generator,
    targets: Tensor | None = None,
    share: float = 0.1,
) -> Tensor:
    """FGSM on the share of the pixels with the largest gradient; the others stay as they are."""
    images = inputs.clone().requires_grad_()
    if targets is None:
        loss = nn.functional.cross_entropy(model(images), labels, reduction="sum")
    else:
        loss = -nn.functional.cross_entropy(model(images), targets, reduction="sum")
    (gradient,) = torch.autograd.grad(loss, images)
    size = gradient.abs().flatten(1)  # (B, C * H * W)
    count = max(1, round(share * size.shape[1]))
    least = size.topk(count, dim=1).values[:, -1].view(-1, 1, 1, 1)
    moved = eps * gradient.sign() * (gradient.abs() >= least)
    return (inputs + moved).clamp(0, 1)
