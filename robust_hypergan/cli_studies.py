"""The commands of the studies: the paper's further experiments, each in a folder of its own."""

from __future__ import annotations

import click

COMMANDS: list[click.Command] = []
"""Added to the command line by :mod:`robust_hypergan.cli`."""
