"""Other kinds of networks beside a run: measured alike in folders of their own, compared in one table."""

import shutil
from dataclasses import replace
from functools import partial
from types import SimpleNamespace

import pandas as pd
import pytest
import torch

from robust_hypergan.base.errors import InputError
from robust_hypergan.evidence.measured import EvidenceConfig
from robust_hypergan.measures.accuracy import measure_accuracy
from robust_hypergan.models.classifiers import build_classifier
from robust_hypergan.models.networks import Networks, materialise
from robust_hypergan.models.ordinary import OrdinaryNetwork
from robust_hypergan.models.parameters import fingerprint
from robust_hypergan.reports import load_run, write_report
from robust_hypergan.reports.sections.beside import beside_section
from robust_hypergan.runs.bench_config import BenchConfig
from robust_hypergan.runs.benchmark import bench
from robust_hypergan.runs.beside import NETWORK_KINDS, beside_configs
from robust_hypergan.storage.checkpoint import Checkpoint
from robust_hypergan.training.config import TrainConfig
from robust_hypergan.training.ensemble_training import EnsembleConfig
from robust_hypergan.transferability.config import TransferConfig
from tests.conftest import TinyClassifier
from tests.small_classifier import __file__ as CLASSIFIER

FEW = TransferConfig(attacks=["fgsm"], eps=[0.1, 0.2], networks=7, examples=40)
BUDGET = TrainConfig(steps=8, networks=9, batch=16, codes=10, pretraining=2)

SMALL = f"{CLASSIFIER}:Small"
SWAG = Checkpoint(SimpleNamespace(kind="swag"), "mnist", 10, {})


def config(classifier=SMALL, **changes):
    main = BenchConfig(
        classifier=classifier,
        ensemble=EnsembleConfig("swag", snapshots=3, rank=2),
        training=BUDGET,
        transfer=FEW,
        evidence=EvidenceConfig(beside=("all",), members=6),
    )
    return replace(main, **changes)


