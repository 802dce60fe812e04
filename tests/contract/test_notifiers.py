"""One contract for every notifier, against a real receiver on loopback."""

from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.util import find_spec

import pytest

from harness.core.incident_news import Notice
from harness.edges.sinks import NOTIFIERS, Places
from harness.errors import HarnessError, NotDelivered, SetupError
from harness.ports import Notifier
from tests.support.fakes import RunningClock
from tests.support.receiver import Receiver, Reply, receiving

CLOCK = RunningClock(datetime(2026, 11, 21, 4, 0, tzinfo=UTC))
NEEDS = {"apprise": "apprise"}
TOKEN = "t0ken-in-the-address-9"
NOTICE = Notice(
    key="canary-sonnet-20261121/opened",
    title="Drift: sonnet (canary), P2",
    text="sonnet refuses more.\nSince 2026-11-21.",
    payload={"id": "canary-sonnet-20261121/opened", "text": "sonnet refuses more."},
)
SCHEMES = {"webhook": "{url}/hook?k={token}", "apprise": "json://{place}/hook?+x={token}"}


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as running:
        yield running


@pytest.fixture(params=NOTIFIERS.names())
def kind(request: pytest.FixtureRequest) -> str:
    """Every notifier that is registered."""
    needed = NEEDS.get(request.param)
    if needed is not None and find_spec(needed) is None:
        pytest.skip(f"{needed} is not installed: pip install 'drift-harness[notify]'")
    return str(request.param)


def address(kind: str, url: str) -> str:
    return SCHEMES[kind].format(url=url, place=url.removeprefix("http://"), token=TOKEN)


def opened(kind: str, value: str) -> Notifier:
    return NOTIFIERS.load(kind)(Places(url_env="WHERE"), {"WHERE": value}, CLOCK, str)


def test_every_notifier_has_an_address_to_be_tested_with() -> None:
    assert SCHEMES.keys() == set(NOTIFIERS.names())


class TestNotifier:
    """What every notifier must do."""

    def test_it_says_where_it_sends_by_the_name_of_the_variable(self, kind: str, receiver: Receiver) -> None:
        notifier = opened(kind, address(kind, receiver.url))
        assert isinstance(notifier, Notifier)
        assert notifier.destination == f"{kind}:WHERE"
        assert TOKEN not in repr(notifier)
        assert receiver.asked == []

    def test_a_message_arrives_once_with_its_key_and_its_text(self, kind: str, receiver: Receiver) -> None:
        opened(kind, address(kind, receiver.url)).deliver(NOTICE)
        ((_, _, body),) = receiver.asked
        assert NOTICE.key in body.decode()
        assert "sonnet refuses more." in body.decode()

    @pytest.mark.parametrize("status", [400, 403, 404])
    def test_what_is_refused_is_not_delivered_and_shows_no_address(
        self, kind: str, receiver: Receiver, status: int
    ) -> None:
        receiver.replies.append(Reply(status=status, body=f"no such {TOKEN}".encode()))
        with pytest.raises(NotDelivered) as raised:
            opened(kind, address(kind, receiver.url)).deliver(NOTICE)
        assert TOKEN not in str(raised.value)
        assert "WHERE" in str(raised.value)

    @pytest.mark.parametrize("value", ["", "   ", "gopher://x", f"not-an-address-{TOKEN}", "https://"])
    def test_what_is_no_address_is_refused_before_anything_is_sent(self, kind: str, value: str) -> None:
        with pytest.raises(SetupError, match="WHERE") as raised:
            opened(kind, value)
        assert TOKEN not in str(raised.value)

    def test_secrets_of_the_project_are_taken_out(self, kind: str, receiver: Receiver) -> None:
        notifier = NOTIFIERS.load(kind)(
            Places(url_env="WHERE"),
            {"WHERE": address(kind, receiver.url)},
            CLOCK,
            lambda text: text.replace("refuses", "[KEY]"),
        )
        notifier.deliver(NOTICE)
        assert b"refuses" not in receiver.asked[0][2]


def test_apprise_reaches_nobody_on_this_machine_only() -> None:
    if find_spec("apprise") is None:
        pytest.skip("apprise is not installed")
    for url in ("file://x", "syslog://", "dbus://"):
        with pytest.raises(HarnessError, match="WHERE"):
            opened("apprise", url)
