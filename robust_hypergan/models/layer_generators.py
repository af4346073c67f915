"""From a layer's code to the parameters of that layer: whole, or in chunks."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from robust_hypergan.models.layers import LayerShape
from robust_hypergan.models.parameters import Params
from robust_hypergan.models.wide_linear import WideLinear


def two_hidden_layers(
    inputs: int, hidden: int, outputs: int, last: type[nn.Linear] = nn.Linear
) -> nn.Sequential:
    """The paper's shape of mixer, generator and discriminator, started for ReLU (He et al. 2015)."""
    linear = [nn.Linear(inputs, hidden), nn.Linear(hidden, hidden), last(hidden, outputs)]
    for each in linear:
        nn.init.normal_(each.weight, std=math.sqrt(2 / each.in_features))
        nn.init.zeros_(each.bias)
    return nn.Sequential(linear[0], nn.ReLU(), linear[1], nn.ReLU(), linear[2])


class LayerGenerator(nn.Module):
    """A layer's code to all parameters of that layer.

    The last linear map starts so that a parameter is a fixed random network (its bias, share
    ``1 - noise_share`` of the variance) plus a part that depends on the code (``noise_share``), and is
    scaled to the spread that the classifier needs at its start (hyperfan-in).
    """

    def __init__(
        self,
        layer: LayerShape,
        code_dim: int,
        hidden: int,
        noise_share: float,
        outputs: int | None = None,
    ) -> None:
        super().__init__()
        self.layer = layer
        self.network = two_hidden_layers(code_dim, hidden, outputs or layer.size, WideLinear)
        weight, bias = self.network.get_parameter("4.weight"), self.network.get_parameter("4.bias")
        nn.init.normal_(weight, std=math.sqrt(noise_share / hidden))
        nn.init.normal_(bias, std=math.sqrt(1 - noise_share))

    def forward(self, codes: Tensor) -> Params:
        """Parameters ``[M, *shape]`` of this layer from codes ``[M, K]``."""
        return self.shaped(self.network(codes))

    def shaped(self, flat: Tensor) -> Params:
        """The layer's parameters from values ``[M, layer.size]`` of mean 0 and variance 1."""
        parts = flat.split([parameter.size for parameter in self.layer.parameters], dim=1)
        return {
            parameter.name: (parameter.scale * part).add_(parameter.center).reshape(-1, *parameter.shape)
            for parameter, part in zip(self.layer.parameters, parts, strict=True)
        }


class ChunkedLayerGenerator(LayerGenerator):
    """A large layer in C equal chunks, each from the layer's code beside a learned embedding of the chunk.

    Source: von Oswald, Henning, Grewe & Sacramento, *Continual learning with hypernetworks*, ICLR 2020,
    arXiv:1906.00695. A whole layer of P parameters costs its generator about ``4 hidden P`` bytes: with
    hidden 512 that is 2 KB for every weight, 2 GB for a layer of a million. Chunks cost about
    ``4 (hidden chunk + K C)`` bytes instead, C being ``P / chunk``: 33 MB for that layer at chunk 16384.
    The last chunk is cut off where the layer ends.
    """

    def __init__(self, layer: LayerShape, code_dim: int, hidden: int, noise_share: float, chunk: int) -> None:
        chunks = math.ceil(layer.size / chunk)
        super().__init__(layer, 2 * code_dim, hidden, noise_share, math.ceil(layer.size / chunks))
        self.embeddings = nn.Parameter(torch.randn(chunks, code_dim))

    def forward(self, codes: Tensor) -> Params:
        """Parameters ``[M, *shape]`` of this layer from codes ``[M, K]``."""
        shape = (len(codes), *self.embeddings.shape)  # (M, C, K)
        inputs = torch.cat([codes[:, None].expand(shape), self.embeddings.expand(shape)], dim=2)
        flat = self.network(inputs).flatten(1)
        return self.shaped(flat[:, : self.layer.size])


class LayerGenerators(nn.ModuleList):
    """The generators of all layers."""

    def forward(self, codes: Tensor) -> Params:
        """Parameters of M networks from their codes ``[M, L, K]``."""
        params: Params = {}
        for layer, code in zip(self, codes.unbind(1), strict=True):
            params |= layer(code)
        return params
