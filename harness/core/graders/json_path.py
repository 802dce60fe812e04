"""Rules for values inside a JSON answer, found by JSONPath."""

from jsonpath_ng import JSONPath, parse
from jsonpath_ng.exceptions import JSONPathError

from harness.core.canonical import canonical_json
from harness.core.graders.grade import BadRule, Grade, Grading, quote
from harness.core.graders.json_answer import NotJson, read_json, same_json
from harness.core.graders.text import Rule, rules_for
from harness.core.replies import Answer
from harness.core.suite import Check, Expect

# What the library raises where a path asks for the parent of the root.
_CANNOT_APPLY = (AssertionError, AttributeError)


def compile_rules(expect: Expect) -> Grading:
    """Compile the checks with a path. Raises BadRule for a path or a pattern that does not parse."""
    compiled = []
    for index, check in enumerate(expect.checks):
        if check.path is None:
            continue
        try:
            path = parse(check.path)
            path.find({})  # some operators parse and then cannot be applied to anything
        except (JSONPathError, ValueError, NotImplementedError, *_CANNOT_APPLY) as error:
            reason = str(error) or "an operator in it is not supported"
            raise BadRule(("checks", index, "path"), f"not a JSONPath: {reason}") from error
        text_check = check.model_copy(update={"path": None})
        rules = [
            r
            for r in rules_for(text_check, ("checks", index))
            if not r[0].startswith(("equals", "not_equals"))
        ]
        compiled.append((check, path, rules))

    def grade(answer: Answer) -> tuple[Grade, ...]:
        value = read_json(answer.text)
        if isinstance(value, NotJson):
            because = f"not JSON: {value.reason}"
            return tuple(Grade(grader="json_path", holds=False, because=because) for _ in compiled)
        return tuple(_grade_found(check, path, rules, value) for check, path, rules in compiled)

    return grade


def _grade_found(check: Check, path: JSONPath, rules: list[Rule], value: object) -> Grade:
    try:
        return _grade_one(check, [match.value for match in path.find(value)], rules)
    except (RecursionError, *_CANNOT_APPLY) as error:
        said = (
            "nested too deeply" if isinstance(error, RecursionError) else "cannot be applied to this answer"
        )
        return Grade(grader="json_path", holds=False, because=f"{check.path}: {said}")


def _grade_one(check: Check, found: list[object], rules: list[Rule]) -> Grade:
    """Grade one check: at least one value is there, and every value found keeps every rule."""
    broken = (
        ["nothing is there"]
        if not found
        else [said for value in found for said in _broken(check, value, rules)]
    )
    because = f"{check.path}: {'; '.join(broken[:3])}" if broken else f"{check.path} holds"
    return Grade(grader="json_path", holds=not broken, because=because)


def _broken(check: Check, value: object, rules: list[Rule]) -> list[str]:
    given, broken = check.model_fields_set, []
    shown = quote(canonical_json(value))
    if "equals" in given and not same_json(value, check.equals):
        broken.append(f"{shown} is not {canonical_json(check.equals)}")
    if "not_equals" in given and same_json(value, check.not_equals):
        broken.append(f"is {shown}")
    number = value if isinstance(value, int | float) and not isinstance(value, bool) else None
    if check.min is not None and (number is None or number < check.min):
        broken.append(f"{shown} is not at least {check.min:g}")
    if check.max is not None and (number is None or number > check.max):
        broken.append(f"{shown} is not at most {check.max:g}")
    text = value if isinstance(value, str) else canonical_json(value)
    broken.extend(f"{shown} breaks: {label}" for label, wanted, test in rules if test(text) is not wanted)
    return broken
