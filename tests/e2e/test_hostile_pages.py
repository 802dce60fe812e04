"""Sixty tricks against the page in a real Chromium, and the same against one that does not escape."""

import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from harness.core.findings import Outcome
from harness.core.messages import Message, Role
from harness.core.replies import Answer, Failure, FailureKind
from harness.core.suite import CaseKind
from harness.reporting.html import render
from tests.support.hostile_texts import ALL, ASKS, COVERS, ELSEWHERE, RUNS, TURNS, WIDENS, Trick
from tests.support.records import (
    Night,
    make_answer,
    make_case,
    make_failure,
    make_finding,
    make_record,
    make_target_verdict,
    make_verdict,
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
]
PAGES = tuple(range(0, len(ALL), 28))
UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u180e\u200b-\u200f\u2028-\u202e\u2060-\u2069\u3164\ufeff\U000e0000-\U000e0fff]"
)
COVERED = """() => ['h1', 'footer'].every(name => {
  const found = document.querySelector(name);
  if (!found || !found.checkVisibility({visibilityProperty: true})) return false;
  found.scrollIntoView({block: 'center'});
  const box = found.getBoundingClientRect();
  const seen = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
  return !!seen && (found.contains(seen) || seen.contains(found)) })"""


def page_of(tricks: Sequence[tuple[Trick, str]]) -> str:
    """Render a night on which every text is a reply, a question, a reason, a name and an error."""
    texts = [text for _, text in tricks]

    def answers(case: str, target: str, night: int, sample: int) -> Answer | Failure:
        place = int(case.rsplit("-", 1)[1])
        if night < 0 and sample == 2:
            return make_failure(FailureKind.MALFORMED, texts[place][:2000])
        if night >= 0:
            return make_answer(f"As ever. {texts[place - 1][:3000]}")
        return make_answer(texts[place], model_served=texts[place][:120])

    cases = tuple(
        make_case(
            f"refusal-{place:02d}",
            CaseKind.REFUSAL,
            why=f"Somebody wrote {texts[place][:400]}",
            messages=(Message(role=Role.USER, content=texts[place][:20_000]),),
        )
        for place in range(len(texts))
    )
    record = make_record(Night(cases=cases, answers=answers, nights=5))
    target = make_target_verdict(
        record,
        outcome=Outcome.CHANGED,
        confirmed=True,
        findings=tuple(
            make_finding(case.id, signal="string", outcome=Outcome.CHANGED, because=text[:300])
            for case, text in zip(cases, texts, strict=True)
        ),
        served=tuple(text[:120] for text in texts),
        confounders=tuple(text[:200] for text in texts),
    )
    return render(record, make_verdict(record, target, headline=f"sonnet {texts[0][:200]} {texts[-1][:60]}"))


@dataclass
class Seen:
    """What a page did."""

    page: "playwright.Page"
    asked: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def browser() -> "Iterator[playwright.Browser]":
    with playwright.sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield started
        started.close()


@pytest.fixture
def seen(browser: "playwright.Browser") -> Iterator[Seen]:
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    found = Seen(context.new_page())
    found.page.on("request", lambda request: found.asked.append(request.url))
    found.page.on("console", lambda message: found.said.append(message.text))
    found.page.route(f"{ELSEWHERE}**", lambda route: route.abort())
    yield found
    context.close()


def careless(text: str) -> str:
    """Return a page that believes what it is told."""
    return f"<!doctype html><html><body><h1>Regressed</h1><p>{text}</p><footer>the end</footer></body></html>"


def stir(page: "playwright.Page") -> None:
    """Do what a reader does by accident."""
    page.mouse.move(400, 300)
    page.mouse.move(410, 310)
    page.mouse.click(640, 450)
    page.wait_for_timeout(60)


def test_there_are_sixty_texts_and_more() -> None:
    assert len({text for _, text in ALL}) == len(ALL) >= 60


@pytest.mark.parametrize("start", PAGES)
def test_no_trick_works_on_the_report(start: int, seen: Seen, tmp_path: Path) -> None:
    file = tmp_path / "report.html"
    html = page_of(ALL[start : start + 28])
    file.write_text(html, "utf-8")
    assert len(html.encode()) < 2_000_000
    page = seen.page
    page.goto(file.as_uri())
    page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    stir(page)
    assert page.evaluate("window.hacked") is None
    assert [url for url in seen.asked if not url.startswith(("file:", "data:image/svg+xml"))] == []
    assert seen.said == []
    assert page.evaluate(COVERED)
    assert (
        page.locator("img, iframe, object, embed, video, audio, form:not([method=dialog]), base").count() == 0
    )
    assert page.locator("[href^='javascript:'], [src]").count() == 0
    for width in (1280, 390):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert not UNSEEN.search(page.evaluate("document.documentElement.textContent"))


def escaping(seen: Seen, texts: Sequence[str], works: Callable[[], bool]) -> list[str]:
    """Return the texts that do nothing to a page that does not escape: those would prove nothing above."""
    found = []
    for text in texts:
        seen.page.goto("about:blank")
        seen.asked.clear()
        seen.page.set_content(careless(text), wait_until="domcontentloaded")
        if not works():
            found.append(text[:200])
    return found


def test_a_page_that_does_not_escape_is_taken_over(seen: Seen) -> None:
    def hacked() -> bool:
        stir(seen.page)
        return seen.page.evaluate("window.hacked") == 1

    assert escaping(seen, RUNS, hacked) == []


def test_a_page_that_does_not_escape_asks_somebody(seen: Seen) -> None:
    def asked() -> bool:
        seen.page.wait_for_timeout(60)
        return any(url.startswith(ELSEWHERE) for url in seen.asked)

    assert escaping(seen, ASKS, asked) == []


def test_a_page_that_does_not_escape_is_covered(seen: Seen) -> None:
    assert escaping(seen, ["nothing at all"], lambda: bool(seen.page.evaluate(COVERED))) == []
    assert escaping(seen, COVERS, lambda: not seen.page.evaluate(COVERED)) == []


def test_a_page_that_does_not_break_lines_scrolls_sideways(seen: Seen) -> None:
    wide = "document.documentElement.scrollWidth > 1280"
    assert escaping(seen, WIDENS, lambda: bool(seen.page.evaluate(wide))) == []


def test_a_page_that_shows_all_hides_some(seen: Seen) -> None:
    text = "document.body.textContent"
    assert escaping(seen, TURNS, lambda: bool(UNSEEN.search(seen.page.evaluate(text)))) == []
