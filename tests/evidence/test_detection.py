"""Uncertainty of a run's images, counted again; the adaptive attack; ensembles that are small; outliers."""

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from robust_hypergan.base.errors import InputError
from robust_hypergan.data.datasets import load_dataset
from robust_hypergan.data.outliers import load_outliers
from robust_hypergan.engine.ensemble import ensemble_logits
from robust_hypergan.evidence.detection import ADAPTIVE_EXAMPLES, detection
from robust_hypergan.evidence.measured import EvidenceConfig, Measured
from robust_hypergan.models.deep_ensemble import DeepEnsemble
from robust_hypergan.models.networks import Networks, available
from robust_hypergan.transferability.config import TransferConfig
from robust_hypergan.transferability.measurement import transfer


def measured(distribution, test_set, *, outliers=True, **settings):
    settings = {"attacks": ("fgsm",), "eps": (0.1, 0.3), "networks": 6, "examples": 90} | settings
    config = TransferConfig(**settings)
    result = transfer(distribution, test_set, config)
    other = load_outliers(None, test_set) if outliers else None
    device = torch.device("cpu")
    return Measured(distribution, test_set, config, EvidenceConfig(), result, device, outliers=other)


@pytest.fixture
def ensemble(trained):
    """Five plain networks, two of them the attacker's."""
    params = trained.sample(Networks(0, "eot", range(5)))
    members = [{name: value[row] for name, value in params.items()} for row in range(5)]
    return DeepEnsemble(trained.classifier, members, attacked=2)


def test_of_cells_in_several_norms_those_of_the_first_say_what_the_adaptive_attack_may(trained, test_set):
    saved, norms = [], (("linf", (0.1,)), ("l2", (2.0, 3.0)))
    for norm, eps in norms:
        run = measured(trained, test_set, norm=norm, eps=eps)
        saved += [run.result.kept(cell, test_set.sha256) for cell in run.result.cells]
    result = transfer(trained, test_set, TransferConfig(networks=6), saved=saved)
    rows = detection(replace(run, result=result))["uncertainty"]
    adaptive = rows[rows["attack"].str.startswith("entropy-pgd")]
    assert set(zip(adaptive["norm"], adaptive["eps"], strict=True)) == {("linf", 0.1)}


def test_every_image_is_counted_again_from_the_networks(trained, test_set):
    run = measured(trained, test_set)
    tables = detection(run)
    rows = tables["uncertainty"]
    assert rows["inputs"].drop_duplicates().tolist() == ["clean", "adversarial", "outlier"]
    assert set(rows["attack"]) == {"", "fgsm", "entropy-pgd:networks=8"}
    adaptive = rows[rows["attack"] == "entropy-pgd:networks=8"]
    assert len(adaptive) == min(ADAPTIVE_EXAMPLES, len(run.result.indices))
    assert set(adaptive["eps"]) == {0.3}
    noise = rows[rows["inputs"] == "outlier"]
    images = {
        "clean": (test_set.images[run.result.chosen] / 255, rows[rows["inputs"] == "clean"]),
        "outlier": (run.outliers.images[noise["example"].tolist()] / 255, noise),
        "fgsm": (run.result.cells[1].adversarials, rows[(rows["attack"] == "fgsm") & (rows["eps"] == 0.3)]),
    }
    params = trained.sample(Networks(0, "fresh", range(6)))
    for inputs, own in images.values():
        p = ensemble_logits(trained.classifier, params, inputs).double().softmax(2).numpy()
        mean = p.mean(0)
        np.testing.assert_allclose(own["entropy"], -(mean * np.log(mean)).sum(1), atol=1e-5)
        np.testing.assert_allclose(
            own["mutual_information"], (p * np.log(p / mean)).sum(2).mean(0), atol=1e-5
        )
        assert set(own["networks"]) == {6}
    wrong = rows[rows["inputs"] == "clean"]["vote_wrong"].to_numpy()
    labels = test_set.labels[run.result.chosen].numpy()
    p = ensemble_logits(trained.classifier, params, images["clean"][0]).double().softmax(2).mean(0)
    assert wrong.tolist() == (p.argmax(1).numpy() != labels).astype(float).tolist()
    assert set(tables["detection"]["inputs"]) == {"adversarial", "outlier"}


