"""Adversarially trained networks beside plain ones: accuracy, white-box success, transfer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import torch

from robust_hypergan.base.errors import InputError
from robust_hypergan.evidence.measured import EvidenceConfig
from robust_hypergan.models.hypergan import HyperGAN
from robust_hypergan.reports import compare_runs, load_run
from robust_hypergan.runs.bench_config import BenchConfig, DataConfig
from robust_hypergan.runs.benchmark import bench
from robust_hypergan.runs.preparation import loaded
from robust_hypergan.runs.run_folder import RunFolder, is_finished
from robust_hypergan.studies.study import Tables, named_paths, record_inputs, run_study
from robust_hypergan.transferability.config import TransferConfig, choose_examples


@dataclass(frozen=True)
class HardeningConfig:
    """Which networks are attacked, and how.

    Attributes:
        checkpoints: the plain networks first, then the others, ``PATH`` or ``NAME=PATH``.
        data: whose test split is attacked.
        classifier: of checkpoints that do not say theirs.
        transfer: attacks, eps and counts.

    Raises:
        InputError: fewer than two checkpoints.
    """

    checkpoints: Sequence[str] = ()
    data: DataConfig = field(default_factory=DataConfig)
    classifier: str | None = None
    transfer: TransferConfig = field(default_factory=TransferConfig)

    def __post_init__(self) -> None:
        if len(self.checkpoints) < 2:
            raise InputError("nothing to compare: give at least two checkpoints, the plain networks first")


def run_hardening(
    config: HardeningConfig,
    out: Path,
    *,
    device: torch.device | None = None,
    command: str = "",
    quiet: bool = True,
) -> Path:
    """Attacks each of the networks in a folder of its own below ``out``; ``hardening.csv`` compares them.

    Returns:
        The path of ``report.html``.

    Raises:
        InputError: bad data, checkpoints, or a folder that can't be used; or, after all others were attacked,
            networks that could not be.
    """
    shared = BenchConfig(
        data=config.data,
        classifier=config.classifier,
        transfer=config.transfer,
        evidence=EvidenceConfig(checks="off"),
    )
    paths = named_paths(config.checkpoints)
    configs = {name: replace(shared, checkpoint=path) for name, path in paths.items()}
    dataset = config.data.load("test")
    choose_examples(dataset, config.transfer.examples, config.transfer.seed)
    checkpoints = {name: loaded(own, dataset) for name, own in configs.items()}  # before hours of attacks
    networks = {name: each.distribution for name, each in checkpoints.items()}
    trainings = {name: each.facts.get("training") for name, each in checkpoints.items()}

    def measure(run: RunFolder) -> Tables:
        run.update(data={"name": config.data.name})
        record_inputs(run, [dataset], networks, config.transfer.seed)
        known = {name: each for name, each in trainings.items() if isinstance(each, Mapping)}
        run.update(
            pgd_eps={  # no other kind can be trained so
                name: each.get("pgd_eps", 0) if isinstance(networks[name], HyperGAN) else 0
                for name, each in known.items()
            }
        )
        runs, failed = {}, {}
        for name, own in configs.items():
            try:
                if not is_finished(out / name):
                    bench(own, out / name, device=device, quiet=quiet)
                runs[name] = load_run(out / name)
            except InputError as error:  # the others are attacked all the same, and kept
                failed[name] = str(error)
        if failed:
            raise InputError("; ".join(f"{name}: {text}" for name, text in failed.items()))
        return {"hardening": compare_runs(runs)}

    return run_study("hardening", asdict(config), out, measure, device=device, command=command)
