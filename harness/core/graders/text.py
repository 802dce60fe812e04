"""Rules for the text as it stands: equals, contains, matches and their not_ forms."""

from collections.abc import Callable
from dataclasses import dataclass

from harness.core.expect import Check, Expect
from harness.core.graders.effort import Effort, TooLarge
from harness.core.graders.grade import Grade, Grading, compile_pattern, quote
from harness.core.graders.submission import Submission

_CONTAINS_STEPS = 2
"""For each character that is searched."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule of a check: whether `test` must say yes of a text; `test` raises TooLarge."""

    label: str
    wanted: bool
    test: Callable[[str, bytes, Effort], bool]
    """Of the text, and the same in UTF-8."""

    def holds(self, text: str, content: bytes, effort: Effort) -> bool:
        """Say whether a text keeps the rule. Raises TooLarge."""
        return self.test(text, content, effort) is self.wanted


def compile_rules(expect: Expect) -> Grading:
    """Compile the checks without a path. Raises BadRule for a pattern that RE2 does not take."""
    rules = tuple(
        rule
        for index, check in enumerate(expect.checks)
        if check.path is None
        for rule in rules_for(check, ("checks", index))
    )

    def grade(submission: Submission) -> tuple[Grade, ...]:
        return tuple(_grade(rule, submission) for rule in rules)

    return grade


def rules_for(check: Check, path: tuple[str | int, ...]) -> list[Rule]:
    """List a check's rules for a text. Raises BadRule."""
    given = check.model_fields_set
    rules: list[Rule] = []
    for prefix in ("", "not_"):
        for name, make in (("equals", _equals), ("contains", _contains), ("matches", _matches)):
            field = f"{prefix}{name}"
            if field in given:
                value = str(getattr(check, field))
                test = make(value, (*path, field))
                rules.append(Rule(label=f"{field} {quote(value)}", wanted=not prefix, test=test))
    return rules


def _grade(rule: Rule, submission: Submission) -> Grade:
    text = submission.text
    try:
        holds = rule.holds(text, submission.text_bytes, submission.effort)
    except TooLarge as error:
        return Grade(grader="text", holds=False, because=f"the text is {error}: {rule.label}")
    if holds:
        return Grade(grader="text", holds=True, because=f"holds: {rule.label}")
    said = "does not hold" if rule.wanted else "breaks"
    return Grade(grader="text", holds=False, because=f"the text {quote(text)} {said}: {rule.label}")


def _equals(value: str, _path: tuple[str | int, ...]) -> Callable[[str, bytes, Effort], bool]:
    wanted = value.strip()
    return lambda text, _content, _effort: text == wanted


def _contains(value: str, _path: tuple[str | int, ...]) -> Callable[[str, bytes, Effort], bool]:
    def test(text: str, _content: bytes, effort: Effort) -> bool:
        effort.spend(_CONTAINS_STEPS * len(text))
        return value in text

    return test


def _matches(value: str, path: tuple[str | int, ...]) -> Callable[[str, bytes, Effort], bool]:
    pattern = compile_pattern(value, path)
    return lambda _text, content, effort: pattern.found_in(content, effort)
