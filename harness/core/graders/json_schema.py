"""The whole answer against a JSON Schema, draft 2020-12."""

from harness.core.expect import Expect
from harness.core.graders.effort import TooLarge
from harness.core.graders.grade import BadRule, Grade, Grading
from harness.core.graders.json_answer import NotJson
from harness.core.graders.schema_check import SchemaCheck
from harness.core.graders.schema_document import read_schema
from harness.core.graders.schema_keywords import KEYWORDS
from harness.core.graders.submission import Submission


def compile_rules(expect: Expect) -> Grading:
    """Compile `expect.json_schema`. Raises BadRule for a schema that is not one, or that refers elsewhere."""
    try:
        document = read_schema(dict(expect.json_schema or {}))
    except BadRule as error:
        raise BadRule(("json_schema", *error.path), str(error)) from error

    def grade(submission: Submission) -> tuple[Grade, ...]:
        value = submission.json
        if isinstance(value, NotJson):
            return (_broken(f"not JSON: {value.reason}"),)
        try:
            broken = SchemaCheck(document, KEYWORDS, submission.effort).first_broken(value)
        except TooLarge as error:
            return (_broken(f"the answer is {error}"),)
        if broken is not None:
            return (_broken(str(broken)),)
        return (Grade(grader="json_schema", holds=True, because="matches the schema"),)

    return grade


def _broken(because: str) -> Grade:
    return Grade(grader="json_schema", holds=False, because=because)
