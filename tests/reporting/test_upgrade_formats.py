"""Two models side by side through every renderer: the same words, nothing green that is not whole, no stranger's text that acts."""

import json
import re

import pytest

from harness.core.decision import decide
from harness.core.findings import Outcome
from harness.core.messages import ToolCall
from harness.core.replies import Answer, Failure
from harness.core.run import RunRecord
from harness.core.suite import Price
from harness.core.verdict import Verdict
from harness.reporting import FORMATS
from harness.reporting.html import render as render_page
from harness.reporting.model import Mark, Status
from harness.reporting.upgrade_model import UpgradeReport
from harness.reporting.upgrade_view import make_upgrade_view
from tests.reporting.test_hostile_output import RULES
from tests.support.hostile import HOSTILE
from tests.support.upgrades import BAD, GOOD, canary, held, reply, task, upgrade_record

SAME = {f"case-{n}": (held(8), held(8)) for n in range(10)}
MOVED = {
    **SAME,
    "broken": (held(8), held(1)),
    "mended": (held(1), held(8)),
    "thin": (held(8), held(4, lost=4)),
}


def told(sides: object = MOVED, **fields: object) -> tuple[RunRecord, Verdict]:
    record = upgrade_record(sides, **fields)  # type: ignore[arg-type]
    return record, decide(record)


def view(sides: object = MOVED, **fields: object) -> UpgradeReport:
    return make_upgrade_view(*told(sides, **fields))


def evil_sides(text: str) -> dict[str, tuple[list[Answer | Failure], list[Answer | Failure]]]:
    evil = [
        reply(f"{BAD} {text}", served=text[:200] or "m").model_copy(
            update={"tool_calls": (ToolCall(name="f", arguments={"k": text}),), "refusal": text}
        )
        for _ in range(8)
    ]
    return {
        **{f"case-{n}": (held(8), held(8)) for n in range(8)},
        "evil": ([reply(f"{GOOD} {text}") for _ in range(8)], list(evil)),
        "task": ([reply(f"{GOOD} {text}") for _ in range(8)], list(evil)),
    }


def test_cases_are_told_worst_first_and_the_same_ones_folded() -> None:
    found = view()
    assert [row.case for row in found.queue] == ["broken", "mended", "thin"]
    assert [row.word for row in found.queue] == ["Worse", "Better", "Could not tell"]
    assert [(one.count, one.word) for one in found.tally] == [
        (1, "worse"),
        (1, "better"),
        (10, "the same"),
        (1, "could not tell"),
    ]
    (same,) = found.within
    assert len(same.rows) == 10


# Tasks that fall by a reply or two each: too little for a test over all signals, and more than the tasks' own noise.
STRAYED = {f"task-{n}": (held(8), held(7 if n < 5 else 8)) for n in range(10)}


def test_a_signal_beyond_its_noise_that_no_test_shows_is_never_called_the_same() -> None:
    cases = [task(name) for name in STRAYED]
    record, verdict = told(STRAYED, cases=cases)
    (one,) = [row for row in verdict.targets[0].upgrade.signals if row.signal == "golden"]
    assert (one.outcome, one.strays) == (Outcome.STABLE, True)
    assert "same" not in one.because
    found = make_upgrade_view(record, verdict)
    (row,) = [row for row in found.forest if row.name == "Golden checks"]
    assert (row.word, row.status) == ("Could not tell", Status.INCONCLUSIVE)
    assert not found.complete
    for form in ("text", "markdown", "html"):
        assert "Golden checks could not be told" in re.sub(
            r"<[^>]+>|\*\*|\s+", lambda m: " " if m[0].isspace() else "", FORMATS.load(form)(record, verdict)
        )


@pytest.mark.parametrize("lost", [0, 1])
def test_a_signal_within_its_noise_is_the_same(lost: int) -> None:
    sides = {**SAME, "case-0": (held(8), held(8 - lost))}
    found = make_upgrade_view(*told(sides))
    assert {(row.word, row.status) for row in found.forest} == {("Same", Status.STABLE)}


@pytest.mark.parametrize(
    ("difference", "low", "high", "floor", "strays"),
    [
        (-0.174, -0.344, -0.003, 0.3, True),
        (-0.174, -0.4, 0.1, 0.1, True),
        (-0.05, -0.2, 0.1, 0.1, False),
        (-0.05, -0.2, 0.1, 0.0, False),
        (0.1, 0.02, 0.18, 0.2, True),
        (0.1, None, None, None, False),
    ],
)
def test_the_estimate_and_its_interval_both_have_to_lie_within(difference, low, high, floor, strays) -> None:
    one = told(SAME)[1].targets[0].upgrade.signals[0]
    said = {"difference": difference, "low": low, "high": high, "floor": floor}
    assert one.model_copy(update=said).strays is strays
    assert not one.model_copy(update={**said, "outcome": Outcome.REGRESSED}).strays


