"""The transfer measurement: craft against one network, try on M fresh ones, tabulate each example.

Protocol: Ratzlaff & Li, ICML 2019, Figure 4, on initially correct examples only. The source network
comes from the ``source`` stream and the fresh ones from ``fresh``: no attack ever saw them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn
from tqdm import tqdm

from robust_hypergan.attacks import NORMS, find_attack
from robust_hypergan.cascade import Account
from robust_hypergan.crafting import Cell, SavedCell, begun_cell, craft_cell, share_cell
from robust_hypergan.datasets import Dataset, to_unit
from robust_hypergan.distributed import ALONE, Ranks
from robust_hypergan.draws import DistributionDraws
from robust_hypergan.ensemble import check_engine
from robust_hypergan.errors import InputError, check_range, unknown
from robust_hypergan.fold import Fold
from robust_hypergan.networks import NetworkDistribution, Networks, fingerprint, materialise
from robust_hypergan.progress import track
from robust_hypergan.reports import summarise, summary_html
from robust_hypergan.resumable import Saved, digest
from robust_hypergan.stopping import check_width, draw_until_sure


@dataclass(frozen=True)
class TransferConfig:
    """What is attacked with, and what it is tried on.

    Attributes:
        attacks: attacks as in ``pgd:steps=40``.
        eps: radii of the ball, each in (0, 1] for L-inf and above 0 for L2.
        norm: ``linf`` or ``l2``.
        networks: fresh networks, 1 to 100,000; with ``until_ci_width`` those of the first round.
        examples: images of the test split, chosen at random but the same for a seed.
        source: index of the attacked network in the ``source`` stream; an attack on K networks holds
            this one and the K - 1 after it.
        target: class that the attacks aim at: images of that class are left out, and only an answer of that
            class counts as fooled. None is any wrong class.
        seed: of the networks' addresses, the choice of examples and the attacks' randomness.
        backend: of the ensemble forward; None is the fastest for the device and the size of the job.
        precision: ``float32``, or ``cascade`` with the same predictions; None is the fastest likewise.
        until_ci_width: draw fresh networks until every cell's interval of the mean fooled fraction is
            narrower, in (0, 1]; see :mod:`robust_hypergan.stopping`. None draws ``networks``.
        max_networks: the most that are drawn for it, ``networks`` to 100,000.

    Raises:
        InputError: a value outside its range, or an attack that does not exist.
    """

    attacks: Sequence[str] = ("fgsm", "pgd")
    eps: Sequence[float] = (0.05, 0.1, 0.15, 0.2, 0.3)
    norm: str = "linf"
    networks: int = 500
    examples: int = 500
    source: int = 0
    target: int | None = None
    seed: int = 0
    backend: str | None = None
    precision: str | None = None
    until_ci_width: float | None = None
    max_networks: int = 10_000

    def __post_init__(self) -> None:
        if self.norm not in NORMS:
            raise unknown("norm", self.norm, NORMS)
        if not self.attacks or not self.eps:
            raise InputError("nothing to do: give at least one attack and one eps")
        check_engine(self.backend, self.precision)
        for eps in self.eps:
            if not 0 < eps < float("inf") or (self.norm == "linf" and eps > 1):
                allowed = "in (0, 1]: images are in [0, 1]" if self.norm == "linf" else "above 0"
                raise InputError(f"eps {eps:g} is out of range: it must be {allowed}")
        check_range("networks", self.networks, 1, 100_000)
        for name, least in (("examples", 1), ("source", 0), ("seed", 0)):
            check_range(name, getattr(self, name), least)
        if self.until_ci_width is not None:
            check_width(self.until_ci_width)
            check_range("max_networks", self.max_networks, self.networks, 100_000)
        if self.target is not None:
            check_range("target", self.target, 0)
        if len(set(self.attacks)) < len(self.attacks) or len(set(self.eps)) < len(self.eps):
            raise InputError("an attack or an eps is given twice: name each once")
        for attack in self.attacks:
            find_attack(attack, self.norm)


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
        tried: examples tried, initially correct or not; those of the target class are not.
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
    tried: int
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

    def _repr_html_(self) -> str:
        """What a notebook shows: the summary and the main figure."""
        return summary_html(self.summary)


def choose_examples(dataset: Dataset, count: int, seed: int) -> Tensor:
    """Indices of ``count`` images of a split, drawn without replacement, ascending.

    Raises:
        InputError: the split has fewer images.
    """
    total = len(dataset.labels)
    if count > total:
        raise InputError(f"{dataset.name} has {total} test images, not {count}: ask for at most {total}")
    random = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(5,)))
    return torch.from_numpy(np.sort(random.choice(total, count, replace=False)))


def check_addresses(distribution: NetworkDistribution, config: TransferConfig) -> None:
    """Asks a distribution for the last networks of a measurement, before anything is computed.

    Raises:
        InputError: it has not so many.
    """
    distribution.sample(Networks(config.seed, "source", [config.source]))
    distribution.sample(Networks(config.seed, "fresh", [config.networks - 1]))


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
            all of the same examples.
        folder: where finished cells and the state of the fold are kept; the caller removes it in the end.
            What an interrupted measurement of the same left there is taken up, with the same result as if it
            had never stopped.
        ranks: who shares the cells, if there is a folder, and the fresh networks; each gets the whole result.
        quiet: no progress bars.

    Raises:
        InputError: the split has fewer images than asked for, the distribution fewer networks, no class has
            the target's number, or the source classifies none correctly.
    """
    check_addresses(distribution, config)
    if config.target is not None:
        check_range("target", config.target, 0, len(dataset.classes) - 1)
    chosen = (
        torch.tensor(saved[0].examples) if saved else choose_examples(dataset, config.examples, config.seed)
    )
    images, labels = to_unit(dataset.images[chosen].to(device)), dataset.labels[chosen].to(device)
    source = materialise(distribution, Networks(config.seed, "source", [config.source]))
    with torch.no_grad():
        correct = torch.ones_like(labels, dtype=torch.bool) if saved else source(images).argmax(1) == labels
        # near a tie two devices could differ
        correct = torch.tensor(ranks.told(correct.tolist()), device=labels.device)
        source_accuracy = correct.double().mean().item()
    tried = len(chosen)
    if not correct.any():
        raise InputError("the source network classifies no example correctly: train it longer")
    if config.target is not None and not saved:
        other = labels != config.target
        correct &= other
        tried = int(other.sum())
        if not correct.any():
            raise InputError(
                f"every initially correct example is of class {config.target}: try more examples"
            )

    clean, own_labels = images[correct], labels[correct]
    cells = [each.cell.to(images.device) for each in saved] or list(
        craft_cells(distribution, source, clean, own_labels, config, quiet, folder, ranks)
    )

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
            },
        ),
        ranks=ranks,
        quiet=quiet,
    )

    indices = chosen[correct.cpu()].tolist()
    return TransferResult(
        examples=fold.examples_table(indices),
        networks=fold.networks_table(saved[0].source["index"] if saved else config.source, source_accuracy),
        cells=cells,
        clean=clean,
        labels=own_labels,
        indices=indices,
        fold=fold,
        chosen=chosen.tolist(),
        tried=tried,
        drawn=drawn,
        stopped=stopped,
        seconds={"crafting": sum(cell.seconds for cell in cells), "transfer": seconds},
        forward=account,
    )


