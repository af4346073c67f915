"""``uses.csv``, counted again from the networks of a run."""

import pytest
import torch

from robust_hypergan.engine.ensemble import ensemble_logits
from robust_hypergan.evidence.measured import EvidenceConfig, Measured
from robust_hypergan.evidence.uses import uses
from robust_hypergan.models.networks import Networks
from robust_hypergan.transferability.config import TransferConfig
from robust_hypergan.transferability.measurement import transfer


@pytest.mark.parametrize("target", [None, 1])
def test_a_run_is_counted_again_from_its_networks(trained, test_set, target):
    config = TransferConfig(("fgsm",), (0.2, 0.3), networks=12, examples=90, target=target)
    result = transfer(trained, test_set, config)
    table = uses(Measured(trained, test_set, config, EvidenceConfig(), result, torch.device("cpu")))["uses"]
    assert table["images"].drop_duplicates().tolist() == ["tried", "clean", "adversarial"]
    params = trained.sample(Networks(0, "fresh", range(12)))
    parts = {
        ("tried", ""): (test_set.images[result.chosen] / 255, test_set.labels[result.chosen]),
        ("clean", ""): (result.clean, result.labels),
    }
    parts |= {("adversarial", cell.eps): (cell.adversarials, result.labels) for cell in result.cells}
    for (images, eps), (inputs, labels) in parts.items():
        own = table[(table["images"] == images) & ((table["eps"] == eps) if eps else True)]
        assert own["use"].tolist() == ["source", "fixed draw", "fresh per query", "mean vote", "mean vote"]
        logits = ensemble_logits(trained.classifier, params, inputs)
        source, single, fresh, vote, all_vote = own.to_dict("records")
        assert single["accuracy"] == pytest.approx((logits.argmax(2) == labels).double().mean().item())
        answers = logits[:10].double().softmax(2).mean(0).argmax(1)
        assert vote["accuracy"] == pytest.approx((answers == labels).double().mean().item())
        assert (vote["networks"], vote["votes"]) == (10, 1)
        everyone = logits.double().softmax(2).mean(0).argmax(1)
        assert all_vote["accuracy"] == pytest.approx((everyone == labels).double().mean().item())
        assert (all_vote["networks"], all_vote["votes"]) == (12, 1)
        assert 0 <= fresh["ci_low"] <= fresh["accuracy"] <= fresh["ci_high"] <= 1
        assert set(own["examples"]) == {len(labels)}
        if images == "clean":
            assert source["accuracy"] == 1
        if images == "adversarial":
            cell = next(cell for cell in result.cells if cell.eps == eps)
            assert source["accuracy"] == pytest.approx((cell.source_labels == labels).double().mean().item())
