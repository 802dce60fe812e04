"""`drift judge calibrate`: agreement with people, what it costs, and what keeps it from being said."""

import json
from pathlib import Path

import pytest

from harness.edges.stores.journal import read_journal
from tests.cli.conftest import Drift
from tests.support.judges import BAD, GOOD, HALF, RUBRIC

PRICE = "price: {input_usd_per_million: 3, output_usd_per_million: 15}"
CONFIG = """\
version: 1
targets:
  steady: {{model: simulated/steady, params: {{temperature: 0, max_tokens: 512}}}}
  grader: {{model: {model}, params: {{temperature: 0, max_tokens: 512}}{more}}}
{judge}
suites:
  canary: {{path: canaries/, targets: [steady], samples: 3}}
"""


def write_config(
    root: Path, model: str = "simulated/judge-good", judge: str = "judge: {target: grader}", more: str = ""
) -> None:
    """Write a configuration that names a judge."""
    (root / "drift.yaml").write_text(CONFIG.format(model=model, judge=judge, more=more), encoding="utf-8")


@pytest.fixture
def judged_project(new_project: Path) -> Path:
    """A project with a good judge and twenty labels, of which the judge sees two differently."""
    write_config(new_project)
    labels = [label(f"good-{n}", f"{GOOD} {n}", "pass") for n in range(9)]
    labels += [label(f"bad-{n}", f"{BAD} {n}", 10, reference=HALF) for n in range(9)]
    labels += [label("strict", f"{GOOD} At last.", "fail"), label("kind", f"{BAD} At last.", 90)]
    write_labels(new_project, *labels, label("empty", "Thought process:", "fail"))
    return new_project


def label(label_id: str, answer: str, said: object, **fields: object) -> dict[str, object]:
    """Label an answer."""
    known = {"id": label_id, "task": "Answer a refund question.", "rubric": RUBRIC}
    return {**known, "answer": answer, "label": said, **fields}


def write_labels(root: Path, *labels: dict[str, object]) -> None:
    """Write a file of labels."""
    text = "".join(f"{json.dumps(one)}\n" for one in labels)
    (root / "labels.jsonl").write_text(text, encoding="utf-8", newline="\n")


def folder_of(root: Path) -> Path:
    """Return the folder of the only calibration."""
    (found,) = (root / "reports").iterdir()
    return found


def test_it_says_how_far_the_judge_agrees_and_keeps_it(judged_project: Path, drift: Drift) -> None:
    done = drift("judge", "calibrate", "labels.jsonl")
    assert done.code == 0, done.err
    assert "21 labels, 20 compared, 1 without content, which no judge sees" in done.out
    assert "agree on 18 of 20 (90%)   Cohen's kappa 0.80 (" in done.out
    assert "the order of the answers decided 0 of" in done.out
    assert "anchors 10 of 10 in place" in done.out
    assert "strict: people fail, judge 100: 1: met. 2: met. 3: met." in done.out
    assert "plan   21 labels and the anchors: 50 calls   free" in done.err
    kept = json.loads((folder_of(judged_project) / "agreement.json").read_text())
    assert kept["agreement"]["kappa"]["value"] == 0.8 and kept["void"] is None
    state = read_journal(folder_of(judged_project) / "journal.jsonl")
    assert len(state.completions) == 50 and state.end is not None
    assert all(key.startswith("judge:") for key in state.completions)


@pytest.mark.parametrize("arguments", [("--json", "judge", "calibrate"), ("judge", "calibrate", "--json")])
def test_a_program_gets_json(judged_project: Path, drift: Drift, arguments: tuple[str, ...]) -> None:
    done = drift(*arguments, "labels.jsonl")
    found = json.loads(done.out)
    assert done.code == 0
    assert found["agreement"]["only_judge_passes"] == found["agreement"]["only_people_pass"] == 1
    assert found["agreement"]["graded"]["n"] == 10
    assert {anchor["id"]: anchor["in_place"] for anchor in found["anchors"]}["attack"] is True


def test_a_judge_that_drifts_is_not_measured_and_exits_3(judged_project: Path, drift: Drift) -> None:
    write_config(judged_project, "simulated/judge-drifting")
    done = drift("judge", "calibrate", "labels.jsonl")
    assert done.code == 3
    assert "VOID   the judge drifted: 4 of 10 anchors moved" in done.out
    assert "These figures do not count" in done.out


def test_a_judge_that_gives_no_verdict_exits_3(judged_project: Path, drift: Drift) -> None:
    write_config(judged_project, "simulated/judge-malformed")
    done = drift("judge", "calibrate", "labels.jsonl")
    assert done.code == 3 and "20 without a verdict" in done.out and "VOID" in done.out


def test_a_position_biased_judge_is_found_out(judged_project: Path, drift: Drift) -> None:
    labels = [label(str(n), f"{GOOD} {n}", "pass", reference=f"{GOOD} It is {n}.") for n in range(6)]
    write_labels(judged_project, *labels, label("b", BAD, "fail"))
    write_config(judged_project, "simulated/judge-biased")
    done = drift("judge", "calibrate", "labels.jsonl")
    assert "the order of the answers decided 7 of 9 pairs" in done.out


