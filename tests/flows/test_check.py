import asyncio
import random
from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest

from harness.core.batch import Baseline
from harness.core.decision import decide
from harness.core.findings import Outcome
from harness.core.plan import Request, Round
from harness.core.policy import Limits, Policy
from harness.core.replies import Answer, Failure, FailureKind
from harness.core.run import RunEnd, RunKind
from harness.core.suite import Case, Suite, Target
from harness.core.verdict import Verdict
from harness.errors import MeasurementError, SetupError
from harness.flows.budget import Ledger
from harness.flows.calls import CallParts
from harness.flows.check import CheckJob, CheckParts, CheckResult, complaints, run_check
from harness.flows.prepare import RunOrder, make_job
from tests.support.fakes import (
    FREE,
    DigestEncoder,
    ManualClock,
    MemoryJournal,
    MemoryRunStore,
    MemoryVectors,
    NotedProgress,
    Reply,
    Script,
    ScriptedProvider,
    failed,
    later,
    never,
    run_virtually,
)
from tests.support.records import Night, make_answer, make_cases, make_record, usual_answers

CASES = make_cases(8)
NAMES = ("sonnet", "gpt")


def as_ever(request: Request, attempt: int) -> Reply:
    """Answer as on every night of the baseline."""
    return usual_answers(request.case.id, request.target_name, -1, request.sample)


def drifted(*targets: str, rounds: tuple[Round, ...] = tuple(Round)) -> Script:
    """Answer as another model on some targets."""

    def script(request: Request, attempt: int) -> Reply:
        if request.target_name not in targets or request.round not in rounds:
            return as_ever(request, attempt)
        return make_answer(
            f"Certainly! Let us unpack {request.case.id} in eleven steps, number {request.sample}."
        )

    return script


def baselines() -> Mapping[str, Baseline]:
    return make_record(Night(cases=CASES, targets=NAMES)).references


@dataclass(kw_only=True)
class Scene:
    """A run to be made."""

    script: Script = as_ever
    references: Mapping[str, Baseline] = field(default_factory=baselines)
    names: tuple[str, ...] = NAMES
    cases: tuple[Case, ...] = CASES
    limits: Limits = field(default_factory=lambda: Limits(timeout_s=60))
    known: Mapping[str, Answer | Failure] = field(default_factory=dict)
    billed_twice: tuple[str, ...] = ()
    kind: RunKind = RunKind.CHECK
    confirm: bool = True
    encoder: DigestEncoder = field(default_factory=lambda: DigestEncoder(digest="1110a243fdf4"))

    def __post_init__(self) -> None:
        self.clock = ManualClock()
        self.kept: list[tuple[Verdict, bool, RunEnd | None]] = []
        self.providers = {name: ScriptedProvider(script=self.script) for name in self.names}
        self.runs, self.journal, self.progress = MemoryRunStore(), MemoryJournal(), NotedProgress()
        self.parts = CheckParts(
            calls=CallParts(
                scrub=lambda completion: completion,
                providers=self.providers,
                journal=self.journal,
                ledger=Ledger(dict.fromkeys(self.names, FREE), 1.0),
                limits=self.limits,
                clock=self.clock,
                jitter=random.Random(1),
                progress=self.progress,
                seen_response_ids=frozenset(),
            ),
            runs=self.runs,
            journal=self.journal,
            encoder=self.encoder,
            vectors=MemoryVectors(),
            keep=lambda record, verdict: self.kept.append((verdict, self.closed(), self.journal.end)),
        )

    def job(self) -> CheckJob:
        targets = {
            name: Target(model=f"anthropic/{name}", params={"temperature": 0, "max_tokens": 1024})
            for name in self.names
        }
        order = RunOrder(
            run="20261121T031700Z-canary-0001",
            kind=self.kind,
            suite=Suite(name="canary", cases=self.cases),
            targets=targets,
            samples=3,
            night="2026-11-21",
            scheduled=True,
            started_at="2026-11-21T03:17:00+00:00",
            policy=Policy(limits=self.limits),
            encoder=self.encoder.digest,
            encoder_name="fake",
            versions={},
            commit=None,
            confirm=self.confirm,
        )
        job = make_job(order, self.references, self.providers, None)
        return CheckJob(
            manifest=job.manifest,
            references=job.references,
            known=self.known,
            billed_twice=self.billed_twice,
            measure=job.measure,
        )

    def run(self) -> CheckResult:
        return run_virtually(run_check(self.job(), self.parts), self.clock)

    def asked(self, round_: Round) -> set[str]:
        """Name the targets that were asked in a round."""
        return {
            name
            for name, provider in self.providers.items()
            if any(f":{round_}:" in asked.key for asked in provider.asked)
        }

    def closed(self) -> bool:
        """Say whether any provider was let go of."""
        return any(provider.closed for provider in self.providers.values())

    def at_rest(self) -> bool:
        """Say whether no call is under way, and the providers are left to whoever made them."""
        return not self.closed() and not any(provider.running for provider in self.providers.values())


