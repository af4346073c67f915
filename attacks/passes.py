"""How much of the model an attack uses: images sent forward through it, and gradients sent back."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn


@dataclass
class Passes:
    """Images that went through a model.

    Attributes:
        forward: images the model was evaluated on, every repetition counted.
        backward: images a gradient was sent back for, likewise.
    """

    forward: int = 0
    backward: int = 0


@contextlib.contextmanager
def counted_passes(model: nn.Module) -> Iterator[Passes]:
    """Counts while the model is called; the hooks are gone afterwards."""
    passes = Passes()

    def backward(gradient: Tensor) -> None:
        passes.backward += len(gradient)

    def forward(_: nn.Module, __: Any, logits: Tensor) -> None:
        passes.forward += len(logits)
        if logits.requires_grad:
            logits.register_hook(backward)

    handle = model.register_forward_hook(forward)
    try:
        yield passes
    finally:
        handle.remove()
