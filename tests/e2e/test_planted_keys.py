"""Five keys are planted, and a provider that says them back in every way it can: none is ever written or shown."""

import base64
import gzip
import json
import os
import re
import shutil
import sqlite3
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest
from _pytest.capture import CaptureFixture

from harness.cli.app import run
from harness.reporting import FORMATS
from tests.cli.conftest import CLOCK, ROOT
from tests.support.loopback import QuietHandler, serving

KEYS = {
    "PLANTED_KEY": 'pk"9/+=&<ä>Zq7-first\\key',
    "PLANTED_JUDGE_KEY": "jk~%20/second key=42+",
    "PLANTED_HEADER": "hdr|third|/+value==",
    "PLANTED_HISTORY": "postgresql://u:f0urth+Pass%2Fword@127.0.0.1:9/x",
    "GITHUB_TOKEN": "fifthToken/+without=AnyShape9",
}
CONFIGURED = tuple(name for name in KEYS if name != "GITHUB_TOKEN")
PLAYS = ("401", "429", "500", "garbage", "html", "said", "served", "header", "tool", "filter", "judge")
"""What the provider does with the keys that it was given."""
PRICE = "price: {input_usd_per_million: 0, output_usd_per_million: 0}"
CASES = ("edge-near-empty", "structure-invoice-json", "tool-weather")


def forms(key: str) -> dict[str, bytes]:
    """Every form in which a key must not be found: plain, for URLs, in JSON, base64, hex."""
    raw = key.encode()
    return {
        "plain": raw,
        "url": quote(key, safe="").encode(),
        "url with plus": quote_plus(key).encode(),
        "json": json.dumps(key)[1:-1].encode(),
        "json of letters": json.dumps(key, ensure_ascii=False)[1:-1].encode(),
        "base64": base64.b64encode(raw).rstrip(b"=")[:-1],
        "base64 for urls": base64.urlsafe_b64encode(raw).rstrip(b"=")[:-1],
        "base64 within": base64.b64encode(b"x" + raw + b"yz")[4:-8],
        "hex": raw.hex().encode(),
        "HEX": raw.hex().upper().encode(),
    }


def everything(*names: str) -> str:
    """Say keys in every form, and more: what is looked for is never shorter than what is said."""
    return in_every_form(*(KEYS[name] for name in names))


def in_every_form(*keys: str) -> str:
    said = []
    for key in keys:
        raw = key.encode()
        said += [form.decode() for kind, form in forms(key).items() if not kind.startswith("base64")]
        said += [base64.b64encode(raw).decode(), base64.urlsafe_b64encode(raw).decode()]
        said += [base64.b64encode(b"x" + raw + b"yz").decode()]
    return " ".join(said)


class Parrot(QuietHandler):
    """Does what the model's name says, and says every key meanwhile."""

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        play, said = str(asked["model"]), everything(*CONFIGURED)
        answer = self._answer(play, said)
        status = int(play) if play.isdigit() else 200
        body: bytes = json.dumps(answer).encode()
        if play.isdigit():
            body = json.dumps({"error": {"message": f"Refused: {said}", "code": f"x {said}"}}).encode()
        if play == "garbage":
            body = f"{said} {{".encode()
        if play == "html":
            body = f"<html>{said}</html>".encode()
        headers = {"x-request-id": quote(said, safe=" ")} if play == "header" else {}
        headers |= {"Retry-After": "0.01"} if play == "429" else {}
        self.answer(status, body, Content_Type="application/json", **headers)

    def do_GET(self) -> None:
        self.answer(403, json.dumps({"message": everything(*KEYS)}).encode())

    def _answer(self, play: str, said: str) -> dict[str, object]:
        message: dict[str, object] = {"role": "assistant", "content": f"Well: {said}"}
        if play == "tool":
            call = {"name": "get_weather", "arguments": json.dumps({"city": said, said: "city"})}
            message = {"role": "assistant", "content": None, "tool_calls": [{"id": said, "function": call}]}
        if play == "judge":
            message["content"] = json.dumps({"score": 3, "reason": said})
        if play == "filter":
            message["refusal"] = said
        model = said if play == "served" else play
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        usage = {"prompt_tokens": 3, "completion_tokens": 5}
        return {"id": said, "model": model, "system_fingerprint": said, "choices": [choice], "usage": usage}


