"""Valid documents, small and of every kind: what hand-made inputs spoil and mutations start from."""

import gzip
import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from harness.core.batch import Baseline
from harness.core.canonical import canonical_json, digest, text_digest
from harness.core.expect import ArgumentMatch, Check, Expect, ExpectedCall, ExpectedCalls, LengthBounds
from harness.core.incident_news import news_of, standing_of, told_of
from harness.core.incidents import follow
from harness.core.mutes import Mute, covered_of
from harness.core.suite import Case
from harness.edges.stores.baseline_files import baseline_files
from harness.edges.stores.history.sqlite import open_history
from harness.reporting.json_format import render
from tests.edges.stores.test_runs import NAMES, a_record, store_in, write_run
from tests.support.history import make_entry
from tests.support.records import Night, make_case, make_cases, make_record, make_verdict
from tests.support.self_tests import make_self_test
from tests.support.upgrades import held, upgrade_record

ROOT = Path(__file__).parents[2]
SAMPLES = "refusal-01.jsonl"
SINK = "webhook:HOOK"
KEY = "sk-" + "proj-Ab3dE6gH9jK2mN5pQ8rT"
"""Looks like a key, so no message may hold it."""
CASE = """\
id: a
kind: structure
why: A reason that is long enough.
review_by: "2027-02-21"
messages: [{role: user, content: "Say it."}]
"""
TASK = """\
id: a
task: Answer a question about a refund.
prompt: prompts/p.md
input: {vars: {name: Ada, items: [1, 2]}, turns: [{user: "Hello?"}]}
review_by: "2027-02-21"
"""
PROMPT = "You help {{ name }}.\n{% for item in items %}- {{ item }}\n{% endfor %}"
CONFIG = """\
version: 1
targets:
  steady: {model: simulated/steady, params: {temperature: 0, max_tokens: 512}}
  other: {model: direct/x, key_env: OTHER_KEY, api_base: "http://127.0.0.1:9/v1", baseline_of: steady}
encoder: {name: hashed}
suites:
  canary: {path: suite/, targets: [steady], samples: 3}
limits: {max_cost_usd: 2.00, max_minutes: 20, min_coverage: 2/3}
"""
POLICY = "name: mine\nplain_rules: true\ngates: {regression: warn}\nlimits: {max_minutes: 5}\n"
TOOL = {"name": "weather", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}}
SCHEMA = {
    "type": "object",
    "properties": {"a": {"type": "array", "items": {"$ref": "#/$defs/b"}, "uniqueItems": True}},
    "$defs": {"b": {"enum": [1, "x", None]}},
    "additionalProperties": False,
}
LABEL = {"id": "a", "task": "Answer it.", "rubric": "1. Says yes.", "answer": "Yes.", "label": "pass"}
ENVIRONMENT = "# names\nexport A=1\nB='two words'\n\nC=\"x=y\"\n"
RECORDED = {
    "case": "capital",
    "sample": 0,
    "prompt": "What is the capital of France?",
    "text": "Paris.",
    "model": "gpt-x",
    "usage": {"prompt_tokens": 5, "completion_tokens": 2},
    "tool_calls": [{"name": "weather", "arguments": {"city": "Paris"}}],
    "latency": 1.5,
    "response_id": "r1",
}
SCORE = {"rationale": "Both criteria are met.", "score": 80}
PREFERENCE = {"rationale": "A cites the policy.", "better": "A"}
JSON_ANSWER = {"a": [1, "x", None], "total": 12.5, "name": "Ada", "deep": {"list": [{"id": 1}, {"id": 2}]}}
EVENT = {"action": "opened", "pull_request": {"number": 7, "title": "t"}}
EXPECT = Expect(
    checks=(
        Check(contains="a"),
        Check(matches="(?i)a+b*c"),
        Check(not_equals="no"),
        Check(path="$..id", min=0, max=5),
        Check(path="$.deep.list[*].id", equals=1),
        Check(path="$.name", matches="A.a"),
    ),
    json_schema=SCHEMA,
    calls=ExpectedCalls(items=(ExpectedCall(name="weather", args={"city": ArgumentMatch(match="P")}),)),
    length=LengthBounds(min=0, max=100),
)
RESPONSES: Mapping[str, object] = {
    "openai": {
        "id": "r1",
        "object": "chat.completion",
        "model": "m",
        "system_fingerprint": "fp",
        "choices": [
            {
                "index": 0,
                "finish_reason": "tool_calls",
                "message": {
                    "role": "assistant",
                    "content": "Paris.",
                    "refusal": None,
                    "tool_calls": [
                        {"id": "c", "type": "function", "function": {"name": "w", "arguments": '{"a": 1}'}}
                    ],
                },
                "logprobs": {
                    "content": [
                        {"token": "P", "logprob": -0.1, "top_logprobs": [{"token": "P", "logprob": -0.1}]}
                    ]
                },
            }
        ],
        "usage": {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7},
    },
    "anthropic": {
        "id": "r1",
        "type": "message",
        "role": "assistant",
        "model": "m",
        "content": [
            {"type": "text", "text": "Paris."},
            {"type": "tool_use", "id": "t", "name": "w", "input": {"a": 1}},
        ],
        "stop_reason": "tool_use",
        "stop_sequence": None,
        "usage": {"input_tokens": 5, "output_tokens": 2},
    },
    "gemini": {
        "responseId": "r1",
        "modelVersion": "m",
        "candidates": [
            {
                "index": 0,
                "content": {
                    "role": "model",
                    "parts": [{"text": "Paris."}, {"functionCall": {"name": "w", "args": {"a": 1}}}],
                },
                "finishReason": "STOP",
            }
        ],
        "usageMetadata": {"promptTokenCount": 5, "candidatesTokenCount": 2, "totalTokenCount": 7},
    },
}
ERRORS = (
    {"error": {"message": "slow down", "type": "rate_limit", "code": "x", "innererror": {"code": "y"}}},
    [{"error": {"details": [{"reason": "r", "retryDelay": "3s", "violations": [{"q": "PerDay"}]}]}}],
)


