"""The self-test beside a baseline's samples: optional, covered by its sums, and of these samples only."""

import hashlib
import json
from pathlib import Path

import pytest

from harness.core.batch import Baseline
from harness.core.canonical import digest
from harness.core.policy import Policy
from harness.edges.stores.baseline_files import IDENTITY, SELF_TEST, baseline_files, parse_baseline
from harness.edges.stores.baselines import FileBaselineStore
from harness.errors import DamagedRecord
from tests.support.records import Night, make_cases, make_record
from tests.support.self_tests import make_self_test


def baseline_with_test() -> Baseline:
    (found,) = make_record(Night(cases=make_cases(2), nights=2, samples=1)).references.values()
    return found.model_copy(update={"self_test": make_self_test(found)})


def parsed(files: dict[str, bytes]) -> Baseline:
    return parse_baseline(files, folder="baselines/canary/sonnet", suite="canary", target="sonnet")


def resealed(files: dict[str, bytes], content: bytes) -> dict[str, bytes]:
    """Change the self-test, and make every sum fit."""
    identity = json.loads(files[IDENTITY])
    del identity["sum"]
    identity["files"][SELF_TEST] = hashlib.sha256(content).hexdigest()
    identity["sum"] = digest(identity)
    text = json.dumps(identity, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    return {**files, SELF_TEST: content, IDENTITY: text.encode()}


def test_a_self_test_is_kept_with_its_baseline_and_leaves_the_samples_as_they_were(tmp_path: Path) -> None:
    store = FileBaselineStore(tmp_path / "baselines", lock=tmp_path / "lock", redact=str)
    baseline = baseline_with_test()
    bare = baseline.model_copy(update={"self_test": None})
    assert store.save(bare)
    assert store.save(baseline)
    assert store.load("canary", "sonnet") == baseline
    assert not store.save(baseline)
    assert store.save(bare)
    assert store.load("canary", "sonnet") == bare
    with_it, without = baseline_files(baseline), baseline_files(bare)
    assert set(with_it) - set(without) == {SELF_TEST}
    assert all(with_it[name] == content for name, content in without.items() if name != IDENTITY)


def test_a_self_test_that_is_gone_or_was_added_is_damage() -> None:
    files = baseline_files(baseline_with_test())
    bare = baseline_files(baseline_with_test().model_copy(update={"self_test": None}))
    with pytest.raises(DamagedRecord, match=r"self-test\.json: missing"):
        parsed({name: content for name, content in files.items() if name != SELF_TEST})
    with pytest.raises(DamagedRecord, match=r"self-test\.json: not part of the baseline"):
        parsed({**bare, SELF_TEST: files[SELF_TEST]})


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"samples": "0" * 64}, "made of other samples"),
        ({"schema_version": 2}, "schema 2"),
        ({"over_budget": 1.5}, "no self-test"),
        ({"more": 1}, "no self-test"),
    ],
)
def test_one_that_fits_its_sums_and_nothing_else_is_refused(change: dict[str, object], said: str) -> None:
    files = baseline_files(baseline_with_test())
    content = json.dumps({**json.loads(files[SELF_TEST]), **change}).encode()
    with pytest.raises(DamagedRecord, match=said):
        parsed(resealed(files, content))


def test_hostile_bytes_are_refused() -> None:
    files = baseline_files(baseline_with_test())
    for content in (b"", b"[]", b"\xff", b"{" * 5000, b'{"samples": NaN}'):
        with pytest.raises(DamagedRecord):
            parsed(resealed(files, content))


def test_a_self_test_counts_under_the_rules_that_it_was_made_by_only() -> None:
    baseline = baseline_with_test()
    assert baseline.tested_under(Policy()) is baseline.self_test
    assert baseline.tested_under(Policy(name="other")) is baseline.self_test
    assert baseline.tested_under(Policy(alpha=0.01)) is None
    assert baseline.tested_under(Policy(window_nights=7)) is None
    fewer = {case: known for case, known in baseline.cases.items() if case != min(baseline.cases)}
    assert baseline.model_copy(update={"cases": fewer}).tested_under(Policy()) is None
