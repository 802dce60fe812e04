"""What a run was made with, beside what its baseline was made with."""

from collections.abc import Iterator, Sequence

from harness.core.batch import Baseline
from harness.core.canonical import canonical_json, digest
from harness.core.plan import Round
from harness.core.run import RunRecord, RunTarget
from harness.core.suite import Case
from harness.core.verdict import Verdict
from harness.reporting.counting import listed, many
from harness.reporting.escape import one_line
from harness.reporting.model import IdentityRow
from harness.reporting.wording import night_text

_SHORT = 8


def identity_rows(record: RunRecord, verdict: Verdict) -> tuple[IdentityRow, ...]:
    """List everything that is needed to repeat the run; a reference that is not known is said to be so."""
    manifest = record.manifest
    golden = manifest.suite.golden
    what = "Tasks" if golden else "Cases"
    rows = [_candidate_only(what, f"{len(manifest.suite.cases)}, plan {manifest.plan[:_SHORT]}")]
    if golden:
        rows.extend(_golden_rows(record))
    for target in manifest.targets:
        rows.extend(_target_rows(record, target, several=len(manifest.targets) > 1))
    encoders = {baseline.encoder for baseline in record.references.values()}
    encoder = f"{one_line(manifest.encoder_name, 80)} {manifest.encoder[-_SHORT:]}"
    if encoders == {manifest.encoder}:
        rows.append(_same("Encoder", encoder))
    elif encoders:
        rows.append(_row("Encoder", ", ".join(sorted(encoders)), encoder))
    else:
        rows.append(_candidate_only("Encoder", encoder))
    if manifest.pull is None:
        rows.append(_candidate_only("Commit", one_line(manifest.commit or "none", 40)))
    rows += [
        _candidate_only(one_line(k, 40), one_line(v, 80)) for k, v in sorted(manifest.versions.items())[:12]
    ]
    rows.append(
        _candidate_only("Policy", f"{one_line(verdict.policy.name, 40)} {verdict.policy_digest[:_SHORT]}")
    )
    rows.append(_candidate_only("Shown", verdict.shown[:_SHORT]))
    return tuple(rows)


def identity_note(record: RunRecord, verdict: Verdict) -> str:
    """Say what the references are, who accepted them and why."""
    said: dict[str, list[str]] = {}
    for target in verdict.targets[:4]:
        baseline = record.references.get(target.target)
        if baseline is not None:
            said.setdefault(_accepted(baseline), []).append(target.target)
    several = len(verdict.targets) > 1
    lines = [
        f"The reference{f' of {listed(names)}' if several else ''} is {what}" for what, names in said.items()
    ]
    return " ".join(["Everything needed to repeat this run.", *lines])


def _accepted(baseline: Baseline) -> str:
    nights = sorted({sample.night for case in baseline.cases.values() for sample in case.samples})
    between = f", {night_text(nights[0])} to {night_text(nights[-1])}" if nights else ""
    tasks = any(sample.task for case in baseline.cases.values() for sample in case.samples)
    what = _runs_known(baseline) if tasks else many(len(nights), "night")
    line = f"the accepted baseline: {what}{between}."
    if not baseline.acceptances:
        return line
    last = baseline.acceptances[-1]
    reason = one_line(last.reason, 300)
    stop = "" if reason.endswith((".", "!", "?")) else "."
    return f"{line} Accepted on {night_text(last.at)} by {one_line(last.by, 80)}: “{reason}{stop}”"


def _target_rows(record: RunRecord, target: RunTarget, *, several: bool) -> Iterator[IdentityRow]:
    name = f"{target.name} " if several else ""
    cases = record.manifest.suite.cases
    baseline = record.references.get(target.name)
    batch = record.batches.get(target.name)
    yield _candidate_only(
        f"{name}model asked".capitalize() if not several else f"{name}model asked", target.target.model
    )
    answers = [s.answer for found in (batch.samples.values() if batch else ()) for s in found if s.answer]
    stored = [
        s.answer for case in (baseline.cases.values() if baseline else ()) for s in case.samples if s.answer
    ]
    for what, before, after in (
        ("model served", {a.model_served for a in stored}, {a.model_served for a in answers}),
        ("fingerprint", {a.system_fingerprint for a in stored}, {a.system_fingerprint for a in answers}),
    ):
        if before - {None} or after - {None}:
            yield _sets(_title(name, what), before, after)
    params = canonical_json(dict(target.target.params))
    yield _candidate_only(_title(name, "parameters"), one_line(params, 200))
    yield _candidate_only(
        _title(name, "provider"), one_line(f"{target.provider} {target.provider_version}", 80)
    )
    if baseline is not None:
        yield from _digests(name, cases, target, baseline)
    taken = _samples_text(record, target.name)
    golden = record.manifest.suite.golden
    known = (_runs_known(baseline) if golden else many(baseline.night_count(), "night")) if baseline else ""
    yield _row(_title(name, "samples"), known, taken, compared=False)


