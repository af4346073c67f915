"""How often nominal 95 % intervals of a mean fooled fraction hold it, in simulations whose truth is known.

    python benchmarks/interval_coverage.py --out coverage.md

0/1 outcomes with logit-normal examples, networks and their interaction (and sources): the truth is the
population mean, by Gauss-Hermite quadrature. Three tables: the interval of one source beside what else one
could do, the interval over several sources, and the rule of ``--until-ci-width``.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import optimize, special

from robust_hypergan.reports import (
    SourceMatrix,
    crossed_mean_interval,
    sources_mean_interval,
    unlimited_columns_interval,
)
from robust_hypergan.reports.statistics.differences import paired_difference_interval

Outcomes = NDArray[np.bool_]

SIZES = [(20, 10), (20, 100), (20, 500), (100, 10), (100, 100), (100, 500), (500, 10), (500, 100), (500, 500)]
"""Examples and networks."""

EFFECTS = {"examples": (2.0, 0.3, 0.5), "both": (2.0, 0.7, 0.5), "networks": (0.5, 1.0, 0.5)}
"""Standard deviations of examples, networks and interaction on the logit scale, by what differs most."""

SOURCE_EFFECTS = {"none": (0.0, 1.0), "middling": (0.5, 1.0), "large": (1.0, 0.5)}
"""Standard deviations of sources and of the sources' own examples, on the logit scale."""

RESAMPLES = 400


