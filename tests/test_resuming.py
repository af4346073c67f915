"""A run that is broken off at any of its stages repeats that one alone, and its tables are the same."""

from dataclasses import replace
from functools import partial

import pandas as pd
import pytest

from robust_hypergan.attacks import registry
from robust_hypergan.base.errors import InputError
from robust_hypergan.evidence.measured import EvidenceConfig
from robust_hypergan.evidence.measurements import MEASUREMENTS
from robust_hypergan.measures.accuracy import measure_accuracy
from robust_hypergan.runs.bench_config import BenchConfig
from robust_hypergan.runs.benchmark import bench
from robust_hypergan.runs.run_folder import is_finished
from robust_hypergan.storage.checkpoint import save_checkpoint
from robust_hypergan.training.config import TrainConfig
from robust_hypergan.training.ensemble_training import EnsembleConfig
from robust_hypergan.transferability.config import TransferConfig
from robust_hypergan.transferability.measurement import transfer
from tests.killing import contents
from tests.small_classifier import __file__ as CLASSIFIER

CONFIG = BenchConfig(
    classifier=f"{CLASSIFIER}:Small",
    ensemble=EnsembleConfig("swag", snapshots=3, rank=2),
    training=TrainConfig(steps=20, networks=4, batch=32, codes=8),
    transfer=TransferConfig(attacks=["fgsm"], eps=[0.1, 0.2], networks=20, examples=40),
    evidence=EvidenceConfig(checks="off", outliers="noise", sources=2),
    save_adversarials=True,
)

STAGES = ["save_checkpoint", "measure_accuracy", "transfer", "write_gallery", *MEASUREMENTS, "write_report"]


class Stages:
    """Counts what is run, and breaks off after one of them."""

    def __init__(self, monkeypatch):
        self.count, self.broken = dict.fromkeys(STAGES, 0), None
        accuracy = partial(measure_accuracy, networks=3)
        for name, real in {"measure_accuracy": accuracy, "transfer": transfer}.items():
            monkeypatch.setattr(f"robust_hypergan.runs.benchmark.{name}", self.wrapped(name, real))
        for name in ("write_gallery", "write_report"):
            real = self.wrapped(name, lambda *_: None)
            monkeypatch.setattr(f"robust_hypergan.runs.benchmark.{name}", real)
        real = self.wrapped("save_checkpoint", save_checkpoint)
        monkeypatch.setattr("robust_hypergan.runs.preparation.save_checkpoint", real)
        for name, measure in MEASUREMENTS.items():
            monkeypatch.setitem(MEASUREMENTS, name, self.wrapped(name, measure))

    def wrapped(self, name, real):
        def stage(*arguments, **options):
            result = real(*arguments, **options)
            if name == self.broken:
                self.broken = None
                raise KeyboardInterrupt
            self.count[name] += 1
            return result

        return stage


@pytest.fixture
def stages(monkeypatch):
    return Stages(monkeypatch)


def test_a_run_that_is_broken_off_at_every_stage_ends_the_same(stages, tmp_path):
    bench(CONFIG, tmp_path / "whole")
    assert stages.count == dict.fromkeys(STAGES, 1)
    stages.count = dict.fromkeys(STAGES, 0)
    for stage in STAGES:
        stages.broken = stage
        with pytest.raises(KeyboardInterrupt):
            bench(CONFIG, tmp_path / "broken")
        assert not is_finished(tmp_path / "broken")
    bench(CONFIG, tmp_path / "broken")
    assert is_finished(tmp_path / "broken")
    first, second = (contents(tmp_path / name) for name in ("whole", "broken"))
    assert first.keys() == second.keys()
    assert [name for name in first if first[name] != second[name]] == []
    once = ["measure_accuracy", *MEASUREMENTS, "write_report"]
    assert {name: stages.count[name] for name in once} == dict.fromkeys(once, 1)
    with pytest.raises(InputError, match="holds a finished run"):
        bench(CONFIG, tmp_path / "broken")


def test_seconds_of_a_run_that_was_resumed_hold_those_before(stages, tmp_path):
    stages.broken = "transfer"
    with pytest.raises(KeyboardInterrupt):
        bench(CONFIG, tmp_path / "run")
    before = len(list((tmp_path / "run" / "progress").iterdir()))
    assert before == 3  # two cells and the fold
    result = bench(CONFIG, tmp_path / "run")
    assert result.seconds["transfer"] > 0
    assert result.seconds["crafting"] > 0
    assert len(pd.read_csv(tmp_path / "run" / "examples.csv")) == 2 * len(result.indices)


def test_a_cell_that_failed_stays_so_while_others_worked(stages, tmp_path, monkeypatch):
    monkeypatch.setitem(registry.BUILT_IN, "shaky", lambda *_, **__: 1 / 0)
    config = replace(CONFIG, transfer=replace(CONFIG.transfer, attacks=["fgsm", "shaky"]))
    stages.broken = "detection"
    with pytest.raises(KeyboardInterrupt):
        bench(config, tmp_path / "run")
    monkeypatch.setitem(registry.BUILT_IN, "shaky", lambda *arguments, **__: arguments[1])
    result = bench(config, tmp_path / "run")
    assert result.summary["status"].tolist() == ["done", "done", "failed", "failed"]


def test_where_no_attack_worked_all_are_tried_again(stages, tmp_path, monkeypatch):
    working = registry.BUILT_IN["fgsm"]
    monkeypatch.setitem(registry.BUILT_IN, "fgsm", lambda *_, **__: 1 / 0)
    with pytest.raises(InputError, match="no attack worked"):
        bench(CONFIG, tmp_path / "run")
    monkeypatch.setitem(registry.BUILT_IN, "fgsm", working)
    assert bench(CONFIG, tmp_path / "run").summary["status"].tolist() == ["done", "done"]
    assert stages.count["write_report"] == 1
