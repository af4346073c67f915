"""What the paper says about its Figure 2, and what was found: from the tables of the study of regression."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping

from robust_hypergan.reports.statistics.regression import (
    MEASURES,
    change_outside,
    geometric_mean,
    over_seeds,
    sampling_error,
)
from robust_hypergan.reports.tables.study import Claim, Study
from robust_hypergan.reports.wording import number, percent

NAMES = {
    "hypergan": "HyperGAN",
    "hypergan-anchored": "HyperGAN, anchored",
    "deep-ensemble": "deep ensemble",
    "mc-dropout": "MC dropout",
}
HYPERGANS = ("hypergan", "hypergan-anchored")
"""The kinds that the claims are about: on the paper's loss, and with an anchor for each network."""

NOISE = 3.0
"""Standard deviation of the noise in the paper's section on the task (in the preprint section 4.3)."""

COVERED, KEPT, CHANCE = 0.95, 0.9, 2
"""A band that covers this share of the interval covers it; a width that keeps this share of itself stays; a
change of this many median errors of the smaller ensemble's sd is chance."""

Estimate = tuple[float, float, float]
"""A mean with the ends of its interval."""


def regression_claims(study: Study) -> list[Claim]:
    """What the paper says about its Figure 2, for either loss, and what is to be expected besides."""
    summary = study.tables["regression_summary"]
    largest = summary[summary["networks"] == summary[summary["kind"].isin(HYPERGANS)]["networks"].max()]
    found = {
        measure: {str(kind): over_seeds(own, measure) for kind, own in largest.groupby("kind", sort=False)}
        for measure in MEASURES
    }
    return [
        _claim(
            "Inside the data the mean of the networks follows x³, nearer than a single observation does",
            f"“HyperGAN clearly learns the target function”; the noise has sd {NOISE:.0f}",
            "RMSE",
            found["rmse_inside"],
            number,
            (0.0, NOISE),
        ),
        _claim(
            f"Inside the data the ±3 sd band covers x³, on {percent(COVERED)} of the interval or more",
            "it “captures the variation in the data well”",
            "covered",
            found["coverage_inside"],
            percent,
            (COVERED, math.inf),
        ),
        _claim(
            "The band is wider outside the data than inside",
            "Figure 2 shows it, without a number",
            "sd outside over sd inside",
            found["growth"],
            number,
            (1.0, math.inf),
        ),
        _claim(
            f"Outside the data, too, the band covers x³, on {percent(COVERED)} of the interval or more",
            "",
            "covered",
            found["coverage_outside"],
            percent,
            (COVERED, math.inf),
        ),
        *_more_networks(study),
        width_kept(study),
    ]


def _claim(
    claim: str,
    paper: str,
    what: str,
    found: Mapping[str, Estimate],
    text: Callable[[float], str],
    wanted: tuple[float, float],
) -> Claim:
    """Holds for a kind whose whole interval lies in ``wanted``; without one, of one seed, it is undecided."""
    own = {kind: found[kind] for kind in HYPERGANS if kind in found}
    verdicts = []
    for _, low, high in own.values():
        inside, apart = wanted[0] <= low and high <= wanted[1], high < wanted[0] or low > wanted[1]
        verdicts.append("holds" if inside else "does not hold" if apart else "undecided")
    said = "; ".join(f"{NAMES[kind]} {with_ends(estimate, text)}" for kind, estimate in own.items())
    return Claim(claim, paper, f"{what}: {said}", _together(verdicts))


def _together(verdicts: list[str]) -> str:
    """One verdict for several kinds."""
    if len(set(verdicts)) == 1:
        return verdicts[0]
    return "holds in part" if "holds" in verdicts else "undecided"


def with_ends(estimate: Estimate, text: Callable[[float], str]) -> str:
    """``2.19 (1.7 to 2.82)``, or the mean alone."""
    mean, low, high = estimate
    return text(mean) if math.isnan(low) else f"{text(mean)} ({text(low)} to {text(high)})"


def _more_networks(study: Study) -> list[Claim]:
    predictions, end = study.tables["regression"], data_end(study)
    sizes = sorted(predictions[predictions["kind"].isin(HYPERGANS)]["networks"].unique())
    if len(sizes) < 2:
        return []
    said, verdicts = [], []
    for kind in (kind for kind in HYPERGANS if (predictions["kind"] == kind).any()):
        changes = [change_outside(predictions, kind, a, b, end) for a, b in itertools.pairwise(sizes)]
        steps = [
            f"{percent(change)} from {a:,} to {b:,}"
            for change, (a, b) in zip(changes, itertools.pairwise(sizes), strict=True)
        ]
        said.append(f"{NAMES[kind]}: {', '.join(steps)}")
        verdicts.append(
            "holds" if changes[-1] <= CHANCE * sampling_error(int(sizes[-2])) else "does not hold"
        )
    expected = ", ".join(f"{percent(sampling_error(int(size)))} at {size:,}" for size in sizes[:-1])
    return [
        Claim(
            f"From {sizes[-2]:,} to {sizes[-1]:,} networks the band outside the data changes by no more than"
            f" {CHANCE} times what chance does",
            "more networks: “improves predictive uncertainty as we sample farther from the mean of the"
            " training data”",
            f"median change of the sd: {'; '.join(said)}; by chance alone about {expected} networks",
            _together(verdicts),
        )
    ]


def width_kept(study: Study) -> Claim:
    """What is left of the band inside the data from half of the training to its end."""
    found: dict[str, Estimate] = {}
    for kind, own in study.tables["regression_training"].groupby("kind", sort=False):
        sd = own.pivot_table(index="step", columns="seed", values="sd_inside")
        found[str(kind)] = (math.nan, math.nan, math.nan)  # of a band that was looked at once
        if len(sd) > 1:
            half = sd.index[sd.index <= sd.index.max() / 2].max()
            found[str(kind)] = geometric_mean((sd.iloc[-1] / sd.loc[half]).to_numpy())
    return _claim(
        "The band inside the data no longer shrinks in the second half of the training: it keeps"
        f" {percent(KEPT)} of its width",
        "",
        "kept",
        found,
        percent,
        (KEPT, math.inf),
    )


def data_end(study: Study) -> float:
    """The observations lie in [-end, end]."""
    return float(study.tables["regression_data"]["x"].abs().max())
