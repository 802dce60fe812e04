"""What `drift compare` can read: a run, a recording, a baseline."""

from pathlib import Path
from urllib.parse import parse_qsl

from harness.core.batch import Baseline
from harness.core.messages import Message, Role
from harness.core.replies import Answer
from harness.core.sides import Side, baseline_side, run_side
from harness.core.suite import question_of
from harness.edges.git import open_repository
from harness.edges.providers.recording import read_recording
from harness.edges.stores.baseline_files import parse_baseline
from harness.errors import MissingBaseline, UnknownName, UsageError
from harness.registry import did_you_mean
from harness.wiring.workshop import Workshop, run_named


def read_side(
    workshop: Workshop, source: str, *, folder: Path, suite: str | None, target: str | None
) -> Side:
    """Read one side.

    A run (its name, the start of it, its folder, `last`; `@TARGET` picks one of several), a file of
    recorded answers (`FILE.jsonl`, `FILE.jsonl?model=NAME` keeps the records whose field is that value),
    or `baseline:`, `baseline:REF`.
    """
    if source.startswith("baseline:"):
        return _baseline_side(workshop, source.removeprefix("baseline:"), suite, target)
    path, _, query = source.partition("?")
    if (folder / path).is_file():
        return _recorded_side(folder / path, query)
    if path.endswith(".jsonl"):
        raise UnknownName(f"{folder / path}: there is no such recording; check the path")
    run, _, named = source.partition("@")
    runs = workshop.runs
    record = runs.load(runs.resolve(run_named(run, folder)))
    names = [found.name for found in record.manifest.targets]
    wanted = named or target or (names[0] if len(names) == 1 else None)
    if wanted not in names:
        raise UsageError(f"{source}: the run has the targets {', '.join(names)}; pick one with {run}@TARGET")
    return run_side(record, wanted, f"{wanted} ({record.manifest.night})")


def _recorded_side(path: Path, query: str) -> Side:
    where = dict(parse_qsl(query, keep_blank_values=True))
    name = ", ".join(where.values()) or path.stem
    answers: dict[str, list[Answer]] = {}
    questions: dict[str, str] = {}
    for record in read_recording(path, where):
        answers.setdefault(record.case, []).append(record.answer)
        asked = record.question
        if asked is not None:
            messages = (Message(role=Role.USER, content=asked),) if isinstance(asked, str) else asked
            questions[record.case] = question_of(messages)
    return Side(
        name=name,
        answers={case: tuple(found) for case, found in answers.items()},
        cases={},
        questions=questions,
    )


def _baseline_side(workshop: Workshop, ref: str, suite: str | None, target: str | None) -> Side:
    config = workshop.project.config
    suite = suite or next(iter(config.suites))
    if suite not in config.suites:
        raise UnknownName(f"unknown suite '{suite}'{did_you_mean(suite, tuple(config.suites))}")
    target = target or config.suites[suite].targets[0]
    if target in config.targets:
        target = config.targets[target].baseline_of or target
    baseline = _baseline_at(workshop, ref, suite, target)
    return baseline_side(baseline, f"baseline of {target}{f' at {ref}' if ref else ''}")


def _baseline_at(workshop: Workshop, ref: str, suite: str, target: str) -> Baseline:
    if not ref:
        found = workshop.baselines.load(suite, target)
    else:
        folder = f"baselines/{suite}/{target}"
        blobs = open_repository(workshop.project.root).read_files(ref, [folder])
        files = {path.removeprefix(f"{folder}/"): content for path, content in blobs.files.items()}
        found = parse_baseline(files, folder=f"{ref}:{folder}", suite=suite, target=target) if files else None
    if found is None:
        raise MissingBaseline(
            f"nothing was accepted for {suite}/{target}{f' at {ref}' if ref else ''}; "
            "`drift baseline list` shows what there is"
        )
    return found
