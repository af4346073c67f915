"""A finished run with known contents: tables tallied from random matrices that the tests can recount."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from safetensors.numpy import save_file
from scipy.special import expit

from robust_hypergan.reports.statistics.intervals import wilson_interval

CLASSES = 10


@dataclass(frozen=True)
class Truth:
    """What one cell's tables were tallied from. Letters: B examples, M networks."""

    answers: NDArray[np.int64]  # (M, B) fresh networks' labels of the adversarial images
    clean: NDArray[np.int64]  # (M, B) fresh networks' labels of the clean images
    labels: NDArray[np.int64]  # (B,)
    source_fooled: NDArray[np.bool_]  # (B,)


@dataclass
class FakeRun:
    """The contents of a run's folder, to be changed by a test before it is written."""

    info: dict[str, Any]
    examples: pd.DataFrame
    networks: pd.DataFrame
    training: pd.DataFrame | None
    gallery: pd.DataFrame | None
    images: dict[str, NDArray[np.float32]]
    truths: dict[tuple[str, str, float], Truth] = field(default_factory=dict)

    def write(self, folder: Path) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "run.json").write_text(json.dumps(self.info))
        self.examples.to_csv(folder / "examples.csv", index=False)
        self.networks.to_csv(folder / "networks.csv", index=False)
        if self.training is not None:
            self.training.to_csv(folder / "training.csv", index=False)
        if self.gallery is not None:
            self.gallery.to_csv(folder / "gallery.csv", index=False)
            save_file(self.images, folder / "gallery.safetensors")
        return folder


def make_truth(rng: np.random.Generator, eps: float, lift: float, examples: int, networks: int) -> Truth:
    """Logit-normal examples and networks: strongly varying examples, slightly varying networks."""
    labels = rng.integers(0, CLASSES, examples)
    ease, weakness = 2.5 * rng.standard_normal(examples), 0.5 * rng.standard_normal((networks, 1))
    chance = expit(-1.6 + 14 * eps + lift + ease + weakness)  # (M, B)
    fooled = rng.random((networks, examples)) < chance
    favourite = (labels + rng.integers(1, 4, examples)) % CLASSES
    other = (labels + rng.integers(1, CLASSES, (networks, examples))) % CLASSES
    wrong = np.where(rng.random((networks, examples)) < 0.8, favourite, other)
    slip = rng.random((networks, examples)) < 0.02
    source_fooled = rng.random(examples) < expit(-0.5 + 18 * eps + 0.5 * ease)
    return Truth(np.where(fooled, wrong, labels), np.where(slip, wrong, labels), labels, source_fooled)


def example_rows(key: tuple[str, str, float], truth: Truth) -> pd.DataFrame:
    """The cell's rows of ``examples.csv``, counted plainly."""
    networks = len(truth.answers)
    rows = []
    for b, label in enumerate(truth.labels):
        wrong = truth.answers[:, b] != label
        right_before = truth.clean[:, b] == label
        flipped = int((wrong & right_before).sum())
        values, counts = np.unique(truth.answers[wrong, b], return_counts=True)
        rows.append(
            {
                "example": b,
                "label": label,
                "source_correct": True,
                "source_fooled": bool(truth.source_fooled[b]),
                "networks": networks,
                "fooled": int(wrong.sum()),
                "fooled_fraction": wrong.mean(),
                "networks_correct": int(right_before.sum()),
                "flipped": flipped,
                "flipped_fraction": flipped / right_before.sum() if right_before.any() else np.nan,
                "wrong_label": values[counts.argmax()] if wrong.any() else np.nan,
                "wrong_share": counts.max() / wrong.sum() if wrong.any() else np.nan,
                "entropy_clean": 0.05,
                "entropy_adversarial": 0.9,
                "linf": key[2],
                "l2": 20 * key[2],
            }
        )
    table = pd.DataFrame(rows)
    low, high = wilson_interval(table["fooled"], table["networks"])
    table.insert(7, "ci_low", low)
    table.insert(8, "ci_high", high)
    return _with_key(table, key)


def network_rows(key: tuple[str, str, float], truth: Truth) -> pd.DataFrame:
    """The cell's rows of ``networks.csv``: the source, then the fresh networks."""
    wrong = (truth.answers != truth.labels)[:, truth.source_fooled]  # (M, fooling)
    examples = wrong.shape[1]
    fresh = pd.DataFrame(
        {
            "network": np.arange(len(wrong)),
            "role": "fresh",
            "clean_accuracy": (truth.clean == truth.labels).mean(1),
            "examples": examples,
            "fooled": wrong.sum(1),
            "fooled_fraction": wrong.sum(1) / examples if examples else np.nan,
        }
    )
    source = pd.DataFrame(
        {
            "network": [0],
            "role": ["source"],
            "clean_accuracy": [0.97],
            "examples": [len(truth.labels)],
            "fooled": [int(truth.source_fooled.sum())],
            "fooled_fraction": [truth.source_fooled.mean()],
        }
    )
    return _with_key(pd.concat([source, fresh], ignore_index=True), key)


def _with_key(table: pd.DataFrame, key: tuple[str, str, float]) -> pd.DataFrame:
    for place, (name, value) in enumerate(zip(("attack", "norm", "eps"), key, strict=True)):
        table.insert(place, name, value)
    return table


