"""Classifiers and distributions of the user's own, by name; a file never imports anything by itself."""

import sys
from functools import partial
from pathlib import Path

import pytest
import torch
from torch import nn

from robust_hypergan.attacks.plugins import load_function
from robust_hypergan.base.errors import InputError
from robust_hypergan.base.user_code import build_from_user_code, code_digest
from robust_hypergan.measures.accuracy import measure_accuracy
from robust_hypergan.models.classifiers import build_classifier
from robust_hypergan.models.hypergan import HyperGAN, HyperGANConfig
from robust_hypergan.models.networks import Networks, materialise
from robust_hypergan.runs.bench_config import BenchConfig
from robust_hypergan.runs.benchmark import bench
from robust_hypergan.storage.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from robust_hypergan.training.config import TrainConfig
from robust_hypergan.transferability.config import TransferConfig

CODE = """
import pathlib
import torch
from torch import nn

pathlib.Path("imported").touch()

class Small(nn.Module):
    def __init__(self, num_classes):
        super().__init__()
        self.layers = nn.Sequential(nn.Flatten(), nn.Linear(784, 8), nn.ReLU(), nn.Linear(8, num_classes))
        self.register_buffer("noise", torch.randn(3), persistent=False)
    def forward(self, images):
        return self.layers(images)

def other(classes):
    return nn.Sequential(nn.Flatten(), nn.Linear(784, classes))

class Tuple(Small):
    def forward(self, images):
        return self.layers(images), images

class Flat(Small):
    def forward(self, images):
        return self.layers(images).sum()

class Broken(Small):
    def forward(self, images):
        raise KeyError("a mistake")

def number():
    return 3

def fails():
    raise OSError("no weights")

class Distribution:
    def __init__(self, classes):
        self.classifier = other(classes).eval()
    def sample(self, networks):
        rows = [torch.from_numpy(networks.random(i).normal(size=(10, 784))).float() for i in networks.indices]
        return {"1.weight": torch.stack(rows), "1.bias": torch.zeros(len(networks), 10)}
"""


@pytest.fixture
def own(tmp_path, monkeypatch):
    (tmp_path / "own.py").write_text(CODE)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def save(path, name, classes=10):
    hypergan = HyperGAN(build_classifier(name, classes), HyperGANConfig(hidden=16))
    save_checkpoint(path, Checkpoint(hypergan, name, classes, {}))
    return hypergan


@pytest.mark.usefixtures("own")
def test_a_class_takes_the_number_of_classes_whatever_it_calls_them():
    assert build_classifier("./own.py:Small", 7)(torch.zeros(2, 1, 28, 28)).shape == (2, 7)
    assert build_classifier("./own.py:other", 4)(torch.zeros(2, 1, 28, 28)).shape == (2, 4)


def test_a_module_on_the_path_is_found(own, monkeypatch):
    monkeypatch.syspath_prepend(own)
    assert isinstance(build_classifier("own:other", 4), nn.Module)
    sys.modules.pop("own")


@pytest.mark.usefixtures("own")
def test_random_constants_are_the_same_every_time_and_the_global_state_is_kept():
    state = torch.get_rng_state()
    first, second = (build_classifier("./own.py:Small", 4).noise for _ in range(2))
    assert torch.equal(first, second)
    assert torch.equal(torch.get_rng_state(), state)


@pytest.fixture(autouse=True)
def few_networks(monkeypatch):
    """Accuracy of 3 networks instead of 100."""
    monkeypatch.setattr(
        "robust_hypergan.runs.benchmark.measure_accuracy", partial(measure_accuracy, networks=3)
    )


@pytest.mark.parametrize(
    ("specification", "message"),
    [
        ("./own.py:Smal", "did you mean Small"),
        ("./none.py:Small", "no file"),
        ("no_such_package.module:Small", "ModuleNotFoundError"),
        ("./own.py:number", "makes a int, not a torch.nn.Module"),
        ("./own.py:fails", "no weights"),
        (":Small", "can't import"),
    ],
)
@pytest.mark.usefixtures("own")
def test_what_cannot_be_built_is_one_line(specification, message):
    with pytest.raises(InputError, match=message) as error:
        build_classifier(specification, 4)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("Tuple", r"gives tuple for one image: it must give logits \(1, classes\)"),
        ("Flat", r"gives \(\) for one image"),
        ("Broken", "a mistake"),
    ],
)
def test_a_classifier_without_logits_is_refused_before_the_run(own, name, message):
    with pytest.raises(InputError, match=message):
        bench(BenchConfig(classifier=f"./own.py:{name}"), own / "run")
    assert not (own / "run").exists()


