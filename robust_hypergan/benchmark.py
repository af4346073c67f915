"""The main job in one folder: train networks or load them, attack one, try the fresh ones, report.

``train``, ``transfer`` and ``bench`` are this one job with or without its first and its last part.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn

from robust_hypergan.accuracy import measure_accuracy
from robust_hypergan.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from robust_hypergan.classifiers import build_classifier, default_classifier
from robust_hypergan.crafting import SavedCell, load_cells, save_cell
from robust_hypergan.datasets import Dataset, load_dataset, to_unit
from robust_hypergan.ensemble import default_backend
from robust_hypergan.ensemble_training import EnsembleConfig, train_ensemble, untrained_ensemble
from robust_hypergan.errors import InputError
from robust_hypergan.gallery import write_gallery
from robust_hypergan.hypergan import HyperGAN, HyperGANConfig
from robust_hypergan.networks import NetworkDistribution, StoredDistribution, move
from robust_hypergan.reports import write_report, write_table
from robust_hypergan.run_folder import RunFolder
from robust_hypergan.trainer import TrainConfig
from robust_hypergan.training import forget_state, train
from robust_hypergan.transferability import (
    TransferConfig,
    TransferResult,
    cell_record,
    check_addresses,
    choose_examples,
    transfer,
)


@dataclass(frozen=True)
class DataConfig:
    """Which data, and where it lies.

    Attributes:
        name: a name of :func:`robust_hypergan.datasets.dataset_names`.
        root: folder of the data sets that do not come with the package.
        download: fetch what is missing.
    """

    name: str = "mnist-5k"
    root: Path = Path("data")
    download: bool = False

    def load(self, split: str) -> Dataset:
        """One split."""
        return load_dataset(self.name, split, root=self.root, download=self.download)


@dataclass(frozen=True)
class BenchConfig:
    """A whole run.

    Attributes:
        data: the data set.
        checkpoint: networks that were trained before, see
            :func:`robust_hypergan.checkpoint.load_checkpoint`; None trains some.
        classifier: specification of the classifier to train, or of the checkpoint's if it is the user's
            own code; None is the paper's for such images, or the checkpoint's.
        hypergan: sizes and ablations of the HyperGAN to train.
        ensemble: another kind of network distribution to train instead, with the same budget.
        training: steps, rates and seed.
        transfer: attacks, eps and counts; None stops after training.
        adversarials: folder of adversarial images that were kept before, tried instead of crafting.
        save_adversarials: keep the adversarial images.
    """

    data: DataConfig = field(default_factory=DataConfig)
    checkpoint: Path | None = None
    classifier: str | None = None
    hypergan: HyperGANConfig = field(default_factory=HyperGANConfig)
    ensemble: EnsembleConfig | None = None
    training: TrainConfig = field(default_factory=TrainConfig)
    transfer: TransferConfig | None = field(default_factory=TransferConfig)
    adversarials: Path | None = None
    save_adversarials: bool = False

    @property
    def checkpoint_name(self) -> str:
        """Name of the file that the trained networks are written to."""
        return f"{self.ensemble.kind if self.ensemble else HyperGAN.kind}.safetensors"

    def plain(self) -> dict[str, Any]:
        """What matters of it, as JSON values: what is loaded has no training."""
        config = asdict(self)
        for unused in ("hypergan", "ensemble", "training") if self.checkpoint else ():
            del config[unused]
        return {key: _plain(value) for key, value in config.items()}


def bench(
    config: BenchConfig,
    out: Path,
    *,
    device: torch.device | None = None,
    command: str = "",
    quiet: bool = True,
) -> TransferResult | None:
    """Runs everything that a configuration asks for, in the folder ``out``.

    Args:
        config: the whole run.
        out: the run's folder: new, empty, or of the same run unfinished, which is then taken up again.
        device: where to compute; None is the CPU.
        command: the command that repeats the run, for the report.
        quiet: no progress bars.

    Returns:
        The tables of the transfer measurement; None if only training was asked for.

    Raises:
        InputError: anything in the input that can't be used. What can be known beforehand is checked
            before the folder is made.
    """
    device = device or torch.device("cpu")
    test_set = config.data.load("test")
    training_set = None if config.checkpoint else config.data.load("train")
    checkpoint = _loaded(config, test_set) if config.checkpoint else _untrained(config, test_set)
    saved = _load_saved(config.adversarials, test_set)
    if config.transfer and not saved:
        choose_examples(test_set, config.transfer.examples, config.transfer.seed)
    with RunFolder(out, command, config.plain()) as run:
        run.update(
            device=str(device),
            seed=(config.transfer or config.training).seed,
            classifier=checkpoint.classifier,
            weights=sum(value.numel() for value in checkpoint.distribution.classifier.parameters()),
            data=_describe(test_set, training_set),
        )
        move(checkpoint.distribution, device)
        if training_set:
            checkpoint = _train(run, checkpoint, training_set, config, device, quiet)
        _measure_accuracy(run, checkpoint, test_set, device, quiet)
        if not config.transfer:
            return None
        result = _transfer(run, checkpoint.distribution, test_set, config.transfer, device, saved, quiet)
        if config.save_adversarials:
            _save_adversarials(run, result, test_set)
    write_report(out)
    return result


def _loaded(config: BenchConfig, dataset: Dataset) -> Checkpoint:
    assert config.checkpoint is not None
    checkpoint = load_checkpoint(config.checkpoint, config.classifier, len(dataset.classes))
    _check_fit(checkpoint.classifier, checkpoint.distribution.classifier, dataset)
    if config.transfer:
        check_addresses(checkpoint.distribution, config.transfer)
    return checkpoint


def _untrained(config: BenchConfig, dataset: Dataset) -> Checkpoint:
    classes, shape = len(dataset.classes), tuple(dataset.images.shape[1:])
    name = config.classifier or default_classifier(shape)
    classifier = build_classifier(name, classes).eval()
    _check_fit(name, classifier, dataset)
    distribution: StoredDistribution = (
        untrained_ensemble(lambda _: classifier, shape, config.ensemble)
        if config.ensemble
        else HyperGAN(classifier, config.hypergan, seed=config.training.seed)
    )
    return Checkpoint(distribution, name, classes, {})


def _check_fit(name: str, classifier: nn.Module, dataset: Dataset) -> None:
    shape = tuple(dataset.images.shape[1:])
    try:
        with torch.no_grad():
            logits = classifier(to_unit(dataset.images[:1]))
    except Exception as error:  # a classifier of the user's own may raise anything
        reason = f"{type(error).__name__}: {error}".splitlines()[0]
        raise InputError(
            f"classifier {name} does not take the images of {dataset.name}, {shape} ({reason})"
        ) from error
    if not isinstance(logits, torch.Tensor) or logits.ndim != 2:
        got = tuple(logits.shape) if isinstance(logits, torch.Tensor) else type(logits).__name__
        raise InputError(f"classifier {name} gives {got} for one image: it must give logits (1, classes)")
    if logits.shape != (1, len(dataset.classes)):
        raise InputError(
            f"classifier {name} gives {logits.shape[-1]} classes, {dataset.name} has {len(dataset.classes)}: "
            "use the data set that the checkpoint was trained on"
        )


def _train(
    run: RunFolder,
    untrained: Checkpoint,
    dataset: Dataset,
    config: BenchConfig,
    device: torch.device,
    quiet: bool,
) -> Checkpoint:
    path = run.path / config.checkpoint_name
    if path.exists():  # an earlier try got this far
        trained = load_checkpoint(path, untrained.classifier)
        move(trained.distribution, device)
    else:
        name, classes = untrained.classifier, untrained.classes
        distribution = untrained.distribution
        if config.ensemble:
            distribution, table = train_ensemble(
                lambda seed: build_classifier(name, classes, seed=seed),
                dataset,
                config.training,
                config.ensemble,
                device=device,
                folder=run.path,
                quiet=quiet,
            )
        else:
            assert isinstance(distribution, HyperGAN)
            table = train(distribution, dataset, config.training, folder=run.path, quiet=quiet)
        facts = {
            "data": dataset.name,
            "data_sha256": dataset.sha256,
            "training": asdict(config.training),
            "seconds": float(table["seconds"].iloc[-1]),
        }
        trained = Checkpoint(distribution, name, classes, facts)
        save_checkpoint(path, trained)
    forget_state(run.path)
    run.update(seconds={"training": trained.facts["seconds"]})
    return trained


def _measure_accuracy(
    run: RunFolder, checkpoint: Checkpoint, dataset: Dataset, device: torch.device, quiet: bool
) -> None:
    started = time.perf_counter()
    accuracy = measure_accuracy(checkpoint.distribution, dataset, device=device, quiet=quiet)
    run.update(accuracy=asdict(accuracy), seconds={"accuracy": time.perf_counter() - started})


def _transfer(
    run: RunFolder,
    distribution: NetworkDistribution,
    dataset: Dataset,
    config: TransferConfig,
    device: torch.device,
    saved: Sequence[SavedCell],
    quiet: bool,
) -> TransferResult:
    result = transfer(distribution, dataset, config, device=device, saved=saved, quiet=quiet)
    write_table(result.examples, run.path / "examples.csv")
    write_table(result.networks, run.path / "networks.csv")
    write_gallery(run.path, result)
    run.update(
        seconds=result.seconds,
        source=saved[0].source
        if saved
        else {"seed": config.seed, "stream": "source", "index": config.source},
        fresh={"seed": config.seed, "stream": "fresh", "start": 0, "stop": config.networks},
        examples={"tried": result.tried, "source_correct": len(result.indices)},
        cells=[cell_record(cell) for cell in result.cells],
        backend=config.backend or default_backend(device),
    )
    if all(cell.error for cell in result.cells):
        raise InputError(f"no attack worked: {result.cells[0].error}")
    return result


def _save_adversarials(run: RunFolder, result: TransferResult, dataset: Dataset) -> None:
    for cell in result.cells:
        if not cell.error:
            save_cell(
                run.path / "adversarials",
                cell,
                result.labels,
                result.indices,
                dataset.sha256,
                run.record["source"],
            )


def _load_saved(folder: Path | None, dataset: Dataset) -> list[SavedCell]:
    saved = load_cells(folder) if folder else []
    for each in saved:
        if each.data_sha256 != dataset.sha256 or each.examples != saved[0].examples:
            raise InputError(
                f"{folder} holds adversarials of other images than {dataset.name}: use their own --data"
            )
    return saved


def _describe(test_set: Dataset, training_set: Dataset | None) -> dict[str, Any]:
    described = {
        "name": test_set.name,
        "sha256": test_set.sha256,
        "classes": list(test_set.classes),
        "test_images": len(test_set.labels),
    }
    if training_set:
        described |= {"training_sha256": training_set.sha256, "train_images": len(training_set.labels)}
    return described


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    return str(value) if isinstance(value, Path) else value
