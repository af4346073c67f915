"""Everything that is measured beside the transfer itself, in the order in which it is."""

from __future__ import annotations

from robust_hypergan.checks import measure_checks
from robust_hypergan.measured import Measurement

MEASUREMENTS: dict[str, Measurement] = {
    "checks": measure_checks,
}
"""By the name under which ``run.json`` keeps their seconds."""