def test_a_checkpoint_imports_code_only_when_the_user_names_it(own):
    hypergan = save(own / "h.safetensors", "./own.py:Small")
    (own / "imported").unlink()
    with pytest.raises(InputError, match=r"if you trust that code, say --classifier ./own\.py:Small"):
        load_checkpoint(own / "h.safetensors")
    assert not (own / "imported").exists()
    loaded = load_checkpoint(own / "h.safetensors", "./own.py:Small").distribution
    networks = Networks(0, "fresh", range(3))
    first, second = hypergan.sample(networks), loaded.sample(networks)
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_a_checkpoint_of_another_classifier_is_refused(own):
    save(own / "h.safetensors", "./own.py:Small")
    with pytest.raises(InputError, match=r"does not fit|another classifier"):
        load_checkpoint(own / "h.safetensors", "./own.py:other")
    assert load_checkpoint(own / "h.safetensors", "./own.py:Tuple").classifier == "./own.py:Tuple"
    (own / "turned.py").write_text(
        CODE.replace("784, 8)", "8, 784)").replace("nn.Linear(784, 8", "nn.Linear(8, 784")
    )
    with pytest.raises(InputError, match=r"another classifier than ./turned\.py:Small: layers\.1\.bias"):
        load_checkpoint(own / "h.safetensors", "./turned.py:Small")


def test_a_run_with_a_classifier_of_the_users_own(own):
    config = BenchConfig(
        classifier="./own.py:Small",
        hypergan=HyperGANConfig(latent_dim=16, code_dim=8, hidden=32),
        training=TrainConfig(steps=60, networks=3, batch=32, codes=32, warmup=5, learning_rate=3e-3),
        transfer=TransferConfig(attacks=["fgsm"], eps=[0.1], networks=4, examples=40),
    )
    result = bench(config, own / "run")
    assert len(result.networks) == 5
    again = BenchConfig(
        checkpoint=own / "run" / "hypergan.safetensors",
        classifier="./own.py:Small",
        transfer=config.transfer,
    )
    assert bench(again, own / "again").examples.equals(result.examples)


def test_a_function_may_make_any_distribution(own):
    made = load_checkpoint(own / "own.py:Distribution", classes=10).distribution
    assert made.sample(Networks(0, "fresh", [1, 2]))["1.weight"].shape == (2, 10, 784)
    with pytest.raises(InputError, match="without classifier and sample"):
        load_checkpoint(own / "own.py:number")
    with pytest.raises(InputError, match="it asks for classes, and no data say how many there are"):
        load_checkpoint(own / "own.py:Distribution")


def test_the_example_is_a_classifier():
    path = Path(__file__).parents[2] / "examples" / "own-classifier" / "separable.py"
    hypergan = HyperGAN(build_classifier(f"{path}:Separable", 10), HyperGANConfig(hidden=16))
    assert materialise(hypergan, Networks(0, "fresh", [0]))(torch.zeros(2, 1, 28, 28)).shape == (2, 10)


def test_code_is_told_by_the_file_that_defines_it(own):
    small = build_from_user_code("./own.py:Small", "classifier", 10)
    first, kind = code_digest(small), code_digest(type(small))
    assert code_digest(partial(type(small), 3)) == kind
    assert len({"", first, kind, code_digest(nn.Linear(1, 1)), code_digest(partial)}) == 5
    (own / "own.py").write_text(CODE + "# changed")
    again = build_from_user_code("./own.py:Small", "classifier", 10)
    assert code_digest(again) != first
    assert code_digest(type(again)) != kind
    assert code_digest(len) == code_digest(object()) == ""


def test_code_behind_a_decorator_or_in_the_parts_of_a_module_is_told_too(own):
    decorated = "import torch\n@torch.no_grad()\ndef craft(x): return x + {}\n"
    found = set()
    for step in (1, 2):
        (own / "craft.py").write_text(decorated.format(step))
        found.add(code_digest(load_function("./craft.py", "craft")))
    assert len(found) == 2
    small = build_from_user_code("./own.py:Small", "classifier", 10)
    relu, tanh = (nn.Sequential(each, small) for each in (nn.ReLU(), nn.Tanh()))
    assert code_digest(relu) != code_digest(tanh)
    before = code_digest(relu)
    (own / "own.py").write_text(CODE + "# changed")
    assert code_digest(relu) != before
