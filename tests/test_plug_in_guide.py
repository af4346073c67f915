"""What docs/plug-in.md shows works as shown."""

import re
import tomllib
from pathlib import Path

import torch

from robust_hypergan.attacks import craft_audited, fgsm, find_attack
from robust_hypergan.cli.config_file import read_config_file
from robust_hypergan.cli.main import cli

GUIDE = (Path(__file__).parent.parent / "docs" / "plug-in.md").read_text(encoding="utf-8")


def test_the_attack_of_the_guide_is_found_and_works(tmp_path, monkeypatch):
    code = re.search(r"```python\n(.*?)```", GUIDE, re.DOTALL)[1]
    (tmp_path / "mine.py").write_text(code)
    monkeypatch.chdir(tmp_path)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(16, 3)).eval()
    inputs, labels = torch.full((4, 1, 4, 4), 0.5), torch.tensor([0, 1, 2, 0])
    attack = find_attack("./mine.py:one_step:share=0.5", "linf")
    found, audit = craft_audited(
        attack, model, inputs, labels, eps=0.1, norm="linf", generator=torch.Generator()
    )
    torch.testing.assert_close(found, fgsm(model, inputs, labels, eps=0.05))
    assert (audit.repaired, audit.notes) == (0, ())


def test_the_configuration_of_the_guide_is_read(tmp_path):
    shown = re.findall(r"```toml\n(.*?)```", GUIDE, re.DOTALL)
    (tmp_path / "c.toml").write_text(shown[0])
    read = read_config_file(tmp_path / "c.toml", cli.commands["bench"])
    assert read["attacks"] == ["./mine.py:one_step:share=0.5", "pgd:steps=100"]
    example = Path(__file__).parent.parent / "examples" / "third-party-attack" / "pyproject.toml"
    points = tomllib.loads(example.read_text())["project"]["entry-points"]
    assert points == tomllib.loads(shown[1])["project"]["entry-points"]