def intercept(mean: float, deviation: float) -> float:
    """The logit's centre for which a logit-normal probability has this mean."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(100)
    weights = weights / weights.sum()
    return float(optimize.brentq(lambda at: weights @ special.expit(at + deviation * nodes) - mean, -60, 60))


def draw(
    random: np.random.Generator, mean: float, shape: tuple[int, int], effects: tuple[float, float, float]
) -> Outcomes:
    """Outcomes (R, C) of R examples on C networks."""
    rows, columns, both = effects
    logits = intercept(mean, float(np.sqrt(np.square(effects).sum()))) + both * random.standard_normal(
        shape, np.float32
    )
    logits += rows * random.standard_normal((shape[0], 1), np.float32)
    logits += columns * random.standard_normal(shape[1], np.float32)
    return random.random(shape, np.float32) < special.expit(logits)


def bootstrap(random: np.random.Generator, outcomes: Outcomes) -> tuple[float, float]:
    """Two-way percentile bootstrap: rows and columns resampled on their own (Owen 2007)."""
    rows, columns = outcomes.shape
    row_counts = random.multinomial(rows, np.full(rows, 1 / rows), RESAMPLES).astype(np.float32)
    column_counts = random.multinomial(columns, np.full(columns, 1 / columns), RESAMPLES)
    means = ((row_counts @ outcomes.astype(np.float32)) * column_counts).sum(1) / outcomes.size
    low, high = np.quantile(means, [0.025, 0.975])
    return float(low), float(high)


def one_source(random: np.random.Generator, repetitions: int) -> Iterator[dict[str, object]]:
    """Coverage and mean width of four intervals."""
    ways: dict[str, Callable[[Outcomes], tuple[float, float]]] = {
        "crossed": lambda outcomes: crossed_mean_interval(outcomes.mean(1), outcomes.mean(0)),
        "two-way bootstrap": lambda outcomes: bootstrap(random, outcomes),
        "over examples only": lambda outcomes: paired_difference_interval(outcomes.mean(1))[1:],
        "all pairs as one sample": lambda outcomes: binomial(outcomes),
    }
    for shape in SIZES:
        for mean in (0.1, 0.5, 0.9):
            for name, effects in EFFECTS.items():
                runs = repetitions if shape[0] * shape[1] <= 10_000 else repetitions // 2
                hits, widths = dict.fromkeys(ways, 0), dict.fromkeys(ways, 0.0)
                for _ in range(runs):
                    outcomes = draw(random, mean, shape, effects)
                    for way, interval in ways.items():
                        low, high = interval(outcomes)
                        hits[way] += low <= mean <= high
                        widths[way] += high - low
                row: dict[str, object] = {"examples x networks": f"{shape[0]} x {shape[1]}", "mean": mean}
                row["what differs"] = name
                for way in ways:
                    row[way] = f"{hits[way] / runs:.1%} ({widths[way] / runs:.3f})"
                yield row


def binomial(outcomes: Outcomes) -> tuple[float, float]:
    """Every pair of an example and a network as if it were a draw of its own."""
    mean = float(outcomes.mean())
    reach = 1.959964 * np.sqrt(mean * (1 - mean) / outcomes.size)
    return mean - reach, mean + reach


def several_sources(random: np.random.Generator, repetitions: int) -> Iterator[dict[str, object]]:
    """Coverage of the mean over all sources; each counts 80 % of 50 shared examples, on 50 networks."""
    rows, columns, example_sd, network_sd = 50, 50, 1.5, 0.5
    for sources in (2, 3, 5, 10):
        for mean in (0.2, 0.5, 0.8):
            for name, (between, own) in SOURCE_EFFECTS.items():
                centre = intercept(mean, float(np.sqrt(between**2 + own**2 + example_sd**2 + network_sd**2)))
                hits = one = 0
                width = 0.0
                for _ in range(repetitions):
                    logits = centre + between * random.standard_normal((sources, 1, 1))
                    logits = logits + example_sd * random.standard_normal((rows, 1))
                    logits = logits + network_sd * random.standard_normal(columns)
                    logits = logits + own * random.standard_normal((sources, rows, 1))
                    outcomes = random.random((sources, rows, columns)) < special.expit(logits)
                    counted = random.random((sources, rows)) < 0.8
                    weights = counted / (counted.sum(1, keepdims=True) * sources)
                    matrices = [
                        SourceMatrix(np.flatnonzero(mask), each[mask].mean(1), each[mask].mean(0))
                        for each, mask in zip(outcomes, counted, strict=True)
                    ]
                    squares = float(np.square((outcomes * weights[..., None]).sum(0)).sum())
                    over = sources_mean_interval(matrices, squares)
                    hits += over.low <= mean <= over.high
                    width += over.high - over.low
                    low, high = crossed_mean_interval(matrices[0].rows, matrices[0].columns)
                    one += low <= mean <= high
                yield {
                    "sources": sources,
                    "mean": mean,
                    "between sources": name,
                    "over sources": f"{hits / repetitions:.1%} ({width / repetitions:.3f})",
                    "first source's own": f"{one / repetitions:.1%}",
                }


def stopping(random: np.random.Generator, repetitions: int) -> Iterator[dict[str, object]]:
    """Bias and coverage when networks are drawn in doubling rounds until the interval is narrow."""
    for width, examples in ((0.1, 300), (0.05, 300), (0.1, 100)):
        for mean in (0.1, 0.5, 0.9):
            for name, effects in EFFECTS.items():
                means, counts, hits, reached, most = [], [], 0, 0, 800
                for _ in range(repetitions):
                    outcomes = draw(random, mean, (examples, most), effects)
                    stop, before = 25, False
                    while True:
                        margins = outcomes[:, :stop].mean(1), outcomes[:, :stop].mean(0)
                        low, high = crossed_mean_interval(*margins)
                        floor = unlimited_columns_interval(*margins)
                        enough = high - low < width or floor[1] - floor[0] >= width
                        if stop >= most or (enough and before):
                            break
                        stop, before = 2 * stop, enough
                    means.append(margins[0].mean())
                    counts.append(stop)
                    hits += low <= mean <= high
                    reached += high - low < width
                error = np.std(means, ddof=1) / np.sqrt(repetitions)
                yield {
                    "width": width,
                    "examples": examples,
                    "mean": mean,
                    "what differs": name,
                    "networks (median)": int(np.median(counts)),
                    "narrow enough": f"{reached / repetitions:.0%}",
                    "bias": f"{np.mean(means) - mean:+.4f} +- {2 * error:.4f}",
                    "coverage": f"{hits / repetitions:.1%}",
                }


TABLES: dict[str, tuple[str, Callable[[np.random.Generator, int], Iterator[dict[str, object]]]]] = {
    "one": ("One source: coverage (mean width)", one_source),
    "several": ("Several sources: coverage (mean width)", several_sources),
    "stopping": ("Draw until narrow", stopping),
}


HEAD = """# How often the intervals hold

Written by `benchmarks/interval_coverage.py --tables {tables} --repetitions {repetitions}`: the share of
simulations in which a nominal 95 % interval holds the true mean, and its mean width. What differs most on the
logit scale, as standard deviations of examples, networks and interaction: `examples` 2, 0.3, 0.5;
`both` 2, 0.7, 0.5; `networks` 0.5, 1, 0.5. [Method](method.md) sums it up.
"""


def main() -> None:
    """Prints the tables, and writes them to a file if one is named."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tables", nargs="+", choices=TABLES, default=list(TABLES))
    parser.add_argument("--repetitions", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, help="Markdown file to write.")
    arguments = parser.parse_args()
    pages = [HEAD.format(tables=" ".join(arguments.tables), repetitions=arguments.repetitions)]
    for name in arguments.tables:
        title, measure = TABLES[name]
        random = np.random.default_rng(arguments.seed)
        table = pd.DataFrame(list(measure(random, arguments.repetitions)))
        pages.append(f"## {title}\n\n{table.to_markdown(index=False)}\n")
        print(pages[-1], flush=True)
    if arguments.out:
        arguments.out.write_text("\n".join(pages), encoding="utf-8")


if __name__ == "__main__":
    main()
