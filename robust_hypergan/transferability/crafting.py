"""Adversarial examples against the source network, cell by cell, batch by batch."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from tqdm import tqdm

from robust_hypergan.attacks import (
    Attack,
    AttackError,
    Audit,
    Draws,
    asks_for_draws,
    craft_audited,
    find_attack,
)
from robust_hypergan.base.distributed import ALONE, Ranks
from robust_hypergan.base.finite import NotFinite
from robust_hypergan.base.memory import even_part, is_out_of_memory
from robust_hypergan.base.progress import track
from robust_hypergan.base.user_code import code_digest
from robust_hypergan.engine.ensemble import network_logits
from robust_hypergan.engine.shared_fold import share_state
from robust_hypergan.models.networks import NetworkDistribution, Networks
from robust_hypergan.models.parameters import fingerprint
from robust_hypergan.storage.resumable import NOWHERE, Saved, digest
from robust_hypergan.transferability.cells import Cell
from robust_hypergan.transferability.config import TransferConfig
from robust_hypergan.transferability.draws import DistributionDraws

CRAFT_BATCH, GPU_CRAFT_BATCH = 125, 5000
"""Examples an attack is given at once; fewer where memory runs out."""


def craft_cell(
    attack: Attack,
    model: nn.Module,
    images: Tensor,
    labels: Tensor,
    *,
    eps: float,
    norm: str,
    target: int | None,
    seed: int,
    draws: Callable[[], Draws],
    advance: Callable[[int], object],
    saved: Saved = NOWHERE,
) -> Cell:
    """Runs one attack at one eps on all examples, batch by batch; an attack that fails makes a failed cell.

    One for which memory does not suffice gets half as many examples at once, with the same randomness.

    Args:
        attack: the attack with its options.
        model: the source network.
        images: ``[n, C, H, W]`` in [0, 1].
        labels: ``[n]``.
        eps: radius of the ball.
        norm: ``linf`` or ``l2``.
        target: class to aim at, or None for any wrong class.
        seed: of the attack's randomness, which is the same in every cell.
        draws: gives each batch further networks, from the same start, for an attack that asks for them.
        advance: called with the number of examples done.
        saved: where the batches done are kept now and then, and the cell in the end: what is there already is
            not crafted again.
    """
    generator = torch.Generator().manual_seed(
        int(np.random.SeedSequence(seed, spawn_key=(4,)).generate_state(1)[0])
    )
    cell = begun_cell(attack, images, labels, eps=eps, norm=norm, target=target)
    things = {"generator": generator, "images": cell.adversarials, "labels": cell.source_labels}
    facts = saved.load(things) or {"done": 0, "seconds": 0.0, "audit": {}}
    failed = Cell(attack.spec, norm, eps, attack.options, target, attacker=cell.attacker)
    if "error" in facts:  # what was measured since is of the other cells alone
        return replace(failed, seconds=facts["seconds"], error=facts["error"])
    done, audit = facts["done"], Audit.from_json(facts["audit"])
    began = time.perf_counter() - facts["seconds"]
    advance(done)
    size = CRAFT_BATCH if images.device.type == "cpu" else GPU_CRAFT_BATCH
    while done < len(images):
        batch = slice(done, done + even_part(len(images) - done, size))
        before = generator.get_state()
        try:
            made, findings = craft_audited(
                attack,
                model,
                images[batch],
                labels[batch],
                eps=eps,
                norm=norm,
                generator=generator,
                targets=None if target is None else torch.full_like(labels[batch], target),
                draws=draws(),
            )
            with torch.no_grad():
                cell.source_labels[batch] = network_logits(model, made).argmax(1)
        except (AttackError, NotFinite) as error:
            if batch.stop - done > 1 and error.__cause__ and is_out_of_memory(error.__cause__):
                size = (batch.stop - done) // 2
                generator.set_state(before)
                continue
            seconds = time.perf_counter() - began
            saved.save(things, done=done, seconds=seconds, audit=asdict(audit), error=str(error))
            return replace(failed, seconds=seconds, error=str(error))
        cell.adversarials[batch] = made
        audit += findings
        done += len(made)
        advance(len(made))
        if saved.due or done == len(images):
            saved.save(things, done=done, seconds=time.perf_counter() - began, audit=asdict(audit))
    return replace(cell, seconds=time.perf_counter() - began, audit=audit)


def begun_cell(
    attack: Attack, images: Tensor, labels: Tensor, *, eps: float, norm: str, target: int | None
) -> Cell:
    """A cell before its first batch, with room for all images; arguments as of :func:`craft_cell`."""
    return Cell(
        attack.spec,
        norm,
        eps,
        attack.options,
        target,
        torch.zeros_like(images, memory_format=torch.contiguous_format),
        torch.zeros_like(labels),
        attacker="several networks" if asks_for_draws(attack.craft) else "one network",
    )


def share_cell(cell: Cell, ranks: Ranks) -> Cell:
    """The leader's cell; the others bring theirs as it began."""
    told = ranks.told({"error": cell.error, "seconds": cell.seconds, "audit": asdict(cell.audit)})
    if not told["error"]:
        share_state(ranks, images=cell.adversarials, labels=cell.source_labels)
    return replace(cell, error=told["error"], seconds=told["seconds"], audit=Audit.from_json(told["audit"]))


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
        "code": code_digest(distribution.classifier),
    }
    attacks = {spec: find_attack(spec) for spec in config.attacks}
    tasks = [(attacks[spec], spec, eps) for spec, eps in product(config.attacks, config.eps)]

    def state(number: int) -> Saved:
        attack, spec, eps = tasks[number]
        path = folder and folder / f"cell-{config.source}-{number}.safetensors"
        return Saved(path, "cell", described | {"attack": [spec, code_digest(attack.craft)], "eps": eps})

    def craft(number: int, progress: tqdm[Any]) -> Cell:
        attack, spec, eps = tasks[number]
        progress.set_postfix_str(f"{spec} at eps {eps:g}")
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
            saved=state(number),
        )

    with track("crafting", len(tasks) * len(images), quiet) as progress:
        own = range(ranks.rank, len(tasks), ranks.size) if folder and ranks.size > 1 else ()
        made = {number: craft(number, progress) for number in own}
        ranks.wait()  # now the states of all cells are in the folder, and crafting one again takes no time
        worked = False
        for number, (attack, _, eps) in enumerate(tasks):
            if ranks.leads:
                cell = made.pop(number, None) or craft(number, progress)
            else:
                cell = begun_cell(attack, images, labels, eps=eps, norm=config.norm, target=config.target)
            worked |= not cell.error
            yield share_cell(cell, ranks)
    if ranks.leads and not worked:  # nothing can be measured, so another try may fare better
        for number in range(len(tasks)):
            state(number).forget()