def test_it_never_spends_more_than_its_cap(judged_project: Path, drift: Drift) -> None:
    write_config(judged_project, more=f", {PRICE}")
    refused = drift("judge", "calibrate", "labels.jsonl", "--max-cost", "0.01")
    assert refused.code == 2 and "over the cap of $0.01" in refused.err
    assert not (judged_project / "reports").exists()
    done = drift("judge", "calibrate", "labels.jsonl", "--max-cost", "1")
    assert done.code == 0 and "50 calls   about $0." in done.err
    state = read_journal(folder_of(judged_project) / "journal.jsonl")
    assert state.end is not None and 0 < (state.end.cost_usd or 0) < 1


def test_an_unknown_price_is_an_error_before_the_first_call(
    judged_project: Path, drift: Drift, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_config(judged_project, "direct/grader", more=", api_base: 'http://127.0.0.1:9/v1'")
    done = drift("judge", "calibrate", "labels.jsonl")
    assert done.code == 2 and "the price of 'direct/grader' is not known" in done.err


def test_a_killed_calibration_goes_on_where_it_stopped(judged_project: Path, drift: Drift) -> None:
    assert drift("judge", "calibrate", "labels.jsonl").code == 0
    journal = folder_of(judged_project) / "journal.jsonl"
    whole, result = journal.read_bytes(), (journal.parent / "agreement.json").read_bytes()
    journal.write_bytes(whole[: len(whole) * 2 // 3])
    (journal.parent / "agreement.json").unlink()
    recorded = len(read_journal(journal).completions)
    done = drift("judge", "calibrate", "labels.jsonl", "--resume", journal.parent.name)
    assert done.code == 0, done.err
    assert (journal.parent / "agreement.json").read_bytes() == result
    state = read_journal(journal)
    assert 0 < recorded < len(state.completions) == 50
    asked = journal.read_bytes().count(b'"t":"intent"')
    assert drift("judge", "calibrate", "labels.jsonl", "--resume", journal.parent.name).code == 0
    assert journal.read_bytes().count(b'"t":"intent"') == asked, "with all on disk nothing is asked"


def test_only_a_calibration_can_be_gone_on_with(judged_project: Path, drift: Drift) -> None:
    done = drift("judge", "calibrate", "labels.jsonl", "--resume", "nothing")
    assert done.code == 2 and "no calibration of a judge is called 'nothing'" in done.err


def test_every_error_of_the_labels_is_told_before_anything_is_asked(
    judged_project: Path, drift: Drift
) -> None:
    write_labels(judged_project, label("a", "x", "pas"), {"id": "b"}, label("c", "x", 200))
    done = drift("judge", "calibrate", "labels.jsonl")
    assert done.code == 2
    assert [line.split(":")[1] for line in done.err.splitlines()] == ["1", *["2"] * 4, "3"]
    assert not (judged_project / "reports").exists()


def test_without_a_judge_or_labels_it_says_what_to_do(judged_project: Path, drift: Drift) -> None:
    assert "not there" in drift("judge", "calibrate", "missing.jsonl").err
    write_config(judged_project, judge="")
    done = drift("judge", "calibrate", "labels.jsonl")
    assert done.code == 2 and "add a line such as: judge: {target: NAME}" in done.err


@pytest.mark.parametrize(
    ("judge", "said"),
    [
        ("judge: {target: gradr}", "unknown target 'gradr', did you mean 'grader'?"),
        ("judge: {target: grader, anchors: 2}", "2 is out of range"),
        ("judge: {target: grader, anchors: 11}", "11 is out of range"),
        ("judge: {target: grader, both_order: true}", "did you mean 'both_orders'?"),
        ("judge: {anchors: 10}", "missing key 'target'"),
    ],
)
def test_a_wrong_judge_is_found_by_validate(
    judged_project: Path, drift: Drift, judge: str, said: str
) -> None:
    write_config(judged_project, judge=judge)
    done = drift("validate")
    assert done.code == 2 and said in done.err


def test_validate_warns_where_judge_and_target_are_of_one_family(judged_project: Path, drift: Drift) -> None:
    assert drift("validate").err == ""
    write_config(judged_project, "simulated/steady")
    done = drift("validate")
    assert done.code == 0
    assert (
        "the judge 'grader' (simulated/steady) and the target 'steady' (simulated/steady) are of one family"
        in done.err
    )


def test_the_pass_mark_is_the_callers(judged_project: Path, drift: Drift) -> None:
    write_labels(judged_project, label("a", HALF, "pass"), label("b", BAD, "fail"))
    assert "agree on 2 of 2" in drift("judge", "calibrate", "labels.jsonl").out
    assert "agree on 1 of 2" in drift("judge", "calibrate", "labels.jsonl", "--pass-mark", "90").out


def test_what_a_label_or_a_judge_says_cannot_steer_the_terminal(judged_project: Path, drift: Drift) -> None:
    write_labels(judged_project, label("::error::x", GOOD, "fail"), label("\u202eb", BAD, "pass"))
    done = drift("judge", "calibrate", "labels.jsonl")
    assert "\u202e" not in done.out
    assert not any(line.lstrip().startswith(("::", "##[")) for line in done.out.splitlines())
