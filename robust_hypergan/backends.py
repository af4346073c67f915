"""The ways to run many networks on the same images; all give the logits of the plain loop, up to rounding.

Shapes: M networks, N images. ``half`` computes in bfloat16 up to the last layer, which stays in float32.
"""

from __future__ import annotations

import shutil
import warnings
from collections.abc import Callable
from functools import partial
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.func import vmap
from torch.nn.attention import SDPBackend, sdpa_kernel

from robust_hypergan.half import halved
from robust_hypergan.layout import IMAGE_CHUNK, preferred_layout
from robust_hypergan.memory import Chunks, bytes_for_an_image, even_part
from robust_hypergan.networks import Params, bind, call_network, load, networks_of
from robust_hypergan.pooling import SlicePooling

HALF_CHUNK = 4 * IMAGE_CHUNK
"""Images at once in bfloat16: half the bytes, and so fast that a call itself counts."""


class Loop:
    """One network after another on all images, or as many as fit: the plain loop, oracle of all others.

    Args:
        classifier: the architecture, in eval mode.
        images: ``[N, C, H, W]`` in [0, 1].
        half: compute in bfloat16 up to the last layer.
    """

    together: ClassVar[int] = 1
    """Networks computed at once."""

    def __init__(self, classifier: nn.Module, images: Tensor, *, half: bool = False) -> None:
        self.classifier, self.images, self.half = classifier, images, half
        self.cast: Callable[[Params], Params] = dict
        if half:
            self.classifier, self.cast = halved(classifier)
            self.images = images.to(torch.bfloat16)
        each = bytes_for_an_image(self.classifier, self.images) * self.together
        self.chunks = Chunks(self.most(), each, images.device)

    def most(self) -> int:
        """Images at once beyond which there is no gain."""
        return max(1, len(self.images))

    def __call__(self, params: Params) -> Tensor:
        """Logits ``[M, N, classes]`` of networks whose parameters are ``[M, ...]`` each."""
        return torch.stack([self.one(network) for network in networks_of(params)])

    def one(self, network: Params, rows: Tensor | None = None) -> Tensor:
        """Logits ``[n, classes]`` of one network on all images, or on those of the given indices."""
        images = self.images if rows is None else self.images[rows]
        own = self.cast(network)
        return self.chunks.map(lambda chunk: call_network(self.classifier, own, chunk).float(), images)


class ChunkedLoop(Loop):
    """The loop over chunks of images that fit the cache, channels last, pooling by slices: the CPU's default.

    A classifier whose ``view`` cannot take channels-last strides keeps its own.
    """

    def __init__(self, classifier: nn.Module, images: Tensor, *, half: bool = False) -> None:
        super().__init__(classifier, images, half=half)
        self.layout = preferred_layout(self.classifier, self.images)
        self.module: nn.Module | None = None

    def most(self) -> int:
        """Images at once that fit the cache, as few as make all chunks of about equal size."""
        return even_part(max(1, len(self.images)), HALF_CHUNK if self.half else IMAGE_CHUNK)

    def one(self, network: Params, rows: Tensor | None = None) -> Tensor:
        """Logits ``[n, classes]`` of one network on all images, or on those of the given indices.

        The indices are padded to whole chunks: the library keeps memory for every size it ever saw.
        """
        if rows is not None:
            padding = rows[:1].expand(-len(rows) % self.chunks.size)
            return self._logits(network, self.images[torch.cat([rows, padding])])[: len(rows)]
        return self._logits(network, self.images)

    def _logits(self, network: Params, images: Tensor) -> Tensor:
        own = {name: self.layout(value) for name, value in self.cast(network).items()}
        if self.module is None:
            self.module = bind(self.classifier, own)
            self.run = self.prepare(self.module)
        load(self.module, own)
        with SlicePooling():
            return self.chunks.map(lambda chunk: self.run(self.layout(chunk)), images).float()

    def prepare(self, module: nn.Module) -> Callable[[Tensor], Tensor]:
        """The function that runs a chunk of images through the module."""
        return module


class CompiledLoop(ChunkedLoop):
    """The chunked loop, compiled once with the weights as inputs: for work of minutes, since that takes 20 s.

    It needs a C++ compiler, without which it warns and goes on uncompiled. The last chunk is padded, so that
    one shape is all there is.
    """

    given_up = False

    def prepare(self, module: nn.Module) -> Callable[[Tensor], Tensor]:
        """The module compiled for whole chunks."""
        compiled = torch.compile(super().prepare(module), dynamic=False)

        def run(chunk: Tensor) -> Tensor:
            missing = self.chunks.size - len(chunk)
            if missing:
                chunk = self.layout(torch.cat([chunk, chunk[:1].expand(missing, *chunk.shape[1:])]))
            return self._first_try(compiled, module, chunk)[: len(chunk) - missing]

        return run

    def _first_try(self, compiled: Callable[[Tensor], Tensor], module: nn.Module, chunk: Tensor) -> Tensor:
        """The compiled module's logits; if it can't be compiled, the module's, from then on."""
        try:
            return module(chunk) if self.given_up else compiled(chunk)
        except torch._dynamo.exc.TorchDynamoException as error:
            reason = f"{type(error).__name__}: {error}".splitlines()[0]
            warnings.warn(
                f"torch.compile failed ({reason}): going on uncompiled", RuntimeWarning, stacklevel=2
            )
            self.given_up = True
            return self._first_try(compiled, module, chunk)


class Vectorised(Loop):
    """``torch.func.vmap`` over the networks, PyTorch's own recipe for ensembles: grouped convolutions."""

    together = 16

    def most(self) -> int:
        """Images at once that are worth a grouped convolution."""
        return IMAGE_CHUNK * 16

    def __call__(self, params: Params) -> Tensor:
        """Logits ``[M, N, classes]`` of networks whose parameters are ``[M, ...]`` each."""
        params = self.cast(params)
        over_networks = vmap(partial(call_network, self.classifier), in_dims=(0, None))
        fast_attention = torch.backends.mha.get_fastpath_enabled()
        torch.backends.mha.set_fastpath_enabled(False)  # vmap knows no rule for it, nor for fused attention
        try:
            with sdpa_kernel(SDPBackend.MATH):
                return self.chunks.map(lambda chunk: over_networks(params, chunk), self.images, 1).float()
        finally:
            torch.backends.mha.set_fastpath_enabled(fast_attention)


BACKENDS: dict[str, type[Loop]] = {
    "loop": Loop,
    "chunked-loop": ChunkedLoop,
    "compiled-loop": CompiledLoop,
    "vmap": Vectorised,
}
"""The backends by name."""

COMPILING_PAYS = 3e13
"""Floating-point operations from which the compiled loop wins back the time its compilation takes."""


def default_backend(device: torch.device, flop: float = 0.0) -> str:
    """The backend that is fastest for a device and a job, as measured in ``benchmarks/``; GPUs are not yet.

    Args:
        device: where.
        flop: floating-point operations of the whole job.
    """
    if device.type != "cpu":
        return "loop"
    return "compiled-loop" if flop >= COMPILING_PAYS and shutil.which("g++") else "chunked-loop"