def text(value: object) -> bytes:
    """Write a value as JSON, half characters as escapes."""
    return json.dumps(value).encode()


def graded_case() -> Case:
    """A case with a rule of every kind."""
    return make_case("edge-all", expect=EXPECT)


@cache
def baseline() -> Baseline:
    """A small baseline with a test against itself."""
    (found,) = make_record(Night(cases=make_cases(2), nights=2, samples=1)).references.values()
    return found.model_copy(update={"self_test": make_self_test(found)})


@cache
def baseline_bytes() -> Mapping[str, bytes]:
    """The same as files."""
    return baseline_files(baseline())


@cache
def run_bytes() -> Mapping[str, bytes]:
    """A whole run folder."""
    with TemporaryDirectory() as folder:
        store = store_in(Path(folder))
        write_run(store, a_record())
        key = text_digest("answer 0")
        store.write_vectors(NAMES[1], {key: np.array([0.6, 0.8], dtype=np.float32)})
        place = store.path(NAMES[1], "")
        return {path.name: path.read_bytes() for path in sorted(place.iterdir()) if path.suffix != ".lock"}


@cache
def journal_bodies() -> bytes:
    """What a journal's lines hold, without their sums."""
    lines = run_bytes()["journal.jsonl"].splitlines()
    return b"\n".join(text(json.loads(line)["body"]) for line in lines)


@cache
def reference_json() -> bytes:
    """What a run compares with, unpacked."""
    return gzip.decompress(run_bytes()["reference.json.gz"])


@cache
def verdict_bytes() -> bytes:
    """A verdict as another job hands it over."""
    record = make_record()
    return render(record, make_verdict(record)).encode()


@cache
def history_row() -> bytes:
    """A night as the history keeps it."""
    return text(make_entry(1).model_dump(mode="json"))


@cache
def history_bytes() -> bytes:
    """A history of a few nights."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "reports" / "history.sqlite"
        open_history(str(path), str).record([make_entry(number, "D") for number in range(4)], [])
        return path.read_bytes()


@cache
def incident() -> bytes:
    """An incident as the history keeps it."""
    (found,) = follow([make_entry(number, "D") for number in range(4)], [])
    return text(found.model_dump(mode="json"))


@cache
def cases() -> tuple[bytes, ...]:
    """Case files: small ones, and those of the repository."""
    own = sorted((ROOT / "canaries").glob("*.yaml")) + sorted((ROOT / "golden").glob("*.yaml"))
    return (CASE.encode(), TASK.encode(), *(path.read_bytes() for path in own))


@cache
def configs() -> tuple[bytes, ...]:
    """Configurations: a small one, and the repository's own."""
    return CONFIG.encode(), (ROOT / "drift.yaml").read_bytes()


@cache
def mute() -> bytes:
    """A line of the mutes, without its sum."""
    (found,) = follow([make_entry(number, "D") for number in range(4)], [])
    made = Mute(
        incident=found.id,
        suite="canary",
        target="sonnet",
        at="2026-11-05T09:00:00+00:00",
        by="Tester",
        until="2026-11-21",
        reason="The provider rolls back this week.",
        covers=covered_of(found),
    )
    return text(made.model_dump(mode="json"))


@cache
def mutes() -> bytes:
    """Two lines with their sums: a mute, and its end."""
    muted = json.loads(mute())
    ended = {**muted, "until": None, "reason": "", "covers": None}
    lines = [{**one, "sum": digest(one)} for one in (muted, ended)]
    return "".join(f"{canonical_json(line)}\n" for line in lines).encode()


@cache
def told() -> bytes:
    """What was told of an incident, a message a line."""
    standing = standing_of(follow([make_entry(number, "D") for number in range(4)], [])[0])
    (news,) = news_of([standing], [])
    line = text(told_of(news, SINK, "2026-11-05T03:30:00+00:00").model_dump(mode="json"))
    return line + b"\n\n" + line + b"\n"


@cache
def upgrade_bytes() -> Mapping[str, bytes]:
    """The folder of a run that compared two models."""
    with TemporaryDirectory() as folder:
        store, record = (
            store_in(Path(folder)),
            upgrade_record({"refusal-01": (held(2, 2), held(1, 2))}, samples=2),
        )
        write_run(store, record)
        place = store.path(record.manifest.run, "")
        return {path.name: path.read_bytes() for path in sorted(place.iterdir()) if path.suffix != ".lock"}


def labels() -> tuple[bytes, ...]:
    """Two labels."""
    return (text(LABEL) + b"\n\n" + text({**LABEL, "id": "b", "label": 70, "reference": "No."}) + b"\n",)


def recordings() -> tuple[bytes, ...]:
    """Recorded answers: as our own, and as whole responses."""
    whole = {"id": "capital", "sample": 1, "model": "gpt-x", "response": RESPONSES["openai"]}
    asked = {"id": "b", "messages": [{"role": "user", "content": "Hi"}], "text": "Hi"}
    return (b"\n".join(map(text, (RECORDED, whole, asked))) + b"\n",)


def responses() -> tuple[bytes, ...]:
    """A response in every wire format."""
    return tuple(map(text, RESPONSES.values()))
