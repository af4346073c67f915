"""Uncertainty of inliers and outliers, counted again; kinds that have few networks; what is refused."""

import json
import math

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file

from robust_hypergan.base.errors import InputError
from robust_hypergan.data.datasets import load_dataset, to_unit
from robust_hypergan.engine.ensemble import ensemble_logits
from robust_hypergan.models.classifiers import MNISTClassifier
from robust_hypergan.models.deep_ensemble import DeepEnsemble
from robust_hypergan.models.hypergan import HyperGAN, HyperGANConfig
from robust_hypergan.models.networks import Networks, without_attacker
from robust_hypergan.models.ordinary import OrdinaryNetwork
from robust_hypergan.runs.bench_config import DataConfig
from robust_hypergan.storage.checkpoint import Checkpoint, save_checkpoint
from robust_hypergan.studies.out_of_distribution import OutOfDistributionConfig, run_out_of_distribution
from robust_hypergan.transferability.config import choose_examples

SMALL = HyperGANConfig(latent_dim=8, code_dim=4, hidden=8)
IMAGES, NETWORKS = 40, (1, 2, 5)


@pytest.fixture(scope="module")
def kinds():
    """Untrained networks of three kinds; the ensemble keeps one of its three members for an attacker."""
    members = [MNISTClassifier().state_dict() for _ in range(3)]
    return {
        "hypergan": HyperGAN(MNISTClassifier(), SMALL, seed=1),
        "deep-ensemble": DeepEnsemble(MNISTClassifier(), members),
        "ordinary": OrdinaryNetwork(MNISTClassifier()),
    }


@pytest.fixture(scope="module")
def checkpoints(kinds, tmp_path_factory):
    folder = tmp_path_factory.mktemp("checkpoints")
    for name, each in kinds.items():
        save_checkpoint(folder / name, Checkpoint(each, "mnist", 10, {}))
    return tuple(str(folder / name) for name in kinds)


@pytest.fixture(scope="module")
def finished(checkpoints, tmp_path_factory):
    out = tmp_path_factory.mktemp("study") / "out"
    config = OutOfDistributionConfig(
        checkpoints,
        DataConfig("mnist-5k"),
        ("fashion-1k", "noise"),
        networks=NETWORKS,
        images=IMAGES,
        pictures=3,
    )
    assert run_out_of_distribution(config, out, quiet=True) == out / "report.html"
    return out


def probabilities(distribution, networks, data):
    """The softmax ``(M, n, classes)`` of the chosen images, the plain way."""
    dataset = load_dataset(data, "test")
    images = to_unit(dataset.images[choose_examples(dataset, IMAGES, 0)])
    params = [distribution.sample(each) for each in networks]
    logits = [ensemble_logits(distribution.classifier, each, images, backend="loop") for each in params]
    return torch.cat(logits).double().softmax(2).numpy()


@pytest.mark.parametrize(("name", "count"), [("hypergan", 5), ("hypergan", 1), ("deep-ensemble", 3)])
def test_entropies_and_areas_are_those_of_the_networks(finished, kinds, name, count):
    networks = without_attacker(kinds[name], 0, count)
    p = {data: probabilities(kinds[name], networks, data) for data in ("mnist-5k", "fashion-1k")}
    entropy = {data: -(each.mean(0) * np.log(each.mean(0))).sum(1) for data, each in p.items()}
    rows = pd.read_csv(finished / "entropy.csv").query("name == @name and networks == @count")
    for data, values in entropy.items():
        assert rows.loc[rows["data"] == data, "median"].iloc[0] == pytest.approx(np.median(values), abs=1e-6)
        assert rows.loc[rows["data"] == data, "examples"].iloc[0] == IMAGES
    higher = entropy["fashion-1k"][:, None] > entropy["mnist-5k"]
    ood = pd.read_csv(finished / "ood.csv").query(
        "name == @name and networks == @count and data == 'fashion-1k'"
    )
    ood = ood.drop_duplicates("score").set_index("score")
    assert ood.loc["entropy", "auroc"] == pytest.approx(higher.mean(), abs=5e-3)
    if count > 1:
        spread = {data: each.var(0).sum(1) for data, each in p.items()}
        higher = spread["fashion-1k"][:, None] > spread["mnist-5k"]
        assert ood.loc["variance", "auroc"] == pytest.approx(higher.mean(), abs=5e-3)
    else:
        assert ood.loc[["mutual_information", "variance"], "auroc"].isna().all()


def test_kinds_with_fewer_networks_use_those_they_have(finished):
    rows = pd.read_csv(finished / "ood.csv")
    used = {(row["name"], row["asked"]): row["networks"] for row in rows.to_dict("records")}
    assert [used["hypergan", asked] for asked in NETWORKS] == [1, 2, 5]
    assert [used["deep-ensemble", asked] for asked in NETWORKS] == [1, 2, 3]
    assert [used["ordinary", asked] for asked in NETWORKS] == [1, 1, 1]


