"""What an attack may draw: by address, in no one's reach but its own, and never a fresh network."""

import pandas as pd
import pytest
import torch

from robust_hypergan.attacks import eot_pgd
from robust_hypergan.base.errors import InputError
from robust_hypergan.engine.ensemble import ensemble_logits
from robust_hypergan.models.networks import Networks, materialise
from robust_hypergan.transferability.config import TransferConfig
from robust_hypergan.transferability.draws import DistributionDraws
from robust_hypergan.transferability.measurement import transfer

SEED, SOURCE = 3, 5


class Recorded:
    """A distribution that writes down which networks were asked for."""

    def __init__(self, distribution):
        self.distribution, self.classifier, self.asked = distribution, distribution.classifier, []

    def sample(self, networks):
        self.asked += [(networks.stream, index) for index in networks.indices]
        return self.distribution.sample(networks)


@pytest.fixture
def images():
    return torch.rand(7, 1, 8, 8, generator=torch.Generator().manual_seed(1))


def plain_logits(distribution, stream, indices, images):
    """The plain loop over the same addresses."""
    return ensemble_logits(
        distribution.classifier, distribution.sample(Networks(SEED, stream, indices)), images, backend="loop"
    )


def test_held_networks_start_at_the_attacked_one_and_are_the_same_at_every_call(trained, images):
    draws = DistributionDraws(trained, SEED, SOURCE)
    expected = plain_logits(trained, "source", range(SOURCE, SOURCE + 18), images)
    for count in (18, 1):
        held = draws.held(count)
        assert len(held) == count
        torch.testing.assert_close(held(images), expected[:count])


def test_eot_networks_are_new_at_every_call_and_start_again_for_every_batch(trained, images):
    for _ in range(2):
        draws = DistributionDraws(trained, SEED, SOURCE)
        found = [draws.eot(count)(images) for count in (3, 2)]
        torch.testing.assert_close(torch.cat(found), plain_logits(trained, "eot", range(5), images))
        assert len({float(each[0, 0]) for each in torch.cat(found)}) == 5


def test_gradients_are_those_of_the_materialised_network(trained, images):
    gradients = []
    for network in (
        materialise(trained, Networks(SEED, "source", [SOURCE])),
        DistributionDraws(trained, SEED, SOURCE).held(1).networks[0],
    ):
        own = images.clone().requires_grad_()
        network(own).square().sum().backward()
        gradients.append(own.grad)
    torch.testing.assert_close(*gradients)


def test_an_attack_never_draws_a_fresh_network_nor_the_same_one_twice(trained, test_set):
    recorded = Recorded(trained)
    draws = DistributionDraws(recorded, SEED, SOURCE)
    images, labels = test_set.images[:5] / 255, test_set.labels[:5]
    eot_pgd(
        None, images, labels, draws=draws, eps=0.1, generator=torch.Generator().manual_seed(0), eot_samples=2,
        steps=4,
    )  # fmt: skip
    assert recorded.asked == [("eot", index) for index in range(16)]  # 2 * 4, a block ahead


@pytest.mark.parametrize(("restarts", "draws"), [(1, 4), (2, 2 * 4 + 1)])
def test_networks_that_judge_are_drawn_only_where_there_is_a_choice(trained, test_set, restarts, draws):
    inner, counts = DistributionDraws(trained, SEED, SOURCE), []

    class Counted:
        def eot(self, count):
            counts.append(count)
            return inner.eot(count)

    images, labels = test_set.images[:5] / 255, test_set.labels[:5]
    random = torch.Generator().manual_seed(0)
    given = {"draws": Counted(), "eps": 0.1, "generator": random, "eot_samples": 2, "steps": 4}
    eot_pgd(None, images, labels, **given, restarts=restarts)
    assert counts == [2] * draws


@pytest.mark.parametrize("draw", ["held", "eot"])
def test_a_count_below_one_is_refused(trained, draw):
    with pytest.raises(InputError, match="at least 1"):
        getattr(DistributionDraws(trained, SEED, SOURCE), draw)(0)


def test_results_depend_neither_on_the_order_of_cells_nor_on_the_batch(trained, test_set, monkeypatch):
    attacks = ["eot-pgd:steps=2,eot_samples=2,random_start=false", "ensemble-pgd:steps=2,random_start=false"]

    def examples(order):
        config = TransferConfig(order, (0.1,), networks=6, examples=40, seed=SEED)
        return transfer(trained, test_set, config).examples.sort_values(
            ["attack", "example"], ignore_index=True
        )

    first = examples(attacks)
    monkeypatch.setattr("robust_hypergan.transferability.crafting.CRAFT_BATCH", 11)
    pd.testing.assert_frame_equal(first, examples(attacks[::-1]))


def test_who_holds_eight_networks_fools_more_fresh_ones_than_who_holds_one(trained, test_set):
    attacks = [f"ensemble-pgd:networks={count},loss=mean-probability,steps=10" for count in (1, 8)]
    summary = transfer(trained, test_set, TransferConfig(attacks, (0.12,), networks=100, examples=90)).summary
    one, eight = summary["fooled_mean_all"]
    assert summary["audit"].tolist() == ["ok", "ok"]
    assert eight > one + 0.05  # about .52 against .42
