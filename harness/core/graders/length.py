"""How long the text is, in characters."""

from harness.core.canonical import normalise
from harness.core.graders.grade import Grade, Grading
from harness.core.replies import Answer
from harness.core.suite import Expect, LengthBounds


def compile_rules(expect: Expect) -> Grading:
    """Compile `expect.length`."""
    bounds = expect.length or LengthBounds()

    def grade(answer: Answer) -> tuple[Grade, ...]:
        size = len(normalise(answer.text).strip())
        holds = bounds.min <= size and (bounds.max is None or size <= bounds.max)
        wanted = f"{bounds.min} to {bounds.max}" if bounds.max is not None else f"at least {bounds.min}"
        return (Grade(grader="length", holds=holds, because=f"{size} characters, {wanted} wanted"),)

    return grade
