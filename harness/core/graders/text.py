"""Rules for the text as it stands: equals, contains, matches and their not_ forms."""

from collections.abc import Callable

from harness.core.canonical import normalise
from harness.core.graders.grade import Grade, Grading, compile_pattern, quote
from harness.core.replies import Answer
from harness.core.suite import Check, Expect

Rule = tuple[str, bool, Callable[[str], bool]]


def compile_rules(expect: Expect) -> Grading:
    """Compile the checks without a path. Raises BadRule for a pattern that RE2 does not take."""
    rules = tuple(
        rule
        for index, check in enumerate(expect.checks)
        if check.path is None
        for rule in rules_for(check, ("checks", index))
    )

    def grade(answer: Answer) -> tuple[Grade, ...]:
        text = normalise(answer.text).strip()
        return tuple(
            Grade(
                grader="text",
                holds=test(text) is wanted,
                because=f"the text {quote(text)} {'does not hold' if wanted else 'breaks'}: {label}"
                if test(text) is not wanted
                else f"holds: {label}",
            )
            for label, wanted, test in rules
        )

    return grade


def rules_for(check: Check, path: tuple[str | int, ...]) -> list[Rule]:
    """List a check's rules for a text: a label, the answer wanted, and the test."""
    given = check.model_fields_set
    rules: list[Rule] = []
    for prefix in ("", "not_"):
        for name, make in (("equals", _equals), ("contains", _contains), ("matches", _matches)):
            field = f"{prefix}{name}"
            if field in given:
                value = str(getattr(check, field))
                rules.append((f"{field} {quote(value)}", not prefix, make(value, (*path, field))))
    return rules


def _equals(value: str, _path: tuple[str | int, ...]) -> Callable[[str], bool]:
    wanted = value.strip()
    return lambda text: text == wanted


def _contains(value: str, _path: tuple[str | int, ...]) -> Callable[[str], bool]:
    return lambda text: value in text


def _matches(value: str, path: tuple[str | int, ...]) -> Callable[[str], bool]:
    pattern = compile_pattern(value, path)
    return lambda text: pattern.search(_encodable(text)) is not None


def _encodable(text: str) -> str:
    """Replace lone surrogates, which RE2 cannot read."""
    return text.encode("utf-8", "replace").decode("utf-8")
