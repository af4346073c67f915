"""Measures of pairs of networks, against cases known by hand and plain loops."""

import numpy as np
import pytest
import torch
from torch import nn

from robust_hypergan.base.errors import InputError
from robust_hypergan.measures.diversity import (
    disagreement,
    error_iou,
    last_features,
    linear_cka,
    symmetric_kl,
    weight_distance,
)
from robust_hypergan.models.networks import Networks, materialise


def noise(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_two_networks_that_agree_fully_or_not_at_all():
    answers = torch.tensor([[0, 1, 2, 0], [0, 1, 2, 0], [1, 2, 0, 1]])
    assert disagreement(answers).tolist() == [[0, 0, 1], [0, 0, 1], [1, 1, 0]]
    wrong = torch.tensor([[1, 1, 0, 0], [0, 1, 1, 0], [0, 0, 0, 1]], dtype=torch.bool)
    expected = [[1, 1 / 3, 0], [1 / 3, 1, 0], [0, 0, 1]]
    np.testing.assert_allclose(error_iou(wrong), expected)
    assert error_iou(torch.zeros(2, 5, dtype=torch.bool)).tolist() == [[1, 1], [1, 1]]


def test_the_weight_distance_is_relative_to_the_mean_norm():
    params = {"a": torch.tensor([[3.0, 0.0], [0.0, 0.0]]), "b": torch.tensor([[0.0], [4.0]])}
    np.testing.assert_allclose(weight_distance(params), [[0, 5 / 3.5], [5 / 3.5, 0]])
    same = {"a": torch.ones(2, 3)}
    assert weight_distance(same).tolist() == [[0, 0], [0, 0]]


def test_the_symmetric_divergence_is_that_of_torch():
    logits = noise(3, 7, 4)
    found = symmetric_kl(logits)
    for first in range(3):
        for second in range(3):
            one, other = logits[first].log_softmax(1), logits[second].log_softmax(1)
            there = nn.functional.kl_div(other, one, reduction="batchmean", log_target=True)
            back = nn.functional.kl_div(one, other, reduction="batchmean", log_target=True)
            assert found[first, second].item() == pytest.approx((there + back).item() / 2, abs=1e-6)


def test_features_equal_up_to_rotation_scale_and_shift_have_a_cka_of_one():
    features = noise(60, 5)
    rotation, _ = torch.linalg.qr(noise(5, 5, seed=1))
    pair = torch.stack([features, 3 * features @ rotation + 2])
    np.testing.assert_allclose(linear_cka(pair), np.ones((2, 2)), atol=1e-5)


def test_unrelated_features_have_a_cka_of_zero_even_when_they_outnumber_the_images():
    features = torch.stack([noise(40, 200, seed=seed) for seed in range(12)])
    found = linear_cka(features)
    off = found[~torch.eye(12, dtype=torch.bool)]
    assert abs(off.mean().item()) < 0.01
    centred = features - features.mean(1, keepdim=True)
    grams = centred @ centred.transpose(1, 2)
    plain = (grams[0] * grams[1]).sum() / (grams[0].norm() * grams[1].norm())
    assert plain > 0.8  # the biased estimate, which this is not


def test_the_cka_is_that_of_the_gram_matrices_without_their_diagonals():
    features = noise(3, 12, 4)

    def hsic(first, second):
        first, second = (gram.fill_diagonal_(0) for gram in (first @ first.T, second @ second.T))
        count = len(first)
        whole = (first * second).sum() + first.sum() * second.sum() / ((count - 1) * (count - 2))
        return (whole - 2 / (count - 2) * (first @ second).sum()) / (count * (count - 3))

    for first in range(3):
        for second in range(3):
            one, other = features[first].double(), features[second].double()
            expected = hsic(one, other) / (hsic(one, one) * hsic(other, other)).sqrt()
            assert linear_cka(features)[first, second].item() == pytest.approx(expected.item(), rel=1e-4)


def test_too_few_images_for_features_are_refused():
    with pytest.raises(InputError, match="at least 4"):
        linear_cka(noise(2, 3, 5))


def test_the_features_are_what_the_last_linear_layer_takes(untrained, test_set, monkeypatch):
    monkeypatch.setattr("robust_hypergan.measures.diversity.IMAGE_BLOCK", 7)  # a short last block
    images = test_set.images[:20] / 255
    features, logits = last_features(
        untrained.classifier, untrained.sample(Networks(0, "fresh", [0, 1])), images
    )
    assert (features.shape, logits.shape) == ((2, 20, 36), (2, 20, 3))
    for index in range(2):
        network = materialise(untrained, Networks(0, "fresh", [index]))
        hidden = nn.functional.max_pool2d(torch.relu(network.conv(images - 0.5)), 2).flatten(1)
        torch.testing.assert_close(features[index], hidden)
        torch.testing.assert_close(logits[index], network.linear(hidden))


def test_the_features_of_a_classifier_without_a_linear_layer_are_what_its_last_convolution_takes():
    classifier = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Conv2d(4, 3, 6), nn.Flatten())
    params = {name: value[None] for name, value in classifier.state_dict().items()}
    images = torch.rand(2, 1, 8, 8)
    features, _ = last_features(classifier, params, images)
    torch.testing.assert_close(features[0], classifier[:2](images).flatten(1))


def test_a_classifier_without_layers_of_either_kind_has_no_features():
    classifier = nn.Sequential(nn.Flatten(), nn.LayerNorm(64))
    params = {name: value[None] for name, value in classifier.state_dict().items()}
    with pytest.raises(InputError, match="no linear layer or convolution"):
        last_features(classifier, params, torch.zeros(2, 1, 8, 8))
