"""Every parser of drift in one table: what reads bytes that somebody else may have written.

A new one is a line in `PARSERS`. Graders come in by their own table.
"""

import gzip
import hashlib
import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import TypeAlias

from multidict import CIMultiDict

from harness.core.canonical import canonical_json, digest, text_digest
from harness.core.decision import decide
from harness.core.graders import GRADERS, Submission
from harness.core.incident_news import news_of, standing_of
from harness.core.incidents import Incident
from harness.core.judging.content import emptiness
from harness.core.judging.replies import read_preference, read_score
from harness.core.mutes import holds_for, mute_in_force
from harness.core.replies import Answer
from harness.edges.environment import read_environment
from harness.edges.files.project import load_project
from harness.edges.files.suites import load_suite
from harness.edges.providers.direct import DirectProvider
from harness.edges.providers.failures import HttpError, read_http_error, used_fallback
from harness.edges.providers.litellm import LiteLLMProvider
from harness.edges.providers.metering import Exchange
from harness.edges.providers.openai_format import parse_arguments
from harness.edges.providers.recording import read_recording
from harness.edges.redaction import Redactor
from harness.edges.stores.baseline_files import ACCEPTANCES, IDENTITY, SELF_TEST
from harness.edges.stores.history.sqlite import open_history
from harness.edges.stores.mutes import FileMuteStore
from harness.edges.stores.run_files import sealed
from harness.edges.stores.run_vectors import load_vectors
from harness.edges.stores.runs import FileRunStore
from harness.edges.stores.told import ToldFiles
from harness.edges.templates import render_prompt, variables_of
from harness.reporting.comment import comment
from harness.reporting.issue import issue_texts
from harness.wiring.files import read_labels, read_policy
from harness.wiring.notify import pull_request_number, verdict_file
from tests.edges.stores.test_baselines import store_in as baselines_in
from tests.edges.stores.test_runs import NAMES
from tests.fuzz import documents
from tests.support.upgrades import RUN as COMPARED

REDACTOR = Redactor({})
_DIRECT = DirectProvider(environment={}, redactor=REDACTOR)
_LITELLM = LiteLLMProvider(environment={}, redactor=REDACTOR)
Content: TypeAlias = bytes | Callable[[Path], None]
_NOW = datetime(2026, 11, 21, 3, 17, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parser:
    """What reads `content`, in a folder of its own; only HarnessError may come out of it."""

    read: Callable[..., object]
    """Of bytes and a folder; a parser of a file also takes a function that makes something else in its place."""
    seeds: Callable[[], tuple[bytes, ...]]
    """Documents that it reads without an error."""
    opens: bool = False
    """Opens a file whose place others may have filled."""


def _below(folder: Path, name: str, content: Content) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content) if isinstance(content, bytes) else content(path)
    return path


# --- files that people write --------------------------------------------------------------------


def _case(content: Content, folder: Path) -> object:
    _below(folder, "prompts/p.md", documents.PROMPT.encode())
    _below(folder, "suite/tools/t.json", documents.text(documents.TOOL))
    _below(folder, "suite/a.yaml", content)
    return load_suite("suite", folder / "suite", root=folder)


def _named(place: str, line: str, content: Content, folder: Path) -> object:
    """Read a file that a case names."""
    _below(folder, place, content)
    _below(folder, "suite/a.yaml", f"{documents.CASE}{line}\n".encode())
    return load_suite("suite", folder / "suite", root=folder)


def _prompt(content: Content, folder: Path) -> object:
    _below(folder, "prompts/p.md", content)
    _below(folder, "suite/a.yaml", documents.TASK.encode())
    return load_suite("suite", folder / "suite", root=folder)


def _template(content: bytes, _: Path) -> object:
    text = content.decode("utf-8", "surrogatepass") if _is_text(content) else content.decode("latin-1")
    variables_of(text, file="p.md")
    return render_prompt(
        text, {"name": "Ada", "items": [1, "x"], "rows": [{"a": 1}, None], "n": 1.5}, file="p.md"
    )


def _is_text(content: bytes) -> bool:
    try:
        content.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return False
    return True


def _config(content: Content, folder: Path) -> object:
    _below(folder, "drift.yaml", content)
    return load_project(folder).config.decision_policy()


def _recording(content: Content, folder: Path) -> object:
    return read_recording(_below(folder, "answers.jsonl", content))


