"""Pooling by slices is the library's pooling."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from robust_hypergan.engine.pooling import SlicePooling, side_by_side


@pytest.mark.parametrize("shape", [(2, 3, 8, 8), (2, 3, 7, 9), (1, 1, 3, 3)])
@pytest.mark.parametrize("size", [2, 3])
def test_its_values_are_the_librarys(shape, size):
    images = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    images[0, 0, 0, 0] = torch.nan
    expected = functional.max_pool2d(images, size)
    with SlicePooling():
        for found in (functional.max_pool2d(images, size), nn.MaxPool2d(size)(images)):
            torch.testing.assert_close(found, expected, atol=0, rtol=0, equal_nan=True)


@pytest.mark.parametrize(
    "pooling",
    [
        nn.MaxPool2d(3, 2),
        nn.MaxPool2d(2, padding=1),
        nn.MaxPool2d(2, dilation=2),
        nn.MaxPool2d(2, ceil_mode=True),
        nn.MaxPool2d((2, 3)),
    ],
)
def test_other_pooling_is_left_to_the_library(pooling):
    images = torch.randn(2, 3, 9, 9, generator=torch.Generator().manual_seed(0))
    expected = pooling(images)
    with SlicePooling():
        assert torch.equal(pooling(images), expected)
    settings = (pooling.kernel_size, pooling.stride, pooling.padding, pooling.dilation, pooling.ceil_mode)
    assert side_by_side(images, *settings) == 0


def test_indices_still_come_from_the_library():
    images = torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    with SlicePooling():
        values, indices = functional.max_pool2d(images, 2, return_indices=True)
    assert torch.equal(values, functional.max_pool2d(images, 2))
    assert indices.shape == values.shape


def test_aside_by_side_pooling_is_taken():
    assert side_by_side(torch.rand(1, 1, 4, 4), 2, 2) == 2
