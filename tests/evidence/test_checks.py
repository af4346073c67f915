"""Every credibility check passes on an honest HyperGAN, and each fails on something built to fail it."""

import functools
import inspect
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
import torch
from torch import Tensor, nn

from robust_hypergan.attacks import Audit, registry
from robust_hypergan.base.errors import InputError
from robust_hypergan.evidence import checks_from_tables as tables
from robust_hypergan.evidence import checks_on_draws, checks_on_source
from robust_hypergan.evidence.check_rules import RULES, paired_change
from robust_hypergan.evidence.checks import measure_checks
from robust_hypergan.evidence.coverage import measure_coverage
from robust_hypergan.evidence.measured import EvidenceConfig, Measured
from robust_hypergan.evidence.probe import Effort, Probe, access
from robust_hypergan.models.deep_ensemble import DeepEnsemble
from robust_hypergan.models.networks import Networks
from robust_hypergan.reports import COVERAGE_COLUMNS
from robust_hypergan.transferability.cells import load_cells, save_cell
from robust_hypergan.transferability.config import TransferConfig
from robust_hypergan.transferability.measurement import transfer

EPS = (0.05, 0.2, 0.4)
EFFORT = Effort(examples=60, networks=16, steps=20, queries=60, held=4)


def run(distribution, dataset, attacks=("fgsm", "pgd"), eps=EPS, networks=16, **evidence):
    config = TransferConfig(attacks, eps, networks=networks, examples=80)
    result = transfer(distribution, dataset, config)
    return Measured(distribution, dataset, config, EvidenceConfig(**evidence), result, torch.device("cpu"))


@pytest.fixture(scope="module")
def honest(trained, test_set):
    return run(trained, test_set)


def members(distribution, count=6):
    params = distribution.sample(Networks(0, "fresh", range(count)))
    return [{name: value[i] for name, value in params.items()} for i in range(count)]


class Masked(nn.Module):
    """The tiny classifier behind something that hides its gradient."""

    def __init__(self, inner: nn.Module, kind: str) -> None:
        super().__init__()
        self.inner, self.kind = inner, kind

    def forward(self, images: Tensor) -> Tensor:
        if self.kind == "without gradient":
            return self.inner(images).detach()
        if self.kind == "quantised":
            return self.inner((images * 12).round() / 12)
        return torch.sigmoid(1000 * self.inner(images)) * 200  # saturated: flat nearly everywhere


def masked(distribution, kind):
    """A deep ensemble of the same networks, each with masked gradients."""
    own = [{f"inner.{name}": value for name, value in member.items()} for member in members(distribution)]
    return DeepEnsemble(Masked(distribution.classifier, kind), own)


# The honest run


def test_an_honest_hypergan_fails_nothing(honest):
    table = measure_checks(honest)["checks"]
    assert table["check"].tolist() == list(range(1, 18))
    assert table[table["verdict"] == "FAIL"].empty, table[table["verdict"] == "FAIL"].to_string()
    assert table.loc[table["verdict"] == "NOT RUN", "check"].tolist() == [16]
    assert (table.loc[table["verdict"] == "PASS", "value"] != "").all()


def test_every_check_stands_in_the_docs():
    documented = (Path(__file__).parents[2] / "docs" / "method.md").read_text(encoding="utf-8")
    for rule in RULES:
        row = f"| {rule.number} | {rule.name} | {rule.passes} | {rule.source} |"
        assert row in documented
    assert [rule.number for rule in RULES] == list(range(1, 18))


def test_off_says_so_seventeen_times(honest):
    off = replace(honest, evidence=EvidenceConfig(checks="off"))
    written = measure_checks(off)
    assert list(written) == ["checks"]
    table = written["checks"]
    assert len(table) == 17
    assert set(table["verdict"]) == {"NOT RUN"}
    assert table["detail"].str.contains("turned off").all()


def test_an_unknown_level_is_refused():
    with pytest.raises(InputError, match="did you mean fast"):
        EvidenceConfig(checks="fasst")


