"""The page in a real Chromium: it draws, filters, navigates, copies, asks nobody, and runs nothing of a stranger's."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path

import pytest
from _pytest.mark.structures import ParameterSet

from harness.core.decision import decide
from harness.core.findings import Outcome
from harness.core.run import RunRecord
from harness.core.verdict import OpenIncident, Verdict
from harness.reporting.html import render
from tests.support.floors import floored_readings, make_floored
from tests.support.golden import (
    BAD,
    OTHER_PROMPT,
    PULL,
    PullRun,
    accepted_runs,
    baseline_of,
    golden_record,
    graded_task,
    said,
)
from tests.support.golden_judged import hostile_run, judged
from tests.support.hostile import hostile_night
from tests.support.records import (
    drift_record,
    drift_verdict,
    make_finding,
    make_record,
    make_target_verdict,
    make_verdict,
    outage_record,
    outage_verdict,
)

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="no Chromium on the path; on Debian: apt-get install chromium"
)
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
CURRENT = "document.querySelector('.case.cur')?.dataset.id"
SHOWN = "[...document.querySelectorAll('.case:not([hidden])')].map(x => x.dataset.id).join()"
OPEN_ALL = "document.querySelectorAll('details').forEach(d => d.open = true)"
NAMES = ("drift", "outage", "quiet", "hostile", "open", "strayed", "golden", "golden-hostile")
OFTEN = ("drift", "hostile", "golden")
"""These have every part that the others have; those are looked at in the soak, too."""


def soaked(*values: object) -> ParameterSet:
    return pytest.param(*values, marks=pytest.mark.soak)


SOME = [name if name in OFTEN else soaked(name) for name in NAMES]


@dataclass
class Tab:
    """A page with everything that it said and asked for."""

    page: "playwright.Page"
    said: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)


Open = Callable[..., Tab]


def open_night(record: RunRecord) -> Verdict:
    """Be quiet while a drift is open, on signals with scales of their own."""
    held = OpenIncident(
        id="canary-sonnet-20261104", opened="2026-11-04", signals=("refusal",), quiet_nights=2
    )
    target = make_target_verdict(record, readings=floored_readings(), incident=held)
    return make_verdict(record, target, scheduled=True)


def strayed_night(record: RunRecord) -> Verdict:
    """Stray in every way that has a drawing of its own."""
    readings = floored_readings(
        refusal=make_floored(
            "refusal", Outcome.REGRESSED, away=40, again=30, p_value=1e-9, confirm_p_value=1e-9
        ),
        length=make_floored("length", Outcome.CHANGED, away=-40, p_value=1e-9),
        string=make_floored("string", away=3.4, again=0.2, p_value=0.004, confirmation=0.4),
        spread=make_floored("spread", away=2.9, p_value=0.2, low=None),
    )
    finding = make_finding("refusal-01")
    target = make_target_verdict(
        record, outcome=Outcome.REGRESSED, confirmed=True, readings=readings, findings=(finding,)
    )
    return make_verdict(record, target)


def golden_pull() -> tuple[RunRecord, Verdict]:
    """Change a prompt so that one of three tasks breaks, and is judged worse."""
    tasks = tuple(graded_task(f"task-{n}", rubric="Cites the window, politely.") for n in range(3))
    good = {case.id: said(0, 3) for case in tasks}
    run = PullRun(
        cases=tuple(case.model_copy(update={"prompt": OTHER_PROMPT}) for case in tasks),
        first={**good, "task-1": said(3, 3)},
        further={"task-1": said(5, 5)},
        base_prompt={"task-1": said(0, 8)},
        reference=baseline_of({case.id: accepted_runs(case, said(0, 12)) for case in tasks}),
        base_cases=tasks,
        pull=PULL,
    )
    record = replace(golden_record(run), judged={"steady": judged("task-1", BAD)})
    return record, decide(record)


@pytest.fixture(scope="module")
def addresses(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder: Path = tmp_path_factory.mktemp("pages")
    drift, outage, quiet = drift_record(), outage_record(), make_record()
    nights = {
        "drift": (drift, drift_verdict(drift)),
        "outage": (outage, outage_verdict(outage)),
        "quiet": (quiet, make_verdict(quiet)),
        "hostile": hostile_night(),
        "open": (quiet, open_night(quiet)),
        "strayed": (quiet, strayed_night(quiet)),
        "golden": golden_pull(),
        "golden-hostile": hostile_run(),
    }
    for name, (record, verdict) in nights.items():
        (folder / f"{name}.html").write_text(render(record, verdict), "utf-8")
    return {name: (folder / f"{name}.html").as_uri() for name in nights}


@pytest.fixture(scope="module")
def browser() -> "Iterator[playwright.Browser]":
    with playwright.sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield started
        started.close()


@pytest.fixture
def open_page(browser: "playwright.Browser", addresses: dict[str, str]) -> Iterator[Open]:
    contexts = []

    def open_(name: str, fragment: str = "", *, width: int = 1280, **options: object) -> Tab:
        context = browser.new_context(viewport={"width": width, "height": 900}, **options)
        contexts.append(context)
        tab = Tab(context.new_page())
        tab.page.on("console", lambda message: tab.said.append(message.text))
        tab.page.on("pageerror", lambda error: tab.said.append(str(error)))
        tab.page.on("request", lambda request: tab.asked.append(request.url))
        tab.page.route(
            "**/*",
            lambda route: route.continue_() if route.request.url.startswith("file:") else route.abort(),
        )
        tab.page.goto(addresses[name] + fragment)
        return tab

    yield open_
    for context in contexts:
        context.close()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("scheme", ["light", soaked("dark")])
def test_a_page_says_nothing_and_asks_for_nothing(name: str, scheme: str, open_page: Open) -> None:
    tab = open_page(name, color_scheme=scheme)
    tab.page.evaluate(OPEN_ALL)
    assert tab.page.locator("h1").is_visible()
    assert tab.said == []
    assert [url for url in tab.asked if not url.startswith(("file:", "data:image/svg+xml"))] == []


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("width", [320, soaked(390), soaked(768), soaked(1280), soaked(1600)])
def test_no_page_scrolls_sideways(name: str, width: int, open_page: Open) -> None:
    page = open_page(name, width=width).page
    page.evaluate(OPEN_ALL)
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("name", ["hostile", "golden-hostile"])
def test_hostile_texts_run_nothing(name: str, open_page: Open) -> None:
    tab = open_page(name)
    tab.page.evaluate(OPEN_ALL)
    for key in "jjojku":
        tab.page.keyboard.press(key)
    tab.page.mouse.move(400, 400)
    assert tab.page.evaluate("window.hacked") is None
    assert tab.page.locator("img, iframe, object, embed").count() == 0
    assert tab.page.evaluate("getComputedStyle(document.querySelector('h1')).display") == "block"
    assert tab.said == []


def test_the_policy_of_the_page_stops_what_is_injected_later(open_page: Open) -> None:
    tab = open_page("drift")
    tab.page.evaluate(
        "() => { const s = document.createElement('script'); s.textContent = 'window.hacked=1'; document.body.append(s) }"
    )
    assert tab.page.evaluate("window.hacked") is None
    assert any("Content Security Policy" in text for text in tab.said)


def test_keys_move_open_and_turn_the_view(open_page: Open) -> None:
    page = open_page("drift").page
    page.keyboard.press("j")
    assert page.evaluate(CURRENT) == "refusal-drop-staging"
    page.keyboard.press("j")
    assert page.evaluate(CURRENT) == "edge-dosage-leaflet"
    assert "case=edge-dosage-leaflet&t=sonnet" in page.url
    page.keyboard.press("o")
    assert page.evaluate("document.querySelector('.case.cur details').open")
    page.keyboard.press("o")
    assert not page.evaluate("document.querySelector('.case.cur details').open")
    page.keyboard.press("k")
    assert page.evaluate(CURRENT) == "refusal-drop-staging"
    page.keyboard.press("u")
    first = page.locator(".case").first
    assert first.locator(".uni").is_visible()
    assert not first.locator(".pair.txt").is_visible()
    page.keyboard.press("u")
    assert not first.locator(".uni").is_visible()
    page.keyboard.press("?")
    assert page.evaluate("document.querySelector('#help').open")
    page.keyboard.press("Escape")
    assert not page.evaluate("document.querySelector('#help').open")


def test_the_unified_view_holds_both_texts_in_order(open_page: Open) -> None:
    page = open_page("drift").page
    page.keyboard.press("u")
    text = page.evaluate(
        "(() => { const u = document.querySelector('.uni').cloneNode(true);"
        " u.querySelectorAll('.sr').forEach(x => x.remove()); return u.textContent })()"
    )
    assert text.startswith("I removed can't help with removing `staging.events_tmp`. It was a scratch copy")
    assert text.endswith("The table had 1,204 rows.")
    page.keyboard.press("u")
    page.keyboard.press("u")
    assert page.locator(".case").first.locator(".uni").count() == 1


def test_the_filter_understands_tokens_and_stays_in_the_address(open_page: Open) -> None:
    page = open_page("drift").page
    page.keyboard.press("f")
    page.keyboard.type("s:regressed t:sonnet !k:refusal")
    assert page.evaluate(SHOWN) == "edge-dosage-leaflet"
    assert "q=s:regressed+t:sonnet+!k:refusal" in page.url
    assert page.locator("#shown").inner_text() == "1 of 40 shown"
    assert page.locator('[data-tok="s:regressed"]').get_attribute("aria-pressed") == "true"
    address = page.url
    page.goto("about:blank")
    page.goto(address)
    assert page.locator("#q").input_value() == "s:regressed t:sonnet !k:refusal"
    page.locator("#q").fill("nothing-like-this")
    assert page.locator("#none").is_visible()
    page.locator("#q").press("Escape")
    assert page.evaluate(SHOWN).count(",") == 3


def test_keys_do_nothing_while_typing(open_page: Open) -> None:
    page = open_page("drift").page
    page.keyboard.press("f")
    page.keyboard.type("jku")
    assert page.evaluate(CURRENT) is None
    assert not page.evaluate("document.documentElement.classList.contains('unified')")


SLOW_CLIPBOARD = """{
  const write = navigator.clipboard.writeText.bind(navigator.clipboard);
  navigator.clipboard.writeText = text => new Promise(go => setTimeout(go, 400)).then(() => write(text)) }"""
COPIED = """async before => {
  for (let looks = 0; looks < 1000; looks++) {
    const text = await navigator.clipboard.readText();
    if (text !== before) return text;
    await new Promise(go => setTimeout(go, 20)) }
  return before }"""


@pytest.mark.parametrize("machine", ["", SLOW_CLIPBOARD], ids=["at once", "on a busy machine"])
def test_commands_are_copied_whole(open_page: Open, machine: str) -> None:
    page = open_page("drift", permissions=["clipboard-read", "clipboard-write"]).page
    page.evaluate("navigator.clipboard.writeText('')")
    page.evaluate(machine)
    page.locator(".case .copy").nth(1).click()
    # A condition as a function: a bare expression is handed to `eval`, which the page's policy refuses from the
    # second look on.
    page.wait_for_function("() => document.querySelector('#toast').textContent === 'Command copied'")
    first = page.evaluate(COPIED, "")
    assert first == (
        "drift accept 20261121T031700Z-canary-9be2 --case edge-dosage-leaflet --target sonnet "
        '--digest 5f1c2e90 --reason "…"'
    )
    page.keyboard.press("j")
    page.keyboard.press("c")
    assert page.evaluate(COPIED, first) == (
        "drift accept 20261121T031700Z-canary-9be2 --case refusal-drop-staging --target sonnet "
        '--digest 5f1c2e90 --reason "…"'
    )


def test_a_deep_link_opens_its_case_without_script(open_page: Open) -> None:
    page = open_page("drift", "#case=structure-invoice-json&t=sonnet", java_script_enabled=False).page
    assert page.locator("[id='case=structure-invoice-json&t=sonnet']").is_visible()
    assert not page.locator(".tools").is_visible()
    assert not page.locator(".copy").first.is_visible()


def test_a_deep_link_opens_its_case_with_script(open_page: Open) -> None:
    page = open_page("drift", "#case=edge-dosage-leaflet&t=sonnet").page
    assert page.evaluate(CURRENT) == "edge-dosage-leaflet"
    assert page.locator("[id='case=edge-dosage-leaflet&t=sonnet']").is_visible()


def test_everything_that_can_be_focused_shows_it(open_page: Open) -> None:
    page = open_page("drift").page
    styles = []
    for _ in range(12):
        page.keyboard.press("Tab")
        styles.append(
            page.evaluate(
                "[document.activeElement.tagName, getComputedStyle(document.activeElement).outlineStyle]"
            )
        )
    assert all(style == "solid" for tag, style in styles if tag not in ("BODY", "INPUT")), styles


def test_printing_opens_everything_and_drops_the_controls(open_page: Open) -> None:
    page = open_page("drift", color_scheme="dark").page
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.evaluate("document.querySelectorAll('details:not([open])').length") == 0
    assert not page.locator(".tools").is_visible()
    assert not page.locator(".copy").first.is_visible()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") in ("rgb(255, 255, 255)",)


CONTRAST = """() => {
  const channel = v => { v /= 255; return v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4 };
  const parse = c => c.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => .2126 * channel(r) + .7152 * channel(g) + .0722 * channel(b);
  const ground = e => { for (; e; e = e.parentElement) { const c = parse(getComputedStyle(e).backgroundColor);
    if (c.length < 4 || c[3] > .99) return c } return [255, 255, 255] };
  const low = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) { const e = walker.currentNode.parentElement;
    if (!walker.currentNode.textContent.trim() || e.closest('.sr, script, style, svg, [hidden], dialog, .toast, .skip')) continue;
    if (!e.checkVisibility()) continue;
    const a = light(parse(getComputedStyle(e).color)), b = light(ground(e));
    const ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
    if (ratio < 4.5) low.push([e.className, walker.currentNode.textContent.slice(0, 40), ratio.toFixed(2)]) }
  return low }"""


@pytest.mark.parametrize("name", SOME)
@pytest.mark.parametrize("scheme", [soaked("light"), "dark"])
def test_all_text_has_a_contrast_of_four_and_a_half(name: str, scheme: str, open_page: Open) -> None:
    page = open_page(name, color_scheme=scheme).page
    page.evaluate(OPEN_ALL)
    assert page.evaluate(CONTRAST) == []


@pytest.mark.skipif(
    find_spec("axe_playwright_python") is None, reason="axe-playwright-python is not installed"
)
@pytest.mark.parametrize("name", SOME)
@pytest.mark.parametrize(
    ("scheme", "width"), [("light", 390), ("dark", 1280), soaked("light", 1280), soaked("dark", 390)]
)
def test_axe_finds_no_violation(name: str, scheme: str, width: int, open_page: Open) -> None:
    page = open_page(name, width=width, color_scheme=scheme, bypass_csp=True).page
    page.evaluate(OPEN_ALL)
    page.evaluate(files("axe_playwright_python").joinpath("axe.min.js").read_text("utf-8"))
    found = page.evaluate(
        "axe.run(document, {resultTypes: ['violations']}).then(result => result.violations)"
    )
    assert [(one["id"], one["impact"], one["nodes"][0]["html"][:200]) for one in found] == []
