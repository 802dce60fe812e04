"""Random inputs and mutations of valid documents for every parser; the same ones in every check."""

import json
from collections.abc import Sequence

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.fuzz.parsers import PARSERS
from tests.fuzz.watched import wrong_with_parser

IN_A_CHECK = 8
IN_A_SOAK = 100 * IN_A_CHECK
# Not shrunk: a failure names its bytes, and to shrink them takes longer than the check may.
_SETTINGS = settings(
    max_examples=IN_A_CHECK,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    database=None,
)

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(min_value=10**20, max_value=10**320)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec=None), max_size=20),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=10), inner, max_size=5),
    max_leaves=20,
)
_TOKENS = (
    *(
        b"{",
        b"}",
        b"[",
        b"]",
        b'"',
        b"'",
        b":",
        b",",
        b"\n",
        b"\r",
        b"\t",
        b" ",
        b"\0",
        b"\\",
        b"\\u0000",
        b"\\ud800",
    ),
    *(
        b"null",
        b"true",
        b"NaN",
        b"Infinity",
        b"-",
        b"0",
        b"1e999",
        b"9" * 400,
        b"<<: ",
        b"&a ",
        b"*a",
        b"!!x ",
        b"---\n",
    ),
    *(
        b"- ",
        b"? ",
        b"|",
        b">",
        b"#",
        b"%",
        b"{{",
        b"}}",
        b"{%",
        b"%}",
        b"{#",
        b"\xff",
        b"\xed\xa0\x80",
        b"\xef\xbb\xbf",
    ),
    *(
        b"<<<<<<<",
        b"=======",
        b">>>>>>>",
        b"../",
        b"$..*",
        b"(?",
        b"schema_version",
        b"\x1b[2J",
        "\u202e".encode(),
    ),
)


@st.composite
def mutated(draw: st.DrawFn, seeds: Sequence[bytes]) -> bytes:
    """Change a valid document in a few places: flip, put in, delete, double, swap, cut off."""
    content = draw(st.sampled_from(seeds))[:200_000]
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, max(0, len(content) - 1)))
        end = min(len(content), start + draw(st.integers(0, 40)))
        match draw(st.integers(0, 6)):
            case 0 if content:
                content = (
                    content[:start]
                    + bytes([content[start] ^ draw(st.integers(1, 255))])
                    + content[start + 1 :]
                )
            case 1:
                content = content[:start] + draw(st.sampled_from(_TOKENS)) + content[start:]
            case 2:
                content = content[:start] + content[end:]
            case 3:
                content = content[:end] + content[start:]
            case 4:
                lines = content.split(b"\n")
                one, other = (draw(st.integers(0, len(lines) - 1)) for _ in range(2))
                lines[one], lines[other] = lines[other], lines[one]
                content = b"\n".join(lines)
            case 5:
                content = content[:start]
            case _:
                content = content[:start] + draw(st.binary(max_size=8)) + content[end:]
    return content


def inputs_for(name: str) -> st.SearchStrategy[bytes]:
    """Mutations most of all, values in JSON, bytes."""
    changed = mutated(PARSERS[name].seeds())
    values = JSON.map(lambda value: json.dumps(value).encode())
    lines = st.lists(values, max_size=3).map(b"\n".join)
    return st.one_of(changed, changed, changed, values, lines, st.binary(max_size=200))


def _try(name: str, examples: int) -> None:
    @settings(_SETTINGS, max_examples=examples)
    @given(content=inputs_for(name))
    def holds(content: bytes) -> None:
        assert wrong_with_parser(name, content) is None

    holds()


@pytest.mark.parametrize("name", PARSERS)
def test_nothing_random_ends_in_a_bug(name: str) -> None:
    _try(name, IN_A_CHECK)


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("name", PARSERS)
def test_a_hundred_times_as_much_ends_in_no_bug(name: str) -> None:
    _try(name, IN_A_SOAK)
