"""One-dimensional regression: do sampled networks know where there are no data? The paper's Figure 2."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from torch import Tensor, nn
from tqdm import tqdm

from robust_hypergan.base.errors import InputError, check_range
from robust_hypergan.base.progress import track
from robust_hypergan.models.deep_ensemble import MOST_MEMBERS, DeepEnsemble
from robust_hypergan.models.hypergan import HyperGAN, HyperGANConfig
from robust_hypergan.models.mc_dropout import DropoutNetworks
from robust_hypergan.models.networks import Networks
from robust_hypergan.models.parameters import Params
from robust_hypergan.reports import REGRESSION_TABLES, summarise_regression
from robust_hypergan.runs.run_folder import RunFolder
from robust_hypergan.studies.regression_fits import FitConfig, fit_dropout, fit_ensemble, fit_hypergan
from robust_hypergan.studies.regression_networks import (
    DATA_END,
    Observations,
    RegressionNetwork,
    evaluate,
    observe,
)
from robust_hypergan.studies.study import Tables, run_study
from robust_hypergan.studies.study_parts import kept_tables
from robust_hypergan.training.config import MOST_STEPS

ANCHORED = "hypergan-anchored"
"""The kind of a HyperGAN whose networks have anchors of their own."""

LOOKS, LOOK_NETWORKS = 12, 100
"""How often the band is looked at while a HyperGAN trains, and by how many networks."""


@dataclass(frozen=True)
class RegressionConfig:
    """What is fitted, how long, and how it is looked at.

    Attributes:
        steps: optimisation steps of a HyperGAN.
        train_networks: networks it generates a step. The other kinds are given as many passes of a network
            over the data, ``steps * train_networks``.
        learning_rate: peak rate of Adam for a HyperGAN.
        networks: sizes of the ensembles that are drawn from it, a panel each.
        seeds: trainings, each with observations of its own.
        seed: the first of them.
        points: observations.
        hidden: units of the networks' hidden layer.
        members: networks of the deep ensemble.
        dropout: rate of MC dropout.
        ordinary_rate: peak rate of Adam for the other kinds.
        limit: the networks are looked at on [-limit, limit].
        grid: at how many evenly spaced points.
        hypergan: sizes of the HyperGAN.

    Raises:
        InputError: a value outside its range.
    """

    steps: int = 2000
    train_networks: int = 32
    learning_rate: float = 3e-3
    networks: Sequence[int] = (10, 100, 1000)
    seeds: int = 5
    seed: int = 0
    points: int = 20
    hidden: int = 200
    members: int = 10
    dropout: float = 0.1
    ordinary_rate: float = 1e-2
    limit: float = 6.0
    grid: int = 121
    hypergan: HyperGANConfig = field(
        default_factory=lambda: HyperGANConfig(latent_dim=64, code_dim=32, hidden=128, noise_share=1.0)
    )

    def __post_init__(self) -> None:
        for name, most in (
            ("steps", MOST_STEPS),
            ("train_networks", 10_000),
            ("seeds", 1000),
            ("hidden", 10_000),
        ):
            check_range(name, getattr(self, name), 1, most)
        for name in ("learning_rate", "ordinary_rate", "seed"):
            check_range(name, getattr(self, name), 0)
        if not self.networks:
            raise InputError("nothing to draw: give at least one number of networks")
        for size in self.networks:
            check_range("networks", size, 2, 100_000)  # one network has no spread
        check_range("members", self.members, 2, MOST_MEMBERS)
        check_range("dropout", self.dropout, 0.001, 0.99)
        check_range("points", self.points, 2)
        check_range("limit", self.limit, 4.1, 100)
        check_range("grid", self.grid, 13)


def run_regression(
    config: RegressionConfig,
    out: Path,
    *,
    device: torch.device | None = None,
    command: str = "",
    quiet: bool = True,
) -> Path:
    """Fits every kind of networks for every seed, and reports their predictive distributions in a folder.

    Args:
        config: what and how much.
        out: the folder.
        device: where to compute; None is the CPU.
        command: the command that repeats it.
        quiet: no progress bar.

    Returns:
        The path of ``report.html``.

    Raises:
        InputError: the folder can't be used.
    """
    place = device or torch.device("cpu")

    def measure(run: RunFolder) -> Tables:
        with track("fitting", config.seeds * 4, quiet) as progress:
            parts = []
            for seed in range(config.seed, config.seed + config.seeds):
                measured = partial(_one_seed, config, seed, place, progress)
                parts.append(kept_tables(run.progress / f"{seed}", REGRESSION_TABLES, measured))
                progress.update(4 * len(parts) - progress.n)
        tables = {
            stem: pd.concat([part[stem] for part in parts], ignore_index=True) for stem in REGRESSION_TABLES
        }
        run.update(seeds=list(range(config.seed, config.seed + config.seeds)))
        return tables

    return run_study("regression", asdict(config), out, measure, device=place, command=command)


def _one_seed(config: RegressionConfig, seed: int, device: torch.device, progress: tqdm[Any]) -> Tables:
    data = observe(config.points, seed).to(device)
    x = torch.linspace(-config.limit, config.limit, config.grid).to(device)
    rows: list[pd.DataFrame] = []
    looks: list[dict[str, Any]] = []
    for kind in (HyperGAN.kind, ANCHORED):
        hypergan = _hypergan(config, kind, seed, data, x, looks)
        params = hypergan.sample(Networks(seed, "fresh", range(max(config.networks))))
        rows += _predictions(kind, seed, evaluate(hypergan.classifier, params, x), x, config.networks)
        progress.update()
    passes = config.steps * config.train_networks
    budget = FitConfig(max(1, passes // config.members), config.members, config.ordinary_rate, seed)
    members: Params = fit_ensemble(config.hidden, data, budget)
    values = evaluate(RegressionNetwork(config.hidden).to(device), members, x)
    rows += _predictions(DeepEnsemble.kind, seed, values, x, (config.members,))
    progress.update()
    budget = FitConfig(config.steps, config.train_networks, config.ordinary_rate, seed)
    masked = fit_dropout(config.hidden, config.dropout, data, budget)
    params = masked.sample(Networks(seed, "fresh", range(max(config.networks))))
    values = evaluate(masked.classifier, params, x)
    rows += _predictions(DropoutNetworks.kind, seed, values, x, config.networks)
    progress.update()
    predictions = pd.concat(rows, ignore_index=True)
    return {
        "regression": predictions,
        "regression_data": pd.DataFrame({"seed": seed, "x": data.x.tolist(), "y": data.y.tolist()}),
        "regression_summary": summarise_regression(predictions, DATA_END),
        "regression_training": pd.DataFrame(looks),
    }


def _hypergan(
    config: RegressionConfig, kind: str, seed: int, data: Observations, x: Tensor, looks: list[dict[str, Any]]
) -> HyperGAN:
    """A fitted HyperGAN; what is seen on the way goes into ``looks``."""
    every = max(1, config.steps // LOOKS)

    def look(hypergan: HyperGAN, step: int, loss: float) -> None:
        if step % every and step != config.steps:
            return
        params = hypergan.sample(Networks(seed, "fresh", range(LOOK_NETWORKS)))
        (table,) = _predictions(kind, seed, evaluate(hypergan.classifier, params, x), x, (LOOK_NETWORKS,))
        (row,) = summarise_regression(table, DATA_END).to_dict("records")
        looks.append(
            {"kind": kind, "seed": seed, "step": step, "loss": loss}
            | {name: row[name] for name in ("sd_inside", "sd_outside")}
        )

    network: nn.Module = RegressionNetwork(config.hidden)
    fit = FitConfig(config.steps, config.train_networks, config.learning_rate, seed)
    return fit_hypergan(network, config.hypergan, data, fit, anchored=kind == ANCHORED, after=look)


def _predictions(kind: str, seed: int, values: Tensor, x: Tensor, sizes: Sequence[int]) -> list[pd.DataFrame]:
    """Mean and sd over the first networks of each size, of values ``[M, N]`` at points ``[N]``."""
    return [
        pd.DataFrame(
            {
                "kind": kind,
                "seed": seed,
                "networks": size,
                "x": x.double().cpu().numpy().round(6),
                "mean": values[:size].mean(0).double().cpu().numpy(),
                "sd": values[:size].std(0).double().cpu().numpy(),
            }
        )
        for size in sorted(set(sizes))
    ]
