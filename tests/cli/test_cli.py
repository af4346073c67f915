"""The command line as a user meets it: a real process, its exit code, and one line for what went wrong."""

import json
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import click
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file

from robust_hypergan.cli.main import cli
from robust_hypergan.models.networks import Networks
from robust_hypergan.models.parameters import fingerprint
from robust_hypergan.runs.bench_config import BenchConfig
from robust_hypergan.storage.checkpoint import load_checkpoint
from robust_hypergan.training.config import TRAINING_PRECISIONS
from robust_hypergan.transferability.cells import Cell, SavedCell, load_cells, save_cell
from tests.small_classifier import Small
from tests.small_classifier import __file__ as CLASSIFIER

ROOT = Path(__file__).parents[2]
COMMANDS = sorted(cli.commands)
OWN = ["--classifier", f"{CLASSIFIER}:Small"]
SMALL = [*OWN, "--steps", "20", "--train-networks", "2", "--batch", "16", "--quiet"]
FEW = [*OWN, "--networks", "5", "--examples", "30", "--attack", "fgsm", "--eps", "0.2"]


def run(*arguments, cwd=None):
    command = [sys.executable, "-m", "robust_hypergan", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, check=False, timeout=300)


def refused(*arguments, cwd=None):
    """The single line that a refused command prints."""
    done = run(*arguments, cwd=cwd)
    assert (done.returncode, done.stdout) == (2, ""), done.stderr
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("robust-hypergan: ")
    return done.stderr


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A small, complete run."""
    out = tmp_path_factory.mktemp("cli") / "run"
    done = run("bench", *SMALL, *FEW, "--out", out)
    assert done.returncode == 0, done.stderr
    assert done.stdout.rstrip().endswith("report.html")
    return out


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_with_an_example_and_stands_in_the_readme(name):
    done = run(name, "--help")
    assert done.returncode == 0
    assert f"Example:\n    robust-hypergan {name}" in done.stdout
    assert f"robust-hypergan {name}" in (ROOT / "README.md").read_text()


def test_bench_takes_every_option_of_train_and_of_transfer_but_saved_images():
    options = {name: {each.name for each in cli.commands[name].params} for name in COMMANDS}
    assert options["train"] | options["transfer"] - {"adversarials"} == options["bench"]


def test_the_readme_says_which_commands_take_what_is_shared():
    assert "Every command but `report` and `attacks` takes" in (ROOT / "README.md").read_text()
    for name in COMMANDS:
        shared = {"seed", "device", "quiet", "config"} & {each.name for each in cli.commands[name].params}
        assert len(shared) == (0 if name in ("report", "attacks") else 4)


def test_what_a_reproduction_makes_is_listed_without_a_folder(in_process, tmp_path):
    code, everything, told = in_process("reproduce", "--list", cwd=tmp_path)
    assert (code, told) == (0, "")
    assert "\nuncertainty-mnist-5k: mnist-5k-hypergan-0, " in everything
    code, some, told = in_process("reproduce", "--list", "--only", "regression")
    assert (code, some, told) == (0, "regression: trains its own networks\n", "")
    assert list(tmp_path.iterdir()) == []


def test_two_runs_stand_side_by_side_in_a_folder_of_their_own(finished, tmp_path):
    shutil.copytree(finished, tmp_path / "twin")
    done = run("report", finished, tmp_path / "twin", cwd=tmp_path)
    assert (done.returncode, done.stdout.split()) == (0, [str(Path("comparison", "report.html"))])
    table = pd.read_csv(tmp_path / "comparison" / "comparison.csv")
    assert table["name"].tolist() == ["run", "twin"]
    assert table["same_networks"].iloc[1] == 1


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_says_what_it_does(name):
    for option in cli.commands[name].params:
        assert not isinstance(option, click.Option) or option.help


def test_a_bench_leaves_everything_that_was_promised(finished):
    assert json.loads((finished / "run.json").read_text())["status"] == "done"
    expected = {
        "run.json",
        "hypergan.safetensors",
        "training.csv",
        "examples.csv",
        "networks.csv",
        "summary.csv",
        "coverage.csv",
        "checks.csv",
    }
    assert expected | {"figures", "report.html", "report.md"} <= {entry.name for entry in finished.iterdir()}
    assert len(pd.read_csv(finished / "networks.csv")) == 6
    assert len(pd.read_csv(finished / "checks.csv")) == 17
    assert not list(finished.rglob("*.part"))


def test_a_transfer_from_the_checkpoint_gives_the_same_rows(finished, tmp_path):
    done = run(
        "transfer",
        "--checkpoint",
        finished / "hypergan.safetensors",
        *FEW,
        *("--checks", "off"),
        "--quiet",
        "--out",
        tmp_path / "t",
    )
    assert done.returncode == 0, done.stderr
    first, second = (pd.read_csv(folder / "examples.csv") for folder in (finished, tmp_path / "t"))
    pd.testing.assert_frame_equal(first, second, check_exact=True)


def test_the_record_of_saved_adversarials_says_what_they_were_made_with(finished, in_process, tmp_path):
    common = ["--checkpoint", finished / "hypergan.safetensors", *OWN, "--networks", "3", "--checks", "off"]
    common += ["--quiet"]
    made = ["--attack", "noise", "--attack", "fgsm", "--eps", "3", "--eps", "2", "--norm", "l2"]
    made += ["--target", "2", "--examples", "70", "--save-adversarials"]
    code, _, told = in_process("transfer", *common, *made, "--out", tmp_path / "made")
    assert code == 0, told
    saved = tmp_path / "made" / "adversarials"
    code, _, told = in_process("transfer", *common, "--adversarials", saved, "--out", tmp_path / "r")
    assert code == 0, told
    record = json.loads((tmp_path / "r" / "run.json").read_text())
    asked = {"attacks": ["fgsm", "noise"], "eps": [2.0, 3.0], "norm": "l2", "target": 2, "examples": 70}
    assert record["config"]["transfer"] | asked == record["config"]["transfer"]
    (file, *_) = sorted(saved.glob("*.safetensors"))
    shutil.copy(file, saved / "copy.safetensors")
    code, _, told = in_process("transfer", *common, "--adversarials", saved, "--out", tmp_path / "twice")
    assert (code, "twice: keep one" in told) == (2, True), told
    (saved / "copy.safetensors").unlink()
    first, second = load_cells(saved)[:2]
    for each, index in ((first, 0), (second, 1)):
        save_cell(tmp_path / "two", replace(each, source=Networks(0, "source", [index])))
    code, _, told = in_process(
        "transfer", *common, "--adversarials", tmp_path / "two", "--out", tmp_path / "x"
    )
    assert (code, "several source networks" in told) == (2, True), told


def test_saved_adversarials_of_several_norms_and_targets_are_all_recorded(tmp_path):
    images, labels = torch.zeros(3, 1, 4, 4), torch.tensor([0, 1, 2])
    for norm, target in (("linf", None), ("l2", 2)):
        cell = Cell("fgsm", norm, 0.1, target=target, adversarials=images, source_labels=labels + 1)
        right, source = torch.ones(3, dtype=torch.bool), Networks(0, "source", [0])
        save_cell(
            tmp_path, SavedCell(cell, labels, [4, 5, 6], [4, 5, 6], right, torch.zeros(3, 10), "", source)
        )
    asked = BenchConfig(adversarials=tmp_path).plain(load_cells(tmp_path))["transfer"]
    assert (asked["attacks"], asked["eps"], asked["examples"]) == (["fgsm"], [0.1], 3)
    assert sorted(asked["norm"]) == ["l2", "linf"]
    assert {*asked["target"]} == {None, 2}


def test_a_cell_that_fails_is_named_and_the_others_finish(finished, tmp_path):
    (tmp_path / "mine.py").write_text(
        "def nan(model, inputs, labels, *, eps, norm, generator, targets=None):\n    return inputs / 0 * 0\n"
    )
    done = run(
        *("transfer", "--checkpoint", finished / "hypergan.safetensors", *FEW, "--checks", "off", "--quiet"),
        *("--attack", f"{tmp_path / 'mine.py'}:nan", "--out", tmp_path / "t"),
    )
    assert done.returncode == 3, done.stderr
    (line,) = done.stderr.splitlines()
    assert re.search(r"^robust-hypergan: left out: .*mine.py:nan at eps 0.2: .* NaN or infinity in", line)
    assert pd.read_csv(tmp_path / "t" / "summary.csv")["status"].tolist() == ["done", "failed"]
    assert set(pd.read_csv(tmp_path / "t" / "examples.csv")["attack"]) == {"fgsm"}
    assert "NaN or infinity" in (tmp_path / "t" / "report.md").read_text()


def test_a_training_that_breaks_says_where_in_one_line(tmp_path):
    told = refused("train", *SMALL, "--learning-rate", "1e30", "--out", tmp_path / "run")
    assert re.search(
        r"training stopped after \d+ steps: .*; lower --learning-rate and choose another --out", told
    )
    assert json.loads((tmp_path / "run" / "run.json").read_text())["status"] == "failed"
    assert not (tmp_path / "run" / "hypergan.safetensors").exists()


def test_training_alone_says_how_good_the_networks_are(tmp_path):
    done = run("train", *SMALL, "--out", tmp_path / "run")
    assert done.returncode == 0, done.stderr
    measured = json.loads((tmp_path / "run" / "run.json").read_text())["accuracy"]
    assert f"single {100 * measured['single_mean']:.2f}%" in done.stdout
    assert "only trained" in refused("report", tmp_path / "run")
    facts = load_checkpoint(tmp_path / "run" / "hypergan.safetensors", OWN[1]).facts
    assert facts["training"]["precision"] in TRAINING_PRECISIONS  # the one that was used


def test_a_training_keeps_snapshots(tmp_path):
    done = run("train", *SMALL, "--snapshots", "2", "--out", tmp_path / "run")
    assert done.returncode == 0, done.stderr
    kept = sorted((tmp_path / "run" / "snapshots").iterdir())
    assert [path.name for path in kept] == ["step-000010.safetensors", "step-000020.safetensors"]
    first, last, result = (
        load_checkpoint(path, OWN[1]) for path in (*kept, tmp_path / "run" / "hypergan.safetensors")
    )
    assert last.facts["training"] == result.facts["training"]
    assert fingerprint(last.distribution.tensors()) == fingerprint(result.distribution.tensors())
    assert fingerprint(first.distribution.tensors()) != fingerprint(result.distribution.tensors())
    assert "of a HyperGAN's training" in refused(
        "train", "--kind", "swag", "--snapshots", "2", "--out", tmp_path / "swag"
    )


def test_a_report_is_remade_from_the_tables_to_the_same_bytes(finished):
    made = [finished / "report.html", finished / "report.md", finished / "summary.csv"]
    made += sorted((finished / "figures").iterdir())
    before = {path: path.read_bytes() for path in made}
    for path in made:
        path.unlink()
    assert run("report", finished).returncode == 0
    assert {path: path.read_bytes() for path in made} == before


def test_samples_load_into_the_plain_classifier(finished, tmp_path):
    checkpoint = finished / "hypergan.safetensors"
    done = run(
        *("sample", "--checkpoint", checkpoint, *OWN),
        *("--networks", "3:5", "--seed", "7", "--out", tmp_path / "nets"),
    )
    assert done.returncode == 0, done.stderr
    files = sorted((tmp_path / "nets").iterdir())
    assert [file.name for file in files] == ["fresh-000003.safetensors", "fresh-000004.safetensors"]
    Small().load_state_dict(load_file(files[0]))


def test_the_attacks_are_listed_with_their_options():
    listed = run("attacks").stdout
    assert re.search(r"^pgd .*\n.*steps=40", listed, re.MULTILINE)
    assert re.search(r"^fgsm ", listed, re.MULTILINE)


def test_the_attacks_of_other_libraries_are_listed_by_a_word():
    pytest.importorskip("torchattacks")
    listed = run("attacks", "--load", "torchattacks:pgd").stdout
    assert re.findall(r"^(\S+)", listed, re.MULTILINE) == [
        f"torchattacks:{name}" for name in ("PGD", "PGDRS", "PGDL2", "PGDRSL2")
    ]
    assert "from: adapter torchattacks; norms: linf; options: alpha=" in listed


def test_a_configuration_file_has_the_keys_of_the_flags_and_a_flag_wins(finished, tmp_path):
    (tmp_path / "c.toml").write_text(
        'attack = ["noise"]\neps = [0.1, 0.3]\nnetworks = 3\nexamples = 20\n'
        'quiet = true\nsave_adversarials = true\nchecks = "off"\n'
    )
    checkpoint = finished / "hypergan.safetensors"  # paths in a file stay in its folder, flags go anywhere
    done = run(
        *("transfer", "--config", tmp_path / "c.toml", "--networks", "4"),
        *("--checkpoint", checkpoint, *OWN, "--out", tmp_path / "run"),
    )
    assert done.returncode == 0, done.stderr
    summary = pd.read_csv(tmp_path / "run" / "summary.csv")
    assert summary["attack"].tolist() == ["noise", "noise"]
    assert summary["networks"].tolist() == [4, 4]
    assert len(list((tmp_path / "run" / "adversarials").iterdir())) == 2


def test_a_used_folder_is_refused(finished):
    assert "holds a finished run" in refused("bench", *SMALL, *FEW, "--out", finished)


def test_a_backend_or_precision_that_the_classifier_is_not_for_is_refused_before_anything(tmp_path):
    line = refused("bench", *SMALL, *FEW, "--backend", "fused", "--out", tmp_path / "run")
    assert "nothing to fuse" in line
    assert not (tmp_path / "run").exists()


def test_a_checkpoint_that_is_not_one_is_refused(finished, tmp_path):
    whole = (finished / "hypergan.safetensors").read_bytes()
    (tmp_path / "short.safetensors").write_bytes(whole[: len(whole) // 2])
    assert "damaged" in refused(
        "transfer", "--checkpoint", tmp_path / "short.safetensors", "--out", tmp_path / "r"
    )
    gallery = finished / "gallery.safetensors"
    assert "not a HyperGAN checkpoint" in refused(
        "transfer", "--checkpoint", gallery, "--out", tmp_path / "r"
    )
    assert not (tmp_path / "r").exists()


def test_a_missing_gpu_is_said(tmp_path):
    if torch.cuda.is_available():
        pytest.skip("there is a CUDA device here")
    assert "no CUDA device here" in refused("bench", "--device", "cuda", "--out", tmp_path / "r")


def test_an_interrupted_run_says_how_to_go_on(tmp_path):
    arguments = ["bench", *SMALL, *FEW, "--steps", "4000", "--out", str(tmp_path / "run")]
    process = subprocess.Popen(
        [sys.executable, "-m", "robust_hypergan", *arguments], stderr=subprocess.PIPE, text=True
    )
    while not (tmp_path / "run" / "run.json").exists():
        time.sleep(0.1)
    time.sleep(2)
    process.send_signal(signal.SIGINT)
    _, message = process.communicate(timeout=60)
    assert process.returncode == 130
    assert message.strip().splitlines() == [
        f"robust-hypergan: interrupted; to go on: {shlex.join(['robust-hypergan', *arguments])}"
    ]
    record = json.loads((tmp_path / "run" / "run.json").read_text())
    assert record["status"] == "running"  # as after a power cut
    assert "finish it first" in refused("report", tmp_path / "run")
    assert "other settings" in refused("bench", *SMALL, *FEW, "--out", tmp_path / "run")
