"""The page: self-contained, escaped, accessible; its Markdown twin says the same."""

from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from robust_hypergan.reports import write_report
from robust_hypergan.reports.page.findings import find
from robust_hypergan.reports.page.render import (
    LARGEST_SVG,
    Content,
    PageFigure,
    PageSection,
    markdown_code,
    markdown_table,
    markdown_text,
    render_html,
    render_markdown,
)
from robust_hypergan.reports.section import Section, Table
from robust_hypergan.reports.tables.run import load_run
from robust_hypergan.reports.tables.summary import summarise

HOSTILE = "</script><script>alert(1)</script>\"'><img src=x onerror=alert(1)>"
VOID = {"meta", "img", "br", "link", "input", "hr"}


class Outline(HTMLParser):
    """Collects tags and text, and fails on tags that are not closed in order."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.open: list[str] = []
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def report(fake: Any, folder: Path) -> tuple[Outline, str, str]:
    page = write_report(fake.write(folder)).read_text(encoding="utf-8")
    return Outline(page), page, (folder / "report.md").read_text(encoding="utf-8")


def test_the_page_needs_nothing_from_elsewhere(fake: Any, tmp_path: Path) -> None:
    outline, page, _ = report(fake, tmp_path / "run")
    assert "default-src 'none'" in page
    assert len(outline.all("script")) == 1
    assert not outline.all("link") + outline.all("iframe")
    assert all((image["src"] or "").startswith("data:image/") for image in outline.all("img"))
    places = {f"#{attributes['id']}" for _, attributes in outline.tags if "id" in attributes}
    addresses = [attributes["href"] for _, attributes in outline.tags if "href" in attributes]
    assert set(addresses) <= places
    assert len(addresses) == len(outline.all("h2")) - 1 == 10  # the contents' own heading
    assert not any({"srcset", "onclick", "onload"} & set(attributes) for _, attributes in outline.tags)
    assert "url(" not in page
    assert "@import" not in page


def test_figures_tables_and_headings_are_marked_up_for_everyone(fake: Any, tmp_path: Path) -> None:
    outline, _, _ = report(fake, tmp_path / "run")
    charts = [figure for figure in outline.all("figure") if figure.get("class") == "chart"]
    examples = len(outline.all("article"))
    assert (len(charts), examples) == (5, 30)
    assert len(outline.all("figure")) == len(outline.all("figcaption")) == len(outline.all("img"))
    assert len(outline.all("figure")) == len(charts) + 3 * examples
    assert sum(len(image["alt"] or "") > 40 for image in outline.all("img")) == len(charts)
    assert all(image["alt"] for image in outline.all("img"))
    assert len(outline.all("table")) == len(outline.all("caption")) == 4
    assert {heading.get("scope") for heading in outline.all("th")} == {"col", "row", "rowgroup"}
    assert len(outline.all("h1")) == len(outline.all("main")) == 1
    assert outline.all("html") == [{"lang": "en"}]
    places = [attributes["id"] for _, attributes in outline.tags if "id" in attributes]
    assert len(places) == len(set(places))


def test_the_one_script_is_allowed_by_its_hash(fake: Any, tmp_path: Path) -> None:
    _, page, _ = report(fake, tmp_path / "run")
    scripts = re.findall(r"<script>(.*?)</script>", page, flags=re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(scripts[0].encode()).digest()).decode()
    assert len(scripts) == 1
    assert f"script-src 'sha256-{digest}'" in page


def test_the_checks_stand_between_the_answer_and_the_rest(fake: Any, tmp_path: Path) -> None:
    run = load_run(fake.write(tmp_path / "run"))
    summary = summarise(run.examples, run.networks, run.record.cells)
    rows = (("noise is weaker", "PASS", HOSTILE), ("eps grows", "FAIL", "87%"), ("black box", "NOT RUN", ""))
    table = Table("Checks", ("check", "verdict", "value"), rows)
    parts = [
        PageSection(Section("more", "More", (), (Table("A table", ("a", "b"), (("1", "PASS"),)),)), ()),
        PageSection(Section("checks", "What was checked", ("Three checks.",), (table,)), ()),
    ]
    content = Content(run.record, summary, find(run.examples, summary), sections=parts)
    for text in (Outline(render_html(content)).text, render_markdown(content)):
        places = [text.index(title) for title in ("The answer", "Three checks.", "A HyperGAN, or", "A table")]
        assert places == sorted(places)
    outline = Outline(render_html(content))
    badges = [tag["class"] for tag in outline.all("span") if "badge" in (tag.get("class") or "")]
    assert badges == [
        f"badge {name}" for name in ["pass", "fail", "not-run", "fail", "pass", "not-run", "pass"]
    ]
    assert HOSTILE in outline.text
    assert {"href": "#checks"} in outline.all("a")


def test_the_page_holds_what_is_needed_to_repeat_and_to_judge(fake: Any, tmp_path: Path) -> None:
    outline, _, markdown = report(fake, tmp_path / "run")
    wanted = [
        "a3f1" * 16,
        "2.15.0",
        "96.1%",
        "31,594 weights",
        "1 min 14 s",
        "networks 0 to 49",
        "x86_64, 2 cores",
    ]
    for text in [*wanted, fake.info["command"], "Initially correct", "Flipped", "Threat model"]:
        assert text in outline.text
    for text in [fake.info["command"], "a3f1" * 16, "96.1%", "Initially correct"]:
        assert text in markdown


def test_what_the_attacker_knows_and_aims_at_is_that_of_the_cells(fake: Any, tmp_path: Path) -> None:
    outline, _, markdown = report(fake, tmp_path / "one")
    for text in (outline.text, markdown):
        assert "and nothing of the others. Every fresh network" in text
        assert "an attacker who holds several networks, or knows the generator, can do better" in text
        assert "target class of the attacks" not in text
    fake.info["cells"][3] |= {"attacker": "several networks", "target": 7}
    outline, _, markdown = report(fake, tmp_path / "several")
    for text in (outline.text, markdown):
        assert "in the cells of pgd:steps=40 several draws, and nothing of the fresh ones." in text
        assert "who holds several networks" not in text
    assert "- **7**: target class of the attacks" in markdown
    assert "target class of the attacks 7" in outline.text


def test_a_hostile_name_is_text_everywhere(fabricate: Any, tmp_path: Path) -> None:
    fake = fabricate(attacks=("fgsm", HOSTILE, "pgd|a*b_c`"), eps=(0.1,), examples=20, networks=10)
    fake.info["command"] = f"robust-hypergan bench --attack '{HOSTILE}' ```"
    fake.info["config"] = {"note": "</code></pre>" + HOSTILE}
    fake.info["data"]["name"] = f"</title>{HOSTILE}"
    fake.info["cells"][0]["audit"]["notes"] = [HOSTILE]
    fake.info["cells"][2] |= {"status": "failed", "error": HOSTILE}
    outline, page, markdown = report(fake, tmp_path / "run")
    assert len(outline.all("script")) == page.count("<script") == 1
    assert {article["data-attack"] for article in outline.all("article")} >= {f"{HOSTILE}, L\u221e"}
    assert outline.text.count(HOSTILE) > 5
    outside_code = re.sub(r"(?ms)^(`{3,})\n.*?^\1$", "", markdown)
    assert "<script" not in outside_code


def test_failed_cells_are_told_first(fake: Any, tmp_path: Path) -> None:
    fake.info["cells"][0] |= {"status": "failed", "error": "out of memory"}
    outline, _, markdown = report(fake, tmp_path / "run")
    assert outline.text.index("fgsm, L\u221e eps 0.05: out of memory") < outline.text.index("What was asked")
    assert "1 of 6 cells did not finish" in markdown


def test_a_record_with_only_the_necessary_keys_still_makes_a_page(fake: Any, tmp_path: Path) -> None:
    cells = [{name: cell[name] for name in ("attack", "norm", "eps")} for cell in fake.info["cells"]]
    fake.info = {"status": "done", "data": {"name": "mine"}, "cells": cells}
    fake.training = fake.gallery = None
    outline, _, _ = report(fake, tmp_path / "run")
    assert "Clean accuracy was not recorded" in outline.text
    assert len(outline.all("figure")) == 4
    assert "None" not in outline.text
    assert "nan" not in outline.text


def test_a_run_without_cells_makes_a_page_that_says_so(fake: Any, tmp_path: Path) -> None:
    fake.info["cells"] = []
    fake.examples, fake.networks = fake.examples.iloc[:0], fake.networks.iloc[:0]
    fake.training = fake.gallery = None
    outline, _, _ = report(fake, tmp_path / "run")
    assert "nothing to draw" in outline.text


def test_the_page_and_its_twin_say_the_same_in_numbers(fake: Any, tmp_path: Path) -> None:
    outline, _, markdown = report(fake, tmp_path / "run")
    rows = [line for line in markdown.splitlines() if line.startswith("| fgsm, L\u221e eps")]
    for cell in [part.strip() for row in rows[:3] for part in row.strip("|").split("|")[1:]]:
        assert cell.replace("&lt;", "<").replace("&gt;", ">") in outline.text


def test_markdown_links_to_figures_that_exist(fake: Any, tmp_path: Path) -> None:
    _, _, markdown = report(fake, tmp_path / "run")
    links = re.findall(r"\]\((.+?)\)", markdown)
    assert len(links) == 6
    assert all((tmp_path / "run" / link).is_file() for link in links)


def test_a_huge_svg_is_replaced_by_its_png() -> None:
    small = PageFigure("a", "", "", "", png=b"png", svg=b"<svg/>")
    huge = PageFigure("a", "", "", "", png=b"png", svg=b" " * (LARGEST_SVG + 1))
    assert small.uri.startswith("data:image/svg+xml;base64,")
    assert huge.uri == "data:image/png;base64,cG5n"


@pytest.mark.parametrize("text", ["a|b", "*b*", "[x](y)", "`c`", "~~d~~", "$e$", "# f"])
def test_markdown_text_escapes_what_would_be_interpreted(text: str) -> None:
    escaped = markdown_text(text)
    assert escaped.replace("\\", "") == text
    assert not re.search(r"(?<!\\)[`*_\[\]|~$#]", escaped)


def test_a_fence_is_longer_than_any_inside() -> None:
    assert markdown_code("a ```` b").splitlines() == ["`````", "a ```` b", "`````"]


def test_a_markdown_table_has_a_line_per_row() -> None:
    table = Table("caption", ("a", "b"), (("x|y", "007"), ("<b>", "1e3")))
    lines = markdown_table(table).splitlines()
    assert len(lines) == 4
    assert [part.strip() for part in re.split(r"(?<!\\)\|", lines[2])[1:-1]] == ["x\\|y", "007"]
    assert "&lt;b&gt;" in lines[3]
    assert "1e3" in lines[3]
