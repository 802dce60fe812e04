"""What must hold of every night, whatever went wrong on it. Each function returns what does not, in words."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.core.judging.keys import is_judge_key
from harness.core.replies import Answer, Failure, FailureKind
from harness.core.run import JournalState
from harness.edges.stores.journal import read_journal
from tests.faults.stages import TASKS, run_of
from tests.support.faults import BEHAVIOUR, TURNED_AWAY, UNBILLED, Played, Told

DOCUMENTED = (0, 1, 2, 3, 4)
ENOUGH_CALLS, ENOUGH_CASES = 2 / 3, 3 / 4
PRICE = {"input": 1e-6, "output": 2e-6}
_ROUNDING_USD = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class Night:
    """A night that was played, and what lies on disk of it."""

    played: Played
    run: Path
    manifest: Mapping[str, Any]
    journal: JournalState
    verdict: Mapping[str, Any] | None


def night_of(root: Path, played: Played) -> Night:
    """Read what the newest run left behind."""
    run = run_of(root)
    verdict = run / "verdict.json"
    return Night(
        played=played,
        run=run,
        manifest=json.loads((run / "manifest.json").read_text(encoding="utf-8")),
        journal=read_journal(run / "journal.jsonl"),
        verdict=json.loads(verdict.read_text(encoding="utf-8")) if verdict.exists() else None,
    )


def violations(night: Night) -> list[str]:
    """Return all that does not hold."""
    checks = (exit_codes, evidence, reality, cost, answers_kept, turned_away, on_disk)
    return [f"{check.__name__}: {wrong}" for check in checks for wrong in check(night)]


def exit_codes(night: Night) -> Iterator[str]:
    """Yield what is wrong about how the command ended."""
    played = night.played
    if played.code not in DOCUMENTED:
        yield f"exit {played.code}: {played.err[-800:]}"
    if "Traceback" in played.err or "internal error" in played.err:
        yield played.err[-800:]
    struck = {told.fault for told in played.stage.told}
    if played.code == 2 and not struck & TURNED_AWAY:
        yield f"exit 2, and nobody was turned away: {played.err}"
    if played.code == 4:
        yield "exit 4, and no baseline was touched"


def evidence(night: Night) -> Iterator[str]:
    """Yield every pass that rests on too little."""
    if night.played.code != 0:
        return
    samples = int(night.manifest["samples"])
    cases = {case["id"]: case.get("samples") or samples for case in night.manifest["suite"]["cases"]}
    for target in (target["name"] for target in night.manifest["targets"]):
        answered = {
            case: sum(_is_answered(night.journal, target, case, number) for number in range(planned))
            for case, planned in cases.items()
        }
        if sum(answered.values()) < ENOUGH_CALLS * sum(cases.values()) - 1e-9:
            yield f"a pass of {target} with {answered} of {cases}"
        if sum(count > 0 for count in answered.values()) < ENOUGH_CASES * len(cases) - 1e-9:
            yield f"a pass of {target} with cases missing: {answered}"
    judged = [one for key, one in night.journal.completions.items() if is_judge_key(key)]
    if (
        cases.keys() & set(TASKS)
        and judged
        and sum(isinstance(one, Answer) for one in judged) < ENOUGH_CALLS * len(judged)
    ):
        yield f"a pass, and the judge gave {judged}"


def _is_answered(journal: JournalState, target: str, case: str, number: int) -> bool:
    turns = [
        completion
        for key, completion in journal.completions.items()
        if key.startswith(f"{target}:first:{case}:") and key.rsplit(":", 2)[1] == str(number)
    ]
    return bool(turns) and all(isinstance(turn, Answer) for turn in turns)


def reality(night: Night) -> Iterator[str]:
    """Yield a drift that nobody caused: no valid sample is another one than the unchanged model's."""
    if night.played.code == 1 and not has_changed(night):
        yield f"drift without a changed valid sample: {night.played.out[:600]}"


def has_changed(night: Night) -> bool:
    """Say whether any answer that was recorded is another one than the unchanged model's."""
    if night.played.stage.schedule.drift:
        return any(isinstance(one, Answer) for one in night.journal.completions.values())
    return any(told.fault in BEHAVIOUR and told.completion is not None for told in night.played.stage.told)


def cost(night: Night) -> Iterator[str]:
    """Yield a recorded cost below what the provider may charge."""
    end = night.journal.end
    if end is None:
        return
    caused = sum(_caused_usd(told) for told in night.played.stage.told)
    if end.cost_usd is None or end.cost_usd < caused - _ROUNDING_USD:
        yield f"${end.cost_usd} recorded, ${caused:.6f} caused"


def _caused_usd(told: Told) -> float:
    """Price one attempt: whatever made the model speak is charged, whether or not the words arrived."""
    if told.fault in UNBILLED or told.healthy is None:
        return 0.0
    usage = told.healthy.usage
    return (usage.input_tokens or 0) * PRICE["input"] + (usage.output_tokens or 0) * PRICE["output"]


def answers_kept(night: Night) -> Iterator[str]:
    """Yield an answer that came back and is not on disk, or one on disk that never came."""
    given: dict[str, Answer] = {}
    for told in night.played.stage.told:
        if isinstance(told.completion, Answer):
            if told.asked.key in given:
                yield f"asked again though it was answered: {told.asked.key}"
            given[told.asked.key] = told.completion
    for key, answer in given.items():
        kept = night.journal.completions.get(key)
        replayed = isinstance(kept, Failure) and kept.kind is FailureKind.REPLAYED
        if not replayed and not (isinstance(kept, Answer) and kept.text == answer.text):
            yield f"answered, and not in the journal: {key}: {kept}"
    for key, kept in night.journal.completions.items():
        if isinstance(kept, Answer) and key not in given:
            yield f"in the journal, and never answered: {key}"


def turned_away(night: Night) -> Iterator[str]:
    """Yield every request that starts after its target was turned away for good."""
    for target in {told.asked.target for told in night.played.stage.told}:
        asked = [told for told in night.played.stage.told if told.asked.target == target]
        ends = [told.ended for told in asked if told.fault in TURNED_AWAY and told.ended is not None]
        late = [told.asked.key for told in asked if ends and told.began > min(ends)]
        if late:
            yield f"{target} was asked on: {late}"


def on_disk(night: Night) -> Iterator[str]:
    """Yield a verdict or a report that is not there, or says something else than the exit code."""
    if night.verdict is None:
        answered = any(isinstance(one, Answer) for one in night.journal.completions.values())
        if night.played.code != 2 or answered:
            yield f"no verdict on disk, exit {night.played.code}"
        return
    if night.verdict["exit_code"] != night.played.code:
        yield f"the verdict on disk says {night.verdict['exit_code']}, the command {night.played.code}"
    if f"exit {night.played.code}" not in night.played.out:
        yield f"stdout does not say exit {night.played.code}: {night.played.out[-300:]}"
    page = night.run / "report.html"
    if not page.exists() or "</html>" not in page.read_text(encoding="utf-8"):
        yield "there is no whole report"
