"""Cells measured one by one, as jobs, are put together to the tables of one run of all."""

import os
import shutil
import subprocess
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from click.testing import CliRunner

from robust_hypergan.base.errors import InputError
from robust_hypergan.cli.main import cli
from robust_hypergan.evidence.measured import EvidenceConfig
from robust_hypergan.evidence.wrong_labels import wrong_labels
from robust_hypergan.measures.accuracy import measure_accuracy
from robust_hypergan.models.classifiers import build_classifier
from robust_hypergan.models.hypergan import HyperGAN
from robust_hypergan.reports import load_run, merge_cells
from robust_hypergan.runs import benchmark
from robust_hypergan.runs.bench_config import BenchConfig
from robust_hypergan.runs.benchmark import bench
from robust_hypergan.runs.cell_array import cell_folders, run_cells
from robust_hypergan.runs.run_folder import is_finished
from robust_hypergan.storage.checkpoint import Checkpoint, save_checkpoint
from robust_hypergan.transferability.measurement import TransferConfig
from tests.killing import contents

LONG = int(os.environ.get("KILLS", "0")) >= 20

CLASSIFIER = f"{Path(__file__).parents[1] / 'small_classifier.py'}:Small"
TRANSFER = TransferConfig(("fgsm", "pgd:steps=3"), (0.1, 0.2), networks=12, examples=300)
TABLES = ["examples.csv", "networks.csv", "wrong_labels.csv", "confusion.csv", "gallery.csv"]


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    path = tmp_path_factory.mktemp("networks") / "hypergan.safetensors"
    hypergan = HyperGAN(build_classifier(CLASSIFIER, 10), seed=0)
    save_checkpoint(path, Checkpoint(hypergan, CLASSIFIER, 10, {}))
    return path


@pytest.fixture
def measure(checkpoint, monkeypatch):
    """Measures attacks at some eps in a folder, without what takes long."""
    monkeypatch.setattr(benchmark, "measure_accuracy", partial(measure_accuracy, networks=1))
    monkeypatch.setattr(benchmark, "write_report", lambda folder: None)
    monkeypatch.setattr(benchmark, "MEASUREMENTS", {"wrong labels": wrong_labels})

    def run(folder, attacks, eps, **changed):
        config = BenchConfig(
            checkpoint=checkpoint,
            classifier=CLASSIFIER,
            transfer=replace(TRANSFER, attacks=attacks, eps=eps, **changed),
            evidence=EvidenceConfig(checks="off", outliers="noise"),
        )
        folder.mkdir(parents=True, exist_ok=True)
        bench(config, folder)

    return run


