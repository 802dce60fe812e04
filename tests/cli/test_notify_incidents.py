"""`drift notify webhook` and `apprise` on the command line: exactly one message for each thing that happened."""

import json
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from harness.core.batch import Acceptance, Baseline
from harness.core.verdict import OpenIncident
from harness.edges.stores.baselines import FileBaselineStore
from harness.edges.stores.history.store import SqlHistoryStore
from harness.edges.stores.runs import FileRunStore
from harness.errors import HistoryUnavailable
from tests.cli.conftest import Drift, files_of
from tests.support.receiver import Receiver, Reply, receiving
from tests.support.stories import make_night, new_project, night_of, run_of, write_night, write_story

NOTIFY = "notify: {webhook: {url_env: HOOK, secret_env: HOOK_SECRET}, apprise: {url_env: SERVICES}}\n"


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    with receiving() as running:
        monkeypatch.setenv("HOOK", f"{running.url}/hook-path-8271")
        monkeypatch.setenv("HOOK_SECRET", "signed with this")
        monkeypatch.setenv("SERVICES", running.url.replace("http", "json"))
        yield running


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return new_project(tmp_path / "project", NOTIFY)


def night(root: Path, drift: Drift, number: int, **letters: str) -> None:
    """Let a night run, and be told of."""
    write_night(root, number, letters)
    assert drift("history", "rebuild").code == 0
    done = drift("notify", "webhook")
    assert done.code == 0, done.err


def test_one_drift_of_many_nights_is_told_once_and_closed_once(
    root: Path, drift: Drift, receiver: Receiver
) -> None:
    for number, letter in enumerate("QQDDD?DQQQQQQQQQ"):
        night(root, drift, number, sonnet=letter, gpt="Q")
    incident = f"canary-sonnet-{night_of(2).replace('-', '')}"
    assert receiver.events == [("incident.opened", incident), ("incident.closed", incident)]
    opened, closed = receiver.taken
    assert (opened["run"]["id"], opened["run"]["exit_code"]) == (run_of(2), 1)
    assert opened["incident"]["signals"] == ["refusal"]
    assert "sonnet" in opened["text"]
    assert f"drift review {run_of(2)}" in opened["text"]
    assert (closed["incident"]["closed"], closed["incident"]["because"]) == (night_of(13), "recovered")


def test_an_update_is_sent_when_something_new_happened_and_only_then(
    root: Path, drift: Drift, receiver: Receiver
) -> None:
    for number, letter in enumerate("QDDEEEDB"):
        night(root, drift, number, sonnet=letter)
    assert [event for event, _ in receiver.events] == ["incident.opened", *["incident.updated"] * 2]
    assert [one["what_is_new"] for one in receiver.taken] == [
        [],
        ["also embedding"],
        ["also contract", "now P0"],
    ]
    assert len({one["id"] for one in receiver.taken}) == 3


def test_a_command_that_runs_twice_tells_nobody_twice(root: Path, drift: Drift, receiver: Receiver) -> None:
    write_story(root, {"sonnet": "QD"})
    for _ in range(3):
        assert drift("notify", "webhook", run_of(1)).code == 0
    assert len(receiver.asked) == 1


def test_a_run_by_hand_since_the_night_keeps_nothing_from_being_told(
    root: Path, drift: Drift, receiver: Receiver
) -> None:
    write_story(root, {"sonnet": "QD"})
    record, _ = make_night(2, {"sonnet": "Q"})
    by_hand = record.manifest.model_copy(update={"scheduled": False})
    FileRunStore(root / "reports", redact=str).create(by_hand, {}, {})
    assert drift("notify", "webhook").code == 0
    assert [event for event, _ in receiver.events] == ["incident.opened"]
    named = drift("notify", "webhook", by_hand.run)
    assert (named.code != 0 or "no scheduled night" in named.err, len(receiver.asked)) == (True, 1)


def test_a_night_of_another_target_since_keeps_nothing_from_being_told(
    root: Path, drift: Drift, receiver: Receiver
) -> None:
    write_story(root, {"sonnet": "QD"})
    write_night(root, 2, {"gpt": "Q"})
    for _ in range(2):
        assert drift("notify", "webhook").code == 0
    assert [incident.split("-")[1] for _, incident in receiver.events] == ["sonnet"]
    assert receiver.taken[0]["run"]["id"] == run_of(1)


