"""Random changes of training images that leave their class as it is."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

AUGMENTATIONS = ("none", "affine", "crop", "flip-crop")

PADDING = 4
"""Pixels by which a crop may be off the middle."""

DEGREES, SCALE, SHEAR, SHIFT = 10.0, 0.1, 0.1, 1 / 14
"""The most that an affine change rotates, scales, shears (a share), and shifts (a share of the width)."""


def augment(images: Tensor, augmentation: str, generator: torch.Generator) -> Tensor:
    """Changed images; with ``none``, the same ones.

    ``affine`` turns, scales, shears and shifts each image a little, with black around it, the usual
    augmentation of digits (Simard, Steinkraus & Platt, ICDAR 2003); ``crop`` takes each image from a place of
    its own in the image padded by 4 pixels of its reflection; ``flip-crop`` mirrors every second one besides,
    the usual augmentation of CIFAR (He et al., CVPR 2016, arXiv:1512.03385, there with zeros as padding).

    Args:
        images: ``[N, C, H, W]`` of any kind, H and W above 4.
        augmentation: of :data:`AUGMENTATIONS`.
        generator: on the CPU.
    """
    if augmentation == "none":
        return images
    if augmentation == "affine":
        return _affine(images, generator)
    count, _, height, width = images.shape
    down, right = torch.randint(-PADDING, PADDING + 1, (2, count, 1), generator=generator)
    mirrored = torch.rand(count, 1, generator=generator) < (0.5 if augmentation == "flip-crop" else 0)
    columns = torch.arange(width)
    rows = _reflected(torch.arange(height) + down, height)  # (N, H)
    columns = _reflected(torch.where(mirrored, columns.flip(0), columns) + right, width)  # (N, W)
    rows, columns = rows.to(images.device), columns.to(images.device)
    moved = images.gather(2, rows[:, None, :, None].expand_as(images))
    return moved.gather(3, columns[:, None, None, :].expand_as(images))


def _affine(images: Tensor, generator: torch.Generator) -> Tensor:
    turn, size, shear, right, down = 2 * torch.rand(5, len(images), generator=generator) - 1
    turn, size, shear = turn * math.radians(DEGREES), 1 / (1 + SCALE * size), SHEAR * shear
    rows = [
        size * (turn.cos() + shear * turn.sin()),
        size * (shear * turn.cos() - turn.sin()),
        2 * SHIFT * right,  # the picture is 2 wide
        size * turn.sin(),
        size * turn.cos(),
        2 * SHIFT * down,
    ]
    matrices = torch.stack(rows, 1).view(-1, 2, 3).to(images.device)
    grid = functional.affine_grid(matrices, list(images.shape), align_corners=False)
    changed = functional.grid_sample(images.float(), grid, align_corners=False)
    return (changed if images.is_floating_point() else changed.round()).to(images.dtype)


def _reflected(position: Tensor, size: int) -> Tensor:
    """Positions beyond an edge, by less than ``size``, mirrored back at that edge."""
    position = position.abs()
    return torch.where(position < size, position, 2 * (size - 1) - position)
