"""The ensemble forward: logits of many networks on many images, a block of networks at a time.

Shapes: M networks, N images. Nothing here holds more than a block of networks and their logits, so
whoever folds the blocks as they come (:mod:`robust_hypergan.tally`) needs the same memory for any M.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import torch
from torch import Tensor, nn
from torch.func import vmap
from torch.nn.attention import SDPBackend, sdpa_kernel

from robust_hypergan.errors import unknown
from robust_hypergan.networks import NetworkDistribution, Networks, Params, call_network

NETWORK_BLOCK = 16
"""Networks generated and evaluated together."""

IMAGE_CHUNK = 64
"""Images a CPU convolution works on at once: larger buffers fall out of the cache, and page faults follow."""


def channels_last(tensor: Tensor) -> Tensor:
    """The same values with channels-last strides, which convolutions on the CPU run fastest on.

    Tensors that are not 4-dimensional come back contiguous. For one channel
    ``contiguous(memory_format=torch.channels_last)`` does nothing, so the strides are set by hand.
    """
    if tensor.ndim != 4:
        return tensor.contiguous()
    _, channels, height, width = tensor.shape
    if channels > 1:
        return tensor.contiguous(memory_format=torch.channels_last)
    return tensor.contiguous().as_strided(tensor.shape, (height * width, 1, width, 1))


def preferred_layout(classifier: nn.Module, images: Tensor) -> Callable[[Tensor], Tensor]:
    """:func:`channels_last`, or contiguous for a classifier whose ``view`` cannot take such strides.

    Args:
        classifier: the architecture.
        images: ``[N, C, H, W]``, two of which are tried.
    """
    network = {name: channels_last(value) for name, value in classifier.named_parameters()}
    try:
        with torch.no_grad():
            call_network(classifier, network, channels_last(images[:2]))
    except RuntimeError:
        return torch.Tensor.contiguous
    return channels_last


def loop(classifier: nn.Module, params: Params, images: Tensor) -> Tensor:
    """One network after another on all images: the plain loop, oracle of every other backend."""
    count = len(next(iter(params.values())))
    return torch.stack([call_network(classifier, _network(params, index), images) for index in range(count)])


def chunked_loop(classifier: nn.Module, params: Params, images: Tensor) -> Tensor:
    """The loop in :func:`preferred_layout`, the images in chunks that fit the cache: the CPU's default."""
    layout = preferred_layout(classifier, images)
    chunks = layout(images).split(IMAGE_CHUNK)
    count = len(next(iter(params.values())))
    rows = []
    for index in range(count):
        network = {name: layout(value) for name, value in _network(params, index).items()}
        rows.append(torch.cat([call_network(classifier, network, chunk) for chunk in chunks]))
    return torch.stack(rows)


def vectorised(classifier: nn.Module, params: Params, images: Tensor) -> Tensor:
    """``torch.func.vmap`` over the networks, PyTorch's own recipe for ensembles."""

    over_networks = vmap(partial(call_network, classifier), in_dims=(0, None))
    fast_attention = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)  # vmap knows no rule for it, nor for fused attention
    try:
        with sdpa_kernel(SDPBackend.MATH):
            chunks = images.split(IMAGE_CHUNK * 16)
            return torch.cat([over_networks(params, chunk) for chunk in chunks], dim=1)
    finally:
        torch.backends.mha.set_fastpath_enabled(fast_attention)


Backend = Callable[[nn.Module, Params, Tensor], Tensor]
"""``(classifier, params [M, ...], images [N, C, H, W]) -> logits [M, N, classes]``."""

BACKENDS: dict[str, Backend] = {"loop": loop, "chunked-loop": chunked_loop, "vmap": vectorised}
"""The backends by name; all give the same logits up to rounding."""


def default_backend(device: torch.device) -> str:
    """The backend that is fastest on a device, as measured in ``benchmarks/``; on a GPU not measured yet."""
    return "chunked-loop" if device.type == "cpu" else "loop"


@torch.no_grad()
def ensemble_logits(
    classifier: nn.Module, params: Params, images: Tensor, *, backend: str | None = None
) -> Tensor:
    """Logits ``[M, N, classes]`` of M networks on N images.

    Args:
        classifier: the architecture, in eval mode.
        params: parameters of the networks, each tensor ``[M, ...]``.
        images: ``[N, C, H, W]`` in [0, 1], on the networks' device.
        backend: one of :data:`BACKENDS`; None is the device's default.

    Raises:
        InputError: unknown backend.
    """
    name = backend or default_backend(images.device)
    if name not in BACKENDS:
        raise unknown("backend", name, BACKENDS)
    return BACKENDS[name](classifier, params, images)


def ensemble_forward(
    distribution: NetworkDistribution, networks: Networks, images: Tensor, *, backend: str | None = None
) -> Iterator[tuple[Networks, Tensor]]:
    """Blocks of networks with their logits ``[m, N, classes]``, in the order of the addresses.

    Args:
        distribution: what the networks are drawn from.
        networks: addresses of the M networks.
        images: ``[N, C, H, W]`` in [0, 1], on the networks' device.
        backend: one of :data:`BACKENDS`; None is the device's default.

    Raises:
        InputError: unknown backend.
    """
    for block in networks.blocks(NETWORK_BLOCK):
        params = distribution.sample(block)
        yield block, ensemble_logits(distribution.classifier, params, images, backend=backend)


def _network(params: Params, index: int) -> Params:
    return {name: value[index] for name, value in params.items()}