def configuration(url: str) -> str:
    targets = "\n".join(
        f'  t-{play}: {{model: direct/{play}, api_base: "{url}/v1", key_env: PLANTED_KEY, env: [PLANTED_HEADER], {PRICE}}}'
        for play in PLAYS
    )
    return f"""\
version: 1
targets:
{targets}
  t-litellm: {{model: openai/401, api_base: "{url}/v1", key_env: PLANTED_KEY, {PRICE}}}
  the-judge: {{model: direct/judge, api_base: "{url}/v1", key_env: PLANTED_JUDGE_KEY, {PRICE}}}
judge: {{target: the-judge}}
suites:
  canary: {{path: canaries/, targets: [t-said], samples: 2}}
history: {{url_env: PLANTED_HISTORY}}
limits: {{timeout_s: 4, concurrency: 8}}
"""


def contents(root: Path) -> Iterator[tuple[str, bytes]]:
    """Yield all that lies in a project, unpacked where it is packed, rows of databases too."""
    for path in sorted(root.rglob("*")):
        if not path.is_file():
            continue
        name, content = path.relative_to(root).as_posix(), path.read_bytes()
        yield name, name.encode()
        yield name, content
        if path.suffix == ".gz":
            yield name, gzip.decompress(content)
        if content.startswith(b"SQLite"):
            with sqlite3.connect(path) as database:
                yield name, "\n".join(database.iterdump()).encode()
        for packed in re.findall(rb"x\x9c.+", content, re.DOTALL):
            try:
                yield name, zlib.decompress(packed)
            except zlib.error:
                continue


def found(where: str, content: bytes, keys: Mapping[str, str] = KEYS) -> list[tuple[str, str, str]]:
    return [
        (where, name, kind)
        for name, key in keys.items()
        for kind, form in forms(key).items()
        if form in content
    ]


@pytest.fixture
def planted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    root = tmp_path / "project"
    for folder in ("tools", "schemas"):
        shutil.copytree(ROOT / "canaries" / folder, root / "canaries" / folder)
    for case in CASES:
        shutil.copy(ROOT / "canaries" / f"{case}.yaml", root / "canaries")
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    summary = tmp_path / "project" / "summary.md"
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    monkeypatch.setenv("GITHUB_OUTPUT", str(tmp_path / "project" / "outputs"))
    with serving(Parrot) as url:
        (root / "drift.yaml").write_text(configuration(url), encoding="utf-8")
        monkeypatch.setenv("PARROT", url)
        yield root


def test_the_forms_are_found_where_they_are() -> None:
    text = everything(*KEYS).encode()
    assert {(name, kind) for _, name, kind in found("here", text)} == {
        (name, kind) for name, key in KEYS.items() for kind in forms(key)
    }


def test_no_planted_key_is_written_or_shown(planted: Path, capsys: CaptureFixture[str]) -> None:
    shown: list[tuple[str, bytes]] = []
    formats = [part for name in FORMATS.names() for part in ("--format", name)]

    def drift(*arguments: str) -> int:
        code = run(["-C", str(planted), *arguments], clock=CLOCK)
        out, err = capsys.readouterr()
        shown.append((" ".join(arguments), (out + err).encode()))
        return code

    codes = {}
    night = ("--night", "2026-11-20")
    for play in (*PLAYS, "litellm"):
        told = (*formats, "--out", f"out-{play}") if play in ("said", "500") else ()
        codes[play] = drift("check", "canary", "--target", f"t-{play}", *night, "--no-confirm", *told)
    drift("--verbose", "check", "canary", "--target", "t-500", *night)
    for name in FORMATS.names():
        drift("report", "last", "--format", name)
    drift("calibrate", "canary", "--nights", "2", "--target", "t-said")
    drift("check", "canary", "--night", "2026-11-21")
    drift("doctor")
    drift("history")
    drift("validate")
    runs = sorted(path.name for path in (planted / "reports").iterdir() if path.is_dir())
    drift("compare", runs[0], runs[-1])
    verdict = str(planted / "reports" / runs[-1] / "verdict.json")
    drift("notify", "github-issue", verdict, "--repo", "o/r", "--api-url", os.environ["PARROT"])
    assert codes["401"] == 2
    assert codes["500"] == codes["garbage"] == 3
    texts = [*contents(planted), *shown]
    hits = [hit for where, content in texts for hit in found(where, content)]
    assert not hits
    kept = b"".join(content for _, content in texts)
    assert all(
        f"[{name}]".encode() in kept for name in ("PLANTED_KEY", "PLANTED_HEADER", "PLANTED_JUDGE_KEY")
    )


