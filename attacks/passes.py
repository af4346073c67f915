"""How much of the model an attack uses: images sent forward through it, and gradients sent back."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from torch import Tensor, nn

from robust_hypergan.attacks.draws import Draws, Ensemble, Network


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
    handle = model.register_forward_hook(lambda _, __, logits: _count(passes, logits))
    try:
        yield passes
    finally:
        handle.remove()


@dataclass(frozen=True)
class CountedDraws:
    """Draws whose networks add to a count whenever they are called.

    Attributes:
        draws: where the networks come from.
        passes: what is added to.
    """

    draws: Draws
    passes: Passes

    def held(self, count: int) -> Ensemble:
        """Those of ``draws``."""
        return self._counted(self.draws.held(count))

    def eot(self, count: int) -> Ensemble:
        """Those of ``draws``."""
        return self._counted(self.draws.eot(count))

    def _counted(self, ensemble: Ensemble) -> Ensemble:
        return Ensemble(tuple(partial(_call, network, self.passes) for network in ensemble.networks))


def _call(network: Network, passes: Passes, images: Tensor) -> Tensor:
    logits = network(images)
    _count(passes, logits)
    return logits


def _count(passes: Passes, logits: Tensor) -> None:
    def backward(gradient: Tensor) -> None:
        passes.backward += len(gradient)

    passes.forward += len(logits)
    if logits.requires_grad:
        logits.register_hook(backward)
