"""The study of the paper's Figure 4 goes on where it was broken off, and its tables are the same."""

import pandas as pd
import pytest
import torch

from robust_hypergan.models.hypergan import HyperGAN, HyperGANConfig
from robust_hypergan.models.ordinary import OrdinaryNetwork
from robust_hypergan.runs.bench_config import DataConfig
from robust_hypergan.storage.checkpoint import Checkpoint, save_checkpoint
from robust_hypergan.studies import adversarial
from robust_hypergan.studies.adversarial import AdversarialConfig, run_adversarial
from tests.killing import contents
from tests.small_classifier import Small
from tests.small_classifier import __file__ as CLASSIFIER

SMALL = f"{CLASSIFIER}:Small"


def test_what_was_measured_of_a_source_is_not_measured_again(tmp_path, monkeypatch):
    path = tmp_path / "hypergan.safetensors"
    hypergan = HyperGAN(Small(), HyperGANConfig(latent_dim=8, code_dim=4, hidden=8))
    save_checkpoint(path, Checkpoint(hypergan, SMALL, 10, {}))
    size = {"eps": (0.1, 0.3), "sources": 3, "networks": 20, "examples": 40}
    config = AdversarialConfig((f"a={path}",), DataConfig("mnist-5k"), SMALL, **size)
    run_adversarial(config, tmp_path / "whole")
    measured, broken, real = [], [], adversarial.transfer

    def watched(distribution, dataset, own, **options):
        measured.append(own.source)
        result = real(distribution, dataset, own, **options)
        if own.source == 1 and not broken:
            broken.append(sorted(each.name for each in options["folder"].iterdir()))
            raise KeyboardInterrupt
        return result

    monkeypatch.setattr(adversarial, "transfer", watched)
    with pytest.raises(KeyboardInterrupt):
        run_adversarial(config, tmp_path / "broken")
    assert broken == [[f"cell-1-{number}.safetensors" for number in range(4)] + ["transfer.safetensors"]]
    assert not (tmp_path / "broken" / "progress" / "0-0" / "states").exists()
    run_adversarial(config, tmp_path / "broken")
    assert measured == [0, 1, 1, 2]
    first, second = (contents(tmp_path / name) for name in ("whole", "broken"))
    tables = [name for name in first if str(name).endswith(".csv")]
    assert len(tables) == 2
    assert [name for name in tables if first[name] != second[name]] == []


def test_a_network_that_is_every_source_is_attacked_once(tmp_path):
    path = tmp_path / "ordinary.safetensors"
    torch.manual_seed(0)
    save_checkpoint(path, Checkpoint(OrdinaryNetwork(Small()), SMALL, 10, {}))
    config = AdversarialConfig(
        (str(path),), DataConfig("mnist-5k"), SMALL, eps=(0.1,), sources=3, networks=1, examples=30
    )
    run_adversarial(config, tmp_path / "run")
    assert pd.read_csv(tmp_path / "run" / "adversarial.csv")["source"].tolist() == [0, 0]