def _digests(
    name: str, cases: Sequence[Case], target: RunTarget, baseline: Baseline
) -> Iterator[IdentityRow]:
    shared = [(case, baseline.cases[case.id].identity) for case in cases if case.id in baseline.cases]
    for what, before, after in (
        ("questions", [i.question for _, i in shared], [case.question for case, _ in shared]),
        (
            "model and parameters",
            [i.treatment for _, i in shared],
            [target.target.treatment(c) for c, _ in shared],
        ),
        ("rules", [i.ruler for _, i in shared], [case.ruler for case, _ in shared]),
    ):
        yield _row(
            _title(name, what),
            f"{len(shared)}, {digest(before)[:_SHORT]}",
            f"{len(shared)}, {digest(after)[:_SHORT]}",
        )


def _samples_text(record: RunRecord, target: str) -> str:
    batch = record.batches.get(target)
    rounds = [s.round for found in (batch.samples.values() if batch else ()) for s in found]
    counted = {
        "first": rounds.count(Round.FIRST),
        "to confirm": rounds.count(Round.CONFIRM),
        "to run again what failed": rounds.count(Round.ESCALATE),
        "with the merge base's prompt": rounds.count(Round.BASE_PROMPT),
    }
    return ", ".join(f"{count} {name}" for name, count in counted.items() if count or name == "first")


def _golden_rows(record: RunRecord) -> Iterator[IdentityRow]:
    """List what a pull request compares, and who judges."""
    manifest, pull = record.manifest, record.manifest.pull
    if pull is not None:
        ref = f"merge base {one_line(pull.base, 40)[:12]} with {one_line(pull.ref, 60)}"
        yield _row(
            "Commit", ref, f"head {one_line(manifest.commit or 'not committed', 40)[:12]}", compared=False
        )
        whose = "the head's, trusted" if pull.trust_head else "the merge base's"
        yield _candidate_only("Targets, gates and limits", whose)
        before = {case.prompt.path: case.prompt.digest for case in manifest.base_cases if case.prompt}
        now = {case.prompt.path: case.prompt.digest for case in manifest.suite.cases if case.prompt}
        for path, digest_ in sorted(now.items())[:12]:
            known = before.get(path, "")
            yield _row(one_line(path, 80), known[:_SHORT], digest_[:_SHORT], compared=bool(known))
    judge = manifest.judge
    if judge is not None:
        orders = "both orders" if judge.both_orders else "one order"
        named = f"{judge.name}, {judge.target.model}, {orders}, {many(judge.anchors, 'anchor')}"
        yield _candidate_only("Judge", one_line(named, 160))


def _runs_known(baseline: Baseline) -> str:
    counts = [len(case.samples) for case in baseline.cases.values()]
    if not counts:
        return ""
    span = f"{min(counts)}" if min(counts) == max(counts) else f"{min(counts)} to {max(counts)}"
    return f"{span} runs a task"


def _sets(name: str, before: set[str | None], after: set[str | None]) -> IdentityRow:
    sides = [one_line(", ".join(sorted(value for value in side if value)), 160) for side in (before, after)]
    return _row(name, sides[0], sides[1], compared=bool(sides[0] and sides[1]))


def _title(name: str, what: str) -> str:
    return f"{name}{what}" if name else what.capitalize()


def _row(name: str, reference: str, candidate: str, *, compared: bool = True) -> IdentityRow:
    return IdentityRow(name=name, reference=reference, candidate=candidate, compared=compared)


def _same(name: str, value: str) -> IdentityRow:
    return _row(name, value, value)


def _candidate_only(name: str, value: str) -> IdentityRow:
    return _row(name, "", value, compared=False)
