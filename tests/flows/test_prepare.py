from collections.abc import Mapping

import pytest

from harness.core.assembly import possible_requests
from harness.core.batch import Baseline
from harness.core.policy import Policy
from harness.core.run import JudgeSetup, PullRequest, RunKind
from harness.core.suite import Price, Suite, Target
from harness.errors import UsageError
from harness.flows.prepare import (
    RunOrder,
    check_resumable,
    load_references,
    make_job,
    plan_order,
    prices,
    unreadable_references,
    usual_output_tokens,
)
from harness.ports import ProviderTraits
from tests.support.fakes import MemoryBaselineStore, ScriptedProvider, answered
from tests.support.records import Night, make_cases, make_record

TARGETS = {"sonnet": Target(model="anthropic/sonnet", params={"temperature": 0, "max_tokens": 1024})}


def order(targets: Mapping[str, Target] = TARGETS, **fields: object) -> RunOrder:
    known: dict[str, object] = {
        "run": "20261121T031700Z-canary-0001",
        "kind": RunKind.CHECK,
        "suite": Suite(name="canary", cases=make_cases(4)),
        "targets": targets,
        "samples": 3,
        "night": "2026-11-21",
        "scheduled": True,
        "started_at": "2026-11-21T03:17:00+00:00",
        "policy": Policy(),
        "encoder": "fake:1",
        "encoder_name": "fake",
        "versions": {},
        "commit": None,
    }
    return RunOrder(**{**known, **fields})  # type: ignore[arg-type]  # fields by name


def provider(**traits: object) -> ScriptedProvider:
    known = {"name": "scripted", "version": "7", **traits}
    return ScriptedProvider(script=lambda r, a: answered(), traits=ProviderTraits(**known))  # type: ignore[arg-type]


def baseline(**fields: object) -> Baseline:
    (found,) = make_record(Night(cases=make_cases(4))).references.values()
    return found.model_copy(update=fields)


def test_a_target_is_compared_with_the_baseline_it_names() -> None:
    held = baseline()
    store = MemoryBaselineStore(held={("canary", "sonnet"): held})
    targets = {
        **TARGETS,
        "next": TARGETS["sonnet"].model_copy(update={"baseline_of": "sonnet"}),
        "new": TARGETS["sonnet"],
    }
    assert load_references(order(targets), store) == {"sonnet": held, "next": held}


def test_the_manifest_says_who_was_asked_through_what() -> None:
    job = make_job(order(), {}, {"sonnet": provider(latency_at_transport=False)}, 0.5)
    (target,) = job.manifest.targets
    assert (target.provider, target.provider_version, target.latency_at_transport) == ("scripted", "7", False)
    assert job.manifest.plan == plan_order(order()).digest
    assert job.measure


def test_a_calibration_gathers_and_measures_nothing() -> None:
    assert not make_job(order(kind=RunKind.CALIBRATE), {}, {"sonnet": provider()}, None).measure


@pytest.mark.parametrize(
    "changed",
    [
        {"samples": 4},
        {"suite": Suite(name="canary", cases=make_cases(3))},
        {"targets": {"sonnet": TARGETS["sonnet"].model_copy(update={"params": {"temperature": 1}})}},
        {"targets": {"other": TARGETS["sonnet"]}},
        {"encoder": "fake:2"},
    ],
    ids=["samples", "cases", "parameters", "target", "encoder"],
)
def test_a_run_is_not_resumed_as_another_run(changed: dict[str, object]) -> None:
    manifest = make_job(order(), {}, {"sonnet": provider()}, None).manifest
    check_resumable(manifest, order())
    with pytest.raises(UsageError, match="start a new run"):
        check_resumable(manifest, order(**changed))


JUDGE = JudgeSetup(
    name="judge", target=Target(model="openai/gpt", key_env="JUDGE_KEY"), both_orders=True, anchors=3
)
PULL = PullRequest(ref="origin/main", base="a" * 40, changed=("prompts/support.md",))


