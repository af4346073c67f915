"""The study of uncertainty: are networks less sure of images unlike those that they were trained on?

Source: Ratzlaff & Li, ICML 2019, Figures 3 and 7.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import pandas as pd
import torch
from torch import Tensor

from robust_hypergan.base.errors import InputError, check_range
from robust_hypergan.data.datasets import Dataset, to_unit
from robust_hypergan.data.outliers import load_outliers
from robust_hypergan.measures.uncertainty import Uncertainty
from robust_hypergan.models.networks import NetworkDistribution, kind_of, without_attacker
from robust_hypergan.reports import OUTLIER_GALLERY, ScoredImages, outlier_tables, reference_of
from robust_hypergan.runs.bench_config import DataConfig
from robust_hypergan.runs.run_folder import RunFolder
from robust_hypergan.storage.tensor_files import save_tensors
from robust_hypergan.studies.study import Tables, load_trainings, record_inputs, run_study
from robust_hypergan.studies.study_parts import fold_softmax
from robust_hypergan.transferability.config import choose_examples

STUDY = "uncertainty"


@dataclass(frozen=True)
class OutOfDistributionConfig:
    """Whose uncertainty is measured, and on what.

    Attributes:
        checkpoints: trained networks, ``PATH`` or ``NAME=PATH``. A ``NAME`` that is given again means another
            training of the same, whose AUROC shows how far that of one training can be trusted.
        data: the images that they were trained on; its test split is the inliers.
        outliers: data sets of outlying images, or ``noise``, whose test splits are taken; none is the usual
            one, see :func:`robust_hypergan.data.outliers.load_outliers`.
        classifier: specification of the classifier of those checkpoints that do not say it themselves.
        networks: numbers of networks, each at least 1; a kind that has fewer is measured with those it has.
        images: of each data set at most so many, drawn at random but the same for a seed.
        pictures: kept of the inliers of the highest and of the outliers of the lowest entropy; 0 keeps none.
        seed: of the networks' addresses and the choice of images.
        backend: of the ensemble forward; None is the fastest for the device and the size of the job.

    Raises:
        InputError: a value outside its range.
    """

    checkpoints: tuple[str, ...]
    data: DataConfig = field(default_factory=DataConfig)
    outliers: tuple[str, ...] = ()
    classifier: str | None = None
    networks: tuple[int, ...] = (1, 10, 100)
    images: int = 10_000
    pictures: int = 10
    seed: int = 0
    backend: str | None = None

    def __post_init__(self) -> None:
        if not self.networks:
            raise InputError("no number of networks: give --networks at least once")
        for count in self.networks:
            check_range("networks", count, 1, 100_000)
        check_range("images", self.images, 2)
        check_range("pictures", self.pictures, 0, 100)


@dataclass(frozen=True)
class Images:
    """Some images of a data set; ``indices`` are their places in its split."""

    dataset: Dataset
    indices: Tensor


def run_out_of_distribution(
    config: OutOfDistributionConfig,
    out: Path,
    *,
    device: torch.device | None = None,
    command: str = "",
    quiet: bool = False,
) -> Path:
    """Measures how sure networks are of inliers and outliers, in a folder: ``entropy.csv``,
    ``entropy_cdf.csv``, ``ood.csv``, ``ood_differences.csv``, ``ood_trainings.csv`` and a gallery, with
    figures and a page.

    Args:
        config: whose, and on what.
        out: the folder: new, empty, or of the same study unfinished.
        device: where to compute; None is the CPU.
        command: the command that repeats it.
        quiet: no progress bars.

    Returns:
        The path of ``report.html``.

    Raises:
        InputError: data or networks that can't be read or do not fit each other, outliers among the inliers,
            or a folder that can't be used.
    """
    place = device or torch.device("cpu")
    inliers = config.data.load("test")
    sets = [_chosen(each, config) for each in [inliers, *_outliers(config, inliers)]]
    named = load_trainings(config.checkpoints, inliers, place, config.classifier)

    def measure(run: RunFolder) -> Tables:
        run.update(data={each.dataset.name: each.dataset.sha256 for each in sets})
        trainings = {
            (name, training): each for name, own in named.items() for training, each in enumerate(own, 1)
        }
        named_apart = {" ".join(map(str, key)): each for key, each in trainings.items()}
        record_inputs(run, [each.dataset for each in sets], named_apart, config.seed)
        folds = {
            key: _folds(key[0], each, sets, config, place, run.progress / f"{number}.safetensors", quiet)
            for number, (key, each) in enumerate(trainings.items())
        }
        scored = [
            _scored(name, kind_of(named[name][0]), training, asked, fold, sets)
            for (name, training), own in folds.items()
            for asked, fold in own.items()
        ]
        reference = reference_of(pd.DataFrame([each.key for each in scored]))
        best = folds[reference, 1][max(config.networks)]
        gallery = _gallery(run.path, reference, best, sets, config.pictures)
        return {**outlier_tables(scored), "gallery": gallery}

    return run_study(STUDY, asdict(config), out, measure, device=device, command=command)


def _outliers(config: OutOfDistributionConfig, inliers: Dataset) -> list[Dataset]:
    names: Sequence[str | None] = list(dict.fromkeys(config.outliers)) or [None]
    source = config.data
    return [load_outliers(each, inliers, root=source.root, download=source.download) for each in names]


def _chosen(dataset: Dataset, config: OutOfDistributionConfig) -> Images:
    count = min(config.images, len(dataset.labels))
    return Images(dataset, choose_examples(dataset, count, config.seed))


def _folds(
    name: str,
    distribution: NetworkDistribution,
    sets: Sequence[Images],
    config: OutOfDistributionConfig,
    device: torch.device,
    state: Path,
    quiet: bool,
) -> dict[int, Uncertainty]:
    """The uncertainty of all images by each number of networks, from one pass over the networks."""
    images = torch.cat([each.dataset.images[each.indices] for each in sets])
    inputs = to_unit(images.to(device))
    classes = len(sets[0].dataset.classes)
    folds = {
        asked: Uncertainty(len(inputs), classes, device, most=asked) for asked in sorted(set(config.networks))
    }
    fold_softmax(
        folds,
        distribution,
        without_attacker(distribution, config.seed, max(folds)),
        inputs,
        state=state,
        title=f"uncertainty, {name}",
        backend=config.backend,
        quiet=quiet,
    )
    return folds


def _scored(
    name: str, kind: str, training: int, asked: int, fold: Uncertainty, sets: Sequence[Images]
) -> ScoredImages:
    scores = {
        "entropy": fold.entropy,
        "mutual_information": fold.mutual_information,
        "variance": fold.variance,
    }
    if fold.networks < 2:  # one network does not differ from itself, which says nothing about any image
        scores |= {score: torch.full_like(fold.entropy, torch.nan) for score in scores if score != "entropy"}
    parts = [len(each.indices) for each in sets]
    split = {score: values.cpu().split(parts) for score, values in scores.items()}
    labels = sets[0].dataset.labels[sets[0].indices]
    right = fold.mean[: parts[0]].argmax(1).cpu() == labels
    by_set = {
        each.dataset.name: {score: values[place].numpy() for score, values in split.items()}
        for place, each in enumerate(sets)
    }
    return ScoredImages(name, kind, asked, fold.networks, training, right.double().mean().item(), by_set)


def _gallery(
    folder: Path, name: str, fold: Uncertainty, sets: Sequence[Images], pictures: int
) -> pd.DataFrame:
    """Writes ``gallery.safetensors``: the most uncertain inliers, the surest outliers; gives their table."""
    classes = sets[0].dataset.classes
    rows: list[Mapping[str, object]] = []
    kept: list[Tensor] = [torch.empty(0, *sets[0].dataset.images.shape[1:], dtype=torch.uint8)]
    for role, each, entropy, mean in _parts(fold, sets):
        order = entropy.argsort(descending=role == "inlier", stable=True)[:pictures]
        chosen = each.indices[order]
        kept.append(each.dataset.images[chosen])
        for rank, (place, image) in enumerate(zip(order.tolist(), chosen.tolist(), strict=True)):
            probability, answer = mean[place].max(0)
            row = {"row": len(rows), "name": name, "networks": fold.networks, "data": each.dataset.name}
            row |= {"role": role, "rank": rank, "image": image, "entropy": entropy[place].item()}
            row |= {"label": each.dataset.classes[int(each.dataset.labels[image])]}
            rows.append(row | {"predicted": classes[int(answer)], "probability": probability.item()})
    save_tensors(folder / "gallery.safetensors", {"images": torch.cat(kept)}, {})
    return pd.DataFrame(rows, columns=OUTLIER_GALLERY)


def _parts(fold: Uncertainty, sets: Sequence[Images]) -> Iterator[tuple[str, Images, Tensor, Tensor]]:
    """Of each set of images its role, entropies ``[n]`` and mean softmax ``[n, classes]``."""
    sizes = [len(each.indices) for each in sets]
    entropies, means = fold.entropy.cpu().split(sizes), fold.mean.cpu().split(sizes)
    for place, each in enumerate(sets):
        yield "outlier" if place else "inlier", each, entropies[place], means[place]
