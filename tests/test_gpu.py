"""On a GPU: what is computed there is what a CPU computes, up to rounding."""

import copy
from dataclasses import replace

import pytest
import torch

from robust_hypergan.cli.options import find_device
from robust_hypergan.data.datasets import load_dataset, to_unit
from robust_hypergan.engine.backends import BACKENDS
from robust_hypergan.engine.cascade import Account
from robust_hypergan.engine.ensemble import ensemble_forward
from robust_hypergan.engine.near_ties import near_ties
from robust_hypergan.engine.vectorised import fuses
from robust_hypergan.models.classifiers import MNISTClassifier, build_classifier
from robust_hypergan.models.hypergan import HyperGAN
from robust_hypergan.models.networks import Networks
from robust_hypergan.training.config import TrainConfig
from robust_hypergan.training.network_gradients import NetworkGradients
from robust_hypergan.training.trainer import Trainer
from robust_hypergan.transferability.config import TransferConfig
from robust_hypergan.transferability.measurement import transfer

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")

GPU = torch.device("cuda")
ADDRESSES = Networks(0, "fresh", range(20))


@pytest.fixture(autouse=True, scope="module")
def proper_float32():
    find_device("cuda")


@pytest.fixture(scope="module")
def trained_on_gpu():
    hypergan = HyperGAN(MNISTClassifier(), seed=0).to(GPU)
    trainer = Trainer(hypergan, load_dataset("mnist-5k", "train"), TrainConfig(steps=100, learning_rate=1e-3))
    rows = [trainer.advance() for _ in range(100)]
    assert rows[-1]["accuracy"] > rows[0]["accuracy"] + 0.3
    return hypergan


@pytest.fixture(scope="module")
def images():
    return to_unit(load_dataset("mnist-5k", "test").images[:300])


@pytest.mark.parametrize(("name", "shape"), [("mnist", (1, 28, 28)), ("cifar", (3, 32, 32))])
@pytest.mark.parametrize("half", [False, True])
def test_the_fused_kernels_answer_as_the_plain_loop(name, shape, half):
    hypergan = HyperGAN(build_classifier(name, 10), seed=0).to(GPU)
    params, images = hypergan.sample(ADDRESSES), torch.rand(300, *shape, device=GPU)
    assert fuses(hypergan.classifier, images)
    with torch.no_grad():
        loop, fused = (BACKENDS[each](hypergan.classifier, images, half=half) for each in ("loop", "fused"))
        expected, found = loop(params), fused(params)
        torch.testing.assert_close(found, expected, atol=3e-2 if half else 1e-4, rtol=0)
        network = torch.tensor([0] * 100 + [3] + [19] * 5, device=GPU)
        image = torch.randint(0, 300, (106,), device=GPU)
        torch.testing.assert_close(
            fused.pairs(params, network, image), found[network, image], atol=1e-3, rtol=0
        )
        other = hypergan.sample(Networks(1, "fresh", range(20)))
        torch.testing.assert_close(fused(other), loop(other), atol=3e-2 if half else 1e-4, rtol=0)


def test_the_cascade_predicts_as_float32(trained_on_gpu, images):
    account, images = Account(), images.to(GPU)
    many = Networks(0, "fresh", range(100))
    exact, found = (
        torch.cat([logits for _, logits in ensemble_forward(trained_on_gpu, many, images, **options)])
        for options in ({"backend": "loop"}, {"precision": "cascade", "account": account})
    )
    ties = torch.stack([near_ties(own) for own in exact])
    assert (found.argmax(2) == exact.argmax(2))[~ties].all()
    assert (account.backend, account.precision) == ("fused", "cascade")
    assert account.repeated > 0
    assert account.disagreeing == 0


@pytest.mark.parametrize("classifier", ["mnist", "cifar", "resnet-gn"])
def test_recorded_gradients_are_those_of_the_cpu(classifier):
    hypergan = HyperGAN(build_classifier(classifier, 10), seed=0)
    params = hypergan.sample(Networks(0, "fresh", range(3)))
    shape = (1, 28, 28) if classifier == "mnist" else (3, 32, 32)
    images, labels = torch.rand(3, 8, *shape), torch.arange(24).view(3, 8) % 10
    expected = NetworkGradients(hypergan.classifier, images[0], half=False)(params, images, labels)
    on_gpu = {name: value.to(GPU) for name, value in params.items()}
    gradients = NetworkGradients(copy.deepcopy(hypergan.classifier).to(GPU), images[0].to(GPU), half=False)
    for _ in range(2):  # recorded, and replayed
        found = gradients(on_gpu, images.to(GPU), labels.to(GPU))
        assert found[0] == pytest.approx(expected[0], rel=1e-4)
        for name, value in expected[2].items():
            torch.testing.assert_close(found[2][name].cpu(), value, atol=1e-3 * value.abs().max(), rtol=1e-3)


def test_recorded_generators_train_as_they_do_unrecorded():
    dataset, config = load_dataset("mnist-5k", "train"), TrainConfig(steps=30, learning_rate=1e-3)
    losses = []
    for is_recorded in (True, False):
        trainer = Trainer(HyperGAN(MNISTClassifier(), seed=0).to(GPU), dataset, replace(config))
        if not is_recorded:
            trainer.params = trainer.generator.layers
        losses.append([trainer.advance()["loss"] for _ in range(10)])
    assert losses[0] == pytest.approx(losses[1], rel=1e-3)


def test_a_transfer_measurement_is_that_of_the_cpu(trained_on_gpu):
    dataset = load_dataset("mnist-5k", "test")
    config = TransferConfig(attacks=("fgsm", "pgd:steps=5"), eps=(0.1, 0.2), networks=40, examples=100)
    on_cpu = copy.deepcopy(trained_on_gpu).to(torch.device("cpu"))
    ours, theirs = (
        transfer(each, dataset, config, device=device).summary
        for each, device in ((on_cpu, torch.device("cpu")), (trained_on_gpu, GPU))
    )
    assert theirs["fooled_mean"].tolist() == pytest.approx(ours["fooled_mean"].tolist(), abs=0.02)
    assert theirs["source_success"].tolist() == pytest.approx(ours["source_success"].tolist(), abs=0.03)
