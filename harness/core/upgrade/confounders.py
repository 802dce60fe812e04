"""What else differs between two targets, or was left to chance, and could explain what is seen."""

from collections.abc import Iterator

from harness.core.canonical import canonical_json
from harness.core.judging.family import same_family
from harness.core.provenance import fingerprints, samples_of, served_names
from harness.core.run import RunRecord, RunTarget
from harness.core.upgrade_records import UpgradeSides

_DECIDING = ("temperature",)
"""Parameters whose default is the model's own, and matters."""


def upgrade_confounders(record: RunRecord) -> tuple[str, ...]:
    """Return a sentence for each thing that differs beside the model, or that is missing."""
    sides = record.manifest.upgrade
    assert sides is not None
    named = {target.name: target for target in record.manifest.targets}
    reference, candidate = named[sides.reference], named[sides.candidate]
    return (
        *_parameters(reference, candidate),
        *_served(record, reference, candidate),
        *_endpoints(reference, candidate),
        *_prices(sides),
        *_judge(record),
        *_missing(record),
    )


def _parameters(reference: RunTarget, candidate: RunTarget) -> Iterator[str]:
    before, after = dict(reference.target.params), dict(candidate.target.params)
    names = (reference.name, candidate.name)
    for name in sorted({*before, *after}):
        if name not in after:
            yield (
                f"{names[1]} is not sent {name}, which {names[0]} is ({name} {canonical_json(before[name])}): its own "
                "default stands. Some of what differs may be that."
            )
        elif name not in before:
            yield (
                f"{names[1]} is sent {name} {canonical_json(after[name])}, which {names[0]} is not. Some of what "
                "differs may be that."
            )
        elif before[name] != after[name]:
            yield (
                f"{name} is {canonical_json(before[name])} for {names[0]} and {canonical_json(after[name])} for "
                f"{names[1]}. Some of what differs may be that."
            )
    for name in _DECIDING:
        if name not in before and name not in after:
            yield f"Neither side is sent {name}, so each model's own default answers; the two may differ."


def _served(record: RunRecord, reference: RunTarget, candidate: RunTarget) -> Iterator[str]:
    found = {}
    for target in (reference, candidate):
        samples = samples_of(record.batches.get(target.name))
        found[target.name] = served_names(samples)
        several = found[target.name]
        if len(several) > 1:
            yield f"{target.name} was answered by several models: {', '.join(several[:4])}."
        prints = fingerprints(samples)
        if len(prints) > 1:
            yield f"{target.name} answered with {len(prints)} fingerprints: its provider changed something meanwhile."
    before, after = found[reference.name], found[candidate.name]
    if before and before == after:
        yield f"Both sides say that {', '.join(before[:4])} answered: they may be the same model."


def _endpoints(reference: RunTarget, candidate: RunTarget) -> Iterator[str]:
    if reference.provider != candidate.provider:
        yield f"{reference.name} is asked through {reference.provider}, {candidate.name} through {candidate.provider}."
    elif (reference.target.api_base or "") != (candidate.target.api_base or ""):
        yield "The two are asked at different endpoints, so their latencies are not of the models alone."
    for target in (reference, candidate):
        if not target.latency_at_transport:
            yield f"The latency of {target.name} includes waiting inside the client library."


def _prices(sides: UpgradeSides) -> Iterator[str]:
    before, after = sides.prices.get(sides.reference), sides.prices.get(sides.candidate)
    for name, price in ((sides.reference, before), (sides.candidate, after)):
        if price is None:
            yield f"The price of {name} is not known, so costs are not compared."
    if before is None or after is None or before == after:
        return
    yield (
        f"A million tokens cost ${before.input_usd_per_million:g} in and ${before.output_usd_per_million:g} out for "
        f"{sides.reference}, ${after.input_usd_per_million:g} and ${after.output_usd_per_million:g} for {sides.candidate}."
    )


def _judge(record: RunRecord) -> Iterator[str]:
    manifest = record.manifest
    rubrics = sum(case.rubric is not None for case in manifest.suite.cases)
    if not rubrics:
        return
    if manifest.judge is None:
        have = "1 case has" if rubrics == 1 else f"{rubrics} cases have"
        yield f"{have} a rubric and nobody is configured to judge: how good an answer is was not compared."
        return
    kin = [
        target.name
        for target in manifest.targets
        if same_family(manifest.judge.target.model, target.target.model)
    ]
    if len(kin) == 1:
        yield f"The judge is of {kin[0]}'s family, and judges tend to favour their own."
    elif kin:
        yield "The judge is of both sides' family, and judges tend to favour their own."
    else:
        yield "The judge is of neither family."


def _missing(record: RunRecord) -> Iterator[str]:
    manifest = record.manifest
    planned = sum(case.samples or manifest.samples for case in manifest.suite.cases)
    planned += sum(case.samples or manifest.samples for case in manifest.base_cases)
    total = planned * len(manifest.targets)
    answered = sum(
        sample.answer is not None
        for target in manifest.targets
        for sample in samples_of(record.batches.get(target.name))
    )
    if answered < total:
        lost = total - answered
        yield f"{lost} of {total} replies {'is' if lost == 1 else 'are'} missing."
    if record.end is not None and record.end.stopped:
        yield f"The run stopped early: {record.end.stopped}."