def test_a_check_that_cannot_run_says_why_and_the_others_go_on(honest, monkeypatch):
    def broken(*_, **__):
        raise RuntimeError("no luck")

    monkeypatch.setitem(registry.BUILT_IN, "square", broken)
    table = measure_checks(honest)["checks"].set_index("check")
    assert table.loc[14, "verdict"] == "NOT RUN"
    assert "no luck" in table.loc[14, "detail"]
    assert table.loc[9, "verdict"] == "PASS"


def test_a_classifier_without_gradient_breaks_nothing(trained, test_set):
    own = masked(trained, "without gradient")
    with pytest.warns(RuntimeWarning, match="have no coverage: .* does not require grad"):
        table = measure_checks(run(own, test_set, ("square:queries=20",), (0.3,), networks=3))["checks"]
    verdicts = table.set_index("check")["verdict"]
    assert len(verdicts) == 17
    assert verdicts[[3, 7, 9, 15]].tolist() == ["NOT RUN"] * 4
    assert verdicts[[1, 2, 17]].tolist() == ["PASS"] * 3


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_a_targeted_run_in_either_norm_has_all_rows(trained, test_set, norm):
    config = TransferConfig(("pgd",), (0.4,) if norm == "linf" else (3.0,), norm, 5, 80, target=1)
    result = transfer(trained, test_set, config)
    evidence = EvidenceConfig()
    table = measure_checks(Measured(trained, test_set, config, evidence, result, torch.device("cpu")))[
        "checks"
    ]
    assert len(table) == 17
    assert table[table["verdict"] == "FAIL"].empty, table[table["verdict"] == "FAIL"].to_string()


def test_a_small_deep_ensemble_breaks_nothing(trained, test_set):
    table = measure_checks(run(DeepEnsemble(trained.classifier, members(trained)), test_set, networks=3))
    verdicts = table["checks"].set_index("check")["verdict"]
    assert len(verdicts) == 17
    assert verdicts[8] == "PASS"  # with as many networks as there are


def test_saved_adversarials_are_checked_on_the_network_that_they_were_made_against(
    trained, test_set, tmp_path
):
    config = TransferConfig(("pgd",), (0.2,), networks=4, examples=80, seed=1, source=3)
    first = transfer(trained, test_set, config)
    save_cell(tmp_path, first.kept(first.cells[0], test_set.sha256))
    result = transfer(trained, test_set, TransferConfig(networks=4, seed=2), saved=load_cells(tmp_path))
    assert (result.source, result.source_here) == (Networks(1, "source", [3]), True)
    measured = Measured(trained, test_set, config, EvidenceConfig(), result, torch.device("cpu"))
    assert torch.equal(
        Probe(measured, EFFORT).model.linear.weight, trained.sample(result.source)["linear.weight"][0]
    )
    table = measure_checks(measured)["checks"].set_index("check")
    assert len(table) == 17
    assert set(table["verdict"][[1, 2, 9, 13, 14, 17]]) == {"PASS"}


def test_images_made_against_a_network_of_another_distribution_are_not_checked_on_this_one(
    trained, untrained, test_set, tmp_path
):
    first = transfer(trained, test_set, TransferConfig(("pgd",), (0.2,), networks=4, examples=80))
    save_cell(tmp_path, first.kept(first.cells[0], test_set.sha256))
    result = transfer(untrained, test_set, TransferConfig(networks=4), saved=load_cells(tmp_path))
    assert not result.source_here
    measured = Measured(untrained, test_set, TransferConfig(), EvidenceConfig(), result, torch.device("cpu"))
    table = measure_checks(measured)["checks"].set_index("check")
    assert set(table["verdict"][list(range(1, 16))]) == {"NOT RUN"}
    assert "network that is none of these" in table["detail"][14]
    assert table["verdict"][17] == "PASS"


# Built to fail


def unchanged(*arguments, **_):
    """An attack of zero steps: whatever it is asked, the inputs."""
    return arguments[1]


@pytest.mark.parametrize("kind", ["quantised", "saturated"])
def test_masked_gradients_are_found(trained, test_set, kind):
    own = Probe(run(masked(trained, kind), test_set, networks=3), EFFORT)
    found = [
        checks_on_source.frozen_draw_falls(own),
        checks_on_source.grows_with_eps(own),
        checks_on_source.gradient_free_is_weaker(own),
        checks_on_source.no_silent_failure(own),
        checks_on_draws.gradients_agree(own),
    ]
    assert [each.verdict for each in found] == ["FAIL"] * 5
    assert "zero gradient 100%" in found[3].value


