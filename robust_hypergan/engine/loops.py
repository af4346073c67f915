"""One network after another: the plain loop, and the ways to make it fast on a CPU.

All give the logits of the plain loop, up to rounding. Shapes: M networks, N images. ``half`` computes in half
precision (bfloat16; on a GPU float16) as :mod:`robust_hypergan.engine.half` does.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import ClassVar

import torch
from torch import Tensor, nn

from robust_hypergan.base.layout import IMAGE_CHUNK, preferred_layout
from robust_hypergan.base.memory import Chunks, bytes_for_an_image, even_part
from robust_hypergan.engine.half import half_type, halved
from robust_hypergan.engine.pooling import SlicePooling
from robust_hypergan.models.parameters import Params, bind, call_network, load, networks_of

HALF_CHUNK = 4 * IMAGE_CHUNK
"""Images at once in bfloat16: half the bytes, and so fast that a call itself counts."""

GPU_CHUNK = 2**14
"""Images at once on a GPU: enough to keep it busy, and far from what 32-bit indices can count."""


class Loop:
    """One network after another on all images, or as many as fit: the plain loop, oracle of all others.

    Args:
        classifier: the architecture, in eval mode.
        images: ``[N, C, H, W]`` in [0, 1].
        half: compute in half precision.
    """

    together: ClassVar[int] = 1
    """Networks computed at once."""

    def __init__(self, classifier: nn.Module, images: Tensor, *, half: bool = False) -> None:
        self.classifier, self.images, self.half = classifier, images, half
        self.cast: Callable[[Params], Params] = dict
        if half:
            kind = half_type(images.device)
            self.classifier, self.cast = halved(classifier, kind)
            self.images = images.to(kind)
        each = bytes_for_an_image(self.classifier, self.images) * self.together
        self.chunks = Chunks(self.most(), each, images.device)

    def most(self) -> int:
        """Images at once beyond which there is no gain."""
        return max(1, len(self.images))

    def __call__(self, params: Params) -> Tensor:
        """Logits ``[M, N, classes]`` of networks whose parameters are ``[M, ...]`` each."""
        return torch.stack([self.one(network) for network in networks_of(params)])

    def pairs(self, params: Params, network: Tensor, image: Tensor) -> Tensor:
        """Logits ``[P, classes]`` of P pairs of a network and an image, both by index; networks ascend."""
        networks = networks_of(params)
        rows = image.split(network.bincount(minlength=len(networks)).tolist())
        return torch.cat([self.one(*pair) for pair in zip(networks, rows, strict=True) if len(pair[1])])

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
        on_cpu = self.images.device.type == "cpu"
        most = (HALF_CHUNK if self.half else IMAGE_CHUNK) if on_cpu else GPU_CHUNK
        return even_part(max(1, len(self.images)), most)

    def one(self, network: Params, rows: Tensor | None = None) -> Tensor:
        """Logits ``[n, classes]`` of one network on all images, or on those of the given indices.

        Those beyond whole chunks are padded to quarters of one: a library keeps memory for every size it saw.
        """
        if rows is None:
            return self._logits(network, self.images)
        size = self.chunks.size
        whole, rest = rows.split([len(rows) // size * size, len(rows) % size])
        rest = torch.cat([rest, rest[:1].expand(-len(rest) % max(8, size // 4))])
        logits = [self._logits(network, self.images[part]) for part in (whole, rest) if len(part)]
        return torch.cat(logits)[: len(rows)]

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
