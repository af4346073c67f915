"""A residual network with group norm for small colour images, whose weights can be generated."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

GROUPS = 8


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions, each with group norm, beside a shortcut without parameters.

    Where the width grows, the shortcut takes every second pixel and fills the new channels with zeros (option
    A of He et al. 2016).
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.stride = 1 if inputs == outputs else 2
        self.new_channels = outputs - inputs
        self.conv1 = nn.Conv2d(inputs, outputs, 3, self.stride, padding=1, bias=False)
        self.norm1 = nn.GroupNorm(GROUPS, outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.norm2 = nn.GroupNorm(GROUPS, outputs)

    def forward(self, images: Tensor) -> Tensor:
        """Features ``[N, outputs, H / stride, W / stride]``."""
        hidden = functional.relu(self.norm1(self.conv1(images)))
        hidden = self.norm2(self.conv2(hidden))
        shortcut = images[:, :, :: self.stride, :: self.stride]
        shortcut = functional.pad(shortcut, (0, 0, 0, 0, 0, self.new_channels))
        return functional.relu(hidden + shortcut)


class ResidualClassifier(nn.Module):
    """ResNet-20 for 32x32 images with group norm in place of batch norm: 269,722 weights in 39 layers.

    Source: He, Zhang, Ren & Sun, *Deep Residual Learning*, CVPR 2016, arXiv:1512.03385, section 4.2; Wu & He,
    *Group Normalization*, ECCV 2018, arXiv:1803.08494: it keeps no running statistics, which could not be
    generated. Each channel is shifted and scaled to [-2, 2].

    Args:
        classes: number of classes.
    """

    def __init__(self, classes: int = 10) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 16, 3, padding=1, bias=False)
        self.norm = nn.GroupNorm(GROUPS, 16)
        widths = [16, 16, 16, 16, 32, 32, 32, 64, 64, 64]
        self.blocks = nn.Sequential(*map(ResidualBlock, widths[:-1], widths[1:]))
        self.linear = nn.Linear(64, classes)

    def forward(self, images: Tensor) -> Tensor:
        """Logits ``[N, classes]`` of images ``[N, 3, H, W]`` in [0, 1]."""
        hidden = functional.relu(self.norm(self.conv(images * 4 - 2)))
        pooled = torch.mean(self.blocks(hidden), dim=(2, 3))
        logits: Tensor = self.linear(pooled)
        return logits