# --- records --------------------------------------------------------------------------------------


def _baseline(name: str, content: Content, folder: Path, *, summed: bool) -> object:
    """Read a baseline with another file in it; `summed` as by one who can make the sums fit."""
    files: dict[str, Content] = {**documents.baseline_bytes(), name: content}
    if summed and isinstance(content, bytes):
        identity = json.loads(documents.baseline_bytes()[IDENTITY])
        del identity["sum"]
        identity["files"][name] = hashlib.sha256(content).hexdigest()
        files[IDENTITY] = _with_sum(identity)
    for name, kept in files.items():
        _below(folder, f"baselines/canary/sonnet/{name}", kept)
    return baselines_in(folder).load("canary", "sonnet")


def _identity(content: bytes, folder: Path) -> object:
    """Read an identity whose sum fits, where it can have one."""
    try:
        identity = json.loads(content)
        identity.pop("sum", None)
        content = _with_sum(identity)
    except (ValueError, RecursionError, TypeError, AttributeError):
        pass
    return _baseline(IDENTITY, content, folder, summed=False)


def _with_sum(identity: dict[str, object]) -> bytes:
    whole = {**identity, "sum": digest(identity)}
    return (json.dumps(whole, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode(
        "utf-8", "surrogatepass"
    )


def _run(name: str, content: Content, folder: Path) -> object:
    """Read a run folder with another file in it."""
    for kept, held in {**documents.run_bytes(), name: content}.items():
        _below(folder, f"reports/{NAMES[1]}/{kept}", held)
    store = FileRunStore(folder / "reports", redact=str)
    store.response_ids()
    return store.load(NAMES[1])


def _manifest(content: Content, folder: Path) -> object:
    """Read a manifest whose sum fits."""
    if isinstance(content, bytes) and content.startswith(b"{"):
        content = sealed(content)
    return _run("manifest.json", content, folder)


def _journal(content: bytes, folder: Path) -> object:
    """Read a journal whose sums fit."""
    return _run("journal.jsonl", b"".join(map(_line, content.split(b"\n"))), folder)


def _line(body: bytes) -> bytes:
    return b'{"sum":"%s","body":%s}\n' % (hashlib.sha256(body).hexdigest()[:16].encode(), body)


def _reference(content: bytes, folder: Path) -> object:
    return _run("reference.json.gz", gzip.compress(content, 1), folder)


def _upgrade(content: Content, folder: Path) -> object:
    """Read a comparison of two models whose manifest's sum fits, and decide it."""
    if isinstance(content, bytes) and content.startswith(b"{"):
        content = sealed(content)
    for kept, found in {**documents.upgrade_bytes(), "manifest.json": content}.items():
        _below(folder, f"reports/{COMPARED}/{kept}", found)
    return decide(FileRunStore(folder / "reports", redact=str).load(COMPARED))


def _mutes(content: Content, folder: Path) -> object:
    _below(folder, "baselines/mutes.jsonl", content)
    mutes = FileMuteStore(folder / "baselines", baselines_in(folder), str).all()
    incident = Incident.model_validate(json.loads(documents.incident()))
    found = mute_in_force(mutes, incident.id, "2026-11-06")
    return found, holds_for(found, incident) if found is not None else None


def _mute_line(content: bytes, folder: Path) -> object:
    """Read a mute whose sum fits, where it can have one."""
    try:
        held = json.loads(content)
        held.pop("sum", None)
        content = canonical_json({**held, "sum": digest(held)}).encode("utf-8", "backslashreplace")
    except (ValueError, RecursionError, TypeError, AttributeError):
        pass
    return _mutes(content + b"\n", folder)


def _told(content: Content, folder: Path) -> object:
    """Read what was told, and say what is left to tell."""
    run = _below(folder, f"reports/{NAMES[1]}/told.jsonl", content).parent
    store = ToldFiles(root=folder, folder=run, folders=lambda: [run], lock=folder / "lock", redact=str)
    incident = Incident.model_validate(json.loads(documents.incident()))
    told = store.told(documents.SINK)
    return told, news_of([standing_of(incident)], told)


def _verdict(content: Content, folder: Path) -> object:
    """Read a verdict of another job, and write what GitHub is told of it."""
    verdict = verdict_file(_below(folder, "verdict.json", content))
    return comment(verdict, None), issue_texts(verdict, ())


def _event(content: Content, folder: Path) -> object:
    return pull_request_number({"GITHUB_EVENT_PATH": str(_below(folder, "event.json", content))})


def _history(content: Content, folder: Path) -> object:
    return _nights(_below(folder, "reports/history.sqlite", content))


def _history_row(table: str, column: str, content: bytes, folder: Path) -> object:
    """Read a history that holds a night or an incident as somebody else wrote it."""
    path = _below(folder, "reports/history.sqlite", documents.history_bytes())
    with sqlite3.connect(path) as connection:
        text = content.decode("utf-8") if _is_utf8(content) else content
        connection.execute(f"UPDATE {table} SET {column} = ?", [text])
    connection.close()
    return _nights(path)


def _nights(path: Path) -> object:
    store = open_history(str(path), str)
    return store.nights(last=3), store.incidents()


def _is_utf8(content: bytes) -> bool:
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


# --- what comes back from a model -----------------------------------------------------------------


def _said(content: bytes) -> str:
    """Return what a model says: any text, half characters included."""
    return content.decode("utf-8", "surrogatepass") if _is_text(content) else content.decode("latin-1")


def _judge(content: bytes, _: Path) -> object:
    answer = Answer(text=_said(content))
    return read_score(answer), read_preference(answer), emptiness(answer.text)


def _grader(name: str, content: bytes, _: Path) -> object:
    """Grade an answer, its text also as the arguments of a call."""
    call = parse_arguments("weather", _said(content))
    answer = Answer(text=_said(content), tool_calls=(call,))
    grades = GRADERS.load(name)(documents.EXPECT)(Submission(answer))
    return [text_digest(canonical_json([grade.holds, grade.because])) for grade in grades]


def _direct(content: bytes, _: Path) -> object:
    response = SimpleNamespace(status=200, headers=CIMultiDict())
    call = SimpleNamespace(body=b"{}")
    return _DIRECT._read_answer(call, response, content, 1.0)  # type: ignore[arg-type]


def _litellm(content: bytes, _: Path) -> object:
    exchange = Exchange(most_bytes=10**7, requests=1, finished=1.0, status=200, body=bytearray(content))
    seen = _LITELLM._read_answer(exchange, None)
    exchange.status = 429
    return seen, _LITELLM._read_failure(exchange, ValueError("what a library says of it"))


def _http_error(content: bytes, _: Path) -> object:
    text = content.decode("utf-8", "replace")
    return [
        read_http_error(HttpError(status=status, body=text, headers={}), REDACTOR, now=_NOW)
        for status in (200, 400, 404, 429, 999)
    ]


def _headers(content: bytes, _: Path) -> object:
    text = content.decode("latin-1")
    names = ("retry-after", "retry-after-ms", "date", "x-litellm-attempted-fallbacks")
    shared = [{name: text} for name in names] + [dict.fromkeys(names, text)]
    return [
        (read_http_error(HttpError(status=429, body="", headers=one), REDACTOR, now=_NOW), used_fallback(one))
        for one in shared
    ]


def _graders() -> Iterator[tuple[str, Parser]]:
    for name in GRADERS.names():
        yield f"answer, graded by {name}", Parser(read=partial(_grader, name), seeds=_answers)


# --- the table ------------------------------------------------------------------------------------


def _answers() -> tuple[bytes, ...]:
    return (documents.text(documents.JSON_ANSWER), b'{"a": [1, "x"]}', b"abc and a answer")


def _seeds(*values: object) -> Callable[[], tuple[bytes, ...]]:
    return lambda: tuple(v.encode() if isinstance(v, str) else documents.text(v) for v in values)


def _file_of_run(name: str) -> Callable[[], tuple[bytes, ...]]:
    return lambda: (documents.run_bytes()[name],)


def _file_of_baseline(name: str) -> Callable[[], tuple[bytes, ...]]:
    return lambda: (documents.baseline_bytes()[name],)


_TOOLS = "tools: [tools/t.json]"
_SCHEMA = "expect: {json_schema: s.json}"
PARSERS: Mapping[str, Parser] = {
    "case": Parser(read=_case, seeds=documents.cases, opens=True),
    "tool": Parser(
        read=partial(_named, "suite/tools/t.json", _TOOLS), seeds=_seeds(documents.TOOL), opens=True
    ),
    "schema": Parser(
        read=partial(_named, "suite/s.json", _SCHEMA), seeds=_seeds(documents.SCHEMA), opens=True
    ),
    "prompt": Parser(read=_prompt, seeds=_seeds(documents.PROMPT), opens=True),
    "template": Parser(read=_template, seeds=_seeds(documents.PROMPT, "{% if n > 1 %}x{% endif %}{{ n }}")),
    "config": Parser(read=_config, seeds=documents.configs, opens=True),
    "policy": Parser(
        read=lambda content, folder: read_policy(folder, _below(folder, "p.yaml", content)),
        seeds=_seeds(documents.POLICY),
        opens=True,
    ),
    "labels": Parser(
        read=lambda content, folder: read_labels(folder, _below(folder, "l.jsonl", content)),
        seeds=documents.labels,
        opens=True,
    ),
    "environment": Parser(
        read=lambda content, folder: read_environment(_below(folder, "env", content)),
        seeds=_seeds(documents.ENVIRONMENT),
    ),
    "recording": Parser(read=_recording, seeds=documents.recordings, opens=True),
    "baseline file": Parser(
        read=lambda content, folder: _baseline(IDENTITY, content, folder, summed=False),
        seeds=_file_of_baseline(IDENTITY),
        opens=True,
    ),
    "baseline identity": Parser(read=_identity, seeds=_file_of_baseline(IDENTITY)),
    "baseline samples": Parser(
        read=partial(_baseline, documents.SAMPLES, summed=True), seeds=_file_of_baseline(documents.SAMPLES)
    ),
    "baseline acceptances": Parser(
        read=partial(_baseline, ACCEPTANCES, summed=True), seeds=_file_of_baseline(ACCEPTANCES)
    ),
    "baseline self-test": Parser(
        read=partial(_baseline, SELF_TEST, summed=True), seeds=_file_of_baseline(SELF_TEST)
    ),
    "manifest": Parser(read=_manifest, seeds=_file_of_run("manifest.json"), opens=True),
    "journal": Parser(read=partial(_run, "journal.jsonl"), seeds=_file_of_run("journal.jsonl"), opens=True),
    "journal line": Parser(read=_journal, seeds=lambda: (documents.journal_bodies(),)),
    "reference": Parser(
        read=partial(_run, "reference.json.gz"), seeds=_file_of_run("reference.json.gz"), opens=True
    ),
    "reference inside": Parser(read=_reference, seeds=lambda: (documents.reference_json(),)),
    "vectors": Parser(
        read=lambda content, folder: load_vectors(_below(folder, "v.npz", content)),
        seeds=_file_of_run("vectors.npz"),
        opens=True,
    ),
    "upgrade manifest": Parser(
        read=_upgrade, seeds=lambda: (documents.upgrade_bytes()["manifest.json"],), opens=True
    ),
    "mutes": Parser(read=_mutes, seeds=lambda: (documents.mutes(),), opens=True),
    "mute": Parser(read=_mute_line, seeds=lambda: (documents.mute(),)),
    "told": Parser(read=_told, seeds=lambda: (documents.told(),), opens=True),
    "verdict": Parser(read=_verdict, seeds=lambda: (documents.verdict_bytes(),), opens=True),
    "event": Parser(read=_event, seeds=_seeds(documents.EVENT), opens=True),
    "history": Parser(read=_history, seeds=lambda: (documents.history_bytes(),), opens=True),
    "history night": Parser(
        read=partial(_history_row, "drift_runs", "entry"), seeds=lambda: (documents.history_row(),)
    ),
    "history incident": Parser(
        read=partial(_history_row, "drift_incidents", "incident"), seeds=lambda: (documents.incident(),)
    ),
    "judge reply": Parser(read=_judge, seeds=_seeds(documents.SCORE, documents.PREFERENCE)),
    "response, direct": Parser(read=_direct, seeds=documents.responses),
    "response, litellm": Parser(read=_litellm, seeds=documents.responses),
    "error response": Parser(read=_http_error, seeds=_seeds(*documents.ERRORS)),
    "headers": Parser(read=_headers, seeds=_seeds("3", "Fri, 21 Nov 2026 03:17:05 GMT")),
    **dict(_graders()),
}
