"""The trade-off that the paper leaves open: accuracy against diversity against transfer.

Trainings that differ in the noise share of their initialisation, each along its snapshots: how good one
network and the vote are, how different the networks, how well their uncertainty finds outliers, and how far
attacks carry.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from robust_hypergan.base.errors import InputError, check_range
from robust_hypergan.base.progress import track
from robust_hypergan.base.user_code import code_digest
from robust_hypergan.data.outliers import load_outliers
from robust_hypergan.models.compatibility import check_fit
from robust_hypergan.models.hypergan import HyperGAN
from robust_hypergan.models.networks import Networks, move
from robust_hypergan.models.parameters import fingerprint
from robust_hypergan.reports import TRADEOFF_COLUMNS, paired_difference_interval
from robust_hypergan.runs.bench_config import DataConfig, plain_values
from robust_hypergan.runs.run_folder import RunFolder
from robust_hypergan.storage.checkpoint import load_checkpoint
from robust_hypergan.storage.resumable import Saved
from robust_hypergan.storage.snapshots import snapshots_beside, step_of
from robust_hypergan.studies.study import Tables, run_study, split_name
from robust_hypergan.studies.tradeoff_measures import Row, TradeoffMeasures, tradeoff_row
from robust_hypergan.transferability.config import TransferConfig


@dataclass(frozen=True)
class TradeoffConfig:
    """Which trainings are compared, and on how much.

    Attributes:
        checkpoints: HyperGANs, ``PATH`` or ``NAME=PATH``, each measured at the snapshots beside it, the last
            of which has to hold the same networks; one without, or a snapshot itself, is measured alone. A
            nameless one is called by its noise share.
        data: whose test split is answered and attacked.
        outliers: a data set of outlying images, or ``noise``; None is the usual one, see
            :func:`robust_hypergan.data.outliers.load_outliers`.
        classifier: specification of the classifier of checkpoints that do not say it themselves.
        attacks: what one network is attacked with.
        eps: radius of their L-inf ball.
        networks: fresh networks that vote, are compared and are tried.
        images: of the test split, and of the outliers, at most so many.
        examples: images that are attacked.
        seed: of the networks' addresses, the choice of images and the attacks' randomness.
        backend: of the ensemble forward; None is the fastest.

    Raises:
        InputError: a value outside its range, or no checkpoint.
    """

    checkpoints: Sequence[str] = ()
    data: DataConfig = field(default_factory=DataConfig)
    outliers: str | None = None
    classifier: str | None = None
    attacks: Sequence[str] = ("fgsm", "pgd")
    eps: float = 0.1
    networks: int = 100
    images: int = 2000
    examples: int = 300
    seed: int = 0
    backend: str | None = None

    def __post_init__(self) -> None:
        if not self.checkpoints:
            raise InputError("nothing to compare: give --checkpoint, a HyperGAN that train has written")
        check_range("networks", self.networks, 3, 100_000)
        check_range("images", self.images, 2)
        _ = self.transfer  # the rest is checked there

    @property
    def transfer(self) -> TransferConfig:
        """The measurement of the transfer."""
        return TransferConfig(
            attacks=self.attacks,
            eps=(self.eps,),
            networks=self.networks,
            examples=self.examples,
            seed=self.seed,
            backend=self.backend,
        )


@dataclass(frozen=True)
class State:
    """A training after some of its steps; ``sha256`` is of the first of its networks."""

    name: str
    noise_share: float
    step: int
    path: Path
    sha256: str

    @property
    def key(self) -> Row:
        """The columns that name it."""
        return {"name": self.name, "noise_share": self.noise_share, "step": self.step}


def run_tradeoff(
    config: TradeoffConfig,
    out: Path,
    *,
    device: torch.device | None = None,
    command: str = "",
    quiet: bool = True,
) -> Path:
    """Measures and reports the study in a folder; returns the path of ``report.html``.

    Raises:
        InputError: data or checkpoints can't be used, or do not fit each other, or the folder can't be used.
    """
    study = _Study(config, device or torch.device("cpu"))
    states = study.states()

    def measure(run: RunFolder) -> Tables:
        run.update(data={"name": config.data.name})
        return {"tradeoff": study.table(states, run.progress, quiet)}

    return run_study("tradeoff", asdict(config), out, measure, device=device, command=command)


class _Study:
    """The measurement: the same images for all states."""

    def __init__(self, config: TradeoffConfig, device: torch.device) -> None:
        self.config, self.device = config, device
        self.dataset = config.data.load("test")
        source = config.data
        self.outliers = load_outliers(
            config.outliers, self.dataset, root=source.root, download=source.download
        )
        self.measures = TradeoffMeasures(self.dataset, self.outliers, config.images, config.transfer, device)

    def states(self) -> list[State]:
        """Every snapshot of every training, in the order given."""
        found: dict[str, list[State]] = {}
        for given in self.config.checkpoints:
            name, path = split_name(given)
            hypergan, facts = self._checkpoint(path)
            share = hypergan.config.noise_share
            name = name or f"noise share {share:g}"
            if name in found:
                raise InputError(f"two trainings are called {name}: name them, NAME={path}")
            training = facts.get("training")
            end = training.get("steps") if isinstance(training, Mapping) else 0
            classes = len(self.dataset.classes)
            steps = snapshots_beside(path, self.config.classifier, classes) or {
                step_of(path, end if isinstance(end, int) else 0): path
            }
            found[name] = [
                State(name, share, step, own, self._fingerprint(own)) for step, own in steps.items()
            ]
        return [state for states in found.values() for state in states]

    def table(self, states: Sequence[State], folder: Path, quiet: bool) -> pd.DataFrame:
        """``tradeoff.csv``; what is measured of each state is kept in the folder until all are."""
        described = plain_values(asdict(self.config)) | {"states": [state.sha256 for state in states]}
        described |= {"images": [self.dataset.sha256, self.outliers.sha256]}
        saved = Saved(folder / "tradeoff.safetensors", "trade-off", described)
        done = saved.load({}) or {"rows": [], "votes": []}
        rows, votes = done["rows"], done["votes"]
        with track("trade-off", len(states), quiet, initial=len(votes)) as progress:
            for state in states[len(votes) :]:
                hypergan, _ = self._checkpoint(state.path)
                move(hypergan, self.device)
                own, vote = self.measures.rows(hypergan)
                rows += [state.key | row for row in own]
                votes.append(vote.tolist())
                saved.save({}, rows=rows, votes=votes)
                progress.update()
        return pd.DataFrame([*rows, *_losses(states, np.array(votes, dtype=float))], columns=TRADEOFF_COLUMNS)

    def _checkpoint(self, path: Path) -> tuple[HyperGAN, Mapping[str, Any]]:
        """A HyperGAN that takes the data set's images, and the facts beside it."""
        checkpoint = load_checkpoint(path, self.config.classifier, len(self.dataset.classes))
        hypergan = checkpoint.distribution
        if not isinstance(hypergan, HyperGAN):
            raise InputError(f"{path} holds no HyperGAN: only those have a noise share")
        check_fit(checkpoint.classifier, hypergan.classifier, self.dataset)
        return hypergan, checkpoint.facts

    def _fingerprint(self, path: Path) -> str:
        hypergan, _ = self._checkpoint(path)
        drawn = fingerprint(hypergan.sample(Networks(self.config.seed, "fresh", [0])))
        return drawn + code_digest(hypergan.classifier)


def _losses(states: Sequence[State], votes: NDArray[np.float64]) -> Iterator[Row]:
    """How far the votes ``[S, n]`` fall behind the best one, on the same images, with paired intervals."""
    best = votes[votes.mean(1).argmax()]
    for state, right in zip(states, votes, strict=True):
        behind = paired_difference_interval(best - right)
        yield state.key | tradeoff_row("vote_loss", behind) | {"images": len(right)}
