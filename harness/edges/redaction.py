"""Takes secrets out of text, by value and by look.

By value: every variable that the configuration names, in each form in which a key turns up in error
texts, URLs, JSON, headers and dumps. By look: what has the shape of a provider's key, though nobody
configured it.
"""

import base64
import json
import re
from collections.abc import Iterable, Iterator, Mapping

import re2
from pydantic import TypeAdapter
from pydantic_core import PydanticSerializationError

from harness.core.canonical import canonical_json
from harness.core.replies import Answer, Completion, Failure, FailureKind

SHORTEST_SECRET = 6
_SHORTEST_LINE = 16
_MOST_PATTERN_BYTES = 64 * 1024 * 1024
_KEY_SHAPES = re.compile(
    r"\b(?:"
    r"(?:sk|pk|rk)-[A-Za-z0-9_*-]{16,}"  # OpenAI, Anthropic, OpenRouter, DeepSeek, LiteLLM
    r"|AIza[A-Za-z0-9_-]{30,}"  # Google
    r"|AKIA[A-Z0-9]{16}"  # AWS
    r"|(?:gsk|hf|ghp|gho|ghs|r8)_[A-Za-z0-9]{20,}"  # Groq, Hugging Face, GitHub, Replicate
    r"|github_pat_[A-Za-z0-9_]{20,}"
    r"|(?:xai|pplx|nvapi|csk)-[A-Za-z0-9_-]{20,}"  # xAI, Perplexity, NVIDIA, Cerebras
    # A JSON web token; one look from where a word begins, for a run of half tokens has as many beginnings.
    r"|(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}"
    r")|(?<=\b[Bb]earer )[A-Za-z0-9._~+/-]{16,}={0,2}"
)


class Redactor:
    """Replaces secrets in text by their names in brackets.

    `values` maps the name of each variable to its value. `ignored` says which names could not be
    protected, and why: a value this short would black out half of any text.
    """

    def __init__(self, values: Mapping[str, str]) -> None:
        usable = {name: value.strip() for name, value in values.items()}
        self.ignored: Mapping[str, str] = {
            name: "empty" if not value else f"shorter than {SHORTEST_SECRET} characters"
            for name, value in usable.items()
            if len(value) < SHORTEST_SECRET
        }
        # The longest value first, so that a key is not half replaced under the name of one that it contains.
        parts = sorted(
            ((part, name) for name, value in usable.items() for part in _parts(value)),
            key=lambda pair: (-len(pair[0]), pair),
        )
        sources = {part: _pattern(part) for part in dict(parts)}
        self._patterns = tuple((re.compile(sources[part]), f"[{name}]") for part, name in dict(parts).items())
        self._any = _one_look(sources.values())

    def redact(self, text: str) -> str:
        """Return `text` without configured secrets and without anything shaped like a provider's key."""
        return _KEY_SHAPES.sub("[REDACTED KEY]", self.redact_values(text))

    def redact_values(self, text: str) -> str:
        """Return `text` without configured secrets; all else stays, as it must for a model's answer."""
        if not self._may_hold_one(text):
            return text
        for pattern, name in self._patterns:
            text = pattern.sub(lambda _, name=name: name, text)  # type: ignore[misc]  # mypy cannot infer a default
        return text

    def _may_hold_one(self, text: str) -> bool:
        """Look once for every form of every secret: RE2 needs microseconds where `re` needs a millisecond."""
        if self._any is None:
            return bool(self._patterns)
        try:
            return self._any.search(text) is not None
        except UnicodeEncodeError:  # half a surrogate pair, which RE2 cannot read
            return True


def _one_look(sources: Iterable[str]) -> "re2._Regexp[str] | None":
    """Compile all forms into one RE2 pattern, or None where there is none, or it would be too large."""
    joined = "|".join(sources)
    if not joined:
        return None
    options = re2.Options()
    options.log_errors = False
    options.max_mem = _MOST_PATTERN_BYTES
    try:
        return re2.compile(joined, options)
    except re2.error:
        return None


