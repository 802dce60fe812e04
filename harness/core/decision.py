"""From all that a run gathered to its one verdict. Pure, so that any run can be decided again."""

from harness.core.batch import Batch
from harness.core.canonical import digest
from harness.core.modes import mode_of
from harness.core.policy import Policy
from harness.core.run import RunKind, RunRecord
from harness.core.shard_decision import as_shard, is_part, shard_headline
from harness.core.verdict import (
    Verdict,
)
from harness.core.wording import headline


def decide(record: RunRecord, policy: Policy | None = None) -> Verdict:
    """Decide a run, under its own policy or another."""
    policy = policy or record.manifest.policy
    mode = mode_of(record.manifest.suite)
    targets = tuple(as_shard(record, mode.decide(record, one, policy)) for one in record.manifest.targets)
    manifest = record.manifest
    shown = digest(
        {
            "run": manifest.run,
            "policy": dict(policy.deciding()),
            "targets": [t.model_dump(mode="json") for t in targets],
            "replies": {name: _reply_digests(batch) for name, batch in sorted(record.batches.items())},
        }
    )
    return Verdict(
        run=manifest.run,
        suite=manifest.suite.name,
        night=manifest.night,
        scheduled=manifest.scheduled and manifest.kind is RunKind.CHECK,
        policy=policy,
        policy_digest=policy.digest,
        targets=targets,
        headline=shard_headline(targets) if is_part(record) else headline(targets),
        shown=shown,
    )


def _reply_digests(batch: Batch) -> list[list[str]]:
    return [
        [
            case,
            str(sample.number),
            sample.round.value,
            sample.answer.measured_text if sample.answer else "failed",
        ]
        for case, samples in sorted(batch.samples.items())
        for sample in samples
    ]
