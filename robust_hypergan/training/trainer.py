"""Training a HyperGAN: classification through generated networks, codes held to the prior.

Each step generates M networks, each on a minibatch of its own, and detaches their parameters: every
network is back-propagated alone into its parameters, and the collected gradients once through the
generators. Memory therefore does not grow with the graph of M networks. Method: Ratzlaff & Li,
ICML 2019, arXiv:1901.11058; what was added to make it train fast stands in ``docs/method.md``.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import ClassVar, NoReturn

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from robust_hypergan.base.distributed import ALONE, Ranks
from robust_hypergan.base.finite import NotFinite, check_finite, check_loss, first_layer_not_finite
from robust_hypergan.base.threads import one_thread
from robust_hypergan.data.augmentation import augment
from robust_hypergan.data.datasets import Dataset, to_unit
from robust_hypergan.data.off_data import off_data_count, own_answers, with_off_data
from robust_hypergan.engine.replay import recorded
from robust_hypergan.models.hypergan import Discriminator, HyperGAN, seeded
from robust_hypergan.models.parameters import Params, bind, networks_of
from robust_hypergan.training.adversarial_training import others_adversarials
from robust_hypergan.training.config import TrainConfig
from robust_hypergan.training.network_gradients import NetworkGradients


class Trainer:
    """One training: the HyperGAN, its discriminator and optimisers, and the step reached.

    Step *i* draws all its randomness from ``(seed, i)``, so that a training that goes on from a saved state
    (:mod:`robust_hypergan.storage.resumable`) ends exactly as if it had never stopped.

    Args:
        hypergan: what is trained, in place.
        dataset: training images and labels.
        config: how.
        ranks: who shares the networks of each step; everything else each rank does alike.
    """

    STATE: ClassVar = ("step", "generator", "discriminator", "optimizer", "discriminator_optimizer")

    def __init__(
        self, hypergan: HyperGAN, dataset: Dataset, config: TrainConfig, ranks: Ranks = ALONE
    ) -> None:
        self.hypergan, self.dataset, self.config, self.ranks = hypergan, dataset, config, ranks
        self.generator = generator = hypergan.generator
        self.device = hypergan.device
        self.images = dataset.images.to(self.device)
        self.labels = dataset.labels.to(self.device)
        sizes = hypergan.config
        with seeded(config.seed + 1), one_thread():  # spectral norm begins with products
            self.discriminator = Discriminator(sizes.code_dim, sizes.hidden).to(self.device)
        self.mixer_plays = sizes.mixer and config.adversarial_weight > 0
        rate = config.learning_rate
        self.optimizer = torch.optim.Adam(self.generator.parameters(), rate, fused=True)
        self.discriminator_optimizer = torch.optim.Adam(
            self.discriminator.parameters(), rate, betas=(0.5, 0.999), fused=True
        )
        half = None if config.precision is None else config.precision == "bfloat16"
        self.network_gradients = NetworkGradients(
            hypergan.classifier,
            to_unit(self.images[:2]),
            half=half,
            label_smoothing=config.label_smoothing,
            off_data=off_data_count(config.batch) if config.disagreement else 0,
            disagreement=config.disagreement,
            ranks=ranks,
        )
        self.params: Callable[[Tensor], Params] = generator.layers
        if self.device.type == "cuda":
            codes = torch.zeros(config.networks, len(generator.layers), sizes.code_dim, device=self.device)
            self.params = recorded(generator.layers, codes.requires_grad_())
        self.step = 0

    def advance(self) -> dict[str, float]:
        """One optimisation step; returns its losses and the accuracy on its minibatches.

        Raises:
            NotFinite: a loss is not; nothing was changed by it, and the message says where it began.
        """
        config, random = self.config, _step_random(self.config.seed, self.step)
        self._set_learning_rate()
        with one_thread():
            latents = torch.randn(config.codes, self.generator.latent_dim, generator=random)
            images, labels = self._minibatches(random)
            mixed = self.generator.mixer(latents.to(self.device))  # (codes, L, K)
            codes = mixed.detach().requires_grad_()
            params = self.params(codes[: config.networks])
            detached = {name: value.detach() for name, value in params.items()}
            if config.disagreement:
                answers = own_answers(codes[: config.networks], len(self.dataset.classes), config.seed)
                images, labels = with_off_data(images, labels, answers, random)
        if config.pgd_eps:
            data = slice(config.batch)
            images[:, data] = others_adversarials(
                self.hypergan.classifier,
                detached,
                images[:, data],
                labels[:, data],
                eps=config.pgd_eps,
                steps=config.pgd_steps,
                generator=random,
                wanted=self.ranks.share(config.networks),
            )
        prior = torch.randn(codes.flatten(0, 1).shape, generator=random).to(self.device)
        discriminator_losses: list[Tensor] = []

        def discriminate() -> None:
            if self.mixer_plays:
                discriminator_losses.append(self._discriminator_loss(prior, mixed.detach().flatten(0, 1)))

        loss, accuracy, gradients = self.network_gradients(detached, images, labels, discriminate)
        if not math.isfinite(loss):
            self._explain(loss, detached, images)
        row = {"loss": loss, "adversarial_loss": 0.0, "discriminator_loss": 0.0, "accuracy": accuracy}
        with one_thread():
            outputs = list(params.values())
            output_gradients = [gradients[name] / config.networks for name in params]
            if self.mixer_plays:
                row["discriminator_loss"] = discriminator_losses[0].item()
                check_loss(row["discriminator_loss"], "loss of the discriminator")
                self.discriminator_optimizer.step()
                fooling = functional.softplus(-self.discriminator(codes.flatten(0, 1))).mean()
                row["adversarial_loss"] = fooling.item()
                check_loss(row["adversarial_loss"], "adversarial loss of the mixer")
                outputs.append(config.adversarial_weight * fooling)
                output_gradients.append(torch.ones_like(fooling))
            self.optimizer.zero_grad()
            torch.autograd.backward(outputs, output_gradients)
            if mixed.requires_grad:
                mixed.backward(codes.grad)
        self.optimizer.step()
        self.step += 1
        return row

    def _minibatches(self, random: torch.Generator) -> tuple[Tensor, Tensor]:
        """Images ``[M, B, C, H, W]`` and labels ``[M, B]``, each network's its own."""
        config = self.config
        chosen = torch.randint(len(self.images), (config.networks, config.batch), generator=random)
        rows = chosen.flatten().to(self.device)
        images = to_unit(augment(self.images[rows], config.augmentation, random))
        return images.unflatten(0, chosen.shape), self.labels[rows].view(chosen.shape)

    def pretrain_mixer(self) -> None:
        """Fits the mean and the covariance of the codes to the prior's, as the paper does."""
        if not self.mixer_plays:
            return
        mixer = self.generator.mixer
        optimizer = torch.optim.Adam(mixer.parameters(), 1e-3, fused=True)
        for step in range(self.config.pretraining):
            random = _step_random(self.config.seed, -1 - step)
            latents = torch.randn(self.config.codes, self.generator.latent_dim, generator=random)
            optimizer.zero_grad()
            with one_thread():
                codes = mixer(latents.to(self.device)).flatten(1)  # (codes, L * K)
                _moment_distance(codes).backward()
            optimizer.step()

    def _discriminator_loss(self, prior: Tensor, codes: Tensor) -> Tensor:
        """The discriminator's loss, whose gradient is left in its weights."""
        real, fake = self.discriminator(prior), self.discriminator(codes)
        loss = (functional.softplus(-real).mean() + functional.softplus(fake).mean()) / 2
        self.discriminator_optimizer.zero_grad()
        loss.backward()
        return loss.detach()

    def _explain(self, loss: float, params: Params, images: Tensor) -> NoReturn:
        """Raises, naming where it began: in the generators, a generated weight, or a layer."""
        check_finite("the generators' weight", self.generator.state_dict())
        check_finite("the generated weight", params)
        for index, network in enumerate(networks_of(params)):
            where = first_layer_not_finite(bind(self.hypergan.classifier, network), images[index])
            if where:
                raise NotFinite(f"the loss is {loss}: the first of its layers that is not finite is {where}")
        raise NotFinite(f"the loss is {loss}")

    def _set_learning_rate(self) -> None:
        config = self.config
        warm = min(1.0, (self.step + 1) / max(1, config.warmup))
        cosine = (1 + math.cos(math.pi * self.step / config.steps)) / 2
        for group in self.optimizer.param_groups:
            group["lr"] = config.learning_rate * warm * cosine


def _step_random(seed: int, step: int) -> torch.Generator:
    words = np.random.SeedSequence(seed, spawn_key=(3, step & 0xFFFFFFFF)).generate_state(1, np.uint64)
    return torch.Generator().manual_seed(int(words[0] >> np.uint64(1)))


def _moment_distance(codes: Tensor) -> Tensor:
    centered = codes - codes.mean(0)
    covariance = centered.T @ centered / (len(codes) - 1)
    identity = torch.eye(codes.shape[1], device=codes.device)
    return codes.mean(0).square().sum() + (covariance - identity).square().mean() * codes.shape[1]
