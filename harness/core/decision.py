"""From all that a run gathered to its one verdict. Pure, so that any run can be decided again."""

from harness.core.batch import Batch
from harness.core.canonical import digest
from harness.core.modes import mode_of
from harness.core.policy import Policy
from harness.core.run import RunKind, RunRecord
from harness.core.shard_decision import as_shard, is_part, shard_headline
from harness.core.verdict import TargetVerdict, Verdict
from harness.core.wording import headline


def decide(record: RunRecord, policy: Policy | None = None) -> Verdict:
    """Decide a run, under its own policy or another."""
    policy = policy or record.manifest.policy
    mode = mode_of(record.manifest.suite)
    manifest = record.manifest
    # Of two models side by side there is one verdict: the new one's.
    sides = manifest.upgrade
    targets = tuple(
        as_shard(record, mode.decide(record, target, policy))
        for target in manifest.targets
        if sides is None or target.name == sides.candidate
    )
    shown = digest(
        {
            "run": manifest.run,
            "policy": dict(policy.deciding()),
            "targets": [_shown(target) for target in targets],
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


def _shown(target: TargetVerdict) -> dict[str, object]:
    """Return a target's verdict; without what is no part of most, so that their digests stay what they were."""
    return target.model_dump(mode="json", exclude={"upgrade"} if target.upgrade is None else None)


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
