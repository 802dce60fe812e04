"""What models, suites and strangers write, through every renderer there is: a new one is held to its rules here."""

import json
import re
import unicodedata
from collections.abc import Callable
from html.parser import HTMLParser
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.reporting import COLOURED, FORMATS
from harness.reporting.issue import issue_texts
from harness.reporting.points import points_of
from tests.reporting.test_markdown import outside_fences
from tests.support.hostile import HOSTILE, hostile_night
from tests.support.told import Told, golden_hostile

Rule = Callable[[str, str], None]
"""Looks at what was rendered, and beside it at the same run with harmless texts."""
HARMLESS = "Some words."


def nothing_invisible(text: str) -> None:
    """Control characters, directions of writing, and letters without width are shown as escapes."""
    found = {c for c in text if c not in "\n\t" and unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp")}
    assert not found, [f"U+{ord(c):04X}" for c in found]


def no_command_of_a_runner(text: str) -> None:
    for line in text.split("\n"):
        assert not line.lstrip().startswith("::"), line[:80]
        assert not re.search(r"##\w*\[", line), line[:80]


def for_a_terminal(text: str, _: str) -> None:
    nothing_invisible(text)
    no_command_of_a_runner(text)


def for_github(text: str, harmless: str) -> None:
    nothing_invisible(text)
    commands = [line for line in text.split("\n") if line.lstrip().startswith("::")]
    kinds = [line.split(" ", 1)[0] for line in harmless.split("\n") if line.startswith("::")]
    assert [line.split(" ", 1)[0] for line in commands] == kinds
    assert all(re.match(r"::(error|warning|notice) title=[^:\n]*::", line) for line in commands)
    no_command_of_a_runner("\n".join(line for line in text.split("\n") if line not in commands))


def for_json(text: str, _: str) -> None:
    nothing_invisible(text)
    json.loads(text)


def for_xml(text: str, harmless: str) -> None:
    nothing_invisible(text.replace("\t", " "))
    assert shape(ET.fromstring(text.encode())) == shape(ET.fromstring(harmless.encode()))


def shape(node: ET.Element) -> object:
    """Return the elements and the names of their attributes; a text of one's own adds none."""
    return (node.tag, sorted(node.attrib), [shape(child) for child in node])


def for_markdown(text: str, _: str) -> None:
    no_command_of_a_runner(text)
    outside = outside_fences(text)
    outside = re.sub(r"</?(?:details|summary)>|<!-- drift[\w:./ -]*-->", "", outside)
    assert "<" not in outside, outside[max(0, outside.index("<") - 40) :][:120]
    assert not re.search(r"(?<![\w`\\])@\w|(?<!\\)#\d|GH-\d|://|www\.", outside)
    nothing_invisible(text.replace(JOINER, ""))


JOINER = "\u2060"
"""Put into mentions and references by us, so that they are none."""


def scheme(address: str) -> str:
    return "#" if address.startswith("#") else address.partition(":")[0]


class Page(HTMLParser):
    """Counts what a browser would do something with."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.scripts: list[str] = []
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.targets: set[str] = set()
        self._in_script = False
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.targets |= {scheme(str(value)) for name, value in attrs if name in ("href", "src", "action")}
        self._in_script = tag == "script"
        if self._in_script:
            self.scripts.append("")

    def handle_endtag(self, tag: str) -> None:
        self._in_script = False

    def handle_data(self, data: str) -> None:
        if self._in_script:
            self.scripts[-1] += data


def for_a_browser(text: str, harmless: str) -> None:
    page, usual = Page(text), Page(harmless)
    assert len(page.scripts) == len(usual.scripts)
    assert page.tags <= usual.tags | KNOWN_TAGS
    assert not {name for name in page.attributes if name.startswith("on") or name == "srcdoc"}
    assert page.targets <= usual.targets | {"#"}, page.targets - usual.targets
    assert "window.hacked" not in "".join(
        script for script in page.scripts if not script.lstrip().startswith("{")
    )


KNOWN_TAGS = {
    "ins",
    "del",
    "mark",
    "pre",
    "code",
    "kbd",
    "em",
    "strong",
    "b",
    "i",
    "br",
    "span",
    "details",
    "summary",
}
RULES: dict[str, Rule] = {
    "text": for_a_terminal,
    "json": for_json,
    "html": for_a_browser,
    "markdown": for_markdown,
    "comment": for_markdown,
    "junit": for_xml,
    "sarif": for_json,
    "github": for_github,
}
"""By format. A format that is not here fails."""

pieces = st.one_of(
    st.sampled_from(HOSTILE), st.text(max_size=20), st.sampled_from(["\n", "\r\n", "\t", " ", "`", "|"])
)
texts = st.lists(pieces, min_size=1, max_size=6).map("".join).filter(str.strip)


def test_every_format_has_a_rule() -> None:
    assert set(RULES) == set(FORMATS.names())


@pytest.mark.parametrize("name", FORMATS.names())
def test_a_hostile_night_stays_text(name: str) -> None:
    render = FORMATS.load(name)
    if name not in ("github", "junit", "html"):  # of which the harmless run is another one
        RULES[name](render(*hostile_night()), "")


@pytest.mark.parametrize("name", FORMATS.names())
def test_the_corpus_stays_text(name: str) -> None:
    render = FORMATS.load(name)
    harmless = render(*golden_hostile(HARMLESS))
    for evil in ("\n".join(HOSTILE), *(HOSTILE if name != "html" else HOSTILE[:3])):
        RULES[name](render(*golden_hostile(evil)), harmless)


@pytest.mark.parametrize("name", FORMATS.names())
def test_any_text_stays_text(name: str) -> None:
    render = FORMATS.load(name)
    harmless = render(*golden_hostile(HARMLESS))

    @settings(max_examples=10, deadline=None, derandomize=True)
    @given(texts)
    def holds(evil: str) -> None:
        RULES[name](render(*golden_hostile(evil)), harmless)

    holds()


@pytest.mark.parametrize("name", COLOURED.names())
@settings(max_examples=12, deadline=None, derandomize=True)
@given(evil=texts)
def test_colours_are_our_own(name: str, evil: str) -> None:
    shown = COLOURED.load(name)(*golden_hostile(evil))
    for_a_terminal(re.sub(r"\x1b\[[0-9;]*m", "", shown), "")


@settings(max_examples=12, deadline=None, derandomize=True)
@given(evil=texts)
def test_issues_stay_text(evil: str) -> None:
    record, verdict = told = golden_hostile(evil)
    assert _issues(told)
    for text in issue_texts(verdict, points_of(verdict, record.manifest)):
        for_markdown(text.body, "")
        nothing_invisible(text.title)
        assert "\n" not in text.title


def _issues(told: Told) -> tuple[object, ...]:
    record, verdict = told
    return tuple(issue_texts(verdict, points_of(verdict, record.manifest)))
