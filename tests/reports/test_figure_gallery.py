"""The gallery's choices: which rows, how much magnified, which answers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from robust_hypergan.reports.figures.gallery import answers, choose_rows, draw_gallery, magnified
from robust_hypergan.reports.tables.run import Gallery


def test_the_difference_fills_the_range_around_grey() -> None:
    clean = np.full((1, 2, 2), 0.5, dtype=np.float32)
    adversarial = clean + np.array([[[0.1, -0.05], [0.0, 0.1]]], dtype=np.float32)
    picture, factor = magnified(clean, adversarial)
    assert factor == pytest.approx(5, rel=1e-5)
    np.testing.assert_allclose(picture, [[[1.0, 0.25], [0.5, 1.0]]], atol=1e-5)


def test_equal_images_have_no_difference_to_magnify() -> None:
    image = np.random.default_rng(0).random((3, 4, 4), dtype=np.float32)
    picture, factor = magnified(image, image)
    assert factor == 0
    assert (picture == 0.5).all()


def test_answers_always_hold_the_true_class_and_the_sources() -> None:
    counts = np.array([0, 10, 20, 30, 25, 15, 0])
    shown = answers(counts, true=0, source=6)
    assert {label for label, _ in shown} == {0, 6, 3, 4}
    assert [share for _, share in shown] == sorted((share for _, share in shown), reverse=True)
    assert dict(shown)[3] == pytest.approx(0.3)


def test_rows_come_from_the_middle_eps_of_every_attack() -> None:
    rows = [
        (attack, "linf", eps, quantile)
        for attack in "ab"
        for eps in (0.1, 0.2, 0.3)
        for quantile in (0.9, 0.1)
    ]
    table = pd.DataFrame(rows, columns=["attack", "norm", "eps", "quantile"], index=range(100, 112))
    assert choose_rows(table) == [3, 2, 9, 8]


def test_many_rows_are_thinned_to_twelve() -> None:
    table = pd.DataFrame({"attack": "a", "norm": "linf", "eps": 0.1, "quantile": np.linspace(0, 1, 40)})
    chosen = choose_rows(table)
    assert (len(chosen), chosen[0], chosen[-1]) == (12, 0, 39)


def test_unknown_class_names_and_odd_channel_counts_are_drawn(fake: Any) -> None:
    images = np.random.default_rng(0).random((len(fake.gallery), 2, 5, 7), dtype=np.float32)
    counts = fake.gallery.filter(like="counts_").to_numpy()
    figure = draw_gallery(
        Gallery(fake.gallery, images, images, counts), ("zero", "one"), ["fgsm", "pgd:steps=40"]
    )
    labels = {text.get_text() for axes in figure.axes for text in axes.get_yticklabels()}
    assert labels & set("23456789")
    titles = {axes.get_title() for axes in figure.axes}
    assert "no difference" in titles
