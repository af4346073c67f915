"""Studies that are broken off after every part: no part is measured twice, and the tables are the same."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from robust_hypergan.base.errors import InputError
from robust_hypergan.engine.ensemble import NETWORK_BLOCK, ensemble_forward
from robust_hypergan.models.hypergan import HyperGAN, HyperGANConfig
from robust_hypergan.runs.bench_config import DataConfig
from robust_hypergan.runs.run_folder import is_finished
from robust_hypergan.storage.checkpoint import Checkpoint, save_checkpoint
from robust_hypergan.storage.resumable import Saved
from robust_hypergan.storage.snapshots import keep_snapshot
from robust_hypergan.studies import adversarial, diversity, regression
from robust_hypergan.studies.adversarial import AdversarialConfig, run_adversarial
from robust_hypergan.studies.classification import ClassificationConfig, run_classification
from robust_hypergan.studies.diversity import DiversityConfig, run_diversity
from robust_hypergan.studies.out_of_distribution import OutOfDistributionConfig, run_out_of_distribution
from robust_hypergan.studies.regression import RegressionConfig, run_regression
from robust_hypergan.studies.study_parts import kept_tables
from tests.killing import contents
from tests.small_classifier import Small
from tests.small_classifier import __file__ as CLASSIFIER

SMALL = f"{CLASSIFIER}:Small"
SIZES = HyperGANConfig(latent_dim=8, code_dim=4, hidden=8)
BLOCKS = 2
MANY = NETWORK_BLOCK * BLOCKS - 1


def untrained(seed: int) -> Checkpoint:
    return Checkpoint(HyperGAN(Small(), SIZES, seed=seed), SMALL, 10, {"training": {"steps": 20}})


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Two untrained HyperGANs, the first with two snapshots."""
    folder = tmp_path_factory.mktemp("networks")
    for name, seed in (("first", 0), ("second", 1)):
        (folder / name).mkdir()
        save_checkpoint(folder / name / "hypergan.safetensors", untrained(seed))
    for step, seed in ((10, 2), (20, 0)):
        keep_snapshot(folder / "first", step, untrained(seed))
    paths = tuple(f"{name}={folder}/{name}/hypergan.safetensors" for name in ("first", "second"))
    return {"checkpoints": paths, "data": DataConfig("mnist-5k"), "classifier": SMALL}


FOLDED: dict[str, tuple[Callable[..., Path], Callable[..., Any], dict[str, Any]]] = {
    "classification": (run_classification, ClassificationConfig, {"sizes": (1, MANY), "votes": 1}),
    "uncertainty": (
        run_out_of_distribution,
        OutOfDistributionConfig,
        {"outliers": ("noise",), "networks": (2, MANY), "images": 20, "pictures": 2},
    ),
}


