"""The rules people use today: they know no noise. Shown beside every verdict; `policy: strict` lets them decide. Pure."""

from collections.abc import Sequence

from harness.core.batch import Baseline, Batch, StoredSample
from harness.core.canonical import text_digest
from harness.core.golden_records import PlainRule
from harness.core.measures import measurer
from harness.core.plan import Round
from harness.core.suite import Case

HASH_SHARE = 0.30
ANY_FAILURE = "any pass to fail"


def plain_canary_rules(
    cases: Sequence[Case], baseline: Baseline | None, batch: Batch | None
) -> tuple[PlainRule, ...]:
    """Return what the plain rules make of a night: each case's first reply beside that of the last accepted night."""
    if baseline is None or batch is None:
        return ()
    compared, moved, broken = 0, [], []
    for case in cases:
        known = baseline.cases.get(case.id)
        before = _first_of_last_night(known.samples) if known is not None else None
        now = next(
            (
                sample.answer
                for sample in batch.samples.get(case.id, ())
                if sample.answer is not None and sample.round is Round.FIRST
            ),
            None,
        )
        if before is None or now is None:
            continue
        compared += 1
        if before.text_digest != text_digest(now.measured_text):
            moved.append(case.id)
        measure = measurer(case)
        if before.answer is not None and not measure(before.answer).invalid and measure(now).invalid:
            broken.append(case.id)
    if not compared:
        return ()
    share = len(moved) / compared
    return (
        PlainRule(
            rule=f"over {HASH_SHARE:.0%} of hashes",
            fails=share > HASH_SHARE,
            because=f"{len(moved)} of {compared} replies differ from the last accepted night's",
        ),
        plain_rule(ANY_FAILURE, broken, "kept its rules on the last accepted night and breaks one now"),
    )


def _first_of_last_night(samples: Sequence[StoredSample]) -> StoredSample | None:
    return min(
        (one for one in samples if one.night == max(other.night for other in samples)),
        key=lambda one: (one.round is not Round.FIRST, one.run, one.sample),
        default=None,
    )


def plain_rule(name: str, cases: Sequence[str], what: str) -> PlainRule:
    """Return what a rule says that fails where it names any case."""
    if not cases:
        return PlainRule(rule=name, fails=False, because="no case")
    named = ", ".join(cases[:3]) + (f" and {len(cases) - 3} more" if len(cases) > 3 else "")
    return PlainRule(rule=name, fails=True, because=f"{named}: {what}")
