"""The study of diversity: what it measures, counted again; kinds with few networks; what is refused."""

import numpy as np
import pandas as pd
import pytest
import torch

from robust_hypergan.base.errors import InputError
from robust_hypergan.data.datasets import load_dataset, to_unit
from robust_hypergan.models.classifiers import MNISTClassifier
from robust_hypergan.models.deep_ensemble import DeepEnsemble
from robust_hypergan.models.hypergan import HyperGAN, HyperGANConfig
from robust_hypergan.models.mc_dropout import DropoutNetworks
from robust_hypergan.models.networks import Networks
from robust_hypergan.models.ordinary import OrdinaryNetwork
from robust_hypergan.models.parameters import bind, networks_of
from robust_hypergan.reports.studies.kinds import STUDIES
from robust_hypergan.reports.tables.study import load_study
from robust_hypergan.runs.bench_config import DataConfig
from robust_hypergan.storage.checkpoint import Checkpoint, save_checkpoint
from robust_hypergan.storage.snapshots import keep_snapshot
from robust_hypergan.studies.diversity import DiversityConfig, run_diversity
from robust_hypergan.transferability.config import choose_examples

SMALL = HyperGANConfig(latent_dim=8, code_dim=4, hidden=8)
FEW = {
    "networks": 6,
    "images": 60,
    "feature_networks": 4,
    "feature_images": 30,
    "weight_networks": 50,
    "weights": 3,
    "snapshot_networks": 4,
    "snapshot_images": 30,
}


