"""The examples that the page lets its reader browse."""

from __future__ import annotations

import base64
import io
from typing import Any

import numpy as np
import pytest
from PIL import Image as Pixels

from robust_hypergan.reports.page.examples import browsable, png_uri
from robust_hypergan.reports.tables.run import Gallery


def pixels(uri: str) -> Any:
    head, _, body = uri.partition(",")
    assert head == "data:image/png;base64"
    return np.asarray(Pixels.open(io.BytesIO(base64.b64decode(body))))


def gallery_of(fake: Any) -> Gallery:
    counts = fake.gallery.filter(like="counts_").to_numpy()
    return Gallery(fake.gallery, fake.images["clean"], fake.images["adversarial"], counts)


@pytest.mark.parametrize("channels", [1, 2, 3])
def test_a_picture_is_its_image_in_eight_bits(channels: int) -> None:
    image = np.random.default_rng(0).random((channels, 4, 6), dtype=np.float32)
    shown = pixels(png_uri(image))
    wanted = image.transpose(1, 2, 0) if channels == 3 else image.mean(0)
    assert shown.shape == wanted.shape
    np.testing.assert_allclose(shown / 255, wanted, atol=1 / 255)


def test_every_row_of_the_gallery_is_an_example_with_its_answers(fake: Any) -> None:
    gallery = gallery_of(fake)
    examples = browsable(gallery, ("zero", "one"))
    assert (len(examples.shown), examples.note) == (len(gallery.table), "")
    first, row = examples.shown[0], gallery.table.iloc[0]
    assert (first.attack, first.eps, first.quantile) == ("fgsm, L\u221e", "0.05", "0% (least)")
    assert f"Example {row['example']} fools" in first.title
    assert sum(answer.share for answer in first.answers) == pytest.approx(1)
    assert [answer.right for answer in first.answers].count(True) == 1
    notes = [answer.notes for answer in first.answers if answer.notes]
    assert sorted(notes) == ["the source's answer", "true class"]
    assert pixels(first.shots[1].uri).shape == (28, 28)


def test_rare_answers_of_many_classes_are_summed_up(fake: Any) -> None:
    gallery = gallery_of(fake)
    counts = np.tile(np.arange(1, 41), (len(gallery.table), 1))
    many = Gallery(gallery.table, gallery.clean, gallery.adversarial, counts)
    answers = browsable(many, ()).shown[0].answers
    assert len(answers) == 10
    assert answers[-1].name == "other classes"
    assert sum(answer.share for answer in answers) == pytest.approx(1)


def test_too_many_pictures_lose_whole_cells_evenly_and_the_page_says_so(fake: Any) -> None:
    gallery = gallery_of(fake)
    whole = browsable(gallery, ())
    half = browsable(gallery, (), sum(len(shot.uri) for one in whole.shown for shot in one.shots) // 2)
    assert [(one.attack, one.eps) for one in half.shown[::5]] == [
        ("fgsm, L\u221e", "0.05"),
        ("fgsm, L\u221e", "0.2"),
        ("pgd:steps=40, L\u221e", "0.2"),
    ]
    assert len(half.shown) == 15
    assert "3 of the 6 cells are shown" in half.note
    assert len(browsable(gallery, (), 1).shown) == 5


def test_a_run_without_pictures_has_nothing_to_browse() -> None:
    assert browsable(None, ()).shown == ()
