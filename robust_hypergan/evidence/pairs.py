"""Diversity against transfer, pair by pair: do attacks carry less far between networks that differ more?

Up to 16 networks, half of them of the ``source`` stream and half fresh, are attacked one after the other, and
the adversarial images of each are shown to all the others.
"""

from __future__ import annotations

import pandas as pd
import torch
from torch import Tensor

from robust_hypergan.attacks import find_attack
from robust_hypergan.data.datasets import to_unit
from robust_hypergan.engine.ensemble import ensemble_logits
from robust_hypergan.evidence.measured import Measured
from robust_hypergan.evidence.probe import comparable
from robust_hypergan.measures.diversity import disagreement, error_iou, weight_distance
from robust_hypergan.models.networks import Networks, available, materialise
from robust_hypergan.models.parameters import Params, are_copies
from robust_hypergan.reports import EVIDENCE_TABLES, correlate_pairs
from robust_hypergan.transferability.cells import Cell
from robust_hypergan.transferability.config import choose_examples
from robust_hypergan.transferability.crafting import craft_cell
from robust_hypergan.transferability.draws import DistributionDraws

ATTACK = "fgsm"
EACH, COMPARED, ATTACKED = 8, 1000, 150
"""Networks of either stream, clean images they are compared on, images each of them is attacked with.

Of the networks and the attacked images at most as many as the run itself has.
"""


def pairs(measured: Measured) -> dict[str, pd.DataFrame]:
    """``pairs.csv``, a row for each ordered pair, and ``pair_correlations.csv``; neither with one network
    or copies of one, nor where FGSM fails.

    ``transfer_rate`` is the share of the images that fool the first network, which had them right, that the
    second misclassifies too: FGSM at the middle eps of the run, any wrong class, with a target too.
    """
    config, distribution = measured.config, measured.distribution
    each = min(EACH, config.networks)
    streams = [
        available(distribution, config.seed, "source", config.source, each),
        available(distribution, config.seed, "fresh", 0, each),
    ]
    drawn = [distribution.sample(networks) for networks in streams if len(networks)]
    params = {name: torch.cat([own[name] for own in drawn]) for name in drawn[0]}  # (K, ...)
    names = dict(distribution.classifier.named_parameters())
    weights = {name: value for name, value in params.items() if name in names}  # no running statistics
    singles = [(networks.stream, index) for networks in streams for index in networks.indices]
    if len(singles) < 2 or are_copies(params):
        return {}
    images, labels = _images(measured, COMPARED)
    answers = _answers(measured, params, images)  # (K, n)
    measures = {
        "disagreement": disagreement(answers),
        "weight_distance": weight_distance(params if are_copies(weights) else weights),
        "error_iou": error_iou(answers != labels),
    }
    images, labels = _images(measured, min(ATTACKED, len(measured.result.chosen)))
    right = _answers(measured, params, images) == labels
    rows = []
    for first, (stream, index) in enumerate(singles):
        cell = _attacked(measured, Networks(config.seed, stream, [index]), images, labels)
        if cell.error:
            return {}
        hits = (cell.source_labels != labels) & right[first]
        fooled = (_answers(measured, params, cell.adversarials[hits]) != labels[hits]).sum(1).tolist()
        count = int(hits.sum())
        rows += [
            {
                "from_stream": stream,
                "from_network": index,
                "to_stream": other[0],
                "to_network": other[1],
                "attack": cell.attack,
                "norm": cell.norm,
                "eps": cell.eps,
                "examples": count,
                "fooled": fooled[second],
                "transfer_rate": fooled[second] / count if count else float("nan"),
            }
            | {name: values[first, second].item() for name, values in measures.items()}
            for second, other in enumerate(singles)
            if second != first
        ]
    table = pd.DataFrame(rows, columns=EVIDENCE_TABLES["pairs"])
    return {"pairs": table, "pair_correlations": correlate_pairs(table)}


def _images(measured: Measured, most: int) -> tuple[Tensor, Tensor]:
    dataset = measured.dataset
    chosen = choose_examples(dataset, min(most, len(dataset.labels)), measured.config.seed)
    return to_unit(dataset.images[chosen].to(measured.device)), dataset.labels[chosen].to(measured.device)


def _answers(measured: Measured, params: Params, images: Tensor) -> Tensor:
    """Predicted classes ``[K, n]``."""
    if not len(images):
        return torch.empty(len(next(iter(params.values()))), 0, dtype=torch.int64, device=images.device)
    classifier, backend = measured.distribution.classifier, measured.config.backend
    return ensemble_logits(classifier, params, images, backend=backend).argmax(2)


def _attacked(measured: Measured, network: Networks, images: Tensor, labels: Tensor) -> Cell:
    own = comparable(measured.result.cells)
    eps = sorted({cell.eps for cell in own})
    config, distribution = measured.config, measured.distribution
    return craft_cell(
        find_attack(ATTACK),
        materialise(distribution, network),
        images,
        labels,
        eps=eps[len(eps) // 2],
        norm=own[0].norm,
        target=None,
        seed=config.seed,
        draws=lambda: DistributionDraws(distribution, config.seed, config.source),
        advance=lambda _: None,
    )
