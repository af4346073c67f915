"""The ways to run many networks on the same images, by name, and which is the fastest where."""

from __future__ import annotations

import shutil

from torch import Tensor, nn

from robust_hypergan.engine.loops import ChunkedLoop, CompiledLoop, Loop
from robust_hypergan.engine.vectorised import Fused, Vectorised, fuses

BACKENDS: dict[str, type[Loop]] = {
    "loop": Loop,
    "chunked-loop": ChunkedLoop,
    "compiled-loop": CompiledLoop,
    "vmap": Vectorised,
    "fused": Fused,
}
"""The backends by name."""

COMPILING_PAYS = 3e13
"""Floating-point operations from which the compiled loop wins back the time its compilation takes."""


def default_backend(classifier: nn.Module, images: Tensor, flop: float = 0.0) -> str:
    """The backend that is fastest for a classifier, a device and a job, as measured in ``benchmarks/``.

    Args:
        classifier: the architecture, in eval mode.
        images: ``[N, C, H, W]`` in [0, 1], on the device.
        flop: floating-point operations of the whole job.
    """
    if images.is_cuda:
        return "fused" if fuses(classifier, images) else "loop"
    return "compiled-loop" if flop >= COMPILING_PAYS and shutil.which("g++") else "chunked-loop"
