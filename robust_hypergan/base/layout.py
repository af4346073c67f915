"""How images lie in memory: the strides and the chunk on which a CPU's convolutions run fastest."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.func import functional_call

IMAGE_CHUNK = 64
"""Images a CPU convolution works on at once: larger buffers fall out of the cache, and page faults follow."""


def channels_last(tensor: Tensor) -> Tensor:
    """The same values with channels-last strides, which convolutions on the CPU run fastest on.

    Tensors that are not 4-dimensional come back contiguous. For one channel
    ``contiguous(memory_format=torch.channels_last)`` does nothing, so the strides are set by a view.
    """
    if tensor.ndim != 4:
        return tensor.contiguous()
    count, channels, height, width = tensor.shape
    if channels > 1:
        return tensor.contiguous(memory_format=torch.channels_last)
    return tensor.contiguous().view(count, height, width, 1).permute(0, 3, 1, 2)


def preferred_layout(classifier: nn.Module, images: Tensor) -> Callable[[Tensor], Tensor]:
    """:func:`channels_last`, or contiguous for a classifier that cannot take such strides.

    Args:
        classifier: the architecture.
        images: ``[N, C, H, W]``, two of which are tried, with its parameters in the same layout.
    """
    own = {name: channels_last(value) for name, value in classifier.named_parameters()}
    try:
        with torch.no_grad():
            functional_call(classifier, own, (channels_last(images[:2]),))
    except RuntimeError as error:
        if refuses_strides(error):
            return Tensor.contiguous
        raise
    return channels_last


def refuses_strides(error: RuntimeError) -> bool:
    """Whether a classifier raised because what it views cannot have channels-last strides."""
    return "view size is not compatible" in str(error) or "dimension with stride 1" in str(error)
