"""Golden runs made in memory: what passed and what failed, without a model, a disk or git."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from harness.core.batch import Acceptance, Baseline, Batch, CaseBaseline, Sample, stored
from harness.core.plan import Round
from harness.core.policy import Policy
from harness.core.replies import Answer, Transcript, Turn, Usage
from harness.core.run import Earlier, Manifest, PullRequest, RunEnd, RunKind, RunRecord, RunTarget
from harness.core.suite import Case, Prompt, Suite, Target
from harness.flows.baseline_change import identity_of
from tests.support.tasks import PROMPT, make_task

GOOD, BAD = "Within the 30-day window.", "Refund approved!"
TARGET = RunTarget(
    name="steady",
    target=Target(model="simulated/steady", params={"max_tokens": 512}),
    baseline_of="steady",
    provider="simulated",
    provider_version="1",
)
OTHER_PROMPT = Prompt(path=PROMPT.path, text="You help. Be quick.", rendered="You help. Be quick.")
PULL = PullRequest(ref="origin/main", base="0" * 40, changed=("prompts/support.md",))


def graded_task(id_: str, **fields: object) -> Case:
    """Make a task that fails where the answer approves a refund."""
    rules: dict[str, object] = {"expect": {"checks": [{"not_contains": "approved"}]}}
    return make_task(id_, **{**rules, **fields})


def task_answer(text: str, *, latency_ms: float = 1000.0, tokens: int = 10) -> Answer:
    """Make an answer as a healthy provider gives it."""
    return Answer(text=text, latency_ms=latency_ms, usage=Usage(input_tokens=50, output_tokens=tokens))


def said(failures: int, runs: int) -> list[Answer]:
    """Make that many runs, the failing ones first."""
    return [task_answer(BAD if place < failures else GOOD) for place in range(runs)]


def accepted_runs(case: Case, answers: Sequence[Answer], run: str = "old") -> CaseBaseline:
    """Make the baseline of one task."""
    lines = tuple(
        stored(answer, night="2026-11-01", run=run, sample=number, burst=False).model_copy(
            update={"task": True}
        )
        for number, answer in enumerate(answers)
    )
    return CaseBaseline(identity=identity_of(case, TARGET), samples=lines)


def acceptance(*cases: str, reason: str = "It is meant to be so.", incident: str | None = None) -> Acceptance:
    """Sign for some tasks."""
    return Acceptance(
        at="2026-11-20T10:00:00+00:00",
        by="tester",
        reason=reason,
        cases=cases,
        runs=("r",),
        verdict="stable",
        shown="0" * 64,
        incident=incident,
    )


def baseline_of(cases: Mapping[str, CaseBaseline], *signed: Acceptance) -> Baseline:
    """Make a whole baseline."""
    return Baseline(
        suite="golden",
        target="steady",
        encoder="hashed",
        cases=cases,
        acceptances=signed or (acceptance(*cases),),
    )


@dataclass(frozen=True, kw_only=True)
class PullRun:
    """A run to be built: tasks, and the answers of every round by task."""

    cases: Sequence[Case]
    first: Mapping[str, Sequence[Answer]]
    further: Mapping[str, Sequence[Answer]] = field(default_factory=dict)
    base_prompt: Mapping[str, Sequence[Answer]] = field(default_factory=dict)
    reference: Baseline | None = None
    proposed: Baseline | None = None
    base_cases: Sequence[Case] = ()
    pull: PullRequest | None = None
    policy: Policy = field(default_factory=Policy)
    stopped: str | None = None
    samples: int = 3


def golden_record(wanted: PullRun) -> RunRecord:
    """Build the record of a golden run."""
    rounds = (
        (Round.FIRST, wanted.first),
        (Round.ESCALATE, wanted.further),
        (Round.BASE_PROMPT, wanted.base_prompt),
    )
    samples: dict[str, list[Sample]] = {}
    for round_, answers in rounds:
        for case_id, given in answers.items():
            start = wanted.samples if round_ is Round.ESCALATE else 0
            samples.setdefault(case_id, []).extend(
                Sample(number=start + n, round=round_, reply=Transcript(turns=(Turn(answer=answer),)))
                for n, answer in enumerate(given)
            )
    return RunRecord(
        manifest=Manifest(
            run="20261121T120000Z-golden-0001",
            kind=RunKind.CHECK,
            suite=Suite(name="golden", cases=tuple(wanted.cases)),
            targets=(TARGET,),
            samples=wanted.samples,
            night="2026-11-21",
            scheduled=False,
            started_at="2026-11-21T12:00:00+00:00",
            plan="p",
            encoder="hashed",
            encoder_name="hashed",
            policy=wanted.policy,
            escalate_to=8,
            base_cases=tuple(wanted.base_cases),
            pull=wanted.pull,
        ),
        end=RunEnd(finished_at="2026-11-21T12:01:00+00:00", duration_s=60, stopped=wanted.stopped),
        batches={
            "steady": Batch(
                suite="golden",
                target="steady",
                night="2026-11-21",
                run="20261121T120000Z-golden-0001",
                samples={case_id: tuple(found) for case_id, found in samples.items()},
            )
        },
        references={"steady": wanted.reference} if wanted.reference is not None else {},
        stale={},
        vectors={},
        earlier=Earlier(proposed={"steady": wanted.proposed} if wanted.proposed is not None else {}),
    )
