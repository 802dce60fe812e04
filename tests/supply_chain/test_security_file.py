"""SECURITY.md names what holds its promises: files that are there."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "SECURITY.md").read_text(encoding="utf-8")


def test_every_test_that_it_names_is_there() -> None:
    rows = [line for line in TEXT.splitlines() if line.startswith("|") and "`tests/" in line]
    assert len(rows) > 10
    named = {name for row in rows for name in re.findall(r"`(tests/[^`]+)`", row)}
    assert sorted(name for name in named if not (ROOT / name).is_file()) == []
    promises = TEXT.split("## What is promised")[1].split("\n## ")[0]
    lines = [line for line in promises.splitlines() if line.startswith("| ")][1:]
    assert [line for line in lines if "`tests/" not in line] == [], "a promise that nothing holds"


def test_it_is_short_enough_to_be_read_and_names_no_address() -> None:
    assert len(TEXT.splitlines()) <= 150
    assert not re.search(r"\S+@\S+\.\w+|https?://", TEXT)


def test_every_file_that_it_names_is_there() -> None:
    named = set(re.findall(r"`?((?:scripts|docs)/[\w./-]+\.(?:py|md|sh))`?", TEXT))
    assert named
    assert sorted(name for name in named if not (ROOT / name).is_file()) == []
