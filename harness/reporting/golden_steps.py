"""What to do about a golden run, with the commands that mend it."""

import re
import shlex
from collections.abc import Iterator

from harness.core.findings import Outcome
from harness.core.golden_records import Gated, GateProblem
from harness.core.run import Manifest, RunRecord
from harness.core.shard_decision import MERGED
from harness.core.verdict import TargetVerdict, Verdict
from harness.reporting.escape import one_line
from harness.reporting.golden_words import PROBLEMS, mend_text, was_not_evaluated
from harness.reporting.headline import GO_ON, MERGE_IT
from harness.reporting.model import Command, NextStep

_QUOTED_COMMAND = re.compile(r"`(drift [^`]+)`")


def mending_steps(verdict: Verdict, target: TargetVerdict, manifest: Manifest) -> Iterator[NextStep]:
    """Say what mends each problem of a target, with the command where there is one."""
    order = list(PROBLEMS)
    several = len(verdict.targets) > 1
    for gated in sorted(target.gated, key=lambda one: order.index(one.problem)):
        mend = mend_text(gated, verdict)
        because = one_line(gated.because, 600)
        if gated.problem is GateProblem.MISSING_BASELINE and not target.coverage.answered:
            continue
        if gated.problem is GateProblem.MISSING_BASELINE and target.outcome is Outcome.REGRESSED:
            because = "Mend what regressed; or, if it is meant to be so, accept it, and say why."
        elif gated.problem is GateProblem.MISSING_BASELINE and manifest.pull is not None:
            because += " If it is meant to be so, accept it, and say why."
        if gated.problem is GateProblem.CONFIG_CHANGED and manifest.pull is not None:
            asked = f"drift check {shlex.quote(verdict.suite)} --since {shlex.quote(manifest.pull.ref)}"
            why = f"{because} Somebody who trusts the change can run it."
            yield NextStep(why=why, command=_command(f"{asked} --trust-head"))
            continue
        quoted = _QUOTED_COMMAND.search(mend)
        if mend.startswith("drift "):
            command, _, after = mend.partition(", ")
            then = f" {_sentence(one_line(after, 300))}" if after else ""
            command = _shortened(command, gated, target, manifest)
            if several and command.startswith("drift accept"):
                command += f" --target {shlex.quote(target.target)}"
            yield NextStep(why=f"{because}{then}", command=_command(command))
        elif quoted is not None and not quoted[1].endswith(" ID"):
            yield NextStep(why=f"{because} {_sentence(one_line(mend, 400))}", command=_command(quoted[1]))
        else:
            yield NextStep(why=f"{because} {_sentence(one_line(mend, 400))}", command=None)


def _shortened(command: str, gated: Gated, target: TargetVerdict, manifest: Manifest) -> str:
    """Name the whole suite by a star where all of its tasks are meant, and nothing was deleted."""
    deleted = manifest.pull.deleted if manifest.pull is not None else ()
    if len(gated.cases) < 2 or deleted or set(gated.cases) != {task.case for task in target.tasks}:
        return command
    return command.replace(" ".join(f"--case {case}" for case in gated.cases), "--case '*'")


def _command(text: str) -> Command:
    head, option, tail = one_line(text, 4_000).partition(" --")
    return Command(head=head, tail=f"--{tail}" if option else "")


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith(('.', '!', '?')) else '.'}"


def golden_steps(record: RunRecord, verdict: Verdict) -> tuple[NextStep, ...]:
    """Say what to do about a golden run, most pressing first."""
    manifest = record.manifest
    found: list[NextStep] = []
    for target in verdict.targets:
        found.extend(mending_steps(verdict, target, manifest))
    since = manifest.pull.options if manifest.pull is not None else ""
    if was_not_evaluated(record.end):
        if not any(gated.problem is GateProblem.CONFIG_CHANGED for t in verdict.targets for gated in t.gated):
            found.insert(
                0,
                NextStep(
                    why="Somebody who has the keys can run it.",
                    command=Command(head=f"drift check {shlex.quote(verdict.suite)}", tail=since),
                ),
            )
    elif any(target.coverage.measured < target.coverage.planned for target in verdict.targets):
        rejected = any(target.rejected for target in verdict.targets)
        why = "Mend the key or the model's name, then go on" if rejected else "Ask again for what is missing"
        found.insert(
            0,
            NextStep(
                why=f"{why}. What has arrived is kept and not paid for twice.",
                command=Command(head=manifest.resumed_by, tail="--only-errors"),
            ),
        )
    regressed = any(target.outcome is Outcome.REGRESSED for target in verdict.targets)
    if regressed and not found:
        found.append(
            NextStep(
                why="Mend what regressed; or, if it is meant to be so, accept it with the command at each task.",
                command=None,
            )
        )
    if not found and manifest.shard is not None:
        found.append(NextStep(why=MERGE_IT, command=Command(head="drift merge RUN…")))
    if not found and any(target.shard == MERGED for target in verdict.targets):
        found.append(NextStep(why=GO_ON, command=_command(manifest.resumed_by)))
    unique: dict[tuple[str, str], NextStep] = {}
    for step in found:
        unique.setdefault((step.why, step.command.text if step.command else ""), step)
    return tuple(unique.values())
