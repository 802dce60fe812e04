"""Make one run of its shards: the run that one machine would have made, with the same answers."""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from harness.core.decision import decide
from harness.core.judged_runs import judge_items
from harness.core.modes import mode_of
from harness.core.plan import Round
from harness.core.run import Manifest, RunEnd, RunRecord
from harness.core.shard import Shard, shard_cases
from harness.core.shard_decision import LEFT_TO_ASK
from harness.core.verdict import Verdict
from harness.errors import DamagedRecord, MeasurementError, OtherRun
from harness.flows.check import CheckResult, texts_to_encode
from harness.ports import Encoder, RunStore, VectorCache

_OF_ONE_SHARD = ("run", "started_at", "estimate_usd", "shard")
"""What shards of one run differ in."""
_MOST_NAMED = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class MergeParts:
    """What runs are merged with."""

    runs: RunStore
    encoder: Encoder
    vectors: VectorCache
    keep: Callable[[RunRecord, Verdict], None]
    """Put the verdict on disk."""
    note: Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Merged:
    """A run made of shards."""

    result: CheckResult
    left: str | None
    """What an unsharded run would have asked by now, and nobody has yet; None where nothing is left."""


async def merge_runs(names: Sequence[str], new_run: Callable[[str], str], parts: MergeParts) -> Merged:
    """Check that these runs are all the shards of one, and make it. No call is made.

    `new_run` names a run of a suite. Raises UsageError for what does not belong together or is named twice,
    MeasurementError where a shard is missing or did not end, DamagedRecord for one that answers what is not its own.
    """
    runs = parts.runs
    shards = _in_order([(name, runs.manifest(name)) for name in dict.fromkeys(names)], len(names))
    records = [runs.load(name) for name, _ in shards]
    for record in records:
        _check_own(record)
    _check_compared_alike(records)
    first, shard = records[0].manifest, _shard_of(records[0].manifest)
    manifest = first.model_copy(
        update={
            "run": new_run(first.suite.name),
            "started_at": min(record.manifest.started_at for record in records),
            "estimate_usd": _sum(record.manifest.estimate_usd for record in records),
            "scheduled": shard.scheduled,
            "shard": None,
            "merged": tuple(record.manifest.run for record in records),
        }
    )
    runs.create(manifest, records[0].references, records[0].stale, records[0].earlier)
    runs.join_journals(manifest.run, [name for name, _ in shards])
    end = _end_of(records)
    record = await _with_vectors(replace(runs.load(manifest.run), end=end), parts)
    verdict = decide(record)
    left = None if end.stopped else _left(record, verdict)
    if left is not None and not verdict_waits(verdict):
        # Without what is left it would be another verdict than an unsharded run's.
        end = end.model_copy(update={"stopped": LEFT_TO_ASK + left})
        record = replace(record, end=end)
        verdict = decide(record)
    journal = runs.journal(manifest.run, state=runs.journal_state(manifest.run))
    try:
        await journal.finish(end)
    finally:
        await asyncio.to_thread(journal.close)
    await asyncio.to_thread(parts.keep, record, verdict)
    runs.write_vectors(manifest.run, record.vectors)
    return Merged(result=CheckResult(record=record, verdict=verdict), left=left)


def verdict_waits(verdict: Verdict) -> bool:
    """Say whether the verdict itself says that it waits for a second batch."""
    return any(target.awaiting_confirmation for target in verdict.targets)


def _in_order(shards: Sequence[tuple[str, Manifest]], named: int) -> list[tuple[str, Manifest]]:
    """Return the shards by their numbers. Raises UsageError, MeasurementError."""
    if len(shards) < named:
        raise OtherRun("a run is named twice; name every shard once")
    for name, manifest in shards:
        if manifest.shard is None:
            raise OtherRun(f"{name} is no shard; make some with `drift check SUITE --shard 1/2` and 2/2")
    _check_alike(shards)
    of = _shard_of(shards[0][1]).of
    by_number: dict[int, str] = {}
    for name, manifest in shards:
        number = _shard_of(manifest).number
        if number in by_number:
            raise OtherRun(
                f"{by_number[number]} and {name} are both the shard {number}/{of}; name the one that counts"
            )
        by_number[number] = name
    missing = [f"{number}/{of}" for number in range(1, of + 1) if number not in by_number]
    if missing:
        raise MeasurementError(
            f"the {'shard' if len(missing) == 1 else 'shards'} {_listed(missing)} of this run "
            f"{'is' if len(missing) == 1 else 'are'} missing, so nothing can be told; run what is missing with "
            f"--shard {missing[0]}, and name its folder too"
        )
    return sorted(shards, key=lambda one: _shard_of(one[1]).number)


