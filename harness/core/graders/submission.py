"""An answer handed in for grading, read once for all the rules of a case."""

from functools import cached_property

from harness.core.canonical import normalise
from harness.core.graders.effort import Effort
from harness.core.graders.json_answer import NotJson, read_json
from harness.core.replies import Answer


class Submission:
    """An answer, what its text is to a reader and to a parser, and the effort left for it."""

    def __init__(self, answer: Answer, effort: Effort | None = None) -> None:
        self.answer = answer
        self.effort = effort or Effort()

    @cached_property
    def text(self) -> str:
        """The normalised text, without white space around it."""
        return normalise(self.answer.text).strip()

    @cached_property
    def text_bytes(self) -> bytes:
        """The same in UTF-8, as patterns read it; half a character becomes a question mark."""
        return self.text.encode("utf-8", "replace")

    @cached_property
    def json(self) -> object | NotJson:
        """The text as JSON, or why it is none."""
        return read_json(self.answer.text)