def test_an_attack_of_zero_steps_is_found(trained, test_set, monkeypatch):
    monkeypatch.setitem(registry.BUILT_IN, "idle", unchanged)
    own = Probe(run(trained, test_set, ("idle",), (0.4,)), EFFORT)
    frozen = checks_on_source.frozen_draw_falls(own)
    assert (frozen.verdict, frozen.value) == ("FAIL", "0% of 80")
    assert "PGD with 40 steps" in frozen.detail  # the attack is weak, not the networks strong
    assert checks_on_source.iterative_beats_single_step(own).verdict == "FAIL"
    silent = checks_on_source.no_silent_failure(own)
    assert silent.verdict == "FAIL"
    assert silent.cell == "idle, linf eps 0.4"


def test_an_attack_that_only_asks_for_answers_is_no_white_box(trained, test_set, monkeypatch):
    def asks(model, inputs, labels, *, eps, **_):
        """A step away from wherever the answer was right."""
        right = model(inputs).argmax(1) == labels
        return torch.where(right[:, None, None, None], (inputs + eps).clamp(max=1), inputs)

    monkeypatch.setitem(registry.BUILT_IN, "asks", asks)
    measured = run(trained, test_set, ("pgd", "asks", "torchattacks:GN:std=0.1"), (0.2,))
    cells = measured.result.cells
    assert [access(cell) for cell in cells] == ["source", "answers", "nothing"]


def test_what_a_single_example_cannot_tell_is_no_failure(trained, test_set):
    result = transfer(trained, test_set, TransferConfig(("pgd",), (0.2,), networks=3, examples=1))
    assert len(result.labels) == 1
    config = TransferConfig(("pgd",), (0.2,), networks=3, examples=1)
    measured = Measured(trained, test_set, config, EvidenceConfig(), result, torch.device("cpu"))
    table = measure_checks(measured)["checks"].set_index("check")
    assert set(table["verdict"][[5, 6, 7, 8, 10, 13]]) == {"NOT RUN"}
    assert set(table["detail"][[5, 6, 7, 8, 10, 13]]) == {"one example has no interval: add --examples"}


def test_few_examples_that_all_changed_alike_tell_nothing_but_that_none_did_does():
    assert paired_change(torch.zeros(2)) == (0, 0, 0)
    assert paired_change(torch.ones(10)) == (1, 1, 1)
    with pytest.raises(InputError, match="9 examples, all changed alike"):
        paired_change(torch.ones(9))


def test_an_eps_too_small_to_tell_is_no_failure(trained, test_set):
    own = Probe(run(trained, test_set, ("pgd",), (0.02,)), EFFORT)
    with pytest.raises(InputError, match=r"largest eps is too small to tell: .* 100% of 60 at 0\.5"):
        checks_on_source.frozen_draw_falls(own)


def test_fresh_networks_that_are_the_attacked_one_are_found(trained, test_set):
    copies = DeepEnsemble(trained.classifier, members(trained, 1) * 4)
    found = tables.threat_model(Probe(run(copies, test_set, networks=2), EFFORT))
    assert found.verdict == "FAIL"
    assert "2 fresh networks equal the attacked one" in found.detail


def test_networks_at_chance_are_found(untrained, test_set):
    found = tables.clean_accuracy(Probe(run(untrained, test_set, ("fgsm",), (0.1,)), EFFORT))
    assert found.verdict == "FAIL"


def test_a_drop_of_the_coverage_is_found_and_noise_is_not(honest):
    coverage = measure_coverage(honest)["coverage"]
    assert tables.coverage_grows(coverage).verdict == "PASS"
    dropped = coverage.assign(fooled_mean=0.9, fooled_low=0.85, fooled_high=0.95)
    assert tables.coverage_grows(dropped).verdict == "PASS"
    columns = ["fooled_mean", "fooled_low", "fooled_high"]
    dropped.loc[dropped["held"] == 16, columns] = 0.7, 0.65, 0.75
    found = tables.coverage_grows(dropped)
    assert found.verdict == "FAIL"
    assert "from K=4 to 16" in found.detail
    with pytest.raises(InputError, match="not measured"):
        tables.coverage_grows(pd.DataFrame(columns=COVERAGE_COLUMNS))
    with pytest.raises(InputError, match="K = 4 alone"):
        tables.coverage_grows(coverage[coverage["held"] == 4])


