"""A Gaussian over all weights of a classifier, as SWAG fits it, as a network distribution.

Source: Maddox, Garipov, Izmailov, Vetrov & Wilson, *A Simple Baseline for Bayesian Uncertainty in Deep
Learning*, NeurIPS 2019, arXiv:1902.02476.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Self

import torch
from torch import Tensor, nn

from robust_hypergan.base.errors import InputError
from robust_hypergan.models.layers import layer_shapes
from robust_hypergan.models.networks import Networks
from robust_hypergan.models.parameters import Params


class GaussianPosterior:
    """Weights ``N(mean, diag(variance) + factors^T factors)``, jointly over all parameters.

    Args:
        classifier: the architecture.
        mean: of each parameter.
        variance: the diagonal part, of the same shapes, 0 or more.
        factors: the low-rank part, ``[K, ...]`` for each parameter; K may be 0.

    Raises:
        InputError: the classifier has state beside its parameters, or the tensors do not fit it.
    """

    kind: ClassVar[str] = "swag"

    def __init__(self, classifier: nn.Module, mean: Params, variance: Params, factors: Params) -> None:
        shapes = {each.name: each.shape for layer in layer_shapes(classifier) for each in layer.parameters}
        ranks = {len(value) for value in factors.values()}
        for name, shape in shapes.items():
            given = [tuple(part[name].shape) if name in part else None for part in (mean, variance)]
            low_rank = tuple(factors[name].shape[1:]) if name in factors else None
            if {*given, low_rank} != {shape} or len(ranks) != 1 or bool((variance[name] < 0).any()):
                raise InputError(f"mean, variance and factors do not fit {name} of shape {shape}")
        self.classifier = copy.deepcopy(classifier).eval().requires_grad_(False)
        self.moments = {
            part: {name: own[name].detach() for name in shapes}
            for part, own in (("mean", mean), ("variance", variance), ("factors", factors))
        }

    @classmethod
    def from_snapshots(cls, classifier: nn.Module, snapshots: Sequence[Params], rank: int) -> Self:
        """SWAG's moments of weights met while training with a constant rate.

        Half of the covariance is the diagonal of all snapshots, half the span of the last ``rank``
        deviations from the running mean (equation 1 of the paper).

        Args:
            classifier: the architecture.
            snapshots: parameters by name, in the order of training, at least two.
            rank: columns of the low-rank part, 2 or more.
        """
        mean, variance, factors = {}, {}, {}
        rank = min(rank, len(snapshots))
        for name in snapshots[0]:
            values = torch.stack([snapshot[name] for snapshot in snapshots])  # (T, ...)
            counts = torch.arange(1, len(values) + 1, device=values.device)
            running = values.cumsum(0) / counts.reshape(-1, *[1] * (values.ndim - 1))
            mean[name] = values.mean(0)
            variance[name] = values.var(0, correction=0) / 2
            factors[name] = (values - running)[-rank:] / math.sqrt(2 * (rank - 1))
        return cls(classifier, mean, variance, factors)

    def settings(self) -> dict[str, Any]:
        """Nothing: the moments are everything."""
        return {}

    def tensors(self) -> dict[str, Tensor]:
        """The moments, as ``mean.NAME``, ``variance.NAME`` and ``factors.NAME``."""
        return {f"{part}.{name}": value for part, own in self.moments.items() for name, value in own.items()}

    @classmethod
    def restore(cls, classifier: nn.Module, settings: Mapping[str, Any], tensors: Params) -> Self:
        """The posterior of the same moments."""
        moments: dict[str, Params] = {"mean": {}, "variance": {}, "factors": {}}
        for key, value in tensors.items():
            part, _, name = key.partition(".")
            moments[part][name] = value
        return cls(classifier, **moments, **settings)

    def to(self, device: torch.device) -> Self:
        """Moves everything to a device; returns itself."""
        self.classifier.to(device)
        self.moments = {
            part: {name: value.to(device) for name, value in own.items()}
            for part, own in self.moments.items()
        }
        return self

    def sample(self, networks: Networks) -> Params:
        """Parameters of the networks at these addresses, each tensor ``[M, ...]``."""
        rows = [self._network(networks, index) for index in networks.indices]
        return {name: torch.stack([row[name] for row in rows]) for name in rows[0]}

    def _network(self, networks: Networks, index: int) -> Params:
        mean, variance, factors = self.moments.values()
        sizes = [value.numel() for value in mean.values()]
        rank = len(next(iter(factors.values())))
        own = Networks(networks.seed, networks.stream, [index])
        shared, *noise = own.latents(rank + sum(sizes))[0].split([rank, *sizes])
        params = {}
        for (name, center), white in zip(mean.items(), noise, strict=True):
            spread = variance[name].sqrt() * white.reshape(center.shape).to(center.device)
            correlated = shared.to(center.device) @ factors[name].reshape(rank, -1)
            params[name] = center + spread + correlated.reshape(center.shape)
        return params
