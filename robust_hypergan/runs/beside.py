"""Other kinds of networks beside those of a run: the same measurement, each in a run's folder of its own.

The undefended twin is among them, as Carlini et al. 2019 (arXiv:1902.06705) ask of every evaluation.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pandas as pd

from robust_hypergan.base.errors import InputError, unknown
from robust_hypergan.data.datasets import Dataset
from robust_hypergan.models.classifiers import with_dropout
from robust_hypergan.models.hypergan import HyperGAN
from robust_hypergan.models.mc_dropout import DropoutNetworks
from robust_hypergan.models.networks import fresh_available, kind_of
from robust_hypergan.models.ordinary import OrdinaryNetwork
from robust_hypergan.reports import Run, beside_folder, compare_runs, load_run
from robust_hypergan.runs.bench_config import BenchConfig
from robust_hypergan.runs.preparation import loaded, untrained
from robust_hypergan.runs.run_folder import RunFolder, is_finished
from robust_hypergan.storage.checkpoint import Checkpoint
from robust_hypergan.training.ensemble_training import ENSEMBLE_KINDS, EnsembleConfig
from robust_hypergan.transferability.config import check_addresses

NETWORK_KINDS = (HyperGAN.kind, *ENSEMBLE_KINDS)
"""Every kind of networks that can be trained."""


def beside_configs(config: BenchConfig, main: Checkpoint, dataset: Dataset) -> dict[str, BenchConfig]:
    """The run of each further kind of networks, by its name, before anything is computed.

    A kind is trained with the budget of ``config``; mc-dropout on the same classifier with dropout where
    it is one of ours. Each is tried on as many fresh networks as asked for, or on as many as it has.

    Args:
        config: the main run; ``config.evidence.beside`` names kinds or checkpoints.
        main: the main networks; a folder of state dicts beside them is of the same classifier.
        dataset: the test split.

    Raises:
        InputError: an unknown kind, one that the classifier can't be, or a checkpoint that does not fit.
    """
    own_kind = kind_of(main.distribution)
    asked = config.evidence.beside if config.transfer else ()
    names = [name for each in asked for name in (NETWORK_KINDS if each == "all" else [each])]
    configs: dict[str, BenchConfig] = {}
    for name in dict.fromkeys(name for name in names if "all" not in asked or name != own_kind):
        try:
            kind, beside = _beside_config(config, name, main, dataset)
        except InputError as error:
            raise InputError(f"beside {name}: {error}") from error
        taken = {own_kind, *configs}
        kind = next(each for each in (kind, *(f"{kind}-{i}" for i in range(2, 99))) if each not in taken)
        configs[kind] = beside
    return configs


def measure_beside(
    run: RunFolder,
    main: Run,
    configs: Mapping[str, BenchConfig],
    bench: Callable[[BenchConfig, Path], object],
    coverage_eps: float | None = None,
) -> pd.DataFrame:
    """Runs each kind that has not finished in an earlier try, and compares all of them (``beside.csv``).

    Args:
        run: the main run's folder; what became of each kind goes into its ``run.json``.
        main: the main run's tables.
        configs: of :func:`beside_configs`.
        bench: runs one configuration in a folder.
        coverage_eps: where the main run measures how many networks an attacker must hold.
    """
    runs, outcome = {main.record.kind: main}, {}
    for name, config in configs.items():
        folder = beside_folder(run.path, name)
        try:
            if not is_finished(folder):
                evidence = replace(config.evidence, coverage_eps=coverage_eps)
                bench(replace(config, evidence=evidence), folder)
            runs[name], outcome[name] = load_run(folder), "done"
        except (ValueError, RuntimeError, ArithmeticError, MemoryError) as error:  # others need not be lost
            outcome[name] = " ".join(str(error).split()) or type(error).__name__
        run.update(beside=outcome)
    return compare_runs(runs)


def _beside_config(
    config: BenchConfig, name: str, main: Checkpoint, dataset: Dataset
) -> tuple[str, BenchConfig]:
    asked = config.evidence  # the main run is on trial, not they
    evidence = replace(asked, beside=(), checks="off", coverage=asked.coverage or asked.checks)
    beside = replace(config, evidence=evidence, checkpoint=None)
    if name in NETWORK_KINDS:
        if config.checkpoint:
            raise InputError("nothing is trained beside a checkpoint: give the path of another checkpoint")
        ensemble = None if name == HyperGAN.kind else EnsembleConfig(name, members=config.evidence.members)
        dropout = name == DropoutNetworks.kind
        classifier = with_dropout(main.classifier) if dropout else main.classifier
        beside = replace(beside, classifier=classifier, ensemble=ensemble, transfer=None)
        distribution = untrained(beside, dataset).distribution
    elif Path(name).exists() or ":" in name:
        if Path(name).is_dir():
            beside = replace(beside, classifier=main.classifier)
        beside = replace(beside, checkpoint=Path(name), transfer=None)
        distribution = loaded(beside, dataset).distribution
    else:
        raise unknown("kind or checkpoint", name, ("all", *NETWORK_KINDS))
    assert config.transfer
    networks = fresh_available(distribution, config.transfer.networks)
    transfer = replace(config.transfer, networks=networks)
    check_addresses(distribution, transfer)
    if isinstance(distribution, OrdinaryNetwork):  # any other source is the same network
        beside = replace(beside, evidence=replace(evidence, sources=1))
    return kind_of(distribution), replace(beside, transfer=transfer)
