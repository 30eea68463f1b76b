"""The pages as a browser shows them: drawn, whole, in both themes, on a desk and on a telephone."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from alchemiser_dagster.reports.account_page import account_page
from alchemiser_dagster.reports.book_page import book_page
from alchemiser_dagster.reports.index_page import index_page
from alchemiser_dagster.reports.page import render
from alchemiser_dagster.reports.theme import THEMES
from tests.reports.accounts import account_data, book_data
from tests.reports.browser import Browser, chromium, started

DESK, TELEPHONE = 1280, 390
DRAWN = ".scatterlayer path, .barlayer path, .waterfalllayer path, .heatmaplayer image"
UNDRAWN = f"""[...document.querySelectorAll('.plot')]
  .filter((plot) => !plot.querySelector('{DRAWN}')).map((plot) => plot.id)"""
HIDE = """document.head.append(Object.assign(document.createElement('style'),
  {textContent: '.main-svg { visibility: hidden !important }'}))"""
pytestmark = pytest.mark.skipif(chromium() is None, reason="there is no Chromium here")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("reports")
    account = account_data(live=20, books=5)
    pages = {
        "steady": book_page(book_data(live=20, since=date(2021, 1, 4))),
        "account": account_page(account),
        "index": index_page(account),
    }
    for name, page in pages.items():
        (folder / f"{name}.html").write_text(render(page), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    program = chromium()
    assert program is not None
    with started(program, tmp_path_factory.mktemp("profile")) as browser:
        yield browser


@pytest.mark.parametrize(
    ("name", "width", "theme"),
    [
        ("steady", DESK, "light"),
        ("steady", TELEPHONE, "dark"),
        ("account", DESK, "dark"),
        ("account", TELEPHONE, "light"),
        ("index", DESK, "light"),
        ("index", TELEPHONE, "dark"),
    ],
)
def test_a_page_is_shown(browser: Browser, folder: Path, name: str, width: int, theme: str) -> None:
    browser.errors.clear()
    browser.requests.clear()
    page = folder / f"{name}.html"
    browser.open(page, width, theme)
    # every figure is drawn
    figures = browser.value("document.querySelectorAll('.plot').length")
    assert browser.value("Number(document.documentElement.dataset.drawn)") == figures
    assert (figures > 0) == (name != "index")
    assert browser.value(UNDRAWN) == []
    # nothing is wider than the screen
    assert browser.value("document.documentElement.scrollWidth") == width
    # in the theme that was asked for
    assert browser.value("getComputedStyle(document.documentElement).backgroundColor") == rgb(
        THEMES[theme].page
    )
    # and with the figures go most of the colours: letters have many shades too
    drawn = browser.colours(browser.screenshot())
    browser.value(HIDE)
    assert (drawn > 1.5 * browser.colours(browser.screenshot())) == (figures > 0)
    # no script failed, and nothing was fetched
    assert browser.errors == []
    assert [url for url in browser.requests if not url.startswith("data:")] == [page.as_uri()]


def test_the_button_changes_the_theme(browser: Browser, folder: Path) -> None:
    browser.open(folder / "account.html", DESK, "light")
    ink = "document.querySelector('.plot .xtick text').style.fill"
    before = browser.screenshot()
    assert browser.value(ink) == rgb(THEMES["light"].text)
    assert browser.value("document.getElementById('theme').getAttribute('aria-label')") == (
        "Change to the dark theme"
    )
    browser.value("document.getElementById('theme').click()")
    browser.wait_for(f"{ink} === '{rgb(THEMES['dark'].text)}'")
    assert browser.value("getComputedStyle(document.documentElement).backgroundColor") == rgb(
        THEMES["dark"].page
    )
    assert browser.screenshot() != before
    # and it stays so
    browser.open(folder / "account.html", DESK, "light")
    assert browser.value("document.documentElement.dataset.theme") == "dark"
    browser.value("localStorage.clear()")
    assert browser.errors == []


def test_it_is_printed_in_the_light(browser: Browser, folder: Path) -> None:
    browser.open(folder / "account.html", TELEPHONE, "dark")
    browser.value("window.dispatchEvent(new Event('beforeprint'))")
    ink = "document.querySelector('.plot .xtick text').style.fill"
    browser.wait_for(f"{ink} === '{rgb(THEMES['light'].text)}'")
    browser.value("window.dispatchEvent(new Event('afterprint'))")
    browser.wait_for(f"{ink} === '{rgb(THEMES['dark'].text)}'")


def rgb(colour: str) -> str:
    """A colour as a browser says it."""
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgb({red}, {green}, {blue})"
