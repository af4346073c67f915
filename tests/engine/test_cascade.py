"""The cascade: the predictions of float32, whatever bfloat16 makes of them."""

import pytest
import torch
from torch import nn
from torch.nn.utils.parametrizations import weight_norm

from robust_hypergan.base.errors import InputError
from robust_hypergan.engine import cascade
from robust_hypergan.engine.cascade import Account, Cascade
from robust_hypergan.engine.ensemble import default_precision, ensemble_forward, flop_of
from robust_hypergan.engine.half import check_half, halved
from robust_hypergan.engine.loops import Loop
from robust_hypergan.models.classifiers import MNISTClassifier
from robust_hypergan.models.hypergan import HyperGAN
from robust_hypergan.models.networks import Networks
from robust_hypergan.transferability.config import TransferConfig
from robust_hypergan.transferability.measurement import transfer


@pytest.fixture(scope="module")
def hypergan():
    return HyperGAN(MNISTClassifier(), seed=0)


@pytest.fixture(scope="module")
def images():
    return torch.rand(300, 1, 28, 28, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("backend", ["loop", "chunked-loop", "vmap"])
def test_predictions_are_those_of_float32_where_plain_bfloat16_differs(hypergan, images, backend):
    """Untrained networks are unsure of everything: the hardest case."""
    params = hypergan.sample(Networks(0, "fresh", range(8)))
    account = Account()
    with torch.no_grad():
        exact = Loop(hypergan.classifier, images)(params).argmax(2)
        half = Loop(hypergan.classifier, images, half=True)(params).argmax(2)
        found = Cascade(hypergan.classifier, images, backend)(params, 0, account).argmax(2)
    assert (half != exact).any()
    assert torch.equal(found, exact)
    assert account.pairs == 8 * 300
    assert 0 < account.repeated < account.pairs
    assert account.audited == 16 * cascade.SAMPLE
    assert account.disagreeing == 0
    assert account.tau == cascade.SAFETY * account.logit_error > 0


def test_a_disagreement_in_the_audit_is_counted_and_its_block_computed_again(hypergan, images, monkeypatch):
    monkeypatch.setattr(cascade, "SAFETY", 0.0)  # no margin at all: near ties slip through
    account = Account()
    params = hypergan.sample(Networks(0, "fresh", range(16)))
    with torch.no_grad():
        run = Cascade(hypergan.classifier, images, "chunked-loop")
        numbers = iter(range(100))
        while not account.disagreeing:
            found = run(params, next(numbers), account).argmax(2)
        exact = Loop(hypergan.classifier, images)(params).argmax(2)
        assert torch.equal(found, exact)
    assert account.repeated == 0
    assert account.record()["repeated_share"] == 0


def test_what_becomes_of_a_block_does_not_depend_on_those_before(hypergan, images):
    params = hypergan.sample(Networks(0, "fresh", range(4)))
    other = hypergan.sample(Networks(0, "fresh", range(4, 8)))
    run, accounts = Cascade(hypergan.classifier, images, "chunked-loop"), [Account(), Account()]
    with torch.no_grad():
        alone = run(params, 3, accounts[0])
        run(other, 2, accounts[1])
        assert torch.equal(run(params, 3, accounts[1]), alone)


def test_the_transfer_is_the_same_in_all_but_the_probabilities(trained, test_set):
    config = {"attacks": ("fgsm",), "eps": (0.1,), "networks": 20, "examples": 80}
    exact, fast = (
        transfer(trained, test_set, TransferConfig(**config, precision=precision))
        for precision in ("float32", "cascade")
    )
    probabilities = ["entropy_clean", "entropy_adversarial"]
    assert exact.examples.drop(columns=probabilities).equals(fast.examples.drop(columns=probabilities))
    assert exact.networks.equals(fast.networks)
    difference = (exact.examples[probabilities] - fast.examples[probabilities]).abs().to_numpy().max()
    assert 0 < difference < 0.02
    assert fast.forward.precision == "cascade"
    assert exact.forward.record()["pairs"] == 0


def test_the_choice_is_written_down_and_small_jobs_stay_in_float32(hypergan, images):
    account = Account()
    blocks = ensemble_forward(
        hypergan, Networks(0, "fresh", range(2)), images, precision=None, account=account
    )
    assert len(list(blocks)) == 1
    assert (account.backend, account.precision) == ("chunked-loop", "float32")
    bfloat16 = torch.ops.mkldnn._is_mkldnn_bf16_supported()
    assert default_precision(hypergan.classifier, images, 1e13) == ("cascade" if bfloat16 else "float32")


def test_what_cannot_be_halved_is_refused_by_name_and_left_in_float32():
    class Fixed(nn.Module):
        def __init__(self):
            super().__init__()
            self.linear = nn.Linear(4, 3)

        def forward(self, images):
            return self.linear(images.flatten(1) @ torch.eye(4))

    with pytest.raises(InputError, match="use --precision float32"):
        check_half(Fixed(), torch.rand(2, 1, 2, 2))
    assert default_precision(Fixed(), torch.rand(300, 1, 2, 2), 1e13) == "float32"


def test_norm_layers_and_the_last_layer_keep_what_half_precision_would_round():
    classifier = nn.Sequential(
        nn.Conv2d(1, 4, 3),
        nn.GroupNorm(2, 4),
        nn.Flatten(),
        nn.Linear(16, 8),
        nn.LayerNorm(8),
        nn.Linear(8, 3),
    )
    module, cast = halved(classifier)
    kinds = {name: value.dtype for name, value in cast(dict(classifier.named_parameters())).items()}
    assert {name for name, kind in kinds.items() if kind == torch.float32} == {
        f"{layer}.{name}" for layer in (1, 4, 5) for name in ("weight", "bias")
    }
    assert kinds == {name: value.dtype for name, value in module.named_parameters()}
    kinds = halved(nn.Sequential(nn.Flatten(), weight_norm(nn.Linear(16, 3))))[1]
    named = dict(nn.Sequential(nn.Flatten(), weight_norm(nn.Linear(16, 3))).named_parameters())
    assert {value.dtype for value in kinds(named).values()} == {torch.float32}
    images = torch.rand(2, 1, 4, 4).bfloat16()
    assert module[1](module[0](images)).dtype == torch.bfloat16
    assert module(images).dtype == torch.float32


def test_operations_are_counted():
    # two convolutions and a linear layer: multiplications and additions
    expected = 2 * (24 * 24 * 32 * 25 + 8 * 8 * 32 * 32 * 25 + 512 * 10)
    assert flop_of(MNISTClassifier(), torch.rand(3, 1, 28, 28)) == expected


def test_a_single_image_can_be_computed(hypergan, images):
    networks = Networks(0, "fresh", range(2))
    ((_, found),) = ensemble_forward(hypergan, networks, images[:1], precision="cascade")
    ((_, expected),) = ensemble_forward(hypergan, networks, images[:1], precision="float32")
    assert torch.equal(found.argmax(2), expected.argmax(2))
