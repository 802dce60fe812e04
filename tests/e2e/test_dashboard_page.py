"""The page over many nights in a real Chromium: draws, fits, asks nobody, reads without script, passes axe."""

import shutil
from collections.abc import Callable, Iterator
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path

import pytest

from harness.reporting.dashboard import render_dashboard
from tests.support.dashboards import a_year, hostile, young

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="no Chromium on the path; on Debian: apt-get install chromium"
)
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-sync",
]
PAGES = {"year": a_year, "young": young, "hostile": hostile}
Open = Callable[..., "playwright.Page"]


@pytest.fixture(scope="module")
def addresses(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder: Path = tmp_path_factory.mktemp("dashboards")
    for name, source in PAGES.items():
        (folder / f"{name}.html").write_text(render_dashboard(source()), "utf-8")
    return {name: (folder / f"{name}.html").as_uri() for name in PAGES}


@pytest.fixture(scope="module")
def browser() -> "Iterator[playwright.Browser]":
    with playwright.sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield started
        started.close()


@pytest.fixture
def open_page(browser: "playwright.Browser", addresses: dict[str, str]) -> Iterator[Open]:
    contexts = []

    def open_(name: str, *, width: int = 1280, **options: object) -> "playwright.Page":
        context = browser.new_context(viewport={"width": width, "height": 900}, **options)
        contexts.append(context)
        page = context.new_page()
        page.asked = []
        page.on("request", lambda request: page.asked.append(request.url))
        page.on("console", lambda message: page.asked.append(message.text))
        page.goto(addresses[name])
        return page

    yield open_
    for context in contexts:
        context.close()


@pytest.mark.parametrize("name", PAGES)
def test_it_asks_nobody_and_runs_nothing(name: str, open_page: Open) -> None:
    page = open_page(name)
    assert page.locator("h1").is_visible()
    assert [url for url in page.asked if not url.startswith(("file:", "data:image/svg+xml"))] == []
    assert page.evaluate("window.hacked") is None
    assert page.locator("script, img, iframe").count() == 0


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("width", [320, pytest.param(390, marks=pytest.mark.soak), 1280])
def test_it_does_not_scroll_sideways(name: str, width: int, open_page: Open) -> None:
    page = open_page(name, width=width)
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_it_reads_the_same_without_script(open_page: Open) -> None:
    with_script, without = open_page("year"), open_page("year", java_script_enabled=False)
    assert with_script.locator("main").inner_text() == without.locator("main").inner_text()
    assert without.locator(".cal svg").count() == 2
    assert without.locator(".hrow svg").count() >= 10


def test_on_a_narrow_screen_the_newest_nights_are_in_view(open_page: Open) -> None:
    page = open_page("year", width=390)
    region = page.locator(".cal .scroll").first
    box, path = region.bounding_box(), region.locator("svg").bounding_box()
    assert box is not None
    assert path is not None
    assert abs((path["x"] + path["width"]) - (box["x"] + box["width"])) <= 2


def test_on_paper_it_is_light_and_whole(open_page: Open) -> None:
    page = open_page("year", color_scheme="dark")
    page.emulate_media(media="print")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.evaluate("getComputedStyle(document.querySelector('.scroll')).overflowX") == "visible"


@pytest.mark.skipif(
    find_spec("axe_playwright_python") is None, reason="axe-playwright-python is not installed"
)
@pytest.mark.parametrize("name", ["year", pytest.param("young", marks=pytest.mark.soak), "hostile"])
@pytest.mark.parametrize(
    ("scheme", "width"), [pytest.param("light", 390, marks=pytest.mark.soak), ("dark", 1280)]
)
def test_axe_finds_no_violation(name: str, scheme: str, width: int, open_page: Open) -> None:
    page = open_page(name, width=width, color_scheme=scheme, bypass_csp=True)
    page.evaluate(files("axe_playwright_python").joinpath("axe.min.js").read_text("utf-8"))
    found = page.evaluate(
        "axe.run(document, {resultTypes: ['violations']}).then(result => result.violations)"
    )
    assert [(one["id"], one["impact"], one["nodes"][0]["html"][:200]) for one in found] == []
