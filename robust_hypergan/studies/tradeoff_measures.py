"""What the study of the trade-off measures of a HyperGAN: accuracy, diversity, uncertainty and transfer.

Each is an estimate with its interval: a row of ``tradeoff.csv``.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from robust_hypergan.data.datasets import Dataset, to_unit
from robust_hypergan.engine.ensemble import ensemble_forward
from robust_hypergan.measures.diversity import disagreement, error_iou
from robust_hypergan.measures.uncertainty import Uncertainty
from robust_hypergan.models.hypergan import HyperGAN
from robust_hypergan.models.networks import Networks
from robust_hypergan.reports import (
    PAIR_SCALES,
    auroc_interval,
    effective_wilson_interval,
    mean_over_pairs,
    wilson_interval,
)
from robust_hypergan.transferability.config import TransferConfig, choose_examples
from robust_hypergan.transferability.measurement import transfer

Row = dict[str, object]


class TradeoffMeasures:
    """The measurement of one HyperGAN after the other, on the same images.

    Args:
        dataset: the test split, n of whose images are the inliers.
        outliers: images of another kind.
        images: of each, at most so many.
        config: the measurement of the transfer, whose fresh networks are those that are measured.
        device: where.

    Raises:
        InputError: there are not so many images to attack.
    """

    def __init__(
        self, dataset: Dataset, outliers: Dataset, images: int, config: TransferConfig, device: torch.device
    ) -> None:
        self.dataset, self.config, self.device = dataset, config, device
        choose_examples(dataset, config.examples, config.seed)  # refuses too many before anything is computed
        chosen, others = (
            choose_examples(each, min(images, len(each.labels)), config.seed) for each in (dataset, outliers)
        )
        both = torch.cat([dataset.images[chosen], outliers.images[others]])
        self.images = to_unit(both.to(device))
        self.labels = dataset.labels[chosen].to(device)

    def rows(self, hypergan: HyperGAN) -> tuple[list[Row], Tensor]:
        """A row for each measure, and which inliers ``[n]`` the vote gets right.

        Attacks that fail have no rows.

        Raises:
            InputError: every attack failed.
        """
        clean, vote = self._clean(hypergan)
        return [*clean, *self._attacked(hypergan)], vote

    def _clean(self, hypergan: HyperGAN) -> tuple[list[Row], Tensor]:
        """What the networks make of inliers and outliers, and which inliers ``[n]`` their vote gets right."""
        networks, labels = Networks(self.config.seed, "fresh", range(self.config.networks)), self.labels
        classes = len(self.dataset.classes)
        fold = Uncertainty(len(self.images), classes, self.device, most=len(networks))
        parts = []
        for _, logits in ensemble_forward(hypergan, networks, self.images, backend=self.config.backend):
            parts.append(logits[:, : len(labels)].argmax(2))
            for own in logits:
                fold.add(own.softmax(1))
        answers = torch.cat(parts)  # (M, n)
        right = answers == labels
        vote = fold.mean[: len(labels)].argmax(1) == labels
        entropy = fold.entropy.cpu().numpy()
        found = {
            "accuracy": _accuracy(right),
            "vote": _share(int(vote.sum()), len(vote)),
            "disagreement": _over_pairs(disagreement(answers), "disagreement"),
            "error_iou": _over_pairs(error_iou(~right), "error_iou"),
            "auroc": auroc_interval(entropy[len(labels) :], entropy[: len(labels)]),
        }
        sizes = {"networks": len(networks), "images": len(labels)}
        return [tradeoff_row(measure, values) | sizes for measure, values in found.items()], vote

    def _attacked(self, hypergan: HyperGAN) -> Iterator[Row]:
        """How often each attack fools its source, and the other networks where it does."""
        result = transfer(hypergan, self.dataset, self.config, device=self.device)
        done = result.summary[result.summary["status"] == "done"]
        for cell in done.to_dict("records"):
            given = {"attack": cell["attack"], "eps": cell["eps"]}
            own = {"networks": 1, "images": cell["examples"]}
            success = _share(round(cell["source_fooled"]), round(cell["examples"]))
            yield tradeoff_row("source_success", success) | given | own
            mean = (cell["fooled_mean"], cell["ci_low"], cell["ci_high"])
            sizes = {"networks": cell["networks"], "images": cell["source_fooled"]}
            yield tradeoff_row("transfer", mean) | given | sizes


def tradeoff_row(measure: str, values: tuple[float, float, float]) -> Row:
    """The columns of a measure: the estimate, and the ends of its interval."""
    return {"measure": measure, "attack": ""} | dict(
        zip(("estimate", "ci_low", "ci_high"), values, strict=True)
    )


def _accuracy(right: Tensor) -> tuple[float, float, float]:
    """Of ``[M, n]``, over networks and images."""
    of_images, of_networks = (right.double().mean(axis).cpu().numpy() for axis in (0, 1))
    return float(of_images.mean()), *effective_wilson_interval(of_images, of_networks)


def _share(hits: int, trials: int) -> tuple[float, float, float]:
    low, high = wilson_interval(hits, trials)
    return hits / trials, float(low), float(high)


def _over_pairs(matrix: Tensor, measure: str) -> tuple[float, float, float]:
    found = mean_over_pairs(matrix.cpu().numpy(), PAIR_SCALES[measure])
    return found.estimate, *found.interval()
