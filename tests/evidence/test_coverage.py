"""Fooled fraction against the number of attacked networks."""

from dataclasses import replace

import pandas as pd
import pytest
import torch

from robust_hypergan.base.errors import InputError
from robust_hypergan.evidence.coverage import COUNTS, COVERED, EXAMPLES, NETWORKS, measure_coverage
from robust_hypergan.evidence.measured import EvidenceConfig, Measured
from robust_hypergan.evidence.probe import EFFORTS, Effort, Probe, middle_eps
from robust_hypergan.models.deep_ensemble import DeepEnsemble
from robust_hypergan.models.networks import Networks, materialise
from robust_hypergan.models.ordinary import OrdinaryNetwork
from robust_hypergan.reports import wilson_interval
from robust_hypergan.reports.statistics.intervals import crossed_mean_interval
from robust_hypergan.transferability.cells import Cell
from robust_hypergan.transferability.config import TransferConfig
from robust_hypergan.transferability.measurement import transfer

CONFIG = TransferConfig(("fgsm", "pgd:steps=5"), (0.02, 0.1, 0.3), networks=12, examples=30)


def measured_on(distribution, dataset, checks="fast", config=CONFIG):
    result = transfer(distribution, dataset, config)
    return Measured(distribution, dataset, config, EvidenceConfig(checks=checks), result, torch.device("cpu"))


@pytest.fixture(scope="module")
def measured(trained, test_set):
    return measured_on(trained, test_set)


def test_fast_has_a_row_for_each_number_of_networks(measured):
    table = measure_coverage(measured)["coverage"]
    assert table["held"].tolist() == list(COUNTS["fast"])
    assert table["fooled_mean"].between(table["fooled_low"], table["fooled_high"]).all()
    assert (table["gap_mean"] - (table["attacked_mean"] - table["fooled_mean"])).abs().max() < 1e-9
    assert (table["networks"] == 12).all()


def test_a_row_is_recounted_network_by_network(measured):
    row = measure_coverage(measured)["coverage"].iloc[1]
    probe = Probe(measured, EFFORTS["fast"])
    probe.images, probe.labels = probe.images[:32], probe.labels[:32]
    cell = probe.craft(row["attack"], {"networks": 4, "steps": 10})
    assert len(probe.rows) == row["examples"]  # all of them: no subset was drawn

    def fooled(stream, count):
        networks = [materialise(measured.distribution, Networks(0, stream, [i])) for i in range(count)]
        return torch.stack([net(cell.adversarials).argmax(1) != probe.labels for net in networks]).double()

    fresh = fooled("fresh", 12)
    assert row["fooled_mean"] == pytest.approx(fresh.mean().item())
    assert row["attacked_mean"] == pytest.approx(fooled("source", 4).mean().item())
    low, high = crossed_mean_interval(fresh.mean(0), fresh.mean(1))
    assert (row["fooled_low"], row["fooled_high"]) == pytest.approx((low, high))


def test_full_has_every_ensemble_attack(measured, monkeypatch):
    monkeypatch.setitem(COUNTS, "full", (1, 2))
    table = measure_coverage(measured_on(measured.distribution, measured.dataset, "full"))["coverage"]
    assert set(zip(table["attack"], table["held"], strict=True)) == {(a, k) for a in COVERED for k in (1, 2)}


def test_one_held_network_is_the_source_alone(measured):
    probe = Probe(measured, EFFORTS["fast"])
    one = probe.craft("ensemble-pgd", {"networks": 1, "steps": 10})
    torch.testing.assert_close(one.adversarials, probe.craft("pgd:steps=10").adversarials)


def test_numbers_that_a_deep_ensemble_has_not_are_left_out(trained, test_set):
    params = trained.sample(Networks(0, "fresh", range(5)))
    members = [{name: value[i] for name, value in params.items()} for i in range(5)]
    ensemble = DeepEnsemble(trained.classifier, members, attacked=2)
    config = TransferConfig(("pgd:steps=5",), (0.1,), networks=3, examples=30)
    table = measure_coverage(measured_on(ensemble, test_set, config=config))["coverage"]
    assert table["held"].tolist() == [1]
    assert table["networks"].tolist() == [3]


def test_an_attack_that_fails_is_told_and_the_others_go_on(measured, monkeypatch):
    honest = Probe.craft

    def craft(probe, spec, options=None, **settings):
        if spec == "entropy-pgd":
            raise InputError("no reason")
        return honest(probe, spec, options, **settings)

    monkeypatch.setattr(Probe, "craft", craft)
    monkeypatch.setitem(COUNTS, "full", (2,))
    with pytest.warns(RuntimeWarning, match="1 attacks on several networks failed and have no coverage: no"):
        table = measure_coverage(measured_on(measured.distribution, measured.dataset, "full"))["coverage"]
    assert table["attack"].tolist() == [attack for attack in COVERED if attack != "entropy-pgd"]


