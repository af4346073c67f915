"""Writes docs/agreement.md: the same attacks from four libraries at equal settings, side by side.

python tools/agreement_table.py

The settings and the measurement are also those of tests/attacks/test_agreement.py.
"""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

import pandas as pd
import torch
from torch import Tensor, nn

from robust_hypergan.attacks import craft_audited, find_attack
from robust_hypergan.data.datasets import load_dataset, to_unit
from robust_hypergan.models.classifiers import MNISTClassifier

METHODS = {
    "FGSM": {
        "ours": "fgsm",
        "torchattacks": "torchattacks:FGSM",
        "foolbox": "foolbox:FGSM",
        "art": "art:FastGradientMethod",
    },
    "BIM": {
        "ours": "pgd:random_start=false,steps=10,step_size={step}",
        "torchattacks": "torchattacks:BIM:steps=10,alpha={step}",
        "foolbox": "foolbox:LinfBasicIterativeAttack:steps=10,abs_stepsize={step}",
        "art": "art:BasicIterativeMethod:max_iter=10,eps_step={step}",
    },
    "PGD": {
        "ours": "pgd:steps=20,step_size={step}",
        "torchattacks": "torchattacks:PGD:steps=20,alpha={step}",
        "foolbox": "foolbox:LinfPGD:steps=20,abs_stepsize={step}",
        "art": "art:ProjectedGradientDescent:max_iter=20,eps_step={step},num_random_init=1",
    },
    "MI-FGSM": {
        "ours": "mi-fgsm:steps=10,step_size={step}",
        "torchattacks": "torchattacks:MIFGSM:steps=10,alpha={step}",
        "art": "art:MomentumIterativeMethod:max_iter=10,eps_step={step}",
    },
}
"""Each library's spelling of the same attack; ``{step}`` is a fifth of eps."""

OTHER_FORMULA = {"foolbox": "foolbox:MIFGSM:steps=10,abs_stepsize={step}"}
"""foolbox's MI-FGSM adds up the signs of the gradients: not eq. (6) of its paper."""

EPS = (0.05, 0.1, 0.2)
SEEDS = 5
IMAGES = 500

PAGE = """# The same attacks from four libraries

Written by `tools/agreement_table.py` with
{versions}.
The paper's MNIST classifier, trained for one pass over the packaged images, is attacked on {images} test
images; a step is eps / 5. The share that is misclassified afterwards; for PGD, whose starts are random,
the mean over {seeds} seeds and, in brackets, the smallest and the largest. No library left the ball anywhere.

{table}

The largest difference between two libraries in a row is **{apart:.2f} percentage points**, foolbox's MI-FGSM
apart. That one is another attack: it adds up the *signs* of the gradients, where the paper (Dong et al. 2018,
eq. 6) adds up the gradients, each divided by its L1 norm. With signs, our loop gives foolbox's images
(`tests/attacks/test_agreement.py`); it differs by up to {other:.1f} points.

A single random start decides a few images: one PGD run of two libraries may differ by more than a point
on a few hundred images.
"""


def briefly_trained() -> nn.Module:
    """The paper's MNIST classifier after one pass over the packaged images."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        classifier = MNISTClassifier()
    training = load_dataset("mnist-5k", "train")
    optimizer = torch.optim.Adam(classifier.parameters(), 1e-3)
    for images, labels in zip(training.images.split(100), training.labels.split(100), strict=True):
        optimizer.zero_grad()
        nn.functional.cross_entropy(classifier(to_unit(images)), labels).backward()
        optimizer.step()
    return classifier.eval()


def success(model: nn.Module, spec: str, images: Tensor, labels: Tensor, eps: float, seed: int) -> float:
    """Share of the images that are misclassified after the attack, which must not have left the ball."""
    attack = find_attack(spec.format(step=eps / 5), "linf")
    generator = torch.Generator().manual_seed(seed)
    found, audit = craft_audited(attack, model, images, labels, eps=eps, norm="linf", generator=generator)
    assert audit.repaired == 0, spec
    with torch.no_grad():
        return (model(found).argmax(1) != labels).double().mean().item()


def main() -> None:
    """Measures and writes the page."""
    dataset = load_dataset("mnist-5k", "test")
    images, labels = to_unit(dataset.images[:IMAGES]), dataset.labels[:IMAGES]
    model, rows, apart, other = briefly_trained(), [], 0.0, 0.0
    for method, specs in METHODS.items():
        for eps in EPS:
            row, means = {"attack": method, "eps": f"{eps:g}"}, {}
            specs_here = specs | (OTHER_FORMULA if method == "MI-FGSM" else {})
            for library, spec in specs_here.items():
                seeds = SEEDS if method == "PGD" else 1
                shares = [success(model, spec, images, labels, eps, seed) for seed in range(seeds)]
                mean = sum(shares) / seeds
                row[library] = f"{mean:.4f}" + (
                    f" ({min(shares):.3f}-{max(shares):.3f})" if seeds > 1 else ""
                )
                means[library] = mean
            agreeing = [means[library] for library in specs]
            apart = max(apart, 100 * (max(agreeing) - min(agreeing)))
            if method == "MI-FGSM":
                other = max(other, 100 * abs(means["foolbox"] - means["ours"]))
                row["foolbox"] += " (other formula)"
            rows.append(row)
    columns = ["attack", "eps", *METHODS["FGSM"]]
    packages = ("torch", "torchattacks", "foolbox", "adversarial-robustness-toolbox")
    page = PAGE.format(
        versions=", ".join(f"{name} {version(name)}" for name in packages),
        images=IMAGES,
        seeds=SEEDS,
        table=pd.DataFrame(rows)[columns].to_markdown(index=False, disable_numparse=True),
        apart=apart,
        other=other,
    )
    (Path(__file__).parent.parent / "docs" / "agreement.md").write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