@pytest.mark.parametrize("name", FOLDED)
def test_folded_networks_are_not_folded_again(
    name: str, shared: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, config, size = FOLDED[name]
    run(config(**shared, **size), tmp_path / "whole", quiet=True)
    done: list[int] = []

    def save(own: Saved, things: dict[str, Any], **facts: Any) -> None:
        real(own, things, **facts)
        done.append(facts["done"])
        raise KeyboardInterrupt

    real = Saved.save
    monkeypatch.setattr(Saved, "save", save)
    monkeypatch.setattr("robust_hypergan.storage.resumable.CHECKPOINT_SECONDS", 0.0)
    for _ in range(2 * BLOCKS):
        with pytest.raises(KeyboardInterrupt):
            run(config(**shared, **size), tmp_path / "broken", quiet=True)
    run(config(**shared, **size), tmp_path / "broken", quiet=True)
    assert done == [NETWORK_BLOCK, MANY] * 2
    assert same_tables(tmp_path) >= 2


TABLES: dict[str, tuple[Any, Callable[..., Path], Callable[..., Any], dict[str, Any], int]] = {
    "adversarial": (
        adversarial,
        run_adversarial,
        AdversarialConfig,
        {"eps": (0.1,), "sources": 2, "networks": 3, "examples": 30},
        4,
    ),
    "diversity": (
        diversity,
        run_diversity,
        DiversityConfig,
        {
            "networks": 4,
            "images": 40,
            "feature_networks": 3,
            "feature_images": 20,
            "weight_networks": 9,
            "weights": 2,
            "snapshot_networks": 3,
            "snapshot_images": 20,
        },
        4,
    ),
    "regression": (
        regression,
        run_regression,
        RegressionConfig,
        {
            "steps": 24,
            "train_networks": 4,
            "networks": (2, 5),
            "seeds": 2,
            "hidden": 20,
            "members": 3,
            "grid": 25,
            "hypergan": HyperGANConfig(latent_dim=24, code_dim=8, hidden=32, noise_share=1.0),
        },
        2,
    ),
}


@pytest.mark.parametrize("name", TABLES)
def test_tables_of_a_part_are_not_measured_again(
    name: str, shared: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module, run, config, size, parts = TABLES[name]
    own = config(**size) if name == "regression" else config(**shared, **size)
    run(own, tmp_path / "whole")
    broken: list[str] = []

    def kept_tables(folder: Path, *arguments: Any) -> Any:
        new = not folder.exists()
        tables = real(folder, *arguments)
        if new:
            broken.append(folder.name)
            raise KeyboardInterrupt
        return tables

    real = module.kept_tables
    monkeypatch.setattr(module, "kept_tables", kept_tables)
    for _ in range(parts):
        with pytest.raises(KeyboardInterrupt):
            run(own, tmp_path / "broken")
    monkeypatch.setattr(module, "kept_tables", real)
    measure_no_more(module, monkeypatch)
    run(own, tmp_path / "broken")
    assert len(set(broken)) == parts
    assert same_tables(tmp_path) >= 2


def measure_no_more(module: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets a study read the tables of its parts, and measure none."""
    real = module.kept_tables

    def kept_tables(folder: Path, columns: Any, _: object, *texts: Any) -> Any:
        return real(folder, columns, no_more, *texts)

    monkeypatch.setattr(module, "kept_tables", kept_tables)


def no_more() -> None:
    raise AssertionError("measured again")


@pytest.mark.parametrize("name", [*FOLDED, *TABLES])
def test_a_page_that_was_broken_off_is_made_by_the_same_command(
    name: str, shared: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, config, size = FOLDED[name] if name in FOLDED else TABLES[name][1:4]
    own = config(**size) if name == "regression" else config(**shared, **size)

    def killed(out: Path) -> None:
        assert not is_finished(out)  # as it stands, so that a process that dies here is taken up again
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("robust_hypergan.studies.study.write_study", killed)
        with pytest.raises(KeyboardInterrupt):
            run(own, tmp_path / "run")
    if name in TABLES:
        measure_no_more(TABLES[name][0], monkeypatch)
    monkeypatch.setattr("robust_hypergan.studies.study_parts.ensemble_forward", nothing_left)
    assert run(own, tmp_path / "run").exists()


def nothing_left(*arguments: Any, **options: Any) -> list[Any]:
    assert list(ensemble_forward(*arguments, **options)) == []
    return []


def test_a_part_of_which_a_table_is_missing_is_measured_again(tmp_path: Path) -> None:
    made: list[int] = []

    def measured() -> dict[str, pd.DataFrame]:
        made.append(len(made))
        return {name: pd.DataFrame({"value": [0.1, made[-1]]}) for name in "ab"}

    columns = {"a": ["value"], "b": ["value", "other"]}
    first = kept_tables(tmp_path / "part", columns, measured)
    assert kept_tables(tmp_path / "part", columns, measured)["a"].equals(first["a"])
    assert first["b"]["other"].isna().all()
    (tmp_path / "part" / "b.csv").unlink()
    assert kept_tables(tmp_path / "part", columns, measured)["a"]["value"].tolist() == [0.1, 1]
    assert made == [0, 1]


@pytest.mark.parametrize("name", ["classification", "adversarial", "diversity", "uncertainty"])
def test_other_networks_under_the_same_name_are_refused(
    name: str, shared: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "hypergan.safetensors"
    run, config, size = FOLDED[name] if name in FOLDED else TABLES[name][1:4]
    own = config(**shared | {"checkpoints": (f"a={path}", shared["checkpoints"][1])}, **size)
    save_checkpoint(path, untrained(0))
    with monkeypatch.context() as patch:
        patch.setattr("robust_hypergan.studies.study.write_table", interrupt)
        with pytest.raises(KeyboardInterrupt):
            run(own, tmp_path / "run")
    save_checkpoint(path, untrained(9))
    with pytest.raises(InputError, match="an unfinished run with other inputs"):
        run(own, tmp_path / "run")


def interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def same_tables(folder: Path) -> int:
    """How many tables two runs have, which are the same."""
    first, second = (contents(folder / name) for name in ("whole", "broken"))
    tables = [name for name in first if name.endswith(".csv")]
    assert [name for name in tables if first[name] != second[name]] == []
    assert first.keys() == second.keys()
    return len(tables)
