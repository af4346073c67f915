"""The least that a run or a study can be asked for still makes a page, whether or not anything was found."""

from pathlib import Path
from typing import Any

import pytest

from robust_hypergan.models.hypergan import HyperGAN, HyperGANConfig
from robust_hypergan.runs.bench_config import BenchConfig, DataConfig
from robust_hypergan.runs.benchmark import bench
from robust_hypergan.storage.checkpoint import Checkpoint, save_checkpoint
from robust_hypergan.studies.adversarial import AdversarialConfig, run_adversarial
from robust_hypergan.studies.classification import ClassificationConfig, run_classification
from robust_hypergan.studies.diversity import DiversityConfig, run_diversity
from robust_hypergan.studies.out_of_distribution import OutOfDistributionConfig, run_out_of_distribution
from robust_hypergan.studies.tradeoff import TradeoffConfig, run_tradeoff
from robust_hypergan.transferability.config import TransferConfig
from tests.small_classifier import Small
from tests.small_classifier import __file__ as CLASSIFIER

SMALL = f"{CLASSIFIER}:Small"


@pytest.fixture(scope="module")
def alike(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """One untrained HyperGAN."""
    path = tmp_path_factory.mktemp("networks") / "hypergan.safetensors"
    hypergan = HyperGAN(Small(), HyperGANConfig(latent_dim=8, code_dim=4, hidden=8), seed=0)
    save_checkpoint(path, Checkpoint(hypergan, SMALL, 10, {"training": {"steps": 1}}))
    return {"checkpoints": (str(path),), "data": DataConfig("mnist-5k"), "classifier": SMALL}


LEAST = {
    "one network": (run_classification, ClassificationConfig, {"sizes": (1,), "votes": 1}),
    "one vote": (run_classification, ClassificationConfig, {"sizes": (7,), "votes": 1}),
    "two images": (
        run_out_of_distribution,
        OutOfDistributionConfig,
        {"outliers": ("noise",), "networks": (1,), "images": 2, "pictures": 1},
    ),
    "more pictures than images": (
        run_out_of_distribution,
        OutOfDistributionConfig,
        {"outliers": ("noise", "fashion-1k"), "networks": (2,), "images": 3, "pictures": 50},
    ),
    "nothing fooled": (
        run_adversarial,
        AdversarialConfig,
        {"attacks": ("noise",), "eps": (1e-6,), "sources": 1, "networks": 1, "examples": 3},
    ),
    "steps of one, everything fooled": (
        run_adversarial,
        AdversarialConfig,
        {
            "attacks": ("pgd:steps=1", "mi-fgsm:steps=1"),
            "eps": (1.0,),
            "sources": 1,
            "networks": 2,
            "examples": 40,
        },
    ),
    "four images": (
        run_diversity,
        DiversityConfig,
        {
            "networks": 3,
            "images": 4,
            "feature_networks": 2,
            "feature_images": 4,
            "weight_networks": 2,
            "weights": 1,
        },
    ),
    "one state, nothing fooled": (
        run_tradeoff,
        TradeoffConfig,
        {
            "attacks": ("noise",),
            "eps": 1e-6,
            "networks": 3,
            "images": 2,
            "examples": 3,
            "outliers": "noise",
        },
    ),
}


@pytest.mark.parametrize("name", LEAST)
def test_the_least_of_a_study_makes_a_page(name: str, alike: dict[str, Any], tmp_path: Path) -> None:
    run, config, least = LEAST[name]
    page = run(config(**alike, **least), tmp_path / "run")
    assert "<table" in page.read_text(encoding="utf-8")
    assert "nan" not in (tmp_path / "run" / "report.md").read_text(encoding="utf-8").lower().split()


def test_a_run_in_which_nothing_was_fooled_makes_a_page(alike: dict[str, Any], tmp_path: Path) -> None:
    few = TransferConfig(attacks=("noise",), eps=(1e-6,), networks=1, examples=40)
    config = BenchConfig(checkpoint=Path(alike["checkpoints"][0]), classifier=SMALL, transfer=few)
    result = bench(config, tmp_path / "run")
    assert result is not None
    assert not result.examples["source_fooled"].any()
    assert "<table" in (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
