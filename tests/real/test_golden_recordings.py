"""Golden suites over answers that others recorded: gpt-3.5-turbo in March and in June 2023 ("How is ChatGPT's
behavior changing over time?", arXiv 2307.09009). One run a side, so only all tasks together can tell."""

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from harness.cli.app import run

ROOT = Path(__file__).parents[2]
DATA = Path(os.environ.get("DRIFT_TEST_DATA") or ROOT.parent / "shared" / "data") / "llmdrift"
MODELS = {"march": "openaichat/gpt-3.5-turbo-0301", "june": "openaichat/gpt-3.5-turbo-0613"}

pytestmark = pytest.mark.skipif(
    not DATA.is_dir(),
    reason=f"no recorded answers in {DATA}; set DRIFT_TEST_DATA to a folder that holds llmdrift/",
)


def records(name: str) -> Iterator[Mapping[str, object]]:
    with (DATA / name).open(encoding="utf-8") as file:
        yield from map(json.loads, file)


def prime_rules(record: Mapping[str, object]) -> dict[str, object]:
    """Expect the reference answer, as the last of those that the answer gives."""
    right, wrong = ("Yes", "No") if record["ref_answer"] == "yes" else ("No", "Yes")
    return {
        "checks": [
            {"matches": rf"\[{right}\]"},
            {"not_matches": rf"(?s)\[{wrong}\][^\[]*$"},
        ]
    }


def leetcode_rules(_record: Mapping[str, object]) -> dict[str, object]:
    """Expect code that can be run as it stands: no Markdown around it, which is what changed in June."""
    return {"checks": [{"not_contains": "```"}]}


SUITES = {"gpt35_prime.jsonl": prime_rules, "gpt35_leetcode.jsonl": leetcode_rules}


def write_suite(root: Path, name: str) -> int:
    """Write a project whose golden tasks are the recorded questions; return how many there are."""
    shutil.copy(DATA / name, root / name)
    (root / "golden").mkdir()
    tasks = {str(record["id"]): record for record in records(name)}
    for id_, record in tasks.items():
        task = {
            "id": id_.lower(),
            "task": "Answer a question as it was asked in 2023.",
            "input": {"turns": [{"user": record["query"]}]},
            "expect": SUITES[name](record),
            "review_by": "2027-02-21",
        }
        text = yaml.safe_dump(task, allow_unicode=True)
        (root / "golden" / f"{id_.lower()}.yaml").write_text(text, encoding="utf-8")
    targets = {
        month: {"model": f"recorded/{name}", "options": {"where": {"model": model}}}
        for month, model in MODELS.items()
    }
    for before, after in (("march", "june"), ("june", "march")):
        targets[f"{after}_after_{before}"] = {**targets[after], "baseline_of": before}
    config = {
        "version": 1,
        "targets": targets,
        "suites": {"golden": {"path": "golden/", "targets": ["march"], "samples": 1}},
    }
    (root / "drift.yaml").write_text(json.dumps(config, indent=1), encoding="utf-8")
    return len(tasks)


@dataclass(frozen=True)
class Found:
    """What a check said."""

    code: int
    target: Mapping[str, object]


def checked(root: Path, before: str, after: str) -> Found:
    arguments = ["calibrate", "golden", "--target", before, "--samples", "1"]
    assert run(["-C", str(root), *arguments]) == 0
    code = run(["-C", str(root), "check", "golden", "--target", f"{after}_after_{before}"])
    path = sorted(root.glob("reports/*/verdict.json"))[-1]
    verdict = json.loads(path.read_text(encoding="utf-8"))
    return Found(code=code, target=verdict.get("verdict", verdict)["targets"][0])


@pytest.mark.parametrize(
    ("name", "before", "after", "code"),
    [
        ("gpt35_prime.jsonl", "march", "june", 0),
        ("gpt35_prime.jsonl", "june", "march", 1),
        ("gpt35_leetcode.jsonl", "march", "june", 1),
        ("gpt35_leetcode.jsonl", "june", "march", 0),
    ],
)
def test_all_tasks_together_decide_where_each_ran_once(
    tmp_path: Path, name: str, before: str, after: str, code: int
) -> None:
    count = write_suite(tmp_path, name)
    found = checked(tmp_path, before, after)
    tasks = found.target["tasks"]
    assert isinstance(tasks, list)
    failed = sum(task["reference_failed"] for task in tasks), sum(task["failed"] for task in tasks)
    print(
        name,
        before,
        after,
        f"failed {failed[0]} then {failed[1]} of {count}, p {found.target['suite_p_value']}",
    )
    assert found.code == code
    assert {task["outcome"] for task in tasks} == {"inconclusive"}
