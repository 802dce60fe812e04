"""`drift metrics`: what Prometheus reads is what the history holds, and the Grafana dashboard uses exactly that."""

import json
import re
from importlib.util import find_spec
from pathlib import Path

import pytest

from harness.core.findings import Outcome
from harness.core.gauges import families_of
from harness.core.incidents import follow
from harness.edges.stores.history.sqlite import open_history
from tests.cli.conftest import ROOT, Drift
from tests.support.loopback import QuietHandler, serving
from tests.support.stories import new_project
from tests.support.year import accepted, entries

pytestmark = pytest.mark.skipif(
    find_spec("prometheus_client") is None,
    reason="prometheus-client is not installed: pip install 'drift-harness[metrics]'",
)
GRAFANA = ROOT / "docs" / "grafana-dashboard.json"
NIGHTS = entries(60)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = new_project(tmp_path / "project")
    (root / "reports").mkdir()
    open_history(str(root / "reports" / "history.sqlite"), str).rebuild(NIGHTS, [accepted()])
    return root


def parsed(text: str) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    from prometheus_client.parser import text_string_to_metric_families

    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_the_textfile_says_what_the_history_holds(root: Path, drift: Drift) -> None:
    done = drift("metrics", "--textfile", "out/drift.prom")
    assert done.code == 0, done.err
    found = parsed((root / "out" / "drift.prom").read_text(encoding="utf-8"))
    sonnet = {("suite", "canary"), ("target", "sonnet")}
    assert found["drift_night_outcome", frozenset(sonnet)] == 0
    assert found["drift_nights_total", frozenset(sonnet)] == 60
    assert found["drift_incidents_total", frozenset(sonnet)] == 1
    assert found["drift_cost_usd_total", frozenset({("suite", "canary")})] == pytest.approx(15.0)
    assert found["drift_signal_floor_high", frozenset({*sonnet, ("signal", "refusal")})] == 1
    assert found["drift_last_run_timestamp_seconds", frozenset(sonnet)] == 1772335020  # 2026-03-01 03:17 UTC
    expected = {
        (family.exported, frozenset(zip(family.labels, labels, strict=True))): value
        for family in families_of(NIGHTS, follow(NIGHTS))
        for labels, value in family.values
    }
    assert found == pytest.approx(expected)


def test_labels_are_suite_target_signal_and_severity_only() -> None:
    families = families_of(NIGHTS, follow(NIGHTS))
    assert {label for family in families for label in family.labels} <= {
        "suite",
        "target",
        "signal",
        "severity",
    }
    assert all(re.fullmatch(r"drift_[a-z_]+", family.name) for family in families)
    assert len({family.exported for family in families}) == len(families)


def test_the_grafana_dashboard_uses_every_figure_and_no_other() -> None:
    dashboard = json.loads(GRAFANA.read_text(encoding="utf-8"))
    asked = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    asked += [one["definition"] for one in dashboard["templating"]["list"] if "definition" in one]
    used = {name for expression in asked for name in re.findall(r"\bdrift_[a-z_]+\b", expression)}
    assert used == {family.exported for family in families_of(NIGHTS, follow(NIGHTS))}
    labels = {name for expression in asked for name in re.findall(r"(\w+)=~?\"", expression)}
    assert labels <= {"suite", "target", "signal", "severity"}
    places = [tuple(panel["gridPos"].values()) for panel in dashboard["panels"]]
    assert len(set(places)) == len(places)


def test_a_hostile_name_breaks_no_line(root: Path, drift: Drift) -> None:
    from harness.edges.sinks.prometheus import exposition

    night = NIGHTS[-1]
    bad = 'x"} 1\ndrift_evil{a="\x1b[31m\\\u202e'
    readings = tuple(one.model_copy(update={"signal": bad + one.signal}) for one in night.readings)
    text = exposition(families_of([night.model_copy(update={"readings": readings})], ()))
    assert not any(name.startswith("drift_evil") for name, _ in parsed(text))
    assert "\x1b" not in text


def test_figures_are_pushed_to_a_gateway(root: Path, drift: Drift, monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[tuple[str, bytes]] = []

    class Gateway(QuietHandler):
        def do_PUT(self) -> None:
            taken.append((self.path, self.rfile.read(int(self.headers["Content-Length"]))))
            self.answer(200)

    with serving(Gateway) as url:
        monkeypatch.setenv("GATEWAY", url)
        assert drift("metrics", "--push", "GATEWAY").code == 0
    ((path, body),) = taken
    assert path == "/metrics/job/drift"
    assert parsed(body.decode())["drift_cost_usd_total", frozenset({("suite", "canary")})] == pytest.approx(
        15.0
    )


@pytest.mark.parametrize(
    ("value", "code", "said"),
    [
        (None, 2, "GATEWAY is not set"),
        ("http://gateway.example.org", 2, "https only"),
        ("http://127.0.0.1:9/secret-path-77", 3, "[not-delivered]"),
    ],
)
def test_a_gateway_that_cannot_be_used_is_said(
    root: Path, drift: Drift, monkeypatch: pytest.MonkeyPatch, value: str | None, code: int, said: str
) -> None:
    monkeypatch.delenv("GATEWAY", raising=False)
    if value is not None:
        monkeypatch.setenv("GATEWAY", value)
    done = drift("metrics", "--push", "GATEWAY")
    assert (done.code, said in done.err) == (code, True), done.err
    assert "secret-path" not in done.err


@pytest.mark.parametrize("arguments", [(), ("--textfile", "drift.txt"), ("--push", "http://x")], ids=str)
def test_a_wrong_command_line_is_said(root: Path, drift: Drift, arguments: tuple[str, ...]) -> None:
    assert drift("metrics", *arguments).code == 2
    assert not (root / "drift.txt").exists()


def test_a_history_without_nights_leaves_the_last_figures_where_they_are(
    tmp_path: Path, drift: Drift
) -> None:
    root = new_project(tmp_path / "project")
    (root / "drift.prom").write_text("old\n", encoding="utf-8")
    done = drift("metrics", "--textfile", "drift.prom")
    assert (done.code, "no nights yet" in done.err) == (3, True)
    assert (root / "drift.prom").read_text(encoding="utf-8") == "old\n"


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({}, 0),
        ({"measured": False}, 2),
        ({"awaiting_confirmation": True}, 2),
        ({"outcome": Outcome.REGRESSED, "measured": False}, 4),
    ],
)
def test_no_figure_says_stable_of_a_night_that_was_not_measured(fields, code: int) -> None:
    night = NIGHTS[-1].model_copy(update={"outcome": Outcome.STABLE, **fields})
    (outcome,) = [one for one in families_of([night], ()) if one.name == "drift_night_outcome"]
    assert [value for _, value in outcome.values] == [code]
