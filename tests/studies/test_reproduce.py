"""A reproduction: what it trains and makes, what it keeps, and what it says of what could not be made."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from robust_hypergan.base.errors import InputError
from robust_hypergan.models.hypergan import HyperGAN, HyperGANConfig
from robust_hypergan.runs.bench_config import BenchConfig, DataConfig
from robust_hypergan.storage.checkpoint import Checkpoint, save_checkpoint
from robust_hypergan.studies.adversarial import AdversarialConfig, run_adversarial
from robust_hypergan.studies.budgets import Item, Plan, find_plan
from robust_hypergan.studies.classification import ClassificationConfig, run_classification
from robust_hypergan.studies.hardening import HardeningConfig, run_hardening
from robust_hypergan.studies.reproduce import run_reproduction
from robust_hypergan.training.config import TrainConfig
from robust_hypergan.transferability.config import TransferConfig
from tests.small_classifier import Small
from tests.small_classifier import __file__ as CLASSIFIER

SMALL = f"{CLASSIFIER}:Small"

TINY = BenchConfig(
    classifier=SMALL,
    hypergan=HyperGANConfig(latent_dim=8, code_dim=4, hidden=8),
    training=TrainConfig(steps=2, networks=2, batch=4, codes=4, pretraining=1),
    transfer=None,
)


def classify(checkpoints: Mapping[str, str]) -> ClassificationConfig:
    named = (f"hypergan={checkpoints['one']}",)
    return ClassificationConfig(named, classifier=SMALL, sizes=(1, 2), votes=1)


def transfer_both(checkpoints: Mapping[str, str]) -> AdversarialConfig:
    named = tuple(f"seed {i}={path}" for i, path in enumerate(checkpoints.values()))
    return AdversarialConfig(named, classifier=SMALL, eps=(0.1, 0.5), sources=2, networks=3, examples=80)


def harden(checkpoints: Mapping[str, str]) -> HardeningConfig:
    transfer = TransferConfig(attacks=("fgsm",), eps=(0.3,), networks=3, examples=80)
    named = (f"plain={checkpoints['one']}", f"hard={checkpoints['two']}")
    return HardeningConfig(named, classifier=SMALL, transfer=transfer)


def missing(_: Mapping[str, str]) -> ClassificationConfig:
    return ClassificationConfig(("nowhere.safetensors",))


OTHER = replace(TINY.training, seed=1, augmentation="crop", label_smoothing=0.125, disagreement=0.25)

PLAN = Plan(
    "tiny",
    "The paper, tiny",
    0,
    {"one": TINY, "two": replace(TINY, training=OTHER)},
    {
        "accuracy": Item(run_classification, classify, ("one",)),
        "figure-4": Item(run_adversarial, transfer_both, ("one", "two")),
        "hard": Item(run_hardening, harden, ("one", "two")),
    },
)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny plan, its first item first and the rest by a second call."""
    out = tmp_path_factory.mktemp("reproduction") / "run"
    run_reproduction(PLAN, out, only=("accuracy",))
    assert not (out / "networks" / "two").exists()
    first = json.loads((out / "run.json").read_text(encoding="utf-8"))["reproduction"]
    assert first == {"accuracy": "done", "figure-4": "not made yet", "hard": "not made yet"}
    kept = (out / "accuracy" / "run.json").read_bytes()
    run_reproduction(PLAN, out)
    assert (out / "accuracy" / "run.json").read_bytes() == kept
    return out


def test_every_item_is_on_the_page(made: Path) -> None:
    page = (made / "report.html").read_text(encoding="utf-8")
    for anchor in PLAN.items:
        assert f'<h2 id="{anchor}">' in page
    assert "not made yet" not in page
    assert "Classification: mnist-5k" in page  # several studies of one kind are told apart
    assert len(list((made / "figures").glob("figure-4-*.png"))) == 2


def test_the_page_says_what_was_trained_how_long_and_how_accurate_it_is(made: Path) -> None:
    page = (made / "report.md").read_text(encoding="utf-8")
    rows = [line for line in page.splitlines() if line.startswith(("| one ", "| two "))]
    assert len(rows) == 2
    record = json.loads((made / "networks" / "two" / "run.json").read_text(encoding="utf-8"))
    assert all(f"{100 * record['accuracy']['single_mean']:.2f}%" in row for row in rows[1:])
    assert all("2 of 2 \N{MULTIPLICATION SIGN} 4" in row for row in rows)
    how = [[cell.strip() for cell in row.split("|")[5:8]] for row in rows]
    assert how == [["none", "0", "0"], ["crop", "0.125", "0.25"]]


def test_what_is_finished_is_not_made_again(made: Path) -> None:
    said: list[str] = []
    run_reproduction(PLAN, made, say=said.append)
    assert said == list(PLAN.items)


def test_figure_4_has_every_training_and_source(made: Path) -> None:
    lines = (made / "figure-4" / "adversarial.csv").read_text(encoding="utf-8").splitlines()
    assert len(lines) == 1 + 2 * 2 * 2 * 2  # trainings, sources, attacks, eps


