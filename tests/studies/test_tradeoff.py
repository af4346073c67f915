"""The study of the trade-off: what it measures of each state, counted again; what is refused."""

from dataclasses import replace

import pandas as pd
import pytest
import torch

from robust_hypergan.base.errors import InputError
from robust_hypergan.data.datasets import load_dataset, to_unit
from robust_hypergan.engine.ensemble import ensemble_logits
from robust_hypergan.models.classifiers import build_classifier
from robust_hypergan.models.hypergan import HyperGAN, HyperGANConfig
from robust_hypergan.models.networks import Networks
from robust_hypergan.models.ordinary import OrdinaryNetwork
from robust_hypergan.runs.bench_config import DataConfig
from robust_hypergan.storage.checkpoint import Checkpoint, save_checkpoint
from robust_hypergan.storage.snapshots import keep_snapshot
from robust_hypergan.studies.tradeoff import TradeoffConfig, run_tradeoff
from robust_hypergan.transferability.config import TransferConfig, choose_examples
from robust_hypergan.transferability.measurement import transfer
from tests.small_classifier import Small
from tests.small_classifier import __file__ as CLASSIFIER

SMALL = f"{CLASSIFIER}:Small"
FEW = {
    "data": DataConfig("mnist-5k"),
    "classifier": SMALL,
    "attacks": ("fgsm",),
    "eps": 0.3,
    "networks": 5,
    "images": 60,
    "examples": 80,
}
TRAINED = {"training": {"steps": 30}}


def hypergan(share, seed):
    sizes = HyperGANConfig(latent_dim=8, code_dim=4, hidden=8, noise_share=share)
    return HyperGAN(Small(), sizes, seed=seed)


def keep(folder, share, seed, *, steps=()):
    """A training of so much noise, with snapshots after these steps, each of a seed of its own."""
    folder.mkdir()
    path = folder / "hypergan.safetensors"
    for place, step in enumerate(steps):
        keep_snapshot(folder, step, Checkpoint(hypergan(share, seed + place), SMALL, 10, TRAINED))
    end = seed + max(0, len(steps) - 1)
    save_checkpoint(path, Checkpoint(hypergan(share, end), SMALL, 10, TRAINED))
    return path


def read(out):
    return pd.read_csv(out / "tradeoff.csv", keep_default_na=False, na_values={"estimate": [""]})


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("trainings")
    keep(folder / "few", 0.25, 1, steps=(10, 20))
    keep(folder / "much", 0.8, 3)
    return folder


@pytest.fixture(scope="module")
def table(folder, tmp_path_factory):
    out = tmp_path_factory.mktemp("study") / "out"
    checkpoints = [f"{folder}/few/hypergan.safetensors", f"noisy={folder}/much/hypergan.safetensors"]
    page = run_tradeoff(TradeoffConfig(checkpoints, **FEW), out)
    assert "Chosen" in page.read_text(encoding="utf-8")
    return read(out)


def test_snapshots_are_measured_and_a_training_without_any_at_its_end(table):
    states = table[["name", "noise_share", "step"]].drop_duplicates().to_numpy().tolist()
    assert states == [["noise share 0.25", 0.25, 10], ["noise share 0.25", 0.25, 20], ["noisy", 0.8, 30]]
    assert len(table) == 3 * 8


def test_what_is_measured_is_what_the_networks_do(table):
    dataset = load_dataset("mnist-5k", "test")
    chosen = choose_examples(dataset, 60, 0)
    images, labels = to_unit(dataset.images[chosen]), dataset.labels[chosen]
    own = hypergan(0.25, 2)
    logits = ensemble_logits(own.classifier, own.sample(Networks(0, "fresh", range(5))), images)
    answers = logits.argmax(2)
    rows = table[(table["name"] == "noise share 0.25") & (table["step"] == 20)]
    found = rows.set_index("measure")["estimate"]
    assert found["accuracy"] == pytest.approx((answers == labels).double().mean().item())
    vote = logits.softmax(2).double().mean(0).argmax(1) == labels
    assert found["vote"] == pytest.approx(vote.double().mean().item())
    apart = [(answers[i] != answers[j]).double().mean().item() for i in range(5) for j in range(i)]
    assert found["disagreement"] == pytest.approx(sum(apart) / len(apart))


def test_transfer_is_that_of_the_measurement_of_its_own(table):
    config = TransferConfig(("fgsm",), (0.3,), networks=5, examples=80)
    cell = transfer(hypergan(0.8, 3), load_dataset("mnist-5k", "test"), config).summary.iloc[0]
    rows = table[table["name"] == "noisy"].set_index("measure")
    assert rows.loc["transfer", "estimate"] == pytest.approx(cell["fooled_mean"])
    assert rows.loc["source_success", "estimate"] == pytest.approx(cell["source_success"])
    assert rows.loc["transfer", "attack"] == "fgsm"


def test_a_vote_is_behind_by_what_it_is_worse_than_the_best(table):
    votes = table.query("measure == 'vote'")["estimate"].to_numpy()
    behind = table.query("measure == 'vote_loss'")["estimate"].to_numpy()
    assert behind == pytest.approx(votes.max() - votes)


