"""Prompt templates: what they may do, what they may not, and that nothing they are given gets further than text."""

import random
import subprocess
import sys
import time
from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jinja2 import StrictUndefined
from jinja2.sandbox import ImmutableSandboxedEnvironment

from harness.core.canonical import Json
from harness.edges.templates import render_prompt, variables_of
from harness.edges.templates.limits import (
    MOST_NESTED,
    MOST_RENDERED_BYTES,
    MOST_STEPS,
    MOST_TAGS,
    MOST_TEMPLATE_BYTES,
    MOST_TOKENS_IN_TAG,
    MOST_VARIABLES,
)
from harness.errors import DocumentError, Problem

FILE = "prompts/support.md"
ORDER: Mapping[str, Json] = {
    "id": 8812,
    "status": "delivered",
    "lines": [{"name": "lamp", "price": 20.5, "gift": True}, {"name": "bulb", "price": 3, "gift": False}],
    "note": None,
    "items": "not the method",
}
GIVEN: Mapping[str, Json] = {
    "name": "Ada",
    "age": 41,
    "order": ORDER,
    "tags": ["new", "vip"],
    "nothing": [],
    "yes": True,
    "null": None,
}
ORACLE = ImmutableSandboxedEnvironment(undefined=StrictUndefined, keep_trailing_newline=True)


def render(text: str, **variables: Json) -> str:
    return render_prompt(text, {**GIVEN, **variables}, file=FILE)


def problems(text: str, **variables: Json) -> tuple[Problem, ...]:
    with pytest.raises(DocumentError) as caught:
        render(text, **variables)
    assert all(problem.file == FILE for problem in caught.value.problems)
    return caught.value.problems


def only_problem(text: str, **variables: Json) -> str:
    (problem,) = problems(text, **variables)
    return str(problem).removeprefix(f"{FILE}:")


class TestWhatATemplateDoes:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("Hello {{ name }}.\n", "Hello Ada.\n"),
            ("{{name}}{{ age }}{{ yes }}{{ 1.50 }}{{ 'x' }}", "Ada41True1.5x"),
            (
                "{{ order.id }} {{ order['status'] }} {{ order.lines[0].name }} {{ tags[-1] }} {{ tags.0 }}",
                "8812 delivered lamp vip new",
            ),
            ("{{ order['items'] }}", "not the method"),
            ("{% if age > 40 %}old{% elif age > 20 %}young{% else %}child{% endif %}", "old"),
            ("{% if age > 60 %}old{% elif age > 20 %}young{% else %}child{% endif %}", "young"),
            ("{% if age > 60 %}old{% elif age > 50 %}young{% else %}child{% endif %}", "child"),
            ("{% if 18 <= age < 65 and not nothing %}adult{% endif %}", "adult"),
            ("{% if name == 'Ada' or age != 41 %}yes{% endif %}", "yes"),
            (
                "{% if name in ['Ada', 'Grace'] %}yes{% endif %}{% if age not in (1, -2) %}no{% endif %}",
                "yesno",
            ),
            (
                "{% if 'vip' in tags and 'da' in name and 'id' in order and 'id2' not in order %}yes{% endif %}",
                "yes",
            ),
            ("{% if null == none and order.note == null %}yes{% endif %}", "yes"),
            ("{% for tag in tags %}- {{ tag }}\n{% endfor %}", "- new\n- vip\n"),
            ("{% for tag in nothing %}{{ tag }}{% else %}none{% endfor %}", "none"),
            ("{% for name in tags %}{{ name }}{% endfor %}{{ name }}", "newvipAda"),
            (
                "{% for line in order.lines %}{% if line.gift %}{{ line.name }} {{ line.price }}{% endif %}{% endfor %}",
                "lamp 20.5",
            ),
            (
                "{% for a in tags %}{% for b in tags %}{{ a }}{{ b }} {% endfor %}{% endfor %}",
                "newnew newvip vipnew vipvip ",
            ),
            ("a {{- name -}} \n b{# a comment, {{ unknown }} #}", "aAdab"),
            ("{% raw %}{{ name }} {% if %}{% endraw %}", "{{ name }} {% if %}"),
            ("{{ '{{ name }}' }}", "{{ name }}"),
            ("# no statement\n## {{ name }}\n", "# no statement\n## Ada\n"),
            ("one\r\ntwo {{ name }}\r\n", "one\ntwo Ada\n"),
            ("{{ name or 'you' }} {{ nothing and name or 'all' }}", "Ada all"),
            ("<b>{{ html }}</b>", "<b><i>&amp;</i></b>"),
        ],
    )
    def test_it_is_rendered(self, text: str, expected: str) -> None:
        assert render(text, html="<i>&amp;</i>") == expected

    @pytest.mark.parametrize(
        "text",
        ["", "You are helpful.\n\n", 'Answer {"a": {"b": 1}}, 100 %}, #}.', "{ { name } }", "\u202e\x00"],
    )
    def test_a_prompt_without_markup_is_returned_as_it_stands(self, text: str) -> None:
        assert render_prompt(text, {}, file=FILE) == text
        assert variables_of(text, file=FILE) == frozenset()

    def test_line_ends_become_lf_with_and_without_markup(self) -> None:
        assert render("a\r\nb\rc\n") == render("a\r\nb\rc{{ '' }}\n") == "a\nb\nc\n"

    def test_its_variables_are_known_without_values(self) -> None:
        text = "{% for line in order.lines %}{{ line.name }}{{ name }}{% else %}{{ line }}{% endfor %}{% if a == b %}{% endif %}"
        assert variables_of(text, file=FILE) == {"order", "name", "line", "a", "b"}
        assert variables_of("{% for x in x %}{{ x }}{% endfor %}", file=FILE) == {"x"}

    def test_values_are_not_changed(self) -> None:
        given_values = {"tags": ["a", "b"], "tag": "mine"}
        assert (
            render_prompt("{% for tag in tags %}{{ tag }}{% endfor %}{{ tag }}", given_values, file=FILE)
            == "abmine"
        )
        assert given_values == {"tags": ["a", "b"], "tag": "mine"}


