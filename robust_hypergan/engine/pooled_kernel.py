"""Triton kernels: convolutions of many networks, pooled and rectified before anything is written.

What a convolution puts out before pooling is by far the largest tensor of a small classifier; here it never
leaves the chip. Letters: M networks, N images, C channels, O output channels, K x K weights.
"""

from __future__ import annotations

import math

import torch
import triton
import triton.language as tl
from torch import Tensor
from torch.nn import functional


@triton.jit
def _larger(one, other):
    """The larger of two values; NaN, which must not vanish, if either is."""
    return tl.maximum(one, other, propagate_nan=tl.PropagateNan.ALL)


@triton.jit
def _patch(pixel, width, image_pixels, pooled_width, pooled_pixels):
    """Where, in pixels of all images, the patch of each pooled pixel begins."""
    image, place = pixel // pooled_pixels, pixel % pooled_pixels
    return image * image_pixels + place // pooled_width * 2 * width + place % pooled_width * 2


@triton.jit
def _shared_images(
    images,
    weights,
    biases,
    outputs,
    width,
    image_pixels,
    pooled_width,
    pooled_pixels,
    count,
    all_outputs,
    CHANNELS: tl.constexpr,
    SIDE: tl.constexpr,
    OUTPUTS: tl.constexpr,
    TERMS: tl.constexpr,
    STEP: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """``[BLOCK, OUTPUTS]``: the output channels of several networks share the patches of the same images.

    One product for each pixel of a 2x2 window, of which the largest is kept.
    """
    out = tl.program_id(1) * OUTPUTS + tl.arange(0, OUTPUTS)
    pixel = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    there, corner = pixel < count, _patch(pixel, width, image_pixels, pooled_width, pooled_pixels)
    best = tl.full([BLOCK, OUTPUTS], float("-inf"), tl.float32)
    for window in tl.static_range(4):
        start = (corner + window // 2 * width + window % 2) * CHANNELS
        total = tl.zeros([BLOCK, OUTPUTS], tl.float32)
        for first in tl.static_range(0, TERMS, STEP):
            term = first + tl.arange(0, STEP)
            tap, channel = term // CHANNELS, term % CHANNELS
            offset = (tap // SIDE * width + tap % SIDE) * CHANNELS + channel
            real = there[:, None] & (tap < SIDE * SIDE)[None, :]
            patches = tl.load(images + start[:, None] + offset[None, :], mask=real, other=0.0)
            kernels = tl.load(weights + term[:, None] * all_outputs + out[None, :])
            total = tl.dot(patches, kernels, total, input_precision="ieee")
        best = _larger(best, total)
    best = _larger(best + tl.load(biases + out)[None, :], 0.0)
    places = pixel.to(tl.int64)[:, None] * all_outputs + out[None, :]
    tl.store(outputs + places, best.to(outputs.dtype.element_ty), mask=there[:, None])


@triton.jit
def _own_images(
    images,
    weights,
    biases,
    outputs,
    network_stride,
    pixel_stride,
    width,
    image_pixels,
    pooled_width,
    pooled_pixels,
    count,
    CHANNELS: tl.constexpr,
    SIDE: tl.constexpr,
    OUTPUTS: tl.constexpr,
    TERMS: tl.constexpr,
    STEP: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """``[BLOCK, OUTPUTS]`` of one network.

    One product for all four pixels of a 2x2 window: ``SIDE x SIDE`` holds what all of them depend on, and the
    weights stand in it four times, each in its place.
    """
    network = tl.program_id(1).to(tl.int64)
    out, four = tl.arange(0, OUTPUTS), tl.arange(0, 4 * OUTPUTS)
    pixel = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    there, corner = pixel < count, _patch(pixel, width, image_pixels, pooled_width, pooled_pixels)
    start = images + network * network_stride + corner.to(tl.int64) * pixel_stride
    total = tl.zeros([BLOCK, 4 * OUTPUTS], tl.float32)
    for first in range(0, TERMS, STEP):
        term = first + tl.arange(0, STEP)
        tap, channel = term // CHANNELS, term % CHANNELS
        offset = (tap // SIDE * width + tap % SIDE) * pixel_stride + channel
        real = there[:, None] & (tap < SIDE * SIDE)[None, :]
        patches = tl.load(start[:, None] + offset[None, :], mask=real, other=0.0)
        kernels = tl.load(weights + (network * TERMS + term[:, None]) * 4 * OUTPUTS + four[None, :])
        total = tl.dot(patches, kernels, total, input_precision="ieee")
    best = tl.reduce(tl.reshape(total, [BLOCK, 4, OUTPUTS]), 1, _larger)
    best = _larger(best + tl.load(biases + network * OUTPUTS + out)[None, :], 0.0)
    places = (network * count + pixel)[:, None] * OUTPUTS + out[None, :]
    tl.store(outputs + places, best.to(outputs.dtype.element_ty), mask=there[:, None])


def pooled_convolutions(images: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """ReLU of the 2x2 max pooling of M networks' convolutions, of stride 1 and without padding.

    Args:
        images: ``[M, N, C, H, W]``, or ``[1, N, C, H, W]`` for all networks the same.
        weight: ``[M, O, C, K, K]``, O a power of two from 16 to 128.
        bias: ``[M, O]``.

    Returns:
        ``[M, N, O, (H - K + 1) // 2, (W - K + 1) // 2]`` of the images' type, the channels of a pixel side by
        side in memory.
    """
    shared, half = len(images) == 1, images.dtype.itemsize == 2
    networks, outputs, channels, side, _ = weight.shape
    count, height, width = len(images[0]), *images.shape[3:]
    pooled_height, pooled_width = (height - side + 1) // 2, (width - side + 1) // 2
    pooled_pixels = pooled_height * pooled_width
    pixels = count * pooled_pixels
    sizes = (width, height * width, pooled_width, pooled_pixels, pixels)
    bias = bias.float().contiguous()
    if shared:
        images = images[0].permute(0, 2, 3, 1).contiguous()  # [N, H, W, C]
        step, all_outputs = 32, networks * outputs
        kernels = weight.permute(3, 4, 2, 0, 1).reshape(side * side * channels, all_outputs)
        kernels = functional.pad(kernels, (0, 0, 0, -len(kernels) % step))
        pooled = images.new_empty(count, pooled_height, pooled_width, networks, outputs)
        at_once = math.gcd(all_outputs, 128 if half else 32)
        _shared_images[(triton.cdiv(pixels, 64), all_outputs // at_once)](
            *(images, kernels, bias, pooled, *sizes, all_outputs),
            *(channels, side, at_once, len(kernels), step, 64),
            num_warps=8 if half else 4,
            num_stages=2,
        )
        return pooled.permute(3, 0, 4, 1, 2)
    if images.stride(2) != 1 or images.stride(1) != height * width * images.stride(4):
        images = images.permute(0, 1, 3, 4, 2).contiguous().permute(0, 1, 4, 2, 3)
    step, rows = 64 if half else 32, min(128, 4096 // outputs)
    corners = [(right, 1 - right, down, 1 - down) for down in (0, 1) for right in (0, 1)]
    # [M, 4, O, C, K + 1, K + 1]
    placed = torch.stack([functional.pad(weight, corner) for corner in corners], 1)
    kernels = placed.permute(0, 4, 5, 3, 1, 2).reshape(networks, -1, 4 * outputs)
    kernels = functional.pad(kernels, (0, 0, 0, -kernels.shape[1] % step))
    pooled = images.new_empty(networks, count, pooled_height, pooled_width, outputs)
    _own_images[(triton.cdiv(pixels, rows), networks)](
        *(images, kernels, bias, pooled, images.stride(0), images.stride(4), *sizes),
        *(channels, side + 1, outputs, kernels.shape[1], step, rows),
        num_warps=8,
        num_stages=2,
    )
    return pooled.permute(0, 1, 4, 2, 3)
