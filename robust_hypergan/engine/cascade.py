"""Exact predictions at the speed of half precision: what is nearly a tie there is computed again in float32.

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

from robust_hypergan.engine.backends import BACKENDS, default_backend
from robust_hypergan.engine.near_ties import margin
from robust_hypergan.models.parameters import Params

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
    """The ensemble forward in half precision; in float32 near ties, and what half precision can't hold.

    Args:
        classifier: the architecture, in eval mode.
        images: ``[N, C, H, W]`` in [0, 1].
        backend: of the pass in half precision.
    """

    def __init__(self, classifier: nn.Module, images: Tensor, backend: str) -> None:
        self.fast = BACKENDS[backend](classifier, images, half=True)
        self.exact = BACKENDS[default_backend(classifier, images)](classifier, images)
        self.images = images

    def __call__(self, params: Params, number: int, account: Account) -> Tensor:
        """Logits ``[M, N, classes]``, of float32 where it matters for the prediction.

        Args:
            params: parameters ``[M, ...]`` of one block of networks.
            number: of the block, to draw its samples by.
            account: where what happens is written down.
        """
        logits = self.fast(params)
        networks, images = logits.shape[:2]
        account.pairs += networks * images
        measured, audited = samples = self._samples(number, networks)  # [M, n] each
        network = torch.arange(networks, device=logits.device).repeat_interleave(2 * measured.shape[1])
        exact = self.exact.pairs(params, network, torch.cat(samples, 1).flatten()).unflatten(
            0, (networks, -1)
        )
        exact_measured, exact_audited = exact.split(measured.shape[1], 1)
        error = _largest_spread(_rows(logits, measured), exact_measured)
        account.logit_error = max(account.logit_error, error)
        account.tau = max(account.tau, SAFETY * error)
        account.repeated += self._repeat_near_ties(logits, params, SAFETY * error)
        account.audited += audited.numel()
        found = _rows(logits, audited).argmax(2)
        disagreeing = int((found != exact_audited.argmax(2)).sum())
        account.disagreeing += disagreeing
        return self.exact(params) if disagreeing else logits

    def _repeat_near_ties(self, logits: Tensor, params: Params, tau: float) -> int:
        length = _length(logits)
        network, image = ((margin(logits) < tau * length) | ~length.isfinite()).nonzero(as_tuple=True)
        if len(image):
            logits[network, image] = self.exact.pairs(params, network, image)
        return len(image)

    def _samples(self, number: int, networks: int) -> tuple[Tensor, Tensor]:
        """Two disjoint samples of the images of each network, or the only image twice: indices ``[M, n]``."""
        random = np.random.default_rng(np.random.SeedSequence(0, spawn_key=(6, number)))
        images = len(self.images)
        count = min(SAMPLE * max(1, 16 // networks), max(1, images // 2))
        size = min(2 * count, images)
        drawn = np.stack([random.choice(images, size, replace=False) for _ in range(networks)])
        chosen = torch.from_numpy(drawn).to(self.images.device)
        return chosen[:, :count], chosen[:, -count:]


def _rows(logits: Tensor, images: Tensor) -> Tensor:
    """Logits ``[M, n, classes]`` of the images ``[M, n]`` of each network."""
    return logits.gather(1, images[:, :, None].expand(-1, -1, logits.shape[2]))


def _largest_spread(logits: Tensor, exact: Tensor) -> float:
    """Largest minus smallest error of an image's logits, over their length: worst of ``[M, n, classes]``."""
    errors, length = logits - exact, _length(logits)
    spreads = (errors.amax(2) - errors.amin(2)) / length
    return torch.where(length.isfinite(), spreads, 0).max().item()


def _length(logits: Tensor) -> Tensor:
    length: Tensor = logits.norm(dim=2)
    return length.clamp_min(torch.finfo(logits.dtype).tiny)
