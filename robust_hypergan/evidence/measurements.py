"""Everything that is measured beside the transfer itself, in the order in which it is."""

from __future__ import annotations

from robust_hypergan.evidence.checks import measure_checks
from robust_hypergan.evidence.detection import detection
from robust_hypergan.evidence.measured import Measurement
from robust_hypergan.evidence.pairs import pairs
from robust_hypergan.evidence.sources import measure_sources
from robust_hypergan.evidence.uses import uses
from robust_hypergan.evidence.wrong_labels import wrong_labels

MEASUREMENTS: dict[str, Measurement] = {
    "sources": measure_sources,
    "uses": uses,
    "detection": detection,
    "wrong labels": wrong_labels,
    "pairs": pairs,
    "checks": measure_checks,
}
"""By the name under which ``run.json`` keeps their seconds."""
