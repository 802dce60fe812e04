"""The page as bytes: nothing unescaped, nothing fetched, bounded, and the same for the same run."""

import base64
import hashlib
import re
from html.parser import HTMLParser

import pytest

from harness.core.findings import Outcome
from harness.core.replies import Answer, Failure
from harness.reporting.html import render
from tests.support.hostile import HOSTILE, LOOP, hostile_night
from tests.support.records import (
    Night,
    drift_record,
    drift_verdict,
    make_answer,
    make_cases,
    make_finding,
    make_record,
    make_target_verdict,
    make_verdict,
    outage_record,
    outage_verdict,
)


class Page(HTMLParser):
    """What a browser would see: elements, attributes, and the texts of scripts and styles."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.text: list[str] = []
        self.scripts: list[str] = []
        self._inside = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self._inside = tag
        self.attributes += [(tag, name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        (self.scripts if self._inside in ("script", "style") else self.text).append(data)


def drift_page() -> str:
    record = drift_record()
    return render(record, drift_verdict(record))


@pytest.fixture(scope="module")
def hostile_page() -> str:
    return render(*hostile_night())


def test_the_same_run_gives_the_same_bytes() -> None:
    assert drift_page() == drift_page()


def test_the_page_asks_nobody_for_anything() -> None:
    page = Page(drift_page())
    fetched = [
        (t, n, v)
        for t, n, v in page.attributes
        if n in ("src", "srcset", "action", "data", "poster", "background")
    ]
    assert fetched == []
    assert all(v.startswith(("#", "data:image/svg+xml,")) for _, n, v in page.attributes if n == "href")
    css, _ = page.scripts
    assert "url(" not in css
    assert "@import" not in css


def test_no_style_attribute_and_no_inline_handler() -> None:
    names = {name for _, name, _ in Page(drift_page()).attributes}
    assert "style" not in names
    assert not {name for name in names if name.startswith("on")}


def test_the_policy_allows_exactly_the_script_and_the_stylesheet() -> None:
    page = Page(drift_page())
    policy = next(v for t, n, v in page.attributes if n == "content" and "default-src" in v)
    assert policy.startswith("default-src 'none';")
    for text in page.scripts:
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in policy
    assert page.tags.count("script") == page.tags.count("style") == 1
    assert "unsafe" not in policy


def test_script_and_page_are_small() -> None:
    page = drift_page()
    _, script = Page(page).scripts
    assert len(script.encode()) < 15_000
    assert len(page.encode()) < 300_000


def test_hostile_texts_make_no_element_and_no_attribute(hostile_page: str) -> None:
    page = Page(hostile_page)
    assert page.tags.count("script") == 1
    assert page.tags.count("style") == 1
    assert page.tags.count("title") - page.tags.count("svg") <= 1
    assert not {"img", "iframe", "object", "embed", "template", "textarea", "b><img"} & set(page.tags)
    names = {name for _, name, _ in page.attributes}
    assert "style" not in names
    assert not {name for name in names if name.startswith("on")}
    assert all(v.startswith(("#", "data:image/svg+xml,")) for _, n, v in page.attributes if n == "href")


def test_hostile_texts_are_there_to_be_read(hostile_page: str) -> None:
    said = "".join(Page(hostile_page).text)
    for text in (
        "<script>window.hacked=1</script>",
        "]]><x/>",
        "{{ 7*7 }}",
        r"\x1b[31mred",
        r"\u202egnp.exe",
        r"\u2028",
    ):
        assert text in said


def test_no_character_that_cannot_be_seen_is_in_the_page(hostile_page: str) -> None:
    assert not re.search(
        "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]",
        hostile_page,
    )


def test_a_text_of_five_megabytes_is_cut_and_the_exact_rest_is_said(hostile_page: str) -> None:
    assert len(LOOP) == 5_250_000
    assert "5,230,000 more characters are not shown." in hostile_page
    assert len(hostile_page.encode()) < 2_000_000


_SLOW = [pytest.param(char, marks=pytest.mark.soak) for char in ("\x1b", "é", "😀", "\u202e")]


@pytest.mark.parametrize("char", ["x", "<", '"', *_SLOW])
def test_a_page_of_large_answers_stays_under_two_megabytes(char: str) -> None:
    def answers(case: str, target: str, night: int, sample: int) -> Answer | Failure:
        return make_answer(f"{case}{night}{sample}" + char * 60_000)

    cases = make_cases(60)
    record = make_record(Night(cases=cases, answers=answers, nights=2, targets=("sonnet", "gpt")))
    targets = [
        make_target_verdict(
            record,
            name,
            outcome=Outcome.REGRESSED,
            findings=tuple(make_finding(case.id, name, signal="string") for case in cases),
        )
        for name in ("sonnet", "gpt")
    ]
    page = render(record, make_verdict(record, *targets))
    assert len(page.encode()) < 2_000_000
    assert "more characters are not shown." in page


def test_a_suite_of_thousands_stays_under_two_megabytes() -> None:
    cases = make_cases(3_000)
    record = make_record(Night(cases=cases, nights=5))
    findings = tuple(make_finding(case.id) for case in cases[:1_000])
    target = make_target_verdict(record, outcome=Outcome.REGRESSED, findings=findings)
    page = render(record, make_verdict(record, target))
    assert len(page.encode()) < 2_000_000
    assert "800 more cases need a decision and are not on this page." in page
    assert "1,700 more are not listed." in page


def test_every_link_on_the_page_leads_somewhere() -> None:
    page = Page(drift_page())
    ids = [v for _, n, v in page.attributes if n == "id"]
    assert len(ids) == len(set(ids))
    links = {v[1:] for _, n, v in page.attributes if n == "href" and v.startswith("#")}
    assert links <= set(ids)


def test_green_is_only_for_a_night_on_which_nothing_is_missing() -> None:
    record = make_record(Night(targets=("sonnet", "gpt")))
    assert '<header class="top t-good">' in render(record, make_verdict(record))
    for unfinished in (outage_record(), make_record(Night(finished=False)), make_record(Night(nights=0))):
        verdict = (
            outage_verdict(unfinished) if len(unfinished.manifest.targets) > 1 else make_verdict(unfinished)
        )
        page = render(unfinished, verdict)
        assert "t-good" not in page.split("</style>")[1]
        assert 'class="st good"' not in page


def test_an_icon_and_a_word_always_come_together() -> None:
    words = re.findall(r'<span class="st [a-z]+">(.*?)</span>', drift_page())
    assert words
    assert all(word.startswith("<svg") and re.search(r"</svg>\w", word) for word in words)


def test_every_hostile_sample_is_used() -> None:
    assert len(set(HOSTILE)) == len(HOSTILE)
