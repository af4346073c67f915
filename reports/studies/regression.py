"""The study of one-dimensional regression: the paper's Figure 2."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd

from robust_hypergan.reports.figures.regression import draw_course, draw_predictions, draw_widths
from robust_hypergan.reports.section import Picture, Section, Table
from robust_hypergan.reports.statistics.regression import (
    MEASURES,
    REGRESSION_TABLES,
    by_distance,
    geometric_mean,
    over_seeds,
)
from robust_hypergan.reports.studies.regression_claims import (
    HYPERGANS,
    NAMES,
    NOISE,
    data_end,
    regression_claims,
    width_kept,
    with_ends,
)
from robust_hypergan.reports.tables.study import Study, StudyReport
from robust_hypergan.reports.wording import UNKNOWN, number, percent, plural, printable

DISTANCES = (0.0, 0.5, 1.0, 1.5, 2.0)


def regression_sections(study: Study) -> list[Section]:
    """Figure 2; the other kinds beside it; the width of the bands; its course through training."""
    return [_figure_two(study), _beside(study), _widths(study), _course(study)]


def _figure_two(study: Study) -> Section:
    predictions, data, seed = _first_seed(study)
    sizes = sorted(predictions[predictions["kind"].isin(HYPERGANS)]["networks"].unique())
    panels = [[(kind, int(size)) for size in sizes] for kind in HYPERGANS]
    summary = study.tables["regression_summary"]
    return Section(
        "predictions",
        "The predictive distribution of 10, 100 and 1,000 networks"
        if sizes == [10, 100, 1000]
        else "The predictive distribution",
        (
            "HyperGAN is trained on the mean squared error of its networks alone, as in the paper: no"
            " discriminator. Nothing in that loss keeps the networks apart where there are data: the"
            " band there is what training has not removed yet, and narrows the longer it goes on.",
            "Anchored HyperGAN is ours: every network is also drawn towards the one that the HyperGAN made of"
            " the same latent before training, each weight with the standard deviation that it started with,"
            f" against noise of sd {NOISE:.0f}, taken as known (anchored ensembling: Pearce et al. 2020,"
            " arXiv:1810.05546). Its band inside the data is what the anchors leave open.",
        ),
        (),
        (
            Picture(
                "predictions",
                "As in the paper's Figure 2",
                f"Seed {seed}. Upper row: the paper's loss; lower row: anchored. Vertical lines: the ends of"
                " the data.",
                f"Panels of mean and band against x, for {_list(sizes)} networks. {_alt(summary, seed)}",
                draw_predictions(predictions, data, panels, NAMES),
            ),
        ),
    )


def _beside(study: Study) -> Section:
    predictions, data, seed = _first_seed(study)
    largest = predictions.groupby("kind", sort=False)["networks"].max()
    panels = [(str(kind), int(networks)) for kind, networks in largest.items()]
    summary = study.tables["regression_summary"]
    rows = []
    for (kind, networks), own in summary.groupby(["kind", "networks"], sort=False):
        cells = [with_ends(over_seeds(own, measure), _text(measure)) for measure in MEASURES]
        rows.append(
            (f"{NAMES.get(str(kind), printable(str(kind)))}, {plural(int(str(networks)), 'network')}", *cells)
        )
    seeds = plural(summary["seed"].nunique(), "seed")
    return Section(
        "beside",
        "Beside a deep ensemble and MC dropout",
        (
            "All kinds have the same network and as many passes of a network over the data; the deep ensemble"
            " shares them out among its members.",
        ),
        (
            Table(
                f"Means over {seeds} of data and training with 95% intervals: of shares arithmetic means,"
                " else geometric ones.",
                (
                    "networks",
                    "RMSE of the mean, inside",
                    "covered, inside",
                    "covered, outside",
                    "sd, inside",
                    "sd, outside",
                    "growth",
                ),
                tuple(rows),
            ),
        ),
        (
            Picture(
                "beside",
                "All kinds side by side",
                f"Seed {seed}; each kind with all its networks.",
                f"A panel of mean and band for each kind. {_alt(summary, seed)}",
                draw_predictions(predictions, data, [panels], NAMES),
            ),
            Picture(
                "beside-inside",
                "All kinds inside the data, as the difference from x³",
                f"The same networks of seed {seed}, where the data lie. The band covers x³ where it holds 0.",
                f"A panel of mean and band for each kind, x³ taken away. {_alt(summary, seed)}",
                draw_predictions(predictions, data, [panels], NAMES, inside=True),
            ),
        ),
    )


def _widths(study: Study) -> Section:
    predictions, end = study.tables["regression"], data_end(study)
    distances = by_distance(predictions, end, DISTANCES)
    rows, at_end = [], []
    for kind, own in distances.groupby("kind", sort=False):
        cells = [
            with_ends(geometric_mean(at["sd"].to_numpy(dtype=float)), number)
            for _, at in own.groupby("distance", sort=False)
        ]
        name = NAMES.get(str(kind), printable(str(kind)))
        rows.append((name, *cells))
        at_end.append(f"{name} {cells[0]} at the end of the data, {cells[-1]} at the largest distance")
    headings = tuple(f"{number(distance)}" for distance in sorted(distances["distance"].unique()))
    return Section(
        "width",
        "How the band grows with the distance from the data",
        (),
        (
            Table(
                "Standard deviation of the networks against the distance from the data, geometric mean over"
                " seeds with 95% interval.",
                ("networks", *headings),
                tuple(rows),
            ),
        ),
        (
            Picture(
                "width",
                "Standard deviation against x",
                "Thick: geometric mean over seeds; thin: single seeds. Grey: where the data lie.",
                f"Line plot on a logarithmic scale. {'; '.join(at_end)}.",
                draw_widths(predictions, NAMES, end),
            ),
        ),
    )


def _course(study: Study) -> Section:
    training = study.tables["regression_training"]
    said = width_kept(study).ours
    return Section(
        "course",
        "The band while HyperGAN trains",
        (f"Mean sd inside the data, from half of the training to its end: {said}.",),
        (),
        (
            Picture(
                "course",
                "Width of the band against the step",
                "Thick: geometric mean over seeds; thin: single seeds. The learning rate falls to 0 at the"
                " end, which flattens both.",
                f"Two line plots, logarithmic. Inside, from half of the training to its end: {said}.",
                draw_course(training, NAMES),
            ),
        ),
    )


def _text(measure: str) -> Callable[[float], str]:
    return percent if measure.startswith("coverage") else number


def _alt(summary: pd.DataFrame, seed: int) -> str:
    rows = summary[summary["seed"] == seed].to_dict("records")
    return " ".join(
        f"{NAMES.get(row['kind'], printable(row['kind']))}, {plural(row['networks'], 'network')}: sd"
        f" {number(row['sd_inside'])} inside and {number(row['sd_outside'])} outside the data,"
        f" {percent(row['coverage_inside'])} and {percent(row['coverage_outside'])} covered."
        for row in rows
    )


def _first_seed(study: Study) -> tuple[pd.DataFrame, pd.DataFrame, int]:
    predictions, data = study.tables["regression"], study.tables["regression_data"]
    seed = int(predictions["seed"].iloc[0])
    return predictions[predictions["seed"] == seed], data[data["seed"] == seed], seed


def _list(sizes: list[int]) -> str:
    return ", ".join(f"{size:,}" for size in sizes) or UNKNOWN


REGRESSION = StudyReport(
    "One-dimensional regression",
    REGRESSION_TABLES,
    regression_sections,
    regression_claims,
    texts=frozenset({"kind"}),
)
