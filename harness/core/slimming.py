"""Replies and cases that are kept by the ten thousand, made smaller: equal to what they were, in half the memory."""

import sys

from pydantic import BaseModel

from harness.core.batch import StoredSample
from harness.core.replies import Answer, Failure
from harness.core.suite import Case

_NOTHING: set[str] = set()


def slim_completion(completion: Answer | Failure) -> None:
    """Let a completion forget which fields were given, and share what many of them say."""
    _forget_given(completion)
    if isinstance(completion, Answer):
        _forget_given(completion.usage)
        for call in completion.tool_calls:
            _forget_given(call)
        _share(completion, "model_served", "system_fingerprint")


def slim_stored(sample: StoredSample) -> None:
    """Do the same for an accepted reply, of which every night has as many."""
    _forget_given(sample)
    _share(sample, "night", "run", "made_by")
    if sample.answer is not None:
        slim_completion(sample.answer)


def slim_case(case: Case) -> None:
    """Let a case forget which fields were given, but for its rules: there, giving null is not giving nothing."""
    for part in (case, *case.messages, *case.tools, case.expect):
        _forget_given(part)


def _forget_given(record: BaseModel) -> None:
    # A set for each is a quarter of an answer, and only rules (`GivenOnly`) ever look at theirs. A copy of the
    # record copies it, so that this one stays empty.
    object.__setattr__(record, "__pydantic_fields_set__", _NOTHING)


def _share(record: BaseModel, *names: str) -> None:
    fields = record.__dict__
    for name in names:
        if isinstance(text := fields[name], str):
            fields[name] = sys.intern(text)
