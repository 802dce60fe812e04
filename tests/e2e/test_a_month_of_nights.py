"""Real nights on the simulator, told of and drawn: learning, quiet, a silent swap, an acceptance, quiet again."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from _pytest.capture import CaptureFixture

from harness.cli.app import run
from tests.cli.conftest import CLOCK, edit, write_project
from tests.support.receiver import Receiver, receiving

SWAP = 20
LAST = 25


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    with receiving() as running:
        monkeypatch.setenv("HOOK", running.url)
        yield running


@pytest.mark.soak
def test_a_month_has_one_incident_two_messages_and_a_page_that_says_so(
    tmp_path: Path, receiver: Receiver, capsys: CaptureFixture[str]
) -> None:
    root = tmp_path / "project"
    root.mkdir()
    write_project(root)
    for name in ("structure-invoice-json", "tool-weather"):
        edit(root / "canaries" / f"{name}.yaml", "always: true\n", "")
    edit(
        root / "drift.yaml",
        "  steady: {model: simulated/steady, params: {temperature: 0, max_tokens: 512}}",
        "  steady: {model: simulated/steady, params: {temperature: 0, max_tokens: 512}, "
        f'options: {{drift: {{kind: swap, start: "2026-11-{SWAP}"}}}}}}',
    )
    (root / "drift.yaml").write_text(
        (root / "drift.yaml").read_text(encoding="utf-8") + "notify: {webhook: {url_env: HOOK}}\n",
        encoding="utf-8",
    )

    def drift(*arguments: str) -> tuple[int, str]:
        capsys.readouterr()
        code = run(["-C", str(root), *arguments], clock=CLOCK)
        out, err = capsys.readouterr()
        return code, out + err

    codes = []
    for number in range(1, LAST + 1):
        codes.append(drift("check", "canary", "--scheduled", "--night", f"2026-11-{number:02d}")[0])
        assert drift("notify", "webhook")[0] == 0
        if number == 14:
            assert drift("calibrate", "canary", "--from-runs", "last:14")[0] == 0
    assert codes == [0] * (SWAP - 1) + [1] * (LAST - SWAP + 1)
    incident = f"canary-steady-202611{SWAP}"
    assert [event for event in receiver.events if event[0] != "incident.updated"] == [
        ("incident.opened", incident)
    ]

    shown = json.loads(drift("--json", "history")[1])
    assert [one["id"] for one in shown["incidents"]] == [incident]
    digest = json.loads(drift("--json", "report", "last")[1])["shown"]
    reason = "The swap was announced and looked at."
    code, said = drift("accept", "--incident", incident, "--digest", digest, "--reason", reason)
    assert code == 0, said
    for _ in range(2):
        assert drift("notify", "webhook")[0] == 0
    assert receiver.events[-1] == ("incident.closed", incident)
    assert sum(event == ("incident.closed", incident) for event in receiver.events) == 1

    assert drift("dashboard")[0] == 0
    page = (root / "reports" / "dashboard.html").read_text(encoding="utf-8")
    assert "No incident is open. The only one is closed." in page
    assert reason in page
