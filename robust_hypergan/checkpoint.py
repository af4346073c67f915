"""HyperGANs on disk: weights in safetensors with the configuration in its metadata, never pickle."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from robust_hypergan.classifiers import build_classifier
from robust_hypergan.errors import InputError
from robust_hypergan.hypergan import HyperGAN, HyperGANConfig

FORMAT = "robust-hypergan checkpoint 1"


@dataclass(frozen=True)
class Checkpoint:
    """What a checkpoint holds.

    Attributes:
        hypergan: the HyperGAN, in eval mode, on the CPU.
        classifier: name of its classifier.
        classes: its number of classes.
        facts: where it came from: data set and its hash, training configuration, steps.
    """

    hypergan: HyperGAN
    classifier: str
    classes: int
    facts: Mapping[str, Any]


def save_tensors(path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> None:
    """Writes a safetensors file beside its final name and renames it, so that it is whole or absent."""
    beside = path.with_name(path.name + ".part")
    plain = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
    beside.write_bytes(save(plain, dict(metadata)))
    os.replace(beside, path)


def save_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Writes mixer and generators with everything needed to build them again."""
    described = {
        "classifier": checkpoint.classifier,
        "classes": checkpoint.classes,
        "hypergan": asdict(checkpoint.hypergan.config),
        "facts": dict(checkpoint.facts),
    }
    metadata = {"format": FORMAT, "configuration": json.dumps(described, sort_keys=True)}
    save_tensors(path, checkpoint.hypergan.generator.state_dict(), metadata)


def read_tensors(path: Path, format: str, what: str) -> tuple[dict[str, Tensor], Mapping[str, str]]:
    """Tensors and metadata of one of our safetensors files.

    Raises:
        InputError: no such file, not safetensors, truncated, or of another format.
    """
    if not path.is_file():
        raise InputError(f"no {what} at {path}: give the path of a file that robust-hypergan wrote")
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a mapping
    except (SafetensorError, OSError) as error:
        raise InputError(f"{path} is damaged or not a safetensors file ({error})") from error
    if metadata.get("format") != format:
        raise InputError(
            f"{path} is not a {what} ({metadata.get('format', 'no format')!r} instead of {format!r})"
        )
    return tensors, metadata


def load_checkpoint(path: Path) -> Checkpoint:
    """Reads a checkpoint; the HyperGAN generates the same networks as the saved one, bit for bit.

    Raises:
        InputError: no such file, damaged, not ours, or of a classifier whose shapes have changed.
    """
    tensors, metadata = read_tensors(path, FORMAT, "HyperGAN checkpoint")
    try:
        described = json.loads(metadata["configuration"])
        config = HyperGANConfig(**described["hypergan"])
        name, classes = str(described["classifier"]), int(described["classes"])
        facts = dict(described["facts"])
        hypergan = HyperGAN(build_classifier(name, classes), config)
        hypergan.generator.load_state_dict(tensors)
    except InputError:
        raise
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"{path} does not fit its own configuration ({reason}): write it again") from error
    return Checkpoint(hypergan, name, classes, facts)
