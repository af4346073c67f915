"""The one-dimensional regression of ``y = x^3 + noise``: its data, its network, and what networks answer.

Source of the problem: Hernandez-Lobato & Adams, *Probabilistic Backpropagation*, ICML 2015, arXiv:1502.05336;
of its use here: Ratzlaff & Li, ICML 2019, arXiv:1901.11058, Figure 2. Shapes: M networks, N points.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap

from robust_hypergan.models.parameters import Params

DATA_END = 4.0
"""The training points lie in [-4, 4]."""

NOISE = 3.0
"""Standard deviation of the noise of the observations."""

OUTPUT_SCALE = DATA_END**3
"""The greatest value of x^3 over the data."""

EVALUATION_CHUNK = 64
"""Networks that are evaluated at once."""


@dataclass(frozen=True)
class Observations:
    """The training set: points ``x`` and noisy values ``y``, both ``[N]``, float32."""

    x: Tensor
    y: Tensor

    def to(self, device: torch.device) -> Observations:
        """The same on a device."""
        return Observations(self.x.to(device), self.y.to(device))


def observe(points: int, seed: int) -> Observations:
    """Noisy values of x^3 at both ends of [-4, 4] and uniformly between, as in the authors' script.

    Args:
        points: N, at least 2.
        seed: of points and noise.
    """
    random = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(61,)))
    between = random.uniform(-DATA_END, DATA_END, points - 2)
    x = np.sort(np.concatenate([[-DATA_END, DATA_END], between]))
    y = x**3 + NOISE * random.standard_normal(points)
    return Observations(torch.from_numpy(x).float(), torch.from_numpy(y).float())


class RegressionNetwork(nn.Module):
    """One hidden layer of ReLU units, on x and y scaled to about 1.

    The hidden layer sees ``(x / 4, 1)``: its biases are weights of the constant 1, so that the kinks of its
    units start all over the data in every kind of network, generated ones included.

    Args:
        hidden: units of the hidden layer.
        dropout: share of them that dropout leaves out; 0 is a network without dropout.
    """

    def __init__(self, hidden: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.hidden = nn.Linear(2, hidden, bias=False)
        self.dropout = nn.Dropout(dropout) if dropout else nn.Identity()
        self.output = nn.Linear(hidden, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Values ``[N, 1]`` at points ``[N, 1]``."""
        inputs = torch.cat([x / DATA_END, torch.ones_like(x)], dim=1)  # (N, 2)
        values: Tensor = OUTPUT_SCALE * self.output(self.dropout(torch.relu(self.hidden(inputs))))
        return values


def evaluate(network: nn.Module, params: Params, x: Tensor, chunk: int | None = EVALUATION_CHUNK) -> Tensor:
    """Values ``[M, N]`` of M networks at points ``[N]``.

    Args:
        network: the architecture.
        params: parameters and masks ``[M, ...]``.
        x: points.
        chunk: networks at once; None is all of them.
    """

    def one(own: Params) -> Tensor:
        values: Tensor = functional_call(network, own, (x[:, None],))  # (N, 1)
        return values[:, 0]

    values: Tensor = vmap(one, chunk_size=chunk)(params)
    return values
