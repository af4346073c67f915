"""Every figure of the report with its name, caption and a description for those who cannot see it."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from robust_hypergan.reports.figures.distribution import MOST_EPS, draw_ecdf, draw_histograms
from robust_hypergan.reports.figures.gallery import draw_gallery
from robust_hypergan.reports.figures.networks import draw_networks
from robust_hypergan.reports.figures.training import draw_training, median_window
from robust_hypergan.reports.figures.transfer import FEWEST_EXAMPLES, draw_transfer
from robust_hypergan.reports.section import Picture
from robust_hypergan.reports.tables.run import Gallery, Run
from robust_hypergan.reports.wording import cell_text, interval, percent

MOST_CELLS = 20


def pictures(run: Run, summary: pd.DataFrame) -> Iterator[Picture]:
    """The figures that the run has tables for, one at a time, in the order of the report."""
    if not summary.empty:
        yield from _transfer_pictures(run, summary)
    if run.training is not None and len(run.training):
        yield _training_picture(run.training)
    if run.gallery is not None and len(run.gallery.table):
        yield _gallery_picture(run, run.gallery, summary)


def _transfer_pictures(run: Run, summary: pd.DataFrame) -> Iterator[Picture]:
    thinned = summary.groupby(["attack", "norm"]).size().max() > MOST_EPS
    note = f" Of the eps of each attack, {MOST_EPS} are shown; the table has all." if thinned else ""
    yield Picture(
        "transfer",
        "How far the attacks carry",
        "Mean fooled fraction over the examples that fooled the source network, where at least"
        f" {FEWEST_EXAMPLES} did, with its 95% interval"
        " (examples and networks both counted as samples). Dashed, in the same colour: the share of the"
        " initially correct examples that fooled the source network itself.",
        f"Line plot of the mean fooled fraction against eps. {_means(summary)}.",
        draw_transfer(summary),
    )
    yield Picture(
        "distribution_histogram",
        "The same, example by example",
        "Distribution of the fooled fraction over the examples that fooled the source network. A spike at"
        " 100% means examples that fool every fresh network; one at 0% means examples that fool only their"
        f" source.{note}",
        "Grid of histograms, a row per attack and a column per eps. Share of the examples that fool every"
        f" network: {_list(summary, 'fools_all')}.",
        draw_histograms(run.examples, summary),
    )
    yield Picture(
        "distribution_ecdf",
        "The distribution, cumulative",
        "Share of the examples whose fooled fraction is at most the value on the horizontal axis. The further"
        " right a curve runs, the further the attack carries; a vertical rise at 100% is the share that fools"
        f" every fresh network.{note}",
        "Empirical cumulative distributions of the fooled fraction, a panel per attack and a line per eps."
        f" Medians: {_list(summary, 'fooled_median')}.",
        draw_ecdf(run.examples, summary),
    )
    yield Picture(
        "networks",
        "Network by network",
        "Each point is one fresh network: the share of the examples that fooled the source network which"
        " fool this one too. The line is the median. A tall strip means networks that differ in how easily"
        " they are fooled.",
        "Strips of points, one point per fresh network, per attack and eps. From the least to the most fooled"
        f" network: {_network_ranges(run.networks)}.",
        draw_networks(run.networks, summary),
    )


def _gallery_picture(run: Run, gallery: Gallery, summary: pd.DataFrame) -> Picture:
    return Picture(
        "gallery",
        "What the networks were shown",
        "Clean image, adversarial image, their difference (magnified, around mid-grey), and the answers of"
        " the fresh networks to the adversarial image. Grey is the true class; \u201csource\u201d marks the"
        " answer of the network that was attacked.",
        f"Rows of pictures from the {len(gallery.table)} examples kept by the run: clean, adversarial,"
        " difference, and bars of the fresh networks' answers.",
        draw_gallery(gallery, run.record.classes, summary["attack"].tolist()),
    )


def _training_picture(training: pd.DataFrame) -> Picture:
    accuracy = training["accuracy"].dropna()
    last = f" The last accuracy is {percent(float(accuracy.iloc[-1]), 1)}." if len(accuracy) else ""
    return Picture(
        "training",
        "How the networks were trained",
        "Classification loss (log scale), the two adversarial losses that keep the codes close to their"
        " prior, and the accuracy of the generated networks on their training images. Each point is the mean"
        " over the steps since the one before."
        + (" Pale: these means; strong: their running median." if median_window(training) > 1 else ""),
        f"Training curves over {int(training['step'].max()):,} steps.{last}",
        draw_training(training),
    )


def _means(summary: pd.DataFrame) -> str:
    rows = summary[summary["source_fooled"] >= FEWEST_EXAMPLES]
    if rows.empty:
        return f"In no cell {FEWEST_EXAMPLES} examples fooled the source network"
    ends = [interval(low, high) for low, high in zip(rows["ci_low"], rows["ci_high"], strict=True)]
    shares = [percent(mean) for mean in rows["fooled_mean"]]
    return _join(rows, [f"{share} (interval {end})" for share, end in zip(shares, ends, strict=True)])


def _list(summary: pd.DataFrame, column: str) -> str:
    """``fgsm, Linf eps 0.1 59%; ...`` over the cells that have a value."""
    rows = summary[summary[column].notna()]
    return _join(rows, [percent(value) for value in rows[column]])


def _network_ranges(networks: pd.DataFrame) -> str:
    fresh = networks[networks["role"] == "fresh"].dropna(subset=["fooled_fraction"])
    grouped = fresh.groupby(["attack", "norm", "eps"], sort=False)["fooled_fraction"]
    ranges = grouped.agg(["min", "max"]).reset_index()
    texts = [
        f"{percent(low)} to {percent(high)}" for low, high in zip(ranges["min"], ranges["max"], strict=True)
    ]
    return _join(ranges, texts)


def _join(rows: pd.DataFrame, values: list[str]) -> str:
    """Each cell with its value, the first twenty; the summary table has them all."""
    cells = zip(rows["attack"], rows["norm"], rows["eps"], values, strict=True)
    texts = [f"{cell_text(attack, norm, eps)} {value}" for attack, norm, eps, value in cells]
    more = [f"and {len(texts) - MOST_CELLS} more cells, in the table"] if len(texts) > MOST_CELLS else []
    return "; ".join([*texts[:MOST_CELLS], *more]) or "nothing fooled the source network"