def test_a_quiet_night_is_quiet_and_asks_once() -> None:
    scene = Scene()
    result = scene.run()
    assert result.verdict.exit_code == 0
    assert result.verdict.outcome is Outcome.STABLE
    assert scene.asked(Round.CONFIRM) == set()
    assert scene.at_rest()
    assert scene.progress.rounds == [(48, "")]


def test_only_what_strayed_is_asked_again() -> None:
    scene = Scene(script=drifted("gpt"))
    result = scene.run()
    assert scene.asked(Round.CONFIRM) == {"gpt"}
    assert result.verdict.exit_code == 1
    assert [t.confirmed for t in result.verdict.targets] == [None, True]
    assert any("gpt strayed" in note for note in scene.progress.notes)


def test_what_does_not_stray_again_is_no_drift() -> None:
    result = Scene(script=drifted("gpt", rounds=(Round.FIRST,))).run()
    assert result.verdict.exit_code == 0
    assert [t.confirmed for t in result.verdict.targets] == [None, False]


def test_told_not_to_confirm_it_awaits_confirmation() -> None:
    scene = Scene(script=drifted("gpt"), confirm=False)
    result = scene.run()
    assert scene.asked(Round.CONFIRM) == set()
    assert result.verdict.targets[1].awaiting_confirmation
    assert result.verdict.exit_code == 0


def test_an_outage_in_the_confirmation_is_no_drift_and_no_pass() -> None:
    def script(request: Request, attempt: int) -> Reply:
        if request.round is Round.CONFIRM:
            return failed(FailureKind.SERVER_ERROR)
        return drifted("gpt")(request, attempt)  # type: ignore[return-value]  # it never waits

    result = Scene(script=script).run()
    assert result.verdict.targets[1].outcome is not Outcome.CHANGED
    assert result.verdict.targets[1].outcome is not Outcome.STABLE


def test_an_encoder_that_fails_leaves_the_embedding_unmeasured() -> None:
    error = MeasurementError("out of memory")
    result = Scene(encoder=DigestEncoder(digest="1110a243fdf4", error=error)).run()
    readings = {reading.signal: reading for reading in result.verdict.targets[0].readings}
    assert readings["embedding"].outcome is Outcome.INCONCLUSIVE
    assert readings["embedding"].tonight is None
    assert readings["string"].outcome is Outcome.STABLE
    assert result.verdict.exit_code == 3


def test_an_encoder_that_cannot_be_loaded_is_said_and_nothing_stays_open() -> None:
    error = SetupError("the weights are not there")
    scene = Scene(encoder=DigestEncoder(digest="1110a243fdf4", error=error))
    with pytest.raises(SetupError, match="weights"):
        scene.run()
    assert scene.at_rest()
    assert len(scene.journal.completions) == 48, "what was answered is on disk"


