"""What the figures show is what the tables hold, and no run breaks them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.figure import Figure

from robust_hypergan.reports.columns import TRAINING_COLUMNS
from robust_hypergan.reports.figures.distribution import draw_ecdf, draw_histograms, fooled_fractions
from robust_hypergan.reports.figures.networks import draw_networks
from robust_hypergan.reports.figures.style import render
from robust_hypergan.reports.figures.training import draw_training
from robust_hypergan.reports.figures.transfer import draw_transfer
from robust_hypergan.reports.page.pictures import pictures
from robust_hypergan.reports.tables.run import Run, load_run
from robust_hypergan.reports.tables.summary import summarise

HOSTILE = ("<script>alert(1)</script>", "$\\frac", "fgsm:" + "long," * 60, "a\nb", "100%_#{}")


@pytest.fixture
def load(tmp_path: Path, fabricate: Callable[..., Any]) -> Callable[..., tuple[Run, pd.DataFrame]]:
    """A fabricated run, loaded, with its summary."""

    def loaded(**settings: Any) -> tuple[Run, pd.DataFrame]:
        run = load_run(fabricate(**settings).write(tmp_path / "run"))
        return run, summarise(run.examples, run.networks, run.record.cells)

    return loaded


def panels(figure: Figure) -> Iterator[Axes]:
    return (axes for axes in figure.axes if axes.get_visible())


def test_histogram_bars_are_the_counted_shares(fake: Any) -> None:
    summary = summarise(fake.examples, fake.networks, fake.info["cells"])
    shown = list(panels(draw_histograms(fake.examples, summary)))
    assert len(shown) == len(fake.truths)
    for axes, truth in zip(shown, fake.truths.values(), strict=True):
        fractions = (truth.answers != truth.labels).mean(0)[truth.source_fooled]
        counts, _ = np.histogram(fractions, np.arange(21) / 20)
        heights = [bar.get_height() for bar in axes.patches[1:]]  # type: ignore[attr-defined]  # 0 is the band
        np.testing.assert_allclose(heights, counts / len(fractions))


def test_cumulative_curves_are_the_sorted_fractions(fake: Any) -> None:
    summary = summarise(fake.examples, fake.networks, fake.info["cells"])
    figure = draw_ecdf(fake.examples, summary)
    assert [len(axes.lines) for axes in panels(figure)] == [3, 3]
    drawn = np.asarray(figure.axes[0].lines[2].get_xdata())[1:]
    np.testing.assert_allclose(drawn, fooled_fractions(fake.examples, "fgsm", "linf", 0.2))


def test_transfer_lines_are_the_summarys_means(fake: Any) -> None:
    summary = summarise(fake.examples, fake.networks, fake.info["cells"])
    (axes,) = panels(draw_transfer(summary))
    drawn = [np.asarray(line.get_ydata()) for line in axes.lines]
    np.testing.assert_allclose(drawn[0], summary["source_success"][:3])
    np.testing.assert_allclose(drawn[1], summary["fooled_mean"][:3])
    np.testing.assert_allclose(drawn[3], summary["fooled_mean"][3:])


def test_a_mean_over_a_handful_of_examples_is_not_drawn(fake: Any) -> None:
    summary = summarise(fake.examples, fake.networks, fake.info["cells"])
    summary.loc[1, "source_fooled"] = 9
    (axes,) = panels(draw_transfer(summary))
    drawn = np.asarray(axes.lines[1].get_ydata())
    assert np.isnan(drawn[1])
    np.testing.assert_allclose(drawn[[0, 2]], summary["fooled_mean"].iloc[[0, 2]])


@pytest.mark.parametrize(("levels", "seen"), [(1, "_"), (3, "")])
def test_the_success_on_the_source_is_seen_at_a_single_eps_too(fake: Any, levels: int, seen: str) -> None:
    summary = summarise(fake.examples, fake.networks, fake.info["cells"][:levels])
    (axes,) = panels(draw_transfer(summary))
    assert axes.lines[0].get_linestyle() == "--"
    assert axes.lines[0].get_marker() == seen


@pytest.mark.parametrize(("rows", "pale"), [(99, False), (100, True)])
def test_pale_lines_are_spoken_of_where_there_are_some(
    load: Callable[..., tuple[Run, pd.DataFrame]], rows: int, pale: bool
) -> None:
    run, summary = load()
    training = pd.DataFrame({name: np.linspace(1, 2, rows) for name in TRAINING_COLUMNS})
    made = pictures(replace(run, training=training), summary)
    (picture,) = (each for each in made if each.name == "training")
    assert ("Pale" in picture.caption) == pale


def test_each_fresh_network_is_a_point_and_the_source_is_none(fake: Any) -> None:
    summary = summarise(fake.examples, fake.networks, fake.info["cells"])
    figure = draw_networks(fake.networks, summary)
    clouds = [one for axes in panels(figure) for one in axes.collections if isinstance(one, PathCollection)]
    assert [len(np.asarray(cloud.get_offsets())) for cloud in clouds] == [50] * 6
    truth = fake.truths["fgsm", "linf", 0.05]
    expected = (truth.answers != truth.labels)[:, truth.source_fooled].mean(1)
    np.testing.assert_allclose(np.asarray(clouds[0].get_offsets())[:, 1], expected)


def test_training_without_evaluations_or_adversarial_game_says_so() -> None:
    rows = {"step": range(5), "loss": [2.0, 1.0, 0.5, 0.2, 0.0]}
    empty = dict.fromkeys(("adversarial_loss", "discriminator_loss", "accuracy", "seconds"), [np.nan] * 5)
    figure = draw_training(pd.DataFrame(rows | empty))
    texts = [[text.get_text() for text in axes.texts] for axes in figure.axes]
    assert texts == [[], ["not recorded"], ["not recorded"]]
    assert figure.axes[0].get_yscale() == "linear"


@pytest.mark.parametrize(
    "settings",
    [
        {"attacks": HOSTILE},
        {"attacks": tuple(f"attack {index}" for index in range(10)), "eps": (0.1,)},
        {"attacks": ("pgd",), "eps": tuple(0.02 * index for index in range(1, 21))},
        {"attacks": ("fgsm",), "eps": (0.1,), "networks": 1, "examples": 3},
        {"channels": 3, "norm": "l2"},
    ],
    ids=["hostile names", "ten attacks, one eps", "twenty eps", "one network", "colour images"],
)
def test_no_run_breaks_a_figure(
    load: Callable[..., tuple[Run, pd.DataFrame]], settings: dict[str, Any]
) -> None:
    run, summary = load(**({"examples": 12, "networks": 8} | settings))
    made = {picture.name: render(picture.figure, "svg") for picture in pictures(run, summary)}
    assert set(made) == {
        "transfer",
        "distribution_histogram",
        "distribution_ecdf",
        "networks",
        "gallery",
        "training",
    }
    assert all(b"<script" not in svg for svg in made.values())


def test_cells_that_failed_or_fooled_nothing_are_drawn_as_such(fake: Any) -> None:
    fake.info["cells"][0] |= {"status": "failed", "error": "out of memory"}
    cell = (fake.examples["attack"] == "fgsm") & (fake.examples["eps"] == 0.1)
    fake.examples.loc[cell, "source_fooled"] = False
    tried = (fake.networks["attack"] == "fgsm") & (fake.networks["eps"] == 0.1)
    fake.networks.loc[tried, ["fooled", "fooled_fraction"]] = [0, np.nan]
    fake.networks.loc[tried & (fake.networks["role"] == "fresh"), "examples"] = 0
    gone = (fake.examples["attack"] == "fgsm") & (fake.examples["eps"] == 0.05)
    examples = fake.examples[~gone]
    summary = summarise(examples, fake.networks, fake.info["cells"])
    texts = [[text.get_text() for text in axes.texts] for axes in draw_histograms(examples, summary).axes]
    assert texts[:2] == [["failed"], ["none fooled\nthe source"]]
    for figure in (
        draw_ecdf(examples, summary),
        draw_transfer(summary),
        draw_networks(fake.networks, summary),
    ):
        assert render(figure, "png").startswith(b"\x89PNG")


def test_captions_and_descriptions_carry_the_numbers(load: Callable[..., tuple[Run, pd.DataFrame]]) -> None:
    run, summary = load()
    made = {picture.name: picture for picture in pictures(run, summary)}
    mean = round(100 * summary["fooled_mean"][0])
    assert f"fgsm, L\u221e eps 0.05 {mean}%" in made["transfer"].alt
    assert "200 steps" in made["training"].alt
    assert "accuracy of the generated networks on their training images" in made["training"].caption
    assert "single steps" not in made["training"].caption
    assert all(len(picture.caption) > 60 for picture in made.values())


def test_descriptions_tell_what_is_drawn(load: Callable[..., tuple[Run, pd.DataFrame]]) -> None:
    run, summary = load()
    summary.loc[0, "source_fooled"] = 9
    assert run.training is not None
    sparse = replace(run, training=run.training[run.training["step"] % 10 == 0])
    made = {picture.name: picture.alt for picture in pictures(sparse, summary)}
    assert "fgsm, L\u221e eps 0.05" not in made["transfer"]
    assert "fgsm, L\u221e eps 0.1" in made["transfer"]
    assert "200 steps" in made["training"]
    summary["source_fooled"] = 9
    assert "In no cell 10 examples fooled" in next(pictures(run, summary)).alt


def test_a_run_without_training_pictures_or_cells_has_fewer_figures(
    load: Callable[..., tuple[Run, pd.DataFrame]],
) -> None:
    run, summary = load()
    bare = Run(run.folder, run.record, run.examples, run.networks)
    names = [picture.name for picture in pictures(bare, summary)]
    assert names == ["transfer", "distribution_histogram", "distribution_ecdf", "networks"]
    assert list(pictures(bare, summary.iloc[:0])) == []
