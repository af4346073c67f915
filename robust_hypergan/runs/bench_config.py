"""What a whole run is asked to do: the data, the networks, the attacks and the evidence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from robust_hypergan.base.errors import InputError
from robust_hypergan.data.datasets import Dataset, load_dataset
from robust_hypergan.evidence.measured import EvidenceConfig
from robust_hypergan.models.hypergan import HyperGAN, HyperGANConfig
from robust_hypergan.training.config import TrainConfig
from robust_hypergan.training.ensemble_training import EnsembleConfig
from robust_hypergan.transferability.cells import SavedCell
from robust_hypergan.transferability.config import TransferConfig


@dataclass(frozen=True)
class DataConfig:
    """Which data, and where it lies.

    Attributes:
        name: a name of :func:`robust_hypergan.data.datasets.dataset_names`.
        root: folder of the data sets that do not come with the package.
        download: fetch what is missing.
    """

    name: str = "mnist-5k"
    root: Path = Path("data")
    download: bool = False

    def load(self, split: str) -> Dataset:
        """One split.

        Raises:
            InputError: it can't be loaded, or all of it is of one class.
        """
        dataset = load_dataset(self.name, split, root=self.root, download=self.download)
        if len(dataset.labels.unique()) < 2:
            raise InputError(
                f"data set {self.name}, {split}: every image is of one class, nothing to tell apart"
            )
        return dataset


@dataclass(frozen=True)
class BenchConfig:
    """A whole run.

    Attributes:
        data: the data set.
        checkpoint: networks that were trained before, see
            :func:`robust_hypergan.storage.checkpoint.load_checkpoint`; None trains some.
        classifier: specification of the classifier to train, or of the checkpoint's if it is the user's
            own code; None is the paper's for such images, or the checkpoint's.
        hypergan: sizes and ablations of the HyperGAN to train.
        ensemble: another kind of network distribution to train instead, with the same budget.
        training: steps, rates and seed.
        transfer: attacks, eps and counts; None stops after training.
        evidence: what is measured beside the transfer, to make it believable.
        adversarials: folder of adversarial images that were kept before, tried instead of crafting.
        save_adversarials: keep the adversarial images.

    Raises:
        InputError: several sources are asked for, but the adversarial images are there already.
    """

    data: DataConfig = field(default_factory=DataConfig)
    checkpoint: Path | None = None
    classifier: str | None = None
    hypergan: HyperGANConfig = field(default_factory=HyperGANConfig)
    ensemble: EnsembleConfig | None = None
    training: TrainConfig = field(default_factory=TrainConfig)
    transfer: TransferConfig | None = field(default_factory=TransferConfig)
    evidence: EvidenceConfig = field(default_factory=EvidenceConfig)
    adversarials: Path | None = None
    save_adversarials: bool = False

    def __post_init__(self) -> None:
        if self.adversarials and self.evidence.sources > 1:
            raise InputError(
                f"saved adversarials have one source, not {self.evidence.sources}: "
                "leave out --sources or --adversarials"
            )

    @property
    def checkpoint_name(self) -> str:
        """Name of the file that the trained networks are written to."""
        return f"{self.ensemble.kind if self.ensemble else HyperGAN.kind}.safetensors"

    def plain(self, saved: Sequence[SavedCell] = ()) -> dict[str, Any]:
        """What matters of it, as JSON values: what is loaded has no training, and says how it was crafted.

        Args:
            saved: the cells in ``adversarials``, whose settings are recorded in place of those of a transfer.
        """
        config = asdict(self)
        if self.ensemble:
            config["training"] = asdict(self.training.of_ensemble())
        if self.transfer and saved:
            config["transfer"] |= _asked(saved)
        unused = ["hypergan", "ensemble", "training"] if self.checkpoint else []
        unused += [] if self.transfer else ["evidence"]
        for name in unused:
            del config[name]
        return plain_values(config)


def _asked(saved: Sequence[SavedCell]) -> dict[str, Any]:
    """What cells were crafted with, as a transfer is asked it; several norms or targets are a list."""
    attacks, eps, norms, targets = (
        list(dict.fromkeys(getattr(each.cell, name) for each in saved))
        for name in ("attack", "eps", "norm", "target")
    )
    return {
        "attacks": attacks,
        "eps": sorted(eps),
        "norm": norms if len(norms) > 1 else norms[0],
        "target": targets if len(targets) > 1 else targets[0],
        "examples": len(saved[0].tried),
    }


def plain_values(config: Mapping[str, Any]) -> dict[str, Any]:
    """A configuration whose paths are text, as JSON takes it."""
    return {key: _plain(value) for key, value in config.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return plain_values(value)
    return str(value) if isinstance(value, Path) else value
