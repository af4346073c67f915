"""What every measurement of the evidence starts from: a finished transfer measurement and its networks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import torch

from robust_hypergan.base.errors import check_range, unknown
from robust_hypergan.data.datasets import Dataset
from robust_hypergan.models.deep_ensemble import MOST_MEMBERS
from robust_hypergan.models.networks import NetworkDistribution
from robust_hypergan.transferability.config import TransferConfig
from robust_hypergan.transferability.measurement import TransferResult

CHECK_LEVELS = ("fast", "full", "off")
"""How much of the credibility checks is run."""


@dataclass(frozen=True)
class EvidenceConfig:
    """What is measured beside the transfer.

    Attributes:
        sources: source networks that are attacked, one after the other; 1 is the transfer's own alone.
        checks: ``fast``, ``full`` or ``off``: which of the credibility checks are run.
        coverage: the same for the number of networks that an attacker must hold; None is as the checks.
        coverage_eps: where that is measured; None is :func:`robust_hypergan.evidence.probe.middle_eps`.
        beside: further kinds of networks that get the same training budget and the same measurement, or
            checkpoints that get the measurement; ``all`` is every kind.
        members: networks of a deep ensemble that is trained beside.
        outliers: data set of outlying images, or ``noise``; None is the usual one beside the run's own, see
            :func:`robust_hypergan.data.outliers.load_outliers`.

    Raises:
        InputError: a value outside its range.
    """

    sources: int = 1
    checks: str = "fast"
    coverage: str | None = None
    coverage_eps: float | None = None
    beside: tuple[str, ...] = ()
    members: int = 10
    outliers: str | None = None

    def __post_init__(self) -> None:
        for level in (self.checks, self.coverage or "off"):
            if level not in CHECK_LEVELS:
                raise unknown("level of checks", level, CHECK_LEVELS)
        check_range("sources", self.sources, 1, 1000)
        check_range("members", self.members, 2, MOST_MEMBERS)


@dataclass(frozen=True)
class Measured:
    """A finished transfer measurement with everything that went into it.

    Attributes:
        distribution: what the networks are drawn from.
        dataset: the test split.
        config: of the transfer.
        evidence: what else is asked for.
        result: tables, cells with their adversarial images, and clean images of the transfer.
        device: where to compute.
        quiet: no progress bars.
        outliers: images of another kind, of the same shape; None leaves them out.
        beside: further kinds of networks that were measured in the same way.
        progress: folder where long measurements keep their state; None keeps none.
    """

    distribution: NetworkDistribution
    dataset: Dataset
    config: TransferConfig
    evidence: EvidenceConfig
    result: TransferResult
    device: torch.device
    quiet: bool = True
    outliers: Dataset | None = None
    beside: tuple[str, ...] = ()
    progress: Path | None = None


Measurement = Callable[[Measured], dict[str, pd.DataFrame]]
"""Gives tables by the stem of their CSV; none if the configuration does not ask for them."""