def _check_alike(shards: Sequence[tuple[str, Manifest]]) -> None:
    """Refuse shards that were not made by the same plan, with the same parts. Raises UsageError."""
    (first_name, first), *others = [(name, _common(manifest)) for name, manifest in shards]
    for name, other in others:
        differs = [field for field in first if first[field] != other[field]]
        if differs:
            raise OtherRun(
                f"{first_name} and {name} are no shards of one run: they differ in {_listed(differs)}; "
                "make all shards with the same files, options and version"
            )


def _common(manifest: Manifest) -> Mapping[str, object]:
    """Return what all shards of a run share, by the words that its user knows."""
    held = {
        name: value
        for name, value in manifest.model_dump(mode="json").items()
        if name not in _OF_ONE_SHARD and name != "merged"
    }
    shard = _shard_of(manifest)
    return {**held, "number of shards": shard.of, "scheduled": shard.scheduled}


def _check_own(record: RunRecord) -> None:
    """Refuse a shard that did not end, or that holds answers to another's cases. Raises HarnessError."""
    manifest = record.manifest
    if record.end is None:
        raise MeasurementError(
            f"the shard {_shard_of(manifest).name} did not end ({manifest.run}), so nothing can be told; "
            f"go on with: {manifest.resumed_by}"
        )
    own = {case.id for case in shard_cases(manifest.suite.cases, manifest.shard)}
    foreign = sorted({case for batch in record.batches.values() for case in batch.samples} - own)
    rounds = {sample.round for b in record.batches.values() for held in b.samples.values() for sample in held}
    if foreign or rounds - {Round.FIRST}:
        raise DamagedRecord(
            f"run {manifest.run} holds answers that are not those of its shard {_shard_of(manifest).name}"
            f"{f': {_listed(foreign)}' if foreign else ''}; restore it, or run the shard again"
        )


def _check_compared_alike(records: Sequence[RunRecord]) -> None:
    """Refuse shards that were held against other baselines, or beside other nights. Raises UsageError."""
    first = records[0]
    for other in records[1:]:
        differs = [
            what
            for what, same in (
                ("the accepted baselines", other.references == first.references),
                ("what could be compared", other.stale == first.stale),
                ("the nights before", other.earlier == first.earlier),
            )
            if not same
        ]
        if differs:
            raise OtherRun(
                f"{first.manifest.run} and {other.manifest.run} began with other references: {_listed(differs)} differ; "
                "give all shards the same baselines/ and reports/, and run them again"
            )


def _end_of(records: Sequence[RunRecord]) -> RunEnd:
    ends = [record.end for record in records if record.end is not None]
    stopped = {
        f"shard {_shard_of(record.manifest).name}": record.end.stopped
        for record in records
        if record.end is not None and record.end.stopped
    }
    said = {*stopped.values()} if len(stopped) == len(records) else {f"{k}: {v}" for k, v in stopped.items()}
    return RunEnd(
        finished_at=max(end.finished_at for end in ends),
        duration_s=max(end.duration_s for end in ends),
        cost_usd=_sum(end.cost_usd for end in ends),
        stopped="; ".join(sorted(said)) or None,
        possibly_billed_twice=tuple(sorted(key for end in ends for key in end.possibly_billed_twice)),
    )


async def _with_vectors(record: RunRecord, parts: MergeParts) -> RunRecord:
    texts = {} if record.manifest.suite.golden else texts_to_encode(record)
    if not texts:
        return record
    try:
        return replace(record, vectors=await asyncio.to_thread(parts.vectors.vectors, texts, parts.encoder))
    except MeasurementError as error:
        parts.note(f"the encoder failed, so the embedding signal is not measured: {error.told}")
        return record


def _left(record: RunRecord, verdict: Verdict) -> str | None:
    """Say what an unsharded run would ask now."""
    manifest = record.manifest
    answering = [
        run for run, target in zip(manifest.targets, verdict.targets, strict=True) if target.rejected is None
    ]
    further = None
    if manifest.suite.golden or manifest.policy.confirm_after == "now":
        further = mode_of(manifest.suite).next_round(record, verdict, answering, {Round.FIRST})
    judges = manifest.judge is not None and any(judge_items(record, run.name) for run in manifest.targets)
    said = [*(["the judge has yet to be asked"] if judges else []), *([further.why] if further else [])]
    return "; ".join(said) or None


def _shard_of(manifest: Manifest) -> Shard:
    assert manifest.shard is not None
    return manifest.shard


def _sum(amounts: Iterable[float | None]) -> float | None:
    known = [amount for amount in amounts if amount is not None]
    return round(sum(known), 6) if known else None


def _listed(names: Sequence[str]) -> str:
    left = len(names) - _MOST_NAMED
    return ", ".join(names[:_MOST_NAMED]) + (f" and {left} more" if left > 0 else "")