def test_without_coverage_its_check_alone_is_not_run(honest):
    written = measure_checks(replace(honest, evidence=EvidenceConfig(checks="fast", coverage="off")))
    assert list(written) == ["checks"]
    verdicts = written["checks"].set_index("check")["verdict"]
    assert (verdicts[4], verdicts[1], verdicts[17]) == ("NOT RUN", "PASS", "PASS")


def test_an_expectation_of_too_few_draws_is_found(honest, monkeypatch):
    strong = registry.BUILT_IN["eot-pgd"]

    def blind_with_few(model, inputs, labels, *, eot_samples=8, **options):
        return (
            strong(model, inputs, labels, eot_samples=eot_samples, **options) if eot_samples > 4 else inputs
        )

    monkeypatch.setattr(blind_with_few, "__signature__", inspect.signature(strong), raising=False)
    monkeypatch.setitem(registry.BUILT_IN, "eot-pgd", blind_with_few)
    found = checks_on_draws.doubling_changes_little(Probe(honest, EFFORT))
    assert found.verdict == "FAIL"
    assert "4 draws a step 0%" in found.value


def test_attacks_on_the_distribution_that_are_weaker_than_on_one_network_are_found(honest, monkeypatch):
    for name in ("eot-pgd", "arc"):
        monkeypatch.setitem(registry.BUILT_IN, name, unchanged)
    found = checks_on_draws.worse_is_headline(Probe(honest, EFFORT))
    assert found.verdict == "FAIL"
    assert "headline 0%" in found.value


def test_an_attack_on_the_vote_that_misses_it_is_found(honest, monkeypatch):
    monkeypatch.setitem(registry.BUILT_IN, "ensemble-pgd", unchanged)
    assert checks_on_draws.vote_and_detector(Probe(honest, EFFORT)).verdict == "FAIL"


def test_an_adaptive_attack_that_makes_the_vote_less_sure_is_found(honest, monkeypatch):
    strong = registry.BUILT_IN["entropy-pgd"]
    turned = functools.partial(strong, entropy_weight=-5.0)
    monkeypatch.setattr(turned, "__signature__", inspect.signature(strong), raising=False)
    monkeypatch.setitem(registry.BUILT_IN, "entropy-pgd", turned)
    found = checks_on_draws.vote_and_detector(Probe(honest, EFFORT))
    assert found.verdict == "FAIL"
    assert "entropy is higher" in found.detail


@pytest.mark.parametrize("attack", ["pgd:steps=1,step_size=0.02", "pgd:steps=2,step_size=0.02"])
def test_an_attack_that_stops_too_early_is_found(trained, test_set, attack):
    own = Probe(run(trained, test_set, (attack,), (0.2,)), EFFORT)
    found = checks_on_source.has_converged(own)
    assert found.verdict == "FAIL"
    assert "not converged" in found.detail


def test_an_eps_that_does_not_grow_is_found(trained, test_set, monkeypatch):
    def shy(model, inputs, labels, *, eps, generator, **_):
        """Strong at small eps, idle at large ones."""
        strong = registry.BUILT_IN["pgd"]
        return inputs if eps > 0.3 else strong(model, inputs, labels, eps=eps, generator=generator)

    monkeypatch.setitem(registry.BUILT_IN, "shy", shy)
    own = Probe(run(trained, test_set, ("shy",)), EFFORT)
    found = checks_on_source.grows_with_eps(own)
    assert found.verdict == "FAIL"
    assert found.detail == "drops: shy from eps 0.2 to 0.4"


def test_noise_that_is_stronger_than_the_attack_is_found(trained, test_set, monkeypatch):
    monkeypatch.setitem(registry.BUILT_IN, "noise", registry.BUILT_IN["pgd"])
    own = Probe(run(trained, test_set, ("pgd:steps=1,step_size=0.01", "noise"), (0.2,)), EFFORT)
    assert checks_on_source.noise_is_weaker(own).verdict == "FAIL"