def test_cells_put_together_are_one_run_of_all(measure, tmp_path):
    measure(tmp_path / "whole", TRANSFER.attacks, TRANSFER.eps)
    for folder, (attack, eps) in cell_folders(tmp_path / "array", TRANSFER.attacks, TRANSFER.eps).items():
        measure(folder, (attack,), (eps,))
    merge_cells(tmp_path / "array")
    for name in TABLES:
        assert (tmp_path / "array" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes(), name
    gallery = "gallery.safetensors"  # whose metadata have no order
    assert contents(tmp_path / "array")[gallery] == contents(tmp_path / "whole")[gallery]
    array, whole = load_run(tmp_path / "array"), load_run(tmp_path / "whole")
    assert array.summary.drop(columns="seconds").equals(whole.summary.drop(columns="seconds"))
    assert array.record.config["transfer"] == whole.record.config["transfer"]
    assert len(array.gallery.table) == len(array.gallery.clean) > 0


@pytest.fixture
def cells(measure, checkpoint, monkeypatch):  # noqa: ARG001 - without what takes long
    """The command in this process; it returns the folders of the cells that it made."""

    def in_process(commands, _, **options):  # noqa: ARG001 - the executor's
        for folder, command in commands.items():
            if not is_finished(folder):
                made.append(folder.name)
                CliRunner().invoke(cli, command[3:], catch_exceptions=False)

    monkeypatch.setattr("robust_hypergan.runs.cell_array.run_cells", in_process)
    monkeypatch.setattr("robust_hypergan.reports.write_report", lambda folder: folder)
    made = []

    def run(out, line):
        made.clear()
        always = f"cells --checkpoint {checkpoint} --classifier {CLASSIFIER} --outliers noise --examples 100"
        result = CliRunner().invoke(cli, [*always.split(), *line.split(), "--out", str(out)])
        if isinstance(result.exception, InputError):
            raise result.exception
        assert result.exit_code == 0, result.output
        return list(made)

    return run


def test_cells_that_are_there_are_found_whatever_their_number(cells, tmp_path):
    assert cells(tmp_path, "--networks 4 --attack fgsm --eps 0.1") == ["0000-fgsm-0.1"]
    more = "--networks 4 --attack fgsm --attack noise"
    assert cells(tmp_path, f"{more} --eps 0.05 --eps 0.1") == [
        "0000-fgsm-0.05",
        "0002-noise-0.05",
        "0003-noise-0.1",
    ]
    again = "--networks 4 --attack noise --attack fgsm --eps 0.1 --eps 0.05"
    assert cells(tmp_path, again) == []
    found = load_run(tmp_path).record.cells
    asked = [("noise", 0.1), ("noise", 0.05), ("fgsm", 0.1), ("fgsm", 0.05)]
    assert [(each.attack, each.eps) for each in found] == asked
    assert cells(tmp_path, "--networks 4 --attack noise --eps 0.05") == []
    first = load_run(tmp_path).record.cells[0]
    assert (first.attack, first.eps) == asked[1]


@pytest.mark.parametrize("finished", [True, False])
def test_cells_with_other_settings_are_refused_before_any_is_made(cells, finished, tmp_path):
    cells(tmp_path, "--networks 4 --attack fgsm --eps 0.1 --save-adversarials")
    record = tmp_path / "cells" / "0000-fgsm-0.1" / "run.json"
    if not finished:
        record.write_text(record.read_text(encoding="utf-8").replace('"done"', '"failed"'), encoding="utf-8")
    before = contents(tmp_path)
    for line in (
        "--networks 8 --attack fgsm --eps 0.1 --save-adversarials",
        "--networks 4 --attack fgsm --eps 0.1 --save-adversarials --norm l2",
        "--networks 4 --attack fgsm --eps 0.1",
        "--networks 4 --attack fgsm --eps 0.10000001 --save-adversarials",
        "--networks 4 --attack fgsm --eps 0.2 --save-adversarials --seed 3",
    ):
        with pytest.raises(InputError, match=r"0000-fgsm-0\.1 holds a cell with other settings: choose"):
            cells(tmp_path, line)
    assert contents(tmp_path) == before
    record.write_text('{"status": "done"}', encoding="utf-8")
    with pytest.raises(InputError, match=r"0000-fgsm-0\.1 holds a damaged run\.json: delete"):
        cells(tmp_path, "--networks 4 --attack fgsm --eps 0.1 --save-adversarials")


def test_the_same_cell_twice_is_refused_before_anything_is_written(measure, tmp_path):
    measure(tmp_path / "cells" / "0000-fgsm-0.1", ("fgsm",), (0.1,))
    shutil.copytree(tmp_path / "cells" / "0000-fgsm-0.1", tmp_path / "cells" / "0001-fgsm-0.1")
    with pytest.raises(InputError, match=r"0000-fgsm-0\.1 and .*0001-fgsm-0\.1 hold the same attack and eps"):
        merge_cells(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["cells"]


def test_what_does_not_belong_together_is_refused(measure, tmp_path):
    folders = list(cell_folders(tmp_path, ["fgsm"], [0.1, 0.2, 0.3]))
    (tmp_path / "cells").mkdir()
    with pytest.raises(InputError, match="no cells in"):
        merge_cells(tmp_path)
    measure(folders[0], ("fgsm",), (0.1,))
    folders[1].mkdir()
    with pytest.raises(InputError, match=r"0001-fgsm-0.2 is not a run's folder: it has no run.json"):
        merge_cells(tmp_path)
    measure(folders[1], ("fgsm",), (0.2,), networks=13)
    with pytest.raises(InputError, match="are of different fresh: they can't be put together"):
        merge_cells(tmp_path)


@pytest.mark.parametrize("executor", ["local", "debug"])
def test_each_cell_is_a_process_and_what_is_finished_is_left(executor, tmp_path):
    script = "import sys, pathlib; pathlib.Path(sys.argv[1], 'seen').touch(); sys.exit(int(sys.argv[2]))"
    folders = list(cell_folders(tmp_path, ["fgsm"], [0.1, 0.2, 0.3]))
    commands = {
        folder: [sys.executable, "-S", "-c", script, str(folder), code]
        for folder, code in zip(folders, "002", strict=True)
    }
    folders[0].mkdir(parents=True)
    (folders[0] / "run.json").write_text('{"status": "done"}')
    with pytest.raises(InputError, match=r"1 of 3 cells failed, 0002-fgsm-0\.3 first: see .*jobs"):
        run_cells(commands, tmp_path, executor=executor, at_once=2)
    assert [(folder / "seen").exists() for folder in folders] == [False, True, True]


def test_an_executor_that_is_not_there_is_a_line(tmp_path):
    with pytest.raises(InputError, match="did you mean slurm"):
        run_cells({}, tmp_path, executor="slrm")
    if shutil.which("srun") is None:
        with pytest.raises(InputError, match="can't use the executor slurm"):
            run_cells({}, tmp_path, executor="slurm")


def test_the_command_passes_on_what_it_was_given(checkpoint, tmp_path, monkeypatch):
    given = {}

    def stand_in(commands, _, **options):
        given.update(options, commands=commands)
        raise InputError("enough")

    monkeypatch.setattr(
        "robust_hypergan.runs.benchmark.read_inputs", lambda _: None
    )  # its classifier is not ours
    monkeypatch.setattr("robust_hypergan.runs.cell_array.run_cells", stand_in)
    line = (
        "cells --attack pgd:steps=3 --attack fgsm --eps 0.25 --norm l2 --save-adversarials --seed 4 --quiet "
    )
    line += f"--slurm partition=gpu --executor slurm --checkpoint {checkpoint} --out {tmp_path}"
    result = CliRunner().invoke(cli, line.split())
    assert str(result.exception) == "enough"
    first, second = given["commands"].items()
    assert first[0].name < second[0].name
    text = " ".join(first[1])
    assert "-m robust_hypergan transfer --checks off --quiet" in text
    for expected in ("--norm l2", "--seed 4", "--save-adversarials", "--networks 500", f"--out {first[0]}"):
        assert expected in text
    assert ("--attack pgd:steps=3 --eps 0.25" in text, text.count("--attack"), text.count("--eps")) == (
        True,
        1,
        1,
    )
    assert not {"--slurm", "--executor", "--at-once", "--config", "--hours"} & set(first[1])
    assert given["slurm"] == {"partition": "gpu"}


@pytest.mark.skipif(not LONG, reason="make nightly")
def test_the_command_makes_the_report_of_one_run(checkpoint, tmp_path):
    options = [
        "--checkpoint",
        checkpoint,
        "--classifier",
        CLASSIFIER,
        "--networks",
        12,
        "--examples",
        300,
        "--quiet",
    ]
    options += ["--attack", "fgsm", "--eps", 0.1, "--eps", 0.2, "--outliers", "noise"]

    def run(command, out, *more):
        line = [sys.executable, "-m", "robust_hypergan", command, *options, *more, "--out", out]
        subprocess.run([str(each) for each in line], check=True, capture_output=True)

    run("cells", tmp_path / "array", "--at-once", 2)
    run("transfer", tmp_path / "whole", "--checks", "off")
    for name in TABLES:
        assert (tmp_path / "array" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes(), name
    assert (tmp_path / "array" / "report.html").exists()
