"""Two models side by side, made in memory: what each answered, reply by reply."""

from collections.abc import Mapping, Sequence

from harness.core.batch import Batch, Sample
from harness.core.judging.records import Judged
from harness.core.plan import Round
from harness.core.policy import Policy
from harness.core.replies import Answer, Failure, Transcript, Turn, Usage
from harness.core.run import Manifest, RunEnd, RunKind, RunRecord, RunTarget
from harness.core.suite import Case, CaseKind, Price, Suite, Target
from harness.core.upgrade.values import CaseValues, PairValues, ReplyValues
from harness.core.upgrade_records import PromptRefs, UpgradeSides
from tests.support.golden import graded_task
from tests.support.records import make_case, make_failure

GOOD, BAD = "Refused: the 30 days are over.", "The refund is approved."
RUN = "20261121T104200Z-upgrade-58be"
Replies = Sequence[Answer | Failure]


def reply(text: str = GOOD, *, tokens: int = 40, latency_ms: float = 900.0, served: str = "m") -> Answer:
    """Make an answer as a healthy provider gives it."""
    usage = Usage(input_tokens=50, output_tokens=tokens)
    return Answer(text=text, usage=usage, latency_ms=latency_ms, model_served=served)


def held(count: int, runs: int = 8, lost: int = 0) -> list[Answer | Failure]:
    """Make so many replies that keep every check, the others that do not, and the last ones lost."""
    found: list[Answer | Failure] = [reply(GOOD if place < count else BAD) for place in range(runs - lost)]
    return [*found, *(make_failure() for _ in range(lost))]


def canary(id_: str, **fields: object) -> Case:
    """Make a canary that breaks its format where the answer approves a refund."""
    rules: dict[str, object] = {"expect": {"checks": [{"not_contains": "approved"}]}, **fields}
    made = make_case(id_, CaseKind.STRUCTURE)
    return Case.model_validate({**made.model_dump(exclude_none=True), **rules})


def task(id_: str, **fields: object) -> Case:
    """Make a golden task with the same rule."""
    return graded_task(id_, **fields)


def upgrade_record(
    sides: Mapping[str, tuple[Replies, Replies]],
    *,
    cases: Sequence[Case] = (),
    samples: int = 8,
    stopped: str | None = None,
    params: tuple[Mapping[str, object], Mapping[str, object]] = ({"temperature": 0}, {"temperature": 0}),
    prices: tuple[Price | None, Price | None] = (None, None),
    base: Mapping[str, tuple[Replies, Replies]] | None = None,
    base_cases: Sequence[Case] = (),
    judged: Judged | None = None,
    policy: Policy | None = None,
) -> RunRecord:
    """Compare `sonnet` with `sonnet-next` on what they answered to every case; `base` with the old prompts."""
    named = {case.id: case for case in cases}
    asked = tuple(named.get(case_id) or canary(case_id) for case_id in sides)
    targets = tuple(
        RunTarget(
            name=name,
            target=Target(model=f"anthropic/{name}", params=dict(own)),  # type: ignore[arg-type]
            baseline_of=name,
            provider="simulated",
            provider_version="1",
        )
        for name, own in zip(("sonnet", "sonnet-next"), params, strict=True)
    )
    batches = {}
    for place, target in enumerate(targets):
        samples_of: dict[str, tuple[Sample, ...]] = {}
        for round_, found in ((Round.FIRST, sides), (Round.BASE_PROMPT, base or {})):
            for case_id, both in found.items():
                samples_of[case_id] = (
                    *samples_of.get(case_id, ()),
                    *(_sample(given, number, round_) for number, given in enumerate(both[place])),
                )
        batches[target.name] = Batch(
            suite="upgrade",
            target=target.name,
            night="2026-11-21",
            run=RUN,
            samples={case_id: lines for case_id, lines in samples_of.items() if lines},
        )
    manifest = Manifest(
        run=RUN,
        kind=RunKind.UPGRADE,
        suite=Suite(name="upgrade", cases=asked, combined=True),
        targets=targets,
        samples=samples,
        night="2026-11-21",
        scheduled=False,
        started_at="2026-11-21T10:42:00+00:00",
        plan="p" * 64,
        encoder="hashed",
        encoder_name="hashed",
        policy=policy or Policy(),
        versions={"drift": "0.1.0"},
        base_cases=tuple(base_cases),
        upgrade=UpgradeSides(
            reference="sonnet",
            candidate="sonnet-next",
            suites={case.id: "golden" if case.is_task else "canary" for case in asked},
            task_encoder="hashed",
            prices={"sonnet": prices[0], "sonnet-next": prices[1]},
            prompts=PromptRefs(
                reference="v1", reference_commit="1" * 40, candidate="v2", candidate_commit="2" * 40
            )
            if base is not None
            else None,
        ),
    )
    end = RunEnd(finished_at="2026-11-21T11:00:20+00:00", duration_s=1100, cost_usd=3.27, stopped=stopped)
    return RunRecord(
        manifest=manifest,
        end=end,
        batches=batches,
        references={},
        stale={},
        vectors={},
        judged={"sonnet-next": judged} if judged is not None else {},
    )


def _sample(given: Answer | Failure, number: int, round_: Round) -> Sample:
    said = given if isinstance(given, Failure) else Transcript(turns=(Turn(answer=given),))
    return Sample(number=number, round=round_, reply=said)


def values(case: str, before: int, after: int, /, runs: int = 8, **fields: object) -> CaseValues:
    """Make a case by how many replies of each side keep every check."""
    known: dict[str, object] = {
        "case": case,
        "suite": "canary",
        "planned": runs,
        "reference": tuple(ReplyValues(held=place < before) for place in range(runs)),
        "candidate": tuple(ReplyValues(held=place < after) for place in range(runs)),
    }
    return CaseValues(**{**known, **fields})  # type: ignore[arg-type]


def preferred(wins: int, losses: int, ties: int = 0) -> tuple[PairValues, ...]:
    """Make pairs as a judge may see them."""
    return tuple(
        PairValues(preferred=sign)
        for sign, count in ((1, wins), (-1, losses), (0, ties))
        for _ in range(count)
    )
