"""Exact predictions at the speed of bfloat16: whatever is nearly a tie there is computed again in float32.

A prediction can only differ where the two largest logits lie closer together than the errors of two logits
of an image lie apart. How far apart they lie is measured on a sample of every block of networks, as a share
of the length of the image's logits, since roundings are relative, and taken :data:`SAFETY` times; a second
sample is computed both ways to see whether the predictions agree. What becomes of a block depends on that
block alone, so blocks can be computed in any order and anywhere.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from robust_hypergan.backends import BACKENDS, ChunkedLoop
from robust_hypergan.networks import Params, networks_of

SAFETY = 2.0
"""The largest difference between logit errors of a sample is taken so many times."""

SAMPLE = 32
"""Images of each of 16 networks that are computed both ways to measure the error, and as many to audit.

Of fewer networks it is more images each, so that a short block is measured as well."""


@dataclass
class Account:
    """What was computed, and how.

    Attributes:
        backend: of the ensemble forward.
        precision: ``float32`` or ``cascade``.
        pairs: networks times images.
        repeated: pairs that were nearly a tie and computed again in float32.
        audited: pairs of the second sample.
        disagreeing: of these, how many predictions were not those of float32; their blocks were computed
            in float32 then.
        logit_error: largest difference seen between the errors of two logits of an image, over the length of
            its logits.
        tau: largest margin, over that length, below which a pair was computed again.
    """

    STATE: ClassVar = ("pairs", "repeated", "audited", "disagreeing", "logit_error", "tau")

    backend: str = ""
    precision: str = "float32"
    pairs: int = 0
    repeated: int = 0
    audited: int = 0
    disagreeing: int = 0
    logit_error: float = 0.0
    tau: float = 0.0

    def record(self) -> dict[str, Any]:
        """As it stands in ``run.json``."""
        shares = {"repeated_share": self.repeated / max(1, self.pairs)}
        return asdict(self) | shares

    def forget(self) -> None:
        """Starts counting anew; the choices stay."""
        self.__dict__ |= asdict(Account(self.backend, self.precision))

    def extend(self, other: Account) -> None:
        """Adds what was computed elsewhere, in the same way."""
        for name in ("pairs", "repeated", "audited", "disagreeing"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.logit_error = max(self.logit_error, other.logit_error)
        self.tau = max(self.tau, other.tau)


class Cascade:
    """The ensemble forward in bfloat16, near ties in float32.

    Args:
        classifier: the architecture, in eval mode.
        images: ``[N, C, H, W]`` in [0, 1].
        backend: of the bfloat16 pass.
    """

    def __init__(self, classifier: nn.Module, images: Tensor, backend: str) -> None:
        self.fast = BACKENDS[backend](classifier, images, half=True)
        self.exact = ChunkedLoop(classifier, images)
        self.images = images

    def __call__(self, params: Params, number: int, account: Account) -> Tensor:
        """Logits ``[M, N, classes]``, of float32 where it matters for the prediction.

        Args:
            params: parameters ``[M, ...]`` of one block of networks.
            number: of the block, to draw its samples by.
            account: where what happens is written down.
        """
        networks = networks_of(params)
        account.pairs += len(networks) * len(self.images)
        logits = self.fast(params)
        random = np.random.default_rng(np.random.SeedSequence(0, spawn_key=(6, number)))
        each = min(SAMPLE * max(1, 16 // len(networks)), len(self.images) // 2)
        samples = [self._sample(random, each) for _ in networks]
        exact = [
            self.exact.one(network, torch.cat(sample))
            for network, sample in zip(networks, samples, strict=True)
        ]
        measured = [len(first) for first, _ in samples]
        error = max(
            _largest_spread(own[first], true[:count])
            for own, true, count, (first, _) in zip(logits, exact, measured, samples, strict=True)
        )
        account.logit_error = max(account.logit_error, error)
        account.tau = max(account.tau, SAFETY * error)
        for own, network in zip(logits, networks, strict=True):
            account.repeated += self._repeat_near_ties(own, network, SAFETY * error)
        disagreeing = 0
        for own, true, count, (_, second) in zip(logits, exact, measured, samples, strict=True):
            account.audited += len(second)
            disagreeing += int((own[second].argmax(1) != true[count:].argmax(1)).sum())
        account.disagreeing += disagreeing
        return self.exact(params) if disagreeing else logits

    def _repeat_near_ties(self, logits: Tensor, network: Params, tau: float) -> int:
        largest = logits.topk(2, dim=1).values
        close = (largest[:, 0] - largest[:, 1] < tau * _length(logits)).nonzero().squeeze(1)
        if len(close):
            logits[close] = self.exact.one(network, close)
        return len(close)

    def _sample(self, random: np.random.Generator, count: int) -> tuple[Tensor, Tensor]:
        """Two disjoint samples of the images, of ``count`` each."""
        chosen = torch.from_numpy(random.choice(len(self.images), 2 * count, replace=False))
        first, second = chosen.to(self.images.device).split([count, count])
        return first, second


def _largest_spread(logits: Tensor, exact: Tensor) -> float:
    """Largest minus smallest error of an image's logits, over their length: the worst of ``[n, classes]``."""
    errors = logits - exact
    return ((errors.amax(1) - errors.amin(1)) / _length(logits)).max().item()


def _length(logits: Tensor) -> Tensor:
    length: Tensor = logits.norm(dim=1)
    return length.clamp_min(torch.finfo(logits.dtype).tiny)
