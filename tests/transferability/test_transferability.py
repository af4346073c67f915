"""The golden run: every count of the tables is recounted from saved images and exported networks.

The recount shares no code with the measurement: it reads safetensors and CSV files, loads the networks
into a classifier written out again here, and counts in plain Python.
"""

import json
import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from robust_hypergan.attacks import registry
from robust_hypergan.base.errors import InputError
from robust_hypergan.data.datasets import load_dataset
from robust_hypergan.engine.ensemble import ensemble_logits
from robust_hypergan.evidence.measured import EvidenceConfig
from robust_hypergan.models.classifiers import MNISTClassifier
from robust_hypergan.models.deep_ensemble import DeepEnsemble
from robust_hypergan.models.hypergan import HyperGAN, HyperGANConfig
from robust_hypergan.models.networks import Networks, materialise
from robust_hypergan.runs.bench_config import BenchConfig
from robust_hypergan.runs.benchmark import bench
from robust_hypergan.storage.checkpoint import Checkpoint, save_checkpoint
from robust_hypergan.storage.export import export_networks
from robust_hypergan.training.config import TrainConfig
from robust_hypergan.training.loop import train
from robust_hypergan.transferability.cells import cell_record, load_cells, save_cell
from robust_hypergan.transferability.config import TransferConfig, choose_examples
from robust_hypergan.transferability.measurement import transfer

NETWORKS, SEED = 21, 4


class Independent(nn.Module):
    """The paper's MNIST classifier, written again."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.conv2, self.linear = nn.Conv2d(1, 32, 5), nn.Conv2d(32, 32, 5), nn.Linear(512, 10)

    def forward(self, x):
        x = nn.functional.relu(nn.functional.max_pool2d(self.conv1((x - 0.1307) / 0.3081), 2))
        x = nn.functional.relu(nn.functional.max_pool2d(self.conv2(x), 2))
        return self.linear(x.reshape(len(x), -1))


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    """A HyperGAN after a very short training: right often, wrong often enough."""
    hypergan = HyperGAN(MNISTClassifier(), HyperGANConfig(hidden=64, noise_share=0.8), seed=0)
    config = TrainConfig(
        steps=40, networks=3, batch=32, learning_rate=2e-3, warmup=5, codes=32, pretraining=5
    )
    train(hypergan, load_dataset("mnist-5k", "train"), config)
    path = tmp_path_factory.mktemp("golden") / "hypergan.safetensors"
    save_checkpoint(path, Checkpoint(hypergan, "mnist", 10, {}))
    return path


@pytest.fixture(scope="module")
def golden(checkpoint):
    """A finished transfer run with saved adversarials, and the networks it used, exported."""
    config = BenchConfig(
        checkpoint=checkpoint,
        transfer=TransferConfig(
            ("fgsm", "pgd:steps=5", "noise"), (0.1, 0.2), networks=NETWORKS, examples=40, seed=SEED
        ),
        evidence=EvidenceConfig(checks="off"),
        save_adversarials=True,
    )
    run = checkpoint.parent / "run"
    bench(config, run)
    export_networks(checkpoint, "fresh", range(NETWORKS), SEED, checkpoint.parent / "fresh")
    export_networks(checkpoint, "source", range(1), SEED, checkpoint.parent / "source")
    return run


def predictions(file, images):
    """Logits and predicted classes of one exported network."""
    network = Independent()
    network.load_state_dict(load_file(file))
    with torch.no_grad():
        logits = network(images)
    return logits, logits.argmax(1).tolist()


def test_every_row_is_recounted_by_independent_code(golden):
    tables = {name: pd.read_csv(golden / f"{name}.csv") for name in ("examples", "networks", "summary")}
    files = sorted((golden / "adversarials").glob("*.safetensors"))
    assert len(files) == len(tables["summary"]) == 6
    split = load_dataset("mnist-5k", "test")
    fresh_files = sorted((golden.parent / "fresh").iterdir())
    source_file = golden.parent / "source" / "source-000000.safetensors"
    for file in files:
        attack, eps = file.stem.rsplit("-", 1)
        attack = attack.replace("pgd-", "pgd:")
        saved = load_file(file)
        images, labels, indices = saved["adversarials"], saved["labels"].tolist(), saved["examples"].tolist()
        clean = split.images[indices] / 255
        assert labels == split.labels[indices].tolist()
        assert predictions(source_file, clean)[1] == labels  # initially correct
        rows, networks, summary = (
            table[(table["attack"] == attack) & (table["eps"] == float(eps))] for table in tables.values()
        )
        assert rows["example"].tolist() == indices

        source = predictions(source_file, images)[1]
        adversarial = [predictions(each, images) for each in fresh_files]
        on_clean = [predictions(each, clean) for each in fresh_files]
        for position, row in enumerate(rows.itertuples()):
            label = labels[position]
            answers = [answer[position] for _, answer in adversarial]
            right_before = [answer[position] == label for _, answer in on_clean]
            wrong = [answer for answer in answers if answer != label]
            assert row.source_fooled == (source[position] != label)
            assert row.fooled == len(wrong)
            assert row.fooled_fraction == pytest.approx(len(wrong) / NETWORKS)
            assert row.networks_correct == sum(right_before)
            flips = sum(
                before and after != label for before, after in zip(right_before, answers, strict=True)
            )
            assert row.flipped == flips
            if wrong:
                assert row.wrong_share == pytest.approx(max(map(wrong.count, wrong)) / len(wrong))
                assert wrong.count(int(row.wrong_label)) == max(map(wrong.count, wrong))
            else:
                assert math.isnan(row.wrong_label)
            for column, answers_of in (("entropy_clean", on_clean), ("entropy_adversarial", adversarial)):
                mean = torch.stack([logits[position].double().softmax(0) for logits, _ in answers_of]).mean(0)
                assert getattr(row, column) == pytest.approx(-(mean * mean.log()).sum().item(), abs=1e-5)
            low, high = wilson(len(wrong), NETWORKS)
            assert (row.ci_low, row.ci_high) == (pytest.approx(low, abs=1e-9), pytest.approx(high, abs=1e-9))
            delta = (images[position] - clean[position]).flatten()
            assert row.linf == pytest.approx(delta.abs().max().item(), abs=1e-6)
            assert row.linf <= float(eps) * (1 + 1e-5)
            assert row.l2 == pytest.approx(delta.square().sum().sqrt().item(), rel=1e-5)

        hits = [position for position in range(len(labels)) if source[position] != labels[position]]
        fresh = networks[networks["role"] == "fresh"]
        assert fresh["network"].tolist() == list(range(NETWORKS))
        for row, (_, answers) in zip(fresh.itertuples(), adversarial, strict=True):
            assert row.examples == len(hits)
            assert row.fooled == sum(answers[position] != labels[position] for position in hits)
        (own,) = networks[networks["role"] == "source"].itertuples()
        assert (own.examples, own.fooled) == (len(labels), len(hits))
        (total,) = summary.itertuples()
        assert total.source_success == pytest.approx(len(hits) / len(labels))
        if hits:
            fractions = [rows["fooled"].iloc[position] / NETWORKS for position in hits]
            assert total.fooled_mean == pytest.approx(np.mean(fractions))
            assert total.fools_all == pytest.approx(np.mean([each == 1 for each in fractions]))
        assert total.fooled_mean_all == pytest.approx((rows["fooled"] / NETWORKS).mean())


def wilson(successes, trials):
    """Wilson's formula, written out."""
    z, share = 1.959963984540054, successes / trials
    centre = (share + z * z / (2 * trials)) / (1 + z * z / trials)
    reach = z / (1 + z * z / trials) * math.sqrt(share * (1 - share) / trials + z * z / (4 * trials**2))
    return max(0.0, centre - reach), min(1.0, centre + reach)


