"""One night to decide: a suite of replies of some 300 characters, its baseline, tonight and its confirmation."""

import resource
import sys
import time
from collections.abc import Callable
from datetime import date, timedelta

import numpy as np

from harness.core.batch import Baseline, Batch, CaseBaseline, CaseIdentity, Sample, stored
from harness.core.canonical import text_digest
from harness.core.decision import decide
from harness.core.detection.canary import decide_night
from harness.core.detection.occasions import Asked, Occasion
from harness.core.detection.question import Question
from harness.core.measures import batch_name, compare_with_baseline
from harness.core.plan import Round
from harness.core.policy import Policy
from harness.core.replies import Answer, FinishReason, Transcript, Turn
from harness.core.run import Manifest, RunEnd, RunKind, RunRecord, RunTarget
from harness.core.signals import all_signals
from harness.core.suite import Case, Suite, Target

FIRST_NIGHT = date(2026, 1, 1)
DIMENSION = 384
"""Numbers in a vector of the usual encoder."""
REPEATS = 5


def decide_one_night(cases: str, samples: str, nights: str) -> dict[str, float]:
    """Time the decision over measures, and the whole from a run's record; CPU seconds, the median of a few."""
    record = a_record(int(cases), int(samples), int(nights))
    batch, reference = record.batches["bench"], record.references["bench"]
    batches = [batch.of_round(Round.FIRST), batch.of_round(Round.CONFIRM)]
    comparison = compare_with_baseline(
        "bench", record.manifest.suite.cases, reference.cases, batches, record.vectors
    )
    planned = dict.fromkeys(reference.cases, int(samples))
    asked = tuple(
        Asked(batch=batch_name(one), occasion=occasion, samples=planned)
        for one, occasion in zip(batches, (Occasion.TONIGHT, Occasion.CONFIRM), strict=True)
    )
    signals = all_signals()
    return {
        "decision_cpu_s": _cpu(lambda: decide_night(signals, comparison, Question(asked=asked), Policy())),
        "record_cpu_s": _cpu(lambda: decide(record)),
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        / (1024 if sys.platform != "darwin" else 1024**2),
    }


def _cpu(work: Callable[[], object]) -> float:
    spent = []
    for _ in range(REPEATS):
        start = time.process_time()
        work()
        spent.append(time.process_time() - start)
    return sorted(spent)[REPEATS // 2]


def a_record(cases: int, samples: int, nights: int) -> RunRecord:
    """Make a run whose replies begin alike and then part, about half of them never seen before."""
    rng = np.random.default_rng(1)
    suite = Suite(name="canary", cases=tuple(_case(number) for number in range(cases)))
    target = RunTarget(
        name="bench",
        target=Target(model="simulated/bench"),
        baseline_of="bench",
        provider="simulated",
        provider_version="1",
    )
    days = [str(FIRST_NIGHT + timedelta(days=night)) for night in range(nights + 1)]
    replies = {case.id: _replies(rng, (nights + 2) * samples) for case in suite.cases}
    vectors = {}
    for found in replies.values():
        for answer in found:
            drawn = rng.normal(size=DIMENSION)
            vectors[text_digest(answer.measured_text)] = (drawn / np.linalg.norm(drawn)).astype(np.float32)
    return RunRecord(
        manifest=Manifest(
            run="bench",
            kind=RunKind.CHECK,
            suite=suite,
            targets=(target,),
            samples=samples,
            night=days[-1],
            scheduled=True,
            started_at=f"{days[-1]}T03:17:00+00:00",
            plan="bench",
            encoder="bench",
            encoder_name="bench",
            policy=Policy(),
        ),
        end=RunEnd(finished_at=f"{days[-1]}T03:27:00+00:00", duration_s=600.0),
        batches={"bench": _batch(replies, samples, days[-1])},
        references={
            "bench": Baseline(
                suite="canary",
                target="bench",
                encoder="bench",
                cases={
                    case.id: CaseBaseline(
                        identity=CaseIdentity(
                            question=case.question, treatment=target.target.treatment(case), ruler=case.ruler
                        ),
                        samples=tuple(
                            stored(answer, night=days[n // samples], run="bench", sample=n % samples, burst=False)
                            for n, answer in enumerate(replies[case.id][2 * samples :])
                        ),
                    )
                    for case in suite.cases
                },
            )
        },
        stale={},
        vectors=vectors,
    )  # fmt: skip


def _case(number: int) -> Case:
    return Case.model_validate(
        {
            "id": f"case-{number:03d}",
            "kind": "reasoning",
            "why": "A benchmark case.",
            "review_by": "2030-01-01",
            "messages": [{"role": "user", "content": f"Question number {number}: what is the answer?"}],
            "expect": {"checks": [{"contains": "answer"}, {"not_contains": "wrong"}]},
        }
    )


def _replies(rng: np.random.Generator, count: int) -> list[Answer]:
    words = np.array(
        [
            "answer",
            "table",
            "row",
            "the",
            "of",
            "a",
            "it",
            "is",
            "step",
            "first",
            "then",
            "so",
            "because",
            "four",
            "seven",
            "eleven",
        ]
    )
    usual = rng.choice(words, 60)
    found = []
    for _ in range(count):
        text = usual.copy()
        part = int(rng.integers(0, 60))
        if rng.random() < 0.5:
            text[part:] = rng.choice(words, 60 - part)
        found.append(Answer(text=" ".join(text), finish_reason=FinishReason.STOP, latency_ms=900.0))
    return found


def _batch(replies: dict[str, list[Answer]], samples: int, night: str) -> Batch:
    rounds = (Round.FIRST, Round.CONFIRM)
    return Batch(
        suite="canary",
        target="bench",
        night=night,
        run="bench",
        samples={
            case: tuple(
                Sample(number=n % samples, round=rounds[n // samples], reply=Transcript(turns=(Turn(answer=a),)))
                for n, a in enumerate(found[: 2 * samples])
            )
            for case, found in replies.items()
        },
    )  # fmt: skip
