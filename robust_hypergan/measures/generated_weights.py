"""The weights of many networks of a distribution: norms and spread of layers, filters, single weights.

A layer is a module that has parameters of its own, weights and biases together, as a HyperGAN makes them from
one code. What is no parameter of the classifier, such as the masks of MC dropout, is left out.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from robust_hypergan.engine.ensemble import NETWORK_BLOCK
from robust_hypergan.models.networks import NetworkDistribution, Networks
from robust_hypergan.reports import DIVERSITY_TABLES, weight_shapes

FILTER_LAYERS, FILTERS, FILTER_NETWORKS = 2, 2, 25
"""The paper's Figure 6: the first two layers of filters, two of each, from 25 networks."""

SHOWN, BINS = 2, 40
"""Weights of every layer whose histogram is kept, and its bins."""


def layers_of(classifier: nn.Module) -> dict[str, list[str]]:
    """The names of the parameters of each layer."""
    layers: dict[str, list[str]] = {}
    for name, _ in classifier.named_parameters():
        layers.setdefault(name.rpartition(".")[0] or "root", []).append(name)
    return layers


def layer_spread(distribution: NetworkDistribution, networks: Networks) -> tuple[pd.DataFrame, pd.DataFrame]:
    """``norms.csv`` and ``elements.csv``, both without the column ``name``.

    Returns:
        The 2-norm of each layer in each network; and each layer's number of weights, the mean over them of
        their standard deviation over the networks (NaN for one network), and their root mean square.
    """
    norms: list[tuple[str, int, float]] = []
    first: dict[str, Tensor] = {}
    sums: dict[str, list[Tensor]] = {}
    for addresses, layers in _layers(distribution, networks):
        for layer, values in layers.items():
            norms += zip([layer] * len(values), addresses.indices, values.norm(dim=1).tolist(), strict=True)
            apart = values - first.setdefault(layer, values[0])  # small numbers add up more exactly
            own = sums.setdefault(layer, [torch.zeros_like(apart[0]), torch.zeros_like(apart[0])])
            own[0] += apart.sum(0)
            own[1] += apart.square().sum(0)
    table = pd.DataFrame(norms, columns=["layer", "network", "l2_norm"])
    squares = table.assign(square=table["l2_norm"] ** 2).groupby("layer", sort=False)["square"].mean()
    count, rows = len(networks), []
    for layer, (total, square) in sums.items():
        variance = (square - total.square() / count).clamp(min=0) / max(1, count - 1)
        spread = variance.sqrt().mean().item() if count > 1 else float("nan")
        rows.append((layer, len(total), spread, float(np.sqrt(squares[layer] / len(total)))))
    elements = pd.DataFrame(rows, columns=["layer", "weights", "element_sd", "element_rms"])
    return table.sort_values("layer", kind="stable", key=lambda own: own.map(list(sums).index)), elements


def filters(distribution: NetworkDistribution, networks: Networks, seed: int) -> pd.DataFrame:
    """``filters.csv`` without the column ``name``: a seeded choice of filters, in every one of the networks.

    A filter is what one output channel has for one input channel. Empty for a classifier without any.
    """
    shapes = {name: value.shape for name, value in distribution.classifier.named_parameters()}
    images = [name for name, shape in shapes.items() if len(shape) == 4 and min(shape[2:]) > 1]
    params = distribution.sample(networks) if images else {}
    tables = []
    for position, name in enumerate(images[:FILTER_LAYERS]):
        random = _random(seed, 0, position)
        outputs, inputs, height, width = shapes[name]
        chosen = random.choice(outputs * inputs, min(FILTERS, outputs * inputs), replace=False)
        for own in np.sort(chosen).tolist():
            output, channel = divmod(own, inputs)
            values = params[name][:, output, channel].cpu().numpy()  # (M, h, w)
            index = pd.MultiIndex.from_product(
                [networks.indices, range(height), range(width)], names=["network", "row", "column"]
            )
            table = pd.DataFrame({"value": values.ravel()}, index=index).reset_index()
            tables.append(table.assign(layer=name.rpartition(".")[0], filter=output, channel=channel))
    columns = DIVERSITY_TABLES["filters"][1:]
    return pd.concat(tables)[columns] if tables else pd.DataFrame(columns=columns)


def single_weights(
    distribution: NetworkDistribution, networks: Networks, each: int, seed: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """``weights.csv`` and ``weight_histograms.csv``, both without the column ``name``.

    Args:
        distribution: what the networks are drawn from.
        networks: whose weights.
        each: weights of every layer, a seeded choice among those that are no biases.
        seed: of the choice.
    """
    chosen = _choose(distribution.classifier, each, seed)
    rows = [
        np.concatenate([params[name].flatten(1)[:, own].cpu().numpy() for _, name, own in chosen], axis=1)
        for block in networks.blocks(NETWORK_BLOCK)
        for params in [distribution.sample(block)]
    ]
    values = np.concatenate(rows).astype(float)  # (M, W)
    places = [(layer, name, element) for layer, name, own in chosen for element in own.tolist()]
    named = pd.DataFrame(places, columns=["layer", "parameter", "element"])
    table = pd.concat([named, weight_shapes(values)], axis=1)
    shown = table[table["humps"].notna()].groupby("layer", sort=False).head(SHOWN)
    histograms = [
        _histogram(values[:, row]).assign(**named.loc[row, ["parameter", "element"]]) for row in shown.index
    ]
    columns = DIVERSITY_TABLES["weight_histograms"][1:]
    return table, pd.concat(histograms)[columns] if histograms else pd.DataFrame(columns=columns)


def _choose(classifier: nn.Module, each: int, seed: int) -> list[tuple[str, str, NDArray[np.int64]]]:
    """Layer, parameter and flat indices of the chosen weights, in a random order."""
    sizes = {name: value.numel() for name, value in classifier.named_parameters() if value.ndim > 1}
    found = []
    for position, (layer, names) in enumerate(layers_of(classifier).items()):
        for name in [name for name in names if name in sizes][:1]:
            elements = _random(seed, 1, position).permutation(sizes[name])[:each]
            found.append((layer, name, elements))
    return found


def _layers(
    distribution: NetworkDistribution, networks: Networks
) -> Iterator[tuple[Networks, dict[str, Tensor]]]:
    """Blocks of networks with each layer's parameters ``[m, size]`` in float64."""
    layers = layers_of(distribution.classifier)
    for block in networks.blocks(NETWORK_BLOCK):
        params = distribution.sample(block)
        yield (
            block,
            {
                layer: torch.cat([params[name].reshape(len(block), -1).double() for name in names], 1)
                for layer, names in layers.items()
            },
        )


def _histogram(values: NDArray[np.float64]) -> pd.DataFrame:
    counts, edges = np.histogram(values, BINS)
    return pd.DataFrame({"low": edges[:-1], "high": edges[1:], "count": counts})


def _random(seed: int, *choice: int) -> np.random.Generator:
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(61, *choice)))