def test_what_was_told_outlives_the_history_and_travels_with_the_runs(
    root: Path, drift: Drift, receiver: Receiver
) -> None:
    night(root, drift, 0, sonnet="D")
    (root / "reports" / "history.sqlite").unlink()
    night(root, drift, 1, sonnet="D")
    assert drift("history", "rebuild").code == 0
    assert drift("notify", "webhook").code == 0
    assert len(receiver.asked) == 1
    told = [json.loads(line) for line in (root / "reports" / run_of(0) / "told.jsonl").read_text().split()]
    assert [(one["sink"], one["stage"]) for one in told] == [("webhook:HOOK", "opened")]
    written = b"".join(files_of(root).values())
    assert b"hook-path" not in written


def test_a_run_that_the_history_does_not_know_is_told_of(
    root: Path, drift: Drift, receiver: Receiver
) -> None:
    write_story(root, {"sonnet": "QD"})
    assert drift("notify", "webhook").code == 0
    assert [event for event, _ in receiver.events] == ["incident.opened"]


def test_what_failed_is_sent_the_next_time(root: Path, drift: Drift, receiver: Receiver) -> None:
    write_story(root, {"sonnet": "QD"})
    receiver.replies.append(Reply(status=404, body=b"gone: hook-path-8271"))
    done = drift("notify", "webhook")
    assert (done.code, "[not-delivered]" in done.err) == (3, True)
    assert "hook-path" not in done.err
    assert drift("notify", "webhook").code == 0
    assert [event for event, _ in receiver.events] == ["incident.opened"]


def test_a_crash_before_it_was_written_down_repeats_it_under_the_same_key(
    root: Path, drift: Drift, receiver: Receiver
) -> None:
    write_story(root, {"sonnet": "QD"})
    assert drift("notify", "webhook").code == 0
    told = root / "reports" / run_of(1) / "told.jsonl"
    told.write_bytes(told.read_bytes()[:40])  # cut off in the middle of its line
    for _ in range(2):
        assert drift("notify", "webhook").code == 0
    assert len({headers["idempotency-key"] for _, headers, _ in receiver.asked}) == 1
    assert len(receiver.asked) == 2


def test_an_acceptance_closes_it_with_one_message(root: Path, drift: Drift, receiver: Receiver) -> None:
    night(root, drift, 0, sonnet="D")
    accepted = Acceptance(
        at=f"{night_of(0)}T10:00:00+00:00",
        by="someone",
        reason="It was looked at.",
        cases=tuple(f"case-{number}" for number in range(20)),
        runs=("r",),
        verdict="regressed",
        shown="5f1c",
    )
    baseline = Baseline(suite="canary", target="sonnet", encoder="e", cases={}, acceptances=(accepted,))
    FileBaselineStore(root / "baselines", lock=root / "lock", redact=str).save(baseline)
    assert drift("history", "rebuild").code == 0
    for _ in range(2):
        assert drift("notify", "webhook").code == 0
    assert [one["event"] for one in receiver.taken] == ["incident.opened", "incident.closed"]
    assert receiver.taken[1]["incident"]["because"] == "accepted"
    assert "accepted the new behaviour" in receiver.taken[1]["text"]


def test_an_incident_that_was_over_before_anybody_was_told_is_no_news(
    root: Path, drift: Drift, receiver: Receiver
) -> None:
    write_story(root, {"sonnet": "QDQQQQQQQ"})
    drift("history", "rebuild")
    assert "nothing new" in drift("notify", "webhook").err
    assert receiver.asked == []


def test_an_outage_is_no_incident(root: Path, drift: Drift, receiver: Receiver) -> None:
    for number, letter in enumerate("Q??Q"):
        night(root, drift, number, sonnet=letter)
    assert receiver.asked == []


def test_every_target_has_its_own_messages(root: Path, drift: Drift, receiver: Receiver) -> None:
    for number, letters in enumerate(zip("QDD", "QQD", strict=True)):
        night(root, drift, number, sonnet=letters[0], gpt=letters[1])
    assert [one["incident"]["target"] for one in receiver.taken] == ["sonnet", "gpt"]