def test_the_encoder_is_not_loaded_where_there_is_nothing_to_compare() -> None:
    scene = Scene(references={})
    assert scene.run().verdict.exit_code == 0
    assert scene.encoder.prepared == 0


def test_a_calibration_encodes_nothing() -> None:
    scene = Scene(kind=RunKind.CALIBRATE)
    scene.run()
    assert (scene.encoder.prepared, scene.encoder.asked) == (0, [])


@pytest.mark.parametrize("learning", [False, True])
@pytest.mark.parametrize(
    "kind", [FailureKind.SERVER_ERROR, FailureKind.TIMEOUT, FailureKind.QUOTA, FailureKind.MALFORMED]
)
def test_a_provider_that_is_wholly_down_could_not_tell(kind: FailureKind, learning: bool) -> None:
    references: Mapping[str, Baseline] = {} if learning else baselines()
    result = Scene(script=lambda r, a: failed(kind), references=references).run()
    assert result.verdict.exit_code == 3
    assert all(target.outcome is Outcome.INCONCLUSIVE for target in result.verdict.targets)


@pytest.mark.parametrize("learning", [False, True])
@pytest.mark.parametrize("lost", [1, 2])
def test_half_a_provider_is_told_from_a_whole_one(lost: int, learning: bool) -> None:
    def script(request: Request, attempt: int) -> Reply:
        return failed(FailureKind.SERVER_ERROR) if request.sample < lost else as_ever(request, attempt)

    result = Scene(script=script, references={} if learning else baselines()).run()
    assert result.verdict.exit_code == (0 if lost == 1 else 3)


def test_a_provider_that_hangs_all_night_ends_at_the_time_cap() -> None:
    scene = Scene(script=lambda r, a: never(), limits=Limits(timeout_s=60, max_minutes=3))
    began = scene.clock.monotonic()
    result = scene.run()
    assert result.verdict.exit_code == 3
    assert scene.clock.monotonic() - began <= 3 * 60 + 61.01
    assert result.record.end is not None
    assert "time cap" in (result.record.end.stopped or "")


def turned_away(*targets: str, after: int = 0) -> Script:
    """Reject the key of some targets, from a sample on."""

    def script(request: Request, attempt: int) -> Reply:
        if request.target_name in targets and request.sample >= after:
            return failed(FailureKind.AUTHENTICATION, detail="Incorrect API key provided")
        return as_ever(request, attempt)

    return script


def test_a_rejected_key_ends_its_own_target_and_the_others_get_their_verdict() -> None:
    scene = Scene(script=turned_away("gpt"))
    result = scene.run()
    sonnet, gpt = result.verdict.targets
    assert (sonnet.outcome, sonnet.coverage.answered) == (Outcome.STABLE, 24)
    assert gpt.rejected is FailureKind.AUTHENTICATION
    assert gpt.coverage.answered == 0
    assert result.verdict.exit_code == 2
    assert len(scene.providers["gpt"].asked) <= 4, "no more than were under way at once"
    assert "its key was rejected" in result.verdict.headline
    (said,) = complaints(result.record)
    assert said.startswith("gpt: authentication: Incorrect API key provided")
    assert "--resume" in said


def test_a_rejected_key_does_not_hide_the_drift_of_another_target() -> None:
    def script(request: Request, attempt: int) -> Reply:
        return (turned_away("gpt") if request.target_name == "gpt" else drifted("sonnet"))(request, attempt)  # type: ignore[return-value]  # it never waits

    scene = Scene(script=script)
    result = scene.run()
    assert result.verdict.targets[0].confirmed
    assert result.verdict.exit_code == 2
    assert result.verdict.headline.startswith("sonnet")


def test_a_key_that_is_revoked_in_the_middle_is_not_asked_to_confirm() -> None:
    def script(request: Request, attempt: int) -> Reply:
        if request.case.id == CASES[-1].id and request.sample == 2:
            return failed(FailureKind.AUTHENTICATION)
        return drifted("gpt")(request, attempt)  # type: ignore[return-value]  # it never waits

    scene = Scene(script=script)
    assert scene.run().verdict.exit_code == 2
    assert scene.asked(Round.CONFIRM) == set()


