"""One comment, one issue, against a real server on loopback that plays GitHub."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from harness.edges.redaction import Redactor
from harness.edges.sinks.github import GitHub
from harness.edges.sinks.github_address import api_address, repository_named, token_checked
from harness.edges.sinks.github_comment import Kept, keep_comment
from harness.edges.sinks.github_issue import IssueWish, keep_issue
from harness.errors import MeasurementError, MissingKey, UsageError
from tests.support.fakes import RunningClock
from tests.support.github_server import BOT, REPOSITORY, TOKEN, FakeGitHub, Mood, github_server

MARKER = "<!-- drift:golden -->"


def body(run: str = "20261121T120000Z-golden-0001", said: str = "steady regressed") -> str:
    return f"{MARKER}\n<!-- drift-run:{run} -->\n\n{said}\n"


@pytest.fixture
def fake() -> Iterator[FakeGitHub]:
    with github_server() as running:
        yield running


def client(fake: FakeGitHub, waits: list[float] | None = None, **more: Any) -> GitHub:
    kept = waits if waits is not None else []
    known: dict[str, Any] = {
        "repository": REPOSITORY,
        "token": TOKEN,
        "clock": RunningClock(datetime(2026, 11, 21, tzinfo=UTC)),
        "redact": Redactor({"GITHUB_TOKEN": TOKEN}).redact_values,
        "api_url": fake.url,
        "sleep": kept.append,
    }
    return GitHub(**{**known, **more})


def keep(fake: FakeGitHub, text: str | None = None, **more: Any) -> Kept:
    with client(fake, more.pop("waits", None), **more.pop("client", {})) as github:
        return keep_comment(github, 7, MARKER, text if text is not None else body(), **more)


def test_the_first_run_makes_the_comment_and_the_next_one_updates_it(fake: FakeGitHub) -> None:
    assert keep(fake) is Kept.MADE
    assert keep(fake) is Kept.UNCHANGED
    assert keep(fake, body(run="20261121T130000Z-golden-0002", said="quiet")) is Kept.UPDATED
    (only,) = fake.comments[7]
    assert "quiet" in only["body"]


def test_the_comment_is_found_on_a_later_page(fake: FakeGitHub) -> None:
    for number in range(5):
        fake.comment(7, f"talk {number}", login="somebody")
    fake.comment(7, body(said="old"))
    fake.comment(7, "more talk", login="somebody")
    assert keep(fake) is Kept.UPDATED
    assert len(fake.comments[7]) == 7
    assert not any("elsewhere" in path for _, path, _, _ in fake.asked), (
        "an address in an answer was followed"
    )


def test_a_marker_in_somebody_elses_comment_is_not_touched(fake: FakeGitHub) -> None:
    theirs = [
        fake.comment(7, body(said="mine, all mine"), login="mallory"),
        fake.comment(7, f"quoting {MARKER}", login=BOT),
        {"id": 3, "body": body(), "user": None},
    ]
    fake.comments[7].append(theirs[2])
    before = [dict(one) for one in theirs]
    assert keep(fake) is Kept.MADE
    assert fake.comments[7][:3] == before
    assert keep(fake, body(said="again")) is Kept.UPDATED
    assert fake.comments[7][:3] == before
    assert len(fake.comments[7]) == 4


def test_with_a_users_token_only_that_users_comment_is_ours(fake: FakeGitHub) -> None:
    fake.login = "release-bot"
    bots = fake.comment(7, body(said="of the app"))
    mine = fake.comment(7, body(said="of the user"), login="release-bot")
    assert keep(fake, body(said="new")) is Kept.UPDATED
    assert "of the app" in bots["body"]
    assert "new" in mine["body"]


def test_an_older_run_never_writes_over_a_newer_one(fake: FakeGitHub) -> None:
    keep(fake, body(run="20261121T130000Z-golden-0002", said="newer"))
    assert keep(fake, body(run="20261121T120000Z-golden-0001", said="older")) is Kept.NEWER
    assert "newer" in fake.comments[7][0]["body"]


def test_two_runs_at_once_leave_one_comment(fake: FakeGitHub) -> None:
    fake.before["POST"] = lambda: fake.comment(7, body(said="of the other run"))
    assert keep(fake) in (Kept.MADE, Kept.UPDATED)
    (only,) = fake.comments[7]
    assert "steady regressed" in only["body"]


def test_a_comment_deleted_meanwhile_is_made_again(fake: FakeGitHub) -> None:
    fake.comment(7, body(said="old"))
    fake.before["PATCH"] = fake.comments[7].clear
    assert keep(fake) is Kept.MADE
    (only,) = fake.comments[7]
    assert "steady regressed" in only["body"]


def test_without_make_nothing_is_made(fake: FakeGitHub) -> None:
    assert keep(fake, make=False) is Kept.NOTHING
    assert fake.writes() == []
    fake.comment(7, body(said="old"))
    assert keep(fake, make=False) is Kept.UPDATED


@pytest.mark.parametrize(
    ("mood", "waited"),
    [
        (Mood(method="GET", status=403, headers={"Retry-After": "7"}), 7),
        (Mood(method="GET", status=429, headers={"Retry-After": "3"}), 3),
        (Mood(method="GET", status=429), 60),
        (Mood(method="GET", status=403, body=b'{"message": "You have exceeded a secondary rate limit"}'), 60),
        (Mood(method="POST", status=403, headers={"Retry-After": "9"}), 9),
    ],
)
def test_a_rate_limit_is_waited_for(fake: FakeGitHub, mood: Mood, waited: float) -> None:
    fake.moods.append(mood)
    waits: list[float] = []
    assert keep(fake, waits=waits) is Kept.MADE
    assert waits == [waited]
    assert len(fake.comments[7]) == 1


def test_a_rate_limit_beyond_the_deadline_ends_at_once(fake: FakeGitHub) -> None:
    fake.moods.append(Mood(method="GET", status=403, headers={"Retry-After": "3600"}))
    waits: list[float] = []
    with pytest.raises(MeasurementError, match="3600 s of patience"):
        keep(fake, waits=waits)
    assert waits == []


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_server_error_is_tried_again_where_nothing_is_made(fake: FakeGitHub, status: int) -> None:
    fake.comment(7, body(said="old"))
    fake.moods.extend([Mood(method="GET", status=status), Mood(method="PATCH", status=status)])
    assert keep(fake) is Kept.UPDATED


@pytest.mark.parametrize("does_it", [True, False])
@pytest.mark.parametrize("hangs_up", [True, False])
def test_a_comment_whose_making_is_unclear_is_looked_for_first(
    fake: FakeGitHub, does_it: bool, hangs_up: bool
) -> None:
    fake.moods.append(Mood(method="POST", status=502, does_it=does_it, hangs_up=hangs_up))
    assert keep(fake) in (Kept.MADE, Kept.UNCHANGED)
    assert len(fake.comments[7]) == 1


def test_a_server_that_stays_broken_is_an_error_that_ends_in_3(fake: FakeGitHub) -> None:
    fake.moods.extend(Mood(method="GET", path="comments", status=503) for _ in range(9))
    with pytest.raises(MeasurementError, match="answered 503") as caught:
        keep(fake)
    assert caught.value.exit_code == 3


@pytest.mark.parametrize(
    ("mood", "said"),
    [
        (Mood(status=401, body=b'{"message": "Bad credentials"}'), "wrong or has expired"),
        (
            Mood(method="POST", status=403, body=b'{"message": "Resource not accessible"}'),
            "may not write here",
        ),
        (Mood(path="comments", status=404), "check --repo"),
        (Mood(path="comments", status=301, headers={"Location": "http://evil.example/"}), "redirects"),
        (Mood(path="comments", status=200, body=b"<html>"), "no JSON"),
        (Mood(path="comments", status=200, body=b"[" * 100_000), "no JSON"),
        (Mood(path="comments", status=200, body=b'{"a": 1}'), "something else than a list"),
        (Mood(path="comments", status=422, body=TOKEN.encode()), "422"),
    ],
)
def test_what_cannot_be_mended_says_so_and_never_shows_the_token(
    fake: FakeGitHub, mood: Mood, said: str
) -> None:
    fake.moods.append(mood)
    with pytest.raises(MeasurementError, match=said) as caught:
        keep(fake)
    assert TOKEN not in str(caught.value)


def test_no_redirect_takes_the_token_along(fake: FakeGitHub) -> None:
    with github_server() as other:
        fake.moods.append(Mood(path="comments", status=307, headers={"Location": f"{other.url}/x"}))
        with pytest.raises(MeasurementError):
            keep(fake)
        assert other.asked == []


def test_a_dead_server_is_an_error_that_ends_in_3() -> None:
    with github_server() as gone:
        pass
    with pytest.raises(MeasurementError, match="cannot be reached"):
        keep(gone)


def test_the_deadline_holds_over_all_calls(fake: FakeGitHub) -> None:
    with pytest.raises(MeasurementError, match="nothing more was sent"):
        keep(fake, client={"deadline_s": 0.0})
    assert fake.asked == []


def test_secrets_are_taken_out_of_what_is_written(fake: FakeGitHub) -> None:
    keep(fake, body(said=f"the key is {TOKEN}"))
    assert TOKEN not in fake.comments[7][0]["body"]
    assert "[GITHUB_TOKEN]" in fake.comments[7][0]["body"]
    assert keep(fake, body(said=f"the key is {TOKEN}")) is Kept.UNCHANGED


@pytest.mark.parametrize(
    "url",
    [
        "http://api.github.com",
        "http://127.0.0.1.evil.example",
        "https://user:pass@api.github.com",
        "ftp://127.0.0.1",
        "api.github.com",
        "https://",
        "https://x?y",
        "https://x/#y",
        "https://[",
        "http://2130706433",
    ],
)
def test_the_token_is_sent_over_tls_or_to_this_machine(url: str) -> None:
    with pytest.raises(UsageError):
        api_address(url)


@pytest.mark.parametrize(
    "url", ["https://api.github.com/", "http://127.0.0.1:1", "http://localhost", "http://[::1]:2"]
)
def test_addresses_that_are_fine(url: str) -> None:
    assert api_address(url) == url.rstrip("/")


@pytest.mark.parametrize("name", ["acme", "a/b/c", "../x", "x/..", "./.", "a b/c", "a/b?x", "a/b\n", "é/x"])
def test_a_repository_is_owner_and_name(name: str) -> None:
    with pytest.raises(UsageError):
        repository_named(name)


@pytest.mark.parametrize("token", ["", " ", "a b", "a\nb", "é" * 20])
def test_a_token_is_one_word_and_never_shown(token: str) -> None:
    with pytest.raises(MissingKey) as caught:
        token_checked(token, "TOKEN")
    assert not token.strip() or token not in str(caught.value)


ISSUE = "<!-- drift-issue:canary/sonnet -->"


def wish(is_open: bool, run: str = "20261121T031700Z-canary-0001", said: str = "declines more") -> IssueWish:
    return IssueWish(
        marker=ISSUE,
        title="Drift: canary on sonnet",
        body=f"{ISSUE}\n<!-- drift-run:{run} -->\n\n{said}\n",
        is_open=is_open,
        recovered="Quiet again.",
        label="drift",
    )


def settle(fake: FakeGitHub, wanted: IssueWish) -> Kept:
    with client(fake) as github:
        return keep_issue(github, wanted)


def nights(count: int) -> list[str]:
    return [f"202611{day:02d}T031700Z-canary-0001" for day in range(1, count + 1)]


def test_seven_nights_of_one_drift_are_one_issue_and_no_comment(fake: FakeGitHub) -> None:
    said = [settle(fake, wish(True, run, said=f"night {run}")) for run in nights(7)]
    assert said == [Kept.MADE] + [Kept.UPDATED] * 6
    (only,) = fake.issues
    assert only["state"] == "open"
    assert fake.comments == {}


def test_recovery_closes_with_a_comment_and_the_next_drift_reopens(fake: FakeGitHub) -> None:
    first, second, third, fourth = nights(4)
    settle(fake, wish(True, first))
    assert settle(fake, wish(False, second)) is Kept.CLOSED
    assert (fake.issues[0]["state"], fake.issues[0]["state_reason"]) == ("closed", "completed")
    assert [one["body"] for one in fake.comments[1]] == ["Quiet again."]
    assert settle(fake, wish(False, third)) is Kept.UNCHANGED
    assert len(fake.comments[1]) == 1
    assert settle(fake, wish(True, fourth)) is Kept.REOPENED
    assert len(fake.issues) == 1
    assert fake.issues[0]["state"] == "open"


def test_a_quiet_night_without_an_issue_makes_none(fake: FakeGitHub) -> None:
    assert settle(fake, wish(False)) is Kept.NOTHING
    assert fake.writes() == []


def test_an_issue_is_found_on_a_later_page_and_somebody_elses_is_not_touched(fake: FakeGitHub) -> None:
    theirs = fake.issue(wish(True).body, login="mallory")
    for _ in range(4):
        fake.issue("something else")
    fake.issue(wish(True).body, pull_request={"url": "x"})
    mine = fake.issue(wish(True, said="old").body)
    before = dict(theirs)
    assert settle(fake, wish(True)) is Kept.UPDATED
    assert theirs == before
    assert "declines more" in mine["body"]
    assert len(fake.issues) == 7


def test_an_issue_without_its_label_is_found_and_not_made_twice(fake: FakeGitHub) -> None:
    fake.drops_labels = True
    assert settle(fake, wish(True)) is Kept.MADE
    assert settle(fake, wish(True, nights(30)[-1])) is Kept.UPDATED
    assert len(fake.issues) == 1


@pytest.mark.parametrize("does_it", [True, False])
def test_an_issue_whose_making_is_unclear_is_not_made_twice(fake: FakeGitHub, does_it: bool) -> None:
    fake.moods.append(Mood(method="POST", status=504, does_it=does_it))
    settle(fake, wish(True))
    assert len(fake.issues) == 1


def test_of_two_issues_the_oldest_stays(fake: FakeGitHub) -> None:
    fake.issue(wish(True).body)
    fake.issue(wish(True).body)
    settle(fake, wish(True, said="now"))
    assert [one["state"] for one in fake.issues] == ["open", "closed"]
    assert fake.issues[1]["state_reason"] == "not_planned"