def test_the_clean_accuracy_of_each_network_is_over_all_tried_examples(golden):
    networks = pd.read_csv(golden / "networks.csv").query(
        "attack == 'fgsm' and eps == 0.1 and role == 'fresh'"
    )
    split = load_dataset("mnist-5k", "test")
    chosen = choose_examples(split, 40, SEED)
    files = sorted((golden.parent / "fresh").iterdir())
    for row, file in zip(networks.itertuples(), files, strict=True):
        right = np.array(predictions(file, split.images[chosen] / 255)[1]) == split.labels[chosen].numpy()
        assert row.clean_accuracy == pytest.approx(right.mean())


def test_a_finished_run_states_what_it_did(golden):
    record = json.loads((golden / "run.json").read_text())
    assert record["status"] == "done"
    assert record["data"]["sha256"] == load_dataset("mnist-5k", "test").sha256
    assert record["source"] == {"seed": SEED, "stream": "source", "index": 0}
    fingerprinted = record["fresh"].pop("sha256")
    assert len(fingerprinted) == 64
    assert record["fresh"] == {"seed": SEED, "stream": "fresh", "start": 0, "stop": NETWORKS}
    assert record["examples"]["tried"] == 40
    assert [cell["audit"]["repaired"] for cell in record["cells"]] == [0] * 6
    for name in ("summary.csv", "report.html", "report.md", "gallery.csv", "figures/transfer.svg"):
        assert (golden / name).exists()


