"""Mutes in git: read strictly, every byte of them."""

import subprocess
from pathlib import Path

import pytest

from harness.core.mutes import Mute
from harness.core.verdict import Covered
from harness.edges.stores.baselines import FileBaselineStore
from harness.edges.stores.mutes import FileMuteStore
from harness.errors import DamagedRecord, HarnessError, OtherVersion, SetupError
from harness.ports import MuteStore

MUTE = Mute(
    incident="canary-sonnet-20261102",
    suite="canary",
    target="sonnet",
    at="2026-11-03T09:00:00+00:00",
    by="Maintainer",
    until="2026-12-01",
    reason='Der Anbieter weiß davon, "genau" \\udce4.',
    covers=Covered(signals=("refusal",), cases=("a",), severity="P1"),
)
END = MUTE.model_copy(update={"until": None, "covers": None})


def open_store(root: Path) -> FileMuteStore:
    hide = lambda text: text.replace("hunter2-secret", "[KEY]")  # noqa: E731
    baselines = FileBaselineStore(root / "baselines", lock=root / ".drift" / "lock", redact=hide)
    return FileMuteStore(root / "baselines", baselines, hide)


@pytest.fixture
def store(tmp_path: Path) -> FileMuteStore:
    return open_store(tmp_path)


def test_what_was_added_comes_back_in_order(store: MuteStore, tmp_path: Path) -> None:
    assert store.all() == ()
    path = store.add(MUTE)
    store.add(END)
    assert open_store(tmp_path).all() == (MUTE, END)
    assert path == tmp_path / "baselines" / "mutes.jsonl"
    assert path.read_bytes().count(b"\n") == 2


def test_a_list_of_mutes_is_no_baseline(store: FileMuteStore, tmp_path: Path) -> None:
    store.add(MUTE)
    baselines = FileBaselineStore(tmp_path / "baselines", lock=tmp_path / "lock", redact=str)
    assert baselines.names() == ()


def test_a_secret_in_a_reason_is_not_written(store: FileMuteStore) -> None:
    path = store.add(MUTE.model_copy(update={"reason": "it is hunter2-secret, they said"}))
    assert "hunter2" not in path.read_text(encoding="utf-8")
    assert store.all()[0].reason == "it is [KEY], they said"


def test_every_byte_that_is_another_one_is_found(store: FileMuteStore) -> None:
    path = store.add(MUTE)
    whole = path.read_bytes()
    for place in range(len(whole)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises(DamagedRecord):
            store.all()
    for size in range(1, len(whole)):
        path.write_bytes(whole[:size])
        with pytest.raises(DamagedRecord):
            store.all()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"<<<<<<< HEAD\n", "merge-conflict"),
        (b"{}\n", "no mute"),
        (b"[]\n", "no mute"),
        (b"\n", "no mute"),
        (b"[" * 5000 + b"\n", "no mute"),
        (b"\xff\xfe\n", "no mute"),
        (b"no end", "cut off"),
        (b'{"schema_version":2,"sum":"x"}\n', "schema 2"),
    ],
)
def test_what_is_no_list_of_mutes_is_refused(store: FileMuteStore, tmp_path: Path, content, said) -> None:
    (tmp_path / "baselines").mkdir()
    (tmp_path / "baselines" / "mutes.jsonl").write_bytes(content)
    for attempt in (store.all, lambda: store.add(MUTE)):
        with pytest.raises(DamagedRecord, match=said) as raised:
            attempt()
        assert raised.value.exit_code == 4
        assert isinstance(raised.value, OtherVersion) == (said == "schema 2")
    assert (tmp_path / "baselines" / "mutes.jsonl").read_bytes() == content, (
        "what is damaged is left as it is"
    )


def test_a_link_in_its_place_is_not_followed(store: FileMuteStore, tmp_path: Path) -> None:
    (tmp_path / "baselines").mkdir()
    (tmp_path / "elsewhere").write_bytes(b"")
    (tmp_path / "baselines" / "mutes.jsonl").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(SetupError):
        store.all()


def test_two_branches_that_muted_leave_a_conflict_that_is_told(store: FileMuteStore, tmp_path: Path) -> None:
    def git(*arguments: str) -> int:
        identity = ["-c", "user.name=M", "-c", "user.email=m@example.org", "-c", "commit.gpgsign=false"]
        return subprocess.run(
            ["git", *identity, *arguments], cwd=tmp_path, check=False, capture_output=True
        ).returncode

    git("init", "-q", "-b", "main")
    store.add(END)
    git("add", "baselines"), git("commit", "-qm", "one")
    git("checkout", "-qb", "other")
    store.add(MUTE)
    git("commit", "-qam", "theirs"), git("checkout", "-q", "main")
    store.add(MUTE.model_copy(update={"by": "Somebody"}))
    git("commit", "-qam", "ours")
    assert git("merge", "other") == 1
    with pytest.raises(HarnessError, match=r"merge-conflict markers; keep the lines of both"):
        store.all()
