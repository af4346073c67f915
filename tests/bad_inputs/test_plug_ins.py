"""What other people's attacks, classifiers and distributions return: one line where it is of no use."""

import pytest
import torch

from robust_hypergan.attacks import AttackError, craft_audited, find_attack
from robust_hypergan.base.errors import InputError
from robust_hypergan.models.classifiers import MNISTClassifier
from robust_hypergan.storage.checkpoint import load_checkpoint

SIGNATURE = "(model, inputs, labels, *, eps, norm, generator, targets=None)"

RETURNED = {
    "None": "None",
    "a number": "3",
    "a list": "inputs.tolist()",
    "an array": "inputs.numpy()",
    "a tuple": "(inputs, labels)",
    "labels": "labels",
    "a single image": "inputs[0]",
    "fewer images": "inputs[:-1]",
    "more images": "torch.cat([inputs, inputs[:1]])",
    "another shape": "inputs.flatten(1)",
    "no image": "inputs[:0]",
    "bytes": "(255 * inputs).byte()",
    "truth values": "inputs > 0.5",
    "complex": "inputs * 1j",
    "meta": "inputs.to('meta')",
    "sparse": "inputs.to_sparse()",
    "perturbations": "torch.zeros_like(inputs)",
    "an exception": "1 / 0",
    "an exit": "exit(0)",
    "an assertion": "(_ for _ in ()).throw(AssertionError('two\\nlines'))",
    "no memory": "(_ for _ in ()).throw(MemoryError())",
    "an end of iteration": "next(iter(()))",
    "a generator": "(each for each in inputs)",
}


@pytest.mark.parametrize("returned", RETURNED.values(), ids=RETURNED)
def test_an_attack_that_returns_anything_else_fails_its_cell(returned, tmp_path):
    (tmp_path / "own.py").write_text(f"import torch\ndef craft{SIGNATURE}:\n    return {returned}\n")
    attack = find_attack(f"{tmp_path / 'own.py'}:craft", "linf")
    images = torch.rand(4, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    with pytest.raises(AttackError, match=r"own\.py:craft"):
        craft_audited(
            attack,
            MNISTClassifier().eval(),
            images,
            torch.arange(4),
            eps=0.1,
            norm="linf",
            generator=torch.Generator(),
        )


DISTRIBUTION = """
import torch
from torch import nn
class Own:
    def __init__(self, classes):
        self.classifier = nn.Sequential(nn.Flatten(), nn.Linear(784, classes)).eval()
    def sample(self, networks):
        count = len(networks)
        good = {"1.weight": torch.zeros(count, 10, 784), "1.bias": torch.zeros(count, 10)}
        return RESULT
"""

SAMPLED = {
    "nothing": "None",
    "a list": "list(good.values())",
    "a missing parameter": "{'1.weight': good['1.weight']}",
    "another name": "{'weight': good['1.weight'], 'bias': good['1.bias']}",
    "no network axis": "{name: value[0] for name, value in good.items()}",
    "too many networks": "{name: torch.cat([value, value]) for name, value in good.items()}",
    "another shape": "good | {'1.bias': torch.zeros(count, 9)}",
    "numbers": "good | {'1.bias': 3}",
    "whole numbers": "{name: value.long() for name, value in good.items()}",
    "float64": "{name: value.double() for name, value in good.items()}",
    "NaN": "{name: value / 0 for name, value in good.items()}",
    "infinity": "{name: value + torch.inf for name, value in good.items()}",
    "an exception": "good['two\\nlines']",
    "an exit": "exit(0)",
}


@pytest.mark.parametrize("sampled", SAMPLED.values(), ids=SAMPLED)
def test_a_distribution_that_gives_anything_else_is_one_line(sampled, refuse, traps):
    (traps / "own.py").write_text(DISTRIBUTION.replace("RESULT", sampled))
    refuse("transfer", "--checkpoint", "./own.py:Own", "--out", "r", names=("Own",))


def test_a_distribution_that_keeps_the_contract_is_taken(traps):
    (traps / "own.py").write_text(DISTRIBUTION.replace("RESULT", "good"))
    assert load_checkpoint(traps / "own.py:Own", classes=10).classes == 10


LOGITS = {
    "NaN": "logits / 0 * 0",
    "infinity": "logits + torch.inf",
    "a tuple": "(logits, logits)",
    "nothing": "None",
    "a number": "logits.sum()",
    "too few classes": "logits[:, :9]",
    "an exception": "1 / 0",
    "an exit": "exit(0)",
}


@pytest.mark.parametrize("logits", LOGITS.values(), ids=LOGITS)
def test_a_classifier_that_gives_anything_else_is_one_line(logits, refuse, traps):
    (traps / "own.py").write_text(
        "import torch\nfrom torch import nn\nclass Own(nn.Module):\n"
        "    def __init__(self):\n        super().__init__()\n        self.layer = nn.Linear(784, 10)\n"
        "    def forward(self, images):\n"
        f"        logits = self.layer(images.flatten(1))\n        return {logits}\n"
    )
    refuse("bench", "--classifier", "./own.py:Own", "--kind", "ordinary", "--out", "r", names=("own.py:Own",))


def test_a_training_that_diverges_is_not_measured(training_set, untrained):
    import copy

    from robust_hypergan.training.config import TrainConfig
    from robust_hypergan.training.ensemble_training import EnsembleConfig, train_ensemble
    from robust_hypergan.training.loop import train

    config = TrainConfig(steps=20, networks=2, batch=8, learning_rate=1e30, codes=16, pretraining=1)
    with pytest.raises(InputError, match=r"training stopped after \d+ steps: .* lower --learning-rate"):
        train(copy.deepcopy(untrained), training_set, config)
    ensemble = EnsembleConfig("ordinary", learning_rate=1e30)
    classifier = copy.deepcopy(untrained.classifier).requires_grad_()
    with pytest.raises(InputError, match=r"training stopped after \d+ steps: .* lower --learning-rate"):
        train_ensemble(lambda _: copy.deepcopy(classifier), training_set, config, ensemble)
