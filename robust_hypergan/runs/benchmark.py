"""The main job in one folder: train networks or load them, attack one, try the fresh ones, report.

``train``, ``transfer`` and ``bench`` are this one job with or without its first and its last part.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch

from robust_hypergan.base.distributed import ALONE, Ranks
from robust_hypergan.base.errors import InputError
from robust_hypergan.base.text import file_name
from robust_hypergan.data.datasets import Dataset, to_unit
from robust_hypergan.data.outliers import load_outliers
from robust_hypergan.engine.ensemble import check_computable
from robust_hypergan.evidence.measured import Measured
from robust_hypergan.evidence.measurements import MEASUREMENTS
from robust_hypergan.evidence.probe import comparable, middle_eps
from robust_hypergan.measures.accuracy import measure_accuracy
from robust_hypergan.models.networks import NetworkDistribution, Networks, kind_of, move
from robust_hypergan.models.parameters import fingerprint
from robust_hypergan.reports import Run, parse_record, write_report, write_table
from robust_hypergan.runs.bench_config import BenchConfig
from robust_hypergan.runs.beside import beside_configs, measure_beside
from robust_hypergan.runs.gallery import write_gallery
from robust_hypergan.runs.preparation import loaded, trained, untrained
from robust_hypergan.runs.run_folder import RunFolder, open_run
from robust_hypergan.storage.checkpoint import Checkpoint
from robust_hypergan.transferability.cells import SavedCell, cell_record, check_saved, load_cells, save_cell
from robust_hypergan.transferability.config import TransferConfig, check_target, choose_examples
from robust_hypergan.transferability.measurement import TransferResult, transfer


@dataclass(frozen=True)
class Inputs:
    """What a run starts from: data, networks loaded or still to be trained, saved images, kinds beside."""

    test_set: Dataset
    training_set: Dataset | None
    checkpoint: Checkpoint
    saved: list[SavedCell]
    outliers: Dataset | None
    beside: Mapping[str, BenchConfig]


def read_inputs(config: BenchConfig) -> Inputs:
    """Reads whatever a run starts from, and writes nothing.

    Raises:
        InputError: anything in the input that can't be used, as far as that can be known beforehand.
    """
    test_set = config.data.load("test")
    training_set = None if config.checkpoint else config.data.load("train")
    checkpoint = loaded(config, test_set) if config.checkpoint else untrained(config, test_set)
    saved = _load_saved(config.adversarials, test_set)
    outliers = _load_outliers(config, test_set)
    beside = beside_configs(config, checkpoint, test_set)
    if config.transfer:
        check_target(config.transfer, test_set)
        engine = config.transfer.backend, config.transfer.precision
        check_computable(checkpoint.distribution.classifier, to_unit(test_set.images[:2]), *engine)
    if config.transfer and not saved:
        choose_examples(test_set, config.transfer.examples, config.transfer.seed)
    return Inputs(test_set, training_set, checkpoint, saved, outliers, beside)


def bench(
    config: BenchConfig,
    out: Path | str,
    *,
    device: torch.device | None = None,
    command: str = "",
    ranks: Ranks = ALONE,
    quiet: bool = True,
) -> TransferResult | None:
    """Runs everything that a configuration asks for, in the folder ``out``.

    Args:
        config: the whole run.
        out: the run's folder: new, empty, or of the same run unfinished, which is then taken up again.
        device: where to compute; None is the CPU.
        command: the command that repeats the run, for the report.
        ranks: who shares training, accuracy and transfer; the leader alone writes and does all the rest. All
            see the same folder.
        quiet: no progress bars.

    Returns:
        The tables of the transfer measurement; None if only training was asked for.

    Raises:
        InputError: anything in the input that can't be used. What can be known beforehand is checked
            before the folder is made.
    """
    out, device = Path(out), device or torch.device("cpu")
    quiet = quiet or not ranks.leads
    given = read_inputs(config)
    test_set, training_set, checkpoint = given.test_set, given.training_set, given.checkpoint
    saved, outliers, beside = given.saved, given.outliers, given.beside
    with open_run(out, command, config.plain(saved), ranks) as run:
        run.update(
            device=str(device),
            threads=torch.get_num_threads(),
            seed=(config.transfer or config.training).seed,
            kind=kind_of(checkpoint.distribution),
            classifier=checkpoint.classifier,
            weights=sum(value.numel() for value in checkpoint.distribution.classifier.parameters()),
        )
        run.update_same(data=_describe(test_set, training_set))
        move(checkpoint.distribution, device)
        if training_set:
            checkpoint = trained(run, checkpoint, training_set, config, device, quiet, ranks)
        networks = Networks((config.transfer or config.training).seed, "source", [0])
        run.update_same(networks=fingerprint(checkpoint.distribution.sample(networks)))
        _measure_accuracy(run, checkpoint, test_set, device, quiet, ranks)
        if not config.transfer:
            return None
        result = transfer(
            checkpoint.distribution,
            test_set,
            config.transfer,
            device=device,
            saved=saved,
            folder=run.progress,
            ranks=ranks,
            quiet=quiet,
        )
        if not ranks.leads:
            return result
        _write_transfer(run, checkpoint.distribution, config.transfer, result)
        if config.save_adversarials:
            _save_adversarials(run, result, test_set)
        if beside:
            again = partial(bench, device=device, command=command, quiet=quiet)
            main = Run(out, parse_record(run.record), result.examples, result.networks)
            eps = middle_eps(comparable(result.cells), result.examples)
            write_table(measure_beside(run, main, beside, again, eps), out / "beside.csv")
        measured = Measured(
            checkpoint.distribution,
            test_set,
            replace(config.transfer, networks=result.drawn[-1], until_ci_width=None),
            config.evidence,
            result,
            device,
            quiet,
            outliers,
            tuple(kind for kind, outcome in run.record.get("beside", {}).items() if outcome == "done"),
            run.progress,
        )
        _measure_evidence(run, measured)
        run.finish()
        write_report(out)
    return result


def _measure_accuracy(
    run: RunFolder, checkpoint: Checkpoint, dataset: Dataset, device: torch.device, quiet: bool, ranks: Ranks
) -> None:
    if run.has("accuracy"):
        return
    started = time.perf_counter()
    accuracy = measure_accuracy(checkpoint.distribution, dataset, device=device, ranks=ranks, quiet=quiet)
    run.update(accuracy=asdict(accuracy), seconds={"accuracy": time.perf_counter() - started})


def _write_transfer(
    run: RunFolder,
    distribution: NetworkDistribution,
    config: TransferConfig,
    result: TransferResult,
) -> None:
    write_table(result.examples, run.path / "examples.csv")
    write_table(result.networks, run.path / "networks.csv")
    write_table(result.fold.near_ties_table(result.chosen, result.indices), run.path / "near_ties.csv")
    write_gallery(run.path, result)
    run.update(
        seconds=result.seconds,
        source=result.source.record(),
        fresh={
            "seed": config.seed,
            "stream": "fresh",
            "start": 0,
            "stop": result.drawn[-1],
            "sha256": fingerprint(distribution.sample(Networks(config.seed, "fresh", [0]))),
        },
        stopping={"rounds": result.drawn, "reason": result.stopped} if result.stopped else None,
        examples={"tried": result.tried, "source_correct": len(result.indices)},
        cells=[cell_record(cell) for cell in result.cells],
        backend=result.forward.backend,
        forward=result.forward.record() | {"near_ties": result.fold.near_ties.count},
    )


def _measure_evidence(run: RunFolder, measured: Measured) -> None:
    for name, measure in MEASUREMENTS.items():
        if run.has(name):
            continue
        started = time.perf_counter()
        for stem, table in measure(measured).items():
            write_table(table, run.path / f"{stem}.csv")
        run.update(seconds={name: time.perf_counter() - started})


def _save_adversarials(run: RunFolder, result: TransferResult, dataset: Dataset) -> None:
    for cell in result.cells:
        if not cell.error:
            save_cell(run.path / "adversarials", result.kept(cell, dataset.sha256))


def _load_saved(folder: Path | None, dataset: Dataset) -> list[SavedCell]:
    saved = load_cells(folder) if folder else []
    found: set[tuple[object, ...]] = set()
    for each in saved:
        key = file_name(each.cell.attack), each.cell.norm, f"{each.cell.eps:g}"
        if key in found:
            raise InputError(
                f"{folder} holds {each.cell.attack} at {each.cell.norm} eps {each.cell.eps:g} twice: keep one"
            )
        found.add(key)
        if each.source != saved[0].source:
            raise InputError(
                f"{folder} holds adversarials made against several source networks: give a folder of one"
            )
        same = each.examples == saved[0].examples and each.tried == saved[0].tried
        if each.data_sha256 != dataset.sha256 or not same:
            raise InputError(
                f"{folder} holds adversarials of other images than {dataset.name}: use their own --data"
            )
        try:
            check_saved(each, dataset)
        except InputError as error:
            raise InputError(f"{folder}: {error}") from error
    return saved


def _load_outliers(config: BenchConfig, dataset: Dataset) -> Dataset | None:
    if not config.transfer:
        return None
    name, data = config.evidence.outliers, config.data
    return load_outliers(name, dataset, root=data.root, download=data.download)


def _describe(test_set: Dataset, training_set: Dataset | None) -> dict[str, Any]:
    described = {
        "name": test_set.name,
        "sha256": test_set.sha256,
        "classes": list(test_set.classes),
        "test_images": len(test_set.labels),
    }
    if training_set:
        described |= {"training_sha256": training_set.sha256, "train_images": len(training_set.labels)}
    return described
