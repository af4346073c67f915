"""Mistakes that people make at the command line, and the words that they get."""

import re

import pytest


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["bnech"], "did you mean bench"),
        (["bench"], "Missing option '--out'"),
        (["bench", "--out", "r", "--epss", "0.1"], "--eps"),
        (["bench", "--out", "r", "--eps", "much"], "'much' is not a valid float"),
        (["bench", "--out", "r", "--attack", "fgms"], "did you mean fgsm"),
        (["bench", "--out", "r", "--attack", "pgd:stpes=3"], "has no option 'stpes'"),
        (["bench", "--out", "r", "--attack", "./mine.py:f"], "no file ./mine.py"),
        (["bench", "--out", "r", "--outliers", "fasion-1k"], "did you mean fashion-1k"),
        (["bench", "--out", "r", "--data", "mnist5k"], "did you mean mnist-5k"),
        (["bench", "--out", "r", "--data", "mnist"], "data/MNIST"),
        (["bench", "--out", "r", "--data", "fashion-1k"], "has no split 'train'"),
        (["bench", "--out", "r", "--eps", "0"], "must be in (0, 1]"),
        (["bench", "--out", "r", "--eps", "1.01"], "must be in (0, 1]"),
        (["bench", "--out", "r", "--networks", "0"], "networks 0 is out of range"),
        (["bench", "--out", "r", "--sources", "0"], "sources 0 is out of range"),
        (
            ["transfer", "--out", "r", "--checkpoint", "c", "--sources", "2", "--adversarials", "a"],
            "saved adversarials have one source, not 2",
        ),
        (["bench", "--out", "r", "--until-ci-width", "0"], "until_ci_width 0 is out of range"),
        (["bench", "--out", "r", "--until-ci-width", "nan"], "until_ci_width nan is out of range"),
        (
            ["bench", "--out", "r", "--until-ci-width", "0.1", "--max-networks", "3"],
            "max_networks 3 is out of range: it must be at least 500",
        ),
        (["bench", "--out", "r", "--examples", "2001"], "2000 test images, not 2001"),
        (["bench", "--out", "r", "--preset", "quik"], "did you mean quick"),
        (["bench", "--out", "r", "--steps", "0"], "steps"),
        (["bench", "--out", "r", "--batch", "-3"], "batch"),
        (
            ["bench", "--out", "r", "--noise-share", "2"],
            "noise_share 2.0 is out of range: it must be at least 0 and at most 1",
        ),
        (["bench", "--out", "r", "--learning-rate", "nan"], "learning_rate nan is out of range"),
        (["bench", "--out", "r", "--classifier", "cifar"], "does not take the images of mnist-5k"),
        (["bench", "--out", "r", "--device", "cdua"], "did you mean cuda"),
        (["bench", "--out", "r", "--backend", "vmpa"], "did you mean vmap"),
        (["bench", "--out", "r", "--checks", "ful"], "did you mean full"),
        (["bench", "--out", "r", "--seed", "-1"], "-1 is not in the range"),
        (["transfer", "--out", "r", "--checkpoint", "none.safetensors"], "no HyperGAN checkpoint at none"),
        (["sample", "--out", "r", "--checkpoint", "none.safetensors"], "no HyperGAN checkpoint at none"),
        (["report", "nowhere"], "nowhere"),
        (["report", "nowhere", "elsewhere"], "nowhere"),
        (["report", "nowhere", "--out", "r"], "--out is for several runs"),
        (["bench", "--out", "r", "--kind", "deep-ensemble"], "has 5 fresh networks, not 500"),
        (["bench", "--out", "r", "--kind", "swga"], "did you mean swag"),
        (["bench", "--out", "r", "--beside", "swga"], "beside swga: unknown kind or checkpoint"),
        (["bench", "--out", "r", "--config", "none.toml"], "can't read none.toml"),
        (["reproduce"], "Missing option '--out'"),
        (["reproduce", "--only", "regression"], "Missing option '--out'"),
        (["reproduce", "--list", "--only", "regresion"], "did you mean regression"),
        (["reproduce", "--list", "--only", "regression", "--only", "x"], "unknown item 'x'"),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing_behind(arguments, message, in_process, tmp_path):
    code, out, told = in_process(*arguments, cwd=tmp_path)
    assert (code, out) == (2, "")
    assert re.fullmatch(rf"robust-hypergan: .*{re.escape(message)}.*\n", told)
    assert list(tmp_path.iterdir()) == []


def test_an_attack_in_another_norm_is_refused(in_process, tmp_path):
    pytest.importorskip("torchattacks")
    code, _, told = in_process("bench", "--out", "r", "--attack", "torchattacks:PGDL2", cwd=tmp_path)
    assert (code, list(tmp_path.iterdir())) == (2, [])
    assert "does not work in the norm linf: it works in l2" in told


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("epss = [0.1]", "did you mean eps"),
        ("eps = 0.1", "takes a list"),
        ("eps = [", "is not TOML"),
        ("networks = true", "takes a whole number, not True"),
        ("networks = 1.5", "takes a whole number, not 1.5"),
        ("networks = 'many'", "'many' is not a valid integer"),
        ("quiet = 3", "takes true or false"),
        ("[bench]\neps = [0.1]", "unknown key"),
    ],
)
def test_a_bad_configuration_file_is_one_line(content, message, in_process, tmp_path):
    (tmp_path / "c.toml").write_text(content)
    code, out, told = in_process("bench", "--config", "c.toml", "--out", "r", cwd=tmp_path)
    assert (code, out) == (2, "")
    assert re.fullmatch(rf"robust-hypergan: .*{re.escape(message)}.*\n", told)
    assert [entry.name for entry in tmp_path.iterdir()] == ["c.toml"]
