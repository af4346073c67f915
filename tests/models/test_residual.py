"""The residual classifier: its shape, that it can be generated in chunks, and what one would do with it."""

import pytest
import torch

from robust_hypergan.data.datasets import make_dataset
from robust_hypergan.measures.accuracy import measure_accuracy
from robust_hypergan.models.classifiers import build_classifier
from robust_hypergan.models.hypergan import HyperGAN, HyperGANConfig
from robust_hypergan.models.layer_generators import ChunkedLayerGenerator
from robust_hypergan.models.networks import Networks
from robust_hypergan.models.residual import ResidualBlock, ResidualClassifier
from robust_hypergan.storage.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from robust_hypergan.training.config import TrainConfig
from robust_hypergan.training.loop import train
from robust_hypergan.transferability.config import TransferConfig
from robust_hypergan.transferability.measurement import transfer

SMALL = HyperGANConfig(latent_dim=16, code_dim=8, hidden=16, chunk=2304, noise_share=0.25)


def colours(split: str, count: int):
    """Noisy images of three colours, small because the classifier takes any size."""
    random = torch.Generator().manual_seed(len(split))
    labels = torch.arange(count) % 3
    images = torch.randint(0, 120, (count, 3, 8, 8), generator=random)
    images[torch.arange(count), labels] += 120
    return make_dataset("colours", split, images.to(torch.uint8), labels, ("red", "green", "blue"))


@pytest.fixture(scope="module")
def trained():
    hypergan = HyperGAN(build_classifier("resnet-gn", 3), SMALL)
    config = TrainConfig(
        steps=35, networks=2, batch=16, learning_rate=5e-3, warmup=3, codes=16, pretraining=5
    )
    return hypergan, train(hypergan, colours("train", 240), config)


def test_it_has_twenty_layers_and_the_size_of_the_paper():
    classifier = build_classifier("resnet-gn", 10)
    sizes = [each.numel() for each in classifier.parameters()]
    assert sum(len(each.shape) > 1 for each in classifier.parameters()) == 20
    assert sum(sizes) == 269_722
    assert classifier(torch.rand(2, 3, 32, 32)).shape == (2, 10)


def test_no_image_depends_on_the_others_of_its_batch():
    classifier = ResidualClassifier().train()
    images = torch.rand(4, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(classifier(images)[1:2], classifier(images[1:2]))


def test_a_block_whose_convolutions_say_nothing_is_its_shortcut():
    block = ResidualBlock(16, 32)
    torch.nn.init.zeros_(block.norm2.weight)
    images = torch.randn(2, 16, 8, 8, generator=torch.Generator().manual_seed(0))
    out = block(images)
    assert torch.equal(out[:, :16], images[:, :, ::2, ::2].relu())
    assert not out[:, 16:].any()


def test_it_is_generated_in_chunks_and_learns(trained):
    hypergan, log = trained
    cut = [isinstance(layer, ChunkedLayerGenerator) for layer in hypergan.generator.layers]
    assert (len(cut), sum(cut)) == (39, 12)  # all convolutions but those of 16 channels
    assert log["loss"].iloc[-1] < 0.6 * log["loss"].iloc[0]
    assert measure_accuracy(hypergan, colours("test", 60), networks=5).single_mean > 0.7  # chance is a third


def test_its_checkpoint_gives_the_same_networks_and_attacks_on_it_transfer(trained, tmp_path):
    hypergan, _ = trained
    path = tmp_path / "hypergan.safetensors"
    save_checkpoint(path, Checkpoint(hypergan, "resnet-gn", 3, {}))
    loaded = load_checkpoint(path).distribution
    addresses = Networks(0, "fresh", [3])
    for name, value in hypergan.sample(addresses).items():
        assert torch.equal(value, loaded.sample(addresses)[name])
    config = TransferConfig(attacks=("fgsm",), eps=(0.2,), networks=4, examples=30)
    result = transfer(loaded, colours("test", 60), config)
    fresh = result.networks.query("role == 'fresh'")
    assert fresh["clean_accuracy"].mean() > 0.7
    assert fresh["fooled_fraction"].mean() > 0.1
