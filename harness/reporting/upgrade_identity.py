"""What two models side by side were made with, each row both sides."""

from collections.abc import Iterator

from harness.core.canonical import canonical_json
from harness.core.run import RunRecord, RunTarget
from harness.core.upgrade_records import SideCoverage, UpgradeReading
from harness.core.verdict import Verdict
from harness.reporting.counting import many
from harness.reporting.escape import one_line
from harness.reporting.model import IdentityRow

_SHORT = 8


def upgrade_identity(record: RunRecord, verdict: Verdict, reading: UpgradeReading) -> tuple[IdentityRow, ...]:
    """List everything that is needed to repeat the comparison."""
    manifest = record.manifest
    named = {target.name: target for target in manifest.targets}
    before, after = named[reading.reference], named[reading.candidate]
    rows = [
        _row("Target", before.name, after.name),
        _row("Model asked", before.target.model, after.target.model),
        _row("Model served", *(", ".join(side.served) or "not said" for side in reading.sides)),
    ]
    if any(side.fingerprints for side in reading.sides):
        rows.append(
            _row("Fingerprint", *(", ".join(side.fingerprints[:4]) or "not said" for side in reading.sides))
        )
    rows += [
        _row("Parameters sent", *(_params(target) for target in (before, after))),
        _row("Parameters left out", _left_out(before, after), _left_out(after, before)),
        _row("Provider", *(f"{target.provider} {target.provider_version}" for target in (before, after))),
        _row("Price, a million tokens", *(_price(record, target.name) for target in (before, after))),
        _same("Cases", f"{len(manifest.suite.cases)}, plan {manifest.plan[:_SHORT]}"),
        *_prompts(record),
        *_judge(record),
        _same("Replies a case", f"{manifest.samples}, interleaved"),
        _row("Measured", *(_measured(side) for side in reading.sides)),
        _same("Commit", one_line(manifest.commit or "none", 40)),
        *(_same(one_line(k, 40), one_line(v, 80)) for k, v in sorted(manifest.versions.items())[:12]),
        _same("Policy", f"{one_line(verdict.policy.name, 40)} {verdict.policy_digest[:_SHORT]}"),
        _same("Shown", verdict.shown[:_SHORT]),
    ]
    return tuple(rows)


def _params(target: RunTarget) -> str:
    said = ", ".join(f"{k} {canonical_json(v)}" for k, v in sorted(target.target.params.items()))
    return said or "none"


def _left_out(target: RunTarget, other: RunTarget) -> str:
    names = sorted(other.target.params.keys() - target.target.params.keys())
    return ", ".join(names) or "none"


def _price(record: RunRecord, name: str) -> str:
    sides = record.manifest.upgrade
    price = sides.prices.get(name) if sides is not None else None
    if price is None:
        return "not known"
    return f"${price.input_usd_per_million:g} in, ${price.output_usd_per_million:g} out"


def _prompts(record: RunRecord) -> Iterator[IdentityRow]:
    sides = record.manifest.upgrade
    if sides is None or sides.prompts is None:
        return
    refs = sides.prompts
    yield _row(
        "Prompts replayed",
        f"{refs.reference} {refs.reference_commit[:12]}",
        f"{refs.candidate} {refs.candidate_commit[:12]}",
    )


def _judge(record: RunRecord) -> Iterator[IdentityRow]:
    judge = record.manifest.judge
    if judge is not None:
        orders = "both orders" if judge.both_orders else "one order"
        yield _same("Judge", f"{judge.name}, {judge.target.model}, {orders}, {many(judge.anchors, 'anchor')}")


def _measured(side: SideCoverage) -> str:
    return f"{side.answered:,} of {side.planned:,}"


def _row(name: str, reference: str, candidate: str) -> IdentityRow:
    return IdentityRow(name=name, reference=one_line(reference, 200), candidate=one_line(candidate, 200))


def _same(name: str, value: str) -> IdentityRow:
    return _row(name, value, value)
