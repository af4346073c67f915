"""What a reproduction makes, by budget: which networks are trained, and which studies are made of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from robust_hypergan.base.errors import unknown
from robust_hypergan.runs.bench_config import BenchConfig, DataConfig
from robust_hypergan.studies.adversarial import AdversarialConfig, run_adversarial
from robust_hypergan.studies.budget_networks import (
    PAPER_BASELINES,
    cautious_hypergans,
    family,
    noise_shares,
    side_by_side,
    trainings,
)
from robust_hypergan.studies.classification import ClassificationConfig, run_classification
from robust_hypergan.studies.diversity import DiversityConfig, run_diversity
from robust_hypergan.studies.hardening import HardeningConfig, run_hardening
from robust_hypergan.studies.out_of_distribution import OutOfDistributionConfig, run_out_of_distribution
from robust_hypergan.studies.regression import RegressionConfig, run_regression
from robust_hypergan.studies.tradeoff import TradeoffConfig, run_tradeoff
from robust_hypergan.training.presets import Preset, find_preset

Checkpoints = Mapping[str, str]
"""Paths of trained networks by their name."""


@dataclass(frozen=True)
class Item:
    """One study of a reproduction.

    Attributes:
        run: makes the study of a configuration in a folder.
        config: the configuration, of the checkpoints of the networks.
        networks: names of the networks it needs.
    """

    run: Callable[..., Path]
    config: Callable[[Checkpoints], Any]
    networks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Plan:
    """A whole reproduction.

    Attributes:
        name: of the budget.
        title: heading of its page.
        seed: of everything.
        networks: what can be trained, by name.
        items: the studies, in the order of the page.
        settings: what else tells it from other plans of the budget; none where all is as by default.
    """

    name: str
    title: str
    seed: int
    networks: Mapping[str, BenchConfig]
    items: Mapping[str, Item]
    settings: Mapping[str, str] = field(default_factory=dict)

    def chosen(self, only: Sequence[str]) -> dict[str, Item]:
        """The items of these names, in the plan's order; without names all of them.

        Raises:
            InputError: an unknown item.
        """
        for name in only:
            if name not in self.items:
                raise unknown("item", name, self.items)
        return {name: item for name, item in self.items.items() if not only or name in only}


CIFAR_PRESET = "cifar"
"""Of the trainings on CIFAR, unless another is asked for."""

PLAIN, HARDENED = "mnist-5k-share-0.95", "mnist-5k-hardened"
"""Compared in the study of adversarial training, which is several times as long as plain training."""


def find_plan(
    budget: str, *, root: Path, download: bool = False, seed: int = 0, cifar_preset: str = CIFAR_PRESET
) -> Plan:
    """The plan of a budget.

    Args:
        budget: ``quick``, on the data in the package, in minutes on two cores; or ``full``, on MNIST,
            notMNIST, Fashion-MNIST and CIFAR-10, in hours.
        root: folder of the data sets that do not come with the package.
        download: fetch what is missing.
        seed: of everything.
        cifar_preset: of every training on CIFAR, which take hours without a GPU.

    Raises:
        InputError: an unknown budget or preset.
    """
    if budget not in ("quick", "full"):
        raise unknown("budget", budget, ("quick", "full"))
    data, colour = DataConfig(root=root, download=download), find_preset(cifar_preset)
    plan = _quick(data, seed) if budget == "quick" else _full(data, seed, colour)
    needed = {name for item in plan.items.values() for name in item.networks}
    networks = {name: own for name, own in plan.networks.items() if name in needed}
    items = {name: replace(item, config=_seeded(item.config, seed)) for name, item in plan.items.items()}
    other = budget == "full" and cifar_preset != CIFAR_PRESET
    return replace(
        plan, networks=networks, items=items, settings={"cifar_preset": cifar_preset} if other else {}
    )


def _seeded(config: Callable[[Checkpoints], Any], seed: int) -> Callable[[Checkpoints], Any]:
    """The configurations of a study with addresses, choices and attacks from a seed."""

    def seeded(checkpoints: Checkpoints) -> Any:
        own = config(checkpoints)
        if isinstance(own, HardeningConfig):
            return replace(own, transfer=replace(own.transfer, seed=seed))
        return replace(own, seed=seed)

    return seeded


def _quick(data: DataConfig, seed: int) -> Plan:
    small = replace(data, name="mnist-5k")
    networks = family("mnist-5k", small, find_preset("quick"), seed, 2)
    items = {
        "regression": Item(run_regression, lambda _: RegressionConfig(steps=1000, seeds=2)),
        "classification-mnist-5k": _classification(networks, small, votes=2),
        "uncertainty-mnist-5k": _uncertainty(networks, small, "fashion-1k", images=1000),
        "adversarial-mnist-5k": _adversarial(networks, small, sources=1, networks=200, examples=100),
        "diversity-mnist-5k": _diversity(
            networks, small, networks=30, images=1000, feature_images=500, weight_networks=300
        ),
    }
    return Plan("quick", "The HyperGAN paper in minutes", seed, networks, items)


def _full(data: DataConfig, seed: int, colour: Preset) -> Plan:
    mnist, small = replace(data, name="mnist"), replace(data, name="mnist-5k")
    cifar5, cifar10 = replace(data, name="cifar5"), replace(data, name="cifar10")
    standard, accurate = find_preset("standard"), find_preset("accurate")
    half = replace(accurate.training, steps=accurate.training.steps // 2)  # on few images they grow alike
    families = {
        "mnist": family("mnist", mnist, standard, seed, 3, PAPER_BASELINES, repeated=True),
        "mnist-accurate": family("mnist-accurate", mnist, accurate, seed, 1, PAPER_BASELINES),
        "mnist-5k-accurate": family(
            "mnist-5k-accurate", small, replace(accurate, training=half), seed, 1, PAPER_BASELINES
        ),
        "cifar5": family("cifar5", cifar5, colour, seed, 1, PAPER_BASELINES),
        "cifar10": family("cifar10", cifar10, colour, seed, 1, PAPER_BASELINES),
    }
    cautious = cautious_hypergans("mnist", mnist, seed, 3)
    items = {
        "regression": Item(run_regression, lambda _: RegressionConfig()),
        "classification-mnist": _classification(families["mnist-accurate"], mnist, votes=4),
        "classification-mnist-5k": _classification(
            families["mnist-5k-accurate"], mnist, trained_on="mnist-5k", votes=2
        ),
        "classification-cifar5": _classification(families["cifar5"], cifar5, votes=2),
        "classification-cifar10": _classification(families["cifar10"], cifar10, votes=2),
        "uncertainty-mnist": _uncertainty(
            families["mnist"] | cautious, mnist, "notmnist", "fashion-mnist", every_training=True
        ),
        "uncertainty-cifar5": _uncertainty(families["cifar5"], cifar5, "cifar5-out"),
        "adversarial-mnist": _adversarial(families["mnist"], mnist, sources=2, examples=100),
        "diversity-mnist": _diversity(families["mnist"], mnist),
        "diversity-cifar10": _diversity(families["cifar10"], cifar10),
    }
    networks = {name: each for own in families.values() for name, each in own.items()}
    networks |= cautious | noise_shares(small, seed)
    plain = networks[PLAIN]
    networks[HARDENED] = replace(plain, training=replace(plain.training, pgd_eps=0.2))
    items["hardening"] = _hardening(small)
    named = {name: f"noise share {name.rpartition('-')[2]}" for name in noise_shares(small, seed)}
    items["tradeoff"] = _item(run_tradeoff, lambda checkpoints: TradeoffConfig(checkpoints, small), named)
    return Plan("full", "The HyperGAN paper", seed, networks, items)


def _item(run: Callable[..., Path], make: Callable[[tuple[str, ...]], Any], names: Mapping[str, str]) -> Item:
    """A study of networks, each under a name for the page."""

    def config(checkpoints: Checkpoints) -> Any:
        return make(tuple(f"{shown}={checkpoints[name]}" for name, shown in names.items()))

    return Item(run, config, tuple(names))


def _classification(trained: Mapping[str, BenchConfig], data: DataConfig, **settings: Any) -> Item:
    return _item(
        run_classification,
        lambda checkpoints: ClassificationConfig(checkpoints, data, **settings),
        side_by_side(trained),
    )


def _uncertainty(
    trained: Mapping[str, BenchConfig],
    data: DataConfig,
    *outliers: str,
    every_training: bool = False,
    **settings: Any,
) -> Item:
    return _item(
        run_out_of_distribution,
        lambda checkpoints: OutOfDistributionConfig(checkpoints, data, outliers, **settings),
        side_by_side(trained, every_training),
    )


def _diversity(trained: Mapping[str, BenchConfig], data: DataConfig, **settings: Any) -> Item:
    """The whole HyperGAN, its ablations, and the other kinds that have several networks."""
    first = next(iter(trained)).removesuffix("-hypergan-0")
    names = {f"{first}-hypergan-0": "full"}
    others = {f"{first}-{name}": name for name in ("no-mixer", "no-discriminator", "deep-ensemble", "swag")}
    names |= {name: shown for name, shown in others.items() if name in trained}
    return _item(run_diversity, lambda checkpoints: DiversityConfig(checkpoints, data, **settings), names)


def _hardening(data: DataConfig) -> Item:
    """Networks of MNIST-5000 that are trained adversarially, beside plain ones."""
    names = {PLAIN: "plain", HARDENED: "hardened"}
    return _item(run_hardening, lambda checkpoints: HardeningConfig(checkpoints, data), names)


def _adversarial(trained: Mapping[str, BenchConfig], data: DataConfig, **settings: Any) -> Item:
    return _item(
        run_adversarial,
        lambda checkpoints: AdversarialConfig(checkpoints, data, **settings),
        trainings(trained),
    )
