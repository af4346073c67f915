"""How different the networks of a distribution are: the paper's Tables 3 and 4, Figure 6, its appendix's 7.

Any trained networks stand side by side: a HyperGAN with and without its mixer or discriminator, and other
kinds. All measured networks are of the ``fresh`` stream; where a training has left snapshots, theirs too.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path

import pandas as pd
import torch
from torch import Tensor

from robust_hypergan.base.errors import InputError, check_range
from robust_hypergan.base.progress import track
from robust_hypergan.data.datasets import Dataset, to_unit
from robust_hypergan.engine.ensemble import ensemble_forward
from robust_hypergan.measures.diversity import (
    disagreement,
    error_iou,
    last_features,
    linear_cka,
    symmetric_kl,
)
from robust_hypergan.measures.generated_weights import FILTER_NETWORKS, filters, layer_spread, single_weights
from robust_hypergan.models.compatibility import check_fit
from robust_hypergan.models.networks import NetworkDistribution, Networks, fresh_available, kind_of, move
from robust_hypergan.reports import DIVERSITY_TABLES, TEXT_COLUMNS, diversity_table, layer_table
from robust_hypergan.runs.bench_config import DataConfig
from robust_hypergan.runs.run_folder import RunFolder
from robust_hypergan.storage.checkpoint import load_checkpoint
from robust_hypergan.storage.snapshots import find_snapshots, snapshots_beside
from robust_hypergan.studies.study import Tables, load_named, record_inputs, run_study, split_name
from robust_hypergan.studies.study_parts import kept_tables
from robust_hypergan.transferability.config import choose_examples

TEXTS = TEXT_COLUMNS | {"layer", "parameter"}

OF_A_DISTRIBUTION, OF_A_SNAPSHOT = (
    {stem: DIVERSITY_TABLES[stem] for stem in stems}
    for stems in (
        ("networks", "norms", "elements", "pairs", "filters", "weights", "weight_histograms"),
        ("along_training",),
    )
)
"""Columns of the tables that are measured of each; the others are made of these."""


@dataclass(frozen=True)
class DiversityConfig:
    """What is compared, and on how much.

    Attributes:
        checkpoints: trained networks, ``PATH`` or ``NAME=PATH``. The names ``full``, ``no-mixer`` and
            ``no-discriminator`` are those that the paper's claims are about.
        data: whose test split the networks answer.
        trainings: folders of trainings with snapshots, ``PATH`` or ``NAME=PATH``, beside those in which the
            checkpoints lie; of these the last snapshot has to hold the same networks as the checkpoint.
        classifier: specification of the classifier of checkpoints that do not say it themselves.
        networks: of each distribution; a finite one has fewer.
        images: that they answer.
        feature_networks: how many of the networks have their features and probabilities compared.
        feature_images: on how many of the images.
        weight_networks: networks over which single weights are looked at.
        weights: single weights of every layer.
        snapshot_networks: networks of every snapshot.
        snapshot_images: images that these answer.
        seed: of the networks' addresses and of all choices.
        backend: of the ensemble forward; None is the fastest.

    Raises:
        InputError: a count outside its range.
    """

    checkpoints: Sequence[str] = ()
    data: DataConfig = field(default_factory=DataConfig)
    trainings: Sequence[str] = ()
    classifier: str | None = None
    networks: int = 100
    images: int = 10_000
    feature_networks: int = 25
    feature_images: int = 2000
    weight_networks: int = 1000
    weights: int = 100
    snapshot_networks: int = 25
    snapshot_images: int = 2000
    seed: int = 0
    backend: str | None = None

    def __post_init__(self) -> None:
        for name in ("networks", "feature_networks", "weight_networks", "snapshot_networks"):
            check_range(name.replace("_", " "), getattr(self, name), 2, 100_000)
        for name in ("images", "feature_images", "snapshot_images"):
            check_range(name.replace("_", " "), getattr(self, name), 4)
        check_range("weights", self.weights, 1)
        check_range("seed", self.seed, 0)


def run_diversity(
    config: DiversityConfig,
    out: Path,
    *,
    device: torch.device | None = None,
    command: str = "",
    quiet: bool = True,
) -> Path:
    """Measures and reports the study in a folder; returns the path of ``report.html``.

    Raises:
        InputError: a checkpoint or a training can't be used, there is nothing to compare, or the folder can't
            be used.
    """
    device = device or torch.device("cpu")
    dataset = config.data.load("test")
    named = load_named(config.checkpoints, dataset, device, config.classifier)
    if all(fresh_available(each, 2) < 2 for each in named.values()):
        raise InputError(
            f"{', '.join(named)}: one fresh network has no diversity: give a checkpoint that holds several"
        )
    snapshots = _snapshots(config, named, dataset)
    study = _Study(config, dataset, device)

    def measure(run: RunFolder) -> Tables:
        record_inputs(run, [dataset], named, config.seed)
        return study.measure(named, snapshots, run.progress, quiet)

    return run_study(
        "diversity",
        asdict(config),
        out,
        measure,
        device=device,
        command=command,
    )


class _Study:
    """The measurement: the same images for all networks."""

    def __init__(self, config: DiversityConfig, dataset: Dataset, device: torch.device) -> None:
        self.config, self.dataset, self.device = config, dataset, device
        chosen = choose_examples(dataset, min(config.images, len(dataset.labels)), config.seed)
        self.images = to_unit(dataset.images[chosen].to(device))
        self.labels = dataset.labels[chosen].to(device)

    def measure(
        self,
        named: Mapping[str, NetworkDistribution],
        snapshots: Mapping[str, Mapping[int, Path]],
        folder: Path,
        quiet: bool,
    ) -> Tables:
        """All tables, by stem; those of each distribution and snapshot are kept in the folder."""
        parts: dict[str, list[pd.DataFrame]] = {}
        along = []
        with track("diversity", len(named) + sum(map(len, snapshots.values())), quiet) as progress:
            for number, (name, distribution) in enumerate(named.items()):
                measured = partial(self._of, distribution)
                own = kept_tables(folder / f"{number}", OF_A_DISTRIBUTION, measured, TEXTS)
                for stem, table in own.items():
                    parts.setdefault(stem, []).append(_called(name, table))
                progress.update()
            for name, paths in snapshots.items():
                for step, path in paths.items():
                    own = kept_tables(
                        folder / f"{step}-{_sha256(path)}",
                        OF_A_SNAPSHOT,
                        partial(self._snapshot, step, path),
                        TEXTS,
                    )
                    along.append(_called(name, own["along_training"]))
                    progress.update()
        tables = {stem: _joined(own, DIVERSITY_TABLES[stem]) for stem, own in parts.items()}
        tables["layers"] = layer_table(tables["norms"], tables.pop("elements"))
        tables["diversity"] = diversity_table(*(tables[stem] for stem in ("networks", "norms", "pairs")))
        if along:
            tables["along_training"] = _joined(along, DIVERSITY_TABLES["along_training"])
        return tables

    def _of(self, distribution: NetworkDistribution) -> Tables:
        config = self.config
        networks, features, shown, many = (
            Networks(config.seed, "fresh", range(fresh_available(distribution, count)))
            for count in (config.networks, config.feature_networks, FILTER_NETWORKS, config.weight_networks)
        )
        tables = self._answers(distribution, networks, self.images, self.labels)
        if len(networks) > 1:
            alike = self._features(distribution, features)
            tables["pairs"] = tables["pairs"].merge(alike, on=["first", "second"], how="left")
        tables["filters"] = filters(distribution, shown, config.seed)
        weights = single_weights(distribution, many, config.weights, config.seed)
        return tables | dict(zip(("weights", "weight_histograms"), weights, strict=True))

    def _answers(
        self, distribution: NetworkDistribution, networks: Networks, images: Tensor, labels: Tensor
    ) -> Tables:
        """``networks``, ``pairs`` (without features), ``norms`` and ``elements``."""
        forward = ensemble_forward(distribution, networks, images, backend=self.config.backend)
        answers = torch.cat([logits.argmax(2) for _, logits in forward])  # (K, n)
        wrong = answers != labels
        accuracy = 1 - wrong.double().mean(1)
        norms, elements = layer_spread(distribution, networks)
        return {
            "networks": pd.DataFrame(
                {"network": list(networks.indices), "accuracy": accuracy.tolist()}
            ).assign(kind=kind_of(distribution)),
            "pairs": _pairs(networks, disagreement=disagreement(answers), error_iou=error_iou(wrong)),
            "norms": norms,
            "elements": elements,
        }

    def _features(self, distribution: NetworkDistribution, networks: Networks) -> pd.DataFrame:
        images = self.images[: self.config.feature_images]
        features, logits = last_features(distribution.classifier, distribution.sample(networks), images)
        return _pairs(networks, cka=linear_cka(features), symmetric_kl=symmetric_kl(logits))

    def _snapshot(self, step: int, path: Path) -> Tables:
        """``along_training`` without the name."""
        config = self.config
        checkpoint = load_checkpoint(path, config.classifier, len(self.dataset.classes))
        check_fit(checkpoint.classifier, checkpoint.distribution.classifier, self.dataset)
        move(checkpoint.distribution, self.device)
        networks = Networks(
            config.seed, "fresh", range(fresh_available(checkpoint.distribution, config.snapshot_networks))
        )
        few = slice(config.snapshot_images)
        tables = self._answers(checkpoint.distribution, networks, self.images[few], self.labels[few])
        tables = {stem: _called("", table) for stem, table in tables.items()}
        table = diversity_table(*(tables[stem] for stem in ("networks", "norms", "pairs")))
        return {"along_training": table.assign(step=step)}


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _pairs(networks: Networks, **measures: Tensor) -> pd.DataFrame:
    """A row for each pair of networks, from matrices ``[K, K]``."""
    rows, columns = torch.triu_indices(len(networks), len(networks), 1)
    indices = torch.tensor(list(networks.indices))
    ends = {"first": indices[rows], "second": indices[columns]}
    values = {name: matrix.cpu()[rows, columns] for name, matrix in measures.items()}
    return pd.DataFrame({name: value.numpy() for name, value in (ends | values).items()})


def _joined(tables: Sequence[pd.DataFrame], columns: list[str]) -> pd.DataFrame:
    some = [table for table in tables if len(table)]
    return pd.concat(some)[columns] if some else pd.DataFrame(columns=columns)


def _called(name: str, table: pd.DataFrame) -> pd.DataFrame:
    return table.assign(name=name)


def _snapshots(
    config: DiversityConfig, named: Mapping[str, NetworkDistribution], dataset: Dataset
) -> dict[str, dict[int, Path]]:
    """The snapshots of each training, by its name and step.

    Raises:
        InputError: a folder holds none, or a name is given twice.
    """
    found: dict[str, dict[int, Path]] = {}
    for name, given in zip(named, config.checkpoints, strict=True):
        own = snapshots_beside(split_name(given)[1], config.classifier, len(dataset.classes))
        found |= {name: own} if own else {}
    for given in config.trainings:
        name, folder = split_name(given)
        own = find_snapshots(folder)
        if not own:
            raise InputError(f"{folder} holds no snapshots: train with --snapshots N to have them")
        if own in found.values() and not name:
            continue
        name = name or folder.name
        if name in found and found[name] != own:
            raise InputError(f"two trainings are called {name}: name them, NAME={folder}")
        found[name] = own
    return found
