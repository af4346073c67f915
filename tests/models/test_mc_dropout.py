"""MC dropout: a network is the classifier in training mode under the mask that its address draws."""

import pytest
import torch
from torch import nn

from robust_hypergan.base.errors import InputError
from robust_hypergan.models.mc_dropout import DropoutNetworks
from robust_hypergan.models.networks import Networks, materialise
from tests.zoo import ResidualNetwork, VisionTransformer, WithoutBiases, multilayer_perceptron

IMAGES = torch.rand(6, 1, 8, 8, generator=torch.Generator().manual_seed(0))


class Given(nn.Module):
    """In place of dropout: exactly this mask."""

    def __init__(self, mask):
        super().__init__()
        self.given = mask

    def forward(self, features):
        return features * self.given


@pytest.mark.parametrize(
    ("build", "name", "shape", "p"),
    [
        (multilayer_perceptron, "3", (1, 32), 0.3),
        (ResidualNetwork, "block.3", (1, 8, 1, 1), 0.2),
        (VisionTransformer, "mlp.2", (1, 17, 32), 0.1),
    ],
)
def test_a_network_is_the_module_run_with_that_very_mask(build, name, shape, p):
    classifier = build()
    distribution = DropoutNetworks(classifier, (1, 8, 8))
    address = Networks(2, "fresh", [5])
    kept = torch.from_numpy(address.random(5).random(shape) >= p)
    assert not kept.all()
    classifier.set_submodule(name, Given(kept / (1 - p)))
    torch.testing.assert_close(materialise(distribution, address)(IMAGES), classifier.eval()(IMAGES))


def test_a_network_is_the_same_alone_and_among_others():
    distribution = DropoutNetworks(ResidualNetwork(), (1, 8, 8))
    together = distribution.sample(Networks(0, "fresh", [8, 3, 3]))["block.3.mask"]
    alone = distribution.sample(Networks(0, "fresh", [3]))["block.3.mask"]
    assert torch.equal(together[1:], alone.expand(2, *alone.shape[1:]))
    assert not torch.equal(together[0], alone[0])


def test_masks_drop_the_share_that_they_should():
    masks = DropoutNetworks(multilayer_perceptron(), (1, 8, 8)).sample(Networks(0, "eot", range(200)))
    assert (masks["3.mask"] == 0).double().mean().item() == pytest.approx(0.3, abs=0.02)
    assert masks["3.mask"].max().item() == pytest.approx(1 / 0.7)


def test_a_network_comes_back_from_its_tensors():
    first = DropoutNetworks(ResidualNetwork(), (1, 8, 8))
    second = DropoutNetworks.restore(ResidualNetwork(), first.settings(), first.tensors())
    address = Networks(0, "source", [0])
    assert torch.equal(materialise(first, address)(IMAGES), materialise(second, address)(IMAGES))


def test_dropout_of_what_is_zero_for_a_grey_image_is_taken():
    centred = nn.Sequential(
        nn.InstanceNorm2d(1), nn.Conv2d(1, 4, 3, bias=False), nn.Dropout(), nn.Flatten(), nn.Linear(144, 3)
    )
    assert DropoutNetworks(centred, (1, 8, 8)).masks


def transformer_layer():
    layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
    return nn.Sequential(nn.Flatten(1, 2), layer, nn.Flatten(), nn.Linear(64, 3))


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (WithoutBiases, "has no nn.Dropout module"),
        (
            lambda: nn.Sequential(nn.Flatten(), nn.AlphaDropout(), nn.Linear(64, 3)),
            "a mask cannot stand for 1",
        ),
        (lambda: nn.Sequential(nn.Linear(8, 8), nn.Flatten(0), nn.Dropout()), "with images first"),
        (lambda: nn.Sequential(nn.Flatten(), *[nn.Dropout()] * 2, nn.Linear(64, 3)), "once in a forward"),
        (transformer_layer, "no effect in eval mode"),
    ],
)
def test_dropout_that_a_mask_cannot_stand_for_is_refused(build, message):
    with pytest.raises(InputError, match=message):
        DropoutNetworks(build(), (1, 8, 8))
