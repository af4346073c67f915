"""Checks that read what the run has measured already."""

from __future__ import annotations

import itertools

import pandas as pd
import torch
from torch import Tensor

from robust_hypergan.attacks import NORMS
from robust_hypergan.base.errors import InputError
from robust_hypergan.data.datasets import to_unit
from robust_hypergan.engine.ensemble import network_block
from robust_hypergan.evidence.check_rules import Finding, finding, paired_change, surely_more
from robust_hypergan.evidence.measured import Measured
from robust_hypergan.evidence.probe import Probe, access, cell_name, is_single_step
from robust_hypergan.reports import difference_interval, wilson_interval
from robust_hypergan.transferability.cells import Cell

TWINS = ("ordinary", "deep-ensemble")

MOST_CELLS = 5
"""Cells that are named when many fail."""


def threat_model(probe: Probe) -> Finding:
    """1: who holds what, how often the strongest cell fools each use, and that source and fresh differ."""
    held = {cell.attack: access(cell) for cell in probe.cells}
    strongest = max(
        (cell for cell in probe.cells if cell.eps == probe.eps),
        key=lambda cell: float(probe.fools_source(cell).double().mean()),
    )
    fresh = probe.answers(probe.fresh(), strongest.adversarials)
    vote = strongest.fooled(fresh.softmax(2).mean(0).argmax(1), probe.labels)
    each = torch.stack([strongest.fooled(own.argmax(1), probe.labels) for own in fresh])
    shares = [float(one.double().mean()) for one in (probe.fools_source(strongest), each, vote)]
    copies = _copies_of_source(probe)
    text = "; ".join(f"{attack} sees {what}" for attack, what in held.items())
    return finding(
        not copies,
        "fixed draw {:.0%}, fresh draw per query {:.0%}, mean vote {:.0%}".format(*shares),
        cell_name(strongest),
        f"{copies} fresh networks equal the attacked one. {text}" if copies else text,
    )


def _copies_of_source(probe: Probe) -> int:
    distribution, copies = probe.measured.distribution, 0
    source = distribution.sample(probe.held(1))
    for block in probe.fresh().blocks(network_block(distribution.classifier, probe.labels.device)):
        fresh = distribution.sample(block)
        same = [(fresh[name] == value).reshape(len(fresh[name]), -1).all(1) for name, value in source.items()]
        copies += int(torch.stack(same).all(0).sum())
    return copies


def clean_accuracy(probe: Probe) -> Finding:
    """2: of single networks and of their mean vote, on the examples that the run tried."""
    dataset, chosen = probe.measured.dataset, torch.tensor(probe.measured.result.chosen)
    labels = dataset.labels[chosen].to(probe.labels.device)
    answers = probe.answers(probe.fresh(), to_unit(dataset.images[chosen].to(labels.device)))
    singles = (answers.argmax(2) == labels).double().mean(1)
    vote = (answers.softmax(2).mean(0).argmax(1) == labels).double().mean()
    least = float(singles.min())
    above_chance = wilson_interval(round(least * len(labels)), len(labels))[0] > 1 / len(dataset.classes)
    return finding(
        above_chance,
        f"single {singles.mean():.1%} ({least:.1%} to {singles.max():.1%}), mean vote {vote:.1%}",
        detail=f"{len(answers)} fresh networks on {len(labels)} examples",
    )


def coverage_grows(coverage: pd.DataFrame) -> Finding:
    """4: no pair of network counts of one attack between which the fooled fraction surely drops."""
    if coverage.empty:
        raise InputError("coverage was not measured")
    if coverage.groupby("attack")["held"].nunique().max() < 2:
        raise InputError(f"K = {coverage['held'].iloc[0]} alone could be measured: nothing to compare")
    drops, values = [], []
    for attack, rows in coverage.sort_values("held").groupby("attack", sort=False):
        points = [tuple(row) for row in rows[["fooled_mean", "fooled_low", "fooled_high"]].to_numpy()]
        values.append(f"{attack} " + ", ".join(f"{mean:.0%}" for mean, _, _ in points))
        pairs = itertools.combinations(zip(rows["held"], points, strict=True), 2)
        drops += [
            f"{attack} from K={few} to {many}"
            for (few, before), (many, after) in pairs
            if difference_interval(after, before)[2] < 0
        ]
    counts = ", ".join(str(held) for held in sorted(set(coverage["held"])))
    return finding(
        not drops, f"K = {counts}: {'; '.join(values)}", f"eps {coverage['eps'].iloc[0]:g}", "; ".join(drops)
    )


