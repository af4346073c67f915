"""A report with every kind of content, in a real headless Chromium.

Needs the extra ``browser`` and a Chromium of the system; without them these tests are skipped, or fail where
the environment variable ``CHROMIUM`` is ``required``.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from robust_hypergan.reports import write_report
from robust_hypergan.reports.section import Section, Table
from robust_hypergan.reports.sections import evidence
from tests.reports.conftest import make_run

COMMANDS = ("chromium", "chromium-browser", "google-chrome", "chrome")

HOSTILE = "</script><script>document.title='hacked'</script>\"'><img src=x onerror=alert(1)>*_`|"

DIFFERENCE = "\u22126.2 (\u22129.0 to +1.2)"

VALUES = ("1,234", "59%", "\u2013", "<1%", "56\u201362%", DIFFERENCE, "7", ">99%", "0.05", "1 min 14 s")
"""Cells that a table has to sort, in no order."""

SORTED = (DIFFERENCE, "0.05", "<1%", "7", "56\u201362%", "59%", "1 min 14 s", ">99%", "1,234", "\u2013")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)


@dataclass
class Opened:
    """The page, and everything that went wrong or out since it was opened."""

    page: Any
    wrong: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)


def do_without(reason: str) -> None:
    """Skips, or fails where the browser is required."""
    if os.environ.get("CHROMIUM") == "required":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """The browser, once for all tests."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        do_without("no playwright: install the extra 'browser'")
    path = next(filter(None, map(shutil.which, COMMANDS)), None)
    if path is None:
        do_without(f"none of {', '.join(COMMANDS)} is installed: the page is not tried in a browser")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path)
        yield browser
        browser.close()


def checks_section(*_: Any) -> Section:
    rows = (
        ("noise is weaker than PGD", "PASS", "<1%", "noise \u2264 PGD", "every eps", "a paper"),
        ("success grows with eps", "FAIL", HOSTILE, "no drop", "fgsm", "another"),
        ("black-box attack", "NOT RUN", "", "--checks full", "", ""),
    )
    table = Table("Credibility checks", ("check", "verdict", "value", "rule", "where", "source"), rows)
    return Section("checks", "What was checked", ("Three checks.",), (table,))


def values_section(*_: Any) -> Section:
    rows = tuple((f"row {place}", value) for place, value in enumerate(VALUES))
    return Section("values", "Values of every kind", (), (Table("Values", ("name", "value"), rows),))


@pytest.fixture(scope="session")
def report(chromium: Any, tmp_path_factory: pytest.TempPathFactory) -> str:  # noqa: ARG001 - skips it too
    """The address of a report; made only where there is a browser to open it."""
    run = make_run(attacks=("fgsm", "pgd:steps=40", HOSTILE), examples=30, networks=20)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(evidence, "SECTIONS", [checks_section, values_section])
        return write_report(run.write(tmp_path_factory.mktemp("browser") / "run")).as_uri()


@pytest.fixture(scope="session")
def shared(chromium: Any, report: str) -> Iterator[Opened]:
    """One page for all tests, offline."""
    context = chromium.new_context(offline=True)
    opened = Opened(context.new_page())
    opened.page.set_default_timeout(20_000)
    opened.page.on("request", lambda request: opened.requests.append(request.url))
    opened.page.on("pageerror", lambda error: opened.wrong.append(str(error)))
    opened.page.on("console", lambda message: opened.wrong.append(message.text))
    opened.page.goto(report)
    yield opened
    context.close()


@pytest.fixture
def opened(shared: Opened) -> Iterator[Opened]:
    """The page as it is when it was just opened; whatever a test does must not make it complain."""
    shared.page.set_viewport_size({"width": 1280, "height": 900})
    shared.page.emulate_media(media="screen", color_scheme="light")
    shared.page.evaluate("localStorage.clear()")
    shared.page.reload()
    yield shared
    assert shared.wrong == []


@pytest.fixture
def page(opened: Opened) -> Any:
    """The page alone."""
    return opened.page
