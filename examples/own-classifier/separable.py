"""A depthwise-separable network with group norm, for grey images of any size."""

import torch
from torch import nn


class Separable(nn.Module):
    """Images ``[N, 1, H, W]`` in [0, 1] to logits ``[N, classes]``.

    Args:
        classes: number of classes; the toolkit fills it in from the data.
    """

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.stem = nn.Conv2d(1, 16, 5, stride=2)
        self.depthwise = nn.Conv2d(16, 16, 3, groups=16)
        self.pointwise = nn.Conv2d(16, 32, 1)
        self.norm = nn.GroupNorm(4, 32)
        self.dropout = nn.Dropout(0.2)
        self.head = nn.Linear(32 * 9, classes)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Logits; the normalisation of the images is part of the network."""
        hidden = torch.relu(self.stem((images - 0.5) / 0.5))
        hidden = torch.relu(self.norm(self.pointwise(self.depthwise(hidden))))
        hidden = nn.functional.adaptive_avg_pool2d(hidden, 3)
        return self.head(self.dropout(hidden.flatten(1)))
