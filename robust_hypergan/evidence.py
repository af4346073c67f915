"""Everything that is measured beside the transfer itself, in the order in which it is."""

from __future__ import annotations

from robust_hypergan.coverage import measure_coverage
from robust_hypergan.measured import Measurement

MEASUREMENTS: dict[str, Measurement] = {
    "coverage": measure_coverage,
}
"""By the name under which ``run.json`` keeps their seconds."""