@pytest.mark.parametrize(
    "changed",
    [
        {"model": "openai/other"},
        {"params": {"temperature": 1}},
        {"options": {"region": "elsewhere"}},
        {"api_base": "http://127.0.0.1:9/v1"},
        {"key_env": "OTHER_KEY"},
        {"env": ("OTHER_KEY",)},
    ],
    ids=lambda changed: next(iter(changed)),
)
@pytest.mark.parametrize("whose", ["target", "judge"])
def test_a_run_folder_does_not_say_whom_to_ask(whose: str, changed: dict[str, object]) -> None:
    known = TARGETS["sonnet"].model_copy(update={"key_env": "KEY", "env": ("KEY",)})
    ordered = order({"sonnet": known}, judge=JUDGE)
    manifest = make_job(ordered, {}, {"sonnet": provider()}, None).manifest
    check_resumable(manifest, ordered)
    if whose == "target":
        (target,) = manifest.targets
        edited = target.model_copy(update={"target": target.target.model_copy(update=changed)})
        forged = manifest.model_copy(update={"targets": (edited,)})
    else:
        judge = JUDGE.model_copy(update={"target": JUDGE.target.model_copy(update=changed)})
        forged = manifest.model_copy(update={"judge": judge})
    with pytest.raises(UsageError, match="start a new run"):
        check_resumable(forged, ordered)


@pytest.mark.parametrize("judge", [None, JUDGE.model_copy(update={"anchors": 9})])
def test_a_run_is_judged_as_it_began(judge: JudgeSetup | None) -> None:
    manifest = make_job(order(judge=JUDGE), {}, {"sonnet": provider()}, None).manifest
    with pytest.raises(UsageError, match="judge"):
        check_resumable(manifest, order(judge=judge))


def test_what_asks_nobody_else_may_change_while_a_run_is_stopped() -> None:
    price = Price(input_usd_per_million=1, output_usd_per_million=2)
    priced = {"sonnet": TARGETS["sonnet"].model_copy(update={"price": price, "key_env": "KEY"})}
    manifest = make_job(order(), {}, {"sonnet": provider()}, None).manifest
    check_resumable(manifest, order(priced))  # a price, and the key that the target was turned away for


def test_a_pull_requests_run_goes_on_as_that_pull_requests() -> None:
    ordered = order(pull=PULL, base_cases=make_cases(2))
    manifest = make_job(ordered, {}, {"sonnet": provider()}, None).manifest
    check_resumable(manifest, ordered)
    check_resumable(manifest, order(pull=PULL.model_copy(update={"ref": "main"}), base_cases=make_cases(2)))
    with pytest.raises(
        UsageError, match=rf"drift check canary --since origin/main --resume {manifest.run}\b"
    ):
        check_resumable(manifest, order())
    for changed in (
        {"pull": PULL.model_copy(update={"base": "b" * 40})},
        {"pull": PULL.model_copy(update={"trust_head": True})},
        {"base_cases": make_cases(1)},
    ):
        known: dict[str, object] = {"pull": PULL, "base_cases": make_cases(2)}
        with pytest.raises(UsageError, match="start a new run"):
            check_resumable(manifest, order(**{**known, **changed}))
    alone = make_job(order(), {}, {"sonnet": provider()}, None).manifest
    with pytest.raises(UsageError, match="start a new run"):
        check_resumable(alone, ordered)


def test_a_run_may_make_the_first_round_and_its_confirmation() -> None:
    manifest = make_job(order(), {}, {"sonnet": provider()}, None).manifest
    found = {request.key for request in possible_requests(manifest)}
    assert len(found) == 2 * 4 * 3
    assert {request.key for request in plan_order(order()).requests} < found


def test_an_unknown_price_stays_unknown_and_free_is_only_what_says_so() -> None:
    price = Price(input_usd_per_million=1, output_usd_per_million=2)
    own = {"sonnet": TARGETS["sonnet"].model_copy(update={"price": price})}
    unknown, free = provider(), provider(costs=False)
    unknown.prices = None
    assert prices(TARGETS, {"sonnet": unknown}) == {"sonnet": None}
    assert prices(own, {"sonnet": unknown}) == {"sonnet": price}
    assert prices(TARGETS, {"sonnet": free})["sonnet"] == Price(
        input_usd_per_million=0, output_usd_per_million=0
    )


def test_the_usual_output_is_the_baselines_mean() -> None:
    (counts,) = usual_output_tokens({"sonnet": baseline()}).values()
    assert set(counts) == {case.id for case in make_cases(4)}
    assert all(5 < mean < 40 for mean in counts.values())


def test_digests_measured_with_another_encoder_cannot_be_compared() -> None:
    held = baseline()
    bare = {
        name: case.model_copy(
            update={"samples": tuple(s.model_copy(update={"answer": None}) for s in case.samples)}
        )
        for name, case in held.cases.items()
    }
    assert unreadable_references("fake:1", {"sonnet": held}) == {}
    found = unreadable_references("fake:1", {"sonnet": held.model_copy(update={"cases": bare})})
    assert "encoder" in found["sonnet"]
    same = held.model_copy(update={"cases": bare, "encoder": "fake:1"})
    assert unreadable_references("fake:1", {"sonnet": same}) == {}
