"""Diversity and transfer of pairs of networks, against plain loops and cases known by hand."""

import math
from dataclasses import replace

import pandas as pd
import pytest
import torch

from robust_hypergan.attacks import fgsm, registry
from robust_hypergan.evidence.measured import EvidenceConfig, Measured
from robust_hypergan.evidence.pairs import pairs
from robust_hypergan.models.deep_ensemble import DeepEnsemble
from robust_hypergan.models.networks import Networks, materialise
from robust_hypergan.models.ordinary import OrdinaryNetwork
from robust_hypergan.transferability.config import TransferConfig
from robust_hypergan.transferability.measurement import transfer

NORMS = (("linf", (0.1,)), ("l2", (2.0, 3.0)))


def measured(distribution, test_set, **settings):
    settings = {"attacks": ("noise",), "eps": (0.1, 0.3), "networks": 6, "examples": 90} | settings
    config = TransferConfig(**settings)
    result = transfer(distribution, test_set, config)
    return Measured(distribution, test_set, config, EvidenceConfig(), result, torch.device("cpu"))


def test_every_pair_is_counted_again_by_a_plain_loop(untrained, test_set):
    table = pairs(measured(untrained, test_set))["pairs"]
    names = [("source", index) for index in range(6)] + [("fresh", index) for index in range(6)]
    assert len(table) == 12 * 11
    assert set(table["eps"]) == {0.3}
    networks = {name: materialise(untrained, Networks(0, name[0], [name[1]])) for name in names}
    images, labels = test_set.images / 255, test_set.labels
    clean = {name: network(images).argmax(1) for name, network in networks.items()}
    assert 0 < table["disagreement"].max() < 1
    for row in table.iloc[[0, 17, 60, 131]].to_dict("records"):
        first, second = (
            (row["from_stream"], row["from_network"]),
            (row["to_stream"], row["to_network"]),
        )
        adversarials = fgsm(networks[first], images, labels, eps=0.3)
        hits = (clean[first] == labels) & (networks[first](adversarials).argmax(1) != labels)
        fooled = networks[second](adversarials).argmax(1)[hits] != labels[hits]
        assert (row["examples"], row["fooled"]) == (int(hits.sum()), int(fooled.sum()))
        assert row["transfer_rate"] == pytest.approx(fooled.double().mean().item())
        assert row["disagreement"] == pytest.approx((clean[first] != clean[second]).double().mean().item())
        wrong = [set(torch.nonzero(clean[name] != labels).flatten().tolist()) for name in (first, second)]
        assert row["error_iou"] == pytest.approx(len(wrong[0] & wrong[1]) / len(wrong[0] | wrong[1]))
        one, other = (
            torch.cat([value.flatten() for value in networks[name].parameters()]) for name in (first, second)
        )
        distance = (one - other).norm() / ((one.norm() + other.norm()) / 2)
        assert row["weight_distance"] == pytest.approx(distance.item(), rel=1e-5)


def test_a_small_deep_ensemble_has_the_pairs_that_it_has(trained, test_set):
    params = trained.sample(Networks(0, "eot", range(3)))
    members = [{name: value[row] for name, value in params.items()} for row in range(3)]
    ensemble = DeepEnsemble(trained.classifier, members, attacked=1)
    tables = pairs(measured(ensemble, test_set, networks=2))
    assert len(tables["pairs"]) == 6
    assert tables["pair_correlations"]["spearman"].isna().all()


def test_of_cells_in_several_norms_those_of_the_first_say_the_eps(untrained, test_set):
    own, other = (measured(untrained, test_set, norm=norm, eps=eps) for norm, eps in NORMS)
    result = replace(own.result, cells=[*own.result.cells, *other.result.cells])
    table = pairs(replace(own, result=result))["pairs"]
    assert set(zip(table["norm"], table["eps"], strict=True)) == {("linf", 0.1)}


def test_identical_networks_and_the_l2_norm_and_a_target(trained, test_set):
    params = trained.sample(Networks(0, "eot", [0]))
    member = {name: value[0] for name, value in params.items()}
    other = {name: value[0] for name, value in trained.sample(Networks(0, "eot", [1])).items()}
    ensemble = DeepEnsemble(trained.classifier, [*[member] * 5, other], attacked=3)
    table = pairs(measured(ensemble, test_set, networks=3, norm="l2", eps=(2.0,), target=1))["pairs"]
    last = [(table[f"{end}_stream"] == "fresh") & (table[f"{end}_network"] == 2) for end in ("from", "to")]
    table = table[~(last[0] | last[1])]
    assert len(table) == 5 * 4
    assert set(table["disagreement"]) == {0}
    assert set(table["weight_distance"]) == {0}
    assert set(table["error_iou"]) == {1}
    assert set(table["transfer_rate"]) == {1}


def test_copies_of_one_network_are_no_pairs(trained, test_set):
    ordinary = OrdinaryNetwork(materialise(trained, Networks(0, "eot", [0])))
    assert pairs(measured(ordinary, test_set, networks=1)) == {}


def test_an_attack_that_fails_leaves_no_table(trained, test_set, monkeypatch):
    run = measured(trained, test_set)
    monkeypatch.setitem(registry.BUILT_IN, "fgsm", lambda model, inputs, labels, **_: inputs[:1])
    assert pairs(run) == {}


def test_it_does_not_depend_on_the_global_random_state(trained, test_set):
    run = measured(trained, test_set)
    torch.manual_seed(1)
    first = pairs(run)
    torch.manual_seed(2)
    second = pairs(run)
    for name, table in first.items():
        pd.testing.assert_frame_equal(table, second[name], check_exact=True)
    assert not math.isnan(first["pair_correlations"]["p_value"].iloc[1])


def test_a_target_of_the_run_is_not_aimed_at_between_pairs(untrained, test_set):
    aimed, plain = (pairs(measured(untrained, test_set, target=target))["pairs"] for target in (1, None))
    pd.testing.assert_frame_equal(aimed, plain)


def test_pairs_begin_with_the_attacked_network_and_take_no_more_images_than_the_run(untrained, test_set):
    table = pairs(measured(untrained, test_set, source=3, networks=2, examples=20))["pairs"]
    assert set(table.loc[table["from_stream"] == "source", "from_network"]) == {3, 4}
    assert 0 < table["examples"].max() <= 20
