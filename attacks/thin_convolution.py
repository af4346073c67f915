"""The gradient of a convolution in an image of few channels, as a matrix product."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional
from torch.overrides import TorchFunctionMode

FEW_CHANNELS = 4
"""Up to so many input channels the matrix product is faster than the library's backward convolution."""


class ThinConvolutions(TorchFunctionMode):
    """While active, 2-d convolutions of images with few channels send back the gradient in the image alone.

    A CPU library computes that gradient as a convolution with few output channels, which leaves most
    of the machine idle. As ``output gradient x weight``, folded back into an image, it is a matrix product.
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
        stride, padding, dilation = ctx.settings
        rows = gradient.permute(0, 2, 3, 1).flatten(1, 2)  # [N, places, outputs], a view if channels last
        patches = (rows @ weight.flatten(1)).transpose(1, 2)
        image = functional.fold(
            patches, ctx.size, weight.shape[2:], stride=stride, padding=padding, dilation=dilation
        )
        return image, *[None] * (ctx.arguments - 1)
