"""Coverage: how many networks an attacker must hold, K = 1, 2, 4, ... 64, to fool how many others."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import Any

import pandas as pd
import torch

from robust_hypergan.base.errors import InputError
from robust_hypergan.base.progress import track
from robust_hypergan.evidence.measured import Measured
from robust_hypergan.evidence.probe import EFFORTS, Probe
from robust_hypergan.models.networks import Networks, available
from robust_hypergan.models.parameters import are_copies
from robust_hypergan.reports import (
    COVERAGE_COLUMNS,
    crossed_mean_interval,
    difference_interval,
    wilson_interval,
)

COVERED = {
    "ensemble-pgd:loss=mean-probability": "networks",
    "ensemble-pgd:loss=mean-logit": "networks",
    "ensemble-pgd:loss=worst": "networks",
    "entropy-pgd": "networks",
    "eot-pgd": "eot_samples",
    "arc": "networks",
}
"""Attacks on K networks, and the option that is K. The fast level has the first alone."""

COUNTS = {"fast": (1, 4, 16), "full": (1, 2, 4, 8, 16, 32, 64)}
"""K by the level of the checks."""

EXAMPLES, NETWORKS = {"fast": 32, "full": 50}, {"fast": 32, "full": 100}
STEPS = {"fast": 10, "full": 20}

ARC_SAVES = 4
"""A step of ARC evaluates each of K networks K + 1 times, so it gets fewer steps."""


def measure_coverage(measured: Measured) -> dict[str, pd.DataFrame]:
    """``coverage.csv``: a row for each attack on several networks and each number K of them.

    At one eps, ``evidence.coverage_eps`` or that of :func:`robust_hypergan.evidence.probe.middle_eps`. The
    attacked networks are the source and the K - 1 after it or, of ``eot-pgd``, the K of its first step. A
    number that the distribution cannot give, or gives copies of one network for, is left out; so is one whose
    attack fails, with a warning.

    Args:
        measured: the finished measurement; ``evidence.coverage``, or else ``evidence.checks``, says how much
            to do, and ``off`` gives none.
    """
    level = measured.evidence.coverage or measured.evidence.checks
    if level == "off":
        return {}
    effort = replace(EFFORTS[level], examples=EXAMPLES[level], networks=NETWORKS[level], steps=STEPS[level])
    attacks = list(COVERED)[:1] if level == "fast" else list(COVERED)
    try:
        probe = Probe(measured, effort)
    except InputError:
        return {"coverage": pd.DataFrame(columns=COVERAGE_COLUMNS)}
    rows, failures = [], []
    with track("coverage", len(attacks) * len(COUNTS[level]), measured.quiet) as progress:
        for spec in attacks:
            for count in COUNTS[level]:
                progress.set_postfix_str(f"{spec} on {count}")
                try:
                    rows += _row(probe, spec, count)
                except InputError as error:
                    failures.append(str(error))
                progress.update(1)
    if failures:
        told = f"{len(failures)} attacks on several networks failed and have no coverage: {failures[0]}"
        warnings.warn(told, RuntimeWarning, stacklevel=2)
    return {"coverage": pd.DataFrame(rows, columns=COVERAGE_COLUMNS)}


def _row(probe: Probe, spec: str, count: int) -> list[dict[str, Any]]:
    """The row of one attack on ``count`` networks; none if there are not so many."""
    option = COVERED[spec]
    held = probe.held(count)
    attacked = Networks(held.seed, "eot", range(count)) if option == "eot_samples" else held
    distribution, start = probe.measured.distribution, attacked.indices[0]
    there = available(distribution, attacked.seed, attacked.stream, start, count)
    two = replace(attacked, indices=attacked.indices[:2])
    if len(there) < count or are_copies(distribution.sample(two)):
        return []
    steps = probe.effort.steps // (ARC_SAVES if spec == "arc" else 1)
    cell = probe.craft(spec, {option: count, "steps": steps}, eps=probe.measured.evidence.coverage_eps)
    on_attacked = probe.fools(cell, attacked).double()
    on_fresh = probe.fools(cell, probe.fresh()).double()  # (M, n)
    shares = torch.stack([on_attacked.mean(0), on_fresh.mean(0)]).cpu().numpy()
    examples = on_fresh.shape[1]
    low, high = wilson_interval(round(shares[0].sum()), examples)  # of examples: these networks are no sample
    own = float(shares[0].mean()), float(low), float(high)
    fresh = float(shares[1].mean()), *crossed_mean_interval(shares[1], on_fresh.mean(1).cpu().numpy())
    gap = difference_interval(own, fresh)
    measured = {
        f"{name}{end}": value
        for name, values in (("fooled", fresh), ("attacked", own), ("gap", gap))
        for end, value in zip(("_mean", "_low", "_high"), values, strict=True)
    }
    settings = {"attack": spec, "norm": cell.norm, "eps": cell.eps, "held": count}
    sizes = {"examples": examples, "networks": len(on_fresh)}
    return [settings | sizes | measured | {"seconds": cell.seconds}]
