"""A pull request held against its merge base: `drift check SUITE --since REF`."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from harness.cli.ordering import PullSides, RunOptions, missing_keys
from harness.cli.output import Outputs, finish, told
from harness.cli.planned import PlanOnly, plan_json, plan_text
from harness.cli.running import make_run
from harness.cli.session import Session
from harness.cli.step import tell_nothing_asked, tell_run
from harness.core.canonical import Record, canonical_json
from harness.core.config import Config
from harness.core.golden.affected import Affected, Watched, affected_by, concerns, is_named_by
from harness.core.run import PullRequest
from harness.core.suite import Case, Suite
from harness.errors import UnknownName, UntrustedChange, UsageError, one_line
from harness.registry import did_you_mean
from harness.reporting.counting import many
from harness.wiring import Workshop
from harness.wiring.branch_files import (
    changed_recordings,
    owners_of,
    refuse_hidden_places,
    refuse_other_encoder,
    refuse_recordings,
    refuse_unasked_pasts,
)
from harness.wiring.merge_base import (
    Comparison,
    Head,
    MergeBase,
    compare_since,
    open_merge_base,
    refuse_foreign_files,
    refuse_run_of_branch,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Since:
    """What a pull request is held against."""

    ref: str
    trust_head: bool
    """Take targets, gates and limits from the head: only for somebody who trusts it."""


def check_pull_request(
    session: Session, workshop: Workshop, options: RunOptions, since: Since, outputs: Outputs
) -> int:
    """Ask the tasks that a change has to do with, and hold them against the merge base. Return the exit code.

    Targets, gates, limits, references and where the suite lies come from the merge base: nothing in a pull
    request can make the check ask somebody else, or pass.
    """
    comparison = compare_since(
        session.folder, session.named_folder or session.folder, session.config, since.ref
    )
    count = len(comparison.changed.paths)
    if _is_elsewhere(workshop, options, comparison):
        if not workshop.is_golden(options.suite):
            raise _not_golden(options.suite)
        return _nothing_to_do(session, options.suite, since.ref, count, outputs)
    taken = Head(project=workshop.project, baselines=workshop.baselines) if since.trust_head else None
    with open_merge_base(comparison, since.ref, options.suite, trusted=taken) as base:
        trusted = workshop if since.trust_head else workshop.under(base.project.config)
        if not since.trust_head and options.suite in trusted.project.config.suites:
            places = (f"baselines/{options.suite}", trusted.project.config.suites[options.suite].path)
            refuse_hidden_places(comparison.root, places)
            refuse_foreign_files(
                comparison, trusted.case_files_of(options.suite), trusted.files_named_by(options.suite)
            )
            if options.resume:
                manifest = trusted.runs.path(trusted.runs.resolve(options.resume), "manifest.json")
                refuse_run_of_branch(comparison, manifest.parent)
            _refuse_unproved(trusted, options, comparison, base)
        outputs = outputs.through(trusted.redactor.redact_values)
        head = _suite_of(trusted, options.suite, since)
        reconfigured = tuple(
            _changed_parts(options.suite, options.targets, base.project.config, workshop.project.config)
        )
        config_changed = () if since.trust_head else reconfigured
        everything = comparison.rewritten or (
            since.trust_head and bool(reconfigured or _recordings(workshop, options, comparison))
        )
        affected = _affected(trusted, head, base, everything=everything)
        if not since.trust_head:
            _refuse_repointed(affected, trusted.project.config.suites[options.suite].path)
        if not (affected.cases or affected.deleted or config_changed):
            return _nothing_to_do(session, options.suite, since.ref, count, outputs)
        asked = affected.cases or head.cases
        sides = PullSides(
            suite=head.model_copy(update={"cases": asked}),
            base_cases=_base_cases(affected, base, head),
            references=base.baselines,
            record=PullRequest(
                ref=since.ref,
                base=base.commit,
                # A name that is no UTF-8 cannot be written in a record.
                changed=tuple(path.encode("utf-8", "backslashreplace").decode() for path in affected.files),
                config_changed=config_changed,
                trust_head=since.trust_head,
                untouched=len(head.cases) - len(asked),
                deleted=affected.deleted,
            ),
        )
        targets = options.targets or trusted.project.config.suites[options.suite].targets
        pulled = replace(options, pull=sides, not_asked=_why_not_asked(trusted, targets, affected))
        result = make_run(session, trusted, pulled)
    if isinstance(result, PlanOnly):
        session.put(plan_json(result) if session.json else plan_text(result))
        return 0
    code = finish(session, trusted.runs, result, outputs)
    with told(session):
        tell_run(session, trusted.runs, result.record, result.verdict, outputs)
    return code


def _refuse_unproved(trusted: Workshop, options: RunOptions, comparison: Comparison, base: MergeBase) -> None:
    """Refuse what the branch brings that no answer of tonight is held against."""
    config, changed = trusted.project.config, comparison.changed.paths
    refuse_recordings(_recordings(trusted, options, comparison))
    owners = owners_of(config, _asked_targets(trusted, options))
    refuse_unasked_pasts(changed, options.suite, owners)
    refuse_other_encoder(
        changed,
        options.suite,
        owners,
        before=base.baselines,
        now=trusted.baselines,
        encoder=trusted.builtin_encoder().digest,
    )


def _recordings(workshop: Workshop, options: RunOptions, comparison: Comparison) -> tuple[str, ...]:
    """Return the changed files that a target which is asked, or the judge, answers from."""
    targets = _asked_targets(workshop, options)
    return changed_recordings(comparison.root, workshop.project.config, targets, comparison.changed.paths)


def _asked_targets(workshop: Workshop, options: RunOptions) -> tuple[str, ...]:
    """Name the targets that are asked: a run that is gone on with knows its own."""
    if options.resume:
        runs = workshop.runs
        return tuple(target.name for target in runs.manifest(runs.resolve(options.resume)).targets)
    spec = workshop.project.config.suites.get(options.suite)
    return options.targets or (spec.targets if spec is not None else ())


def _is_elsewhere(workshop: Workshop, options: RunOptions, comparison: Comparison) -> bool:
    """Say at once, by names alone, that no changed file has to do with a suite.

    Only where the configuration is the merge base's own, so that the suite is where it says.
    """
    changed, root, name = comparison.changed.paths, workshop.project.root, options.suite
    if comparison.rewritten or comparison.config in changed:
        return False
    spec = workshop.project.config.suites.get(name)
    if spec is None:
        raise UnknownName(
            f"unknown suite '{name}'{did_you_mean(name, tuple(workshop.project.config.suites))}"
        )
    if _recordings(workshop, replace(options, resume=None), comparison):
        return False
    watched = (spec.path, f"baselines/{name}", *workshop.files_named_by(name))
    # What a link leads to changes by another name.
    if any(os.path.realpath(root / place) != os.path.normpath(root / place) for place in watched):
        return not changed
    return not any(
        any(concerns(path, place) for place in watched)
        or any(is_named_by(path, glob) for glob in spec.affects)
        for path in changed
    )


def _suite_of(trusted: Workshop, name: str, since: Since) -> Suite:
    if name not in trusted.project.config.suites and not since.trust_head:
        raise UntrustedChange(
            f"the merge base with {since.ref} knows no suite '{name}', so nothing says who answers it; "
            "where the head is trusted, add --trust-head"
        )
    suite = trusted.suite(name)
    if not suite.golden:
        raise _not_golden(name)
    return suite


def _not_golden(name: str) -> UsageError:
    return UsageError(f"'{name}' is no golden suite: --since holds golden tasks against their merge base")


def _affected(trusted: Workshop, head: Suite, base: MergeBase, *, everything: bool) -> Affected:
    spec = trusted.project.config.suites[head.name]
    watched = Watched(suite=spec.path, baselines=f"baselines/{head.name}", globs=spec.affects)
    return affected_by(base.changed, head, base.suite, watched, everything=everything)


def _base_cases(affected: Affected, base: MergeBase, head: Suite) -> tuple[Case, ...]:
    if affected.cases or base.suite is None:
        return affected.base_cases
    known = {case.id for case in head.cases}
    return tuple(case for case in base.suite.cases if case.id in known)


def _refuse_repointed(affected: Affected, folder: str) -> None:
    """Refuse a task that turns away from a prompt file which is still there: nothing would test that any more."""
    problems = [
        f"{folder}/{one.case}.yaml names {one_line(one.now or 'no prompt file')} now while {one_line(one.before)}, "
        "which it was about, is still there: nothing would test that any more; "
        f"name {one_line(one.before)}, or delete it; where the head is trusted, add --trust-head"
        for one in affected.repointed
    ]
    if problems:
        raise UntrustedChange("\n".join(problems))


def _changed_parts(suite: str, asked: Sequence[str], before: Config, now: Config) -> Iterator[str]:
    """Name what decides who is asked, how, and what passes, that the head has otherwise than the merge base."""
    names = {*asked}
    for config in (before, now):
        names |= {*config.suites[suite].targets} if suite in config.suites else set()
        names |= {config.judge.target} if config.judge is not None else set()
    yield from _differences(f"suites.{suite}", before.suites.get(suite), now.suites.get(suite))
    for name in sorted(names):
        if any(_differences(f"targets.{name}", before.targets.get(name), now.targets.get(name))):
            yield f"targets.{name}"
    yield from _differences("gates", before.gates, now.gates)
    yield from _differences("judge", before.judge, now.judge)
    yield from _differences("limits", before.limits, now.limits)
    yield from _differences("store", before.store, now.store)
    if before.policy != now.policy:
        yield "policy"


def _differences(where: str, before: Record | None, now: Record | None) -> Iterator[str]:
    """Name the fields of a part that differ; the part itself where only one side has it."""
    if before is None or now is None:
        if before is not now:
            yield where
        return
    old, new = before.model_dump(mode="json"), now.model_dump(mode="json")
    for field in sorted(old):
        if canonical_json(old[field]) != canonical_json(new[field]):
            yield f"{where}.{field}"


def _why_not_asked(trusted: Workshop, targets: Sequence[str], affected: Affected) -> str | None:
    """Say why no model is asked: a fork has no keys, or nothing that is asked has changed."""
    missing = missing_keys(trusted, targets)
    if missing:
        return f"not evaluated: {' and '.join(missing)} is not set, as in a fork; a maintainer can run it"
    if not affected.cases and not affected.deleted:
        return "not evaluated: only the configuration changed, and it is not trusted"
    return None


def _nothing_to_do(session: Session, suite: str, ref: str, changed: int, outputs: Outputs) -> int:
    said = f"nothing that '{suite}' asks changed since {ref} ({many(changed, 'file')} did): nothing was asked"
    if session.json:
        session.put(canonical_json({"suite": suite, "since": ref, "affected": 0, "exit_code": 0}))
    else:
        session.put(one_line(said))
    with told(session):
        tell_nothing_asked(said, outputs)
    return 0
