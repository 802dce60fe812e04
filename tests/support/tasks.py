"""Golden tasks for tests."""

from collections.abc import Mapping, Sequence

from harness.core.suite import Case, Prompt

PROMPT = Prompt(
    path="prompts/support.md", text="You help {{ tier }} customers.", rendered="You help gold customers."
)


def make_task(
    id_: str = "refund-policy",
    *,
    turns: Sequence[Mapping[str, object]] = ({"user": "Hello?"},),
    prompt: Prompt | None = PROMPT,
    **fields: object,
) -> Case:
    """Make a task of a prompt file."""
    return Case.model_validate(
        {
            "id": id_,
            "task": "Answer a question about a refund.",
            "prompt": prompt,
            "input": {"vars": {"tier": "gold"}, "turns": list(turns)},
            "review_by": "2027-02-21",
            **fields,
        }
    )