def hypergan(seed):
    return HyperGAN(MNISTClassifier(), SMALL, seed=seed)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A training with snapshots, another without, and other kinds; all untrained."""
    folder = tmp_path_factory.mktemp("checkpoints")
    members = [MNISTClassifier().state_dict() for _ in range(4)]
    kinds = {
        "full/hypergan": (hypergan(1), "mnist"),
        "other/hypergan": (hypergan(4), "mnist"),
        "ensemble/deep-ensemble": (DeepEnsemble(MNISTClassifier(), members), "mnist"),
        "dropout/mc-dropout": (DropoutNetworks(MNISTClassifier(dropout=0.5), (1, 28, 28)), "mnist-dropout"),
        "ordinary/ordinary": (OrdinaryNetwork(MNISTClassifier()), "mnist"),
    }
    for name, (each, classifier) in kinds.items():
        path = folder / f"{name}.safetensors"
        path.parent.mkdir(exist_ok=True)
        save_checkpoint(path, Checkpoint(each, classifier, 10, {}))
    for training in ("full", "later"):
        (folder / training).mkdir(exist_ok=True)
        for step, seed in ((10, 2), (20, 1)):
            keep_snapshot(folder / training, step, Checkpoint(hypergan(seed), "mnist", 10, {}))
    return folder


@pytest.fixture(scope="module")
def finished(folder, tmp_path_factory):
    out = tmp_path_factory.mktemp("study") / "out"
    names = ("ensemble/deep-ensemble", "dropout/mc-dropout", "ordinary/ordinary", "other/hypergan")
    checkpoints = [
        f"full={folder}/full/hypergan.safetensors",
        *(f"{folder}/{name}.safetensors" for name in names),
    ]
    trainings = [str(folder / "full"), f"again={folder}/later"]
    config = DiversityConfig(checkpoints, DataConfig("mnist-5k"), trainings, **FEW)
    with pytest.MonkeyPatch.context() as patch:  # what the page looks like is tested on its own
        patch.setattr("robust_hypergan.studies.study.write_study", lambda out: out / "report.html")
        assert run_diversity(config, out) == out / "report.html"
    return out


def table(finished, stem):
    return pd.read_csv(finished / f"{stem}.csv")


def test_measures_of_pairs_are_those_of_the_networks(finished):
    dataset = load_dataset("mnist-5k", "test")
    chosen = choose_examples(dataset, 60, 0)
    images, labels = to_unit(dataset.images[chosen]), dataset.labels[chosen]
    networks = networks_of(hypergan(1).sample(Networks(0, "fresh", range(6))))
    answers = torch.stack([bind(MNISTClassifier(), each)(images).argmax(1) for each in networks])
    own = table(finished, "pairs").query("name == 'full'")
    assert len(own) == 15
    for row in own.to_dict("records"):
        first, second = answers[row["first"]], answers[row["second"]]
        assert row["disagreement"] == pytest.approx((first != second).double().mean().item())
        wrong = [set(torch.nonzero(each != labels).flatten().tolist()) for each in (first, second)]
        assert row["error_iou"] == pytest.approx(len(wrong[0] & wrong[1]) / len(wrong[0] | wrong[1]))
    measured = own["cka"].notna()
    assert measured.sum() == own["symmetric_kl"].notna().sum() == 6  # pairs of the first four networks
    assert own.loc[measured, "second"].max() == 3
    accuracy = table(finished, "networks").query("name == 'full'")["accuracy"]
    np.testing.assert_allclose(accuracy, (answers == labels).double().mean(1))
    summary = table(finished, "diversity").query("name == 'full'").set_index("measure")
    assert summary.loc["disagreement", "mean"] == pytest.approx(own["disagreement"].mean())
    assert summary.loc["cka", ["networks", "pairs"]].tolist() == [4, 6]
    assert (summary["ci_low"] <= summary["mean"]).all()
    assert (summary["mean"] <= summary["ci_high"]).all()


def test_layers_have_the_statistics_of_their_norms(finished):
    norms = table(finished, "norms").query("name == 'full' and layer == 'conv2'")["l2_norm"]
    row = table(finished, "layers").query("name == 'full' and layer == 'conv2'").iloc[0]
    assert (row["weights"], row["networks"]) == (32 * 32 * 25 + 32, 6)
    found = row[["mean", "sd", "relative_sd", "min", "max"]].astype(float)
    expected = [norms.mean(), norms.std(), norms.std() / norms.mean(), norms.min(), norms.max()]
    np.testing.assert_allclose(found, expected)


def test_kinds_with_few_networks_have_what_they_have(finished):
    sizes = table(finished, "networks").groupby("name").size().to_dict()
    assert sizes == {"full": 6, "deep-ensemble": 2, "mc-dropout": 6, "ordinary": 1, "hypergan": 6}
    summary = table(finished, "diversity").set_index(["name", "measure"])
    assert summary.loc[("deep-ensemble", "disagreement"), ["networks", "pairs"]].tolist() == [2, 1]
    assert np.isnan(summary.loc[("deep-ensemble", "disagreement"), "ci_low"])
    assert np.isnan(summary.loc[("ordinary", "relative_sd"), "mean"])
    assert ("ordinary", "disagreement") not in summary.index
    assert summary.loc[("mc-dropout", "relative_sd"), "mean"] == 0
    assert summary.loc[("mc-dropout", "disagreement"), "mean"] > 0


def test_snapshots_of_a_checkpoints_own_folder_and_of_another_are_measured(finished):
    along = table(finished, "along_training")
    steps = along.groupby("name", sort=False)["step"].unique()
    assert {name: own.tolist() for name, own in steps.items()} == {"full": [10, 20], "again": [10, 20]}
    last = along.query("name == 'full' and step == 20 and measure == 'relative_sd'").iloc[0]
    norms = table(finished, "norms").query("name == 'full' and network < 4")
    by_layer = norms.groupby("layer")["l2_norm"]
    assert last["mean"] == pytest.approx((by_layer.std() / by_layer.mean()).mean(), rel=1e-6)


def test_snapshots_beside_a_checkpoint_of_another_training_are_not_its_own(folder, tmp_path, monkeypatch):
    monkeypatch.setattr("robust_hypergan.studies.study.write_study", lambda out: out)
    other = folder / "full" / "other.safetensors"
    save_checkpoint(other, Checkpoint(hypergan(7), "mnist", 10, {}))
    checkpoints = (f"other={other}", f"full={folder}/full/hypergan.safetensors")
    run_diversity(DiversityConfig(checkpoints, DataConfig("mnist-5k"), **FEW), tmp_path / "out")
    assert set(table(tmp_path / "out", "along_training")["name"]) == {"full"}


def test_what_cannot_be_compared_is_refused_before_anything_is_written(folder, tmp_path):
    full, ordinary = (f"{folder}/{name}.safetensors" for name in ("full/hypergan", "ordinary/ordinary"))
    refused = [
        (((ordinary,), DataConfig("mnist-5k")), "one fresh network has no diversity"),
        (((), DataConfig("mnist-5k")), "no networks to study"),
        (((full,), DataConfig("mnist-5k"), (str(folder / "other"),)), "holds no snapshots"),
        (((f"a={full}",), DataConfig("mnist-5k"), (f"a={folder}/later",)), "two trainings are called a"),
    ]
    for arguments, message in refused:
        with pytest.raises(InputError, match=message):
            run_diversity(DiversityConfig(*arguments, **FEW), tmp_path / "out")
    assert not (tmp_path / "out").exists()
    with pytest.raises(InputError, match="networks 1 is out of range"):
        DiversityConfig((full,), networks=1)


def test_the_tables_are_those_that_the_page_is_made_of(finished):
    study = load_study(finished, STUDIES)
    names = [section.name.removeprefix("diversity-") for section in STUDIES["diversity"].sections(study)]
    assert names == ["diversity", "weights", "along-training", "filters", "single-weights"]


def test_the_same_study_gives_the_same_tables(folder, tmp_path, monkeypatch):
    monkeypatch.setattr("robust_hypergan.studies.study.write_study", lambda out: out)
    config = DiversityConfig((f"{folder}/other/hypergan.safetensors",), DataConfig("mnist-5k"), **FEW)
    for name in ("first", "second"):
        torch.manual_seed(len(name))
        run_diversity(config, tmp_path / name)
    stems = sorted(path.name for path in (tmp_path / "first").glob("*.csv"))
    assert "along_training.csv" not in stems
    for stem in stems:
        assert (tmp_path / "first" / stem).read_bytes() == (tmp_path / "second" / stem).read_bytes()
