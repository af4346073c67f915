"""Attacks on one network beside the libraries', and attacks on several beside those on one."""

from __future__ import annotations

import warnings
from functools import partial
from typing import Any

import pandas as pd
import torch
from timing import in_turns, seconds
from torch import nn

from robust_hypergan.attacks import ensemble_pgd, eot_pgd, fgsm, pgd
from robust_hypergan.data.datasets import load_dataset, to_unit
from robust_hypergan.models.hypergan import HyperGAN
from robust_hypergan.models.networks import Networks, materialise
from robust_hypergan.transferability.draws import DistributionDraws


def crafting_table(hypergan: HyperGAN, images: int) -> pd.DataFrame:
    """FGSM and PGD beside the libraries', at equal steps and batch."""
    source, dataset = materialise(hypergan, Networks(0, "source", [0])), load_dataset("mnist-5k", "test")
    rows = [
        row
        for count in (125, images)
        for row in _crafting_rows(source, to_unit(dataset.images[:count]), dataset.labels[:count])
    ]
    return pd.DataFrame(rows).set_index("crafting")


def _crafting_rows(source: nn.Module, batch: torch.Tensor, labels: torch.Tensor) -> list[dict[str, object]]:
    import torchattacks

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its own dependencies warn on import
        import foolbox
    wrapped, generator, step = foolbox.PyTorchModel(source, bounds=(0, 1)), torch.Generator(), 0.025
    theirs = foolbox.attacks.LinfFastGradientAttack(), foolbox.attacks.LinfPGD(steps=10, abs_stepsize=step)
    trials = {
        "fgsm": (
            lambda: fgsm(source, batch, labels, eps=0.1),
            lambda: torchattacks.FGSM(source, eps=0.1)(batch, labels),
            lambda: theirs[0](wrapped, batch, labels, epsilons=0.1)[1],
        ),
        "pgd, 10 steps": (
            lambda: pgd(source, batch, labels, eps=0.1, steps=10, step_size=step, generator=generator),
            lambda: torchattacks.PGD(source, eps=0.1, alpha=step, steps=10)(batch, labels),
            lambda: theirs[1](wrapped, batch, labels, epsilons=0.1)[1],
        ),
    }
    rows = []
    for name, works in trials.items():
        success = [(source(work()).argmax(1) != labels).double().mean().item() for work in works]
        times = [seconds(work, 3, warm=True) for work in works]
        row: dict[str, object] = {"crafting": f"{name}, batch of {len(batch)}"}
        row |= {"x torchattacks": times[1] / times[0], "x foolbox": times[2] / times[0]}
        names = ("fooled, ours", "torchattacks", "foolbox")
        rows.append(row | dict(zip(names, success, strict=True)))
    return rows


def several_table(hypergan: HyperGAN) -> pd.DataFrame:
    """Attacks on K networks: their time over that of K times PGD on one."""
    source, dataset = materialise(hypergan, Networks(0, "source", [0])), load_dataset("mnist-5k", "test")
    images = source, to_unit(dataset.images[:125]), dataset.labels[:125]
    settings: dict[str, Any] = {"eps": 0.1, "steps": 10, "generator": torch.Generator().manual_seed(0)}
    works, counts = {"pgd": partial(pgd, *images, **settings)}, (4, 16)
    settings["draws"] = DistributionDraws(hypergan, 0, 0)
    for count in counts:
        works[f"ensemble-pgd {count}"] = partial(ensemble_pgd, *images, networks=count, **settings)
        works[f"eot-pgd {count}"] = partial(eot_pgd, *images, eot_samples=count, **settings)
    times = in_turns(works, 5)
    rows = []
    for count in counts:
        shares = {
            f"{name} / K pgd": times[f"{name} {count}"] / count / times["pgd"]
            for name in ("ensemble-pgd", "eot-pgd")
        }
        rows.append({"networks": count} | shares)
    return pd.DataFrame(rows).set_index("networks")
