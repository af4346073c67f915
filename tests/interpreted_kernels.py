"""Compares the fused kernels with the three operations they stand for; run with ``TRITON_INTERPRET=1``."""

import torch
from torch import Tensor
from torch.nn import functional

from robust_hypergan.engine.pooled_kernel import pooled_convolutions

CASES = (
    # networks, channels, size, outputs, side, shared
    (2, 1, 28, 32, 5, True),
    (2, 32, 12, 32, 5, False),
    (3, 3, 15, 32, 3, True),
    (2, 32, 15, 64, 3, False),
    (2, 5, 9, 16, 2, False),
    (1, 3, 11, 16, 4, True),
)


def operations(images: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    own = [images[min(index, len(images) - 1)] for index in range(len(weight))]
    convolved = map(functional.conv2d, own, weight, bias)
    return torch.stack([functional.relu(functional.max_pool2d(each, 2)) for each in convolved])


def compare(*tensors: Tensor) -> Tensor:
    found = pooled_convolutions(*tensors)
    torch.testing.assert_close(found, operations(*tensors), equal_nan=True)
    print("the same, with NaN" if found.isnan().any() else "the same")
    return found


if __name__ == "__main__":
    random = torch.Generator().manual_seed(0)
    for networks, channels, size, outputs, side, shared in CASES:
        images = torch.rand(1 if shared else networks, 3, channels, size, size, generator=random)
        weight = torch.randn(networks, outputs, channels, side, side, generator=random) / 9
        bias = torch.randn(networks, outputs, generator=random)
        found = compare(images, weight, bias)
        weight[-1, 2, 0, 0, 0] = images[0, 1, 0, 3, 3] = torch.nan
        compare(images, weight, bias)
        # the strides that a kernel leaves are what the next one takes
        more = torch.randn(networks, 16, outputs, 2, 2, generator=random), bias[:, :16].contiguous()
        torch.testing.assert_close(pooled_convolutions(found, *more), operations(found, *more))
