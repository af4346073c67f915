"""Agreement on wrong labels: small cases counted by hand, and a run counted again from its networks."""

import math

import numpy as np
import pandas as pd
import pytest
import torch

from robust_hypergan.engine.ensemble import ensemble_logits
from robust_hypergan.evidence.measured import EvidenceConfig, Measured
from robust_hypergan.evidence.wrong_labels import agreement, confusion, wrong_labels
from robust_hypergan.models.networks import Networks
from robust_hypergan.reports import effective_wilson_interval
from robust_hypergan.transferability.config import TransferConfig
from robust_hypergan.transferability.measurement import transfer


def test_agreement_is_counted_by_hand():
    wrong = np.array([[0, 3, 1, 0], [2, 0, 2, 0], [0, 0, 0, 0], [0, 0, 0, 1]])
    found = agreement(wrong, np.array([1, 0, 1, 2]))
    assert (found["examples"], found["wrong_answers"]) == (3, 9)
    assert found["modal_share"] == pytest.approx((3 / 4 + 1 / 2 + 1) / 3)
    assert found["pair_agreement"] == pytest.approx((3 / 6 + 2 / 6) / 2)  # the last has no pair
    first = -(0.75 * math.log(0.75) + 0.25 * math.log(0.25))
    assert found["entropy"] == pytest.approx((first + math.log(2)) / 3)
    assert found["entropy_normalised"] == pytest.approx((first + math.log(2)) / 3 / math.log(3))
    assert found["source_agreement"] == pytest.approx((3 / 4 + 1 / 2 + 0) / 3)
    assert found["modal_low"] < found["modal_share"] < found["modal_high"]


def test_full_agreement_and_none_at_all():
    agreed = agreement(np.array([[0, 7, 0], [0, 7, 0]]), np.array([1, 2]))
    assert (agreed["modal_share"], agreed["pair_agreement"], agreed["entropy"]) == (1, 1, 0)
    assert agreed["source_agreement"] == 0.5
    assert (agreed["modal_low"], agreed["modal_high"]) == (pytest.approx(2 / (2 + 1.959964**2)), 1)
    split = agreement(np.array([[0, 1, 1]]), np.array([1]))
    assert (split["modal_share"], split["pair_agreement"]) == (0.5, 0)
    assert split["entropy_normalised"] == pytest.approx(1)


def test_nothing_fooled_is_nan_and_two_classes_have_no_entropy_to_normalise():
    nothing = agreement(np.zeros((2, 3), dtype=int), np.array([1, 1]))
    assert nothing["examples"] == 0
    assert all(math.isnan(nothing[name]) for name in ("modal_share", "modal_low", "entropy"))
    assert math.isnan(agreement(np.array([[0, 4]]), np.array([1]))["entropy_normalised"])


def test_confusion_keeps_what_occurs():
    rows = confusion(np.array([[0, 3, 1], [0, 2, 0]]), np.array([1, 1]))
    assert [tuple(row.values()) for row in rows] == [(1, 1, 5), (1, 2, 1)]


@pytest.mark.parametrize("target", [None, 2])
def test_a_run_is_counted_again_from_its_networks(trained, test_set, target, monkeypatch):
    from robust_hypergan.attacks import registry

    monkeypatch.setitem(registry.BUILT_IN, "broken", lambda model, inputs, labels, **_: inputs[:1])
    config = TransferConfig(("broken", "fgsm"), (0.3,), networks=7, examples=90, target=target)
    result = transfer(trained, test_set, config)
    measured = Measured(trained, test_set, config, EvidenceConfig(), result, torch.device("cpu"))
    tables = wrong_labels(measured)
    assert set(tables["wrong_labels"]["attack"]) == set(tables["confusion"]["attack"]) == {"fgsm"}
    cell = result.cells[1]
    params = trained.sample(Networks(0, "fresh", range(7)))
    answers = ensemble_logits(trained.classifier, params, cell.adversarials).argmax(2)
    counted: dict[tuple[int, int], int] = {}
    shares = []
    for position, label in enumerate(result.labels.tolist()):
        source = int(cell.source_labels[position])
        fooled = source == target if target is not None else source != label
        wrong = [answer for answer in answers[:, position].tolist() if answer != label]
        if fooled and wrong:
            shares.append(wrong.count(source) / len(wrong))
            for answer in wrong:
                counted[source, answer] = counted.get((source, answer), 0) + 1
    assert counted
    rows = tables["confusion"].set_index(["source_label", "fresh_label"])["count"]
    pd.testing.assert_series_equal(rows, pd.Series(counted).sort_index(), check_names=False)
    assert tables["wrong_labels"]["source_agreement"].item() == pytest.approx(np.mean(shares))


def test_the_votes_of_the_run_are_left_as_they_are(trained, test_set):
    config = TransferConfig(("fgsm",), (0.3,), networks=3, examples=30)
    result = transfer(trained, test_set, config)
    before = [votes.clone() for votes in result.votes]
    wrong_labels(Measured(trained, test_set, config, EvidenceConfig(), result, torch.device("cpu")))
    assert all(torch.equal(own, votes) for own, votes in zip(before, result.votes, strict=True))


def test_intervals_are_over_the_examples_of_each_share():
    found = agreement(np.array([[0, 3, 1, 0], [2, 0, 2, 0], [0, 0, 0, 1]]), np.array([1, 0, 2]))
    shares = [0.75, 0.5, 1], [0.75, 0.5, 0]
    modal, source = (effective_wilson_interval(each, [np.mean(each)]) for each in shares)
    assert (found["modal_low"], found["modal_high"]) == pytest.approx(modal)
    assert (found["source_low"], found["source_high"]) == pytest.approx(source)
