"""Writes docs/attacks.md: every attack of the libraries, tried on the paper's two classifiers.

python tools/attack_table.py

What is tried is whether an attack runs, keeps to the ball and passes the audit, on a few images and with
few steps; how strong it is does not show in so small a trial.
"""

from __future__ import annotations

import re
import signal
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from types import FrameType

import torch
from torch import Tensor, nn

from robust_hypergan.attacks import Attack, AttackError, attack_norms, attack_options, craft_audited
from robust_hypergan.attacks.registry import ADAPTERS
from robust_hypergan.data.datasets import load_dataset, to_unit
from robust_hypergan.models.classifiers import CIFARClassifier, MNISTClassifier

PACKAGES = {"torchattacks": "torchattacks", "foolbox": "foolbox", "art": "adversarial-robustness-toolbox"}
EPS = {"linf": 0.1, "l2": 1.0}
IMAGES = 6
SECONDS = 8
SMALL = {
    "steps": 5, "n_queries": 30, "max_iterations": 10, "max_iter": 3, "binary_search_steps": 2,
    "nb_sample": 8, "popsize": 5, "restarts": 2, "repeats": 3, "directions": 3, "population": 5,
    "max_eval": 50,
    "init_eval": 10, "initial_gradient_eval_steps": 10, "max_gradient_eval_steps": 50, "num_trial": 2,
    "query_limit": 100, "k": 5, "max_halving": 2, "max_doubling": 2, "nb_random_init": 1, "init_size": 20,
}  # fmt: skip
"""Options that say how long an attack works, and their values here."""

HEAD = """# Attacks of other libraries

Written by `tools/attack_table.py` with {versions}.
Every attack class ran on {images} images of each of the paper's classifiers, the MNIST one (1x28x28) and the
CIFAR one (3x32x32, trained here on coloured digits), with few steps and at most {seconds} seconds, at eps
{linf} in L-inf or, where it has no L-inf, {l2} in L2. *Works* says that the attack ran and what the audit
found; of its strength so small a trial says nothing. A class of another norm is refused before anything runs.
All aim at any wrong class; one that *only* takes a class to aim at (`foolbox:GenAttack`) needs `--target`.
*Repaired* images were outside the ball and are projected: an attack that minimises its perturbation knows no
eps. An attack that *left every image unchanged* returns the input where it does not succeed.

| attack | norms | MNIST | CIFAR | passes for each image, forward + backward |
| --- | --- | --- | --- | --- |
"""


class _TooLong(Exception):
    pass


def coloured(images: Tensor) -> Tensor:
    """Digits ``[N, 1, 28, 28]`` as orange ones on blue ``[N, 3, 32, 32]``."""
    padded = nn.functional.pad(images, (2, 2, 2, 2))
    return torch.cat([padded, padded * 0.6, 0.5 - padded * 0.4], 1)


def trained(classifier: nn.Module, dress: Callable[[Tensor], Tensor]) -> nn.Module:
    """The classifier after one pass over the packaged digits."""
    training = load_dataset("mnist-5k", "train")
    optimizer = torch.optim.Adam(classifier.parameters(), 1e-3)
    for images, labels in zip(training.images.split(100), training.labels.split(100), strict=True):
        optimizer.zero_grad()
        nn.functional.cross_entropy(classifier(dress(to_unit(images))), labels).backward()
        optimizer.step()
    return classifier.eval()


def tried(attack: Attack, norm: str, model: nn.Module, images: Tensor, labels: Tensor) -> tuple[str, str]:
    """What happened in words, and the passes for each image."""

    def stop(_: int, __: FrameType | None) -> None:
        raise _TooLong(f"not done after {SECONDS} seconds")

    signal.signal(signal.SIGALRM, stop)
    signal.alarm(SECONDS)
    try:
        generator = torch.Generator().manual_seed(0)
        _, audit = craft_audited(attack, model, images, labels, eps=EPS[norm], norm=norm, generator=generator)
    except AttackError as error:
        reason = " ".join(str(error).split()).partition(" raised ")[2] or str(error)
        return "no: " + reason.removeprefix("_TooLong: ").replace("|", "\\|")[:110], ""
    finally:
        signal.alarm(0)
    findings = [f"{audit.repaired} of {IMAGES} repaired"] if audit.repaired else []
    record = audit.record()
    passes = f"{record['forward_per_example']:.4g} + {record['backward_per_example']:.4g}"
    return "; ".join(["works", *findings, *audit.notes]), passes


def row(library: str, name: str, kind: type, subjects: list[tuple[nn.Module, Tensor, Tensor]]) -> str:
    """One line of the table."""
    craft = ADAPTERS[library].adapt(kind)
    norms, options = attack_norms(craft), attack_options(craft)
    spec = f"{library}:{name}"
    if not norms:
        return f"| `{spec}` | neither | no: works in another norm | | |"
    missing = [key for key, option in options.items() if option.default is option.empty and key not in SMALL]
    if missing:
        return f"| `{spec}` | {', '.join(norms)} | no: needs {', '.join(missing)} | | |"
    chosen = {key: value for key, value in SMALL.items() if key in options}
    outcomes = [tried(Attack(spec, craft, chosen), norms[0], *subject) for subject in subjects]
    passes = next((counted for _, counted in outcomes if counted), "")
    return f"| `{spec}` | {', '.join(norms)} | {outcomes[0][0]} | {outcomes[1][0]} | {passes} |"


def main() -> None:
    """Tries everything and writes the page."""
    started = time.perf_counter()
    torch.manual_seed(0)
    test_set = load_dataset("mnist-5k", "test")
    subjects = []
    for classifier, dress in ((MNISTClassifier(), lambda images: images), (CIFARClassifier(), coloured)):
        model = trained(classifier, dress)
        images = dress(to_unit(test_set.images[:200]))
        correct = (model(images).argmax(1) == test_set.labels[:200]).nonzero().flatten()[:IMAGES]
        subjects.append((model, images[correct], test_set.labels[correct]))
    lines = []
    for library, adapter in ADAPTERS.items():
        for name, kind in adapter.classes().items():
            lines.append(row(library, name, kind, subjects))
            print(f"{time.perf_counter() - started:4.0f} s {lines[-1]}", flush=True)
    versions = ", ".join(f"{library} {version(package)}" for library, package in PACKAGES.items())
    head = HEAD.format(versions=versions, images=IMAGES, seconds=SECONDS, **EPS)
    page = re.sub(r"0x[0-9a-f]+", "0x...", head + "\n".join(lines) + "\n")
    (Path(__file__).parent.parent / "docs" / "attacks.md").write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
