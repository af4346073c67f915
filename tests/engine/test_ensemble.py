"""Every backend of the ensemble forward against the plain loop, and the fold against all logits at once."""

import pytest
import torch
from torch.func import functional_call

from robust_hypergan.base.errors import InputError
from robust_hypergan.base.layout import channels_last
from robust_hypergan.data.datasets import to_unit
from robust_hypergan.engine.backends import BACKENDS
from robust_hypergan.engine.ensemble import ensemble_forward, ensemble_logits
from robust_hypergan.measures.accuracy import measure_accuracy
from robust_hypergan.measures.tally import Tally
from robust_hypergan.models.classifiers import CIFARClassifier, MNISTClassifier
from robust_hypergan.models.hypergan import HyperGAN
from robust_hypergan.models.networks import Networks, materialise

CASES = {"mnist": (MNISTClassifier(), (1, 28, 28)), "cifar": (CIFARClassifier(), (3, 32, 32))}


@pytest.fixture(scope="module", params=CASES)
def case(request):
    classifier, shape = CASES[request.param]
    images = torch.rand(70, *shape, generator=torch.Generator().manual_seed(0))  # a short last chunk
    return HyperGAN(classifier, seed=0), images


@pytest.mark.parametrize("backend", [*BACKENDS, None])
def test_a_backend_gives_the_logits_of_ordinary_modules(case, backend):
    hypergan, images = case
    networks = Networks(0, "fresh", range(3))
    logits = ensemble_logits(hypergan.classifier, hypergan.sample(networks), images, backend=backend)
    with torch.no_grad():
        expected = torch.stack([materialise(hypergan, Networks(0, "fresh", [i]))(images) for i in range(3)])
    assert logits.shape == (3, 70, 10)
    torch.testing.assert_close(logits, expected, atol=1e-4, rtol=1e-4)


def test_a_module_that_cannot_be_compiled_is_run_as_it_is(case, monkeypatch):
    def broken(_, **__):
        def run(chunk):
            raise torch._dynamo.exc.TorchDynamoException(f"no compiler for {len(chunk)} images")

        return run

    hypergan, images = case
    params = hypergan.sample(Networks(0, "fresh", range(2)))
    monkeypatch.setattr(torch, "compile", broken)
    run = BACKENDS["compiled-loop"](hypergan.classifier, images)
    with torch.no_grad(), pytest.warns(RuntimeWarning, match="no compiler.*going on uncompiled"):
        logits = run(params)
    torch.testing.assert_close(
        logits, ensemble_logits(hypergan.classifier, params, images), atol=1e-4, rtol=1e-4
    )


def test_blocks_come_in_order_with_a_short_last_one(case):
    hypergan, images = case
    blocks = list(ensemble_forward(hypergan, Networks(0, "fresh", range(18)), images[:5]))
    assert [list(block.indices) for block, _ in blocks] == [list(range(16)), [16, 17]]
    assert [tuple(logits.shape) for _, logits in blocks] == [(16, 5, 10), (2, 5, 10)]


def test_an_unknown_backend_is_refused(case):
    hypergan, images = case
    with pytest.raises(InputError, match="did you mean vmap"):
        ensemble_logits(
            hypergan.classifier, hypergan.sample(Networks(0, "fresh", [0])), images, backend="vmp"
        )


@pytest.mark.parametrize("channels", [1, 3])
def test_channels_last_keeps_the_values_and_sets_the_strides(channels):
    images = torch.rand(4, channels, 6, 5)
    for tensor in (images, images.clamp(0, 1), images[1:], images.transpose(2, 3)):
        found = channels_last(tensor)
        assert torch.equal(found, tensor)
        assert found.stride(1) == 1
        assert found.stride(3) == channels


def test_the_tally_recounts_all_logits():
    random = torch.Generator().manual_seed(0)
    logits = torch.randn(30, 20, 4, generator=random)
    labels = torch.randint(0, 4, (20,), generator=random)
    tally = Tally(labels, 4)
    right = torch.stack([tally.add(own) for own in logits])
    predictions = logits.argmax(2)
    assert torch.equal(right, predictions == labels)
    assert torch.equal(tally.wrong, (predictions != labels).sum(0))
    mean = logits.double().softmax(2).mean(0)
    torch.testing.assert_close(tally.probability / 30, mean, atol=1e-7, rtol=0)
    assert torch.equal(tally.mean_vote, mean.argmax(1))
    torch.testing.assert_close(tally.entropy, -(mean * mean.log()).sum(1), atol=1e-6, rtol=0)
    label, count = tally.modal_wrong_label
    for image in range(20):
        wrong = predictions[:, image][predictions[:, image] != labels[image]].tolist()
        assert count[image] == max(wrong.count(each) for each in range(4))
        assert wrong.count(int(label[image])) == count[image]
        assert label[image] != labels[image]


def test_accuracy_is_that_of_ordinary_modules(trained, test_set):
    measured = measure_accuracy(trained, test_set, networks=12)
    params = trained.sample(Networks(0, "fresh", range(12)))
    images = to_unit(test_set.images)
    logits = [
        functional_call(trained.classifier, {n: v[i] for n, v in params.items()}, (images,))
        for i in range(12)
    ]
    single = [(each.argmax(1) == test_set.labels).double().mean().item() for each in logits]
    vote = (sum(each.softmax(1) for each in logits[:10]).argmax(1) == test_set.labels).double().mean().item()
    assert measured.single_mean == pytest.approx(sum(single) / 12)
    assert (measured.single_min, measured.single_max) == (min(single), max(single))
    assert measured.vote_10 == vote
    assert measured.vote_100 is None
    assert (measured.networks, measured.examples) == (12, 90)
