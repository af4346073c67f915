"""Everything that is measured beside the transfer itself, in the order in which it is."""

from __future__ import annotations

from robust_hypergan.checks import measure_checks
from robust_hypergan.measured import Measurement
from robust_hypergan.sources import measure_sources

MEASUREMENTS: dict[str, Measurement] = {
    "sources": measure_sources,
    "checks": measure_checks,
}
"""By the name under which ``run.json`` keeps their seconds."""
