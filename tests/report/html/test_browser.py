"""The report in a real browser: Chromium without a window, pages from disk."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select

from tests.report.html.conftest import SHOWN
from tests.report.html.pages import pages

BROWSER = shutil.which("chromium") or shutil.which("google-chrome")
DRIVER = shutil.which("chromedriver")
# What installs a browser sets this, so that a missing one is an error there and skipped elsewhere.
pytestmark = pytest.mark.skipif(
    not (BROWSER and DRIVER) and "KIT_NEEDS_BROWSER" not in os.environ,
    reason="needs Chromium or Chrome, and chromedriver",
)


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    options = webdriver.ChromeOptions()
    options.binary_location = str(BROWSER)
    profile = tmp_path_factory.mktemp("profile")
    for word in ("headless=new", "no-sandbox", "disable-gpu", f"user-data-dir={profile}"):
        options.add_argument(f"--{word}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(str(DRIVER)))
    yield driver
    driver.quit()


def size(chromium: webdriver.Chrome, width: int) -> None:
    chromium.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500},
    )


def visit(chromium: webdriver.Chrome, site: Path, page: str) -> None:
    chromium.get((site / page).as_uri())


def column(chromium: webdriver.Chrome, table: str, number: int) -> list[str]:
    rows = chromium.find_elements(By.CSS_SELECTOR, f"#{table} tbody tr:not([hidden])")
    return [row.find_elements(By.CSS_SELECTOR, "th, td")[number].text for row in rows]


def head(chromium: webdriver.Chrome, table: str, number: int) -> Any:
    return chromium.find_elements(By.CSS_SELECTOR, f"#{table} thead th")[number]


def test_no_page_errs_asks_the_network_or_overflows(chromium: webdriver.Chrome, site: Path) -> None:
    chromium.get_log("performance")
    for width in (1280, 390):
        size(chromium, width)
        for page in pages(site):
            chromium.get(page.file.as_uri())
            wide = chromium.execute_script("return document.documentElement.scrollWidth")
            assert wide <= width, (page.file.name, width)
    assert chromium.get_log("browser") == []
    messages = [json.loads(e["message"])["message"] for e in chromium.get_log("performance")]
    asked = [m["params"]["request"]["url"] for m in messages if "request" in m["params"]]
    assert len(asked) > 60
    # Chromium's own empty tab (chrome:) and the arrows of its lists (data:) come from no server.
    assert {url.partition(":")[0] for url in asked} <= {"file", "chrome", "data"}
    assert all(site.as_uri() in url for url in asked if url.startswith("file:"))


def test_whole_tables_and_figures_are_seen(chromium: webdriver.Chrome, site: Path) -> None:
    """The widest tables on a common screen; figures on a phone."""
    for width, places in (
        (1440, sorted((site / "tables").glob("*-*.html"))),
        (390, [site / "figures.html"]),
    ):
        size(chromium, width)
        for file in places:
            chromium.get(file.as_uri())
            cut = chromium.execute_script(
                "return [...document.querySelectorAll('.scroll')]"
                ".map(each => each.scrollWidth - each.clientWidth)"
            )
            assert max(cut) <= 0, (file.name, width)


def test_a_group_is_named_once_until_rows_are_sorted(
    chromium: webdriver.Chrome, site: Path
) -> None:
    size(chromium, 1280)
    visit(chromium, site, "tables/nas-bench-360-8.html")

    def named() -> list[str]:
        found = chromium.find_elements(By.CSS_SELECTOR, "#table tbody th small")
        return [each.text for each in found if each.is_displayed()]

    assert len(named()) == len(set(named())) == 3
    head(chromium, "table", 3).find_element(By.TAG_NAME, "button").click()
    assert len(named()) == len(column(chromium, "table", 0)) > 3


def test_style_and_script_are_let_in_by_the_policy(chromium: webdriver.Chrome, site: Path) -> None:
    visit(chromium, site, "figures.html")
    body = chromium.find_element(By.TAG_NAME, "body")
    assert body.value_of_css_property("margin") == "0px"
    assert chromium.find_element(By.CSS_SELECTOR, "[data-theme-button]").is_displayed()
    line = chromium.find_element(By.CSS_SELECTOR, '.drawn path[stroke="#0072b2"]')
    assert line.value_of_css_property("stroke") == "rgb(0, 114, 178)"


def test_hostile_text_does_nothing(chromium: webdriver.Chrome, site: Path) -> None:
    (page,) = (site / "runs").glob("ecg_wrn*.html")
    chromium.get(page.as_uri())
    assert chromium.find_element(By.CSS_SELECTOR, "pre.log").text == SHOWN
    assert chromium.find_elements(By.TAG_NAME, "img") == []


def test_a_list_sorts_by_numbers_and_words(chromium: webdriver.Chrome, site: Path) -> None:
    size(chromium, 1280)
    visit(chromium, site, "runs/index.html")
    score = 8
    head(chromium, "runs", score).find_element(By.TAG_NAME, "button").click()
    values = [text.split()[0] for text in column(chromium, "runs", score) if text]
    numbers = [float(value) for value in values if value != "NaN"]
    assert numbers == sorted(numbers)
    assert len(set(numbers)) > 5
    assert head(chromium, "runs", score).get_attribute("aria-sort") == "ascending"
    head(chromium, "runs", score).find_element(By.TAG_NAME, "button").send_keys(Keys.ENTER)
    values = [text.split()[0] for text in column(chromium, "runs", score) if text]
    assert [float(v) for v in values if v != "NaN"] == numbers[::-1]
    assert column(chromium, "runs", score)[-1] == ""
    assert head(chromium, "runs", score).get_attribute("aria-sort") == "descending"
    head(chromium, "runs", 1).find_element(By.TAG_NAME, "button").click()
    assert column(chromium, "runs", 1) == sorted(column(chromium, "runs", 1))
    assert head(chromium, "runs", score).get_attribute("aria-sort") is None


def test_a_table_sorts_by_published_or_measured(chromium: webdriver.Chrome, site: Path) -> None:
    visit(chromium, site, "tables/dash-5.html")
    methods = column(chromium, "table", 0)
    head(chromium, "table", 1).find_element(By.TAG_NAME, "button").click()
    by_published = column(chromium, "table", 0)
    assert by_published[0].startswith("Expert")  # 19.39
    Select(chromium.find_element(By.CSS_SELECTOR, "[data-sort-by]")).select_by_visible_text(
        "measured"
    )
    assert column(chromium, "table", 0)[0].startswith("DASH")  # the only one with a mean
    named = [title.splitlines()[0] for title in column(chromium, "table", 0)]
    assert sorted(named) == sorted(title.splitlines()[0] for title in methods)


def test_a_table_of_printed_numbers_alone_sorts(chromium: webdriver.Chrome, site: Path) -> None:
    visit(chromium, site, "tables/dash-8.html")
    assert chromium.find_elements(By.CSS_SELECTOR, "[data-sort-by]") == []
    head(chromium, "table", 1).find_element(By.TAG_NAME, "button").click()
    cells = chromium.find_elements(By.CSS_SELECTOR, "#table tbody tr > :nth-child(2)")
    values = [cell.get_attribute("data-published") for cell in cells]
    numbers = [float(value) for value in values if value]
    assert numbers == sorted(numbers)
    assert len(set(numbers)) > 3


def test_filters_hide_rows_and_say_how_many(chromium: webdriver.Chrome, site: Path) -> None:
    visit(chromium, site, "runs/index.html")
    count = len(column(chromium, "runs", 0))
    box = chromium.find_element(By.CSS_SELECTOR, "[data-filters]")
    box.find_element(By.TAG_NAME, "input").send_keys("cifar wrn")
    assert column(chromium, "runs", 1) == ["cifar-100"] * 2
    assert box.find_element(By.TAG_NAME, "output").text == f"2 of {count} rows"
    box.find_element(By.TAG_NAME, "input").clear()
    box.find_element(By.TAG_NAME, "input").send_keys(" ")
    states = next(s for s in box.find_elements(By.TAG_NAME, "select") if "failed" in s.text)
    Select(states).select_by_visible_text("failed")
    assert column(chromium, "runs", 7) == ["failed"]


def test_the_theme_follows_the_system_until_chosen(chromium: webdriver.Chrome, site: Path) -> None:
    def background() -> str:
        body = chromium.find_element(By.TAG_NAME, "body")
        return str(body.value_of_css_property("background-color"))

    def system(scheme: str) -> None:
        feature = {"name": "prefers-color-scheme", "value": scheme}
        chromium.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})

    visit(chromium, site, "index.html")
    system("light")
    light = background()
    system("dark")
    dark = background()
    assert light != dark
    button = chromium.find_element(By.CSS_SELECTOR, "[data-theme-button]")
    button.click()
    assert (button.text, background()) == ("Theme: light", light)
    visit(chromium, site, "errata.html")
    assert background() == light  # it was kept
    button = chromium.find_element(By.CSS_SELECTOR, "[data-theme-button]")
    button.click()
    system("light")
    assert background() == dark
    button.click()
    assert background() == light


def test_by_keyboard_the_first_stop_leads_to_the_content(
    chromium: webdriver.Chrome, site: Path
) -> None:
    visit(chromium, site, "index.html")
    webdriver.ActionChains(chromium).send_keys(Keys.TAB).perform()
    first = chromium.switch_to.active_element
    assert first.text == "Skip to content"
    assert first.value_of_css_property("outline-style") != "none"
    first.send_keys(Keys.ENTER)
    assert chromium.switch_to.active_element.get_attribute("id") == "main"