def test_where_every_target_is_turned_away_at_once_the_run_stops_early() -> None:
    scene = Scene(script=turned_away(*NAMES))
    with pytest.raises(SetupError, match="gpt: authentication: Incorrect API key provided") as caught:
        scene.run()
    assert "sonnet: authentication" in str(caught.value)
    assert scene.at_rest()
    assert scene.journal.end is None
    assert scene.kept == []


def test_what_every_target_answered_before_it_was_turned_away_is_decided() -> None:
    scene = Scene(script=turned_away(*NAMES, after=1))
    result = scene.run()
    assert result.verdict.exit_code == 2
    assert all(target.coverage.answered == 8 for target in result.verdict.targets)


def test_the_verdict_is_kept_after_the_journals_end_and_before_anything_is_closed() -> None:
    scene = Scene(script=drifted("gpt"))
    result = scene.run()
    assert scene.kept == [(result.verdict, False, result.record.end)]


def test_a_calibration_keeps_no_verdict() -> None:
    scene = Scene(kind=RunKind.CALIBRATE)
    scene.run()
    assert scene.kept == []


def test_a_journal_that_breaks_ends_the_run_with_everything_closed() -> None:
    scene = Scene()
    scene.journal.fails_at = 20
    with pytest.raises(ExceptionGroup) as caught:
        scene.run()
    assert caught.group_contains(MeasurementError)
    assert scene.at_rest()
    assert scene.journal.end is None


def test_cancelled_in_the_middle_everything_is_closed_and_the_journal_has_no_end() -> None:
    scene = Scene(script=lambda r, a: later(10, as_ever(r, a)))  # type: ignore[arg-type]  # it never waits

    async def stopped() -> None:
        work = asyncio.create_task(run_check(scene.job(), scene.parts))
        await asyncio.sleep(15)
        work.cancel()
        with pytest.raises(asyncio.CancelledError):
            await work

    run_virtually(stopped(), scene.clock)
    assert scene.at_rest()
    assert scene.journal.end is None
    assert scene.journal.completions


def test_the_journal_ends_once_after_the_last_call() -> None:
    scene = Scene(script=drifted("gpt"))
    scene.run()
    assert scene.journal.log.count("end") == 1
    assert scene.journal.log[-1] == "end"


def test_what_was_decided_can_be_decided_again_from_what_was_kept() -> None:
    scene = Scene(script=drifted("gpt"))
    result, job = scene.run(), scene.job()
    scene.runs.create(job.manifest, job.references, {})
    scene.runs.journals[job.manifest.run] = scene.journal
    again = scene.runs.load(job.manifest.run)
    assert decide(again) == result.verdict


@pytest.mark.parametrize("recorded", [0, 10, 47, 48, 60, 72])
def test_a_resumed_run_asks_what_is_missing_and_decides_the_same(recorded: int) -> None:
    whole = Scene(script=drifted("gpt"))
    verdict = whole.run().verdict
    known = dict(list(whole.journal.completions.items())[:recorded])
    resumed = Scene(script=drifted("gpt"), known=known, billed_twice=("a",))
    result = resumed.run()
    assert result.verdict == verdict
    assert resumed.journal.completions.keys() == whole.journal.completions.keys() - known.keys()
    assert result.record.end is not None
    assert result.record.end.possibly_billed_twice == ("a",)


def test_durations_survive_a_wall_clock_that_jumps_back() -> None:
    def script(request: Request, attempt: int) -> Reply:
        scene.clock.jump(-3600)
        return as_ever(request, attempt)

    scene = Scene(script=script)
    result = scene.run()
    assert result.record.end is not None
    assert 0 <= result.record.end.duration_s < 1
