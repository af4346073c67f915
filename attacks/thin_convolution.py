"""The gradient of a convolution in an image of few channels, as a matrix product."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional
from torch.overrides import TorchFunctionMode

Pair = int | Sequence[int]
"""One number for both directions, or two: the vertical one first."""

FEW_CHANNELS = 3
"""Up to so many input channels the matrix product is no slower than the library's backward convolution."""


class ThinConvolutions(TorchFunctionMode):
    """While active, 2-d convolutions of images with few channels send back the gradient in the image alone.

    A CPU library computes that gradient as a convolution with few output channels, which leaves most
    of the machine idle. ``output gradient x weight`` is a matrix product; what is left is to add it up.
    Their weights get no gradient: this is for attacks, which differentiate in the image.
    """

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Iterable[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Calls the function, or its stand-in."""
        if func is functional.conv2d and not kwargs and _is_thin(*args):
            image, weight, bias, *settings = (*args, None) if len(args) == 2 else args
            return _ThinConvolution.apply(image, weight, bias, *settings)
        return func(*args, **(kwargs or {}))


def _is_thin(image: Tensor, weight: Tensor, *settings: Any) -> bool:
    groups = settings[4] if len(settings) > 4 else 1
    padding = settings[2] if len(settings) > 2 else 0
    return (
        image.ndim == 4
        and image.requires_grad
        and weight.shape[1] <= FEW_CHANNELS
        and groups == 1
        and not isinstance(padding, str)
    )


class _ThinConvolution(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, image: Tensor, weight: Tensor, bias: Tensor | None, *settings: Any) -> Tensor:
        ctx.save_for_backward(weight)
        ctx.size = tuple(image.shape[2:])
        ctx.settings = (*settings, *(1, 0, 1)[len(settings) :])[:3]  # stride, padding, dilation
        ctx.arguments = 3 + len(settings)
        return functional.conv2d(image, weight, bias, *settings)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        (weight,) = ctx.saved_tensors
        return image_gradient(gradient, weight, ctx.size, *ctx.settings), *[None] * (ctx.arguments - 1)


def image_gradient(
    gradient: Tensor, weight: Tensor, size: tuple[int, int], stride: Pair, padding: Pair, dilation: Pair
) -> Tensor:
    """Gradient ``[N, C, H, W]`` of a convolution in its image.

    For each place of the kernel, what it sends back is a plane as large as the convolution's output; the
    planes are added up, each where its place of the kernel lay.

    Args:
        gradient: of the outputs, ``[N, O, h, w]``.
        weight: ``[O, C, kernel height, kernel width]``.
        size: H and W of the image.
        stride: of the convolution, one number or two.
        padding: likewise, in pixels.
        dilation: likewise.
    """
    (down, right), (above, left), (tall, wide) = map(_pair, (stride, padding, dilation))
    (count, _, height, width), channels = gradient.shape, weight.shape[1:]
    rows = gradient.permute(0, 2, 3, 1).flatten(0, 2)  # [N h w, O], a view if channels last
    planes = (weight.flatten(1).T @ rows.T).view(*channels, count, height, width)
    image = planes.new_zeros(channels[0], count, size[0] + 2 * above, size[1] + 2 * left)
    for y in range(channels[1]):
        for x in range(channels[2]):
            lines, columns = image[..., tall * y :: down, :], slice(wide * x, None, right)
            lines[..., :height, columns][..., :width] += planes[:, y, x]
    return image[..., above : above + size[0], left : left + size[1]].transpose(0, 1)


def _pair(value: Pair) -> tuple[int, int]:
    both = (value, value) if isinstance(value, int) else (*value, *value)
    return both[0], both[1]
