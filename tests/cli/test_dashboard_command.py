"""`drift dashboard`: where the page goes, what it is made of, and what a stranger's folder cannot do."""

from pathlib import Path

import pytest

from harness.edges.stores.history.sqlite import open_history
from tests.cli.conftest import Drift
from tests.support.stories import new_project, night_of, run_of, write_story
from tests.support.year import REASON, UPGRADE, accepted, entries, write_acceptance


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = new_project(tmp_path / "project")
    (root / "reports").mkdir()
    open_history(str(root / "reports" / "history.sqlite"), str).rebuild(entries(60), [accepted()])
    return root


def test_the_page_lies_among_the_reports_and_is_the_same_every_time(root: Path, drift: Drift) -> None:
    page = root / "reports" / "dashboard.html"
    made = []
    for _ in range(2):
        done = drift("dashboard")
        assert (done.code, done.out) == (0, f"dashboard {page}\n")
        made.append(page.read_bytes())
    assert made[0] == made[1]
    assert b"1 Mar 2026" in made[0]


def test_the_nights_asked_for_are_on_it(root: Path, drift: Drift) -> None:
    assert drift("dashboard", "--out", "a/page.html", "--days", "10").code == 0
    assert "20 Feb 2026 to 1 Mar 2026" in (root / "a" / "page.html").read_text(encoding="utf-8")
    assert drift("dashboard", "--out", "page.html", "--since", night_of(30)).code == 0
    text = (root / "page.html").read_text(encoding="utf-8")
    assert "31 Jan 2026 to 1 Mar 2026" in text
    assert "No incident is open. The only one is closed." in text


def test_it_leads_to_the_report_of_the_night_where_that_is_there(tmp_path: Path, drift: Drift) -> None:
    root = new_project(tmp_path / "project")
    write_story(root, {"sonnet": "QQD"})
    assert drift("history", "rebuild").code == 0
    page = root / "reports" / "dashboard.html"
    assert drift("dashboard").code == 0
    assert "report.html" not in page.read_text(encoding="utf-8")
    (root / "reports" / run_of(2) / "report.html").write_text("x", encoding="utf-8")
    assert drift("dashboard").code == 0
    assert f'href="{run_of(2)}/report.html"' in page.read_text(encoding="utf-8")
    assert drift("dashboard", "--out", "site/index.html").code == 0
    there = (root / "site" / "index.html").read_text(encoding="utf-8")
    assert f'href="../reports/{run_of(2)}/report.html"' in there


def test_a_run_with_a_path_for_a_name_leads_nowhere(tmp_path: Path, drift: Drift) -> None:
    root = new_project(tmp_path / "project")
    (root / "reports").mkdir()
    (tmp_path / "report.html").write_text("x", encoding="utf-8")
    evil = [
        night.model_copy(update={"run": f"{night.run}/../../.."} if night.drift else {})
        for night in entries(45)
    ]
    open_history(str(root / "reports" / "history.sqlite"), str).rebuild(evil, [])
    assert drift("dashboard").code == 0
    assert "report.html" not in (root / "reports" / "dashboard.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--since", "soon"), "is not a date"),
        (("--since", "2001-01-01"), "name a later date"),
        (("--days", "0"), "--days"),
        (("--out", "reports"), "is a folder"),
    ],
)
def test_a_wrong_command_line_is_said(
    root: Path, drift: Drift, arguments: tuple[str, ...], said: str
) -> None:
    done = drift("dashboard", *arguments)
    assert (done.code, said in done.err) == (2, True), done.err


def test_no_page_is_written_through_a_link_of_the_work_tree(root: Path, drift: Drift, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (root / "site").symlink_to(tmp_path / "elsewhere")
    assert drift("dashboard", "--out", "site/index.html").code == 2
    (root / "reports" / "dashboard.html").symlink_to(tmp_path / "victim.html")
    assert drift("dashboard").code == 0
    assert not (tmp_path / "victim.html").exists()
    assert not any((tmp_path / "elsewhere").iterdir())


def test_without_a_night_it_says_how_to_get_one(tmp_path: Path, drift: Drift) -> None:
    new_project(tmp_path / "project")
    done = drift("dashboard")
    assert done.code == 3
    assert "drift check SUITE --scheduled" in done.err


def test_no_page_calls_it_quiet_where_no_night_ran_since(root: Path, drift: Drift) -> None:
    done = drift("dashboard", "--since", night_of(400))
    assert (done.code, "no night since" in done.err) == (3, True)
    assert not (root / "reports" / "dashboard.html").exists()


def test_the_terminal_draws_the_same_nights(root: Path, drift: Drift) -> None:
    done = drift("history", "canary", "--target", "sonnet", "--last", "3", "--nights", "60")
    assert done.code == 0
    assert all(len(line) <= 80 for line in done.out.splitlines())
    (refusal,) = (line for line in done.out.splitlines() if line.startswith("Refusal"))
    assert any(block in refusal for block in "▅▆▇█")
    assert refusal.rstrip().endswith("within")
    assert "2026-02-10 to 2026-02-21 refusal: recovered" in done.out
    assert "\x1b" not in done.out
    assert "trends" not in drift("history", "--nights", "0").out


def test_what_was_accepted_since_the_last_night_is_over(tmp_path: Path, drift: Drift) -> None:
    root = new_project(tmp_path / "project")
    (root / "reports").mkdir()
    open_history(str(root / "reports" / "history.sqlite"), str).rebuild(entries(UPGRADE + 2), [])
    page = root / "reports" / "dashboard.html"
    assert drift("dashboard").code == 0
    assert "One incident is open." in page.read_text(encoding="utf-8")
    write_acceptance(root)
    assert drift("dashboard").code == 0
    assert "No incident is open. All three are closed." in page.read_text(encoding="utf-8")
    assert REASON in page.read_text(encoding="utf-8")


def test_what_a_run_costs_is_remembered_at_once_and_after_a_rebuild(project: Path, drift: Drift) -> None:
    assert drift("check", "canary", "--target", "priced", "--scheduled", "--night", "2026-11-20").code in (
        0,
        1,
    )
    store = open_history(str(project / "reports" / "history.sqlite"), str)
    (before,) = store.nights()
    assert before.facts.run_cost_usd
    assert before.facts.coverage is not None
    assert any(reading.floor for reading in before.readings)
    assert drift("history", "rebuild").code == 0
    assert store.nights() == (before,)
