"""What counts as a key, what does not, and what a message may show."""

import base64
import hashlib
import random
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.edges.files.secrets import escaped, looks_like_secret, paths_of_secrets, retold, shown

_RANDOM = random.Random(20261121)


def token(length: int, alphabet: str = string.ascii_letters + string.digits) -> str:
    return "".join(_RANDOM.choice(alphabet) for _ in range(length))


KEYS = [
    "sk-" + token(48),
    "sk-proj-" + token(40) + "-" + token(40) + "_9",
    "sk-ant-api03-" + token(40) + "-" + token(40) + "AA1",
    "sk-or-v1-" + token(64, "0123456789abcdef"),
    "sk_live_" + token(24),
    "AKIA" + token(16, string.ascii_uppercase + string.digits),
    "ghp_" + token(36),
    "github_pat_" + token(40),
    "glpat-" + token(20),
    "xoxb-1234567890-" + token(20),
    "AIza" + token(35),
    "hf_9" + token(33),
    "gsk_9" + token(51),
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U",
    "Bearer 7" + token(30),
    "Authorization: Bearer 7" + token(30),
    "Basic " + base64.b64encode(b"someone:password1234").decode(),
    "-----BEGIN RSA PRIVATE KEY-----\nMIIE...",
    "-----BEGIN PRIVATE KEY-----",
    "https://someone:hunter22@example.org/v1",
    "postgresql://drift:hunter22@db/drift",
    "https://example.org/v1?api_key=abcdef1234",
    "https://example.org/v1?x=1&token=abcdef1234",
    "https://hooks.slack.com/services/T00000000/B00000000/abcdefgh",
    "my key is sk-" + token(48) + ", do not tell",
    token(32, "0123456789abcdef"),  # Azure
    "a1" + token(82),
]

NO_KEYS = [
    "",
    "ANTHROPIC_API_KEY",
    "MY_COMPANY_PRODUCTION_EU_WEST_2_OPENAI_API_KEY_V2",
    "anthropic/claude-sonnet-4-6",
    "openai/gpt-5.2-2026-11-20",
    "us.anthropic.claude-3-5-sonnet-20241022-v2:0",
    "bedrock/arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.anthropic.claude-sonnet-4-6-v1:0",
    "together_ai/meta-llama/Meta-Llama-3.1-405B-Instruct-Turbo",
    "MetaLlama31405BInstructTurboV2",
    "sentence-transformers/all-MiniLM-L6-v2",
    "1110a243fdf4706b3f48f1d95db1a4f5529b4d41",
    hashlib.sha1(b"x").hexdigest(),
    hashlib.sha256(b"x").hexdigest(),
    hashlib.sha256(b"x").hexdigest().upper(),
    hashlib.sha512(b"x").hexdigest(),
    "sha256:" + hashlib.sha256(b"x").hexdigest(),
    "sha256-" + base64.b64encode(hashlib.sha256(b"x").digest()).decode(),
    "7f1b9c52-4c7e-4d53-9f0e-0c2b7a3d1e55",
    "https://api.openai.com/v1",
    "https://xk3j9f8a7s6d5f4g3h2j1k0l.lambda-url.eu-west-1.on.aws/v1?version=2026-11-21",
    "http://localhost:8080/v1",
    "https://example.org/a/b?page=3&sort=key",
    "20261121T031700Z-canary-9be2",
    "canaries/tool-weather-2027-02-21.yaml",
    "prompts/**",
    "(?i)^oslo",
    "sk-learn",
    "risk-management-and-other-long-words-2026",
    "task-1234567890123456",
    "The bearer of this letter, 007, may pass; basic arithmetic 2+2 too.",
    "Sort these: a1, b2, c3. Reply in JSON. What is 17 * 23?",
    "Weather in Oslo tomorrow, metric units.",
    "${OPENAI_API_KEY}",
    "Bearer ${TOKEN}",
    "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft",
    "supercalifragilisticexpialidocious",
    "12345678901234567890123456789012345678901234",
    "aaaaaaaa1aaaaaaaa1aaaaaaaa1aaaaaaaa1aaaaaaaa1",
    "日本語のプロンプト1234567890",
]


@pytest.mark.parametrize("text", KEYS)
def test_keys_are_seen(text: str) -> None:
    assert looks_like_secret(text)
    assert looks_like_secret(f" {text}\n")


@pytest.mark.parametrize("text", NO_KEYS)
def test_ordinary_texts_are_let_through(text: str) -> None:
    assert not looks_like_secret(text)


def test_long_random_tokens_are_seen_almost_always() -> None:
    tokens = [token(length) for length in (32, 40, 64, 96) for _ in range(250)]
    assert sum(map(looks_like_secret, tokens)) >= 0.97 * len(tokens)


@given(st.text(string.ascii_letters + " .,;:!?'-\n"))
def test_prose_without_digits_is_let_through(text: str) -> None:
    assert not looks_like_secret(f"Please {text}")


@pytest.mark.parametrize(
    "piece",
    ["sk-", "eyJ-", "hf_", "Bearer ", "bearer-", "://", "://a:", "?key=", "-----BEGIN ", "xoxb-", "a1"],
)
@pytest.mark.timeout(20)
def test_hostile_texts_cost_seconds_at_most(piece: str) -> None:
    assert looks_like_secret(piece * (300_000 // len(piece))) in (True, False)


def test_paths_of_secrets_name_values_and_keys() -> None:
    key = "ghp_" + "a1" * 18
    value = {"a": [1, key, {"b": f"x {key}"}], key: True, "c": {"d": "ok", "e": None}}
    assert set(paths_of_secrets(value)) == {("a", 1), ("a", 2, "b"), (key,)}
    assert list(paths_of_secrets(key)) == [()]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("text", "'text'"),
        (1.1, "1.1"),
        (True, "true"),
        (None, "nothing"),
        ([1], "a list"),
        ({"a": 1}, "a mapping"),
        ("x" * 61, f"'{'x' * 60}…'"),
        ("x" * 60, f"'{'x' * 60}'"),
        ("a\nb\tc", "'a\\nb\\tc'"),
        ("\x1b[31m\x9b\u202e\u200b\ufeff\u2028\ud800", "'\\x1b[31m\\x9b\\u202e\\u200b\\ufeff\\u2028\\ud800'"),
        ("é日🙂", "'é日🙂'"),
        ("sk-" + "a1" * 20, "'…' (looks like a key, not shown)"),
        (10**400, f"1{'0' * 59}…"),
    ],
)
def test_a_message_shows_a_value_short_and_tame(value: object, expected: str) -> None:
    assert shown(value) == expected  # type: ignore[arg-type]


@given(st.text())
def test_what_is_shown_is_one_printable_line(text: str) -> None:
    assert shown(text).isprintable()
    assert len(shown(text)) <= 64
    assert escaped(text).isprintable()


def test_a_retold_message_holds_no_key() -> None:
    assert "a1a1" not in retold("bad value sk-" + "a1" * 20, "x")
    assert retold("Input should be a valid URL", "x\x1b") == "'x\\x1b' should be a valid URL: change it"
    assert retold("ours", None) == "ours"
