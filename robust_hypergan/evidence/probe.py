"""A small part of a finished measurement to try things on: what coverage and checks are computed from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from robust_hypergan.attacks import Attack, find_attack
from robust_hypergan.base.errors import InputError
from robust_hypergan.engine.ensemble import ensemble_forward, network_logits
from robust_hypergan.evidence.measured import Measured
from robust_hypergan.models.networks import Networks, fresh_available, materialise
from robust_hypergan.transferability.cells import Cell
from robust_hypergan.transferability.crafting import craft_cell
from robust_hypergan.transferability.draws import DistributionDraws


@dataclass(frozen=True)
class Effort:
    """How much is computed.

    Attributes:
        examples: initially correct examples, at most.
        networks: fresh networks that judge, at most.
        steps: gradient steps of an attack.
        queries: of the gradient-free attack.
        held: networks that an attack on several holds, or draws at every step.
    """

    examples: int
    networks: int
    steps: int
    queries: int
    held: int


WITHOUT_GRADIENT = {
    "noise": "nothing",
    "square": "answers",
    "torchattacks:GN": "nothing",
    "torchattacks:VANILA": "nothing",
}
"""Attacks that use no gradient, and what they see."""

EFFORTS = {
    "fast": Effort(examples=48, networks=32, steps=20, queries=200, held=4),
    "full": Effort(examples=200, networks=100, steps=50, queries=2000, held=16),
}
"""By the level of the checks."""


class Probe:
    """A seeded subset of the initially correct examples, the frozen source network, and one eps.

    Args:
        measured: the finished measurement.
        effort: how much to compute.

    Attributes:
        source: its address, the run's own or the one that saved images name.
        model: the source network, an ordinary module without any randomness.
        rows: which of ``measured.result.clean`` the subset is, ``[n]`` ascending.
        images: ``[n, C, H, W]`` in [0, 1].
        labels: ``[n]``.
        run_cells: the run's cells that did not fail, of the first one's norm and target.
        cells: the same on the subset.
        norm: of the cells.
        eps: the run's eps at which PGD on the one source network fools nearest to half of the fresh networks,
            or the middle one of a run without PGD: where there is room in both directions.

    Raises:
        InputError: the run's images were made against a network that is none of its distribution, or that
            classifies none of them correctly.
    """

    def __init__(self, measured: Measured, effort: Effort) -> None:
        self.measured, self.effort = measured, effort
        result = measured.result
        if not result.source_here:
            raise InputError("the saved images were made against a network that is none of these")
        self.source = result.source
        self.run_cells = comparable(result.cells)
        self.norm, self.target = self.run_cells[0].norm, self.run_cells[0].target
        self.eps = middle_eps(self.run_cells, result.examples)
        self.model: nn.Module = materialise(measured.distribution, self.source)
        right = network_logits(self.model, result.clean).argmax(1) == result.labels
        rows = right.nonzero().squeeze(1).cpu().numpy()
        if not len(rows):
            raise InputError("the source network classifies none of the examples correctly")
        random = np.random.default_rng(np.random.SeedSequence(measured.config.seed, spawn_key=(6,)))
        chosen = random.choice(rows, min(effort.examples, len(rows)), replace=False)
        self.rows = torch.from_numpy(np.sort(chosen)).to(result.labels.device)
        self.images, self.labels = result.clean[self.rows], result.labels[self.rows]
        self.cells = [self._subset_of(cell) for cell in self.run_cells]
        self._crafted: dict[str, Cell] = {}

    def _subset_of(self, cell: Cell) -> Cell:
        adversarials = cell.adversarials[self.rows]
        labels = network_logits(self.model, adversarials).argmax(1)
        return replace(cell, adversarials=adversarials, source_labels=labels)

    def held(self, count: int) -> Networks:
        """Addresses of the networks that an attacker of ``count`` holds."""
        (first,) = self.source.indices
        return replace(self.source, indices=range(first, first + count))

    def fresh(self) -> Networks:
        """Addresses of the fresh networks that judge: at most as many as the run had."""
        config = self.measured.config
        wanted = min(self.effort.networks, config.networks)
        return Networks(config.seed, "fresh", range(fresh_available(self.measured.distribution, wanted)))

    def craft(
        self,
        spec: str,
        options: Mapping[str, Any] | None = None,
        *,
        eps: float | None = None,
        norm: str | None = None,
        targeted: bool = True,
    ) -> Cell:
        """What an attack makes of the subset; computed once for the same arguments.

        Args:
            spec: as in ``pgd:restarts=2``.
            options: further options, which win over those of ``spec``.
            eps: None is the probe's own.
            norm: None is the probe's own.
            targeted: keep the run's target, if it has one.

        Raises:
            InputError: the attack does not exist, has no such option, or fails.
        """
        eps, norm = eps or self.eps, norm or self.norm
        key = repr((spec, sorted((options or {}).items()), eps, norm, targeted))
        if key not in self._crafted:
            found = find_attack(spec, norm)
            attack = Attack(spec, found.craft, {**found.options, **(options or {})})
            config, distribution = self.measured.config, self.measured.distribution
            cell = craft_cell(
                attack,
                self.model,
                self.images,
                self.labels,
                eps=eps,
                norm=norm,
                target=self.target if targeted else None,
                seed=config.seed,
                draws=lambda: DistributionDraws(distribution, self.source.seed, self.source.indices[0]),
                advance=lambda _: None,
            )
            if cell.error:
                raise InputError(cell.error)
            self._crafted[key] = cell
        return self._crafted[key]

    def fools_source(self, cell: Cell) -> Tensor:
        """Which examples of a cell fool the source, ``[n]`` bool."""
        return cell.fooled(cell.source_labels, self.labels)

    def fools(self, cell: Cell, networks: Networks) -> Tensor:
        """Which networks the examples of a cell fool, ``[M, n]`` bool."""
        answers = self.answers(networks, cell.adversarials)
        return torch.stack([cell.fooled(own.argmax(1), self.labels) for own in answers])

    def answers(self, networks: Networks, images: Tensor) -> Tensor:
        """Logits ``[M, n, classes]`` of networks on images ``[n, C, H, W]``."""
        backend = self.measured.config.backend
        blocks = ensemble_forward(self.measured.distribution, networks, images, backend=backend)
        return torch.cat([logits for _, logits in blocks])


def access(cell: Cell) -> str:
    """What an attack sees, in a word: ``source`` if it differentiates through the one source network.

    Otherwise ``answers`` (of the source), ``draws`` (further networks) or ``nothing``. One that was seen to
    do neither counts as broken, and so as ``source``: the checks are there to find it.
    """
    parts = cell.attack.split(":")
    for name in (parts[0], ":".join(parts[:2])):
        if name in WITHOUT_GRADIENT:
            return WITHOUT_GRADIENT[name]
    if cell.attacker != "one network":
        return "draws"
    return "answers" if cell.audit.forward and not cell.audit.backward else "source"


def is_single_step(cell: Cell) -> bool:
    """Whether an attack took no more than one gradient of each image."""
    return cell.attack.partition(":")[0] == "fgsm" or 0 < cell.audit.backward <= cell.audit.examples


def cell_name(cell: Cell) -> str:
    """A cell as ``checks.csv`` names it."""
    return f"{cell.attack}, {cell.norm} eps {cell.eps:g}"


def comparable(cells: Sequence[Cell]) -> list[Cell]:
    """Those that did not fail, of the norm and target of the first of them; at least one has not."""
    done = [cell for cell in cells if not cell.error]
    return [cell for cell in done if (cell.norm, cell.target) == (done[0].norm, done[0].target)]


def middle_eps(cells: Sequence[Cell], examples: pd.DataFrame) -> float:
    """The eps at which PGD fools nearest to half of the fresh networks; without PGD, the middle one.

    Args:
        cells: of one norm, at least one.
        examples: rows as in ``examples.csv``.
    """
    fractions = {}
    for cell in cells:
        if cell.attack.partition(":")[0] == "pgd":
            own = (examples["attack"] == cell.attack) & (examples["eps"] == cell.eps)
            fractions[cell.eps] = examples.loc[
                own & (examples["norm"] == cell.norm), "fooled_fraction"
            ].mean()
    if fractions:
        return min(fractions, key=lambda eps: abs(fractions[eps] - 0.5))
    every = sorted({cell.eps for cell in cells})
    return every[len(every) // 2]
