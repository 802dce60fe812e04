"""Deterministic graders: one answer in, grades out.

A grader is a function `compile_rules(expect) -> Grading`. Of a canary `expect.refusal` is not graded: a shift
in refusing is a signal of its own, measured in every case. The graders of a case share one `Effort` an answer.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache

from harness.core.expect import Expect, ExpectedRefusal
from harness.core.graders.grade import BadRule, Grade, Grading, quote
from harness.core.graders.submission import Submission
from harness.core.replies import Answer
from harness.core.suite import Case
from harness.registry import Registry

__all__ = ["GRADERS", "BadRule", "Grade", "Grading", "Submission", "compile_graders", "grade"]

GRADERS: Registry[Callable[[Expect], Grading]] = Registry(
    kind="grader",
    group="harness.graders",
    table={
        "text": "harness.core.graders.text:compile_rules",
        "json_path": "harness.core.graders.json_path:compile_rules",
        "json_schema": "harness.core.graders.json_schema:compile_rules",
        "tool_calls": "harness.core.graders.tool_calls:compile_rules",
        "length": "harness.core.graders.length:compile_rules",
        "conduct": "harness.core.graders.conduct:compile_rules",
    },
)


_KEPT = 256


@dataclass(frozen=True, slots=True)
class _Rules:
    """What a case's graders are made of, compared by its text."""

    text: str
    names: tuple[str, ...]
    expect: Expect = field(compare=False)


@lru_cache(maxsize=_KEPT)
def _gradings(rules: _Rules) -> tuple[Grading, ...]:
    """Compile rules. A run reads, decides and draws the same cases again and again, and compiling costs most of it."""
    return tuple(GRADERS.load(name)(rules.expect) for name in rules.names)


def _gradings_of(case: Case) -> tuple[Grading, ...]:
    try:
        text = case.expect.model_dump_json()
    except (ValueError, RecursionError):
        return _gradings.__wrapped__(
            _Rules("", _wanted(case), case.expect)
        )  # no text, so nothing to find it by
    # What was given counts, not only what it amounts to: `equals: null` is a rule, and no `equals` is none.
    given = "|".join(",".join(sorted(check.model_fields_set)) for check in case.expect.checks)
    return _gradings(_Rules(f"{given} {text}", _wanted(case), case.expect))


def compile_graders(case: Case) -> Callable[[Answer], tuple[Grade, ...]]:
    """Compile every rule of a case once, for use on many answers. Raises BadRule."""
    gradings = _gradings_of(case)

    def grading(answer: Answer) -> tuple[Grade, ...]:
        submission = Submission(answer)
        return (*_went_on(answer), *(grade for one in gradings for grade in one(submission)))

    return grading


def _went_on(answer: Answer) -> tuple[Grade, ...]:
    """Fail a conversation that could not be held as its case scripts it; nothing where it could."""
    if answer.not_called is None:
        return ()
    because = f"{quote(answer.not_called)} was not called, so the conversation ended before its last turn"
    return (Grade(grader="conversation", holds=False, because=because),)


def grade(case: Case, answer: Answer) -> tuple[Grade, ...]:
    """Grade one answer; for many answers to one case, `compile_graders` once."""
    return compile_graders(case)(answer)


def _wanted(case: Case) -> tuple[str, ...]:
    """Name the graders that a case needs, so that the libraries of the others are not imported."""
    expect = case.expect
    needed = {
        "text": any(check.path is None for check in expect.checks),
        "json_path": any(check.path is not None for check in expect.checks),
        "json_schema": expect.json_schema is not None,
        "tool_calls": expect.calls is not None,
        "length": expect.length is not None,
        # A canary's is shown and its shift is measured; only a task says what must be.
        "conduct": case.is_task and expect.refusal is not ExpectedRefusal.EITHER,
    }
    return tuple(name for name, wanted in needed.items() if wanted)
