"""Many networks at once: ``vmap``, and ``vmap`` with kernels of our own; the logits of the plain loop.

Shapes: M networks, N images.
"""

from __future__ import annotations

import math
import warnings
from functools import partial
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn
from torch.func import vmap
from torch.nn.attention import SDPBackend, sdpa_kernel

from robust_hypergan.base.errors import InputError
from robust_hypergan.base.layout import IMAGE_CHUNK
from robust_hypergan.base.memory import even_part
from robust_hypergan.engine.fused import can_fuse, fused
from robust_hypergan.engine.loops import GPU_CHUNK, Loop
from robust_hypergan.engine.replay import Replayed
from robust_hypergan.models.parameters import Params, call_network


class Vectorised(Loop):
    """``torch.func.vmap`` over the networks, PyTorch's own recipe for ensembles: grouped convolutions."""

    together = 16

    def most(self) -> int:
        """Images at once that are worth a grouped convolution."""
        return IMAGE_CHUNK * 16

    def __call__(self, params: Params) -> Tensor:
        """Logits ``[M, N, classes]`` of networks whose parameters are ``[M, ...]`` each."""
        params = self.cast(params)
        return self.chunks.map(lambda chunk: self.vmapped(params, chunk, None), self.images, 1)

    def vmapped(self, params: Params, images: Tensor, axis: int | None) -> Tensor:
        """Logits ``[M, n, classes]`` on the same images, or with axis 0 on images of each network's own."""
        over_networks = vmap(partial(call_network, self.classifier), in_dims=(0, axis))
        fast_attention = torch.backends.mha.get_fastpath_enabled()
        torch.backends.mha.set_fastpath_enabled(False)  # vmap knows no rule for it, nor for fused attention
        try:
            with sdpa_kernel(SDPBackend.MATH):
                return over_networks(params, images).float()
        finally:
            torch.backends.mha.set_fastpath_enabled(fast_attention)


class Fused(Vectorised):
    """``vmap`` over a classifier whose convolutions are each one kernel for all networks, pooling included.

    Everything that a block of networks takes is recorded once on a GPU, and replayed for the next block. On a
    CPU there is no such kernel: it computes the same, one operation after the other.

    Raises:
        InputError: the classifier has no such convolutions.
    """

    LEAST_OWN, MOST_OWN = 64, 1024
    """Images of its own that a network is given at once: powers of two, as each number is recorded anew."""

    def __init__(self, classifier: nn.Module, images: Tensor, *, half: bool = False) -> None:
        super().__init__(classifier, images, half=half)
        module = fused(self.classifier)
        if module is None:
            raise InputError(
                "this classifier has nothing to fuse (2x2-pooled convolutions): use --backend loop"
            )
        self.classifier = module
        self.all_images, self.own_images = Replayed(self._all_images), Replayed(self._own_images)

    def most(self) -> int:
        """Images at once: as many as fit."""
        return even_part(max(1, len(self.images)), GPU_CHUNK)

    def __call__(self, params: Params) -> Tensor:
        """Logits ``[M, N, classes]`` of networks whose parameters are ``[M, ...]`` each."""
        return self.all_images(**params).clone()

    def pairs(self, params: Params, network: Tensor, image: Tensor) -> Tensor:
        """Logits ``[P, classes]`` of P pairs of a network and an image, both by index; networks ascend."""
        counts = network.bincount(minlength=len(next(iter(params.values()))))
        column = torch.arange(len(network), device=network.device) - (counts.cumsum(0) - counts)[network]
        at_once = min(self.MOST_OWN, max(self.LEAST_OWN, 2 ** math.ceil(math.log2(counts.max().item()))))
        columns = math.ceil(counts.max().item() / at_once) * at_once
        rows = image.new_zeros(len(counts), columns)
        rows[network, column] = image
        parts = [self.own_images(part, **params).clone() for part in rows.split(at_once, 1)]
        return torch.cat(parts, 1)[network, column]

    def _all_images(self, /, **params: Tensor) -> Tensor:
        return super().__call__(params)

    def _own_images(self, rows: Tensor, /, **params: Tensor) -> Tensor:
        return self.vmapped(self.cast(params), self.images[rows], 0)


TRIED: WeakKeyDictionary[nn.Module, bool] = WeakKeyDictionary()
"""What became of the trial of each classifier, as long as that is there."""


def fuses(classifier: nn.Module, images: Tensor) -> bool:
    """Whether a classifier can be fused and the kernels are right here: tried once, beside the plain loop."""
    if classifier not in TRIED:
        TRIED[classifier] = can_fuse(classifier) and _fuses_rightly(classifier, images[:8])
    return TRIED[classifier]


@torch.no_grad()
def _fuses_rightly(classifier: nn.Module, images: Tensor) -> bool:
    params = {name: torch.stack([value, value / 2]) for name, value in classifier.named_parameters()}
    try:
        for half, tolerance in ((False, 1e-4), (True, 2e-2)):
            found, expected = (kind(classifier, images, half=half)(params) for kind in (Fused, Loop))
            wrong = (found - expected).norm() / expected.norm()
            if not wrong <= tolerance:  # as NaN is not
                raise ArithmeticError(f"logits are off by {wrong:.1e}")
    except Exception as error:  # a compiler, a driver or a GPU that nobody has seen
        reason = f"{type(error).__name__}: {error}".splitlines()[0]
        warnings.warn(
            f"the fused kernels do not work here ({reason}): using the plain loop",
            RuntimeWarning,
            stacklevel=2,
        )
        return False
    return True
