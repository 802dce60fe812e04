"""A silent change that really happened: gpt-3.5-turbo between March and June 2023.

The answers are those of "How is ChatGPT's behavior changing over time?" (arXiv 2307.09009): one sample a
prompt at temperature 0.1, so nothing is known of how much either version differed from itself.
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml

from harness.cli.app import run

ROOT = Path(__file__).parents[2]
DATA = Path(os.environ.get("DRIFT_TEST_DATA") or ROOT.parent / "shared" / "data") / "llmdrift"
MARCH, JUNE = "openaichat/gpt-3.5-turbo-0301", "openaichat/gpt-3.5-turbo-0613"

pytestmark = pytest.mark.skipif(
    not DATA.is_dir(),
    reason=f"no recorded answers in {DATA}; set DRIFT_TEST_DATA to a folder that holds llmdrift/",
)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with a suite that asks the prime questions and wants the right answer in brackets."""
    (tmp_path / "drift.yaml").write_text(
        "version: 1\ntargets: {any: {model: simulated/steady}}\nsuites: {prime: {path: prime/, targets: [any]}}\n",
        encoding="utf-8",
    )
    (tmp_path / "prime").mkdir()
    for line in (DATA / "gpt35_prime.jsonl").read_text(encoding="utf-8").splitlines():
        asked = json.loads(line)
        case = {
            "id": asked["id"],
            "kind": "reasoning",
            "why": "A number whose factors a model has to look for.",
            "review_by": "2030-01-01",
            "messages": [{"role": "user", "content": asked["query"]}],
            "expect": {"checks": [{"contains": f"[{asked['ref_answer'].capitalize()}]"}]},
        }
        (tmp_path / "prime" / f"{asked['id']}.yaml").write_text(
            yaml.safe_dump(case, allow_unicode=True), encoding="utf-8"
        )
    return tmp_path


def compare(
    project: Path, capsys: pytest.CaptureFixture[str], name: str, reference: str, candidate: str, *more: str
) -> tuple[int, Mapping[str, dict[str, object]]]:
    """Compare two versions; return the exit code and the differences by signal."""
    sides = [f"{DATA / name}?model={model}" for model in (reference, candidate)]
    code = run(["-C", str(project), "--json", "compare", *sides, *more])
    said = json.loads(capsys.readouterr().out)
    assert said["exit_code"] == code
    assert said["only_reference"] == said["only_candidate"] == []
    return code, {difference["signal"]: difference for difference in said["differences"]}


def test_june_says_no_in_fewer_words(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, signals = compare(project, capsys, "gpt35_sensitiveq.jsonl", MARCH, JUNE)
    length, refusal = signals["length"], signals["refusal"]
    assert (length["outcome"], length["cases"]) == ("changed", 100)
    assert float(str(length["p_value"])) < 0.001
    assert float(str(length["candidate"])) < float(str(length["reference"]))
    assert refusal["outcome"] == "stable"
    assert code == 0  # shorter is not worse


def test_june_finds_the_primes_that_march_missed(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, signals = compare(project, capsys, "gpt35_prime.jsonl", MARCH, JUNE, "--suite", "prime")
    right = {
        side: round(200 * (1 - float(str(signals["format"][side])))) for side in ("reference", "candidate")
    }
    # Counted in the file: 11 and 167 of 200 answers hold "[Yes]", which is right for every question.
    assert right == {"reference": 11, "candidate": 167}
    assert signals["format"]["outcome"] == "improved"
    assert float(str(signals["format"]["p_value"])) < 0.001
    assert code == 0


def test_the_way_back_is_a_regression(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, signals = compare(project, capsys, "gpt35_prime.jsonl", JUNE, MARCH, "--suite", "prime")
    assert signals["format"]["outcome"] == "regressed"
    assert code == 1


def test_without_rules_the_primes_do_not_look_different(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # Why a suite states what is right: how long answers are says nothing about whether they are.
    code, signals = compare(project, capsys, "gpt35_prime.jsonl", MARCH, JUNE)
    assert {signal: found["outcome"] for signal, found in signals.items()} == {
        "refusal": "stable",
        "length": "stable",
        "format": "inconclusive",
        "quality": "inconclusive",
        "embedding": "inconclusive",
        "string": "inconclusive",
    }
    assert code == 0


def test_two_models_in_one_file_are_never_mixed(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = str(DATA / "gpt35_prime.jsonl")
    assert run(["-C", str(project), "compare", path, f"{path}?model={JUNE}"]) == 2
    assert "answers of 2 models" in capsys.readouterr().err
