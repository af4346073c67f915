"""Ordinary training of one network, step by step: Adam, and for SWAG in the end the collecting with SGD."""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from robust_hypergan.base.finite import NotFinite, first_layer_not_finite
from robust_hypergan.base.layout import preferred_layout
from robust_hypergan.data.augmentation import augment
from robust_hypergan.data.datasets import to_unit
from robust_hypergan.models.parameters import Params
from robust_hypergan.training.config import TrainConfig
from robust_hypergan.training.network_gradients import is_half


@dataclass(frozen=True)
class Schedule:
    """How one network is trained.

    Attributes:
        steps: optimisation steps.
        learning_rate: of Adam, lowered to 0 by a cosine.
        collecting: the last so many steps are of SGD with momentum 0.9, and weights are collected.
        rate: constant rate of that SGD.
        snapshots: how many weights to collect, about; the last step's among them.
    """

    steps: int
    learning_rate: float
    collecting: int = 0
    rate: float = 0.0
    snapshots: int = 1

    def collects(self, step: int) -> bool:
        """Whether the weights after a step are collected."""
        every = max(1, self.collecting // self.snapshots)
        return step >= self.steps - self.collecting and (self.steps - 1 - step) % every == 0


class Fit:
    """One training; all its randomness comes from the seed and the network's index.

    Args:
        network: what is trained, in place.
        images: ``[N, C, H, W]`` as stored in a data set, on the network's device.
        labels: ``[N]``.
        schedule: steps and rates.
        budget: batch, augmentation, label smoothing, seed, and whether the network computes in bfloat16; its
            weights are float32 all the same.
        index: of the network among its like.
    """

    STATE: ClassVar = ("step", "network", "adam", "cosine", "sgd", "random", "dropout", "late", "collected")

    def __init__(
        self,
        network: nn.Module,
        images: Tensor,
        labels: Tensor,
        schedule: Schedule,
        budget: TrainConfig,
        index: int,
    ) -> None:
        self.network, self.images, self.labels = network.to(images.device).train(), images, labels
        self.schedule, self.budget, self.index, self.step = schedule, budget, index, 0
        words = np.random.SeedSequence(budget.seed, spawn_key=(6, index)).generate_state(2)
        self.random = torch.Generator().manual_seed(int(words[0]))
        self.devices = [images.device] if images.is_cuda else []
        with torch.random.fork_rng(devices=self.devices):
            torch.manual_seed(int(words[1]))
            self.dropout = self._global_states()  # dropout knows no generator
        example, trial = to_unit(images[:2]), copy.deepcopy(network).eval()  # no statistics are touched
        self.layout = preferred_layout(trial, example)
        self.half = is_half(budget.precision, trial, example)
        self.settled = max(1, schedule.steps - schedule.collecting)
        self.adam = torch.optim.Adam(network.parameters(), schedule.learning_rate)
        self.cosine = torch.optim.lr_scheduler.CosineAnnealingLR(self.adam, self.settled)
        self.sgd = torch.optim.SGD(network.parameters(), schedule.rate, momentum=0.9)
        self.late: list[list[float]] = []  # loss and accuracy of each step of the last quarter
        count = sum(map(schedule.collects, range(schedule.steps))) if schedule.collecting else 0
        self.collected = {
            name: torch.zeros(count, *value.shape, device=value.device)
            for name, value in network.named_parameters()
            if count
        }

    def advance(self) -> None:
        """One step; after the last the optimisers' state is dropped.

        Raises:
            NotFinite: the loss is not; no weight was changed by it.
        """
        schedule = self.schedule
        with torch.random.fork_rng(devices=self.devices):
            self._set_global_states()
            loss, accuracy = self._descend()
            self.dropout = self._global_states()
        if self.step >= 3 * schedule.steps // 4:
            self.late.append([loss, accuracy])
        if self.collected and schedule.collects(self.step):
            row = sum(map(schedule.collects, range(self.step)))
            for name, value in self.network.named_parameters():
                self.collected[name][row] = value.detach()
        self.step += 1
        if self.step == schedule.steps:
            self.adam.state.clear()
            self.sgd.state.clear()

    @property
    def snapshots(self) -> list[Params]:
        """The weights that were collected, in the order of training."""
        count = len(next(iter(self.collected.values()), ()))
        return [{name: values[row] for name, values in self.collected.items()} for row in range(count)]

    def row(self) -> dict[str, float]:
        """Loss and accuracy over the last quarter, as a row of ``training.csv``."""
        loss, accuracy = np.mean(self.late, axis=0)
        return {"loss": loss, "adversarial_loss": 0.0, "discriminator_loss": 0.0, "accuracy": accuracy}

    def _descend(self) -> tuple[float, float]:
        chosen = torch.randint(len(self.images), (self.budget.batch,), generator=self.random)
        chosen = chosen.to(self.images.device)
        images = to_unit(augment(self.images[chosen], self.budget.augmentation, self.random))
        with torch.autocast(images.device.type, torch.bfloat16, enabled=self.half):
            logits = self.network(self.layout(images)).float()
        smoothing = self.budget.label_smoothing
        loss = functional.cross_entropy(logits, self.labels[chosen], label_smoothing=smoothing)
        if not math.isfinite(loss.item()):
            where = first_layer_not_finite(self.network, images)
            raise NotFinite(
                f"the loss of network {self.index} is {loss.item()}, first in {where or 'the loss'}"
            )
        self.network.zero_grad()
        loss.backward()
        if self.step < self.settled:
            self.adam.step()
            self.cosine.step()
        else:
            self.sgd.step()
        return loss.item(), (logits.argmax(1) == self.labels[chosen]).double().mean().item()

    def _global_states(self) -> list[Tensor]:
        return [torch.get_rng_state(), *(torch.cuda.get_rng_state(device) for device in self.devices)]

    def _set_global_states(self) -> None:
        torch.set_rng_state(self.dropout[0])
        for device, state in zip(self.devices, self.dropout[1:], strict=True):
            torch.cuda.set_rng_state(state, device)
