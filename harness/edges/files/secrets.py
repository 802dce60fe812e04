"""What a message may say of a value: no key, nothing that steers a terminal, no more than 60 characters."""

import json
import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import pairwise

from pydantic import JsonValue

_WORD = re.compile(r"[^\s()\[\]{}'\",;:]{8,}")
"""What a longer message may quote of a value."""
MOST_SHOWN = 60
_MOST_RETOLD = 300
_SHORTEST_RUN = 20
_LEAST_BITS = 3.0  # a character; 32 random hexadecimal digits have about 3.5, "aaaa1aaaa2" under 2

# Every repetition that a lookahead or a later part can fail after is bounded, or a long text takes minutes.
_KNOWN_SHAPES = re.compile(
    r"""
    (?<![A-Za-z0-9])(?:
        sk-(?:[A-Za-z0-9]{16,}|(?=[\w-]{0,90}[0-9])[\w-]{16,})  # OpenAI, Anthropic, OpenRouter, LiteLLM
      | [prs]k_(?:live|test)_[A-Za-z0-9]{10,}              # Stripe
      | (?:AKIA|ASIA|ABIA|ACCA)[0-9A-Z]{16}                # AWS
      | gh[opusr]_[A-Za-z0-9]{16,} | github_pat_\w{16,} | glpat-[\w-]{16,}
      | xox[a-z]-[A-Za-z0-9-]{10,}                         # Slack
      | AIza[\w-]{30,} | ya29\.[\w-]{16,}                  # Google
      | (?:hf|gsk|xai|pplx|r8|npm|nvapi|fw|tgp_v1)[_-](?=\w{0,60}[0-9])\w{20,}
      | eyJ[\w-]{8,300}\.[\w-]{8,}\.                         # JSON Web Token
      | (?i:bearer|basic)\s+(?=\S*[0-9])[\w.~+/=-]{16,}
    )
  | -----BEGIN\ [A-Z ]*PRIVATE\ KEY
  | ://[^\s/:@]*:[^\s/@]+@                                 # a password in an address
  | [?&](?i:(?:api|access|auth)?[_-]?(?:key|token|secret|sig|signature))=[^&\s]{8,}
  | hooks\.slack\.com/services/\w+/\w+/\w+ | /api/webhooks/[0-9]+/[\w-]{20,}
    """,
    re.VERBOSE | re.ASCII,
)
_URL = re.compile(r"[a-z][a-z0-9+.-]*://", re.ASCII)
_DIGEST = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}|[0-9a-f]{96}|[0-9a-f]{128}", re.ASCII | re.IGNORECASE)
_LABELLED_DIGEST = re.compile(r"sha(?:1|256|384|512)[-:=]", re.ASCII)


def looks_like_secret(text: str) -> bool:
    """Say whether `text` holds a key of a known shape, or is one long random token.

    Texts of several words are only searched for known shapes. SHA-1, SHA-256, SHA-384 and SHA-512 digests in
    hexadecimal, labelled digests (`sha256-…`) and the random parts of plain URLs are not taken for keys.
    """
    if _KNOWN_SHAPES.search(text):
        return True
    token = text.strip()
    if not token.isascii() or re.search(r"\s", token) or _URL.match(token) or _LABELLED_DIGEST.match(token):
        return False
    return any(_is_random(run) for run in re.findall(r"[A-Za-z0-9]+", token))


def paths_of_secrets(value: JsonValue, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Yield the path of every text in `value`, and of every name, that looks like a secret."""
    texts = (value, path[-1] if path else None)
    if any(isinstance(text, str) and looks_like_secret(text) for text in texts):
        yield path
    parts: Iterable[tuple[str | int, JsonValue]] = ()
    if isinstance(value, dict):
        parts = value.items()
    elif isinstance(value, list):
        parts = enumerate(value)
    for part, item in parts:
        yield from paths_of_secrets(item, (*path, part))


def shown(value: JsonValue) -> str:
    """Return `value` as a message may show it: one line, cut at 60 characters, escaped, never a key."""
    match value:
        case str() if looks_like_secret(value):
            return "'…' (looks like a key, not shown)"
        case str():
            return f"'{escaped(value, most=MOST_SHOWN)}'"
        case None:
            return "nothing"
        case list():
            return "a list"
        case dict():
            return "a mapping"
        case _:
            return escaped(json.dumps(value), most=MOST_SHOWN)


def retold(text: str, value: JsonValue) -> str:
    """Return what a validator, ours or pydantic's, says of `value`, as far as it may be shown."""
    if looks_like_secret(text) or any(map(looks_like_secret, _WORD.findall(text))):
        return "is not valid, and why cannot be shown: it holds what looks like a key"
    if text.startswith("Input "):
        return f"{shown(value)}{escaped(text, most=_MOST_RETOLD).removeprefix('Input')}: change it"
    return escaped(text, most=_MOST_RETOLD)


def escaped(text: str, *, most: int | None = None) -> str:
    """Return `text` with control, bidi, zero-width and other invisible characters as escapes."""
    cut = text if most is None or len(text) <= most else text[: most + 1]
    parts: list[str] = []
    room = math.inf if most is None else most
    for char in cut:
        part = char if char.isprintable() else char.encode("unicode_escape").decode("ascii")
        room -= len(part)
        if room < 0:
            return "".join([*parts, "…"])
        parts.append(part)
    return "".join(parts)


def _is_random(run: str) -> bool:
    """Say whether letters and digits alternate as they do in a random token and nowhere else."""
    if len(run) < _SHORTEST_RUN or _DIGEST.fullmatch(run):
        return False
    changes = sum(left.isdigit() != right.isdigit() for left, right in pairwise(run))
    if changes < max(4, len(run) // 8):
        return False
    return _bits_per_character(run) >= _LEAST_BITS


def _bits_per_character(run: str) -> float:
    return -sum(n / len(run) * math.log2(n / len(run)) for n in Counter(run).values())