class TestValuesAreNeverTemplates:
    @pytest.mark.parametrize(
        "value",
        [
            "{{ 7*7 }}",
            "{{ x.__class__ }}",
            '{% include "/etc/passwd" %}',
            "{% raw %}",
            "{#",
            "}}{{ name }}",
            "{% endif %}{% endfor %}",
            "\\{\\{ name \\}\\}",
            "%s {0} ${name}",
            "<script>alert(1)</script>",
            "line\r\nline",
        ],
    )
    def test_markup_in_a_value_stays_as_it_is(self, value: str) -> None:
        assert render("[{{ x }}]", x=value) == f"[{value}]"
        assert render("{% for a in x %}[{{ a.b }}]{% endfor %}", x=[{"b": value}]) == f"[{value}]"
        assert render("{{ x[key] }}", x={value: "found"}, key=value) == "found"

    @given(st.text(st.characters(codec="utf-8"), max_size=200))
    def test_every_text_comes_out_as_it_went_in(self, value: str) -> None:
        assert render("a{{ x }}{% if x == x %}b{% endif %}", x=value) == f"a{value}b"


class TestWhatATemplateMayNot:
    @pytest.mark.parametrize(
        ("text", "place", "word"),
        [
            ("{{ name|upper }}", "1:9", "filter"),
            ("{{ name|attr('__class__') }}", "1:9", "filter"),
            ("{% if name is defined %}{% endif %}", "1:12", "test"),
            ("{% if name is not none %}{% endif %}", "1:12", "test"),
            ("{{ name() }}", "1:8", "call"),
            ("{{ name.upper() }}", "1:14", "call"),
            ("{{ range(3) }}", "1:9", "call"),
            ("{{ lipsum() }}", "1:10", "call"),
            ("{{ age + 1 }}", "1:4", "arithmetic"),
            ("{{ age * 9999999 }}", "1:4", "arithmetic"),
            ("{{ 9 ** 9 ** 9 }}", "1:11", "arithmetic"),
            ("{{ name % age }}", "1:4", "arithmetic"),
            ("{{ -age }}", "1:4", "sign"),
            ("{{ +1 }}", "1:4", "sign"),
            ("{{ name ~ name }}", "1:4", "'~'"),
            ("{{ name if yes else age }}", "1:4", "'if' within an expression"),
            ("{{ name if yes }}", "1:4", "'if' within an expression"),
            ("{{ name[0:1] }}", "1:9", "slice"),
            ("{{ [name] }}", "1:4", "list"),
            ("{{ name, age }}", "1:", "','"),
            ("{{ {} }}", "1:4", "mapping"),
            ("{{ {}['a'] }}", "1:4", "mapping"),
            ("{{ name == {} }}", "1:12", "mapping"),
            ("{% if name in [name] %}{% endif %}", "1:15", "list"),
            ("{% if name == ['Ada'] %}{% endif %}", "1:15", "list"),
            ("{{ name.__class__ }}", "1:8", "'_'"),
            ("{{ ''.__class__ }}", "1:6", "'_'"),
            ("{{ order._private }}", "1:9", "'_'"),
            ("{{ order.items }}", "1:9", "write ['items']"),
            ("{{ order.get }}", "1:9", "write ['get']"),
            ("{% for a in order.items() %}{% endfor %}", "1:24", "a list in vars"),
            ("{% for a in range(9) %}{% endfor %}", "1:18", "a list in vars"),
            ("{% for a in ['a'] %}{% endfor %}", "1:13", "a list in vars"),
            ("{% for a in 'abc' %}{% endfor %}", "1:13", "a list in vars"),
            ("{% for a in tags or tags %}{% endfor %}", "1:13", "a list in vars"),
            ("{% for a, b in tags %}{% endfor %}", "1:9", "one variable"),
            ("{% for a in tags if a %}{% endfor %}", "1:21", "inside the loop"),
            ("{% for a in tags recursive %}{% endfor %}", "1:4", "recursive"),
            ("{% for a in tags %}{{ loop.index }}{% endfor %}", "1:23", "'loop'"),
            ("{% for a in tags %}{{ loop(a) }}{% endfor %}", "1:27", "call"),
            ("{% for loop in tags %}{% endfor %}", "1:8", "'loop'"),
            ("{{ self }}", "1:4", "'self'"),
            ("{{ super() }}", "1:9", "call"),
            ("{{ varargs }}", "1:4", "'varargs'"),
            ("{{ '\\x1b[2J' }}", "1:4", "control character"),
            ("{{ '\\ud800' }}", "1:4", "half a character"),
            ("{{ 1e999 }}", "1:4", "too large"),
            ("{{ 123456789012345678901 }}", "1:4", "number of 21 characters"),
            ("{{ 0x" + "f" * 5_000 + " }}", "1:4", "number of 5,002 characters"),
            ("{{ 1.\u0663 }}", "1:4", "digits other than"),
        ],
    )  # fmt: skip
    def test_it_is_refused_with_its_place(self, text: str, place: str, word: str) -> None:
        said = only_problem(text)
        assert said.startswith(place), said
        assert word in said

    @pytest.mark.parametrize(
        "tag",
        [
            "{% set name = 'x' %}",
            "{% set name %}x{% endset %}",
            "{% include '/etc/passwd' %}",
            "{% include name %}",
            "{% import 'a' as a %}",
            "{% from 'a' import b %}",
            "{% extends 'a' %}",
            "{% block a %}{% endblock %}",
            "{% macro a() %}{% endmacro %}",
            "{% call name() %}{% endcall %}",
            "{% filter upper %}{% endfilter %}",
            "{% with a = 1 %}{% endwith %}",
            "{% autoescape true %}{% endautoescape %}",
            "{% print name %}",
            "{% do name %}",
            "{% debug %}",
            "{% trans %}{% endtrans %}",
            "{% break %}",
            "{%- include 'a' -%}",
            "{%+ include 'a' +%}",
        ],
    )
    def test_no_tag_but_if_and_for(self, tag: str) -> None:
        found = problems(f"{{% for a in tags %}}{tag}{{% endfor %}}")
        assert "is not allowed in a prompt" in found[0].message
        assert found[0].line == 1

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("{{ name", "1:4: unexpected end of template"),
            ("\n{{ name }", "2:9: unexpected '}'"),
            ("{% if name %}", "1:12: Unexpected end of template"),
            ("{% for a in tags %}{% endif %}", "1:23: Encountered unknown tag 'endif'"),
            ("{{ }}", "1:4: Expected an expression"),
            ("{{ name ! }}", "1:9: unexpected char '!'"),
            ("{{ name name }}", "1:9: expected token"),
            ("a\n\n {# no end", "3:4: Missing end of comment tag"),
            ("{% raw %}x", "1:10: Missing end of raw directive"),
            ("{{ 'a }}", "1:4: unexpected char"),
            ("{% endfor %}", "1:4: Encountered unknown tag"),
            ("{% 5 %}", "1:4: tag name expected"),
            ("x {{ a\u2028 }}", "1:"),
        ],
    )
    def test_what_is_no_template_is_said_with_its_place(self, text: str, said: str) -> None:
        found = only_problem(text)
        assert found.startswith(said)
        assert found.isprintable()

    def test_a_misspelt_tag_says_what_is_meant(self) -> None:
        assert "the tag 'elsif' is not allowed in a prompt, did you mean 'elif'?" in only_problem(
            "{% if yes %}{% elsif name %}{% endif %}"
        )

    def test_everything_wrong_is_said_at_once(self) -> None:
        found = problems("{{ name|upper }}\n{% for a in tags %}{{ loop.index }}{% endfor %}\n{{ 1 + 1 }}")
        assert [(problem.line, problem.column) for problem in found] == [(1, 9), (2, 23), (3, 4)]

    def test_every_unknown_variable_is_named_once_with_its_place(self) -> None:
        found = problems(
            "{{ nmae }} {{ nmae }}\n{% if 0 %}{{ zzzz.a }}{% endif %}{% for a in tags %}{% endfor %}{{ a }}"
        )
        assert [(problem.line, problem.column) for problem in found] == [(1, 4), (2, 14), (2, 68)]
        assert found[0].message == "unknown variable 'nmae', did you mean 'name'?"
        assert found[1].message.startswith("unknown variable 'zzzz'; there are: name, age, ")

    def test_an_unknown_variable_without_any_given_says_where_they_belong(self) -> None:
        with pytest.raises(DocumentError, match="unknown variable 'x'; give it in vars"):
            render_prompt("{{ x }}", {}, file=FILE)

    @pytest.mark.parametrize(
        ("text", "place", "word"),
        [
            ("\n {{ order.sttus }}", "2:10", "a mapping has no such entry 'sttus'"),
            ("{{ order['__class__'] }}", "1:9", "'__class__'"),
            ("{{ tags[2] }}", "1:8", "a list has no such entry"),
            ("{{ tags[-3] }}", "1:8", "a list has no such entry"),
            ("{{ tags[yes] }}", "1:8", "a list has no such entry"),
            ("{{ tags.append }}", "1:8", "a list has no such entry 'append'"),
            ("{{ name.upper }}", "1:8", "text has no such entry 'upper'"),
            ("{{ name[0] }}", "1:8", "text has no such entry"),
            ("{{ age.real }}", "1:7", "a number has no such entry 'real'"),
            ("{{ null.a }}", "1:8", "null has no such entry"),
            ("{{ null }}", "1:4", "null cannot be written"),
            ("{{ tags }}", "1:4", "a list cannot be written"),
            ("{{ order }}", "1:4", "a mapping cannot be written"),
            ("{% for a in order %}{% endfor %}", "1:13", "this is a mapping"),
            ("{% for a in name %}{% endfor %}", "1:13", "this is text"),
            ("{% for a in null %}{% endfor %}", "1:13", "this is null"),
            ("{% if age < name %}{% endif %}", "1:13", "have no order"),
            ("{% if null > 1 %}{% endif %}", "1:14", "have no order"),
            ("{% if yes > 0 %}{% endif %}", "1:13", "have no order"),
            ("{% if tags == tags %}{% endif %}", "1:15", "not compared here"),
            ("{% if 1 in age %}{% endif %}", "1:12", "looks for text in text"),
            ("{% if 1 in name %}{% endif %}", "1:12", "looks for text in text"),
        ],
    )  # fmt: skip
    def test_a_value_that_does_not_fit_is_said_with_its_place(self, text: str, place: str, word: str) -> None:
        said = only_problem(text)
        assert said.startswith(f"{place}: "), said
        assert word in said

    @pytest.mark.parametrize(
        "value",
        [10**50, -(10**5_000), float("inf"), float("nan"), "\ud800", object(), {1}, b"a"],
        ids=lambda value: type(value).__name__,
    )
    def test_what_no_prompt_can_hold_is_refused(self, value: Json) -> None:
        assert only_problem("a {{ x }}", x=value).startswith("1:6: ")


