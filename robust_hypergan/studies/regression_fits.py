"""Fitting networks to one-dimensional observations: a HyperGAN, a deep ensemble, MC dropout.

Shapes: M networks, N points.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import Tensor, nn

from robust_hypergan.base.finite import NotFinite
from robust_hypergan.models.hypergan import HyperGAN, HyperGANConfig, seeded
from robust_hypergan.models.layers import layer_shapes
from robust_hypergan.models.mc_dropout import DropoutNetworks
from robust_hypergan.models.parameters import Params
from robust_hypergan.studies.regression_networks import NOISE, Observations, RegressionNetwork, evaluate


@dataclass(frozen=True)
class FitConfig:
    """How networks are fitted.

    Attributes:
        steps: optimisation steps, each on all points.
        networks: networks a step.
        learning_rate: peak rate of Adam, after a twentieth of the steps, lowered to 0 by a cosine.
        seed: of everything random.
    """

    steps: int
    networks: int
    learning_rate: float
    seed: int = 0


@dataclass(frozen=True)
class Drawn:
    """The networks of one step.

    Attributes:
        params: parameters ``[M, ...]``, with a graph.
        anchoring: squared distance of each network from its anchor ``[M]``, each weight in units of its
            prior's standard deviation; None is no anchor.
    """

    params: Params
    anchoring: Tensor | None = None


Draw = Callable[[int, torch.Generator], Drawn]
"""A number of networks and a generator of randomness to that many networks."""


def fit(
    network: nn.Module,
    draw: Draw,
    learnt: Iterable[Tensor],
    data: Observations,
    config: FitConfig,
    after: Callable[[int, float], None] | None = None,
) -> None:
    """Adam on the squared error of drawn networks over their points, and on the distance from their anchors.

    A network's loss is ``sum((f(x) - y)^2) / (2 * 3^2) + anchoring / 2``; without an anchor that is the mean
    squared error but for a constant factor, which Adam does not see.

    Args:
        network: the architecture.
        draw: gives the networks of a step.
        learnt: the tensors to train, in place.
        data: the training set.
        config: how.
        after: is told the number of finished steps and the mean squared error of the last.

    Raises:
        NotFinite: the loss is not.
    """
    optimizer = torch.optim.Adam(learnt, config.learning_rate)
    words = np.random.SeedSequence(config.seed, spawn_key=(62,)).generate_state(1)
    random = torch.Generator().manual_seed(int(words[0]))
    warmup = max(1, config.steps // 20)
    for step in range(config.steps):
        for group in optimizer.param_groups:
            cosine = (1 + math.cos(math.pi * step / config.steps)) / 2
            group["lr"] = config.learning_rate * min(1.0, (step + 1) / warmup) * cosine
        drawn = draw(config.networks, random)
        errors = evaluate(network, drawn.params, data.x, chunk=None) - data.y  # (M, N)
        loss = errors.square().sum(1).mean() / (2 * NOISE**2)
        if drawn.anchoring is not None:
            loss = loss + drawn.anchoring.mean() / 2
        if not math.isfinite(loss.item()):
            raise NotFinite(
                f"the loss of the regression is {loss.item()} after {step} steps: lower the learning rate"
            )
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if after is not None:
            after(step + 1, errors.square().mean().item())


def generated(hypergan: HyperGAN, *, anchored: bool) -> Draw:
    """Networks of a HyperGAN, on the observations alone or anchored.

    Anchored: each network is drawn towards an anchor of its own, the network that the HyperGAN made of the
    same latent before training, a draw of the prior; each weight with the standard deviation that it started
    with (anchored ensembling: Pearce, Leibfried & Brintrup 2020, *Uncertainty in Neural Networks:
    Approximately Bayesian Ensembling*, arXiv:1810.05546).

    Args:
        hypergan: not trained yet.
        anchored: whether each network has an anchor.
    """
    generator = hypergan.generator
    prior = copy.deepcopy(generator).requires_grad_(False)
    shapes = [parameter for layer in layer_shapes(hypergan.classifier) for parameter in layer.parameters]
    scales = {shape.name: shape.scale for shape in shapes}

    def draw(networks: int, random: torch.Generator) -> Drawn:
        latents = torch.randn(networks, generator.latent_dim, generator=random).to(hypergan.device)
        params = generator(latents)
        if not anchored:
            return Drawn(params)
        anchors = prior(latents)
        squares = [
            ((params[name] - anchors[name]) / scales[name]).square().flatten(1).sum(1) for name in params
        ]
        return Drawn(params, torch.stack(squares).sum(0))

    return draw


def fit_hypergan(
    network: nn.Module,
    sizes: HyperGANConfig,
    data: Observations,
    config: FitConfig,
    *,
    anchored: bool,
    after: Callable[[HyperGAN, int, float], None] | None = None,
) -> HyperGAN:
    """A HyperGAN over the network, fitted without a discriminator, as in the authors' script.

    Args:
        network: the architecture.
        sizes: of the HyperGAN.
        data: the training set.
        config: how.
        anchored: see :func:`generated`.
        after: is told the HyperGAN, the finished steps and the squared error of the last.
    """
    hypergan = HyperGAN(network, sizes, seed=config.seed).to(data.x.device)
    fit(
        hypergan.classifier,
        generated(hypergan, anchored=anchored),
        hypergan.generator.parameters(),
        data,
        config,
        after and partial(after, hypergan),
    )
    return hypergan


def fit_ensemble(hidden: int, data: Observations, config: FitConfig) -> Params:
    """A deep ensemble (Lakshminarayanan et al. 2017): ``config.networks`` networks, each from its own start.

    Returns:
        Their parameters ``[M, ...]``.
    """
    with seeded(config.seed):
        states = [RegressionNetwork(hidden).state_dict() for _ in range(config.networks)]
    members = {
        name: torch.stack([state[name] for state in states]).to(data.x.device).requires_grad_()
        for name in states[0]
    }
    network = RegressionNetwork(hidden).to(data.x.device)
    fit(network, lambda networks, random: Drawn(members), members.values(), data, config)  # noqa: ARG005 - a Draw
    return {name: value.detach() for name, value in members.items()}


def fit_dropout(hidden: int, rate: float, data: Observations, config: FitConfig) -> DropoutNetworks:
    """MC dropout (Gal & Ghahramani 2016): one network, fitted under ``config.networks`` masks a step."""
    with seeded(config.seed):
        network = RegressionNetwork(hidden, rate).to(data.x.device)
    masked = DropoutNetworks(network, (1,))
    learnt = {name: value.clone().requires_grad_() for name, value in masked.weights.items()}

    def draw(networks: int, random: torch.Generator) -> Drawn:
        masks = {
            name: (torch.rand(networks, *module.mask.shape, generator=random) >= rate).float() / (1 - rate)
            for name, module in masked.masks.items()
        }
        params = {name: value.expand(networks, *value.shape) for name, value in learnt.items()}
        return Drawn(params | {name: mask.to(data.x.device) for name, mask in masks.items()})

    fit(masked.classifier, draw, learnt.values(), data, config)
    masked.weights = {name: value.detach() for name, value in learnt.items()}
    return masked