TOKENS = {
    "PLANTED_HOOK": "h0ok-T0ken~without.A_Shape7",
    "PLANTED_MANY": "m4ny-T0ken~without.A_Shape8",
    "PLANTED_HEARTBEAT": "b34t-T0ken~without.A_Shape9",
    "PLANTED_SECRET": "s1gned+with/this=AnyShape",
}
"""What makes an address a secret: a part of its path."""


class Repeating(QuietHandler):
    """Does not take what it is sent, and says the whole address and its parts; as a model, it answers with them."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        addresses = [os.environ[name] for name in TOKENS]
        if not self.path.startswith("/v1/"):
            self.answer(404, in_every_form(self.path, *TOKENS.values(), *addresses).encode())
            return
        message = {"role": "assistant", "content": in_every_form(*addresses)}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        usage = {"prompt_tokens": 3, "completion_tokens": 5}
        said = {"id": str(hash(body)), "model": "said", "choices": [choice], "usage": usage}
        self.answer(200, json.dumps(said).encode(), Content_Type="application/json")


def test_no_address_that_people_are_told_at_is_written_or_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: CaptureFixture[str]
) -> None:
    pytest.importorskip("apprise", reason="the extra `notify` is not installed")
    (tmp_path / "canaries").mkdir()
    shutil.copy(ROOT / "canaries" / "edge-near-empty.yaml", tmp_path / "canaries")
    shown: list[tuple[str, bytes]] = []

    def drift(*arguments: str) -> int:
        code = run(["-C", str(tmp_path), *arguments], clock=CLOCK)
        out, err = capsys.readouterr()
        shown.append((" ".join(arguments), (out + err).encode()))
        return code

    with serving(Repeating) as url:
        for name, scheme in {
            "PLANTED_HOOK": "http",
            "PLANTED_MANY": "json",
            "PLANTED_HEARTBEAT": "http",
        }.items():
            address = f"{url}/services/{TOKENS[name]}".replace("http", scheme, 1)
            monkeypatch.setenv(name, address)
        monkeypatch.setenv("PLANTED_SECRET", TOKENS["PLANTED_SECRET"])
        (tmp_path / "drift.yaml").write_text(
            f"version: 1\ntargets:\n  said: {{model: direct/said, api_base: '{url}/v1', {PRICE}}}\n"
            "suites:\n  canary: {path: canaries/, targets: [said], samples: 1}\n"
            "heartbeat: {url_env: PLANTED_HEARTBEAT, failures: true}\n"
            "notify: {webhook: {url_env: PLANTED_HOOK, secret_env: PLANTED_SECRET}, apprise: {url_env: PLANTED_MANY}}\n",
            encoding="utf-8",
        )
        assert drift("check", "canary", "--scheduled", "--night", "2026-11-20") == 0
        assert b"the heartbeat to PLANTED_HEARTBEAT was answered with HTTP 404" in shown[-1][1]
        for kind in ("webhook", "apprise"):
            assert drift("notify", kind, "--test") == 3
            assert drift("notify", kind) == 0
        drift("report", "last", "--format", "html")
        drift("doctor")
        planted = {**TOKENS, **{f"the address {name}": os.environ[name] for name in TOKENS}}
    texts = [*contents(tmp_path), *shown]
    assert [hit for where, content in texts for hit in found(where, content, planted)] == []
    kept = b"".join(content for _, content in texts)
    assert all(f"[{name}]".encode() in kept for name in TOKENS)
