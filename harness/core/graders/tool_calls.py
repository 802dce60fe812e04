"""The tool calls made against those expected, in five modes."""

from collections.abc import Callable

from harness.core.canonical import canonical_json
from harness.core.graders.grade import Grade, Grading, compile_pattern, quote
from harness.core.graders.json_answer import same_json
from harness.core.replies import Answer, ToolCall
from harness.core.suite import ArgumentMatch, CallMode, Expect, ExpectedCall, ExpectedCalls

ArgumentTest = Callable[[bool, object], bool]


def compile_rules(expect: Expect) -> Grading:
    """Compile `expect.calls`. Raises BadRule for a pattern that RE2 does not take."""
    calls = expect.calls or ExpectedCalls()
    tests = tuple(
        _call_test(item, index, exact=calls.mode is CallMode.EXACT) for index, item in enumerate(calls.items)
    )

    def grade(answer: Answer) -> tuple[Grade, ...]:
        made = answer.tool_calls
        holds = _holds(calls.mode, tests, made)
        listed = ", ".join(_show(call) for call in made) or "no call"
        return (Grade(grader="tool_calls", holds=holds, because=quote(listed, 200)),)

    return grade


def _holds(mode: CallMode, tests: tuple[Callable[[ToolCall], bool], ...], made: tuple[ToolCall, ...]) -> bool:
    if any(call.arguments is None for call in made):
        return False
    match mode:
        case CallMode.EXACT | CallMode.ORDERED:
            return len(tests) == len(made) and all(test(call) for test, call in zip(tests, made, strict=True))
        case CallMode.UNORDERED:
            return len(tests) == len(made) and _assign(tests, made)
        case CallMode.SUBSET:
            return _assign(tests, made)
        case CallMode.SUPERSET:
            return all(any(test(call) for test in tests) for call in made)


def _assign(tests: tuple[Callable[[ToolCall], bool], ...], made: tuple[ToolCall, ...]) -> bool:
    """Say whether every test can have a call of its own (augmenting paths, as calls may fit several tests)."""
    owner: dict[int, int] = {}

    def place(test: int, seen: set[int]) -> bool:
        for index, call in enumerate(made):
            if index in seen or not tests[test](call):
                continue
            seen.add(index)
            if index not in owner or place(owner[index], seen):
                owner[index] = test
                return True
        return False

    return all(place(test, set()) for test in range(len(tests)))


def _call_test(expected: ExpectedCall, index: int, *, exact: bool) -> Callable[[ToolCall], bool]:
    tests = {
        name: _argument_test(rule, ("calls", "items", index, "args", name))
        for name, rule in expected.args.items()
    }

    def test(call: ToolCall) -> bool:
        arguments = call.arguments or {}
        if call.name != expected.name or (exact and set(arguments) - set(tests)):
            return False
        return all(check(name in arguments, arguments.get(name)) for name, check in tests.items())

    return test


def _argument_test(rule: object, path: tuple[str | int, ...]) -> ArgumentTest:
    if not isinstance(rule, ArgumentMatch):
        return lambda given, value: given and same_json(value, rule)
    if rule.match is not None:
        pattern = compile_pattern(rule.match, (*path, "match"))
        return lambda given, value: given and pattern.search(_as_text(value)) is not None
    if rule.one_of is not None:
        choices = rule.one_of
        return lambda given, value: given and any(same_json(value, choice) for choice in choices)
    if rule.absent:
        return lambda given, _value: not given
    return lambda given, _value: given


def _as_text(value: object) -> str:
    text = value if isinstance(value, str) else canonical_json(value)
    return text.encode("utf-8", "replace").decode("utf-8")


def _show(call: ToolCall) -> str:
    arguments = call.raw if call.arguments is None else canonical_json(call.arguments)
    return f"{call.name}({arguments})"
