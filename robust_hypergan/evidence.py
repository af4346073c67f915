"""Everything that is measured beside the transfer itself, in the order in which it is."""

from __future__ import annotations

from robust_hypergan.checks import measure_checks
from robust_hypergan.detection import detection
from robust_hypergan.measured import Measurement
from robust_hypergan.pairs import pairs
from robust_hypergan.sources import measure_sources
from robust_hypergan.uses import uses
from robust_hypergan.wrong_labels import wrong_labels

MEASUREMENTS: dict[str, Measurement] = {
    "sources": measure_sources,
    "uses": uses,
    "detection": detection,
    "wrong labels": wrong_labels,
    "pairs": pairs,
    "checks": measure_checks,
}
"""By the name under which ``run.json`` keeps their seconds."""