def test_copies_of_one_network_are_not_counted_as_networks_held(trained, test_set):
    ordinary = OrdinaryNetwork(materialise(trained, Networks(0, "source", [0])))
    config = TransferConfig(("pgd:steps=5",), (0.1,), networks=1, examples=30)
    table = measure_coverage(measured_on(ordinary, test_set, config=config))["coverage"]
    assert table["held"].tolist() == [1]
    assert (table["fooled_mean"] == table["attacked_mean"]).all()


def test_its_level_and_eps_can_be_told_apart_from_the_checks(measured):
    told = replace(measured, evidence=EvidenceConfig(checks="off", coverage="fast", coverage_eps=0.3))
    table = measure_coverage(told)["coverage"]
    assert table["eps"].tolist() == [0.3] * len(COUNTS["fast"])
    own = measure_coverage(measured)["coverage"]
    assert set(own["eps"]) == {middle_eps(measured.result.cells, measured.result.examples)} != {0.3}
    with pytest.raises(InputError, match="level of checks"):
        EvidenceConfig(coverage="some")


def test_off_measures_nothing(measured):
    assert measure_coverage(measured_on(measured.distribution, measured.dataset, "off")) == {}


def test_the_eps_is_the_one_where_pgd_fools_nearest_to_half(measured):
    examples = measured.result.examples
    means = examples[examples["attack"] == "pgd:steps=5"].groupby("eps")["fooled_fraction"].mean()
    assert middle_eps(measured.result.cells, examples) == (means - 0.5).abs().idxmin()


def test_without_pgd_it_is_the_middle_eps(trained, test_set):
    config = TransferConfig(("noise",), (0.3, 0.1, 0.2), networks=2, examples=20)
    result = transfer(trained, test_set, config)
    assert middle_eps(result.cells, result.examples) == 0.2


def test_a_subset_is_seeded_and_initially_correct(measured):
    effort = Effort(examples=10, networks=4, steps=2, queries=2, held=2)
    first, second = Probe(measured, effort), Probe(measured, effort)
    assert first.rows.tolist() == second.rows.tolist()
    assert len(first.rows) == 10
    with torch.no_grad():
        assert (first.model(first.images).argmax(1) == first.labels).all()


def test_pgd_with_settings_is_pgd_where_the_eps_is_chosen():
    cells = [Cell("pgd:steps=5", "linf", eps) for eps in (0.1, 0.2, 0.3)]
    rows = pd.DataFrame({"attack": "pgd:steps=5", "norm": "linf", "eps": [0.1, 0.2, 0.3]})
    assert middle_eps(cells, rows.assign(fooled_fraction=[0.1, 0.2, 0.45])) == 0.3


def test_arc_takes_a_quarter_of_the_steps_of_the_others(measured, monkeypatch):
    crafted, craft = {}, Probe.craft

    def noted(self, spec, options, **more):
        crafted[spec] = options
        return craft(self, spec, options, **more)

    monkeypatch.setitem(COUNTS, "full", (2,))
    monkeypatch.setattr(Probe, "craft", noted)
    measure_coverage(replace(measured, evidence=EvidenceConfig(checks="full")))
    assert crafted["arc"] == {"networks": 2, "steps": 5}
    assert crafted["eot-pgd"] == {"eot_samples": 2, "steps": 20}


def test_what_eot_attacked_are_the_networks_of_its_first_step(measured, monkeypatch):
    monkeypatch.setitem(COUNTS, "full", (2,))
    table = measure_coverage(replace(measured, evidence=EvidenceConfig(checks="full")))["coverage"]
    probe = Probe(measured, replace(EFFORTS["full"], examples=50, steps=20))
    images = probe.craft("eot-pgd", {"eot_samples": 2, "steps": 20}).adversarials
    networks = [materialise(measured.distribution, Networks(0, "eot", [index])) for index in range(2)]
    wrong = torch.stack([network(images).argmax(1) != probe.labels for network in networks])
    row = table[table["attack"] == "eot-pgd"].iloc[0]
    assert row["attacked_mean"] == pytest.approx(wrong.double().mean().item())


def test_the_interval_of_the_attacked_networks_is_over_examples_alone(measured):
    for row in measure_coverage(measured)["coverage"].to_dict("records"):
        hits = round(row["attacked_mean"] * row["examples"])
        expected = tuple(map(float, wilson_interval(hits, row["examples"])))
        assert (row["attacked_low"], row["attacked_high"]) == pytest.approx(expected)


def test_it_takes_so_many_examples_and_networks_of_the_run(measured, monkeypatch):
    monkeypatch.setitem(EXAMPLES, "fast", 7)
    monkeypatch.setitem(NETWORKS, "fast", 5)
    table = measure_coverage(measured)["coverage"]
    assert table[["examples", "networks"]].drop_duplicates().to_numpy().tolist() == [[7, 5]]
