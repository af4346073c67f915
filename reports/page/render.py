"""The report page: one self-contained HTML file, and the same in Markdown with links to the figures."""

from __future__ import annotations

import base64
import functools
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from robust_hypergan.reports.page.checks import CHECKS, SIGNS, checks_of, tally
from robust_hypergan.reports.page.examples import Examples
from robust_hypergan.reports.page.findings import SEVERAL, Findings
from robust_hypergan.reports.page.tables import (
    accuracy_table,
    audit_table,
    comparison_table,
    failed_cells,
    marks,
    numeric,
    repeat_rows,
    summary_table,
)
from robust_hypergan.reports.section import Section, Table
from robust_hypergan.reports.tables.record import Record
from robust_hypergan.reports.wording import count, plural, printable

LARGEST_SVG = 400_000
"""A figure whose SVG has more bytes is put into the page as PNG."""


@dataclass(frozen=True)
class PageFigure:
    """A finished figure: its texts, and its file contents."""

    name: str
    title: str
    caption: str
    alt: str
    png: bytes
    svg: bytes

    @property
    def uri(self) -> str:
        """A ``data:`` URI: SVG, or PNG where that is much smaller."""
        if len(self.svg) <= LARGEST_SVG:
            return f"data:image/svg+xml;base64,{base64.b64encode(self.svg).decode()}"
        return f"data:image/png;base64,{base64.b64encode(self.png).decode()}"


@dataclass(frozen=True)
class PageSection:
    """A section whose figures are finished."""

    section: Section
    figures: tuple[PageFigure, ...]


@dataclass(frozen=True)
class Content:
    """Everything that a page shows."""

    record: Record
    summary: pd.DataFrame
    findings: Findings
    figures: Sequence[PageFigure] = ()
    sections: Sequence[PageSection] = ()
    examples: Examples = field(default_factory=Examples)


def render_html(content: Content) -> str:
    """The page as one file that needs nothing else; every value from the run is escaped."""
    return _render("report.html.j2", content)


def render_markdown(content: Content) -> str:
    """The same report in Markdown; figures are linked as ``figures/NAME.png``."""
    return _render("report.md.j2", content)


def markdown_text(value: object) -> Markup:
    """One line of text with everything escaped that Markdown or HTML would interpret."""
    text = printable(str(value)).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return Markup(re.sub(r"([\\`*_{}\[\]#|~$])", r"\\\1", text))


def markdown_code(value: object) -> Markup:
    """A fenced block of code whose fence is longer than any run of backticks inside."""
    text = str(value)
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return Markup(f"{fence}\n{text}\n{fence}")


def markdown_table(table: Table) -> Markup:
    """A pipe table under no heading of its own; the caption is the template's to place."""
    rows = [[markdown_text(cell) for cell in row] for row in table.rows]
    frame = pd.DataFrame(rows, columns=[markdown_text(heading) for heading in table.headings], dtype=object)
    return Markup(frame.to_markdown(index=False, disable_numparse=True))


def _render(template: str, content: Content) -> str:
    record, summary, findings = content.record, content.summary, content.findings
    context = {
        "record": record,
        "findings": findings,
        "figures": content.figures,
        "checks": next((part for part in content.sections if part.section.name == CHECKS), None),
        "sections": [part for part in content.sections if part.section.name != CHECKS],
        "examples": content.examples,
        "facts": _facts(record, summary),
        "knowledge": _knowledge(record),
        "networks": _networks(summary),
        "summary": summary_table(summary),
        "marks": marks(summary),
        "comparisons": comparison_table(findings.comparisons),
        "accuracy": accuracy_table(record),
        "audit": audit_table(record),
        "failed": failed_cells(record),
        "repeat": repeat_rows(record),
        "configuration": json.dumps(record.config, indent=2, ensure_ascii=False) if record.config else "",
    }
    return fill_template(template, context)


def fill_template(template: str, context: Mapping[str, Any]) -> str:
    """One of the package's templates with its names filled in, and one newline at its end."""
    return _environment().get_template(template).render(context).rstrip() + "\n"


def _hash(script: str) -> str:
    """The source expression by which a Content-Security-Policy allows this script and no other."""
    return f"sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}"


@functools.cache
def _environment() -> Environment:
    """Templates with escaping always on; an unknown name in a template is an error."""
    environment = Environment(
        loader=PackageLoader("robust_hypergan.reports"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    filters: dict[str, Any] = {
        "text": markdown_text,
        "code": markdown_code,
        "table": markdown_table,
        "printable": printable,
        "numeric": numeric,
        "checks": checks_of,
        "tally": tally,
    }
    environment.filters.update(filters)
    script = (files("robust_hypergan.reports") / "templates" / "report.js").read_text(encoding="utf-8")
    environment.globals.update(signs=SIGNS, script=Markup(script), script_hash=_hash(script))
    return environment


def _networks(summary: pd.DataFrame) -> str:
    """``500 fresh networks``, or just the words when nothing was measured."""
    most = summary["networks"].max()
    return plural(int(most), "fresh network") if most > 0 else "fresh networks"


def _facts(record: Record, summary: pd.DataFrame) -> list[tuple[str, str]]:
    """The few numbers at the top of the page, as (value, what it is)."""
    attacks = summary["attack"].nunique()
    fresh = (count(summary["networks"].max()), "fresh networks, never attacked")
    correct = f"{count(record.source_correct)} of {count(record.tried)}"
    known = record.source_correct is not None and record.tried is not None
    facts = [
        (record.data_name, f"data, {record.classifier} classifier" if record.classifier else "data"),
        ("1", "network, attacked and judged itself") if record.itself else fresh,
        (correct if known else count(summary["examples"].max()), "images the source classifies correctly"),
        (plural(len(summary), "cell"), f"combinations of attack and eps ({plural(attacks, 'attack')})"),
    ]
    if record.targets:
        facts.append((", ".join(record.targets), "target class of the attacks"))
    return [(printable(value), printable(label)) for value, label in facts]


def _knowledge(record: Record) -> str:
    """What the attackers of the finished cells know, and what they do not do."""
    if record.itself:
        return (
            "The attacker knows the one network completely, its weights and gradients included, and it alone"
            " is asked: the share fooled of fresh networks is that of the network itself."
        )
    done = [cell for cell in record.cells if cell.status == "done"]
    several = dict.fromkeys(printable(cell.attack) for cell in done if cell.attacker == SEVERAL)
    known = "one fixed draw completely, its weights and gradients included, and nothing of the others"
    stronger = "who holds several networks, or knows the generator,"
    if several:
        known += f"; in the cells of {', '.join(several)} several draws, and nothing of the fresh ones"
        stronger = "who knows more"
    return (
        f"The attacker knows {known}. Every fresh network is then asked on its own. The attacker does not see"
        " their answers, does not adapt to them, and does not attack their vote; an attacker"
        f" {stronger} can do better than what is shown here."
    )
