"""The audit counts what an attack costs."""

import pytest
import torch

from robust_hypergan.attacks import Attack, AttackError, Audit, craft_audited, find_attack
from robust_hypergan.reports.tables.record import parse_cell


def audit_of(attack, linear, inputs, labels, generator):
    return craft_audited(attack, linear, inputs, labels, eps=0.1, norm="linf", generator=generator)[1]


@pytest.mark.parametrize(
    ("spec", "forward", "backward"),
    [
        ("noise", 0, 0),
        ("fgsm", 1, 1),
        ("pgd:steps=7", 7, 7),
        ("pgd:steps=7,restarts=2", 16, 14),  # two more to choose the better restart
        ("torchattacks:PGD:steps=5", 5, 5),
        ("foolbox:LinfPGD:steps=5", 6, 5),  # one more to see whether it succeeded
    ],
)
def test_passes_are_counted_for_each_example(linear, inputs, labels, generator, spec, forward, backward):
    if spec.startswith(("torchattacks", "foolbox")):
        pytest.importorskip({"t": "torchattacks", "f": "eagerpy"}[spec[0]])  # foolbox warns on import
    record = audit_of(find_attack(spec), linear, inputs, labels, generator).record()
    assert (record["forward_per_example"], record["backward_per_example"]) == (forward, backward)


def test_images_are_counted_not_calls(linear, inputs, labels, generator):
    def half(model, inputs, labels, **_):
        model(inputs[:20])
        with torch.no_grad():
            model(inputs.repeat(3, 1, 1, 1))
        return inputs + 0.01

    audit = audit_of(Attack("mine", half), linear, inputs, labels, generator)
    assert (audit.forward, audit.backward) == (20 + 3 * 40, 0)


def test_the_hooks_are_gone_afterwards_even_when_the_attack_raises(linear, inputs, labels, generator):
    def raises(model, inputs, labels, **_):
        model(inputs)
        raise RuntimeError("half way")

    with pytest.raises(AttackError, match="half way"):
        audit_of(Attack("mine", raises), linear, inputs, labels, generator)
    assert not linear._forward_hooks


def test_the_record_has_shares_and_the_reports_read_it(linear, inputs, labels, generator):
    def too_far(model, inputs, labels, **_):
        model(inputs)
        return torch.cat([inputs[:10] + 0.2, inputs[10:]])

    record = audit_of(Attack("mine", too_far), linear, inputs, labels, generator).record()
    assert record["repaired_share"] == 0.25
    parsed = parse_cell({"attack": "mine", "norm": "linf", "eps": 0.1, "audit": record})
    assert (parsed.audit.repaired, parsed.audit.out_of_ball) == (10, 10)


def test_an_audit_of_nothing_has_a_record():
    assert Audit().record()["forward_per_example"] == 0
