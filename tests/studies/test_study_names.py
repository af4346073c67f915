"""A name on the command line may be anything: on a study's page it is text, in HTML and in Markdown.

Two studies are left out: that of transfer shows no names; in that of adversarial training they name folders.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from robust_hypergan.base.errors import InputError
from robust_hypergan.models.deep_ensemble import DeepEnsemble
from robust_hypergan.models.hypergan import HyperGAN, HyperGANConfig
from robust_hypergan.runs.bench_config import DataConfig
from robust_hypergan.storage.checkpoint import Checkpoint, save_checkpoint
from robust_hypergan.studies.classification import ClassificationConfig, run_classification
from robust_hypergan.studies.diversity import DiversityConfig, run_diversity
from robust_hypergan.studies.out_of_distribution import OutOfDistributionConfig, run_out_of_distribution
from robust_hypergan.studies.study import check_trainings, named_paths, split_name
from robust_hypergan.studies.tradeoff import TradeoffConfig, run_tradeoff
from tests.reports.test_page import HOSTILE, Outline
from tests.small_classifier import Small
from tests.small_classifier import __file__ as CLASSIFIER

SMALL = f"{CLASSIFIER}:Small"
ALIKE: dict[str, Any] = {"data": DataConfig("mnist-5k"), "classifier": SMALL}
FEW: dict[str, Any] = {"attacks": ("fgsm",), "networks": 4, "examples": 40}

NAMES = (HOSTILE, "a|b*c_d`$x^2$<b>")


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, ...]:
    """Two HyperGANs, each under a name that would break a page."""
    found = []
    for seed, name in enumerate(NAMES):
        path = tmp_path_factory.mktemp("networks") / "hypergan.safetensors"
        hypergan = HyperGAN(Small(), HyperGANConfig(latent_dim=8, code_dim=4, hidden=8), seed=seed)
        facts = {"training": {"steps": 1, "pgd_eps": 0.1 * seed}}
        save_checkpoint(path, Checkpoint(hypergan, SMALL, 10, facts))
        found.append(f"{name}={path}")
    return tuple(found)


STUDIES: dict[str, tuple[Callable[..., Path], Callable[[tuple[str, ...]], object]]] = {
    "classification": (
        run_classification,
        lambda given: ClassificationConfig(given, sizes=(1, 3), votes=2, **ALIKE),
    ),
    "uncertainty": (
        run_out_of_distribution,
        lambda given: OutOfDistributionConfig(
            given, outliers=("noise",), networks=(1, 3), images=60, pictures=2, **ALIKE
        ),
    ),
    "diversity": (
        run_diversity,
        lambda given: DiversityConfig(
            given, networks=4, images=60, feature_networks=3, feature_images=40, weight_networks=9, **ALIKE
        ),
    ),
    "tradeoff": (
        run_tradeoff,
        lambda given: TradeoffConfig(given, eps=0.3, images=60, outliers="noise", **FEW, **ALIKE),
    ),
}


@pytest.mark.parametrize("study", STUDIES)
def test_a_hostile_name_is_text_on_the_page_of_every_study(
    study: str, checkpoints: tuple[str, ...], tmp_path: Path
) -> None:
    run, config = STUDIES[study]
    page = run(config(checkpoints), tmp_path / "run").read_text(encoding="utf-8")
    outline = Outline(page)
    assert len(outline.all("script")) <= 1
    assert not outline.all("b")
    assert all(image["src"] != "x" for image in outline.all("img"))
    assert all(name in outline.text for name in NAMES)
    markdown = (tmp_path / "run" / "report.md").read_text(encoding="utf-8")
    assert "<script" not in markdown
    assert "<b>" not in markdown


@pytest.mark.parametrize(
    ("given", "name", "path"),
    [
        ("lr=0.1/net", "", "lr=0.1/net"),
        ("mine=lr=0.1/net", "mine", "lr=0.1/net"),
        ("mine=net", "mine", "net"),
        ("a=b=net", "a=b", "net"),
        ("a=b=missing", "a=b", "missing"),
        ("=net", "", "net"),
        ("lr=0.1/net:make", "", "lr=0.1/net:make"),
        ("x" * 5000 + "=net", "x" * 5000, "net"),
    ],
)
def test_a_path_may_hold_an_equals_sign(
    given: str, name: str, path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("lr=0.1").mkdir()
    for own in ("lr=0.1/net", "net"):
        Path(own).touch()
    assert split_name(given) == (name, Path(path))


def test_a_name_that_the_folder_needs_itself_is_refused() -> None:
    assert named_paths(("a.safetensors", "a=b.safetensors")).keys() == {"a", "a-2"}
    with pytest.raises(InputError, match="progress is a name that the run's folder needs itself"):
        named_paths(("hard=a.safetensors", "progress=b.safetensors"))


def test_trainings_of_several_sizes_are_not_one_kind() -> None:
    members = [Small().state_dict() for _ in range(6)]
    small, large = DeepEnsemble(Small(), members[:2]), DeepEnsemble(Small(), members[2:])
    with pytest.raises(InputError, match="mine: trainings of 1 and 2 networks"):
        check_trainings("mine", [small, large])