@pytest.fixture(scope="module", autouse=True)
def quick():
    """Accuracy of 3 networks instead of 100, and a mark instead of each report."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "robust_hypergan.runs.benchmark.measure_accuracy", partial(measure_accuracy, networks=3)
        )
        patch.setattr(
            "robust_hypergan.runs.benchmark.write_report", lambda out: (out / "report.html").touch()
        )
        yield


@pytest.fixture(scope="module")
def everything(tmp_path_factory):
    """A small run of SWAG with every other kind beside it."""
    folder = tmp_path_factory.mktemp("beside") / "run"
    bench(config(), folder)
    return folder


def test_every_kind_gets_a_complete_run_and_its_rows(everything):
    table = load_run(everything).evidence["beside"]
    assert list(dict.fromkeys(table["name"])) == ["swag", *(kind for kind in NETWORK_KINDS if kind != "swag")]
    assert (table.groupby("name").size() == len(FEW.eps)).all()
    for kind in set(NETWORK_KINDS) - {"swag"}:
        own = load_run(everything / "beside" / kind)
        assert (own.record.kind, own.record.data_sha256) == (kind, load_run(everything).record.data_sha256)
        assert (own.folder / "report.html").exists()
        rows = table[table["name"] == kind]
        assert rows["source_success"].tolist() == own.summary["source_success"].tolist()
        assert rows["single_mean"].iloc[0] == own.record.accuracy["single_mean"]
        assert rows["training_seconds"].iloc[0] == own.record.seconds["training"]


def test_each_is_tried_on_as_many_networks_as_it_has(everything):
    networks = load_run(everything).evidence["beside"].groupby("name")["networks"].first()
    assert networks.to_dict() == {
        "swag": 7,
        "hypergan": 7,
        "deep-ensemble": 3,
        "mc-dropout": 7,
        "ordinary": 1,
    }


def test_what_fools_an_ordinary_network_carries_over_to_itself(everything):
    rows = load_run(everything).evidence["beside"].query("name == 'ordinary' and source_fooled > 0")
    assert len(rows)
    assert (rows["fooled_mean"] == 1).all()
    assert (rows["fooled_mean_all"] == rows["source_success"]).all()
    assert rows[["ci_low", "difference_low"]].isna().all(axis=None)


def test_the_same_budget_of_images_goes_to_every_ensemble(everything):
    total = BUDGET.steps * BUDGET.networks
    for kind in ("deep-ensemble", "mc-dropout", "ordinary"):
        assert pd.read_csv(everything / "beside" / kind / "training.csv")["step"].iloc[-1] == total


def test_dropout_networks_have_the_same_classifier_with_dropout():
    wanted = config("mnist", evidence=EvidenceConfig(beside=("mc-dropout", "ordinary")))
    configs = beside_configs(wanted, SWAG, wanted.data.load("test"))
    assert (configs["mc-dropout"].classifier, configs["ordinary"].classifier) == ("mnist-dropout", "mnist")


def test_the_page_is_remade_from_the_tables_alone(everything):
    page = write_report(everything).read_bytes()
    assert b"Beside other kinds of networks" in page
    assert page.count(b"kind by kind") >= 6
    assert write_report(everything).read_bytes() == page


def test_without_the_folders_beside_it_the_page_still_compares_the_kinds(everything):
    moved = (everything / "beside").rename(everything.parent / "elsewhere")
    try:
        page = write_report(everything).read_bytes()
    finally:
        moved.rename(everything / "beside")
    assert b"Beside other kinds of networks" in page
    assert b"kind by kind" not in page


def test_how_many_networks_must_be_held_is_measured_for_all_at_one_eps(everything):
    runs = load_run(everything).kinds
    tables = {kind: run.evidence["coverage"] for kind, run in runs.items()}
    assert set(pd.concat(tables.values())["eps"]) == {tables["swag"]["eps"].iloc[0]}
    assert {kind: table["held"].max() for kind, table in tables.items()} == {
        "swag": 16,
        "hypergan": 16,
        "deep-ensemble": 1,
        "mc-dropout": 16,
        "ordinary": 1,
    }
    assert (runs["hypergan"].evidence["checks"]["verdict"] == "NOT RUN").all()
    assert "pairs" not in runs["ordinary"].evidence


def test_a_finished_kind_is_not_repeated_when_the_run_is_taken_up_again(tmp_path, monkeypatch):
    wanted = config(evidence=EvidenceConfig(beside=("ordinary", "mc-dropout")))
    with monkeypatch.context() as patch:
        patch.setattr("robust_hypergan.runs.beside.compare_runs", interrupt)
        with pytest.raises(KeyboardInterrupt):
            bench(wanted, tmp_path / "run")
    beside = tmp_path / "run" / "beside"
    first = (beside / "ordinary" / "run.json").read_bytes()
    shutil.rmtree(beside / "mc-dropout")
    bench(wanted, tmp_path / "run")
    assert (beside / "ordinary" / "run.json").read_bytes() == first
    assert set(load_run(tmp_path / "run").evidence["beside"]["name"]) == {"swag", "ordinary", "mc-dropout"}


def interrupt(*_):
    raise KeyboardInterrupt


def test_a_checkpoint_stands_beside_a_checkpoint(everything, tmp_path):
    main, other = everything / "swag.safetensors", everything / "beside" / "deep-ensemble"
    evidence = EvidenceConfig(beside=(str(other / "deep-ensemble.safetensors"), str(main)))
    bench(BenchConfig(checkpoint=main, classifier=SMALL, transfer=FEW, evidence=evidence), tmp_path / "run")
    table = load_run(tmp_path / "run").evidence["beside"]
    assert list(dict.fromkeys(table["name"])) == ["swag", "deep-ensemble", "swag-2"]
    twin = table[table["name"] == "swag-2"]
    assert (twin["same_networks"] == 1).all()
    assert (twin["difference"] == 0).all()


def test_a_kind_that_can_not_be_attacked_is_told_and_does_not_stop_the_run(tmp_path):
    many = replace(FEW, attacks=["ensemble-pgd:networks=4,steps=2"], eps=[0.2])
    evidence = EvidenceConfig(beside=("deep-ensemble",), members=6)
    bench(config(transfer=many, evidence=evidence), tmp_path / "run")
    run = load_run(tmp_path / "run")
    assert "has 3 source networks" in run.record.beside["deep-ensemble"]
    assert run.evidence["beside"]["name"].tolist() == ["swag"]
    section = beside_section(run)
    assert section.paragraphs[-1].startswith("Not measured: deep-ensemble (")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"evidence": EvidenceConfig(beside=("swagg",))}, "beside swagg: .*did you mean swag"),
        ({"evidence": EvidenceConfig(beside=("none.safetensors",))}, "beside none.safetensors: "),
        ({"checkpoint": "x", "evidence": EvidenceConfig(beside=("ordinary",))}, "nothing is trained beside"),
        ({"transfer": replace(FEW, source=4)}, "beside deep-ensemble: .*3 source networks"),
    ],
)
def test_what_can_not_stand_beside_is_said_before_anything_is_computed(changes, message):
    wanted = config(**changes)
    with pytest.raises(InputError, match=message):
        beside_configs(wanted, SWAG, wanted.data.load("test"))


def test_one_member_is_no_ensemble():
    with pytest.raises(InputError, match="members 1 is out of range"):
        EvidenceConfig(beside=("deep-ensemble",), members=1)


def test_several_sources_are_asked_of_every_kind_but_a_single_network():
    wanted = config(evidence=EvidenceConfig(beside=("ordinary", "mc-dropout"), sources=3))
    configs = beside_configs(wanted, SWAG, wanted.data.load("test"))
    assert {kind: own.evidence.sources for kind, own in configs.items()} == {"ordinary": 1, "mc-dropout": 3}


def test_a_folder_of_state_dicts_is_of_the_main_networks_classifier(tmp_path):
    for index in range(4):
        torch.save(build_classifier("mnist", 10, seed=index).state_dict(), tmp_path / f"{index}.pt")
    wanted = config(evidence=EvidenceConfig(beside=(str(tmp_path),)))
    (beside,) = beside_configs(wanted, SWAG, wanted.data.load("test")).values()
    assert (beside.classifier, beside.transfer.networks) == ("mnist", 2)


def test_an_ensemble_with_too_few_networks_is_refused_before_it_is_trained(tmp_path):
    few = config(ensemble=EnsembleConfig(members=6), evidence=EvidenceConfig())
    with pytest.raises(InputError, match="has 3 fresh networks, not 7"):
        bench(few, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_an_ordinary_network_is_the_same_at_every_address_and_counts_once():
    ordinary = OrdinaryNetwork(TinyClassifier())
    images = torch.rand(4, 1, 8, 8)
    with torch.no_grad():
        expected = ordinary.classifier(images)
        for stream, index in (("source", 5), ("eot", 2), ("fresh", 0)):
            assert torch.equal(materialise(ordinary, Networks(1, stream, [index]))(images), expected)
    with pytest.raises(InputError, match="one network"):
        ordinary.sample(Networks(0, "fresh", [0, 1]))


def test_a_fingerprint_tells_networks_apart(untrained):
    first, again, other = (fingerprint(untrained.sample(Networks(seed, "fresh", [0]))) for seed in (0, 0, 1))
    assert first == again != other
