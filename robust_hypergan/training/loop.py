"""The training loop: progress, ``training.csv``, checkpoints, and going on after an interruption."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path

import pandas as pd
from torch import nn

from robust_hypergan.base.distributed import ALONE, Ranks
from robust_hypergan.base.durable import make_folder
from robust_hypergan.base.finite import NotFinite, check_finite
from robust_hypergan.base.progress import track
from robust_hypergan.base.user_code import code_digest
from robust_hypergan.data.datasets import Dataset
from robust_hypergan.engine.shared_fold import share_state
from robust_hypergan.models.compatibility import check_fit
from robust_hypergan.models.hypergan import HyperGAN
from robust_hypergan.reports import TRAINING_COLUMNS, write_table
from robust_hypergan.storage.resumable import FOLDER, Saved
from robust_hypergan.storage.snapshots import find_snapshots
from robust_hypergan.training.config import TrainConfig
from robust_hypergan.training.trainer import Trainer

LOG_EVERY = 10
"""Steps that one row of ``training.csv`` averages over."""

LOG_NAME, STATE_NAME = "training.csv", f"{FOLDER}/training.safetensors"


def train(
    hypergan: HyperGAN,
    dataset: Dataset,
    config: TrainConfig,
    *,
    folder: Path | str | None = None,
    checkpoint_seconds: float | None = None,
    keep: Callable[[int], None] | None = None,
    ranks: Ranks = ALONE,
    quiet: bool = True,
) -> pd.DataFrame:
    """Trains a HyperGAN in place.

    Args:
        hypergan: what is trained; afterwards in eval mode.
        dataset: a training split.
        config: steps, networks, rates and seed.
        folder: where ``training.csv`` and, while it runs, the state to resume from are kept; made if it is
            not there. If a state of the same training is there already, training goes on from it, with the
            same result as if it had never stopped.
        checkpoint_seconds: least time between two states; None is a minute.
        keep: called with the step after each of ``config.snapshot_steps``; what it writes is there before any
            later state is, so that a training that is resumed leaves the same snapshots.
        ranks: who shares the networks of each step, with the same result as alone; the leader keeps the
            state.
        quiet: no progress bar.

    Returns:
        A row for every ten steps: step, loss, adversarial_loss, discriminator_loss, accuracy (of the
        generated networks on their training images) and seconds since the start.

    Raises:
        InputError: the classifier does not fit the images and classes, or the folder holds the state of
            another training, or a damaged one.
        NotFinite: a loss or a weight is not; what was saved before stays.
    """
    check_fit(type(hypergan.classifier).__name__, hypergan.classifier, dataset)
    folder = Path(folder) if folder and ranks.leads else None
    if folder:
        make_folder(folder)
    trainer = Trainer(hypergan, dataset, config, ranks)
    described = {
        "training": asdict(config),
        "hypergan": asdict(hypergan.config) | {"seed": hypergan.seed},
        "classifier": [shapes_of(hypergan.classifier), code_digest(hypergan.classifier)],
        "data": dataset.sha256,
    }
    saved = Saved(folder and folder / STATE_NAME, "training", described, checkpoint_seconds)
    facts = ranks.told(saved.load({"trainer": trainer}) or {"rows": [], "window": []})
    rows, window = facts["rows"], facts["window"]
    if ranks.told(trainer.step):
        share_state(ranks, trainer=trainer)
    if not trainer.step:
        trainer.pretrain_mixer()
    before = rows[-1]["seconds"] if rows else 0.0
    started = time.perf_counter()
    with (
        last_good_told(saved, folder, lambda: trainer.step),
        track("training", config.steps, quiet, initial=trainer.step) as progress,
    ):
        while trainer.step < config.steps:
            window.append(trainer.advance())
            progress.update()
            if keep and ranks.leads and trainer.step in config.snapshot_steps:
                keep(trainer.step)
            if not trainer.step % LOG_EVERY or trainer.step == config.steps:
                means = {key: sum(row[key] for row in window) / len(window) for key in window[0]}
                seconds = before + time.perf_counter() - started
                rows.append({"step": trainer.step, **means, "seconds": round(seconds, 2)})
                window = []
                progress.set_postfix(loss=f"{means['loss']:.3f}", accuracy=f"{means['accuracy']:.3f}")
            if saved.due:
                saved.save({"trainer": trainer}, step=trainer.step, rows=rows, window=window)
                write_log(rows, folder)
        check_finite("the generators' weight", hypergan.tensors())
    hypergan.generator.eval()
    return write_log(rows, folder)


@contextlib.contextmanager
def last_good_told(saved: Saved, folder: Path | None, steps_done: Callable[[], int]) -> Iterator[None]:
    """Adds to an error about numbers that are not finite how far a training was, and what is left of it.

    Args:
        saved: where its state is kept.
        folder: where its snapshots are.
        steps_done: gives the steps that it has made.
    """
    try:
        yield
    except NotFinite as error:
        raise NotFinite(
            f"training stopped after {steps_done():,} steps: {error}; {_last_good(saved, folder)}; "
            "lower --learning-rate and choose another --out"
        ) from error


def _last_good(saved: Saved, folder: Path | None) -> str:
    facts = saved.facts()
    kept = [f"state is {saved.path} (step {facts.get('step', '?')})"] if facts else []
    kept += [f"snapshot is {path}" for path in list(find_snapshots(folder).values())[-1:]] if folder else []
    return f"the last good {', the last good '.join(kept)}" if kept else "no state had been kept yet"


def write_log(rows: list[dict[str, float]], folder: Path | None) -> pd.DataFrame:
    """The rows as a table, which is ``training.csv`` of the folder if there is one."""
    table = pd.DataFrame(rows, columns=TRAINING_COLUMNS)
    if folder:
        write_table(table, folder / LOG_NAME)
    return table


def forget_state(folder: Path) -> None:
    """Removes the state that a training keeps for resuming, once its result is safe."""
    Saved(folder / STATE_NAME, "training", {}).forget()


def shapes_of(classifier: nn.Module) -> dict[str, list[int]]:
    """Shape of every tensor of a classifier, by name."""
    return {name: list(value.shape) for name, value in classifier.state_dict().items()}