def test_too_few_fooled_to_compare_with_noise_is_not_run(trained, test_set):
    own = Probe(run(trained, test_set, ("pgd",), (0.01,)), EFFORT)
    with pytest.raises(InputError, match="too few to compare"):
        checks_on_source.noise_is_weaker(own)


def test_transfer_that_beats_the_white_box_is_found(honest):
    examples = honest.result.examples.copy()
    examples.loc[(examples["attack"] == "pgd") & (examples["eps"] == 0.4), "source_fooled"] = False
    changed = replace(honest, result=replace(honest.result, examples=examples))
    found = tables.white_box_beats_transfer(Probe(changed, EFFORT))
    assert (found.verdict, found.cell) == ("FAIL", "pgd, linf eps 0.4")
    assert found.value.startswith("80 of 80")


def test_a_run_without_white_box_attack_cannot_be_compared_with_transfer(trained, test_set):
    own = Probe(run(trained, test_set, ("noise", "square:queries=5"), (0.2,)), EFFORT)
    with pytest.raises(InputError, match="no white-box attack"):
        tables.white_box_beats_transfer(own)


def test_the_twins_are_asked_for_by_name(honest):
    with pytest.raises(InputError, match="no ordinary and no deep-ensemble beside: add --beside ordinary"):
        tables.twins_beside(honest)
    beside = replace(honest, beside=("ordinary", "deep-ensemble"))
    assert tables.twins_beside(beside).verdict == "PASS"


def test_a_broken_adapter_fails_its_own_cell(trained, test_set, monkeypatch):
    def too_far(*arguments, eps, **_):
        return arguments[1] + 2 * eps

    monkeypatch.setitem(registry.BUILT_IN, "too-far", too_far)
    found = tables.audit_is_clean(run(trained, test_set, ("fgsm", "too-far"), (0.1,)))
    assert (found.verdict, found.cell) == ("FAIL", "too-far, linf eps 0.1")
    assert found.value == "80 of 160 adversarials had to be repaired"


def test_saved_adversarials_outside_their_ball_are_found_without_an_audit(honest):
    cell = honest.result.cells[0]
    outside = replace(cell, adversarials=cell.adversarials + 0.2, audit=Audit())
    changed = replace(honest, result=replace(honest.result, cells=[outside, *honest.result.cells[1:]]))
    assert tables.audit_is_clean(changed).verdict == "FAIL"


def test_a_silent_failure_is_looked_for_whatever_turns_the_images_take(honest, monkeypatch):
    whole = checks_on_source.no_silent_failure(Probe(honest, EFFORT))
    monkeypatch.setattr("robust_hypergan.attacks.loss.LARGEST_CPU_TURN", 7)  # a short last turn
    assert checks_on_source.no_silent_failure(Probe(honest, EFFORT)) == whole


def test_code_that_only_a_file_of_images_names_is_not_run(trained, test_set, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "evil.py").write_text("open('it was run', 'w')\n")
    own = run(trained, test_set, ("pgd",), (0.4,))
    foreign = replace(own.result.cells[0], attack="./evil.py:attack")
    measured = replace(own, result=replace(own.result, cells=[foreign]))
    table = measure_checks(measured)["checks"].set_index("check")
    assert table["verdict"][10] != "NOT RUN"  # with PGD in its place
    assert not (tmp_path / "it was run").exists()


def test_what_the_audit_found_is_saved_with_the_images(trained, test_set, tmp_path, monkeypatch):
    monkeypatch.setitem(registry.BUILT_IN, "too-far", lambda *arguments, **_: arguments[1] + 1)
    config = TransferConfig(("too-far",), (0.2,), networks=4, examples=80)
    first = transfer(trained, test_set, config)
    save_cell(tmp_path, first.kept(first.cells[0], test_set.sha256))
    (saved,) = load_cells(tmp_path)
    assert saved.cell.audit == first.cells[0].audit
    assert saved.cell.audit.repaired > 0

    def verdict(cell):
        again = transfer(trained, test_set, config, saved=[replace(saved, cell=cell)])
        measured = Measured(trained, test_set, config, EvidenceConfig(), again, torch.device("cpu"))
        return measure_checks(measured)["checks"].set_index("check")["verdict"][17]

    assert verdict(saved.cell) == "FAIL"
    assert verdict(replace(saved.cell, audit=Audit())) == "NOT RUN"  # as of an older file


