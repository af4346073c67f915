"""The uses of an ensemble, against a recount that keeps every answer."""

import numpy as np
import pytest
import torch

from robust_hypergan.measures.voting import Voting
from robust_hypergan.reports import effective_wilson_interval

EVERYTHING = [torch.arange(40), torch.arange(10, 30)]


def random_networks(count, seed=0, images=40, classes=4):
    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(0, classes, (images,), generator=generator)
    logits = 2 * torch.randn(count, images, classes, generator=generator)
    logits[:, torch.arange(images), labels] += 1.5
    return logits.softmax(2), labels


def folded(probabilities, labels, parts=EVERYTHING, seed=0):
    voting = Voting(labels, probabilities.shape[2], parts, seed)
    for own in probabilities:
        voting.add(own)
    return voting


@pytest.mark.parametrize("networks", [1, 7, 10, 25, 100, 130])
def test_votes_are_those_of_the_groups_of_networks(networks):
    probabilities, labels = random_networks(networks)
    single, fresh, *votes = folded(probabilities, labels).uses(1)
    part = slice(10, 30)
    right = probabilities.argmax(2)[:, part] == labels[part]
    assert (single.use, single.networks, single.votes) == ("fixed draw", 1, networks)
    assert single.accuracy == pytest.approx(right.double().mean().item())
    assert fresh.use == "fresh per query"
    sizes = [size for size in (10, 100) if size <= networks]
    sizes += [networks] if networks not in (1, 10, 100) and networks < 100 else []
    assert [(vote.use, vote.networks) for vote in votes] == [("mean vote", size) for size in sizes]
    for vote in votes:
        groups = probabilities.double()[: networks // vote.networks * vote.networks, part]
        means = groups.reshape(-1, vote.networks, 20, 4).mean(1)
        assert vote.votes == len(means)
        assert vote.accuracy == pytest.approx((means.argmax(2) == labels[part]).double().mean().item())
        assert vote.low < vote.accuracy < vote.high or vote.accuracy in (vote.low, vote.high)


def test_networks_that_agree_fully_gain_nothing_by_voting_and_opposite_ones_cancel():
    labels = torch.zeros(6, dtype=torch.int64)
    right = torch.tensor([0.6, 0.4]).expand(6, 2)
    sure_and_wrong = torch.tensor([0.1, 0.9]).expand(6, 2)
    agreed = folded(torch.stack([right] * 10), labels, [torch.arange(6)])
    assert {use.accuracy for use in agreed.uses(0)} == {1.0}
    mixed = folded(torch.stack([right, sure_and_wrong]), labels, [torch.arange(6)])
    single, _, vote = mixed.uses(0)
    assert (single.accuracy, vote.accuracy, vote.networks) == (0.5, 0.0, 2)


def test_asking_in_between_changes_nothing():
    probabilities, labels = random_networks(25)
    voting = Voting(labels, 4, EVERYTHING, 0)
    for own in probabilities:
        voting.add(own)
        voting.uses(0)
    assert voting.uses(0) == folded(probabilities, labels).uses(0)


def test_each_query_keeps_one_uniformly_chosen_network():
    images, networks = 4000, 8
    labels = torch.zeros(images, dtype=torch.int64)
    right, wrong = torch.tensor([1.0, 0.0]), torch.tensor([0.0, 1.0])
    shares = []
    for alone in range(networks):  # only one network is right: who has it answers rightly
        rows = [(right if index == alone else wrong).expand(images, 2) for index in range(networks)]
        voting = folded(torch.stack(rows), labels, [torch.arange(images)], seed=3)
        shares.append(voting.uses(0)[1].accuracy)
    assert sum(shares) == pytest.approx(1)
    np.testing.assert_allclose(shares, 1 / networks, atol=0.025)


def test_the_choice_depends_on_the_seed_alone():
    probabilities, labels = random_networks(9)
    torch.manual_seed(1)
    first = folded(probabilities, labels, seed=5).own
    torch.manual_seed(2)
    assert torch.equal(first, folded(probabilities, labels, seed=5).own)
    assert not torch.equal(first, folded(probabilities, labels, seed=6).own)


def test_the_interval_of_a_use_counts_images_and_votes():
    probabilities, labels = random_networks(30)
    single, *_ = folded(probabilities, labels).uses(1)
    right = (probabilities.argmax(2) == labels)[:, 10:30].double().numpy()
    expected = effective_wilson_interval(right.mean(0), right.mean(1))
    assert (single.low, single.high) == pytest.approx(expected)