class TestLimits:
    def test_a_template_of_the_largest_size_is_fine_and_one_byte_more_is_not(self) -> None:
        tail = "{{ name }}"
        text = "é" * ((MOST_TEMPLATE_BYTES - len(tail)) // 2) + tail
        assert render(text).endswith("éAda")
        assert "is larger than 100,000 bytes" in only_problem(f"{text}a")

    def test_a_prompt_of_the_largest_size_is_fine_and_one_byte_more_is_not(self) -> None:
        value = "é" * (MOST_RENDERED_BYTES // 2)
        assert render("{{ x }}", x=value) == value
        assert "longer than 400,000 bytes" in only_problem("{{ x }}{{ y }}", x=value, y="1")
        assert render(value) == value
        assert "longer than 400,000 bytes" in only_problem(f"{value}a")

    @pytest.mark.parametrize(
        "text",
        [
            "{{ " + "(" * 300 + "1" + ")" * 300 + " }}",
            "{{ " + "(" * 40_000 + " }}",
            "{{ " + "[" * 300 + " }}",
            "{{ " + "{1:" * 300 + " }}",
            "{{ " + "not " * 300 + "1 }}",
            "{{ " + "-" * 300 + "1 }}",
            "{{ " + "+" * 300 + "1 }}",
            "{{ " + "1 if 1 else " * 300 + "1 }}",
            "{{ " + "1 or " * 300 + "1 }}",
            "{{ " + "1 ** " * 300 + "1 }}",
            "{{ " + "1 ~ " * 300 + "1 }}",
            "{{ " + "1 == " * 300 + "1 }}",
            "{{ name" + ".a" * 300 + " }}",
            "{{ name" + "[0]" * 300 + " }}",
            "{{ name" + "()" * 300 + " }}",
            "{{ name" + "|a" * 300 + " }}",
            "{{ name" + "|a(1" * 300 + " }}",
            "{{ name" + " is a" * 300 + " }}",
            "{{ name" + " is not" * 300 + " }}",
            "{{ " + "'a' " * 300 + " }}",
            "{% if yes %}" * 300 + "{% endif %}" * 300,
            "{% for a in tags %}" * 300,
            "{% if yes %}{% else %}" * 300,
            "{% if yes %}{% elif yes %}" * 300,
            "{% if " + "(" * 300 + " %}",
            "{% for " + "(" * 300 + " in tags %}",
            "{{ name }}" * (MOST_TAGS + 1),
            "{% raw %}" * 10_000,
            "{#" * 40_000,
            "{{ '" + "\\" * 90_000 + " }}",
            "{{ " + "1" * 90_000 + " }}",
            "{{ " + "1_" * 45_000 + "1 }}",
            "{{ " + "1." * 45_000 + " }}",
            "{{ " + "a" * 90_000 + " }}",
            "{{ " + "a " * 45_000 + " }}",
            "{{" + " " * 90_000,
            ("{%-" + " " * 45) * 1_999,
            "".join(f"{{{{ name_of_a_variable_{number} }}}}" for number in range(1_900)),
        ],
        ids=lambda text: text[:24],
    )
    def test_no_text_keeps_anybody_waiting(self, text: str) -> None:
        start = time.process_time()
        problems(text, **{f"nAme_of_a_variable_{number}": 1 for number in range(MOST_VARIABLES - len(GIVEN))})
        assert time.process_time() - start < 1

    def test_what_is_just_allowed_is_rendered(self) -> None:
        assert render("{{ " + "(" * MOST_NESTED + "1" + ")" * MOST_NESTED + " }}") == "1"
        assert render("{% if yes %}" * MOST_NESTED + "x" + "{% endif %}" * MOST_NESTED) == "x"
        deepest = "not " * MOST_NESTED + "yes" + " or yes" * ((MOST_TOKENS_IN_TAG - MOST_NESTED - 1) // 2)
        assert (
            render(
                "{% if yes %}" * (MOST_NESTED - 1)
                + "{{ "
                + deepest
                + " }}"
                + "{% endif %}" * (MOST_NESTED - 1)
            )
            == "True"
        )

    @pytest.mark.parametrize(
        "text",
        [
            "{% for a in x %}{% for b in x %}{% for c in x %}{% endfor %}{% endfor %}{% endfor %}",
            "{% for a in x %}{% for b in x %}{% if a == b %}{% endif %}{% endfor %}{% endfor %}",
            "{% for a in x %}{% for b in x %}{{ '' }}{% endfor %}{% endfor %}",
            "{% for a in x %}{% for b in x %}{% if b in x %}{% endif %}{% endfor %}{% endfor %}",
            "{% for a in x %}{% for b in x %}{% if 'ab' in long %}{% endif %}{% endfor %}{% endfor %}",
            "{% for a in x %}{% for b in x %}{% if long == long2 %}{% endif %}{% endfor %}{% endfor %}",
            "{% for a in x %}{% for b in x %}{% if long < long2 %}{% endif %}{% endfor %}{% endfor %}",
            "{% for a in x %}{% for b in x %}{% if long in [long2, long2] %}{% endif %}{% endfor %}{% endfor %}".replace("[long2, long2]", "longs"),
        ],
    )  # fmt: skip
    def test_loops_within_loops_stop(self, text: str) -> None:
        start = time.process_time()
        long = "a" * 1_000_000
        said = only_problem(
            text, x=list(range(400)), long=long, long2=f"{long[:-1]}b", longs=[long[:-1] + "b"] * 9
        )
        assert f"over {MOST_STEPS:,} steps" in said
        assert time.process_time() - start < 1

    def test_a_loop_that_writes_too_much_stops(self) -> None:
        said = only_problem(
            "{% for a in x %}{% for b in x %}{{ y }}{% endfor %}{% endfor %}", x=[1] * 300, y="ab" * 500
        )
        assert said.startswith("1:36: here the prompt gets longer than 400,000 bytes")

    def test_too_many_variables_are_refused(self) -> None:
        assert "at most 200 may be" in only_problem(
            "{{ name }}", **{f"v{number}": 1 for number in range(200)}
        )


FRAGMENTS = (
    *("{{", "}}", "{%", "%}", "{#", "#}", "{{-", "-}}", "{%-", "-%}", "{%+", "+%}"),
    *("if ", "elif ", "else", "endif", "for ", " in ", "endfor", " not ", " and ", " or ", " is ", "raw", "endraw"),
    *("a", "b", "xs", "m", "loop", "self", "_", "true", "none", "1", "0x1f", "2.5", "1e400", "'s'", '"', "'", "\\"),
    *("(", ")", "[", "]", "{", "}", ".", ",", ":", "|", "~", "+", "-", "*", "**", "/", "==", "!=", "<", ">=", "="),
    *(" ", "\n", "\r\n", "\t", "text", "é", "\u2028", "\x00", "\u0663", "\ud800", "\U0001f600", "ﬁ", "🤖"),
    *("{{ a }}", "{% if a %}", "{% endif %}", "{% for b in xs %}", "{% endfor %}", "{% set a = 1 %}", "{% raw %}"),
)  # fmt: skip
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["a", "b", "items"]), inner, max_size=4)
    ),
    max_leaves=8,
)
VALUES = st.fixed_dictionaries({"a": JSON, "b": JSON, "xs": st.lists(JSON, max_size=4), "m": JSON})