def test_an_interrupted_study_goes_on_where_it_was(folder, table, tmp_path, monkeypatch):
    checkpoints = [f"{folder}/few/hypergan.safetensors", f"noisy={folder}/much/hypergan.safetensors"]
    config = TradeoffConfig(checkpoints, **FEW)
    calls = []

    def interrupted(*arguments, **options):
        calls.append(arguments)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return transfer(*arguments, **options)

    monkeypatch.setattr("robust_hypergan.studies.tradeoff_measures.transfer", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run_tradeoff(config, tmp_path / "out")
    run_tradeoff(config, tmp_path / "out")
    assert len(calls) == 4  # the first state's is kept
    pd.testing.assert_frame_equal(read(tmp_path / "out"), table)


def test_other_networks_under_the_same_path_do_not_go_on_from_its_state(tmp_path, monkeypatch):
    config = TradeoffConfig([str(keep(tmp_path / "training", 0.25, 1, steps=(10, 20)))], **FEW)
    with monkeypatch.context() as patch:
        patch.setattr("robust_hypergan.studies.tradeoff._losses", interrupt)
        with pytest.raises(KeyboardInterrupt):
            run_tradeoff(config, tmp_path / "out")
    keep_snapshot(tmp_path / "training", 10, Checkpoint(hypergan(0.25, 9), SMALL, 10, {}))
    with pytest.raises(InputError, match="state of another trade-off"):
        run_tradeoff(config, tmp_path / "out")


def interrupt(*_):
    raise KeyboardInterrupt


def test_what_cannot_be_compared_is_refused_before_anything_is_written(folder, tmp_path):
    path = tmp_path / "ordinary.safetensors"
    torch.manual_seed(0)
    save_checkpoint(path, Checkpoint(OrdinaryNetwork(build_classifier("mnist", 10)), "mnist", 10, {}))
    twice = [f"{folder}/few/hypergan.safetensors"] * 2
    for checkpoints, message in (([str(path)], "no HyperGAN"), (twice, "two trainings are called")):
        config = TradeoffConfig(
            checkpoints, **(FEW | {"classifier": None if len(checkpoints) == 1 else SMALL})
        )
        with pytest.raises(InputError, match=message):
            run_tradeoff(config, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    with pytest.raises(InputError, match="nothing to compare"):
        TradeoffConfig()
    with pytest.raises(InputError, match="eps 2 is out of range"):
        TradeoffConfig(("a",), eps=2)


def test_a_snapshot_and_another_checkpoint_beside_snapshots_are_measured_alone(folder, table, tmp_path):
    other = folder / "few" / "other.safetensors"
    save_checkpoint(other, Checkpoint(hypergan(0.25, 3), SMALL, 10, TRAINED))
    early = folder / "few" / "snapshots" / "step-000010.safetensors"
    run_tradeoff(TradeoffConfig([f"early={early}", f"other={other}"], **FEW), tmp_path / "out")
    found = read(tmp_path / "out").query("measure != 'vote_loss'").set_index("name")
    assert found["step"].groupby(level=0).unique().map(list).to_dict() == {"early": [10], "other": [30]}
    own = table.query("name == 'noise share 0.25' and step == 10 and measure != 'vote_loss'")
    assert found.loc["early", "estimate"].tolist() == own["estimate"].tolist()
    assert found.loc["other", "estimate"].tolist() != own["estimate"].tolist()


def test_an_attack_that_fails_is_left_out_and_one_is_needed(folder, tmp_path):
    attacks = tmp_path / "attacks.py"
    attacks.write_text("def broken(model, inputs, labels, **options): raise ValueError('oh')")
    checkpoint = [f"{folder}/much/hypergan.safetensors"]
    broken = f"{attacks}:broken"
    config = TradeoffConfig(checkpoint, **FEW | {"attacks": (broken, "fgsm")})
    run_tradeoff(config, tmp_path / "out")
    assert [each for each in read(tmp_path / "out")["attack"] if each] == ["fgsm", "fgsm"]
    with pytest.raises(InputError, match=r"^no attack worked: .*oh"):
        run_tradeoff(TradeoffConfig(checkpoint, **FEW | {"attacks": (broken,)}), tmp_path / "none")


def test_a_state_without_an_attack_that_others_have_is_on_the_page(folder, tmp_path, monkeypatch):
    asked = iter([("fgsm",), ("fgsm",), ("noise",)])

    def some(hypergan, dataset, config, **options):
        return transfer(hypergan, dataset, replace(config, attacks=next(asked)), **options)

    monkeypatch.setattr("robust_hypergan.studies.tradeoff_measures.transfer", some)
    checkpoints = [f"{folder}/{name}/hypergan.safetensors" for name in ("few", "much")]
    config = TradeoffConfig(checkpoints, **FEW)
    page = run_tradeoff(config, tmp_path / "out").read_text(encoding="utf-8")
    assert "noise" in page


@pytest.mark.parametrize("said", [["a"], {"steps": "many"}, {"steps": None}, None])
def test_what_a_checkpoint_says_of_its_training_may_be_anything(said, tmp_path):
    path = tmp_path / "hypergan.safetensors"
    save_checkpoint(path, Checkpoint(hypergan(0.25, 1), SMALL, 10, {"training": said}))
    run_tradeoff(TradeoffConfig([str(path)], **FEW), tmp_path / "out")
    assert set(read(tmp_path / "out")["step"]) == {0}
