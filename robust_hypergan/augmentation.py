"""Random changes of training images that leave their class as it is."""

from __future__ import annotations

import torch
from torch import Tensor

AUGMENTATIONS = ("none", "crop", "flip-crop")

PADDING = 4
"""Pixels by which a crop may be off the middle."""


def augment(images: Tensor, augmentation: str, generator: torch.Generator) -> Tensor:
    """Changed images; with ``none``, the same ones.

    ``crop`` takes each image from a place of its own in the image padded by 4 pixels of its reflection;
    ``flip-crop`` mirrors every second one besides, the usual augmentation of CIFAR (He et al., CVPR 2016,
    arXiv:1512.03385, there with zeros as padding).

    Args:
        images: ``[N, C, H, W]`` of any kind, H and W above 4.
        augmentation: of :data:`AUGMENTATIONS`.
        generator: on the CPU.
    """
    if augmentation == "none":
        return images
    count, _, height, width = images.shape
    down, right = torch.randint(-PADDING, PADDING + 1, (2, count, 1), generator=generator)
    mirrored = torch.rand(count, 1, generator=generator) < (0.5 if augmentation == "flip-crop" else 0)
    columns = torch.arange(width)
    rows = _reflected(torch.arange(height) + down, height)  # (N, H)
    columns = _reflected(torch.where(mirrored, columns.flip(0), columns) + right, width)  # (N, W)
    rows, columns = rows.to(images.device), columns.to(images.device)
    moved = images.gather(2, rows[:, None, :, None].expand_as(images))
    return moved.gather(3, columns[:, None, None, :].expand_as(images))


def _reflected(position: Tensor, size: int) -> Tensor:
    """Positions beyond an edge, by less than ``size``, mirrored back at that edge."""
    position = position.abs()
    return torch.where(position < size, position, 2 * (size - 1) - position)
