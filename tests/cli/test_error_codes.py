"""Every error has a code, the code stands on the terminal, and docs/errors.md explains it."""

import json
import os
import re
import shutil
import socket
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock

from harness import errors
from harness.edges.encoders.hashed import HashedEncoder
from harness.edges.stores import baselines
from harness.errors import HarnessError, ProblemCode
from tests.cli.conftest import ROOT, Done, Drift, edit, runs_of
from tests.support.loopback import QuietHandler, serving

ABSTRACT = {errors.InputError, errors.DocumentError, errors.RecordError}
"""Never raised as such."""
ELSEWHERE = {"internal": 70, "interrupted": 130, "heartbeat-failed": 3}
"""Codes that take a process of their own to meet, tests/test_main.py and tests/e2e/test_kill_and_resume.py do; and
one that is only ever told beside a verdict: tests/cli/test_heartbeat.py."""
NIGHT = ("--night", "2026-11-21")
MESSAGES = 'review_by: "2027-06-18"\nmessages: [{role: user, content: Say yes.}]\n'


@dataclass(frozen=True)
class Scene:
    """A project with a baseline, and the means to break it."""

    root: Path
    drift: Drift
    patch: pytest.MonkeyPatch

    def write(self, name: str, text: str | bytes) -> Path:
        place = self.root / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(text if isinstance(text, bytes) else text.encode())
        return place

    def case(self, text: str | bytes) -> Done:
        """Write a case of one's own and validate."""
        self.write("canaries/own.yaml", text)
        return self.drift("validate")

    def field(self, line: str) -> Done:
        """Add a line to a case that is in order."""
        return self.case(f"id: own\nkind: edge\nwhy: To be refused, whatever it says.\n{MESSAGES}{line}\n")

    def task(self, prompt: str, *, link: bool = False) -> Done:
        """Write a golden suite of one task, perhaps behind a link."""
        self.write("prompts/p.md", prompt)
        text = "id: t\ntask: Answer.\nprompt: prompts/p.md\ninput: {user: Hello.}\nexpect: {checks: [{contains: a}]}\n"
        self.write("elsewhere/t.yaml" if link else "golden/t.yaml", text)
        if link:
            (self.root / "golden").mkdir()
            (self.root / "golden" / "t.yaml").symlink_to("../elsewhere/t.yaml")
        self.config("suites:\n", "suites:\n  golden: {path: golden/, targets: [steady]}\n")
        return self.drift("validate")

    def config(self, before: str, after: str) -> None:
        edit(self.root / "drift.yaml", before, after)

    def identity(self) -> Path:
        return self.root / "baselines" / "canary" / "steady" / "identity.json"

    def repository(self) -> None:
        known = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull}
        me = ("-c", "user.name=t", "-c", "user.email=t@example.org")
        for command in (("init", "-q", "-b", "main", "."), ("add", "-A"), ("commit", "-qm", "All.")):
            whole = ["git", *me, "-C", str(self.root), *command]
            subprocess.run(whole, check=True, capture_output=True, env=known)

    def checked(self, *arguments: str) -> Done:
        return self.drift("check", "canary", *NIGHT, *arguments)


class _Refusing(QuietHandler):
    """Serves nobody."""

    def do_GET(self) -> None:
        self.answer(401)


def _twice(scene: Scene) -> Done:
    scene.field("")
    scene.write("canaries/own.yml", (scene.root / "canaries" / "own.yaml").read_bytes())
    return scene.drift("validate")


def _mixed(scene: Scene) -> Done:
    shutil.copytree(ROOT / "prompts", scene.root / "prompts")
    for name in ("tools", "schemas"):
        shutil.copytree(ROOT / "golden" / name, scene.root / "canaries" / name, dirs_exist_ok=True)
    shutil.copy(ROOT / "golden" / "support-german.yaml", scene.root / "canaries")
    return scene.drift("validate")


def _empty(scene: Scene) -> Done:
    (scene.root / "none").mkdir()
    scene.config("path: canaries/", "path: none/")
    return scene.drift("validate")


def _label(scene: Scene) -> Done:
    scene.config("suites:\n", "judge: {target: fresh}\nsuites:\n")
    scene.write("labels.jsonl", "no label\n")
    return scene.drift("judge", "calibrate", "labels.jsonl")


def _key_written(scene: Scene) -> Done:
    scene.config("api_base:", 'params: {user: "sk-proj-0123456789abcdefghijABCDEFGHIJ"}, api_base:')
    return scene.drift("validate")


