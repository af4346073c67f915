"""A classifier that gives an image one answer fits; whatever else it does is said in a line."""

import copy

import pytest
import torch
from torch import nn

from robust_hypergan.base.errors import InputError
from robust_hypergan.data.datasets import make_dataset
from robust_hypergan.measures.accuracy import measure_accuracy
from robust_hypergan.models.compatibility import check_fit
from robust_hypergan.models.deep_ensemble import DeepEnsemble
from robust_hypergan.models.hypergan import HyperGAN
from robust_hypergan.training.config import TrainConfig
from robust_hypergan.training.loop import train
from robust_hypergan.transferability.config import TransferConfig
from robust_hypergan.transferability.measurement import transfer
from tests.zoo import ZOO


class Behind(nn.Module):
    """A linear layer behind something else."""

    def __init__(self, before):
        super().__init__()
        self.before = before
        self.linear = nn.Linear(64, 3)

    def forward(self, images):
        return self.linear(self.before(images).flatten(1))


@pytest.mark.parametrize("name", ZOO)
def test_every_make_of_classifier_fits(name, test_set):
    classifier = ZOO[name]()
    before = copy.deepcopy(classifier.state_dict())
    check_fit(name, classifier, test_set)
    assert classifier.training  # left as it was, and tried as it is when it is used
    assert all(torch.equal(before[key], value) for key, value in classifier.state_dict().items())


@pytest.mark.parametrize(
    ("before", "message"),
    [
        (lambda images: images.sub_(0.5), "writes into its images"),
        (lambda images: images + 0.3 * torch.randn_like(images), "draw no random numbers"),
        (nn.BatchNorm2d(1, track_running_stats=False), "among others than alone"),
        (lambda images: images - images.mean(0), "among others than alone"),
        (lambda images: images.unflatten(2, (5, 5)), "does not take the images of striped"),
        (lambda images: images / 0, "not finite"),
    ],
)
def test_an_answer_that_hangs_on_more_than_the_image_is_refused(before, message, test_set):
    with pytest.raises(InputError, match=message):
        check_fit("mine", Behind(before), test_set)


def test_dropout_and_batch_norm_with_running_statistics_fit(test_set):
    check_fit("mine", Behind(nn.Sequential(nn.BatchNorm2d(1), nn.Dropout(0.5))), test_set)


@pytest.mark.parametrize(
    "measure",
    [
        lambda hypergan, data: train(hypergan, data, TrainConfig(steps=1, networks=2, batch=4, codes=8)),
        measure_accuracy,
        lambda hypergan, data: transfer(hypergan, data, TransferConfig(networks=2, examples=10)),
    ],
)
@pytest.mark.parametrize(
    ("width", "classes", "message"),
    [(8, "abcd", "gives 3 classes, other has 4"), (5, "abc", "does not take the images of other")],
)
def test_data_that_do_not_fit_are_said_in_python_too(measure, width, classes, message, untrained, test_set):
    dataset = make_dataset("other", "test", test_set.images[..., :width], test_set.labels, tuple(classes))
    hypergan = HyperGAN(untrained.classifier, untrained.config, seed=3)
    with pytest.raises(InputError, match=message):
        measure(hypergan, dataset)


def test_the_accuracy_of_no_network_is_refused(untrained, test_set):
    with pytest.raises(InputError, match="networks 0 is out of range"):
        measure_accuracy(untrained, test_set, networks=0)
    ensemble = DeepEnsemble(untrained.classifier, [untrained.classifier.state_dict()] * 2)
    assert measure_accuracy(ensemble, test_set, networks=1).networks == 1


class Alone(nn.Module):
    """Takes one image at a time."""

    def __init__(self, keeps_one):
        super().__init__()
        self.linear = nn.Linear(64, 3)
        self.keeps_one = keeps_one

    def forward(self, images):
        return self.linear(images[:1].flatten(1) if self.keeps_one else images.reshape(1, -1))


@pytest.mark.parametrize(
    ("keeps_one", "message"), [(True, "among others than alone"), (False, "not several")]
)
def test_a_classifier_of_one_image_at_a_time_is_refused(keeps_one, message, test_set):
    with pytest.raises(InputError, match=message):
        check_fit("mine", Alone(keeps_one), test_set)


@pytest.mark.filterwarnings("ignore:`torch.nn.utils.weight_norm` is deprecated")
def test_a_classifier_that_cannot_be_copied_is_refused(test_set):
    classifier = nn.Sequential(nn.Flatten(), nn.utils.weight_norm(nn.Linear(64, 3)))
    with pytest.raises(InputError, match="can't be copied"):
        check_fit("mine", classifier, test_set)
