"""Disagreement off the data: to pictures without a class each network learns an answer of its own.

Nothing in the paper's training says what networks are to make of what they have never seen: those that learnt
the same agree there as well. Here each is also shown pictures that are made of training images and have no
class, and calls all of them by one class, which its code decides. What single networks think of them stays
worthless; their mean has learnt to be unsure.

Related: Jain, Liu, Mueller & Gifford, AAAI 2020, arXiv:1906.07380, and Pagliardini, Jaggi, Fleuret &
Karimireddy, ICLR 2023, arXiv:2202.04414 (ensembles that are diverse on inputs other than the data); Osband,
Aslanides & Cassirer, NeurIPS 2018, arXiv:1806.03335 (a random function as each network's prior).
"""

from __future__ import annotations

import math
from itertools import permutations

import torch
from torch import Tensor
from torch.nn import functional

ORDERS = torch.tensor(list(permutations(range(4)))[1:])
"""The ways to put four quarters of an image elsewhere, but for leaving all where they are."""

OFF_DATA_SHARE = 1 / 4
"""Of a minibatch: as many pictures without a class are shown beside it."""


def off_data_count(batch: int) -> int:
    """How many pictures without a class are shown beside a minibatch."""
    return math.ceil(batch * OFF_DATA_SHARE)


def with_off_data(
    images: Tensor, labels: Tensor, answers: Tensor, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Minibatches with pictures without a class at their ends, made of their first images.

    Args:
        images: ``[M, B, C, H, W]`` in [0, 1], H and W at least 2.
        labels: ``[M, B]``.
        answers: what each network is to call those pictures, ``[M]``.
        generator: on the CPU.

    Returns:
        Images and labels of :func:`off_data_count` more for each network.
    """
    count = off_data_count(images.shape[1])
    made = without_class(images[:, :count].flatten(0, 1), generator).unflatten(0, (len(images), count))
    return torch.cat([images, made], 1), torch.cat([labels, answers[:, None].expand(-1, count)], 1)


def without_class(images: Tensor, generator: torch.Generator) -> Tensor:
    """Pictures that show no class, made of images that do, by four means in turn.

    Of the first, fifth, ... the quarters change places; the second, ... get the right half of the one before
    them; the third, ... are overlaid with the one before them upside down; the fourth, ... become negatives.

    Args:
        images: ``[N, C, H, W]`` in [0, 1], H and W at least 2.
        generator: of the orders, on the CPU.

    Returns:
        As many of the same shape, in [0, 1].
    """
    before, made = images.roll(1, 0), images.clone()
    made[0::4] = _shuffled(images[0::4], generator)
    half = images.shape[3] // 2
    made[1::4, :, :, half:] = before[1::4, :, :, half:]
    made[2::4] = torch.maximum(images[2::4], before[2::4].flip(2))
    made[3::4] = 1 - images[3::4]
    return made


def own_answers(codes: Tensor, classes: int, seed: int) -> Tensor:
    """The class that each network is to see where there is none, for normal codes all about equally likely.

    Args:
        codes: ``[M, L, K]``, whose last decides.
        classes: how many there are.
        seed: of the direction of each class among the codes.

    Returns:
        Classes ``[M]``.
    """
    last = codes.detach()[:, -1]
    directions = torch.randn(classes, last.shape[1], generator=torch.Generator().manual_seed(seed))
    return (last @ functional.normalize(directions).to(last).T).argmax(1)


def _shuffled(images: Tensor, generator: torch.Generator) -> Tensor:
    """Images whose quarters have changed places; a row or column that is left over at the end stays."""
    count, channels, height, width = images.shape
    down, right = height // 2, width // 2
    orders = ORDERS[torch.randint(len(ORDERS), (count,), generator=generator)].to(images.device)  # (N, 4)
    even = images[:, :, : 2 * down, : 2 * right]
    quarters = even.unflatten(3, (2, right)).unflatten(2, (2, down)).permute(0, 2, 4, 1, 3, 5)
    quarters = quarters.reshape(count, 4, -1)
    moved = quarters.gather(1, orders[:, :, None].expand_as(quarters))
    moved = moved.view(count, 2, 2, channels, down, right).permute(0, 3, 1, 4, 2, 5)
    made = images.clone()
    made[:, :, : 2 * down, : 2 * right] = moved.reshape(count, channels, 2 * down, 2 * right)
    return made
