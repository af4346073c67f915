"""The paper's Figure 4 with error bars: several trainings, several attacked networks, a grid of eps."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from robust_hypergan.base.durable import remove_folder
from robust_hypergan.base.errors import InputError, check_range
from robust_hypergan.models.networks import NetworkDistribution, Networks, available
from robust_hypergan.models.parameters import are_copies
from robust_hypergan.reports import ADVERSARIAL_TABLES, compare_attacks
from robust_hypergan.runs.bench_config import DataConfig
from robust_hypergan.runs.run_folder import RunFolder
from robust_hypergan.studies.study import Tables, check_trainings, load_named, record_inputs, run_study
from robust_hypergan.studies.study_parts import kept_tables
from robust_hypergan.transferability.config import TransferConfig, check_addresses, choose_examples
from robust_hypergan.transferability.measurement import TransferResult, transfer

PAPER_EPS = (0.01, 0.03, 0.08, 0.1, 0.3, 0.5, 1.0)
"""In the authors' scripts."""

FINE_EPS = (0.02, 0.05, 0.12, 0.15, 0.2, 0.25, 0.4)
"""What lies between them, where the fooled fraction changes."""


@dataclass(frozen=True)
class AdversarialConfig:
    """What is attacked, how, and on how many networks it is tried.

    Attributes:
        checkpoints: trainings that differ in their seed alone, ``PATH`` or ``NAME=PATH``.
        data: whose test split is attacked.
        classifier: of checkpoints that do not say theirs.
        attacks: one single-step attack called ``fgsm`` and one iterative called ``pgd``, and what else is
            to stand beside them.
        eps: radii in (0, 1].
        sources: networks of each training that are attacked, each on its own.
        networks: fresh networks of each training.
        examples: images of the test split.
        seed: of addresses, examples and attacks.

    Raises:
        InputError: a value outside its range.
    """

    checkpoints: Sequence[str] = ()
    data: DataConfig = field(default_factory=DataConfig)
    classifier: str | None = None
    attacks: Sequence[str] = ("fgsm", "pgd")
    eps: Sequence[float] = tuple(sorted({*PAPER_EPS, *FINE_EPS}))
    sources: int = 3
    networks: int = 500
    examples: int = 200
    seed: int = 0

    def __post_init__(self) -> None:
        check_range("sources", self.sources, 1, 1000)
        for name in ("fgsm", "pgd"):
            if sum(str(each).partition(":")[0] == name for each in self.attacks) > 1:
                raise InputError(f"{name} is given more than once: FGSM minus PGD takes one of each")
        self.transfer()

    def transfer(self) -> TransferConfig:
        """The measurement that is made on every source."""
        return TransferConfig(
            attacks=self.attacks,
            eps=self.eps,
            networks=self.networks,
            examples=self.examples,
            seed=self.seed,
        )


def run_adversarial(
    config: AdversarialConfig,
    out: Path,
    *,
    device: torch.device | None = None,
    command: str = "",
    quiet: bool = True,
) -> Path:
    """Measures ``adversarial.csv`` and ``adversarial_pairs.csv`` in the folder ``out``.

    The first has a row for every training, source, attack and eps; the second FGSM minus PGD for every
    training, source and eps, each over its own successes and over the examples that fooled the source under
    both.

    Returns:
        The path of ``report.html``.

    Raises:
        InputError: bad data, a folder that can't be used, or checkpoints that are not trainings of the same.
    """
    device = device or torch.device("cpu")
    dataset = config.data.load("test")
    named = load_named(config.checkpoints, dataset, device, config.classifier)
    check_trainings("adversarial", named.values())
    choose_examples(dataset, config.examples, config.seed)
    for name, distribution in named.items():
        try:
            check_addresses(distribution, config.transfer())
        except InputError as error:
            raise InputError(f"{name}: {error}") from error

    def measure(run: RunFolder) -> Tables:
        run.update(data={"name": dataset.name})
        record_inputs(run, [dataset], named, config.seed)
        parts = []
        for number, (name, distribution) in enumerate(named.items()):
            for source in _sources(distribution, config):
                own = replace(config.transfer(), source=source)
                folder = run.progress / f"{number}-{source}"
                measured = partial(transfer, distribution, dataset, own, device=device, quiet=quiet)
                tables = partial(_tables, measured, folder / "states", name, source)
                parts.append(kept_tables(folder, ADVERSARIAL_TABLES, tables))
                remove_folder(folder / "states")
        return {stem: pd.concat([part[stem] for part in parts], ignore_index=True) for stem in parts[0]}

    return run_study("adversarial", asdict(config), out, measure, device=device, command=command)


def _tables(measured: Callable[..., TransferResult], states: Path, name: str, source: int) -> Tables:
    """The tables of one source, measured with its states in a folder."""
    result = measured(folder=states)
    compared = pd.DataFrame(_compared(result.examples, result.summary))
    tables = dict(zip(ADVERSARIAL_TABLES, (result.summary, compared), strict=True))
    return {stem: table.assign(name=name, source=source) for stem, table in tables.items()}


def _sources(distribution: NetworkDistribution, config: AdversarialConfig) -> Sequence[int]:
    """The networks to attack; of a distribution whose networks are all one, that one."""
    networks = available(distribution, config.seed, "source", 0, config.sources)
    alike = are_copies(distribution.sample(Networks(config.seed, "source", networks.indices[:2])))
    return networks.indices[:1] if alike else networks.indices


def _compared(examples: pd.DataFrame, summary: pd.DataFrame) -> Iterator[dict[str, Any]]:
    for each in compare_attacks(examples, summary[summary["fooled_mean"].notna()]):
        yield {
            "eps": each.eps,
            "difference": each.own.value,
            "ci_low": each.own.low,
            "ci_high": each.own.high,
            "pairs": each.pairs,
            "paired": each.paired.value,
            "paired_low": each.paired.low,
            "paired_high": each.paired.high,
        }
