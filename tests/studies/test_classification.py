"""The study of clean accuracy: known answers, and networks that are few."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor, nn

from robust_hypergan.base.errors import InputError
from robust_hypergan.measures.voting import MeanVotes
from robust_hypergan.models.classifiers import build_classifier
from robust_hypergan.models.deep_ensemble import DeepEnsemble
from robust_hypergan.models.ordinary import OrdinaryNetwork
from robust_hypergan.reports.studies.classification import classification_claims
from robust_hypergan.reports.studies.kinds import STUDIES
from robust_hypergan.reports.tables.study import load_study
from robust_hypergan.runs.bench_config import DataConfig
from robust_hypergan.storage.checkpoint import Checkpoint, save_checkpoint
from robust_hypergan.studies.classification import (
    ClassificationConfig,
    _accuracy_rows,
    _Answers,
    _difference,
    run_classification,
)


def constant(label: int) -> dict[str, Tensor]:
    """Weights of a network that always answers one label."""
    classifier = build_classifier("mnist", 10)
    state = {name: torch.zeros_like(value) for name, value in classifier.state_dict().items()}
    state["linear.bias"][label] = 5.0
    return state


def saved(path: Path, distribution: DeepEnsemble | OrdinaryNetwork, **facts: object) -> str:
    save_checkpoint(path, Checkpoint(distribution, "mnist", 10, facts))
    return str(path)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The study of four networks that answer 0, 0, 0, 1, and of one that answers 1."""
    place = tmp_path_factory.mktemp("classification")
    members = DeepEnsemble(build_classifier("mnist", 10), [constant(i) for i in (0, 0, 0, 1)])
    single: nn.Module = build_classifier("mnist", 10)
    single.load_state_dict(constant(1))
    checkpoints = (
        saved(place / "members.safetensors", members, training={"augmentation": "affine"}),
        saved(place / "single.safetensors", OrdinaryNetwork(single)),
    )
    run_classification(ClassificationConfig(checkpoints, sizes=(1, 4), votes=1), place / "study")
    return place / "study"


def share(label: int) -> float:
    return (DataConfig().load("test").labels == label).double().mean().item()


def test_accuracies_are_those_of_the_labels(folder: Path) -> None:
    table = pd.read_csv(folder / "classification.csv").set_index(["name", "networks"])["accuracy"]
    assert table["deep-ensemble", 1] == pytest.approx((3 * share(0) + share(1)) / 4)
    assert table["deep-ensemble", 4] == pytest.approx(share(0))  # outvoted
    assert table["ordinary", 1] == pytest.approx(share(1))


def test_a_deep_ensemble_votes_with_all_its_members_and_one_network_has_one_vote(folder: Path) -> None:
    table = pd.read_csv(folder / "classification.csv").set_index(["name", "networks"])["votes"]
    assert table.to_dict() == {("deep-ensemble", 1): 4, ("deep-ensemble", 4): 1, ("ordinary", 1): 1}


def test_differences_are_paired_by_image(folder: Path) -> None:
    table = pd.read_csv(folder / "classification_differences.csv")
    rows = table.set_index(["name", "networks", "than", "than_networks"])
    gain = rows.loc[("deep-ensemble", 4, "deep-ensemble", 1)]
    assert gain["difference"] == pytest.approx((share(0) - share(1)) / 4)
    against = rows.loc[("deep-ensemble", 4, "ordinary", 1)]
    assert against["difference"] == pytest.approx(share(0) - share(1))
    assert against["ci_low"] < against["difference"] < against["ci_high"]


def test_the_page_sets_the_paper_beside(folder: Path) -> None:
    text = (folder / "report.md").read_text(encoding="utf-8")
    assert "answer at least as well" not in text  # the paper's numbers are a HyperGAN's
    assert "vote of 4, is more accurate than ordinary (1 network) | not in the paper |" in text


def test_a_comparison_with_the_paper_says_that_the_images_were_augmented(folder: Path) -> None:
    augmentation = json.loads((folder / "run.json").read_text(encoding="utf-8"))["augmentation"]
    assert augmentation == {"deep-ensemble": "affine", "ordinary": None}
    study = load_study(folder, STUDIES)
    record = study.record | {"kinds": {"deep-ensemble": "hypergan"}}
    claims = classification_claims(replace(study, record=record))
    judged = [claim.ours for claim in claims if "answer at least as well as" in claim.claim]
    assert judged
    assert all("with augmentation (affine)" in ours for ours in judged)


def test_bad_sizes_are_refused() -> None:
    with pytest.raises(InputError, match="networks 0 is out of range"):
        ClassificationConfig(("x",), sizes=(0,))
    with pytest.raises(InputError, match="at least one number"):
        ClassificationConfig(("x",), sizes=())


def gain_of_a_vote(random: np.random.Generator, bad: float, groups: int) -> dict[str, float]:
    """What votes of ten gain, where a share of the networks is much worse, and some images are hard."""
    labels = torch.zeros(300, dtype=torch.int64)
    votes = {size: MeanVotes(labels, 2, [torch.arange(300)], size) for size in (1, 10)}
    hard = random.random(300) < 0.1
    for _ in range(10 * groups):
        right = np.where(hard, 0.6, 0.99) - 0.3 * (random.random() < bad)
        own = torch.from_numpy((random.random(300) < right).astype(float))
        for vote in votes.values():
            vote.add(torch.stack([own, 1 - own], 1))
    return _difference(votes[10], votes[1], shared=True)


@pytest.mark.parametrize(("bad", "groups"), [(0.1, 10), (0.0, 4)])
def test_the_interval_of_a_gain_holds_over_images_and_networks(bad: float, groups: int) -> None:
    random = np.random.default_rng(0)
    gains = pd.DataFrame([gain_of_a_vote(random, bad, groups) for _ in range(200)])
    truth = gains["difference"].mean()
    assert 0.87 <= ((gains["ci_low"] <= truth) & (truth <= gains["ci_high"])).mean() <= 0.99


def test_the_sd_over_votes_is_that_of_a_sample() -> None:
    votes = MeanVotes(torch.zeros(4, dtype=torch.int64), 2, [torch.arange(4)], 1)
    for right in (1, 2, 4):
        own = (torch.arange(4) < right).double()
        votes.add(torch.stack([own, 1 - own], 1))
    (row,) = _accuracy_rows(_Answers("mine", {1: votes}), 4)
    assert row["sd"] == pytest.approx(np.std([0.25, 0.5, 1.0], ddof=1))
    assert (row["least"], row["greatest"]) == (0.25, 1.0)
