"""What has to be generated is read from any classifier; what cannot be is a clear error."""

import math

import pytest
import torch
from torch import nn
from torch.nn import functional

from robust_hypergan.base.errors import InputError
from robust_hypergan.models.classifiers import (
    CIFARClassifier,
    MNISTClassifier,
    build_classifier,
    default_classifier,
)
from robust_hypergan.models.layers import layer_shapes


def test_the_papers_classifiers_have_the_papers_sizes():
    mnist, cifar = layer_shapes(MNISTClassifier()), layer_shapes(CIFARClassifier())
    assert [(layer.name, layer.size) for layer in mnist] == [
        ("conv1", 832),
        ("conv2", 25_632),
        ("linear", 5_130),
    ]
    assert sum(layer.size for layer in mnist) == 31_594
    assert [layer.name for layer in cifar] == ["conv1", "conv2", "conv3", "linear1", "linear2"]
    assert sum(layer.size for layer in cifar) == sum(p.numel() for p in CIFARClassifier().parameters())


@pytest.mark.parametrize(("kind", "shape"), [(MNISTClassifier, (1, 28, 28)), (CIFARClassifier, (3, 32, 32))])
def test_the_papers_classifiers_make_what_they_make_with_rectifiers_before_pooling(kind, shape, monkeypatch):
    classifier, images = kind(), torch.rand(8, *shape, requires_grad=True)
    found = _logits_and_gradients(classifier, images)
    pooling, rectifier = functional.max_pool2d, functional.relu
    monkeypatch.setattr(functional, "max_pool2d", lambda x, size: pooling(rectifier(x), size))
    monkeypatch.setattr(functional, "relu", lambda x: x if x.ndim == 4 else rectifier(x))
    expected = _logits_and_gradients(classifier, images)
    assert all(torch.equal(own, other) for own, other in zip(found, expected, strict=True))


def _logits_and_gradients(classifier, images):
    logits = classifier(images)
    return [logits, *torch.autograd.grad(logits.square().sum(), [images, *classifier.parameters()])]


def test_every_parameter_is_named_as_in_the_state_dict():
    names = [parameter.name for layer in layer_shapes(CIFARClassifier()) for parameter in layer.parameters]
    assert names == list(CIFARClassifier().state_dict())


def test_weights_start_with_their_fan_in_and_norm_gains_around_one():
    block = nn.Sequential(nn.Conv2d(6, 8, 3, groups=2, bias=False), nn.GroupNorm(2, 8), nn.Linear(5, 2))
    conv, norm, linear = layer_shapes(block)
    assert conv.parameters[0].scale == pytest.approx(math.sqrt(2 / 27))
    gain, shift = norm.parameters
    assert (gain.center, shift.center) == (1.0, 0.0)
    assert linear.parameters[0].scale == pytest.approx(math.sqrt(2 / 5))
    assert linear.parameters[1].scale < 0.1


def test_running_statistics_cannot_be_generated():
    with pytest.raises(InputError, match="group or layer norm instead of batch norm"):
        layer_shapes(nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4)))


def test_constants_outside_the_state_dict_are_fine():
    model = nn.Linear(3, 2)
    model.register_buffer("mean", torch.zeros(3), persistent=False)
    assert len(layer_shapes(model)) == 1


def test_a_classifier_without_parameters_is_refused():
    with pytest.raises(InputError, match="no parameters"):
        layer_shapes(nn.Flatten())


def test_classifiers_by_name_and_by_image_shape():
    assert build_classifier("mnist", 26)(torch.zeros(2, 1, 28, 28)).shape == (2, 26)
    assert default_classifier((3, 32, 32)) == "cifar"
    with pytest.raises(InputError, match="did you mean mnist"):
        build_classifier("mnits", 10)
    with pytest.raises(InputError, match="no classifier for images"):
        default_classifier((3, 64, 64))
