"""Test that equal values, texts and records are the same bytes, and different ones are not."""

import json
import time
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from harness.core.canonical import Record, canonical_json, canonical_record, digest, normalise, text_digest

ANY_TEXT = st.text(st.characters())  # lone surrogates included
LAYOUT = st.text(st.sampled_from("aé \t\n\r\u200b\u0301\u00a0\ufeff\u2028\x85"))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | ANY_TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(ANY_TEXT, inner, max_size=4),
    max_leaves=12,
)


class Small(Record):
    name: str
    size: float = 1.0
    note: str | None = None


@given(VALUES)
def test_canonical_json_is_read_back_as_it_was(value: object) -> None:
    assert json.loads(canonical_json(value)) == value


@given(st.dictionaries(ANY_TEXT, VALUES, max_size=5))
def test_the_order_of_keys_does_not_matter(value: dict[str, object]) -> None:
    backwards = dict(reversed(value.items()))
    assert canonical_json(backwards) == canonical_json(value)
    assert digest(backwards) == digest(value)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), [1, float("-inf")], {"a": float("nan")}])
def test_what_json_cannot_hold_is_refused(value: object) -> None:
    with pytest.raises(ValueError):
        canonical_json(value)


def test_letters_are_written_as_they_are_and_without_spaces() -> None:
    assert canonical_json({"b": [1, 2.5], "a": "é"}) == '{"a":"é","b":[1,2.5]}'


@given(ANY_TEXT, ANY_TEXT)
def test_different_texts_have_different_digests(one: str, other: str) -> None:
    assert (text_digest(one) == text_digest(other)) is (one == other)


@given(ANY_TEXT | LAYOUT)
def test_normalising_twice_changes_nothing(text: str) -> None:
    assert normalise(normalise(text)) == normalise(text)


@given(ANY_TEXT | LAYOUT)
def test_normalised_text_has_no_trailing_space_and_one_kind_of_line_end(text: str) -> None:
    lines = normalise(text).split("\n")
    assert "\r" not in normalise(text)
    assert all(line == line.rstrip() for line in lines)
    assert lines == [""] or (lines[0] and lines[-1])


@given(LAYOUT)
def test_composed_and_decomposed_letters_are_the_same(text: str) -> None:
    assert normalise(unicodedata.normalize("NFD", text)) == normalise(unicodedata.normalize("NFC", text))


@pytest.mark.parametrize(
    "code",
    [0x200B, 0x200C, 0x200D, 0x200E, 0x200F, 0x061C, 0x202A, 0x202E, 0x2060, 0x2066, 0x2069, 0xFEFF],
    ids=hex,
)
def test_what_no_reader_sees_does_not_count(code: int) -> None:
    assert normalise(f"pay{chr(code)} me{chr(code)}") == "pay me"


@pytest.mark.parametrize("text", ["a\n\nb", "  a", "a  b", "a\tb", "A", "a\u2028b", "a b", "ab"])
def test_layout_and_case_inside_a_text_are_behaviour(text: str) -> None:
    assert normalise(text) == text


def test_lines_are_cut_at_line_feeds_only() -> None:
    assert normalise("\r\n\na \r\nb\rc\t\n\n") == "a\nb\nc"


def test_a_record_is_written_without_its_defaults_and_read_back_equal() -> None:
    for record in (Small(name="a"), Small(name="a", size=2.5), Small(name="a", note="")):
        assert Small.model_validate_json(canonical_record(record)) == record
    assert canonical_record(Small(name="a")) == '{"name":"a"}'


@pytest.mark.parametrize("fields", [{"name": "a", "other": 1}, {"name": "a", "size": float("nan")}])
def test_a_record_refuses_unknown_fields_and_what_is_no_number(fields: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Small.model_validate(fields)


def test_a_record_cannot_be_changed() -> None:
    with pytest.raises(ValidationError):
        Small(name="a").name = "b"  # type: ignore[misc]  # that is the point


@pytest.mark.parametrize(
    "text",
    [
        "\u0f71\u0f72\u0f74" * 300_000,
        ("\u0f74" * 30 + "\u200b") * 30_000,
        ("\u0f74" * 20 + "\U0001e94a" * 20) * 20_000,
        "\u0344" * 500_000,
        "\u0301" * 900_000,
    ],
    ids=["Tibetan", "kept apart by invisible characters", "above U+FFFF", "two in one", "Latin"],
)
def test_no_stack_of_marks_takes_time_in_its_square(text: str) -> None:
    started = time.process_time()
    found = normalise(text)
    assert time.process_time() - started < 1
    assert len(found) <= 30
    assert normalise(found) == found


def test_stacks_that_a_script_may_need_stay() -> None:
    for text in ("e\u0301\u0323\u0f74" * 100, "🎉" * 100, "日本" * 100, "\u05d0\u05b8\u05bd\u05c1" * 50):
        assert normalise(text) == unicodedata.normalize("NFC", text)


def test_a_million_line_ends_take_no_longer_than_a_million_letters() -> None:
    def least_s(text: str) -> float:
        took = []
        for _ in range(5):
            begun = time.process_time()
            normalise(text)
            took.append(time.process_time() - begun)
        return min(took)

    letters = least_s("ab" * 500_000)
    assert least_s("a" + "\n" * 1_000_000 + "b") < 4 * letters


@given(LAYOUT)
def test_every_line_is_as_python_strips_it(text: str) -> None:
    lines = normalise(text).split("\n")
    assert lines == [line.rstrip() for line in lines]