def test_an_adaptive_cell_of_the_run_is_used_as_it_is(trained, test_set):
    spec = "entropy-pgd:networks=2,steps=2"
    run = measured(trained, test_set, attacks=("fgsm", spec), eps=(0.3,), outliers=False)
    rows = detection(run)["uncertainty"]
    assert set(rows["attack"]) == {"", "fgsm", spec}
    assert "outlier" not in set(rows["inputs"])
    assert len(rows[rows["attack"] == spec]) == len(run.result.indices)


def test_saved_images_meet_an_adaptive_attack_on_the_network_that_they_were_made_against(
    trained, untrained, test_set
):
    run = measured(trained, test_set, source=3)
    saved = [run.result.kept(cell, test_set.sha256) for cell in run.result.cells]
    rows = []
    for distribution in (trained, untrained):
        config = TransferConfig(networks=6)
        result = transfer(distribution, test_set, config, saved=saved)
        again = replace(run, distribution=distribution, config=config, result=result)
        rows.append(detection(again)["uncertainty"].query("attack == 'entropy-pgd:networks=8'"))
    pd.testing.assert_frame_equal(
        rows[0], detection(run)["uncertainty"].query("attack == 'entropy-pgd:networks=8'")
    )
    assert rows[1].empty  # that network is none of these


def test_a_small_deep_ensemble_is_measured_with_the_networks_it_has(ensemble, test_set):
    rows = detection(measured(ensemble, test_set, networks=3))["uncertainty"]
    assert set(rows["attack"]) == {"", "fgsm", "entropy-pgd:networks=2"}
    assert set(rows["networks"]) == {3}
    assert list(available(ensemble, 0, "source", 0, 8).indices) == [0, 1]
    assert list(available(ensemble, 0, "source", 1, 8).indices) == [1]
    assert list(available(ensemble, 0, "source", 2, 8).indices) == []


def test_a_target_and_the_l2_norm(trained, test_set):
    run = measured(trained, test_set, eps=(1.0,), norm="l2", target=1)
    rows = detection(run)["uncertainty"]
    assert len(rows[rows["inputs"] == "clean"]) == 90
    assert set(rows.loc[rows["attack"].str.startswith("entropy"), "norm"]) == {"l2"}


def test_the_usual_outliers_are_of_the_same_shape(test_set):
    digits = load_dataset("mnist-5k", "test")
    assert load_outliers(None, digits).name == "fashion-1k"
    assert load_outliers(None, replace(digits, name="fashion-mnist")).name == "mnist-5k"
    noise = load_outliers(None, test_set)
    assert (noise.name, noise.images.shape[1:]) == ("noise", test_set.images.shape[1:])
    assert torch.equal(noise.images, load_outliers("noise", test_set).images)
    assert 120 < noise.images.double().mean() < 135


def test_outliers_of_another_shape_or_name_are_refused(test_set):
    with pytest.raises(
        InputError, match=r"outliers fashion-1k are images of 1x28x28, those of striped of 1x8x8"
    ):
        load_outliers("fashion-1k", test_set)
    for name, own in (("mnist-5k", "mnist-5k"), ("mnist-5k", "mnist"), ("fashion-1k", "fashion-mnist")):
        with pytest.raises(InputError, match=f"{name} holds images of {own}, which can't"):
            load_outliers(name, replace(load_dataset("mnist-5k", "test"), name=own))
    with pytest.raises(InputError, match="unknown data set"):
        load_outliers("fashion-2k", test_set)


def test_it_does_not_depend_on_the_global_random_state(trained, test_set):
    run = measured(trained, test_set, eps=(0.3,))
    torch.manual_seed(1)
    first = detection(run)["uncertainty"]
    torch.manual_seed(2)
    second = detection(run)["uncertainty"]
    assert first["entropy"].tolist() == second["entropy"].tolist()
    assert not math.isnan(first["entropy"].sum())


def test_the_adaptive_attack_is_made_at_the_middle_eps_on_the_first_examples(trained, test_set):
    run = measured(trained, test_set, eps=(0.4, 0.1, 0.2), target=1)
    rows = detection(run)["uncertainty"]
    adaptive = rows[rows["attack"].str.startswith("entropy-pgd")]
    assert set(adaptive["eps"]) == {0.2}
    assert adaptive["example"].tolist() == run.result.indices[:ADAPTIVE_EXAMPLES]
    assert (rows["inputs"] == "outlier").sum() == len(run.result.chosen)
