"""Several sources: each is what a transfer from it alone gives, and the matrix is recounted plainly."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from robust_hypergan.evidence.measured import EvidenceConfig, Measured
from robust_hypergan.evidence.sources import AcrossSources, SourceCell, measure_sources
from robust_hypergan.models.deep_ensemble import DeepEnsemble
from robust_hypergan.models.networks import Networks, materialise
from robust_hypergan.reports import crossed_mean_interval
from robust_hypergan.transferability.cells import Cell
from robust_hypergan.transferability.config import TransferConfig
from robust_hypergan.transferability.measurement import transfer
from tests.conftest import TinyClassifier

CONFIG = TransferConfig(("fgsm", "pgd:steps=3"), (0.2,), networks=7, examples=60, seed=1)


def measure(distribution, dataset, config, sources):
    result = transfer(distribution, dataset, config)
    measured = Measured(
        distribution, dataset, config, EvidenceConfig(sources=sources), result, torch.device("cpu")
    )
    return measure_sources(measured)


@pytest.fixture(scope="module")
def tables(trained, test_set):
    return measure(trained, test_set, CONFIG, 3)


@pytest.fixture(scope="module")
def alone(trained, test_set):
    """The transfer from each source on its own."""
    return [
        transfer(trained, test_set, TransferConfig(**(vars(CONFIG) | {"source": source})))
        for source in range(3)
    ]


def test_one_source_costs_and_writes_nothing(trained, test_set, monkeypatch):
    monkeypatch.setattr("robust_hypergan.evidence.sources.materialise", None)
    assert measure(trained, test_set, CONFIG, 1) == {}


def test_each_source_is_what_a_transfer_from_it_alone_gives(tables, alone):
    for source, result in enumerate(alone):
        rows = tables["sources"][tables["sources"]["source"] == source].reset_index(drop=True)
        for column in ("examples", "source_fooled", "source_success", "fooled_mean", "ci_low", "ci_high"):
            assert rows[column].tolist() == pytest.approx(result.summary[column].tolist()), column
        assert set(rows["networks"]) == {7}


def test_the_mean_over_sources_is_that_of_the_rows_and_its_spread_too(tables):
    for _, row in tables["source_summary"].iterrows():
        own = tables["sources"].query("attack == @row.attack")["fooled_mean"]
        assert row["sources"] == 3
        assert row["fooled_mean"] == pytest.approx(own.mean())
        assert (row["fooled_min"], row["fooled_max"]) == pytest.approx((own.min(), own.max()))
        assert row["ci_low"] < row["fooled_mean"] < row["ci_high"]
        assert row["between_sd"] == pytest.approx(row["between_variance"] ** 0.5)
        assert row["between_variance"] <= own.var() + 1e-12


def test_the_matrix_is_recounted_network_by_network(tables, alone, trained):
    networks = [materialise(trained, Networks(1, "source", [index])) for index in range(3)]
    fresh = [materialise(trained, Networks(1, "fresh", [index])) for index in range(7)]
    for source, result in enumerate(alone):
        for cell in result.cells:
            rows = tables["matrix"].query("attack == @cell.attack and source == @source")
            hits = cell.source_labels != result.labels
            images, labels = cell.adversarials[hits], result.labels[hits]
            with torch.no_grad():
                logits = [network(images) for network in [*networks, *fresh]]
            wrong = [float((each.argmax(1) != labels).double().mean()) for each in logits]
            white_box = float(hits.double().mean())
            expected = [white_box if index == source else wrong[index] for index in range(3)]
            for members in (logits[:3], logits[3:]):
                vote = torch.stack([each.softmax(1) for each in members]).mean(0).argmax(1)
                expected.append(float((vote != labels).double().mean()))
            expected.append(float(np.mean(wrong[3:])))
            assert rows["role"].tolist() == ["source"] * 3 + ["source vote", "fresh vote", "fresh"]
            assert rows["fooled_fraction"].tolist() == pytest.approx(expected)


def test_a_targeted_run_counts_the_target_only(trained, test_set):
    config = TransferConfig(("noise",), (0.7,), networks=4, examples=90, seed=1, target=2)
    tables = measure(trained, test_set, config, 2)
    for source in range(2):
        own = transfer(trained, test_set, TransferConfig(**(vars(config) | {"source": source}))).summary
        row = tables["sources"].query("source == @source")
        assert row["examples"].tolist() == own["examples"].tolist()
        assert row["fooled_mean"].tolist() == pytest.approx(own["fooled_mean"].tolist(), nan_ok=True)


def test_a_distribution_with_fewer_sources_is_measured_with_those_it_has(trained, test_set):
    addresses = [Networks(0, "fresh", [index]) for index in range(5)]
    members = [materialise(trained, address).state_dict() for address in addresses]
    ensemble = DeepEnsemble(TinyClassifier(), members, attacked=2)
    config = TransferConfig(("noise", "fgsm"), (0.3,), networks=3, examples=60)
    tables = measure(ensemble, test_set, config, 4)
    assert set(tables["sources"]["source"]) == {0, 1}
    assert set(tables["source_summary"]["sources"]) <= {1, 2}


def test_equal_sources_have_the_interval_of_one(trained, test_set):
    """A distribution whose source networks are all the same: nothing lies between them."""

    class Same:
        classifier = trained.classifier

        def sample(self, networks):
            if networks.stream == "source":
                networks = Networks(networks.seed, "source", [0] * len(networks))
            return trained.sample(networks)

    tables = measure(Same(), test_set, CONFIG, 3)
    result = transfer(trained, test_set, CONFIG)
    for _, row in tables["source_summary"].iterrows():
        examples = result.examples.query("attack == @row.attack and source_fooled")["fooled_fraction"]
        networks = result.networks.query("attack == @row.attack and role == 'fresh'")["fooled_fraction"]
        assert (row["ci_low"], row["ci_high"]) == pytest.approx(crossed_mean_interval(examples, networks))
        assert row["between_variance"] == pytest.approx(0, abs=1e-12)


def test_tables_have_their_columns(tables):
    assert isinstance(tables["matrix"], pd.DataFrame)
    assert len(tables["matrix"]) == 2 * 3 * (3 + 3)


def test_further_sources_follow_the_one_of_the_run(trained, test_set):
    config = TransferConfig(("fgsm",), (0.2,), networks=2, examples=30, source=4)
    assert measure(trained, test_set, config, 3)["sources"]["source"].tolist() == [4, 5, 6]


def test_an_attack_that_holds_several_networks_begins_with_each_source(trained, test_set):
    config = TransferConfig(("ensemble-pgd:networks=2,steps=2",), (0.1,), networks=5, examples=60, seed=1)
    rows = measure(trained, test_set, config, 3)["sources"]
    for source in (1, 2):
        alone = transfer(trained, test_set, replace(config, source=source)).summary
        for column in ("source_success", "fooled_mean"):
            assert rows[column].iloc[source] == pytest.approx(alone[column].item())


def test_an_example_that_fooled_several_sources_counts_once_in_the_spread():
    wrong = torch.tensor([[0.0, 1.0], [0.0, 1.0]])
    cell = Cell("fgsm", "linf", 0.1, adversarials=torch.zeros(2, 1, 8, 8), source_labels=wrong.argmax(1))
    labels, examples = torch.zeros(2, dtype=torch.int64), torch.tensor([[0, 5], [5, 7]])
    across = AcrossSources([SourceCell(i, cell, labels, own) for i, own in enumerate(examples)], 2)
    across.add([wrong, wrong])
    assert across.squares == pytest.approx(0.25**2 + 0.5**2 + 0.25**2)