def rendered(text: str, values: Mapping[str, Json]) -> str | None:
    """Render, or return None for a document error; anything else is let through."""
    try:
        return render_prompt(text, values, file=FILE)
    except DocumentError as error:
        assert all(
            problem.line >= 0 and problem.column >= 0 and problem.message for problem in error.problems
        )
        assert str(error).replace("\n", "").isprintable()
        return None


@settings(max_examples=150)
@given(st.lists(st.sampled_from(FRAGMENTS), max_size=30).map("".join) | st.text(max_size=60), VALUES)
def test_no_text_and_no_value_does_more_than_fail(text: str, values: Mapping[str, Json]) -> None:
    first = rendered(text, values)
    assert rendered(text, values) == first
    if first is not None:
        first.encode()


@pytest.mark.filterwarnings("ignore:invalid escape sequence")
def test_no_heap_of_fragments_does_more_than_fail() -> None:
    rng = random.Random(1)
    for _ in range(5_000):
        text = "".join(rng.choices(FRAGMENTS, k=rng.randrange(40)))
        rendered(text, {"a": "x", "b": 2, "xs": ["y", {"a": 1}], "m": {"a": [1]}})


class Writer:
    """Writes templates that are allowed, and values that often fit them."""

    def __init__(self, seed: int) -> None:
        self._rng = random.Random(seed)

    def value(self, depth: int = 2) -> Json:
        simple = (None, True, False, 0, 1, -3, 2.5, 1e20, "", "s", "sea", "{{ a }}", "<&>")
        kind = self._rng.random() if depth else 0
        if kind < 0.6:
            return self._rng.choice(simple)
        if kind < 0.8:
            return [self.value(depth - 1) for _ in range(self._rng.randrange(4))]
        return {key: self.value(depth - 1) for key in self._rng.sample(["a", "b", "items", "s"], 2)}

    def expression(self, depth: int = 2) -> str:
        if not depth or self._rng.random() < 0.3:
            names = ("a", "a", "b", "b", "x", "m['b']", "xs[0]", "xs[-1].a", "m[b]", "m.b", "m.a[-2]")
            return self._rng.choice((*names, "1", "-2.5", "'s'", '"sea"', "true", "none"))
        left, right = self.expression(depth - 1), self.expression(depth - 1)
        match self._rng.randrange(5):
            case 0:
                return f"(not {left})"
            case 1:
                return f"({left} {self._rng.choice(['and', 'or'])} {right})"
            case 2:
                inside = self._rng.choice(["xs", "m", "a", "'sea'", "['s', 1]", "(2.5, -3)"])
                return f"({left} {self._rng.choice(['in', 'not in'])} {inside})"
            case 3:
                numbers = self._rng.choices(["a", "1", "-2.5", "m.a[0]", "0"], k=2)
                return f"({numbers[0]} {self._rng.choice(['<', '<=', '>', '>='])} {numbers[1]} != {left})"
            case _:
                return f"({left} {self._rng.choice(['==', '!='])} {right})"

    def template(self, depth: int = 3) -> str:
        return "".join(self._piece(depth) for _ in range(self._rng.randrange(1, 4)))

    def _piece(self, depth: int) -> str:
        start, end = self._rng.choice(["{%", "{%-"]), self._rng.choice(["%}", "-%}"])
        match self._rng.randrange(5 if depth else 3):
            case 0:
                return self._rng.choice(
                    [" text ", "\n", "}} ", "{# c #}", " {% raw %}{{ }}{% endraw %} ", "\t{#- c -#} "]
                )
            case 1 | 2:
                return f" {self._rng.choice(['{{', '{{-'])} {self.expression()} {self._rng.choice(['}}', '-}}'])}\n"
            case 3:
                parts = [self.template(depth - 1) for _ in range(3)]
                tests = [self.expression(), self.expression()]
                return f"{start} if {tests[0]} {end} {parts[0]}{{% elif {tests[1]} %}}{parts[1]}{{% else %}}{parts[2]} {{% endif %}}"
            case _:
                name, over = self._rng.choice(["x", "a"]), self._rng.choice(["xs", "m.a", "xs", "m['a']"])
                inner = self.template(depth - 1), self.template(depth - 1)
                return f"{start} for {name} in {over} {end} {inner[0]}{{% else %}}{inner[1]} {start} endfor {end}"


def test_what_is_rendered_is_what_jinja2_renders() -> None:
    agreed = 0
    for seed in range(400):
        writer = Writer(seed)
        text = writer.template()
        values: Mapping[str, Json] = {
            "a": seed % 5 - 2.5,
            "b": ("s", "", "{{ a }}")[seed % 3],
            "m": {"a": [1, "s"], "b": "s", "s": "<&>", "": 0, "{{ a }}": True},
            "x": writer.value(),
            "xs": ["s", {"a": writer.value()}],
        }
        ours = rendered(text, values)
        if ours is not None:
            assert ours == ORACLE.from_string(text).render(values), (seed, text, values)
            agreed += "{%" in text and "{{" in text
    assert agreed > 100, f"{agreed} are too few"


def test_jinja2_is_not_imported_for_a_prompt_without_markup() -> None:
    program = (
        "import sys; from harness.edges.templates import render_prompt\n"
        "render_prompt('You are helpful.', {}, file='p.md'); print('jinja2' in sys.modules)\n"
        "render_prompt('You are {{ x }}.', {'x': 1}, file='p.md'); print('jinja2' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True"]