def make_gallery(
    rng: np.random.Generator,
    keys: list[tuple[str, str, float]],
    truths: dict[tuple[str, str, float], Truth],
    channels: int,
) -> tuple[pd.DataFrame, dict[str, NDArray[np.float32]]]:
    """Five pictures per cell: a blurry digit-like blob, and the same with noise."""
    rows, clean, adversarial = [], [], []
    grid = np.stack(np.meshgrid(np.linspace(-1, 1, 28), np.linspace(-1, 1, 28)))
    for key in keys:
        fractions = (truths[key].answers != truths[key].labels).mean(0)
        for quantile in (0.0, 0.25, 0.5, 0.75, 1.0):
            b = int(np.argsort(fractions)[int(quantile * (len(fractions) - 1))])
            counts = np.bincount(truths[key].answers[:, b], minlength=CLASSES)
            centre = rng.uniform(-0.3, 0.3, (2, 1, 1))
            ring = np.exp(-40 * (np.hypot(*(grid - centre)) - 0.5) ** 2)
            image = np.repeat(ring[None], channels, axis=0).astype(np.float32)
            noise = key[2] * np.sign(rng.standard_normal(image.shape)).astype(np.float32)
            clean.append(image)
            adversarial.append(np.clip(image + noise, 0, 1))
            row = {"row": len(rows), "attack": key[0], "norm": key[1], "eps": key[2], "example": b}
            row |= {
                "label": int(truths[key].labels[b]),
                "quantile": quantile,
                "fooled_fraction": fractions[b],
            }
            row |= {"source_label": int((truths[key].labels[b] + 1) % CLASSES)}
            rows.append(row | {f"counts_{label}": int(counts[label]) for label in range(CLASSES)})
    return pd.DataFrame(rows), {
        "clean": np.stack(clean),
        "adversarial": np.stack(adversarial).astype(np.float32),
    }


def make_training(rng: np.random.Generator, steps: int = 200) -> pd.DataFrame:
    step = np.arange(1, steps + 1)
    accuracy = np.where(step % 50 == 0, 0.98 - 0.8 * np.exp(-step / 40), np.nan)
    return pd.DataFrame(
        {
            "step": step,
            "loss": 2.3 * np.exp(-step / 40) + 0.1 * rng.random(steps) + 0.05,
            "adversarial_loss": 0.7 + 0.1 * rng.standard_normal(steps),
            "discriminator_loss": 1.3 + 0.1 * rng.standard_normal(steps),
            "accuracy": accuracy,
            "seconds": step * 0.06,
        }
    )


def make_run(
    attacks: tuple[str, ...] = ("fgsm", "pgd:steps=40"),
    eps: tuple[float, ...] = (0.05, 0.1, 0.2),
    norm: str = "linf",
    examples: int = 60,
    networks: int = 50,
    channels: int = 1,
    seed: int = 0,
) -> FakeRun:
    """A whole run. Later attacks transfer a little less than earlier ones."""
    rng = np.random.default_rng(seed)
    keys = [(attack, norm, value) for attack in attacks for value in eps]
    truths = {key: make_truth(rng, key[2], -0.6 * attacks.index(key[0]), examples, networks) for key in keys}
    gallery, images = make_gallery(rng, keys, truths, channels)
    audit = {
        "linf_max": 0.1,
        "l2_max": 2.0,
        "repaired": 0,
        "non_finite": 0,
        "out_of_ball": 0,
        "out_of_range": 0,
    }
    info = {
        "format": 1,
        "status": "done",
        "command": "robust-hypergan bench --data mnist-5k --attack fgsm --out runs/first",
        "config": {"data": "mnist-5k", "train": {"steps": 1200, "networks": 8}},
        "seed": 0,
        "versions": {"python": "3.11.7", "torch": "2.15.0", "robust_hypergan": "0.1.0"},
        "device": "cpu",
        "machine": "x86_64, 2 cores",
        "started": "2026-01-05T10:00:00+00:00",
        "finished": "2026-01-05T10:04:10+00:00",
        "error": None,
        "data": {
            "name": "mnist-5k",
            "sha256": "a3f1" * 16,
            "classes": [str(label) for label in range(CLASSES)],
            "train_images": 5000,
            "test_images": 2000,
        },
        "classifier": "mnist",
        "weights": 31594,
        "accuracy": {
            "networks": 100,
            "examples": 2000,
            "single_mean": 0.961,
            "single_min": 0.957,
            "single_max": 0.966,
            "vote_10": 0.966,
            "vote_100": 0.968,
        },
        "source": {"seed": 0, "stream": "source", "index": 0},
        "fresh": {"seed": 0, "stream": "fresh", "start": 0, "stop": networks},
        "examples": {"tried": examples + 2, "source_correct": examples},
        "seconds": {"training": 74.0, "accuracy": 2.5, "crafting": 12.0, "transfer": 40.2},
        "backend": "loop, channels_last",
        "cells": [
            {
                "attack": key[0],
                "norm": key[1],
                "eps": key[2],
                "options": {},
                "seconds": 3.2,
                "status": "done",
                "error": None,
                "audit": audit | {"notes": []},
            }
            for key in keys
        ],
    }
    return FakeRun(
        info=info,
        examples=pd.concat([example_rows(key, truths[key]) for key in keys], ignore_index=True),
        networks=pd.concat([network_rows(key, truths[key]) for key in keys], ignore_index=True),
        training=make_training(rng),
        gallery=gallery,
        images=images,
        truths=truths,
    )


@pytest.fixture(scope="session")
def fabricate() -> Callable[..., FakeRun]:
    """`make_run`, for tests that want a run of their own."""
    return make_run


@pytest.fixture
def fake() -> FakeRun:
    """A small run, free to be changed."""
    return make_run()


@pytest.fixture
def folder(fake: FakeRun, tmp_path: Path) -> Path:
    """A small finished run's folder."""
    return fake.write(tmp_path / "run")
