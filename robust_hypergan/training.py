"""The training loop: progress, ``training.csv``, checkpoints, and going on after an interruption."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import pandas as pd

from robust_hypergan.checkpoint import read_tensors, save_tensors
from robust_hypergan.datasets import Dataset
from robust_hypergan.errors import InputError
from robust_hypergan.hypergan import HyperGAN
from robust_hypergan.progress import track
from robust_hypergan.reports import TRAINING_COLUMNS, write_table
from robust_hypergan.trainer import TrainConfig, Trainer

FORMAT = "robust-hypergan training state 1"

LOG_EVERY = 10
"""Steps that one row of ``training.csv`` averages over."""

STATE_NAME, LOG_NAME = "training-state.safetensors", "training.csv"


def train(
    hypergan: HyperGAN,
    dataset: Dataset,
    config: TrainConfig,
    *,
    folder: Path | None = None,
    checkpoint_seconds: float = 60.0,
    keep: Callable[[int], None] | None = None,
    quiet: bool = True,
) -> pd.DataFrame:
    """Trains a HyperGAN in place.

    Args:
        hypergan: what is trained; afterwards in eval mode.
        dataset: a training split.
        config: steps, networks, rates and seed.
        folder: where ``training.csv`` and, while it runs, the state to resume from are kept. If a
            state of the same training is there already, training goes on from it, with the same
            result as if it had never stopped.
        checkpoint_seconds: least time between two states.
        keep: called with the step after each of ``config.snapshot_steps``; what it writes is there before any
            later state is, so that a training that is resumed leaves the same snapshots.
        quiet: no progress bar.

    Returns:
        A row for every ten steps: step, loss, adversarial_loss, discriminator_loss, accuracy (of the
        generated networks on their training images) and seconds since the start.

    Raises:
        InputError: the folder holds the state of another training, or a damaged one.
    """
    trainer = Trainer(hypergan, dataset, config)
    described = _described(hypergan, dataset, config)
    rows = _resume(trainer, folder, described)
    if not trainer.step:
        trainer.pretrain_mixer()
    before = rows[-1]["seconds"] if rows else 0.0
    started = saved = time.perf_counter()
    window: list[dict[str, float]] = []
    with track("training", config.steps, quiet, initial=trainer.step) as progress:
        while trainer.step < config.steps:
            window.append(trainer.advance())
            progress.update()
            if keep and trainer.step in config.snapshot_steps:
                keep(trainer.step)
            if trainer.step % LOG_EVERY and trainer.step < config.steps:
                continue
            means = {key: sum(row[key] for row in window) / len(window) for key in window[0]}
            now = time.perf_counter()
            rows.append({"step": trainer.step, **means, "seconds": round(before + now - started, 2)})
            window = []
            progress.set_postfix(loss=f"{means['loss']:.3f}", accuracy=f"{means['accuracy']:.3f}")
            if folder and now - saved >= checkpoint_seconds:
                _save(trainer, folder, described, rows)
                saved = time.perf_counter()
    hypergan.generator.eval()
    table = pd.DataFrame(rows, columns=TRAINING_COLUMNS)
    if folder:
        write_table(table, folder / LOG_NAME)
    return table


def forget_state(folder: Path) -> None:
    """Removes the state that :func:`train` keeps for resuming, once its result is safe."""
    (folder / STATE_NAME).unlink(missing_ok=True)


def _described(hypergan: HyperGAN, dataset: Dataset, config: TrainConfig) -> str:
    sizes = {name: list(value.shape) for name, value in hypergan.classifier.state_dict().items()}
    described = {
        "training": asdict(config),
        "hypergan": asdict(hypergan.config),
        "classifier": sizes,
        "data": dataset.sha256,
    }
    return json.dumps(described, sort_keys=True)


def _save(trainer: Trainer, folder: Path, described: str, rows: list[dict[str, float]]) -> None:
    metadata = {"format": FORMAT, "configuration": described, "rows": json.dumps(rows)}
    save_tensors(folder / STATE_NAME, trainer.state(), metadata)
    write_table(pd.DataFrame(rows, columns=TRAINING_COLUMNS), folder / LOG_NAME)


def _resume(trainer: Trainer, folder: Path | None, described: str) -> list[dict[str, float]]:
    if folder is None or not (folder / STATE_NAME).exists():
        return []
    path = folder / STATE_NAME
    tensors, metadata = read_tensors(path, FORMAT, "training state")
    if metadata.get("configuration") != described:
        raise InputError(f"{path} is the state of another training: choose another --out, or delete it")
    try:
        trainer.restore(tensors)
        rows: list[dict[str, float]] = json.loads(metadata["rows"])
    except (KeyError, ValueError, RuntimeError) as error:
        raise InputError(f"{path} is damaged ({error}): delete it to start over") from error
    return rows
