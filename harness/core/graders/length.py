"""How long the text is, in characters."""

from harness.core.expect import Expect, LengthBounds
from harness.core.graders.grade import Grade, Grading
from harness.core.graders.submission import Submission


def compile_rules(expect: Expect) -> Grading:
    """Compile `expect.length`."""
    bounds = expect.length or LengthBounds()

    def grade(submission: Submission) -> tuple[Grade, ...]:
        size = len(submission.text)
        holds = bounds.min <= size and (bounds.max is None or size <= bounds.max)
        wanted = f"{bounds.min} to {bounds.max}" if bounds.max is not None else f"at least {bounds.min}"
        return (Grade(grader="length", holds=holds, because=f"{size} characters, {wanted} wanted"),)

    return grade
