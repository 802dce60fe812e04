"""What simulated models can say: answers as data, found by the last thing the user said."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from itertools import chain
from typing import Annotated, Literal

from pydantic import Field, ValidationError

from harness.core.canonical import Record, normalise, text_digest
from harness.core.messages import ToolCall
from harness.core.suite import Share
from harness.errors import DocumentError, Problem

LISTS = ("answers", "other", "refusals", "broken", "wrong")


class Wording(Record):
    """One way to answer. A weight means something only beside the other weights of its list."""

    weight: Annotated[float, Field(gt=0)] = 1.0
    text: str = ""
    tool_calls: tuple[ToolCall, ...] = ()


class AnswerCase(Record):
    """Everything that can be answered to one question."""

    id: str
    ask: str
    """The last user message, exactly."""
    answers: Annotated[tuple[Wording, ...], Field(min_length=1)]
    """The usual repertoire, the most common first."""
    other: tuple[Wording, ...] = ()
    """How another model words it."""
    refusals: tuple[str, ...] = ()
    """How it declines; general refusals, where there is none."""
    broken: tuple[Wording, ...] = ()
    """Answers whose format is broken. Empty: no drift can break it."""
    wrong: tuple[Wording, ...] = ()
    """Answers of the right form and worse content. Empty: no drift can make it worse."""
    tends_to_refuse: Share = 0.0
    """How often the model declines when nothing is wrong."""
    variants: Mapping[str, tuple[Wording, ...]] = Field(default_factory=dict)
    """Further lists, for rules to name."""

    def wordings(self, name: str) -> tuple[Wording, ...]:
        """Return the list called `name`: one of `LISTS` or a variant; empty where there is none."""
        match name:
            case "answers":
                return self.answers
            case "other":
                return self.other
            case "broken":
                return self.broken
            case "wrong":
                return self.wrong
            case "refusals":
                texts = self.refusals or GENERAL_REFUSALS
                return tuple(Wording(weight=0.5**rank, text=text) for rank, text in enumerate(texts))
            case _:
                return self.variants.get(name, ())


class Rule(Record):
    """What a system prompt must say for a case to be answered as usual."""

    case: str
    requires: str
    """Part of the system prompt; case and white space do not matter."""
    otherwise: str
    """List that answers come from where the system prompt does not say it."""
    share: Share = 1.0
    """Share of the calls to which that happens."""

    def met(self, system: str) -> bool:
        """Say whether a system prompt holds what the rule requires."""
        return _plain(self.requires) in _plain(system)


class AnswerFile(Record):
    """One file of answer data."""

    version: Literal[1]
    cases: tuple[AnswerCase, ...] = ()
    rules: tuple[Rule, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerBook:
    """Answer data, ready to be looked up."""

    by_question: Mapping[str, AnswerCase]
    """Cases by digest of the normalised question."""
    rules: Mapping[str, tuple[Rule, ...]]
    """Rules by case."""

    @property
    def case_ids(self) -> tuple[str, ...]:
        """Every case, in order of the alphabet."""
        return tuple(sorted(case.id for case in self.by_question.values()))

    def case_for(self, question: str) -> AnswerCase | None:
        """Return the case that a user's message asks, or None where nobody wrote answers to it."""
        return self.by_question.get(question_digest(question))

    def unmet_rule(self, case: AnswerCase, system: str) -> Rule | None:
        """Return the first rule of a case that a system prompt does not meet."""
        return next((rule for rule in self.rules.get(case.id, ()) if not rule.met(system)), None)


GENERAL_REFUSALS = (
    "I'm sorry, but I can't help with that.",
    "I can't assist with this request.",
    "I'm not able to help with that. If there is something else, let me know.",
    "Sorry, I won't be able to do that.",
)


def question_digest(text: str) -> str:
    """Return what a question is known by: white space at its ends and invisible characters do not count."""
    return text_digest(normalise(text).strip())


def read_answers(text: str, name: str) -> AnswerFile:
    """Read one file of answer data; `name` is what errors call it. Raises DocumentError."""
    try:
        return AnswerFile.model_validate_json(text)
    except ValidationError as error:
        raise DocumentError(
            tuple(
                Problem(file=name, message=f"{'.'.join(map(str, one['loc']))}: {one['msg']}")
                for one in error.errors()
            )
        ) from error


def make_book(files: Mapping[str, AnswerFile]) -> AnswerBook:
    """Combine files, by name, into one book. Raises DocumentError for what cannot be told apart or found."""
    book = AnswerBook(
        by_question={question_digest(case.ask): case for file in files.values() for case in file.cases},
        rules=_by_case(chain.from_iterable(file.rules for file in files.values())),
    )
    problems = (*_repeated(files), *_dangling(files))
    if problems:
        raise DocumentError(problems)
    return book


@cache
def builtin_answers() -> AnswerBook:
    """Return the answers that ship with the package."""
    folder = resources.files("harness.simulator").joinpath("data")
    files = sorted(
        (entry for entry in folder.iterdir() if entry.name.endswith(".json")), key=lambda entry: entry.name
    )
    return make_book({entry.name: read_answers(entry.read_text("utf-8"), entry.name) for entry in files})


def _plain(text: str) -> str:
    return " ".join(normalise(text).casefold().split())


def _by_case(rules: Iterable[Rule]) -> Mapping[str, tuple[Rule, ...]]:
    found: dict[str, tuple[Rule, ...]] = {}
    for rule in rules:
        found[rule.case] = (*found.get(rule.case, ()), rule)
    return found


def _repeated(files: Mapping[str, AnswerFile]) -> tuple[Problem, ...]:
    problems: list[Problem] = []
    seen: dict[str, str] = {}
    for name, file in files.items():
        for case in file.cases:
            for what, key in (("id", f"id:{case.id}"), ("ask", f"ask:{question_digest(case.ask)}")):
                if key in seen:
                    message = f"case '{case.id}' has the same {what} as '{seen[key]}' before it"
                    problems.append(Problem(file=name, message=message))
                seen[key] = case.id
    return tuple(problems)


def _dangling(files: Mapping[str, AnswerFile]) -> tuple[Problem, ...]:
    cases = {case.id: case for file in files.values() for case in file.cases}
    return tuple(
        Problem(file=name, message=f"a rule for '{rule.case}' names '{rule.otherwise}', which has no answers")
        for name, file in files.items()
        for rule in file.rules
        if rule.case not in cases or not cases[rule.case].wordings(rule.otherwise)
    )
