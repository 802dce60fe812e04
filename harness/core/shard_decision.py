"""What is said of a part of a run: how much came back, and that it decides nothing."""

from collections.abc import Sequence

from harness.core.findings import Outcome
from harness.core.plan import Round
from harness.core.run import RunRecord
from harness.core.shard import shard_cases
from harness.core.verdict import Coverage, TargetVerdict

MERGED = "merged"
LEFT_TO_ASK = "its shards are merged, and it was not asked to its end: "
"""How the reason begins why a merged run stopped, where its later rounds or its judge have yet to be asked."""


def as_shard(record: RunRecord, target: TargetVerdict) -> TargetVerdict:
    """Keep of a decision what is true of a part: what came back, and from whom. A run that is whole stays as it is."""
    name = _part_of(record)
    if name is None:
        return target
    return TargetVerdict(
        target=target.target,
        outcome=Outcome.INCONCLUSIVE,
        state=target.state,
        nights=target.nights,
        baseline=target.baseline,
        accepted_at=target.accepted_at,
        coverage=_coverage(record, target.target),
        cut_short=target.cut_short,
        failures=target.failures,
        served=target.served,
        fingerprints=target.fingerprints,
        shard=name,
    )


def shard_headline(targets: Sequence[TargetVerdict]) -> str:
    """Say in one sentence that there is no verdict."""
    answered = sum(target.coverage.answered for target in targets)
    planned = sum(target.coverage.planned for target in targets)
    name = next((target.shard for target in targets if target.shard), "")
    what = f"{answered} of {planned} {'reply' if planned == 1 else 'replies'} came back"
    if name == MERGED:
        return f"The shards are merged, and what follows them has yet to be asked: {what} so far."
    return f"Shard {name} of a run, which decides nothing by itself: {what if planned else 'it has no case'}."


def is_part(record: RunRecord) -> bool:
    """Say whether a run decides nothing: a shard, or merged shards that were not asked to their end."""
    return _part_of(record) is not None


def _part_of(record: RunRecord) -> str | None:
    manifest, end = record.manifest, record.end
    if manifest.shard is not None:
        return manifest.shard.name
    left = manifest.merged and end is not None and (end.stopped or "").startswith(LEFT_TO_ASK)
    return MERGED if left else None


def _coverage(record: RunRecord, name: str) -> Coverage:
    manifest, batch = record.manifest, record.batches.get(name)
    cases = shard_cases(manifest.suite.cases, manifest.shard)
    samples = batch.of_round(Round.FIRST).samples if batch is not None else {}
    answered = [sum(one.answer is not None for one in samples.get(case.id, ())) for case in cases]
    return Coverage(
        planned=sum(case.samples or manifest.samples for case in cases),
        answered=sum(answered),
        measured=sum(answered),
        compared=0,
        cases_planned=len(cases),
        cases_answered=sum(count > 0 for count in answered),
        cases_compared=0,
    )
