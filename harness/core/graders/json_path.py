"""Rules for values inside a JSON answer, found by JSONPath."""

from dataclasses import dataclass

from harness.core.canonical import canonical_json
from harness.core.expect import Check, Expect
from harness.core.graders.effort import Effort, TooLarge
from harness.core.graders.grade import BadRule, Grade, Grading, quote
from harness.core.graders.json_answer import NotJson, count_values, same_json
from harness.core.graders.json_path_search import Search, compile_path, find_values
from harness.core.graders.submission import Submission
from harness.core.graders.text import Rule, rules_for

_VALUE_STEPS = 250
_CHARACTER_STEPS = 20
"""To write a value as JSON."""
_MOST_SAID = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class _Compiled:
    """A check with a path. `size` is how many values there are in what it compares with."""

    check: Check
    search: Search
    rules: tuple[Rule, ...]
    size: int


def compile_rules(expect: Expect) -> Grading:
    """Compile the checks with a path. Raises BadRule for a path or a pattern that does not parse."""
    compiled = tuple(
        _compile(check, check.path, index)
        for index, check in enumerate(expect.checks)
        if check.path is not None
    )

    def grade(submission: Submission) -> tuple[Grade, ...]:
        return tuple(_grade(one, submission) for one in compiled)

    return grade


def _compile(check: Check, path: str, index: int) -> _Compiled:
    try:
        search = compile_path(path)
    except ValueError as error:
        raise BadRule(("checks", index, "path"), f"not a JSONPath: {error}") from error
    text_check = check.model_copy(update={"path": None})
    rules = tuple(
        rule
        for rule in rules_for(text_check, ("checks", index))
        if not rule.label.startswith(("equals", "not_equals"))
    )
    size = count_values(check.equals) + count_values(check.not_equals)
    return _Compiled(check=check, search=search, rules=rules, size=size)


def _grade(compiled: _Compiled, submission: Submission) -> Grade:
    """Grade one check: at least one value is there, and every value found keeps every rule."""
    path, value = compiled.check.path, submission.json
    if isinstance(value, NotJson):
        return Grade(grader="json_path", holds=False, because=f"not JSON: {value.reason}")
    try:
        found = find_values(compiled.search, value, submission.effort)
        broken = [] if found else ["nothing is there"]
        for one in found:
            broken.extend(_broken(compiled, one, submission.effort))
            if len(broken) >= _MOST_SAID:
                break
    except TooLarge as error:
        return Grade(grader="json_path", holds=False, because=f"{path}: {error}")
    because = f"{path}: {'; '.join(broken[:_MOST_SAID])}" if broken else f"{path} holds"
    return Grade(grader="json_path", holds=not broken, because=because)


def _broken(compiled: _Compiled, value: object, effort: Effort) -> list[str]:
    check = compiled.check
    given, broken = check.model_fields_set, []
    effort.spend(_VALUE_STEPS * (1 + compiled.size))
    if "equals" in given and not same_json(value, check.equals):
        broken.append(f"is not {quote(canonical_json(check.equals))}")
    if "not_equals" in given and same_json(value, check.not_equals):
        broken.append("should be another")
    number = value if isinstance(value, int | float) and not isinstance(value, bool) else None
    if check.min is not None and (number is None or number < check.min):
        broken.append(f"is not at least {check.min:g}")
    if check.max is not None and (number is None or number > check.max):
        broken.append(f"is not at most {check.max:g}")
    if compiled.rules:
        text = value if isinstance(value, str) else _as_text(value, effort)
        content = text.encode("utf-8", "replace")
        broken.extend(
            f"breaks: {rule.label}" for rule in compiled.rules if not rule.holds(text, content, effort)
        )
    shown = quote(_as_text(value, effort)) if broken else ""
    return [f"{shown} {said}" for said in broken]


def _as_text(value: object, effort: Effort) -> str:
    text = canonical_json(value)
    effort.spend(_CHARACTER_STEPS * len(text))
    return text
