"""The transfer measurement: craft against one network, try on M fresh ones, tabulate each example.

Protocol: Ratzlaff & Li, ICML 2019, Figure 4, on initially correct examples only. The source network
comes from the ``source`` stream and the fresh ones from ``fresh``: no attack ever saw them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import pandas as pd
import torch
from torch import Tensor

from robust_hypergan.base.distributed import ALONE, Ranks
from robust_hypergan.base.errors import InputError
from robust_hypergan.base.user_code import code_digest
from robust_hypergan.data.datasets import Dataset, to_unit
from robust_hypergan.engine.cascade import Account
from robust_hypergan.engine.ensemble import network_logits
from robust_hypergan.models.compatibility import check_fit
from robust_hypergan.models.networks import NetworkDistribution, Networks, check_draw, materialise
from robust_hypergan.models.parameters import fingerprint
from robust_hypergan.reports import summarise, summary_html
from robust_hypergan.storage.resumable import Saved, digest
from robust_hypergan.transferability.cells import Cell, SavedCell, cell_record
from robust_hypergan.transferability.config import (
    TransferConfig,
    check_addresses,
    check_target,
    choose_examples,
)
from robust_hypergan.transferability.crafting import craft_cells
from robust_hypergan.transferability.fold import Fold
from robust_hypergan.transferability.stopping import draw_until_sure

ROUNDING = 0.01
"""Share of the largest logit by which those of one network may differ on two devices."""


@dataclass(frozen=True)
class TransferResult:
    """Tables and images of a transfer measurement.

    Attributes:
        examples: a row for each cell and initially correct example (``examples.csv``).
        networks: a row for each cell and network (``networks.csv``).
        cells: the cells with their adversarial images, audits and seconds.
        clean: the initially correct images ``[n, C, H, W]`` in [0, 1].
        labels: their true classes ``[n]``.
        indices: their indices in the split.
        fold: everything that was folded from the fresh networks' answers.
        chosen: indices of all examples tried, initially correct or not.
        correct: which of them the source classifies correctly, ``[N]`` bool.
        logits: of the source on all examples tried, ``[N, classes]``.
        tried: examples tried, initially correct or not; those of the target class are not.
        source: address of the network that was attacked.
        source_here: whether that is one of this distribution: saved images may be made against any.
        drawn: fresh networks that were tried after each round; one round unless until_ci_width is given.
        stopped: why no more were drawn, in a plain sentence; empty unless until_ci_width is given.
        seconds: of crafting and of the fresh networks.
        forward: how the fresh networks were computed.
    """

    examples: pd.DataFrame
    networks: pd.DataFrame
    cells: list[Cell]
    clean: Tensor
    labels: Tensor
    indices: list[int]
    fold: Fold
    chosen: list[int]
    correct: Tensor
    logits: Tensor
    tried: int
    source: Networks
    source_here: bool
    drawn: tuple[int, ...]
    stopped: str
    seconds: dict[str, float]
    forward: Account

    @property
    def votes(self) -> list[Tensor]:
        """For each cell the fresh networks that predict each class, ``[n, classes]``; empty if it failed."""
        votes = iter(self.fold.votes)
        return [torch.empty(0) if cell.error else next(votes) for cell in self.cells]

    @property
    def summary(self) -> pd.DataFrame:
        """A row for each cell (``summary.csv``)."""
        return summarise(self.examples, self.networks, [cell_record(cell) for cell in self.cells])

    def kept(self, cell: Cell, data_sha256: str) -> SavedCell:
        """One of the cells as :func:`robust_hypergan.transferability.cells.save_cell` takes it."""
        tried = (self.chosen, self.correct, self.logits)
        return SavedCell(cell, self.labels, self.indices, *tried, data_sha256, self.source)

    def _repr_html_(self) -> str:
        """What a notebook shows: the summary and the main figure."""
        return summary_html(self.summary)


def transfer(
    distribution: NetworkDistribution,
    dataset: Dataset,
    config: TransferConfig,
    *,
    device: torch.device | None = None,
    saved: Sequence[SavedCell] = (),
    folder: Path | None = None,
    ranks: Ranks = ALONE,
    quiet: bool = True,
) -> TransferResult:
    """Attacks the source network and tries the adversarial images on the fresh ones.

    Args:
        distribution: what the networks are drawn from.
        dataset: a test split.
        config: attacks, eps and counts.
        device: where to compute; None is the CPU.
        saved: cells crafted before, tried instead of crafting ``config.attacks`` at ``config.eps``;
            all of the same examples, made against the same network.
        folder: where finished cells and the state of the fold are kept; the caller removes it in the end.
            What an interrupted measurement of the same left there is taken up, with the same result as if it
            had never stopped.
        ranks: who shares the cells, if there is a folder, and the fresh networks; each gets the whole result.
        quiet: no progress bars.

    Raises:
        InputError: the classifier does not fit the images and classes, the split has fewer images than asked
            for, the distribution fewer networks, no class has the target's number, the source classifies none
            correctly, or no attack worked.
    """
    check_fit(type(distribution.classifier).__name__, distribution.classifier, dataset)
    check_addresses(distribution, config)
    check_target(config, dataset)
    chosen = torch.tensor(saved[0].tried) if saved else choose_examples(dataset, config.examples, config.seed)
    images, labels = to_unit(dataset.images[chosen].to(device)), dataset.labels[chosen].to(device)
    source = saved[0].source if saved else Networks(config.seed, "source", [config.source])
    if saved:
        right, logits = saved[0].correct.to(labels.device), saved[0].logits.to(labels.device)
    else:
        model = materialise(distribution, source)
        logits = network_logits(model, images)
        right = logits.argmax(1) == labels
    # near a tie two devices could differ
    right = torch.tensor(ranks.told(right.tolist()), device=labels.device)
    if not right.any():
        raise InputError("the source network classifies no example correctly: train it longer")
    targets = {each.cell.target for each in saved} or {config.target}
    target = targets.pop() if len(targets) == 1 else None  # of images for several none is of their classes
    other = torch.ones_like(right) if target is None else labels != target
    correct = right & other
    if not correct.any():
        raise InputError(f"every initially correct example is of class {target}: try more examples")

    clean, own_labels = images[correct], labels[correct]
    cells = [each.cell.to(images.device) for each in saved] or list(
        craft_cells(distribution, model, clean, own_labels, config, quiet, folder, ranks)
    )
    if all(cell.error for cell in cells):
        raise InputError(f"no attack worked: {cells[0].error}")

    fold = Fold(cells, images, labels, correct, len(dataset.classes), config.seed)
    account = Account()
    drawn, stopped, seconds = draw_until_sure(
        fold,
        distribution,
        seed=config.seed,
        networks=config.networks,
        width=config.until_ci_width,
        most=config.max_networks,
        backend=config.backend,
        precision=config.precision,
        account=account,
        saved=Saved(
            folder and folder / "transfer.safetensors",
            "transfer",
            {
                "transfer": asdict(config),
                "networks": fingerprint(distribution.sample(Networks(config.seed, "fresh", [0]))),
                "images": digest(fold.images),
                "code": code_digest(distribution.classifier),
            },
        ),
        ranks=ranks,
        quiet=quiet,
    )

    indices = chosen[correct.cpu()].tolist()
    return TransferResult(
        examples=fold.examples_table(indices),
        networks=fold.networks_table(source.indices[0], right.double().mean().item()),
        cells=cells,
        clean=clean,
        labels=own_labels,
        indices=indices,
        fold=fold,
        chosen=chosen.tolist(),
        correct=right,
        logits=logits,
        tried=int(other.sum()),
        source=source,
        source_here=not saved or _is_here(distribution, source, images, logits),
        drawn=drawn,
        stopped=stopped,
        seconds={"crafting": sum(cell.seconds for cell in cells), "transfer": seconds},
        forward=account,
    )


def _is_here(distribution: NetworkDistribution, address: Networks, images: Tensor, logits: Tensor) -> bool:
    """Whether the network at an address gives images the logits that the attacked one gave them.

    Weights are no better a witness: those that another device generates differ in their last bits.
    """
    try:
        check_draw(distribution, address)
    except InputError:
        return False
    found = network_logits(materialise(distribution, address), images)
    return found.shape == logits.shape and bool((found - logits).abs().max() <= ROUNDING * logits.abs().max())