def _other_questions(scene: Scene) -> Done:
    assert scene.checked("--target", "flaky", "--case", "tool-*").code in (0, 3)
    scene.config("rate: 0.3", "rate: 0.2")
    return scene.checked("--target", "flaky", "--resume", "last")


def _other_digest(scene: Scene) -> Done:
    assert scene.checked("--target", "swapped").code == 1
    digest = ("--digest", "00000000", "--reason", "It is meant to be like this.")
    return scene.drift("accept", runs_of(scene.root)[-1].name, "--case", "*", *digest, "--yes")


def _linked_configuration(scene: Scene) -> Done:
    scene.repository()
    (scene.root / "drift.yaml").rename(scene.root / "other.yaml")
    (scene.root / "drift.yaml").symlink_to("other.yaml")
    return scene.drift("check", "canary", "--since", "main")


def _no_commit(scene: Scene) -> Done:
    scene.repository()
    return scene.drift("check", "canary", "--since", "nowhere")


def _port_taken(scene: Scene) -> Done:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return scene.drift("simulate", "--port", str(taken.getsockname()[1]))


def _no_git(scene: Scene) -> Done:
    scene.patch.setenv("PATH", str(scene.root))
    return scene.drift("check", "canary", "--since", "main")


def _no_address(scene: Scene) -> Done:
    scene.patch.setenv("DRIFT_TEST_KEY", "k")
    scene.config(', api_base: "http://127.0.0.1:9/v1"', "")
    return scene.checked("--target", "keyed")


def _turned_away(scene: Scene) -> Done:
    scene.config('kind: "503", retry_after_s: 0.01', 'kind: "401"')
    return scene.checked("--target", "down")


def _no_weights(scene: Scene) -> Done:
    scene.config(
        "encoder: {name: hashed}", "encoder: {name: sentence-transformers/all-MiniLM-L6-v2, path: none}"
    )
    return scene.checked()


def _reports_elsewhere(scene: Scene) -> Done:
    (scene.root.parent / "elsewhere").mkdir()
    (scene.root / "reports").symlink_to("../elsewhere")
    return scene.checked()


def _half_down(scene: Scene) -> Done:
    scene.config("0.01}]}\n    baseline_of: steady\n  fresh", "0.01}]}\n  fresh")
    return scene.drift("calibrate", "canary", "--nights", "2", "--target", "down")


def _no_vectors(scene: Scene) -> Done:
    scene.patch.setattr(HashedEncoder, "encode", lambda _, texts: np.full((len(texts), 8), np.nan))
    return scene.checked()


def _reports_is_a_file(scene: Scene) -> Done:
    scene.write("reports", "")
    return scene.checked()


def _locked(scene: Scene) -> Done:
    assert scene.checked("--target", "swapped").code == 1
    run = runs_of(scene.root)[-1]
    shown = json.loads((run / "verdict.json").read_text())
    digest = str(shown.get("verdict", shown)["shown"])[:8]
    scene.patch.setitem(baselines.FileBaselineStore.__init__.__kwdefaults__, "lock_timeout_s", 0.1)
    (scene.root / ".drift" / "cache").mkdir(parents=True, exist_ok=True)
    with FileLock(scene.root / ".drift" / "cache" / "baselines.lock"):
        wanted = ("--case", "edge-*", "--baseline-of", "steady", "--digest", digest, "--yes")
        return scene.drift("accept", run.name, *wanted, "--reason", "It is meant to be like this.")


def _no_database(scene: Scene) -> Done:
    scene.patch.setenv("DRIFT_HISTORY_URL", "postgresql://u:p@127.0.0.1:9/x")
    scene.config("suites:\n", "history: {url_env: DRIFT_HISTORY_URL}\nsuites:\n")
    return scene.drift("history")


def _github_away(scene: Scene) -> Done:
    assert scene.checked("--target", "swapped").code == 1
    scene.patch.setenv("GITHUB_TOKEN", "t0ken")
    verdict = runs_of(scene.root)[-1] / "verdict.json"
    with serving(_Refusing) as url:
        return scene.drift("notify", "github-issue", verdict, "--repo", "owner/name", "--api-url", url)


def _nobody_takes_it(scene: Scene) -> Done:
    assert scene.checked("--target", "swapped", "--scheduled").code == 1
    with serving(_Refusing) as url:
        scene.patch.setenv("HOOK", url)
        return scene.drift("notify", "webhook", "--url-env", "HOOK")