def cell_record(cell: Cell) -> dict[str, Any]:
    """A cell as it stands in ``run.json``: everything but its images."""
    return {
        "attack": cell.attack,
        "norm": cell.norm,
        "eps": cell.eps,
        "target": cell.target,
        "attacker": cell.attacker,
        "options": dict(cell.options),
        "seconds": cell.seconds,
        "status": "failed" if cell.error else "done",
        "error": cell.error,
        "audit": cell.audit.record(),
    }


def craft_cells(
    distribution: NetworkDistribution,
    source: nn.Module,
    images: Tensor,
    labels: Tensor,
    config: TransferConfig,
    quiet: bool,
    folder: Path | None = None,
    ranks: Ranks = ALONE,
) -> Iterator[Cell]:
    """Every attack at every eps on one source network.

    Args:
        distribution: what the attacks may draw further networks from.
        source: the network of ``config.source``.
        images: ``[n, C, H, W]`` in [0, 1] that it classifies correctly.
        labels: their classes ``[n]``.
        config: attacks, eps and the source's index.
        quiet: no progress bar.
        folder: as of :func:`transfer`.
        ranks: who shares the cells; each gets all of them, the others those that the leader has.
    """
    described = {
        "transfer": asdict(config),
        "source": fingerprint(distribution.sample(Networks(config.seed, "source", [config.source]))),
        "images": digest(images),
    }
    tasks = [(find_attack(spec), spec, eps) for spec, eps in product(config.attacks, config.eps)]

    def craft(number: int, progress: tqdm[Any]) -> Cell:
        attack, spec, eps = tasks[number]
        progress.set_postfix_str(f"{spec} at eps {eps:g}")
        path = folder and folder / f"cell-{config.source}-{number}.safetensors"
        return craft_cell(
            attack,
            source,
            images,
            labels,
            eps=eps,
            norm=config.norm,
            target=config.target,
            seed=config.seed,
            draws=lambda: DistributionDraws(distribution, config.seed, config.source),
            advance=progress.update,
            saved=Saved(path, "cell", described | {"attack": spec, "eps": eps}),
        )

    with track("crafting", len(tasks) * len(images), quiet) as progress:
        own = range(ranks.rank, len(tasks), ranks.size) if folder and ranks.size > 1 else ()
        made = {number: craft(number, progress) for number in own}
        ranks.wait()  # now the states of all cells are in the folder, and crafting one again takes no time
        for number, (attack, _, eps) in enumerate(tasks):
            if ranks.leads:
                cell = made.pop(number, None) or craft(number, progress)
            else:
                cell = begun_cell(attack, images, labels, eps=eps, norm=config.norm, target=config.target)
            yield share_cell(cell, ranks)
