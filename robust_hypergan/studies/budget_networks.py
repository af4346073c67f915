"""The networks that a reproduction trains: HyperGANs, their ablations, and other kinds beside them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from robust_hypergan.models.classifiers import default_classifier, with_dropout
from robust_hypergan.models.hypergan import HyperGAN
from robust_hypergan.models.mc_dropout import DropoutNetworks
from robust_hypergan.runs.bench_config import BenchConfig, DataConfig
from robust_hypergan.training.ensemble_training import EnsembleConfig
from robust_hypergan.training.presets import Preset, find_preset

BASELINES = ("ordinary", "deep-ensemble", "mc-dropout", "swag")
"""Kinds that stand beside the HyperGAN."""

PAPER_BASELINES = BASELINES[:3]
"""Where every training takes long: those that the paper has."""

SNAPSHOTS = 10
"""Of every training of a HyperGAN, to see how diversity goes along it."""

CAUTIOUS = "hypergan, cautious"
"""On the page, what the preset of that name trained: ours, not the paper's."""

NOISE_SHARES = (0.25, 0.5, 0.8, 0.95)
"""Compared in the study of the trade-off."""


def family(
    label: str,
    data: DataConfig,
    sizes: Preset,
    seed: int,
    seeds: int,
    kinds: Sequence[str] = BASELINES,
    repeated: bool = False,
) -> dict[str, BenchConfig]:
    """HyperGANs of several seeds, the ablations and the other kinds, all with the same budget.

    ``repeated`` trains the other kinds from as many seeds as the HyperGAN; those after the first are called
    ``LABEL-KIND-1`` and so on.
    """
    training = replace(sizes.training, seed=seed, snapshots=SNAPSHOTS)
    plain = BenchConfig(data=data, hypergan=sizes.hypergan, training=training, transfer=None)
    found = {
        f"{label}-hypergan-{i}": replace(plain, training=replace(training, seed=seed + i))
        for i in range(seeds)
    }
    found[f"{label}-no-mixer"] = replace(plain, hypergan=replace(sizes.hypergan, mixer=False))
    found[f"{label}-no-discriminator"] = replace(plain, training=replace(training, adversarial_weight=0.0))
    name = default_classifier((3, 32, 32) if label.startswith("cifar") else (1, 28, 28))
    for i in range(seeds if repeated else 1):
        for kind in kinds:
            found[f"{label}-{kind}" + (f"-{i}" if i else "")] = replace(
                plain,
                ensemble=EnsembleConfig(kind),
                classifier=with_dropout(name) if kind == DropoutNetworks.kind else name,
                training=replace(training, seed=seed + i, snapshots=0),
            )
    return found


def cautious_hypergans(label: str, data: DataConfig, seed: int, seeds: int) -> dict[str, BenchConfig]:
    """HyperGANs of several seeds that learnt to disagree where there are no data."""
    sizes = find_preset("cautious")
    plain = BenchConfig(data=data, hypergan=sizes.hypergan, training=sizes.training, transfer=None)
    return {
        f"{label}-cautious-hypergan-{i}": replace(plain, training=replace(sizes.training, seed=seed + i))
        for i in range(seeds)
    }


def side_by_side(networks: Mapping[str, BenchConfig], every_training: bool = False) -> dict[str, str]:
    """The HyperGAN and the other kinds: the name on the page by the name of the networks.

    Of every kind the first training, or all of them under the same name.
    """
    first = next(iter(networks.values())).training.seed

    def shown(own: BenchConfig) -> str:
        if own.ensemble:
            return own.ensemble.kind
        return CAUTIOUS if own.training.disagreement else HyperGAN.kind

    return {
        name: shown(own)
        for name, own in networks.items()
        if (own.ensemble or "-hypergan-" in name) and (every_training or own.training.seed == first)
    }


def trainings(networks: Mapping[str, BenchConfig]) -> dict[str, str]:
    """The HyperGANs that differ in their seed alone."""
    return {
        name: f"seed {own.training.seed}"
        for name, own in networks.items()
        if name.rpartition("-")[0].endswith("hypergan")
    }


def noise_shares(data: DataConfig, seed: int) -> dict[str, BenchConfig]:
    """Small HyperGANs of MNIST-5000 that differ in their noise share, each with snapshots."""
    sizes = find_preset("quick")
    return {
        f"mnist-5k-share-{share:g}": BenchConfig(
            data=data,
            hypergan=replace(sizes.hypergan, noise_share=share),
            training=replace(sizes.training, seed=seed, snapshots=SNAPSHOTS // 2),
            transfer=None,
        )
        for share in NOISE_SHARES
    }