def test_every_reply_is_a_mark_and_what_is_lost_is_missing() -> None:
    thin = view().queue[2]
    marks = [mark for column in thin.grid.candidate for mark in column.marks]
    assert marks == [Mark.HELD] * 4 + [Mark.MISSING] * 4
    broken = view().queue[0]
    assert [mark for column in broken.grid.candidate for mark in column.marks].count(Mark.FAILED) == 7


def test_a_page_is_green_only_where_nothing_is_missing() -> None:
    assert view(SAME).complete
    assert view(SAME).status is Status.STABLE
    one_lost = {**SAME, "case-0": (held(8), held(7, lost=1))}
    assert told(one_lost)[1].exit_code == 0
    assert not view(one_lost).complete
    assert view(one_lost).qualifier == "1 reply is missing"
    rubric = canary("case-0", rubric="Is polite, and cites the window.")
    assert not view(SAME, cases=[rubric]).complete
    warns = {**SAME, "warns": (held(8), held(0))}
    found = view(warns, cases=[task("warns", severity="warn")])
    assert (found.complete, found.status) == (False, Status.WARNED)


def test_what_costs_less_is_never_green() -> None:
    quick = {name: (a, [reply(GOOD, tokens=4, latency_ms=90) for _ in a]) for name, (a, _) in SAME.items()}
    assert {tile.word: tile.status for tile in view(quick).ratios} == {
        "Fewer": Status.LEARNING,
        "Faster": Status.LEARNING,
    }


def test_the_command_to_go_ahead_is_bound_to_what_is_shown() -> None:
    record, verdict = told()
    ahead = make_upgrade_view(record, verdict).ahead
    assert ahead is not None
    assert ahead.command is not None
    assert verdict.shown[:8] in ahead.command.text
    assert "accepted changes" in ahead.why
    assert view({name: (a, held(0, lost=8)) for name, (a, _) in SAME.items()}).ahead is None
    assert view(SAME, stopped="the time cap").ahead is None


def test_a_lost_side_is_one_list_and_not_a_page_of_cases() -> None:
    found = view({name: (a, held(0, lost=8)) for name, (a, _) in SAME.items()})
    assert found.queue == ()
    assert [one.tail for one in found.within] == ["are without a verdict"]
    assert [row.what for row in found.failures] == ["timeouts", "answered"]


@pytest.mark.parametrize("name", FORMATS.names())
def test_every_format_says_the_headline_and_the_exit_code(name: str) -> None:
    record, verdict = told()
    said = FORMATS.load(name)(record, verdict)
    flat = re.sub(r"[\s\\]+", " ", re.sub(r"%0A|&#10;", " ", said))
    assert "is worse in 1 of 13 cases" in flat
    if name == "json":
        assert json.loads(said)["exit_code"] == 1


@pytest.mark.parametrize("name", FORMATS.names())
def test_hostile_replies_stay_text(name: str) -> None:
    cases = [canary("evil"), task("task")]
    fields = {"cases": cases, "prices": (None, Price(input_usd_per_million=1, output_usd_per_million=1))}
    harmless = FORMATS.load(name)(*told(evil_sides("Some words."), **fields))
    for evil in ("\n".join(HOSTILE).encode("utf-8", "replace").decode(), *HOSTILE[:3]):
        RULES[name](FORMATS.load(name)(*told(evil_sides(evil), **fields)), harmless)


def test_a_page_is_the_same_bytes_and_bounded() -> None:
    record, verdict = told()
    assert render_page(record, verdict) == render_page(record, verdict)
    many = {f"case-{n}": ([reply(GOOD * 3000)] * 8, [reply(BAD * 3000)] * 8) for n in range(35)}
    assert len(render_page(*told(many)).encode()) < 2_000_000


def test_the_terminal_keeps_to_80_columns() -> None:
    long = {f"case-{'x' * 50}-{n}": (held(8), held(0)) for n in range(9)}
    said = FORMATS.load("text")(*told({**long, **SAME}))
    assert max(map(len, said.splitlines())) <= 80


def test_the_replay_says_what_each_explains() -> None:
    cases = [task(f"task-{n}") for n in range(4)]
    sides = {case.id: (held(8), held(4)) for case in cases}
    base = {case.id: (held(8), held(8)) for case in cases}
    found = view(sides, cases=cases, base=base, base_cases=cases)
    assert found.replay is not None
    assert [cell.passed for cell in found.replay.cells] == ["32/32", "32/32", "32/32", "16/32"]
    assert [row.name for row in found.replay.effects] == ["Model", "Prompt", "Interaction"]
    page = render_page(*told(sides, cases=cases, base=base, base_cases=cases))
    assert "Model or prompt" in page
