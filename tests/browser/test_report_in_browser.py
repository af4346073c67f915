"""What a reader does with the page: look, click, type, print, in light and dark, with and without a mouse."""

from __future__ import annotations

from typing import Any

import pytest

from tests.browser.conftest import HOSTILE, SORTED, VALUES, Opened

BACKGROUND = "getComputedStyle(document.body).backgroundColor"
FOCUS = "document.activeElement.className"
LIGHT, DARK = "rgb(255, 255, 255)", "rgb(15, 20, 25)"


def texts(page: Any, selector: str) -> list[str]:
    return [text.strip() for text in page.locator(selector).all_inner_texts()]


def column(page: Any, caption: str, cell: int) -> list[str]:
    """The texts of one column of a table, of its visible rows but the groups' headings."""
    table = page.locator("table", has=page.locator("caption", has_text=caption))
    cells = table.locator(f"tbody tr:not(.group):visible > :nth-child({cell + 1})")
    return [text.strip() for text in cells.all_text_contents()]


def serious(page: Any) -> list[tuple[str, list[str]]]:
    """What axe-core finds that keeps people out."""
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page).response["violations"]
    return [
        (one["id"], [node["html"][:80] for node in one["nodes"]])
        for one in found
        if one["impact"] in ("serious", "critical")
    ]


def tab_to(page: Any, class_name: str) -> None:
    """Presses Tab until an element of that class has the focus."""
    for _ in range(120):
        page.keyboard.press("Tab")
        if page.evaluate(FOCUS) == class_name:
            return
    pytest.fail(f"no {class_name} can be reached with Tab")


def test_nothing_leaves_the_page_and_nothing_is_complained_about(opened: Opened, report: str) -> None:
    opened.page.mouse.wheel(0, 20_000)
    assert {url for url in opened.requests if not url.startswith("data:")} == {report}
    assert "hacked" not in opened.page.title()


def test_a_script_that_is_not_the_reports_own_is_refused(chromium: Any, report: str) -> None:
    page = chromium.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.goto(report)
    page.evaluate(
        "document.body.append(Object.assign(document.createElement('script'), {text: 'hacked = 1'}))"
    )
    assert page.evaluate("typeof hacked") == "undefined"
    assert "Content Security Policy" in complaints[0]
    page.close()


def test_a_click_enlarges_a_figure_and_escape_closes_it(page: Any) -> None:
    figure = page.locator("figure.chart").first
    small = figure.locator("img").bounding_box()["width"]
    figure.locator("img").click()
    dialog = page.get_by_role("dialog", name="How far the attacks carry")
    large = dialog.locator("img")
    assert large.bounding_box()["width"] > 1.3 * small
    assert large.get_attribute("alt") == figure.locator("img").get_attribute("alt")
    assert figure.locator("figcaption").inner_text() in dialog.inner_text()
    page.keyboard.press("Escape")
    assert not dialog.is_visible()
    assert page.evaluate(FOCUS) == "enlarge"


def test_a_table_sorts_by_number_up_down_and_back(page: Any) -> None:
    heading = page.locator("th", has=page.get_by_role("button", name="value", exact=True))
    orders = []
    for _ in range(3):
        heading.get_by_role("button").click()
        orders.append((heading.get_attribute("aria-sort"), tuple(column(page, "Values", 1))))
    down = (*reversed(SORTED[:-1]), SORTED[-1])  # a dash stays last
    assert orders == [("ascending", SORTED), ("descending", down), (None, VALUES)]


def test_the_main_table_is_flat_while_sorted_and_grouped_again_after(page: Any) -> None:
    table = page.locator("table.grouped")
    before = table.inner_text()
    assert HOSTILE in before
    button = page.get_by_role("button", name="mean fooled fraction")
    button.click()
    attacks, means = (column(page, "How far each attack carries", place) for place in (0, 3))
    assert len(attacks) == 9
    assert set(attacks) == {"fgsm", "pgd:steps=40", HOSTILE}
    assert [float(mean.rstrip("%")) for mean in means] == sorted(float(mean.rstrip("%")) for mean in means)
    button.click()
    button.click()
    assert table.inner_text() == before


def test_a_filter_leaves_the_rows_with_every_word_and_says_how_many(page: Any) -> None:
    field = page.get_by_role("searchbox", name="How far each attack carries")
    field.fill("PGD 0.2")
    assert column(page, "How far each attack carries", 1) == ["L\u221e eps 0.2"]
    assert texts(page, ".group:visible") == ["pgd:steps=40"]
    assert "1 of 9 rows shown" in texts(page, "[role=status]")
    field.fill("no such thing")
    assert column(page, "How far each attack carries", 0) == []
    field.fill("")
    assert "9 rows" in texts(page, "[role=status]")


