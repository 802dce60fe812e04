"""No form of a key survives."""

import base64
import html
import json
import string
import urllib.parse
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.edges.redaction import SHORTEST_SECRET, Redactor

AWKWARD = 'k/3y+with "quotes"\\&<é>\'9 ='
FORMS: dict[str, Callable[[str], str]] = {
    "plain": lambda key: key,
    "url": lambda key: urllib.parse.quote(key, safe=""),
    "url in lower case": lambda key: (
        urllib.parse.quote(key, safe="").replace("%2F", "%2f").replace("%2B", "%2b")
    ),
    "url form": urllib.parse.quote_plus,
    "url twice": lambda key: urllib.parse.quote(urllib.parse.quote(key, safe=""), safe=""),
    "url, every character": lambda key: "".join(f"%{byte:02X}" for byte in key.encode()),
    "json": json.dumps,
    "json in utf-8": lambda key: json.dumps(key, ensure_ascii=False),
    "json in json": lambda key: json.dumps(json.dumps(key)),
    "json, every character": lambda key: "".join(f"\\u{ord(c):04X}" for c in key),
    "json with escaped slashes": lambda key: json.dumps(key).replace("/", "\\/"),
    "python": repr,
    "html": html.escape,
    "html numbers": lambda key: "".join(f"&#{ord(c)};" for c in key),
    "hex": lambda key: key.encode().hex(),
    "hex in upper case": lambda key: key.encode().hex().upper(),
    "hex with spaces": lambda key: key.encode().hex(" "),
}
ALIGNMENTS = ("", "a", "ab", "Bearer ", "user:", "x-api-key: ")


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("key", [AWKWARD, "abcdef", "plain-key-0123456789"])
def test_every_form_of_a_key_is_replaced_by_its_name(form: str, key: str) -> None:
    text = f"error: {FORMS[form](key)} was refused"
    redacted = Redactor({"TEST_KEY": key}).redact(text)
    assert "[TEST_KEY]" in redacted
    assert FORMS[form](key).strip("\"'") not in redacted


@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
@given(key=st.text(string.ascii_letters + string.digits + "/+-_?~>", min_size=SHORTEST_SECRET, max_size=60))
def test_base64_is_found_wherever_the_key_lies_in_it(encode: Callable[[bytes], bytes], key: str) -> None:
    redactor = Redactor({"TEST_KEY": key})
    for before in ALIGNMENTS:
        for after in ("", "x", "xy", "\n"):
            text = encode(f"{before}{key}{after}".encode()).decode()
            redacted = redactor.redact_values(text)
            assert "[TEST_KEY]" in redacted, (before, after)
            assert text not in redacted


@given(key=st.text(min_size=SHORTEST_SECRET, max_size=40).filter(lambda k: len(k.strip()) >= SHORTEST_SECRET))
def test_any_key_at_all_is_replaced_where_it_stands(key: str) -> None:
    assert key.strip() not in Redactor({"TEST_KEY": key}).redact_values(f"<{key}>")


@given(st.text())
def test_text_without_a_secret_stays_as_it_is(text: str) -> None:
    assert Redactor({"TEST_KEY": "zzzzzz-never-there-zzzzzz"}).redact_values(text) == text


def test_a_key_is_not_half_replaced_under_the_name_of_a_shorter_one() -> None:
    redactor = Redactor({"SHORT": "abcdefgh", "LONG": "abcdefghijkl"})
    assert redactor.redact("abcdefghijkl abcdefgh") == "[LONG] [SHORT]"


def test_short_values_are_ignored_and_said_so() -> None:
    redactor = Redactor({"A": "x", "B": "", "C": "long-enough"})
    assert dict(redactor.ignored) == {"A": "shorter than 6 characters", "B": "empty"}
    assert redactor.redact("x marks") == "x marks"


def test_a_line_of_a_private_key_is_a_secret_too() -> None:
    lines = ["-----BEGIN PRIVATE KEY-----", "MIIEvQIBADANBgkqhkiG9w0BAQ", "EFAASCBKcwggSjAgEAAoIBAQ"]
    assert Redactor({"PEM": "\n".join(lines)}).redact(f"bad line: {lines[1]}!") == "bad line: [PEM]!"


@pytest.mark.parametrize(
    "key",
    [
        "sk-" + "a1" * 20,
        "sk-ant-api03-" + "b2" * 20,
        "sk-proj-****************abcd",
        "AIza" + "C" * 35,
        "AKIA" + "D" * 16,
        "gsk_" + "e" * 40,
        "hf_" + "f" * 30,
        "ghp_" + "g" * 36,
        "xai-" + "h" * 40,
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abcdefghijklmnop",
    ],
)
def test_what_looks_like_a_key_goes_though_nobody_named_it(key: str) -> None:
    assert Redactor({}).redact(f"with {key}, sorry") == "with [REDACTED KEY], sorry"
    assert (
        Redactor({}).redact("Authorization: Bearer abcdefghijklmnop1234==")
        == "Authorization: Bearer [REDACTED KEY]"
    )
    assert Redactor({}).redact_values(key) == key


@pytest.mark.parametrize(
    "text", ["risk-averse-behaviour-in-all-of-us", "task-list", "sk-short", "a desk-lamp"]
)
def test_words_are_not_keys(text: str) -> None:
    assert Redactor({}).redact(text) == text