def success_by_eps(cells: list[Cell], labels: Tensor) -> tuple[list[str], list[str]]:
    """Success of every iterative white-box attack at each eps, in words, and where it surely drops."""
    texts, drops = [], []
    white = [cell for cell in cells if access(cell) == "source"]
    chosen = [cell for cell in white if not is_single_step(cell)] or white
    for attack in dict.fromkeys(cell.attack for cell in chosen):
        own = sorted((cell for cell in chosen if cell.attack == attack), key=lambda cell: cell.eps)
        fooled = [cell.fooled(cell.source_labels, labels) for cell in own]
        texts.append(f"{attack} " + ", ".join(f"{each.double().mean():.0%}" for each in fooled))
        for (small, before), (large, after) in itertools.pairwise(zip(own, fooled, strict=True)):
            if surely_more(int((before & ~after).sum()), int((after & ~before).sum())):
                drops.append(f"{attack} from eps {small.eps:g} to {large.eps:g}")
    return texts, drops


def white_box_beats_transfer(probe: Probe) -> Finding:
    """13: in every white-box cell; an example violates if it spares the source and fools most fresh ones."""
    table, worst = probe.measured.result.examples, []
    for cell in probe.cells:
        if access(cell) != "source":
            continue
        rows = table[
            (table["attack"] == cell.attack) & (table["norm"] == cell.norm) & (table["eps"] == cell.eps)
        ]
        source = rows["source_fooled"].astype(bool)
        excess = paired_change(rows["fooled_fraction"] - source, confidence=0.99)
        violations = int((~source & (rows["fooled_fraction"] > 0.5)).sum())
        worst.append((excess[1] > 0, violations, excess[0], len(rows), cell))
    if not worst:
        raise InputError("no white-box attack on the source in this run: add --attack pgd")
    failed, violations, excess_mean, count, cell = max(worst, key=lambda each: each[:3])
    return finding(
        not failed,
        f"{violations} of {count} examples spare the source and fool most fresh networks",
        cell_name(cell),
        f"the worst of {len(worst)} cells; fresh networks minus source: {100 * excess_mean:+.1f} points",
    )


def twins_beside(measured: Measured) -> Finding:
    """16: which undefended twins were measured beside."""
    there = {*measured.beside, getattr(measured.distribution, "kind", "")}
    missing = [name for name in TWINS if name not in there]
    if missing:
        raise InputError(f"no {' and no '.join(missing)} beside: add --beside {' --beside '.join(missing)}")
    return finding(True, " and ".join(TWINS))


def audit_is_clean(measured: Measured) -> Finding:
    """17: what the audit of each cell found, and the same measured again."""
    result = measured.result
    done = [cell for cell in result.cells if not cell.error]
    found = [(cell, count) for cell in done if (count := _invalid(cell, result.clean))]
    unknown = [cell_name(cell) for cell in done if not cell.audit.examples]
    if unknown and not found:
        raise InputError(f"the file of {unknown[0]} holds images without their audit: craft them again")
    examples = sum(len(cell.adversarials) for cell in done)
    failed = [f"{cell_name(cell)} raised an error" for cell in result.cells if cell.error]
    names = [cell_name(cell) for cell, _ in found]
    more = [f"and {len(names) - MOST_CELLS} more"] if len(names) > MOST_CELLS else []
    return finding(
        not found,
        f"{sum(count for _, count in found)} of {examples} adversarials had to be repaired",
        "; ".join([*names[:MOST_CELLS], *more]),
        "; ".join(failed),
    )


def _invalid(cell: Cell, clean: Tensor) -> int:
    images, slack = cell.adversarials, 1e-5 * (cell.eps + 1)
    outside = ~(NORMS[cell.norm].length(images - clean) <= cell.eps + slack)  # NaN is outside, too
    values = images.flatten(1)
    outside |= (values.amin(1) < -slack) | (values.amax(1) > 1 + slack)
    return max(cell.audit.repaired, int(outside.sum()))
