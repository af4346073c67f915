"""The seventeen credibility checks as data: what each is called, when it passes, and who asked for it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from torch import Tensor

from robust_hypergan.base.errors import InputError
from robust_hypergan.reports import FEWEST_PAIRS, paired_difference_interval, sign_test

PASS, FAIL, NOT_RUN = "PASS", "FAIL", "NOT RUN"

SIGNIFICANCE = 0.01
"""Chance at which an honest run may fail a comparison of two attacks on the same examples."""

C19, A18 = "Carlini et al. 2019", "Athalye et al. 2018"


@dataclass(frozen=True)
class Rule:
    """One check: its number, its name, when it passes, and its source."""

    number: int
    name: str
    passes: str
    source: str


@dataclass(frozen=True)
class Finding:
    """What a check found: its verdict, the value behind that, where, and what else there is to say."""

    verdict: str
    value: str = ""
    cell: str = ""
    detail: str = ""


def finding(passed: object, value: str, cell: str = "", detail: str = "") -> Finding:
    """PASS or FAIL with its value."""
    return Finding(PASS if passed else FAIL, value, cell, detail)


def paired_change(differences: Tensor | pd.Series, confidence: float = 0.95) -> tuple[float, float, float]:
    """Mean of the differences ``[n]`` of n examples, and its interval.

    Raises:
        InputError: one example has no interval, nor have a few that all changed alike.
    """
    if len(differences) < 2:
        raise InputError("one example has no interval: add --examples")
    mean, low, high = paired_difference_interval(np.asarray(differences.tolist()), confidence=confidence)
    if low == high != 0 and len(differences) < FEWEST_PAIRS:
        raise InputError(f"{len(differences)} examples, all changed alike, have no interval: add --examples")
    return mean, low, high


def surely_more(ours: int, theirs: int) -> bool:
    """Whether an imbalance between two counts of disagreeing examples is beyond chance."""
    return sign_test(ours, theirs) < SIGNIFICANCE


RULES = (
    Rule(
        1,
        "threat model stated",
        "what each attacker holds is known, all three uses are judged, and no attacked network is fresh",
        C19,
    ),
    Rule(2, "clean accuracy", "single networks and mean vote reported, every network above chance", C19),
    Rule(3, "white box succeeds on a frozen draw", "at least 99% fooled at the largest eps", C19),
    Rule(
        4,
        "more attacked networks do not hurt",
        "the fooled fraction never drops beyond noise as K grows",
        C19,
    ),
    Rule(
        5,
        "expectation over draws has converged",
        "twice the draws a step change the fooled fraction by no more than 5 points beyond noise",
        f"{A18}; AutoAttack's flag rand",
    ),
    Rule(
        6,
        "attack on the expected accuracy",
        "the worse of EOT-PGD and ARC is the headline, and no weaker than PGD on one network",
        "Dbouk & Shanbhag 2022",
    ),
    Rule(
        7,
        "gradients do not cancel",
        "the networks' gradients have a mean cosine above 0",
        "Carbone et al. 2020",
    ),
    Rule(
        8,
        "mean vote and entropy detector attacked",
        "reported; the attack on the vote fools it no less than PGD on one network does, and the adaptive one"
        " has no higher entropy",
        "Feng et al. 2024",
    ),
    Rule(
        9,
        "iterative at least as strong as single-step",
        "on the source, no more examples fall to the single step alone than chance explains",
        C19,
    ),
    Rule(
        10,
        "attack has converged",
        "twice the steps or restarts fool at most 1 point more, and raise the loss at most by a tenth of its"
        " rise, beyond noise",
        C19,
    ),
    Rule(
        11,
        "success grows with eps, to 100%",
        "no drop from one eps to the next beyond noise, and at L-inf 0.5 at least 99% fooled",
        f"{C19}; ART SecurityCurve",
    ),
    Rule(12, "random noise is far weaker", "noise of the same eps fools at most half as many", C19),
    Rule(
        13,
        "white box at least as strong as transfer",
        "the source is fooled no less often than the fresh networks, beyond noise",
        f"{C19}; AutoAttack's flags",
    ),
    Rule(
        14,
        "gradient-free attack is not stronger",
        "Square on the frozen source fools no more than the gradient attack, beyond noise",
        C19,
    ),
    Rule(
        15,
        "the attack did not fail silently",
        "beyond noise, gradients are zero on at most 1%, and on at most 5% each a success was lost again or"
        " PGD was still gaining; every attack changed its images",
        "Pintor et al. 2022",
    ),
    Rule(
        16,
        "undefended twin beside",
        "an ordinary network and a deep ensemble of the same classifier stand beside it",
        C19,
    ),
    Rule(
        17,
        "every adversarial is valid",
        "finite, in [0, 1] and in the ball, as the attack returned it",
        "foolbox attacks/base.py",
    ),
)
"""All of them, always in this order."""
