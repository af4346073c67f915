"""Augmented training images: what is allowed to happen to them, and that it does happen."""

import pytest
import torch

from robust_hypergan.base.errors import InputError
from robust_hypergan.data.augmentation import PADDING, augment
from robust_hypergan.data.datasets import make_dataset
from robust_hypergan.models.classifiers import build_classifier
from robust_hypergan.models.hypergan import HyperGAN
from robust_hypergan.training.config import TrainConfig
from robust_hypergan.training.trainer import Trainer


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def coded_images(count: int, size: int = 16) -> torch.Tensor:
    """Every pixel's value says where it was: 16 * row + column."""
    positions = torch.arange(size * size, dtype=torch.uint8).view(1, 1, size, size)
    return positions.expand(count, 3, size, size).contiguous()


def test_none_leaves_the_images_alone() -> None:
    images = coded_images(4)
    assert augment(images, "none", generator()) is images


def test_every_image_is_a_mirrored_or_shifted_one_and_all_of_them_occur() -> None:
    images = augment(coded_images(4000), "flip-crop", generator())
    assert images.shape == (4000, 3, 16, 16)
    assert images.dtype == torch.uint8
    assert torch.equal(images[:, 0], images[:, 1])  # all channels alike
    middle = images[:, 0, 6:10, 6:10].long()  # never reached by the reflection
    rows, columns = middle // 16, middle % 16
    down = rows - torch.arange(6, 10)[:, None]
    step = columns[:, 0, 1] - columns[:, 0, 0]
    assert (down == down[:, :1, :1]).all()
    assert down.abs().max() == PADDING
    assert set(step.tolist()) == {-1, 1}
    assert (columns == columns[:, :1, :1] + step[:, None, None] * torch.arange(4)).all()
    mirrored = (step == -1).double().mean().item()
    assert abs(mirrored - 0.5) < 0.04
    assert len(set(down[:, 0, 0].tolist())) == 2 * PADDING + 1


def test_a_crop_alone_mirrors_nothing() -> None:
    images = augment(coded_images(500), "crop", generator())[:, 0, 6:10, 6:10].long()
    assert (images[:, :, 1:] - images[:, :, :-1] == 1).all()
    assert len(set((images[:, 0, 0] % 16).tolist())) == 2 * PADDING + 1


def test_an_affine_change_moves_a_dot_within_its_bounds_and_off_the_middle() -> None:
    dot = torch.zeros(500, 1, 28, 28)
    dot[:, :, 13:15, 20:22] = 1
    images = augment(dot, "affine", generator())
    mass = images.sum((1, 2, 3))
    places = torch.arange(28.0)
    rows = (images.sum(3).squeeze(1) * places).sum(1) / mass - 13.5
    columns = (images.sum(2).squeeze(1) * places).sum(1) / mass - 13.5
    assert rows.abs().max() < 2 + 7 * 1.1 * (0.18 + 0.11)  # shifted, then turned and sheared
    assert ((columns - 7).abs() < 2 + 0.7 + 0.3).all()
    assert rows.std() > 0.8
    assert columns.std() > 0.8


def test_bytes_stay_bytes_and_the_picture_its_size() -> None:
    bright = torch.full((50, 1, 28, 28), 255, dtype=torch.uint8)
    images = augment(bright, "affine", generator())
    assert images.dtype == torch.uint8
    assert (images[:, :, 8:20, 8:20] == 255).all()  # black comes in from the edges alone


def test_beyond_the_edge_lies_the_reflection() -> None:
    images = augment(coded_images(500), "flip-crop", generator())[:, 0].long()
    shifted_up = images[(images[:, 8, 8] // 16) == 8 - PADDING]
    assert len(shifted_up)
    expected = torch.tensor([4, 3, 2, 1, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11])
    assert (shifted_up[:, :, 8] // 16 == expected).all()


def test_training_uses_it_and_depends_on_the_seed_alone() -> None:
    images = torch.randint(0, 256, (64, 1, 28, 28), dtype=torch.uint8, generator=generator(1))
    dataset = make_dataset("drawn", "train", images, torch.arange(64) % 10, tuple("0123456789"))

    def loss(augmentation: str) -> float:
        hypergan = HyperGAN(build_classifier("mnist", 10))
        config = TrainConfig(networks=2, batch=8, codes=4, augmentation=augmentation)
        return Trainer(hypergan, dataset, config).advance()["loss"]

    assert loss("flip-crop") == loss("flip-crop") != loss("none")


def test_an_unknown_one_is_refused() -> None:
    with pytest.raises(InputError, match="augmentation"):
        TrainConfig(augmentation="mixup")