def test_an_ensemble_that_nobody_attacks_has_all_its_members(kinds):
    (fresh, kept) = without_attacker(kinds["deep-ensemble"], 4, 9)
    assert (fresh.stream, list(fresh.indices), kept.stream, list(kept.indices)) == (
        "fresh",
        [0, 1],
        "source",
        [0],
    )
    assert [len(each) for each in without_attacker(kinds["deep-ensemble"], 0, 2)] == [2]
    assert [len(each) for each in without_attacker(kinds["ordinary"], 0, 9)] == [1]
    assert without_attacker(kinds["hypergan"], 7, 9) == [Networks(7, "fresh", range(9))]


def test_a_name_given_again_is_another_training(checkpoints, tmp_path):
    save_checkpoint(
        tmp_path / "other", Checkpoint(HyperGAN(MNISTClassifier(), SMALL, seed=2), "mnist", 10, {})
    )
    names = [f"a={checkpoints[0]}", checkpoints[0], f"a={tmp_path}/other", f"ordinary={checkpoints[0]}"]
    names += [checkpoints[0], checkpoints[2]]
    config = OutOfDistributionConfig(tuple(names), outliers=("noise",), networks=(2,), images=10)
    run_out_of_distribution(config, tmp_path / "out", quiet=True)
    assert pd.read_csv(tmp_path / "out" / "ood.csv")["name"].unique().tolist() == [
        "a",
        "hypergan",
        "ordinary",
        "hypergan-2",
        "ordinary-2",
    ]
    rows = pd.read_csv(tmp_path / "out" / "ood_trainings.csv").query("score == 'entropy'")
    found = list(rows[["name", "training"]].itertuples(index=False, name=None))
    alone = [("hypergan", 1), ("ordinary", 1), ("hypergan-2", 1), ("ordinary-2", 1)]
    assert found == [("a", 1), ("a", 2), *alone]
    areas = rows.set_index(["name", "training"])["auroc"]
    assert areas["a", 1] == areas["hypergan", 1] != areas["a", 2]


@pytest.mark.parametrize(
    ("second", "message"),
    [
        (0, "a: the same networks are given twice: give each training once"),
        (2, "a: hypergan and ordinary are not trainings of the same: measure them apart"),
    ],
)
def test_what_is_not_another_training_of_the_same_is_refused(checkpoints, tmp_path, second, message):
    config = OutOfDistributionConfig((f"a={checkpoints[0]}", f"a={checkpoints[second]}"), outliers=("noise",))
    with pytest.raises(InputError, match=message):
        run_out_of_distribution(config, tmp_path / "new", quiet=True)
    assert not (tmp_path / "new").exists()


def test_the_gallery_holds_the_least_sure_inliers_and_the_surest_outliers(finished, kinds):
    gallery = pd.read_csv(finished / "gallery.csv", dtype={"label": str, "predicted": str})
    images = load_file(finished / "gallery.safetensors")["images"]
    assert len(gallery) == len(images) == 9
    for data, worst in (("mnist-5k", -1), ("fashion-1k", 1)):
        mean = probabilities(kinds["hypergan"], [Networks(0, "fresh", range(5))], data).mean(0)
        entropy = -(mean * np.log(mean)).sum(1)
        dataset = load_dataset(data, "test")
        chosen = choose_examples(dataset, IMAGES, 0).numpy()[np.argsort(worst * entropy)[:3]]
        rows = gallery[gallery["data"] == data]
        assert rows["image"].tolist() == chosen.tolist()
        assert rows["predicted"].tolist() == [
            str(each) for each in mean[np.argsort(worst * entropy)[:3]].argmax(1)
        ]
        assert rows["label"].tolist() == [dataset.classes[dataset.labels[image]] for image in chosen]
        assert torch.equal(images[rows["row"].tolist()], dataset.images[chosen])


def test_the_record_names_the_data_and_the_settings(finished):
    record = json.loads((finished / "run.json").read_text())
    assert record["study"] == "uncertainty"
    assert record["data"]["mnist-5k"] == load_dataset("mnist-5k", "test").sha256
    assert list(record["data"]) == ["mnist-5k", "fashion-1k", "noise"]
    assert record["config"]["networks"] == list(NETWORKS)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"networks": ()}, "no number of networks"),
        ({"networks": (0,)}, "networks 0 is out of range"),
        ({"images": 1}, "images 1 is out of range"),
    ],
)
def test_settings_out_of_range_are_refused(changed, message):
    with pytest.raises(InputError, match=message):
        OutOfDistributionConfig(("x",), **changed)


def test_what_does_not_fit_is_refused_before_a_folder_is_made(checkpoints, tmp_path):
    for outliers, paths in ((("nothing-known",), checkpoints), ((), (str(tmp_path / "none"),))):
        with pytest.raises(InputError):
            run_out_of_distribution(OutOfDistributionConfig(paths, outliers=outliers), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_no_pictures_and_the_usual_outliers(checkpoints, tmp_path):
    config = OutOfDistributionConfig(checkpoints[2:], networks=(1,), images=10, pictures=0)
    run_out_of_distribution(config, tmp_path, quiet=True)
    assert set(pd.read_csv(tmp_path / "ood.csv")["data"]) == {"fashion-1k"}
    assert len(pd.read_csv(tmp_path / "gallery.csv")) == 0
    assert math.isnan(pd.read_csv(tmp_path / "ood.csv")["auroc"].iloc[1])
