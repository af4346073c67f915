"""A training step beside the authors' scheme, and where its time goes."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from typing import Any
from unittest import mock

import pandas as pd
import torch
from timing import in_turns
from torch import nn
from torch.func import functional_call
from torch.nn import functional

import robust_hypergan.training.trainer
from robust_hypergan.data.datasets import Dataset, load_dataset, make_dataset
from robust_hypergan.models.classifiers import CIFARClassifier, MNISTClassifier
from robust_hypergan.models.hypergan import HyperGAN
from robust_hypergan.models.wide_linear import WideLinear
from robust_hypergan.training.presets import PRESETS
from robust_hypergan.training.trainer import Trainer


def training_table(preset: str, **changes: Any) -> pd.DataFrame:
    """A training step beside the authors' scheme: one graph over all networks, one backward through it.

    Args:
        preset: by name.
        changes: of its training's settings.
    """
    sizes, config = PRESETS[preset].hypergan, replace(PRESETS[preset].training, **changes)
    classifier, dataset = what_it_trains(preset)
    trainers = {}
    for precision in ("authors' scheme", "float32", "bfloat16"):
        authors = "authors" in precision
        own = replace(config, precision=None if authors else precision)
        trainer = trainers[precision] = Trainer(HyperGAN(classifier, sizes, seed=0), dataset, own)
        if authors:
            trainer.network_gradients = one_graph(trainer.hypergan.classifier)
            for module in trainer.hypergan.generator.modules():
                if isinstance(module, WideLinear):
                    module.__class__ = nn.Linear
    works = {precision: trainer.advance for precision, trainer in trainers.items()}
    works["authors' scheme"] = partial(with_all_threads, works["authors' scheme"])
    times = in_turns(works, 6, 2)
    rows = []
    for precision, trainer in trainers.items():
        split: dict[str, Any] = {} if "authors" in precision else _split(trainer)
        ratio = times["authors' scheme"] / times[precision]
        rows.append({"training step": precision, "x authors": ratio} | split)
    table = pd.DataFrame(rows).set_index("training step")
    table.attrs["note"] = (
        f"{'Other sizes than' if changes else 'The preset'} {preset}: {config.networks} networks with "
        f"{config.batch} images each, generators of width {sizes.hidden}; the shares are of our own step."
    )
    return table


def with_all_threads(advance: Callable[[], object]) -> None:
    """A step whose every part may use all threads of the CPU."""
    with mock.patch.object(robust_hypergan.training.trainer, "one_thread", nullcontext):
        advance()


def what_it_trains(preset: str) -> tuple[nn.Module, Dataset]:
    """The classifier of a preset, and images for it: digits, or noise in colour."""
    digits = load_dataset("mnist-5k", "train")
    if "cifar" not in preset:
        return MNISTClassifier(), digits
    noise = torch.randint(0, 256, (5000, 3, 32, 32), dtype=torch.uint8)
    return CIFARClassifier(), make_dataset("noise", "train", noise, torch.arange(5000) % 10, digits.classes)


def one_graph(classifier: nn.Module) -> Callable[..., object]:
    """The classifier part of the authors' step: every network in one graph, plain layout."""

    def gradients(
        params: dict[str, torch.Tensor],
        images: torch.Tensor,
        labels: torch.Tensor,
        beside: Callable[[], object],
    ) -> tuple[float, float, dict[str, torch.Tensor]]:
        beside()
        leaves = {name: value.requires_grad_() for name, value in params.items()}
        losses, right = [], []
        for index in range(len(images)):
            own = {name: value[index] for name, value in leaves.items()}
            logits = functional_call(classifier, own, (images[index],))
            losses.append(functional.cross_entropy(logits, labels[index]))
            right.append((logits.argmax(1) == labels[index]).float().mean())
        total = torch.stack(losses)
        total.sum().backward()
        gradient = {name: value.grad for name, value in leaves.items() if value.grad is not None}
        return total.mean().item(), torch.stack(right).mean().item(), gradient

    return gradients


def _split(trainer: Trainer, steps: int = 6) -> dict[str, float]:
    """Shares of a step: networks, discriminator, which has a thread among theirs, generators, optimiser."""
    spent = dict.fromkeys(
        ("generators", "networks", "of these the discriminator", "generators, backward", "optimiser"), 0.0
    )

    def timed(name: str, work: Callable[..., object]) -> Callable[..., object]:
        def run(*args: object, **kwargs: object) -> object:
            started = time.perf_counter()
            result = work(*args, **kwargs)
            spent[name] += time.perf_counter() - started
            return result

        return run

    backward = torch.autograd.backward
    trainer.network_gradients = timed("networks", trainer.network_gradients)
    trainer._discriminator_loss = timed("of these the discriminator", trainer._discriminator_loss)
    trainer.params = timed("generators", trainer.params)
    trainer.optimizer.step = timed("optimiser", trainer.optimizer.step)
    torch.autograd.backward = timed("generators, backward", backward)
    started = time.perf_counter()
    try:
        for _ in range(steps):
            trainer.advance()
    finally:
        torch.autograd.backward = backward
    total = time.perf_counter() - started
    return {f"{name}, %": 100 * value / total for name, value in spent.items()}
