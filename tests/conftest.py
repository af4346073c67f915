"""Small things that many tests need: a tiny classifier, a HyperGAN over it, and a data set it can learn."""

import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from robust_hypergan.__main__ import main
from robust_hypergan.data.datasets import Dataset, make_dataset
from robust_hypergan.models.hypergan import HyperGAN, HyperGANConfig
from robust_hypergan.training.config import TrainConfig
from robust_hypergan.training.loop import train

# What a shell starts in the background ignores SIGINT, and so would every process that a test starts.
signal.signal(signal.SIGINT, signal.default_int_handler)


class TinyClassifier(nn.Module):
    """A convolution and a linear layer on 8x8 images."""

    def __init__(self, classes: int = 3) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 3)
        self.linear = nn.Linear(36, classes)

    def forward(self, images: Tensor) -> Tensor:
        hidden = nn.functional.max_pool2d(torch.relu(self.conv(images - 0.5)), 2)
        return self.linear(hidden.flatten(1))


TINY = HyperGANConfig(latent_dim=16, code_dim=8, hidden=32, noise_share=0.8)


def striped_images(count: int, seed: int) -> tuple[Tensor, Tensor]:
    """Noisy 8x8 images of three classes: bright top, bright left, bright centre."""
    random = torch.Generator().manual_seed(seed)
    labels = torch.arange(count) % 3
    images = torch.randint(0, 120, (count, 1, 8, 8), generator=random)
    images[labels == 0, :, :4] += 90
    images[labels == 1, :, :, :4] += 90
    images[labels == 2, :, 2:6, 2:6] += 110
    return images.to(torch.uint8), labels


def striped_dataset(split: str, count: int, seed: int) -> Dataset:
    return make_dataset("striped", split, *striped_images(count, seed), ("top", "left", "centre"))


@pytest.fixture
def set_threads() -> Iterator[Callable[[int], None]]:
    """Sets the number of threads that PyTorch computes with; afterwards it is as before."""
    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def training_set() -> Dataset:
    return striped_dataset("train", 300, 0)


@pytest.fixture(scope="session")
def test_set() -> Dataset:
    return striped_dataset("test", 90, 1)


@pytest.fixture(scope="session")
def untrained() -> HyperGAN:
    return HyperGAN(TinyClassifier(), TINY, seed=3)


@pytest.fixture(scope="session")
def trained(training_set: Dataset) -> HyperGAN:
    """A HyperGAN over the tiny classifier after a few steps: good, but not perfect."""
    hypergan = HyperGAN(TinyClassifier(), TINY, seed=3)
    config = TrainConfig(
        steps=100, networks=4, batch=32, learning_rate=5e-3, warmup=5, codes=64, pretraining=10
    )
    train(hypergan, training_set, config)
    return hypergan


InProcess = Callable[..., tuple[int, str, str]]
"""Exit code, output and errors of a command line of given arguments; ``cwd`` is where."""


@pytest.fixture
def in_process(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> InProcess:
    """The command line in this process, which saves its start."""
    monkeypatch.setattr("robust_hypergan.__main__.end_on_signals", lambda: None)  # the test's own stay

    def run(*arguments: object, cwd: Path | None = None) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["robust-hypergan", *map(str, arguments)])
        if cwd:
            monkeypatch.chdir(cwd)
        capsys.readouterr()
        code: object = 0
        with torch.random.fork_rng(devices=[]):
            try:
                main()
            except SystemExit as left:
                code = left.code
        return int(str(code or 0)), *capsys.readouterr()

    return run
