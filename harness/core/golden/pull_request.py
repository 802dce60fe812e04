"""What a pull request may do to its own baseline, and what keeps it from passing. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from harness.core.batch import Acceptance, Baseline, CaseBaseline
from harness.core.golden_records import Gated, GateProblem
from harness.core.measures import measure_stored, measurer
from harness.core.run import Manifest, RunTarget
from harness.core.stats.exact import Counts, fisher_p
from harness.core.suite import Case

ALIKE_LEVEL = 0.05
FULL_RUNS = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Brought:
    """What a pull request says about the baseline of its own tasks."""

    accepted: Mapping[str, Acceptance]
    """By task: accepted anew for the very prompt, tools and model that the head has."""
    added: Mapping[str, int]
    """Those of them that only got so many more runs of the same; what they were held to before still holds."""
    missing: tuple[str, ...]
    """Tasks whose prompt file, tools or question changed, and whose new form nobody accepted."""
    unexplained: tuple[str, ...]
    """Tasks whose baseline changed though nothing that it measures did, or that were signed for and did not change."""


def brought_by(
    manifest: Manifest, target: RunTarget, reference: Baseline | None, proposed: Baseline | None
) -> Brought:
    """Compare the baseline that a pull request brings with the one at its merge base, task by task.

    Only an acceptance that the pull request adds explains anything: one that was there before was of something else.
    """
    base_cases = {case.id: case for case in manifest.base_cases}
    before_by = reference.cases if reference is not None else {}
    now_by = proposed.cases if proposed is not None else {}
    rewritten = not _keeps_acceptances(reference, proposed)
    accepted, missing, unexplained = {}, [], list(_signed_for_nothing(reference, proposed))
    added: dict[str, int] = {}
    most = max([FULL_RUNS, *(len(known.samples) for known in before_by.values())])
    for case in manifest.suite.cases:
        before, now = before_by.get(case.id), now_by.get(case.id)
        base = base_cases.get(case.id)
        varied = _varied(case, base, target) or _retargeted(before, case, target)
        if now is None or not _measures(now, case, target):
            if varied or before is None:
                missing.append(case.id)
            elif now != before:
                unexplained.append(case.id)
            continue
        if before is not None and now == before:
            continue
        acceptance = _new_acceptance_of(case.id, reference, proposed)
        if acceptance is None or rewritten:
            unexplained.append(case.id)
        elif (
            varied
            or before is None
            or _regraded(case, base)
            or _replaces_for_incident(acceptance, before, now)
        ):
            accepted[case.id] = acceptance
        elif _only_adds(before, now, case, most):
            accepted[case.id] = acceptance
            added[case.id] = len(now.samples) - len(before.samples)
        else:
            unexplained.append(case.id)
    asked = {case.id for case in manifest.suite.cases}
    deleted = set(manifest.pull.deleted) if manifest.pull is not None else set()
    elsewhere = (before_by.keys() | now_by.keys()) - asked - deleted
    unexplained += sorted(case_id for case_id in elsewhere if before_by.get(case_id) != now_by.get(case_id))
    if rewritten and not unexplained:
        unexplained += sorted(before_by)
    return Brought(
        accepted=accepted,
        added=added,
        missing=tuple(missing),
        unexplained=tuple(dict.fromkeys(unexplained)),
    )


def accepted_deletions(
    deleted: Sequence[str], reference: Baseline | None, proposed: Baseline | None
) -> Mapping[str, Acceptance]:
    """Return the tasks that are gone and whose baseline somebody took out with a reason."""
    found = {}
    for case_id in deleted:
        kept = proposed is not None and case_id in proposed.cases
        acceptance = _new_acceptance_of(case_id, reference, proposed)
        if not kept and acceptance is not None:
            found[case_id] = acceptance
    return found


def missing_problem(manifest: Manifest, cases: Sequence[str]) -> Gated:
    """Say that a change was made and not accepted, and how it is."""
    named = " ".join(f"--case {case}" for case in cases)
    return Gated(
        problem=GateProblem.MISSING_BASELINE,
        cases=tuple(cases),
        because=f"{_many(len(cases), 'task')} changed, and the new behaviour is not in the baseline that comes with the change.",
        mend=f'drift accept {manifest.run} {named} --reason "…" --digest DIGEST, then commit baselines/',
    )


def unexplained_problem(cases: Sequence[str]) -> Gated:
    """Say that a baseline moved by itself."""
    return Gated(
        problem=GateProblem.UNEXPLAINED_BASELINE,
        cases=tuple(cases),
        because=f"The baseline of {_many(len(cases), 'task')}, or its acceptance, changed though prompt, task and target did not.",
        mend=f"Take the change of baselines/ back. At most {FULL_RUNS} runs of the same are added to a task at once; "
        "after a drift of the model accept it with `drift accept --incident ID`.",
    )


def config_problem(manifest: Manifest, changed: Sequence[str]) -> Gated:
    """Say that what asks the model changed, which the merge base's configuration cannot test."""
    ref = manifest.pull.ref if manifest.pull is not None else "REF"
    return Gated(
        problem=GateProblem.CONFIG_CHANGED,
        because=f"drift.yaml changes {', '.join(changed)}; a pull request is tested with the targets of its merge base.",
        mend=f"drift check {manifest.suite.name} --since {ref} --trust-head, run by somebody who trusts the change",
    )


