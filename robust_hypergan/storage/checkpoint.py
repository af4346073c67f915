"""Network distributions on disk: tensors in safetensors, the configuration in its metadata, never pickle."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from torch import nn

from robust_hypergan.base.errors import InputError, check_range, unknown
from robust_hypergan.base.finite import NotFinite, check_finite, first_not_finite
from robust_hypergan.base.user_code import build_from_user_code, is_user_code, short
from robust_hypergan.models.classifiers import build_classifier
from robust_hypergan.models.deep_ensemble import DeepEnsemble, read_members
from robust_hypergan.models.gaussian import GaussianPosterior
from robust_hypergan.models.hypergan import HyperGAN
from robust_hypergan.models.mc_dropout import DropoutNetworks
from robust_hypergan.models.networks import NetworkDistribution, Networks, StoredDistribution, check_draw
from robust_hypergan.models.ordinary import OrdinaryNetwork
from robust_hypergan.models.parameters import Params
from robust_hypergan.storage.tensor_files import read_tensors, save_tensors

FORMAT, UNHASHED = "robust-hypergan checkpoint 2", "robust-hypergan checkpoint 1"
"""The format that is written, and the older one that is still read."""

MOST_CLASSES = 10_000
"""So many a classifier may have, before its tensors are seen: a file can't fill the memory."""

KINDS: dict[str, type[StoredDistribution]] = {
    each.kind: each for each in (HyperGAN, DeepEnsemble, DropoutNetworks, GaussianPosterior, OrdinaryNetwork)
}
"""The network distributions that a checkpoint can hold, by the name it calls them."""


@dataclass(frozen=True)
class Checkpoint:
    """What a checkpoint holds.

    Attributes:
        distribution: what networks are drawn from, in eval mode, on the CPU.
        classifier: specification of its classifier: a built-in name or the user's own code.
        classes: its number of classes.
        facts: where it came from: data set and its hash, training configuration, steps.
    """

    distribution: NetworkDistribution
    classifier: str
    classes: int
    facts: Mapping[str, Any]


def save_checkpoint(path: Path | str, checkpoint: Checkpoint) -> None:
    """Writes a distribution with everything needed to build it again.

    Raises:
        InputError: it is not of a kind that a checkpoint can hold, or has facts that are no JSON.
        NotFinite: a weight is not; what is there stays.
    """
    distribution = checkpoint.distribution
    kind = next((name for name, each in KINDS.items() if isinstance(distribution, each)), None)
    if kind is None:
        raise InputError(f"a {type(distribution).__name__} can't be saved: checkpoints hold {list(KINDS)}")
    stored = cast(StoredDistribution, distribution)
    described = {
        "kind": kind,
        "classifier": checkpoint.classifier,
        "classes": checkpoint.classes,
        "parameters": _shapes(distribution.classifier),
        kind: stored.settings(),
        "facts": dict(checkpoint.facts),
    }
    check_finite("weight", stored.tensors())
    try:
        configuration = json.dumps(described, sort_keys=True)
    except (TypeError, ValueError) as error:
        raise InputError(f"the facts can't be saved as JSON ({error}): give text and numbers") from error
    metadata = {"format": FORMAT, "configuration": configuration}
    save_tensors(Path(path), stored.tensors(), metadata)


def load_checkpoint(
    path: Path | str, classifier: str | None = None, classes: int | None = None
) -> Checkpoint:
    """Reads a distribution; it gives the same networks as the saved one, bit for bit.

    Args:
        path: a checkpoint; or a folder of state dicts of one classifier, which are a deep ensemble; or
            ``package.module:NAME`` or ``./file.py:NAME`` of a function that makes a distribution.
        classifier: specification of the classifier. It is needed for a folder, and for a checkpoint of
            a classifier of the user's own: a checkpoint never imports code by itself.
        classes: number of classes, for what does not say so itself.

    Raises:
        InputError: no such file, damaged, not ours, or of a classifier whose shapes have changed.
    """
    path = Path(path)
    if is_user_code(path.name) and not path.exists():
        return _call_user(str(path), classes)
    if path.is_dir():
        if classes is None:
            raise InputError(f"{path} is a folder of networks: give a checkpoint's file")
        if classifier is None:
            raise InputError(f"{path} is a folder: --classifier names the classifier of the networks in it")
        members = read_members(path, build_classifier(classifier, classes))
        return Checkpoint(members, classifier, classes, {})
    tensors, metadata = read_tensors(path, FORMAT, "HyperGAN checkpoint", unhashed=UNHASHED)
    broken = first_not_finite(tensors)
    if broken:
        raise NotFinite(f"{path} is of no use: its weight {broken} is not finite; take an earlier snapshot")
    try:
        return _restored(json.loads(metadata["configuration"]), tensors, classifier)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    except Exception as error:  # a file may say anything
        raise InputError(
            f"{path} does not fit its own configuration ({short(error)}): write it again"
        ) from error


def _restored(described: Mapping[str, Any], tensors: Params, classifier: str | None) -> Checkpoint:
    """The checkpoint of a configuration and tensors from a file, neither of which is trusted."""
    name, classes = str(described["classifier"]), int(described["classes"])
    check_range("number of classes", classes, 1, MOST_CLASSES)
    if classifier is None and is_user_code(name):
        raise InputError(
            f"it holds networks of {name}, which is no code of ours: if you trust that code, "
            f"say --classifier {name}"
        )
    name = classifier or name
    kind, facts = described.get("kind", HyperGAN.kind), dict(described["facts"])
    if kind not in KINDS:
        raise unknown("kind of checkpoint", str(kind), KINDS)
    built = build_classifier(name, classes)
    _check_shapes(name, _shapes(built), described.get("parameters"))
    _check_types(tensors, built)
    restored = KINDS[kind].restore(built, described[kind], tensors)
    check_draw(restored, Networks(0, "source", [0]))
    return Checkpoint(restored, name, classes, facts)


def _shapes(classifier: nn.Module) -> dict[str, list[int]]:
    return {name: list(value.shape) for name, value in classifier.named_parameters()}


def _check_shapes(name: str, ours: dict[str, list[int]], theirs: dict[str, list[int]] | None) -> None:
    if theirs is not None and ours != theirs:
        other = next(each for each in [*theirs, *ours] if ours.get(each) != theirs.get(each))
        raise InputError(
            f"it is of another classifier than {name}: {other} is {theirs.get(other, 'absent')} there "
            f"and {ours.get(other, 'absent')} here"
        )


def _check_types(tensors: Params, built: nn.Module) -> None:
    """Refuses types that are none of the classifier's, which loading would convert."""
    types = {value.dtype for value in built.state_dict().values()}
    for name, value in tensors.items():
        if value.dtype not in types:
            raise InputError(f"{name} is of type {value.dtype}, the classifier of {next(iter(types))}")


def _call_user(specification: str, classes: int | None) -> Checkpoint:
    made = build_from_user_code(specification, "checkpoint", classes)
    if not isinstance(getattr(made, "classifier", None), nn.Module) or not callable(
        getattr(made, "sample", None)
    ):
        raise InputError(f"checkpoint {specification} makes something without classifier and sample")
    check_draw(made, Networks(0, "source", [0]))
    return Checkpoint(made, specification, classes or 0, {})
