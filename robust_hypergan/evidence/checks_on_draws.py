"""Checks that look at many networks at once: do attacks on the distribution do what they should?"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from robust_hypergan.base.errors import InputError
from robust_hypergan.evidence.check_rules import Finding, finding, paired_change, surely_more
from robust_hypergan.evidence.probe import Probe
from robust_hypergan.models.networks import Networks, materialise
from robust_hypergan.transferability.cells import Cell

LITTLE = 0.05
"""Change of the fooled fraction that counts as little."""

MOST_GRADIENTS = 16
"""Networks whose gradients are compared."""


def doubling_changes_little(probe: Probe) -> Finding:
    """5: EOT-PGD with twice the new networks a step."""
    draws = probe.effort.held
    once, twice = (_fooled_by(probe, _eot(probe, count)) for count in (draws, 2 * draws))
    change, low, high = paired_change(twice - once)
    return finding(
        low <= LITTLE and high >= -LITTLE,
        f"{draws} draws a step {once.mean():.0%}, {2 * draws} draws {twice.mean():.0%}"
        f" (change {100 * change:+.1f}, {100 * low:.1f} to {100 * high:.1f} points)",
        _at(probe),
    )


def worse_is_headline(probe: Probe) -> Finding:
    """6: the attack on the expected accuracy beside the one on the expected loss."""
    cells = {
        "EOT-PGD": _eot(probe, 2 * probe.effort.held),
        "ARC": probe.craft("arc", {"networks": _held(probe), "steps": max(1, probe.effort.steps // 4)}),
    }
    fooled = {name: _fooled_by(probe, cell) for name, cell in cells.items()}
    headline = max(fooled, key=lambda name: float(fooled[name].mean()))
    single = _fooled_by(probe, _pgd(probe))
    gain = paired_change(fooled[headline] - single)
    shares = ", ".join(f"{name} {share.mean():.0%}" for name, share in fooled.items())
    return finding(
        gain[2] >= 0,
        f"{shares}: headline {fooled[headline].mean():.0%}",
        _at(probe),
        f"PGD on one network {single.mean():.0%}; difference {100 * gain[0]:+.1f} points",
    )


def gradients_agree(probe: Probe) -> Finding:
    """7: norm of the mean gradient, mean norm, and the mean cosine between networks, on the clean images."""
    fresh = probe.fresh()
    gradients = torch.stack(
        [_gradient(probe, Networks(fresh.seed, "fresh", [i])) for i in fresh.indices[:MOST_GRADIENTS]]
    )  # (K, n, D)
    count = len(gradients)
    if count < 2:
        raise InputError("one fresh network has no other to compare its gradient with: add --networks")
    norms = gradients.norm(dim=2)
    units = gradients / norms.clamp_min(1e-30)[:, :, None]
    cosines = (units.sum(0).norm(dim=1).square() - units.square().sum((0, 2))) / (count * (count - 1))
    mean, low, high = paired_change(cosines)
    return finding(
        low > 0,
        f"norm of the mean {gradients.mean(0).norm(dim=1).mean():.3g}, mean norm {norms.mean():.3g}, cosine"
        f" {mean:.2f} ({low:.2f} to {high:.2f})",
        detail=f"{count} fresh networks, {len(cosines)} clean images",
    )


def vote_and_detector(probe: Probe) -> Finding:
    """8: the attack on the mean vote, and the one that also evades a detector of high predictive entropy."""
    options = {"networks": _held(probe), "steps": probe.effort.steps}
    on_vote = probe.craft("ensemble-pgd:loss=mean-probability", options)
    adaptive, single = probe.craft("entropy-pgd", options), _pgd(probe)
    votes = {name: _vote(probe, cell) for name, cell in (("v", on_vote), ("a", adaptive), ("s", single))}
    fooled = {name: on_vote.fooled(vote.argmax(1), probe.labels) for name, vote in votes.items()}
    entropy = {name: torch.special.entr(vote).sum(1) for name, vote in votes.items()}
    clean = torch.special.entr(_mean_probability(probe, probe.images)).sum(1)
    weaker = surely_more(int((fooled["s"] & ~fooled["v"]).sum()), int((fooled["v"] & ~fooled["s"]).sum()))
    risen = paired_change(entropy["a"] - entropy["v"])[1] > 0
    detected = {name: _auroc(entropy[name], clean) for name in ("v", "a")}
    return finding(
        not weaker and not risen,
        f"mean vote fooled {fooled['v'].double().mean():.0%}, by the adaptive attack"
        f" {fooled['a'].double().mean():.0%}; detector's AUROC {detected['v']:.2f} and {detected['a']:.2f}",
        _at(probe),
        f"by PGD on one network {fooled['s'].double().mean():.0%}"
        + "; the adaptive entropy is higher" * risen,
    )


def _at(probe: Probe) -> str:
    return f"{probe.norm} eps {probe.eps:g}"


def _pgd(probe: Probe) -> Cell:
    return probe.craft("pgd", {"steps": probe.effort.steps})


def _eot(probe: Probe, draws: int) -> Cell:
    return probe.craft("eot-pgd", {"eot_samples": draws, "steps": probe.effort.steps})


def _held(probe: Probe) -> int:
    """Networks an attacker holds here: as asked, or as many as a finite ensemble has."""
    count = probe.effort.held
    while count > 1:
        try:
            probe.measured.distribution.sample(probe.held(count))
        except Exception:  # a user's own distribution may refuse so many with any error
            count -= 1
        else:
            break
    return count


def _fooled_by(probe: Probe, cell: Cell) -> Tensor:
    """Share of the fresh networks that each example fools, ``[n]`` float64."""
    return probe.fools(cell, probe.fresh()).double().mean(0)


def _mean_probability(probe: Probe, images: Tensor) -> Tensor:
    return probe.answers(probe.fresh(), images).double().softmax(2).mean(0)


def _vote(probe: Probe, cell: Cell) -> Tensor:
    return _mean_probability(probe, cell.adversarials)


def _gradient(probe: Probe, network: Networks) -> Tensor:
    """Gradient of the loss of one network in the clean images, ``[n, D]`` float64."""
    images = probe.images.detach().requires_grad_()
    logits = materialise(probe.measured.distribution, network)(images)
    loss = nn.functional.cross_entropy(logits, probe.labels, reduction="sum")
    return torch.autograd.grad(loss, images)[0].flatten(1).double()


def _auroc(positive: Tensor, negative: Tensor) -> float:
    """Chance that a positive value is above a negative one, ties counting half."""
    difference = positive[:, None] - negative[None]
    return float(((difference > 0).double() + (difference == 0).double() / 2).mean())
