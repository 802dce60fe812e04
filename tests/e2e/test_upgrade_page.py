"""The page on two models in a real Chromium: it draws, filters, copies, asks nobody, and fits a phone."""

import shutil
from collections.abc import Iterator
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path

import pytest

from harness.core.decision import decide
from harness.core.suite import Price
from harness.reporting.html import render
from tests.support.hostile import HOSTILE
from tests.support.upgrades import BAD, canary, held, reply, task, upgrade_record

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="no Chromium on the path; on Debian: apt-get install chromium"
)
OPEN_ALL = "document.querySelectorAll('details').forEach(d => d.open = true)"
SHOWN = "[...document.querySelectorAll('.case:not([hidden])')].map(x => x.dataset.id).join()"


def page_text(evil: str = "") -> str:
    cases = [task(f"task-{n}") for n in range(4)]
    sides = {
        **{f"canary-{n}": (held(8), held(8)) for n in range(30)},
        "structure-invoice": (held(8), [reply(f"{BAD} {evil}", tokens=90) for _ in range(8)]),
        "tool-weather": (held(2), held(8)),
        "tone-short": (held(8), held(4, lost=4)),
        **{case.id: (held(8), held(4)) for case in cases},
    }
    base = {case.id: (held(8), held(7)) for case in cases}
    prices = tuple(Price(input_usd_per_million=n, output_usd_per_million=5 * n) for n in (3, 4))
    record = upgrade_record(
        sides,
        cases=[canary("structure-invoice"), *cases],
        base=base,
        base_cases=cases,
        prices=(prices[0], prices[1]),
        params=({"temperature": 0, "max_tokens": 1024}, {"max_tokens": 1024}),
    )
    return render(record, decide(record))


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder: Path = tmp_path_factory.mktemp("upgrade-pages")
    texts = {
        "upgrade": page_text(),
        "hostile": page_text("\n".join(HOSTILE).encode("utf-8", "replace").decode()),
    }
    for name, text in texts.items():
        (folder / f"{name}.html").write_text(text, "utf-8")
    return {name: (folder / f"{name}.html").as_uri() for name in texts}


@pytest.fixture(scope="module")
def browser() -> "Iterator[playwright.Browser]":
    with playwright.sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield started
        started.close()


@pytest.mark.parametrize("name", ["upgrade", "hostile"])
@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark"), (320, "light")])
def test_it_says_nothing_asks_nobody_and_does_not_scroll_sideways(
    browser: "playwright.Browser", pages: dict[str, str], name: str, width: int, scheme: str
) -> None:
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page = context.new_page()
    said: list[str] = []
    asked: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(pages[name])
    page.evaluate(OPEN_ALL)
    assert page.locator("h1").is_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate("window.hacked") is None
    assert said == []
    assert [url for url in asked if not url.startswith(("file:", "data:image/svg+xml"))] == []
    context.close()


def test_it_draws_filters_and_goes_from_case_to_case(
    browser: "playwright.Browser", pages: dict[str, str]
) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto(pages["upgrade"])
    assert page.locator(".tally div").all_inner_texts()[0].split() == ["1", "worse"]
    assert page.locator("#signals .frow").count() >= 3
    assert page.locator("#cost .tile").count() == 3
    assert page.locator("#replay .cells tbody tr").count() == 4
    box = page.locator("#signals .frow .fig svg").first.bounding_box()
    assert box is not None
    assert box["width"] > 200
    everything = page.evaluate(SHOWN)
    assert everything.startswith("structure-invoice")
    page.keyboard.press("f")
    page.keyboard.type("s:improved")
    assert page.evaluate(SHOWN) == "tool-weather"
    page.locator("#q").press("Escape")
    page.keyboard.press("Escape")
    page.locator("h1").click()
    page.keyboard.press("j")
    assert page.evaluate("document.querySelector('.case.cur')?.dataset.id") == "structure-invoice"
    assert "drift accept" in page.locator("#next .cmd code").inner_text()
    page.close()


@pytest.mark.skipif(
    find_spec("axe_playwright_python") is None, reason="axe-playwright-python is not installed"
)
@pytest.mark.parametrize("name", ["upgrade", "hostile"])
@pytest.mark.parametrize(
    ("width", "scheme"), [pytest.param(390, "light", marks=pytest.mark.soak), (1280, "dark")]
)
def test_axe_finds_no_violation(
    browser: "playwright.Browser", pages: dict[str, str], name: str, width: int, scheme: str
) -> None:
    context = browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme=scheme, bypass_csp=True
    )
    page = context.new_page()
    page.goto(pages[name])
    page.evaluate(OPEN_ALL)
    page.evaluate(files("axe_playwright_python").joinpath("axe.min.js").read_text("utf-8"))
    found = page.evaluate(
        "axe.run(document, {resultTypes: ['violations']}).then(result => result.violations)"
    )
    assert [(one["id"], one["impact"], one["nodes"][0]["html"][:200]) for one in found] == []
    context.close()
