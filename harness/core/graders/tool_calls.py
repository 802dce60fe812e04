"""The tool calls made against those expected, in five modes."""

from collections.abc import Callable, Sequence

from harness.core.canonical import canonical_json
from harness.core.expect import ArgumentMatch, CallMode, Expect, ExpectedCall, ExpectedCalls
from harness.core.graders.effort import Effort, TooLarge
from harness.core.graders.grade import Grade, Grading, compile_pattern, quote
from harness.core.graders.json_answer import count_values, same_json
from harness.core.graders.submission import Submission
from harness.core.messages import ToolCall

MOST_CALLS = 1_000
_ARGUMENT_STEPS = 250
_CHARACTER_STEPS = 20
"""To write an argument that is no text as one."""

ArgumentTest = Callable[[bool, object, Effort], bool]
CallTest = Callable[[ToolCall, Effort], bool]


def compile_rules(expect: Expect) -> Grading:
    """Compile `expect.calls`. Raises BadRule for a pattern that RE2 does not take."""
    calls = expect.calls or ExpectedCalls()
    tests = tuple(
        _call_test(item, index, exact=calls.mode is CallMode.EXACT) for index, item in enumerate(calls.items)
    )

    def grade(submission: Submission) -> tuple[Grade, ...]:
        made = submission.answer.tool_calls
        if len(made) > MOST_CALLS:
            because = f"{len(made):,} calls, too many to check"
            return (Grade(grader="tool_calls", holds=False, because=because),)
        try:
            holds = _holds(calls.mode, tests, made, submission.effort)
        except TooLarge as error:
            return (Grade(grader="tool_calls", holds=False, because=f"the calls are {error}"),)
        listed = ", ".join(_show(call) for call in made) or "no call"
        return (Grade(grader="tool_calls", holds=holds, because=quote(listed, 200)),)

    return grade


def _holds(mode: CallMode, tests: tuple[CallTest, ...], made: tuple[ToolCall, ...], effort: Effort) -> bool:
    if any(call.arguments is None for call in made):
        return False
    match mode:
        case CallMode.EXACT | CallMode.ORDERED:
            return len(tests) == len(made) and all(
                test(call, effort) for test, call in zip(tests, made, strict=True)
            )
        case CallMode.UNORDERED:
            return len(tests) == len(made) and _assign(_fitting(tests, made, effort), effort)
        case CallMode.SUBSET:
            return len(tests) <= len(made) and _assign(_fitting(tests, made, effort), effort)
        case CallMode.SUPERSET:
            return all(any(test(call, effort) for test in tests) for call in made)


def _fitting(tests: tuple[CallTest, ...], made: tuple[ToolCall, ...], effort: Effort) -> list[list[int]]:
    """List, for every test, the calls that pass it."""
    return [[index for index, call in enumerate(made) if test(call, effort)] for test in tests]


def _assign(fitting: Sequence[Sequence[int]], effort: Effort) -> bool:
    """Say whether every test can have a call of its own (augmenting paths, as calls may fit several tests)."""
    owner: dict[int, int] = {}

    def place(test: int, seen: set[int]) -> bool:
        for index in fitting[test]:
            effort.spend(_ARGUMENT_STEPS)
            if index in seen:
                continue
            seen.add(index)
            if index not in owner or place(owner[index], seen):
                owner[index] = test
                return True
        return False

    return all(place(test, set()) for test in range(len(fitting)))


def _call_test(expected: ExpectedCall, index: int, *, exact: bool) -> CallTest:
    tests = {
        name: _argument_test(rule, ("calls", "items", index, "args", name))
        for name, rule in expected.args.items()
    }

    def test(call: ToolCall, effort: Effort) -> bool:
        arguments = call.arguments or {}
        effort.spend(_ARGUMENT_STEPS)
        if call.name != expected.name:
            return False
        if exact and not arguments.keys() <= tests.keys():
            return False
        return all(check(name in arguments, arguments.get(name), effort) for name, check in tests.items())

    return test


def _argument_test(rule: object, path: tuple[str | int, ...]) -> ArgumentTest:
    if not isinstance(rule, ArgumentMatch):
        return _equals_one(rule)
    if rule.match is not None:
        pattern = compile_pattern(rule.match, (*path, "match"))
        return lambda given, value, effort: given and pattern.found_in(_as_text(value, effort), effort)
    if rule.one_of is not None:
        return _equals_one(*rule.one_of)
    if rule.absent:
        return lambda given, _value, _effort: not given
    return lambda given, _value, _effort: given


def _equals_one(*choices: object) -> ArgumentTest:
    size = count_values(choices)

    def test(given: bool, value: object, effort: Effort) -> bool:  # noqa: FBT001  # one argument of three, named by its type
        effort.spend(_ARGUMENT_STEPS * size)
        return given and any(same_json(value, choice) for choice in choices)

    return test


def _as_text(value: object, effort: Effort) -> str:
    if isinstance(value, str):
        return value
    text = canonical_json(value)
    effort.spend(_CHARACTER_STEPS * len(text))
    return text


def _show(call: ToolCall) -> str:
    arguments = call.raw if call.arguments is None else canonical_json(call.arguments)
    return f"{call.name}({arguments})"