def _parts(value: str) -> Iterator[str]:
    if len(value) < SHORTEST_SECRET:
        return
    yield value
    if "\n" in value:  # a private key or a service account: one line of it is as bad
        yield from (line.strip() for line in value.splitlines() if len(line.strip()) >= _SHORTEST_LINE)


def _pattern(secret: str) -> str:
    """Return a pattern that matches every form of `secret`."""
    raw = secret.encode("utf-8", "surrogatepass")
    forms = ["".join(map(_spellings, secret)), f"(?i:{raw.hex()})", f"(?i:{raw.hex(' ')})"]
    forms += sorted(set(_base64_cores(raw)))
    return "|".join(forms)


def _spellings(character: str) -> str:
    """Match one character, plain or escaped for a URL (also twice), JSON (also twice), HTML or Python."""
    raw = character.encode("utf-8", "surrogatepass")
    percent = "".join(f"%(?:25)?(?i:{byte:02x})" for byte in raw)
    units = character.encode("utf-16-be", "surrogatepass")
    unicode_escape = "".join(rf"\\{{1,16}}u(?i:{units[i : i + 2].hex()})" for i in range(0, len(units), 2))
    entity = f"&#(?:0*{ord(character)}|[xX]0*(?i:{ord(character):x}));"
    spellings = [re.escape(character), percent, unicode_escape, entity]
    if character in _SHORT_ESCAPES:
        spellings += _SHORT_ESCAPES[character]
    return f"(?:{'|'.join(spellings)})"


_SHORT_ESCAPES = {
    " ": [r"\+"],
    "\n": [r"\\{1,15}n"],
    "\r": [r"\\{1,15}r"],
    "\t": [r"\\{1,15}t"],
    '"': [r'\\{1,15}"', "&quot;"],
    "'": [r"\\{1,15}'", "&apos;"],
    "/": [r"\\{1,15}/"],
    "\\": [r"\\{2,16}"],
    "&": ["&amp;"],
    "<": ["&lt;"],
    ">": ["&gt;"],
}


def _base64_cores(raw: bytes) -> Iterator[str]:
    """Match the base64 of any text that contains `raw`, such as ``Bearer KEY`` or ``user:KEY``.

    Three bytes make four characters, so there are three ways in which the key can lie. A character
    before the core holds at most four bits of it and stays; those after it go.
    """
    for before in range(3):
        padded = b"\0" * before + raw
        after = -len(padded) % 3
        encoded = base64.b64encode(padded + b"\0" * after).decode()
        first, last = (before * 8 + 5) // 6, (after * 8 + 5) // 6
        core = encoded[first : len(encoded) - last]
        yield "".join(_BASE64_SPELLINGS.get(c, c) for c in core) + f"[A-Za-z0-9+/_=-]{{0,{last}}}={{0,2}}"


_BASE64_SPELLINGS = {"+": "(?:[+-]|%2[Bb])", "/": r"(?:[/_]|\\/|%2[Ff])"}


def scrubbed(completion: Answer | Failure, redactor: Redactor) -> Answer | Failure:
    """Return a completion without configured secrets, in any of its strings; one too deep to write is a failure."""
    try:
        dumped = _dumped(completion)
    except (RecursionError, ValueError):
        return Failure(kind=FailureKind.MALFORMED, detail="nested too deeply", attempts=completion.attempts)
    redacted = redactor.redact_values(dumped)
    return completion if redacted == dumped else _COMPLETION.validate_python(json.loads(redacted))


def _dumped(completion: Answer | Failure) -> str:
    try:
        return completion.model_dump_json(exclude_none=True)
    except PydanticSerializationError:  # half a surrogate pair
        return canonical_json(completion.model_dump(mode="json", exclude_none=True))


_COMPLETION: TypeAdapter[Answer | Failure] = TypeAdapter(Completion)