def test_an_item_that_fails_leaves_the_others(tmp_path: Path) -> None:
    items: dict[str, Any] = {"broken": Item(run_classification, missing), "accuracy": PLAN.items["accuracy"]}
    with pytest.raises(InputError, match=r"1 of 2 items could not be made: broken: no .*nowhere"):
        run_reproduction(replace(PLAN, items=items), tmp_path / "run")
    page = (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    assert "nowhere.safetensors" in page
    assert '<h2 id="classification">' in page


@pytest.mark.parametrize(("first", "then"), [("cifar", "cifar-quick"), ("cifar-quick", "cifar")])
def test_another_preset_for_cifar_is_refused_and_the_same_goes_on(
    first: str, then: str, tmp_path: Path
) -> None:
    def plan(preset: str) -> Plan:
        return replace(find_plan("full", root=tmp_path, cifar_preset=preset), networks={}, items={})

    out = tmp_path / "run"
    run_reproduction(plan(first), out)
    run_reproduction(plan(first), out)
    with pytest.raises(InputError, match="other settings"):
        run_reproduction(plan(then), out)


def test_a_preset_that_a_budget_trains_nothing_with_makes_no_other_plan(tmp_path: Path) -> None:
    assert find_plan("quick", root=tmp_path, cifar_preset="cifar-quick").settings == {}
    assert find_plan("full", root=tmp_path).settings == {}  # as in folders of earlier versions


def test_an_unknown_item_or_budget_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="did you mean figure-4"):
        run_reproduction(PLAN, tmp_path / "run", only=("figure4",))
    with pytest.raises(InputError, match="unknown budget"):
        find_plan("huge", root=tmp_path)


@pytest.mark.parametrize("budget", ["quick", "full"])
def test_a_budget_trains_what_its_items_need_and_nothing_else(budget: str, tmp_path: Path) -> None:
    plan = find_plan(budget, root=tmp_path, seed=3)
    needed = {name for item in plan.items.values() for name in item.networks}
    assert needed == set(plan.networks)
    for item in plan.items.values():
        config = item.config({name: f"{name}.safetensors" for name in item.networks})
        assert (config.transfer if isinstance(config, HardeningConfig) else config).seed == 3
    packaged = {each.data.name for each in plan.networks.values()}
    assert (packaged == {DataConfig().name}) == (budget == "quick")
    seeds = {name: each.training.seed for name, each in plan.networks.items() if "hypergan" in name}
    assert min(seeds.values()) == 3


def test_networks_that_are_compared_see_as_many_images_in_the_same_way(tmp_path: Path) -> None:
    plan = find_plan("full", root=tmp_path)
    for name in ("classification-mnist", "classification-mnist-5k", "uncertainty-mnist"):
        trainings = [plan.networks[each].training for each in plan.items[name].networks]
        assert len({replace(each, snapshots=0, seed=0, disagreement=0.0) for each in trainings}) == 1
        kinds = 5 if name == "uncertainty-mnist" else 4
        assert len(trainings) == kinds * len({each.seed for each in trainings})


def test_every_kind_is_trained_as_often_where_the_trainings_are_the_sample(tmp_path: Path) -> None:
    plan = find_plan("full", root=tmp_path, seed=5)
    item = plan.items["uncertainty-mnist"]
    config = item.config({name: f"{name}.safetensors" for name in item.networks})
    seeds: dict[str, list[int]] = {}
    for each in config.checkpoints:
        name, _, path = each.partition("=")
        seeds.setdefault(name, []).append(plan.networks[path.removesuffix(".safetensors")].training.seed)
    kinds = ("hypergan", "ordinary", "deep-ensemble", "mc-dropout", "hypergan, cautious")
    assert seeds == {kind: [5, 6, 7] for kind in kinds}


def test_networks_that_can_not_be_attacked_do_not_keep_the_others_from_it(tmp_path, monkeypatch) -> None:
    attacked = []

    def attack(_: object, out: Path, **__: object) -> None:
        attacked.append(out.name)
        if out.name != "c":
            raise InputError(f"no attack worked on {out.name}")

    monkeypatch.setattr("robust_hypergan.studies.hardening.bench", attack)
    monkeypatch.setattr("robust_hypergan.studies.hardening.load_run", str)
    monkeypatch.setattr(
        "robust_hypergan.studies.hardening.loaded", lambda *_: SimpleNamespace(facts={}, distribution=None)
    )
    monkeypatch.setattr("robust_hypergan.studies.hardening.record_inputs", lambda *_: None)
    with pytest.raises(InputError, match=r"^a: no attack worked on a; b: no attack worked on b$"):
        run_hardening(HardeningConfig(("a=1", "b=2", "c=3")), tmp_path / "run")
    assert attacked == ["a", "b", "c"]


def test_other_networks_under_the_same_name_are_not_attacked_beside(tmp_path: Path, monkeypatch) -> None:
    def keep(seed: int) -> None:
        hypergan = HyperGAN(Small(), HyperGANConfig(latent_dim=8, code_dim=4, hidden=8), seed=seed)
        save_checkpoint(tmp_path / f"{seed % 2}", Checkpoint(hypergan, SMALL, 10, {}))

    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    keep(0)
    keep(1)
    config = HardeningConfig((str(tmp_path / "0"), str(tmp_path / "1")), classifier=SMALL)
    monkeypatch.setattr("robust_hypergan.studies.hardening.bench", interrupt)
    with pytest.raises(KeyboardInterrupt):
        run_hardening(config, tmp_path / "run")
    keep(2)
    with pytest.raises(InputError, match="an unfinished run with other inputs"):
        run_hardening(config, tmp_path / "run")


def test_hardening_needs_two() -> None:
    with pytest.raises(InputError, match="at least two"):
        HardeningConfig(("one.safetensors",))