@pytest.mark.skipif(find_spec("apprise") is None, reason="apprise is not installed")
def test_another_sink_is_told_by_itself(root: Path, drift: Drift, receiver: Receiver) -> None:
    write_story(root, {"sonnet": "QD"})
    for _ in range(2):
        assert drift("notify", "webhook").code == 0
        assert drift("notify", "apprise").code == 0
    assert len(receiver.asked) == 2
    assert "Drift: sonnet (canary)" in receiver.asked[1][2].decode()


def test_a_verdict_by_itself_opens_goes_on_and_closes(
    tmp_path: Path, root: Path, drift: Drift, receiver: Receiver
) -> None:
    incident = OpenIncident(
        id=f"canary-sonnet-{night_of(0).replace('-', '')}",
        opened=night_of(0),
        signals=("refusal",),
        quiet_nights=0,
    )
    over = incident.model_copy(update={"quiet_nights": 7, "recovered": True})
    story = [("D", None), ("D", incident), ("Q", incident), ("E", incident), ("Q", over)]
    for number, (letter, before) in enumerate(story):
        made = write_night(root, number, {"sonnet": letter}, {"sonnet": before} if before else None)
        alone = tmp_path / "artifact" / str(number)
        alone.mkdir(parents=True)
        (alone / "verdict.json").write_bytes((made / "verdict.json").read_bytes())
        for _ in range(2):
            done = drift("notify", "webhook", "verdict.json", "--url-env", "HOOK", folder=alone)
            assert done.code == 0, done.err
    assert [event for event, _ in receiver.events] == [
        "incident.opened",
        "incident.updated",
        "incident.closed",
    ]
    assert len({one["incident"]["id"] for one in receiver.taken}) == 1


def test_a_run_by_hand_is_told_to_nobody(project: Path, drift: Drift, receiver: Receiver) -> None:
    assert drift("check", "canary", "--target", "swapped", "--night", "2026-11-20").code == 1
    done = drift("notify", "webhook", "--url-env", "HOOK")
    assert (done.code, receiver.asked) == (0, [])
    assert "no scheduled night" in done.err


def test_a_real_drift_of_the_simulator_is_told_of(project: Path, drift: Drift, receiver: Receiver) -> None:
    arguments = ("check", "canary", "--target", "swapped", "--scheduled", "--night", "2026-11-20")
    assert drift(*arguments).code == 1
    for _ in range(2):
        assert drift("notify", "webhook", "--url-env", "HOOK").code == 0
    ((event, incident),) = receiver.events
    assert (event, incident) == ("incident.opened", "canary-swapped-20261120")


def test_a_test_message_needs_no_run(root: Path, drift: Drift, receiver: Receiver, tmp_path: Path) -> None:
    assert drift("notify", "webhook", "--test").code == 0
    (tmp_path / "empty").mkdir()
    assert drift("notify", "webhook", "--test", "--url-env", "HOOK", folder=tmp_path / "empty").code == 0
    assert [one["event"] for one in receiver.taken] == ["test", "test"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--url-env", "https://hooks.example.org/x"), "the name of a variable"),
        (("--url-env", "NOT_SET_AT_ALL"), "NOT_SET_AT_ALL is not set"),
        (("--url-env", "HOOK", "--secret-env", "NOT_SET"), "NOT_SET is not set"),
    ],
)
def test_what_is_wrong_with_the_address_is_said_before_anything(
    root: Path, drift: Drift, receiver: Receiver, arguments: tuple[str, ...], said: str
) -> None:
    write_story(root, {"sonnet": "QD"})
    done = drift("notify", "webhook", *arguments)
    assert (done.code, receiver.asked) == (2, [])
    assert said in done.err


def test_no_address_at_all_says_where_to_put_it(tmp_path: Path, drift: Drift) -> None:
    write_story(new_project(tmp_path / "project"), {"sonnet": "QD"})
    done = drift("notify", "webhook")
    assert done.code == 2
    assert "notify: {webhook: {url_env: NAME}}" in done.err


def test_a_history_that_is_out_of_reach_does_not_keep_an_alarm_back(
    root: Path, drift: Drift, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object, **__: object) -> None:
        raise HistoryUnavailable("the history database cannot be used")

    write_story(root, {"sonnet": "QD"})
    monkeypatch.setattr(SqlHistoryStore, "nights", away)
    for _ in range(2):
        done = drift("notify", "webhook")
        assert done.code == 0
        assert "the history was not read" in done.err
    assert [event for event, _ in receiver.events] == ["incident.opened"]
