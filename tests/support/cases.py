"""Measures, comparisons and noisy nights made in memory, with drift to switch on and samples to lose."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from harness.core.canonical import text_digest
from harness.core.decision import decide
from harness.core.detection.occasions import Asked, Occasion
from harness.core.detection.question import Question
from harness.core.graders.refusal import Refusal
from harness.core.measures import Comparison, MeasuredCase, MeasuredSample, Measures, Vectors
from harness.core.replies import Answer, Failure
from harness.core.run import RunRecord
from harness.core.suite import Case
from harness.core.verdict import TargetVerdict
from tests.support.records import make_answer, make_case, make_failure

DECLINE = "I'm sorry, I can't assist with that."
WORDINGS = (
    "The answer to it is forty-two, as the table shows.",
    "The answer to it is forty-two, as that table shows.",
    "Forty-two: that is what the table says.",
    "It comes to forty-two.",
)


def make_measures(text: str = "It comes to forty-two.", /, **fields: object) -> Measures:
    """Measure a text as an answer that complies and breaks nothing."""
    known: dict[str, object] = {
        "text": text,
        "digest": text_digest(text),
        "refusal": Refusal.COMPLIED,
        "refused": 0.0,
        "invalid": 0.0,
        "quality": 1.0,
        "length": float(np.log1p(len(text))),
    }
    return Measures(**{**known, **fields})  # type: ignore[arg-type]


def unit_vectors(texts: Sequence[str], dimension: int = 8) -> Vectors:
    """Make a random direction for every text, the same one for the same text."""
    vectors = {}
    for text in texts:
        drawn = np.random.default_rng(int(text_digest(text)[:12], 16)).normal(size=dimension)
        vectors[text_digest(text)] = (drawn / np.linalg.norm(drawn)).astype(np.float32)
    return vectors


Sides = Mapping[str, tuple[Sequence[Measures], Sequence[Measures]]]


def make_sides(sides: Sides, *, k: int = 3, cases: Mapping[str, Case] | None = None) -> Comparison:
    """Compare the reference with the candidate measures of every case; `k` reference samples are a night."""
    measured = tuple(
        MeasuredCase(
            case=(cases or {}).get(name) or make_case(name),
            reference=tuple(
                MeasuredSample(batch=f"2026-10-{1 + place // k:02d}", number=place % k, measures=one)
                for place, one in enumerate(reference)
            ),
            candidate=tuple(
                MeasuredSample(batch="2026-11-21/first", number=place, measures=one)
                for place, one in enumerate(candidate)
            ),
        )
        for name, (reference, candidate) in sides.items()
    )
    texts = {m.text for one in measured for s in one.samples if (m := s.measures).text is not None}
    return Comparison(target="sonnet", cases=measured, vectors=unit_vectors(sorted(texts)))


def asking(
    tonight: Comparison,
    confirm: Comparison | None = None,
    earlier: Sequence[Comparison] = (),
    awaited: Comparison | None = None,
    *,
    samples: int | None = None,
    widened: float = 1.0,
) -> tuple[Comparison, Question]:
    """Put the candidates of several nights beside tonight's reference, and ask what is to be made of them.

    `samples` of each case were planned on every night; without it as many as the fullest case has.
    """
    found = [(Occasion.TONIGHT, tonight)]
    found += [(Occasion.CONFIRM, confirm)] if confirm is not None else []
    found += [(Occasion.AWAITED, awaited)] if awaited is not None else []
    found += [(Occasion.EARLIER, night) for night in earlier]
    candidates: dict[str, list[MeasuredSample]] = {m.case.id: [] for m in tonight.cases}
    asked, vectors = [], dict(tonight.vectors)
    for place, (occasion, night) in enumerate(found):
        label = f"tested-{place:03d}/{occasion.value}"
        planned = samples or max((len(m.candidate) for m in night.cases), default=0)
        asked.append(Asked(batch=label, occasion=occasion, samples={m.case.id: planned for m in night.cases}))
        vectors |= night.vectors
        for measured in night.cases:
            if measured.case.id in candidates:
                candidates[measured.case.id] += [replace(s, batch=label) for s in measured.candidate]
    cases = tuple(replace(m, candidate=tuple(candidates[m.case.id])) for m in tonight.cases)
    comparison = replace(tonight, cases=cases, vectors=vectors if tonight.vectors else {})
    return comparison, Question(asked=tuple(asked), widened=widened)


def swapped(comparison: Comparison) -> Comparison:
    """Call the candidate the reference, and the other way round."""
    return replace(
        comparison,
        cases=tuple(replace(m, reference=m.candidate, candidate=m.reference) for m in comparison.cases),
    )


def noisy_measures(name: str, rng: np.random.Generator, count: int) -> list[Measures]:
    """Draw measures as one unchanged model gives them, every signal with noise of its own."""
    found = []
    for _ in range(count):
        refused = float(rng.random() < 0.25)
        found.append(
            make_measures(
                f"{name}: {WORDINGS[rng.integers(len(WORDINGS))]}{' Indeed.' * int(rng.integers(3))}",
                refused=refused,
                invalid=float(rng.random() < 0.2),
                quality=float(rng.choice((0.5, 0.75, 1.0))),
            )
        )
    return found


def noisy_sides(seed: int, *, cases: int = 6, reference: int = 15, candidate: int = 3) -> Comparison:
    """Draw both sides of every case from the same model."""
    rng = np.random.default_rng(seed)
    return make_sides(
        {
            f"case-{place}": (
                noisy_measures(f"case-{place}", rng, reference),
                noisy_measures(f"case-{place}", rng, candidate),
            )
            for place in range(cases)
        }
    )


def encoded(record: RunRecord) -> RunRecord:
    """Give every text of a run a vector."""
    texts = {
        sample.answer.measured_text
        for batch in record.batches.values()
        for samples in batch.samples.values()
        for sample in samples
        if sample.answer is not None
    } | {
        stored.answer.measured_text
        for baseline in record.references.values()
        for case in baseline.cases.values()
        for stored in case.samples
        if stored.answer is not None
    }
    return replace(record, vectors=unit_vectors(sorted(texts)))


@dataclass(frozen=True, kw_only=True)
class Noise:
    """A model with several wordings, the same mixture every night, that may drift and whose replies may get lost.

    Tonight is night -1, its confirmation -2: `records.Answers`.
    """

    seed: int = 1
    refuses: float = 0.0
    """Share of tonight's replies that decline instead; the confirmation too, unless `only_first`."""
    other: float = 0.0
    """Share of tonight's replies that come from another model."""
    lost: Callable[[str, int, int], bool] = lambda case, night, sample: False
    """(case, night, sample) to whether the call failed."""
    only_first: bool = False

    def __call__(self, case: str, target: str, night: int, sample: int) -> Answer | Failure:
        rng = np.random.default_rng([self.seed, night + 9, sample, int(text_digest(case)[:6], 16)])
        place, mixed = int(rng.integers(len(WORDINGS))), rng.random()
        tonight = night == -1 or (night == -2 and not self.only_first)
        if night < 0 and self.lost(case, night, sample):
            return make_failure()
        if tonight and mixed < self.refuses:
            return make_answer(DECLINE)
        if tonight and mixed < self.refuses + self.other:
            return make_answer(f"Computed result for {case} = 42 (see row {place}).")
        return make_answer(f"{case}: {WORDINGS[place]}")


def decided(record: RunRecord) -> TargetVerdict:
    """Decide a run of one target."""
    (target,) = decide(record).targets
    return target