def _varied(case: Case, base: Case | None, target: RunTarget) -> bool:
    """Say whether what is asked, or what it is asked with, is another one than at the merge base."""
    if base is None:
        return True
    return base.question != case.question or target.target.treatment(base) != target.target.treatment(case)


def _retargeted(before: CaseBaseline | None, case: Case, target: RunTarget) -> bool:
    """Say whether the model or its parameters are other ones than those that were accepted."""
    if before is None or target.baseline_of != target.name:
        return False
    known = before.identity
    return target.target.treatment_with(case.tools, known.prompt) != known.treatment


def _regraded(case: Case, base: Case | None) -> bool:
    """Say whether the pull request changes what an answer is held to."""
    return base is not None and base.ruler != case.ruler


def _measures(now: CaseBaseline, case: Case, target: RunTarget) -> bool:
    """Say whether an accepted baseline is of the question, the prompt file and the treatment that the head has.

    Of a target that is held against another one's baseline the treatment cannot be compared.
    """
    known = now.identity
    same = known.prompt == (case.prompt.digest if case.prompt is not None else None)
    treated = target.baseline_of != target.name or known.treatment == target.target.treatment(case)
    return known.question == case.question and same and treated and bool(now.samples)


def _only_adds(before: CaseBaseline, now: CaseBaseline, case: Case, most: int) -> bool:
    """Say whether a baseline only has more runs of the same, at most so many, which pass and fail as those before."""
    if before.identity != now.identity or len(now.samples) - len(before.samples) > most:
        return False
    old = {sample.model_dump_json() for sample in before.samples}
    added = [sample for sample in now.samples if sample.model_dump_json() not in old]
    if len(added) + len(old) != len(now.samples):
        return False
    measure = measurer(case)
    sides = [
        [bool(sample.measures.invalid) for sample in measure_stored(case, samples, measure)]
        for samples in (before.samples, added)
    ]
    return alike(sides[0], sides[1])


def alike(reference: Sequence[bool], candidate: Sequence[bool]) -> bool:
    """Say whether runs fail neither more nor less often than others, by Fisher's exact test each way at .05."""
    counts = Counts(
        reference_failed=sum(reference),
        reference_runs=len(reference),
        candidate_failed=sum(candidate),
        candidate_runs=len(candidate),
    )
    return min(fisher_p(counts), fisher_p(counts.swapped)) > ALIKE_LEVEL


def _replaces_for_incident(acceptance: Acceptance, before: CaseBaseline, now: CaseBaseline) -> bool:
    """Say whether a drift of the model explains a new baseline, which must not know less than the old one did."""
    return acceptance.incident is not None and len(now.samples) >= min(len(before.samples), FULL_RUNS)


def _keeps_acceptances(reference: Baseline | None, proposed: Baseline | None) -> bool:
    """Say whether everything that was signed before is still there, word for word."""
    before = reference.acceptances if reference is not None else ()
    now = proposed.acceptances if proposed is not None else ()
    return now[: len(before)] == before


def _signed_for_nothing(reference: Baseline | None, proposed: Baseline | None) -> Iterator[str]:
    """Yield the tasks of new acceptances that explain no change: none of their tasks has another baseline now."""
    known = len(reference.acceptances) if reference is not None else 0
    before = reference.cases if reference is not None else {}
    now = proposed.cases if proposed is not None else {}
    for acceptance in proposed.acceptances[known:] if proposed is not None else ():
        if all(before.get(case) == now.get(case) for case in acceptance.cases):
            yield from acceptance.cases


def _new_acceptance_of(
    case_id: str, reference: Baseline | None, proposed: Baseline | None
) -> Acceptance | None:
    """Return the last acceptance that names a task and that the merge base does not have."""
    known = reference.acceptances if reference is not None else ()
    found = proposed.acceptances if proposed is not None else ()
    new = [one for one in found if case_id in one.cases and one not in known]
    return new[-1] if new else None


def _many(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"
