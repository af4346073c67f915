"""What the README shows works as shown."""

import re
import runpy
from pathlib import Path

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_python_tour_runs(tmp_path, capsys):
    (block,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    script = tmp_path / "tour.py"
    script.write_text(block, encoding="utf-8")
    names = runpy.run_path(str(script))
    assert names["logits"].shape == (16, len(names["result"].labels), 10)
    assert "pgd:steps=10" in capsys.readouterr().out


def test_every_command_shown_parses():
    from robust_hypergan.cli.main import cli

    shown = re.search(r"```console\n(.*?)```", README, re.DOTALL)
    commands = re.findall(r"^\$ robust-hypergan (.*)$", shown[1].replace("\\\n", ""), re.MULTILINE)
    assert len(commands) == shown[1].count("$ ") > 8
    for command in commands:
        name, *arguments = command.partition("#")[0].split()
        cli.commands[name].make_context(name, arguments)


def test_links_lead_to_files():
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert target.startswith("https://") or (ROOT / target).exists(), target