def test_one_network_at_chance_among_good_ones_is_found(trained, test_set):
    own = members(trained, 4)
    own[-1] = own[-1] | {name: -value for name, value in own[-1].items() if name.startswith("linear")}
    ensemble = DeepEnsemble(trained.classifier, own)
    found = tables.clean_accuracy(Probe(run(ensemble, test_set, ("fgsm",), (0.1,), networks=2), EFFORT))
    assert found.verdict == "FAIL"


def test_a_drop_that_comes_bit_by_bit_is_found(honest):
    coverage = measure_coverage(honest)["coverage"].assign(fooled_mean=[0.9, 0.85, 0.8])
    coverage = coverage.assign(
        fooled_low=coverage["fooled_mean"] - 0.04, fooled_high=coverage["fooled_mean"] + 0.04
    )
    assert tables.coverage_grows(coverage).detail.endswith("from K=1 to 16")
    assert tables.coverage_grows(coverage[coverage["held"] < 16]).verdict == "PASS"


def test_the_order_in_which_eps_were_asked_for_does_not_matter(honest):
    cells, labels = honest.result.cells, honest.result.labels
    assert tables.success_by_eps(cells[::-1], labels) == tables.success_by_eps(cells, labels)


def test_noise_that_fools_two_thirds_of_what_the_attack_does_is_found(trained, test_set, monkeypatch):
    def often(model, inputs, labels, **options):
        found = registry.pgd(model, inputs, labels, **options)
        found[::3] = inputs[::3]
        return found

    monkeypatch.setitem(registry.BUILT_IN, "noise", often)
    own = Probe(run(trained, test_set, ("pgd", "noise"), (0.4,)), EFFORT)
    assert checks_on_source.noise_is_weaker(own).verdict == "FAIL"


@pytest.mark.parametrize("flag", ["success lost", "still gaining"])
def test_successes_that_are_lost_and_attacks_that_end_too_early_are_found(honest, monkeypatch, flag):
    own = Probe(honest, EFFORT)
    margins = torch.linspace(-3, -1, 21)[:, None].repeat(1, len(own.labels))  # gains until the end
    if flag == "success lost":
        margins[:-1] = 1.0
    monkeypatch.setattr(checks_on_source, "_path", lambda _: margins)
    found = checks_on_source.no_silent_failure(own)
    assert (found.verdict, found.detail) == ("FAIL", flag)


def test_an_expectation_that_more_draws_make_weaker_is_found(honest, monkeypatch):
    strong = registry.BUILT_IN["eot-pgd"]

    def blind_with_many(model, inputs, labels, *, eot_samples=8, **options):
        return (
            strong(model, inputs, labels, eot_samples=eot_samples, **options) if eot_samples <= 4 else inputs
        )

    monkeypatch.setattr(blind_with_many, "__signature__", inspect.signature(strong), raising=False)
    monkeypatch.setitem(registry.BUILT_IN, "eot-pgd", blind_with_many)
    found = checks_on_draws.doubling_changes_little(Probe(honest, EFFORT))
    assert found.verdict == "FAIL"
    assert "8 draws 0%" in found.value


def test_gradients_at_right_angles_do_not_pass(honest, monkeypatch):
    def apart(probe, network):
        place = torch.tensor([network.indices[0]] * len(probe.labels))
        return nn.functional.one_hot(place, 64).double()

    monkeypatch.setattr(checks_on_draws, "_gradient", apart)
    found = checks_on_draws.gradients_agree(Probe(honest, EFFORT))
    assert found.verdict == "FAIL"
    assert "cosine 0.00 (0.00 to 0.00)" in found.value


def test_the_detectors_area_counts_pairs_and_half_of_the_equal_ones():
    assert checks_on_draws._auroc(torch.tensor([2.0, 3.0]), torch.tensor([1.0, 2.0])) == 0.875