def test_an_example_is_picked_by_attack_eps_and_quantile(page: Any) -> None:
    card = page.locator(".example:visible")
    assert card.locator(".detail").inner_text() == "fgsm, L\u221e eps 0.1, 50% (median) quantile"
    page.get_by_role("combobox", name="Attack").select_option(f"{HOSTILE}, L\u221e")
    page.get_by_role("combobox", name="eps", exact=True).select_option("0.2")
    fooled = []
    for quantile in ("0% (least)", "25%", "50% (median)", "75%", "100% (greatest)"):
        page.get_by_role("combobox", name="Quantile").select_option(quantile)
        assert card.count() == 1
        assert card.locator(".detail").inner_text() == f"{HOSTILE}, L\u221e eps 0.2, {quantile} quantile"
        title = card.locator("h3").inner_text()
        assert title in texts(page, "[role=status]")
        fooled.append(float(title.split("fools ")[1].split("%")[0]))
    assert fooled == sorted(fooled)
    assert fooled[0] < fooled[-1]
    image = card.locator("img").nth(1)
    assert image.evaluate("image => image.naturalWidth") == 28
    assert image.evaluate("image => getComputedStyle(image).imageRendering") == "pixelated"
    assert {"true class", "the source's answer"} <= set(texts(page, ".example:visible em"))


def test_dark_follows_the_system_until_it_is_switched(page: Any) -> None:
    switch = page.get_by_role("button", name="Dark")
    assert (page.evaluate(BACKGROUND), switch.get_attribute("aria-pressed")) == (LIGHT, "false")
    page.emulate_media(color_scheme="dark")
    assert (page.evaluate(BACKGROUND), switch.get_attribute("aria-pressed")) == (DARK, "true")
    switch.click()
    assert (page.evaluate(BACKGROUND), switch.get_attribute("aria-pressed")) == (LIGHT, "false")
    card = page.locator("figure.chart img").first
    assert card.evaluate("image => getComputedStyle(image).backgroundColor") == LIGHT


def test_the_chosen_theme_is_remembered(page: Any) -> None:
    switch = page.get_by_role("button", name="Dark")
    switch.click()
    page.reload()
    assert (page.evaluate(BACKGROUND), switch.get_attribute("aria-pressed")) == (DARK, "true")
    switch.click()
    page.emulate_media(color_scheme="dark")
    page.reload()
    assert (page.evaluate(BACKGROUND), switch.get_attribute("aria-pressed")) == (LIGHT, "false")


def test_the_theme_is_switched_where_nothing_may_be_remembered(chromium: Any, report: str) -> None:
    context = chromium.new_context()
    context.add_init_script(
        "Object.defineProperty(window, 'localStorage', {get() { throw new Error('forbidden'); }})"
    )
    page = context.new_page()
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.goto(report)
    page.get_by_role("button", name="Dark").click()
    assert page.evaluate(BACKGROUND) == DARK
    page.get_by_role("searchbox").first.wait_for()  # what comes after the switch is made too
    assert wrong == []
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(page: Any, scheme: str) -> None:
    page.emulate_media(color_scheme=scheme)
    page.get_by_role("button", name="mean fooled fraction").click()
    assert serious(page) == []
    page.get_by_role("button", name="Enlarge").first.click()
    assert serious(page) == []


def test_axe_finds_what_is_wrong(page: Any) -> None:
    page.evaluate("document.querySelector('figure.chart img').removeAttribute('alt')")
    assert [name for name, _ in serious(page)] == ["image-alt"]


def test_everything_is_reached_by_keyboard(page: Any) -> None:
    tab_to(page, "theme")
    page.keyboard.press("Enter")
    assert page.evaluate(BACKGROUND) == DARK
    tab_to(page, "sort")
    page.keyboard.press("Enter")
    assert page.locator("[aria-sort=ascending]").count() == 1
    tab_to(page, "enlarge")
    page.keyboard.press("Enter")
    assert page.get_by_role("dialog").is_visible()
    assert page.evaluate("document.activeElement.closest('dialog') !== null")
    page.keyboard.press("Escape")
    assert not page.get_by_role("dialog").is_visible()
    assert page.evaluate(FOCUS) == "enlarge"


def test_print_shows_everything_and_no_control(page: Any) -> None:
    page.get_by_role("button", name="Dark").click()
    page.get_by_role("searchbox", name="How far each attack carries").fill("no such thing")
    page.emulate_media(media="print")
    assert page.evaluate("getComputedStyle(document.documentElement).colorScheme") == "light"
    assert page.locator(".example:visible").count() == page.locator(".example").count() == 45
    assert len(column(page, "How far each attack carries", 0)) == 9
    assert page.locator("details pre").bounding_box()["height"] > 50
    for control in (".controls", ".enlarge", ".theme"):
        assert page.locator(control).count() > 0
        assert page.locator(f"{control}:visible").count() == 0


def test_a_phone_scrolls_tables_and_not_the_page(page: Any) -> None:
    page.set_viewport_size({"width": 360, "height": 780})
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    assert page.locator(".scroll", has=page.locator("table.grouped")).evaluate(
        "it => it.scrollWidth > it.clientWidth"
    )


def test_without_javascript_everything_is_there_and_no_control(chromium: Any, report: str) -> None:
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(report)
    assert page.locator(".example:visible").count() == 45
    assert page.locator("table.grouped tbody tr:visible").count() == 12
    assert page.locator("button, input, select, dialog").count() == 0
    assert texts(page, ".tally > span") == ["1 \u2713 PASS", "1 \u2717 FAIL", "1 \u2013 NOT RUN"]
    context.close()