def _flipped(scene: Scene) -> Done:
    place = next(path for path in scene.identity().parent.glob("edge-*.jsonl"))
    place.write_bytes(place.read_bytes().replace(b"a", b"b", 1))
    return scene.checked()


def _newer(scene: Scene) -> Done:
    value = json.loads(scene.identity().read_text())
    scene.identity().write_text(json.dumps({**value, "schema_version": 99}))
    return scene.checked()


def _no_recording(scene: Scene) -> Done:
    scene.write("answers.jsonl", '{"text": "No case."}\n')
    return scene.drift("compare", "answers.jsonl", "answers.jsonl", "--suite", "canary")


Story = Callable[[Scene], Done]
STORIES: dict[str, Story] = {
    "syntax": lambda s: s.field("signals: [length"),
    "encoding": lambda s: s.case(b"id: \xff\n"),
    "too-large": lambda s: s.case("a: 1\n" * 250_000),
    "yaml-feature": lambda s: s.field("owner: &a x"),
    "ambiguous-value": lambda s: s.field("owner: no"),
    "duplicate-key": lambda s: s.field("kind: edge"),
    "unknown-key": lambda s: s.field("expct: {}"),
    "missing-field": lambda s: s.case("id: own\nkind: edge\n"),
    "invalid-value": lambda s: s.field("samples: many"),
    "duplicate-case": _twice,
    "bad-rule": lambda s: s.field('expect: {checks: [{matches: "("}]}'),
    "bad-template": lambda s: s.task("{{ nope }}"),
    "bad-label": _label,
    "unreadable-file": lambda s: s.field('tools: ["none.json"]'),
    "outside-project": lambda s: s.field('tools: ["../../../../../../../etc/hostname"]'),
    "link": lambda s: s.task("Help.", link=True),
    "hidden-file": lambda s: s.field('tools: ["../.env"]'),
    "secret-in-file": _key_written,
    "empty-suite": _empty,
    "mixed-suite": _mixed,
    "usage": lambda s: s.drift("check", "canary", "--only-errors"),
    "unknown-name": lambda s: s.drift("check", "canry"),
    "no-project": lambda s: s.drift("validate", folder=s.root.parent),
    "other-run": _other_questions,
    "not-acceptable": _other_digest,
    "untrusted-change": _linked_configuration,
    "unknown-commit": _no_commit,
    "setup": _port_taken,
    "missing-key": lambda s: s.checked("--target", "keyed"),
    "missing-package": _no_git,
    "bad-target": _no_address,
    "target-rejected": _turned_away,
    "encoder-unusable": _no_weights,
    "git-failed": lambda s: s.drift("check", "canary", "--since", "main"),
    "unsafe-path": _reports_elsewhere,
    "budget": lambda s: s.checked("--target", "priced", "--max-cost", "0.0001"),
    "not-measured": _half_down,
    "encoder-failed": _no_vectors,
    "cannot-write": _reports_is_a_file,
    "busy": _locked,
    "history-unavailable": _no_database,
    "github-failed": _github_away,
    "not-delivered": _nobody_takes_it,
    "missing-baseline": lambda s: s.drift("baseline", "show", "canary", "fresh"),
    "damaged-record": _flipped,
    "other-version": _newer,
    "bad-recording": _no_recording,
}


def _codes() -> dict[str, int]:
    """Every code that can be shown, and its exit code."""
    found = {str(code): 2 for code in ProblemCode}
    waiting: list[type[HarnessError]] = [HarnessError]
    while waiting:
        kind = waiting.pop()
        waiting.extend(kind.__subclasses__())
        if kind.__module__ != errors.__name__:
            continue  # a kind that only its own part knows, with the code of what it is a kind of
        assert "code" in vars(kind), f"{kind.__name__} has no code of its own"
        if kind not in ABSTRACT:
            assert found.setdefault(kind.code, kind.exit_code) == kind.exit_code
    return found


@pytest.mark.parametrize("code", STORIES)
def test_a_user_who_meets_it_sees_the_code(
    code: str, project: Path, drift: Drift, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = STORIES[code](Scene(project, drift, monkeypatch))
    assert f"  [{code}]\n" in done.err, done.err or done.out
    assert done.code == _codes()[code]


def test_every_code_has_a_story_and_a_page() -> None:
    codes = set(_codes())
    assert codes == set(STORIES) | set(ELSEWHERE)
    text = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")
    sections = re.findall(r"(?m)^### ([a-z-]+)\n(?!\n)\S", text)
    assert sorted(sections) == sorted(codes)
