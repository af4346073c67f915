"""A place full of traps, and the command line in this process: a refusal is exit 2 and one line."""

import functools
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from robust_hypergan.data.packaged import read_packaged
from robust_hypergan.models.classifiers import MNISTClassifier
from robust_hypergan.models.hypergan import HyperGAN, HyperGANConfig
from robust_hypergan.storage.checkpoint import Checkpoint, save_checkpoint
from tests.conftest import InProcess

settings.register_profile(
    "the same every time",
    derandomize=True,
    database=None,
    deadline=None,  # the machine may be busy
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
settings.load_profile("the same every time")

PLUG_IN = """
number = 3
def too_few(model, inputs): return inputs
def exits(*_, **__): raise SystemExit(0)
def good(model, inputs, labels, *, eps, norm, generator, targets=None, share: float = 1.0): return inputs
"""

SECONDS = 20
"""The longest that a refusal may take; it takes milliseconds, but the machine may be busy."""

Refuse = Callable[..., str]


class HungError(BaseException):
    """The command went on as if the input were good; nothing catches this."""


@contextmanager
def limited(seconds: int) -> Iterator[None]:
    def stop(*_: object) -> None:
        raise HungError

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A good checkpoint, of the smallest HyperGAN over the MNIST classifier."""
    path = tmp_path_factory.mktemp("good") / "hypergan.safetensors"
    hypergan = HyperGAN(MNISTClassifier(), HyperGANConfig(latent_dim=1, code_dim=1, hidden=1))
    save_checkpoint(path, Checkpoint(hypergan, "mnist", 10, {}))
    return path


@pytest.fixture
def traps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder: good things, and things that only look like it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "plug.py").write_text(PLUG_IN)
    (tmp_path / "exits.py").write_text("import sys\nsys.exit(0)\n")
    (tmp_path / "syntax.py").write_text("def f(:\n")
    (tmp_path / "taken").write_text("a file")
    (tmp_path / "text.safetensors").write_text("no tensors")
    (tmp_path / "empty").mkdir()
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.txt").write_text("mine")
    for name in ("pipe", "pipe.toml", "pipe.py", "pipe.safetensors"):
        os.mkfifo(tmp_path / name)
    (tmp_path / "pipes").mkdir()
    os.mkfifo(tmp_path / "pipes" / "run.json")
    os.mkfifo(tmp_path / "pipes" / "a.safetensors")
    return tmp_path


@pytest.fixture
def refuse(traps: Path, monkeypatch: pytest.MonkeyPatch, in_process: InProcess) -> Refuse:
    """Runs a command that has to be refused; gives its one line, which must name one of ``names``."""
    monkeypatch.setattr("robust_hypergan.data.datasets.read_packaged", functools.cache(read_packaged))

    def run(*arguments: object, names: tuple[str, ...]) -> str:
        before = contents(traps)
        with limited(SECONDS):
            code, out, told = in_process(*arguments)
        assert (code, out) == (2, ""), told
        assert told.startswith("robust-hypergan: ")
        assert told.count("\n") == 1
        assert told.endswith("\n")
        assert told[:-1].isprintable()
        assert len(told) > len("robust-hypergan: ") + 10
        plain = told.replace("_", "-").replace(" ", "-").lower()
        assert any(name.replace("_", "-").replace(" ", "-").lower() in plain for name in names), told
        assert contents(traps) == before
        return told

    return run


def contents(folder: Path) -> dict[Path, int]:
    """Everything below a folder, with its size, but a run's lock: it stays where a run may be unfinished."""
    left = {"__pycache__", ".lock"}
    return {path: path.lstat().st_size for path in folder.rglob("*") if not left & {*path.parts}}
