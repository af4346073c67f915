"""The seventeen credibility checks of a run, each PASS, FAIL or NOT RUN with its reason."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pandas as pd

from robust_hypergan.base.errors import InputError
from robust_hypergan.base.progress import track
from robust_hypergan.evidence.check_rules import NOT_RUN, RULES, Finding
from robust_hypergan.evidence.checks_from_tables import (
    audit_is_clean,
    clean_accuracy,
    coverage_grows,
    threat_model,
    twins_beside,
    white_box_beats_transfer,
)
from robust_hypergan.evidence.checks_on_draws import (
    doubling_changes_little,
    gradients_agree,
    vote_and_detector,
    worse_is_headline,
)
from robust_hypergan.evidence.checks_on_source import (
    frozen_draw_falls,
    gradient_free_is_weaker,
    grows_with_eps,
    has_converged,
    iterative_beats_single_step,
    no_silent_failure,
    noise_is_weaker,
)
from robust_hypergan.evidence.coverage import measure_coverage
from robust_hypergan.evidence.measured import Measured
from robust_hypergan.evidence.probe import EFFORTS, Probe
from robust_hypergan.reports import CHECKS_COLUMNS, COVERAGE_COLUMNS

OFF = "turned off: --checks fast turns it on"


def measure_checks(measured: Measured) -> dict[str, pd.DataFrame]:
    """``coverage.csv`` and ``checks.csv``: a row for every check, whatever became of it.

    Args:
        measured: the finished measurement; ``evidence.checks`` says how much to do.
    """
    tables = measure_coverage(measured)
    if measured.evidence.checks == "off":
        findings = {rule.number: Finding(NOT_RUN, detail=OFF) for rule in RULES}
    else:
        coverage = tables.get("coverage", pd.DataFrame(columns=COVERAGE_COLUMNS))
        findings = _findings(measured, coverage)
    rows = [
        (rule.number, rule.name, own.cell, own.value, rule.passes, own.verdict, rule.source, own.detail)
        for rule in RULES
        for own in [findings[rule.number]]
    ]
    return {**tables, "checks": pd.DataFrame(rows, columns=CHECKS_COLUMNS)}


def _findings(measured: Measured, coverage: pd.DataFrame) -> dict[int, Finding]:
    checks: dict[int, Callable[[], Finding]] = {
        16: partial(twins_beside, measured),
        17: partial(audit_is_clean, measured),
    }
    try:
        probe = Probe(measured, EFFORTS[measured.evidence.checks])
    except InputError as error:
        checks |= {rule.number: partial(_refuse, error) for rule in RULES if rule.number not in checks}
    else:
        checks |= {
            1: partial(threat_model, probe),
            2: partial(clean_accuracy, probe),
            3: partial(frozen_draw_falls, probe),
            4: partial(coverage_grows, coverage),
            5: partial(doubling_changes_little, probe),
            6: partial(worse_is_headline, probe),
            7: partial(gradients_agree, probe),
            8: partial(vote_and_detector, probe),
            9: partial(iterative_beats_single_step, probe),
            10: partial(has_converged, probe),
            11: partial(grows_with_eps, probe),
            12: partial(noise_is_weaker, probe),
            13: partial(white_box_beats_transfer, probe),
            14: partial(gradient_free_is_weaker, probe),
            15: partial(no_silent_failure, probe),
        }
    findings = {}
    with track("checks", len(RULES), measured.quiet) as progress:
        for rule in RULES:
            progress.set_postfix_str(rule.name)
            findings[rule.number] = _outcome(checks[rule.number])
            progress.update(1)
    return findings


def _outcome(check: Callable[[], Finding]) -> Finding:
    """What a check found; one that cannot be run says why."""
    try:
        return check()
    except (InputError, RuntimeError) as error:  # torch's, of a classifier that has no gradient, say
        return Finding(NOT_RUN, detail=" ".join(str(error).split()))


def _refuse(error: InputError) -> Finding:
    raise error
