"""Exact predictions at the speed of bfloat16: whatever is nearly a tie there is computed again in float32.

A prediction can only differ where the two largest logits lie closer together than the errors of two logits of
an image lie apart. How far apart they lie is measured, on a sample of every block of networks, and taken
:data:`SAFETY` times; a second sample is computed both ways to see whether the predictions agree.
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
"""Images of each network that are computed both ways to measure the error, and as many to audit."""


@dataclass
class Account:
    """What was computed, and how.

    Attributes:
        backend: of the ensemble forward.
        precision: ``float32`` or ``cascade``.
        pairs: networks times images.
        repeated: pairs that were nearly a tie and computed again in float32.
        audited: pairs of the second sample.
        disagreeing: of these, how many predictions were not those of float32; from the first on
            everything is computed in float32.
        logit_error: largest difference seen between the errors of two logits of an image.
        tau: largest margin below which a pair was computed again.
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


class Cascade:
    """The ensemble forward in bfloat16, near ties in float32.

    Args:
        classifier: the architecture, in eval mode.
        images: ``[N, C, H, W]`` in [0, 1].
        backend: of the bfloat16 pass.
        account: where what happens is written down.
    """

    def __init__(self, classifier: nn.Module, images: Tensor, backend: str, account: Account) -> None:
        self.fast = BACKENDS[backend](classifier, images, half=True)
        self.exact = ChunkedLoop(classifier, images)
        self.images, self.account = images, account

    def __call__(self, params: Params) -> Tensor:
        """Logits ``[M, N, classes]``, of float32 where it matters for the prediction."""
        account, networks = self.account, networks_of(params)
        account.pairs += len(networks) * len(self.images)
        if account.disagreeing:
            return self.exact(params)
        logits = self.fast(params)
        # by position, so that what goes on after an interruption draws the same
        random = np.random.default_rng(np.random.SeedSequence(0, spawn_key=(6, account.pairs)))
        samples = [self._sample(random) for _ in networks]
        exact = [
            self.exact.one(network, torch.cat(sample))
            for network, sample in zip(networks, samples, strict=True)
        ]
        measured = [len(first) for first, _ in samples]
        error = max(
            _largest_spread(own[first] - true[:count])
            for own, true, count, (first, _) in zip(logits, exact, measured, samples, strict=True)
        )
        account.logit_error = max(account.logit_error, error)
        account.tau = SAFETY * account.logit_error
        for own, network in zip(logits, networks, strict=True):
            self._repeat_near_ties(own, network)
        for own, true, count, (_, second) in zip(logits, exact, measured, samples, strict=True):
            account.audited += len(second)
            account.disagreeing += int((own[second].argmax(1) != true[count:].argmax(1)).sum())
        return self.exact(params) if account.disagreeing else logits

    def _repeat_near_ties(self, logits: Tensor, network: Params) -> None:
        largest = logits.topk(2, dim=1).values
        close = (largest[:, 0] - largest[:, 1] < self.account.tau).nonzero().squeeze(1)
        self.account.repeated += len(close)
        if len(close):
            logits[close] = self.exact.one(network, close)

    def _sample(self, random: np.random.Generator) -> tuple[Tensor, Tensor]:
        """Two disjoint samples of the images, of equal size."""
        count = min(SAMPLE, len(self.images) // 2)
        chosen = torch.from_numpy(random.choice(len(self.images), 2 * count, replace=False))
        first, second = chosen.to(self.images.device).split([count, count])
        return first, second


def _largest_spread(errors: Tensor) -> float:
    """Largest minus smallest error of an image's logits, for the worst image of ``[n, classes]``."""
    return (errors.amax(1) - errors.amin(1)).max().item()