def test_saved_adversarials_are_tried_again_with_the_same_counts(golden, checkpoint, tmp_path):
    config = BenchConfig(
        checkpoint=checkpoint,
        transfer=TransferConfig(networks=NETWORKS, seed=SEED),
        evidence=EvidenceConfig(checks="off"),
        adversarials=golden / "adversarials",
    )
    again = bench(config, tmp_path / "again").examples
    first = pd.read_csv(golden / "examples.csv")
    keys = ["attack", "eps", "example"]
    for column in ("label", "source_fooled", "fooled", "flipped"):
        pd.testing.assert_series_equal(
            again.sort_values(keys)[column].reset_index(drop=True),
            first.sort_values(keys)[column].reset_index(drop=True),
            check_dtype=False,
        )


def test_adversarials_of_other_images_are_refused(golden, checkpoint, tmp_path):
    from dataclasses import replace

    from robust_hypergan.runs.bench_config import DataConfig

    config = BenchConfig(checkpoint=checkpoint, adversarials=golden / "adversarials")
    other = replace(config, data=DataConfig("fashion-1k"))
    with pytest.raises(InputError, match="other images than fashion-1k"):
        bench(other, tmp_path / "other")
    assert not (tmp_path / "other").exists()


@pytest.fixture
def quick():
    return TransferConfig(("fgsm",), (0.1,), networks=5, examples=30, seed=2)


def test_results_do_not_depend_on_the_block_of_networks(trained, test_set, quick, monkeypatch):
    whole = transfer(trained, test_set, quick)
    monkeypatch.setattr("robust_hypergan.engine.ensemble.NETWORK_BLOCK", 2)
    blocks = transfer(trained, test_set, quick)
    pd.testing.assert_frame_equal(whole.examples, blocks.examples, check_exact=True)
    pd.testing.assert_frame_equal(whole.networks, blocks.networks, check_exact=True)


def test_results_do_not_depend_on_what_an_attack_does_to_the_global_state(
    trained, test_set, quick, monkeypatch
):
    def reseeding(model, inputs, labels, **options):
        torch.manual_seed(0)
        return registry.fgsm(model, inputs, labels, **options)

    first = transfer(trained, test_set, quick)
    monkeypatch.setitem(registry.BUILT_IN, "fgsm", reseeding)
    second = transfer(trained, test_set, quick)
    pd.testing.assert_frame_equal(first.examples, second.examples, check_exact=True)


def test_an_attack_that_fails_fails_its_own_cells_only(trained, test_set, monkeypatch):
    monkeypatch.setitem(registry.BUILT_IN, "broken", lambda model, inputs, labels, **_: inputs[:1])
    config = TransferConfig(("broken", "fgsm"), (0.1, 0.2), networks=4, examples=30)
    result = transfer(trained, test_set, config)
    assert result.summary["status"].tolist() == ["failed", "failed", "done", "done"]
    assert set(result.examples["attack"]) == {"fgsm"}
    assert "returned (1, 1, 8, 8)" in result.summary["audit"].iloc[0]


def test_the_l2_norm_and_one_network(trained, test_set):
    config = TransferConfig(("pgd:steps=3",), (1.5,), norm="l2", networks=1, examples=90)
    result = transfer(trained, test_set, config)
    assert result.examples["l2"].max() <= 1.5 * (1 + 1e-5)
    assert set(result.examples["fooled"]) <= {0, 1}


def test_with_a_target_only_its_answers_count_and_its_images_are_left_out(trained, test_set, tmp_path):
    config = TransferConfig(("noise",), (0.7,), networks=6, examples=90, seed=1, target=2)
    result = transfer(trained, test_set, config)
    (cell,), rows = result.cells, result.examples
    assert cell_record(cell)["target"] == 2
    assert 2 not in set(rows["label"])
    assert result.tried == int((test_set.labels != 2).sum())  # all 90 were asked for
    fresh = trained.sample(Networks(1, "fresh", range(6)))
    answers = ensemble_logits(trained.classifier, fresh, cell.adversarials).argmax(2)  # (6, n)
    before = ensemble_logits(trained.classifier, fresh, result.clean).argmax(2) == result.labels
    assert rows["fooled"].tolist() == (answers == 2).sum(0).tolist()
    assert rows["flipped"].tolist() == ((answers == 2) & before).sum(0).tolist()
    assert (answers == 2).any()
    assert ((answers != 2) & (answers != result.labels)).any()  # wrong, but not what was asked for
    assert set(rows["wrong_label"].dropna()) == {2}
    assert set(rows["wrong_share"].dropna()) == {1.0}
    assert rows["source_fooled"].tolist() == (cell.source_labels == 2).tolist()
    hits = (cell.source_labels == 2).tolist()
    assert result.networks.query("role == 'fresh'")["fooled"].tolist() == [
        sum(hit and answer == 2 for hit, answer in zip(hits, row, strict=True)) for row in answers.tolist()
    ]

    save_cell(tmp_path, result.kept(cell, ""))
    again = transfer(trained, test_set, TransferConfig(networks=6, seed=1), saved=load_cells(tmp_path))
    assert again.examples.equals(result.examples)
    assert again.networks.equals(result.networks)  # with the accuracies on all images that were tried
    assert (again.tried, again.chosen) == (result.tried, result.chosen)


def test_in_a_notebook_a_result_shows_its_table_and_its_figure(trained, test_set):
    result = transfer(trained, test_set, TransferConfig(attacks=["fgsm"], eps=[0.2], networks=3, examples=20))
    shown = result._repr_html_()
    assert "fgsm, L\u221e eps 0.2" in shown
    assert 'src="data:image/svg+xml;base64,' in shown


def test_a_target_that_is_no_class_is_refused(trained, test_set):
    with pytest.raises(InputError, match="target 3 is out of range: it must be at least 0 and at most 2"):
        transfer(trained, test_set, TransferConfig(target=3))


def test_examples_are_the_same_for_a_seed_and_spread_over_the_split(test_set):
    chosen = choose_examples(test_set, 30, 7)
    assert torch.equal(chosen, choose_examples(test_set, 30, 7))
    assert not torch.equal(chosen, choose_examples(test_set, 30, 8))
    assert len(set(chosen.tolist())) == 30
    assert chosen.max() > 45
    with pytest.raises(InputError, match="90 test images, not 91"):
        choose_examples(test_set, 91, 7)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"eps": (0.0,)}, r"eps 0 is out of range: it must be in \(0, 1\]"),
        ({"eps": (1.5,)}, "eps 1.5 is out of range"),
        ({"eps": (-1.0,), "norm": "l2"}, "above 0"),
        ({"eps": (float("nan"),)}, "out of range"),
        ({"eps": ()}, "nothing to do"),
        ({"attacks": ()}, "nothing to do"),
        ({"attacks": ("fgsm", "fgsm")}, "given twice"),
        ({"attacks": ("fgms",)}, "did you mean fgsm"),
        ({"norm": "l3"}, "unknown norm 'l3'"),
        ({"networks": 0}, "networks 0 is out of range: it must be at least 1 and at most 100,000"),
        ({"networks": 100_001}, "networks 100,001 is out of range"),
        ({"examples": 0}, "examples 0 is out of range"),
        ({"target": -1}, "target -1 is out of range"),
        ({"source": -1}, "source -1 is out of range"),
    ],
)
def test_settings_out_of_range_are_refused(settings, message):
    with pytest.raises(InputError, match=message):
        TransferConfig(**settings)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"attacks": "fgsm"}, r"attacks takes a list, as in \['fgsm'\]"),
        ({"eps": 0.1}, r"eps takes a list, as in \[0.1\]"),
        ({"eps": np.array([])}, "nothing to do"),
    ],
)
def test_what_is_no_list_is_refused(given, message):
    with pytest.raises(InputError, match=message):
        TransferConfig(**given)
    assert TransferConfig(eps=np.linspace(0.1, 0.2, 2)) == TransferConfig(eps=[0.1, 0.2])


def test_saved_images_name_the_network_that_they_were_made_against(trained, test_set, tmp_path):
    first = transfer(trained, test_set, TransferConfig(("fgsm",), (0.2,), networks=3, examples=40, source=2))
    save_cell(tmp_path, first.kept(first.cells[0], ""))
    again = transfer(trained, test_set, TransferConfig(networks=3), saved=load_cells(tmp_path))
    for result in (first, again):
        assert result.networks.query("role == 'source'")["network"].tolist() == [2]


def test_a_near_tie_is_named_by_its_cell_and_its_image(trained, test_set):
    config = TransferConfig(("fgsm", "noise"), (0.1,), networks=2, examples=60, target=1)
    result = transfer(trained, test_set, config)
    result.fold.near_ties.found = [[0, 59], [1, 60], [1, 60 + len(result.indices) + 2]]
    rows = result.fold.near_ties_table(result.chosen, result.indices)
    assert rows["attack"].tolist() == ["clean", "fgsm", "noise"]
    assert rows["example"].tolist() == [result.chosen[59], result.indices[0], result.indices[2]]


def test_easy_images_do_not_make_another_network_the_attacked_one(trained, test_set):
    first = transfer(trained, test_set, TransferConfig(("noise",), (0.001,), networks=2, examples=60))
    kept = first.kept(first.cells[0], "")
    members = [materialise(trained, Networks(0, "eot", [index])).state_dict() for index in range(4)]
    other = DeepEnsemble(trained.classifier, members)
    few = TransferConfig(networks=2)
    assert transfer(trained, test_set, few, saved=[kept]).source_here
    assert not transfer(other, test_set, few, saved=[kept]).source_here
    far = replace(kept, source=Networks(0, "source", [99]))  # which an ensemble does not have
    assert not transfer(other, test_set, few, saved=[far]).source_here
