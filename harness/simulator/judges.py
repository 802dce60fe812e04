"""Simulated judges: they read a judge's question as a model would, and score by words that can be counted.

How a score comes about, see docs/simulator.md. The rubric is cut into criteria. A criterion with quoted phrases is
met by the share of them that stands in the answer. Any other is met by twice the share of its important words that
do, at most wholly; one that forbids something ("not", "never", "without"), by what is left to 1. "Polite" and
"brief" are looked for in their own way. The score is the mean over the criteria, in points.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from statistics import NormalDist
from typing import Protocol

from harness.core.messages import Said
from harness.simulator.answers import GENERAL_REFUSALS, Wording
from harness.simulator.chance import uniform
from harness.simulator.repertoire import Form, Table, make_table
from harness.simulator.spec import JudgeShape, ModelSpec

_NORMAL = NormalDist()
_EVEN_POINTS = 5.0
"""Two answers that a judge finds this close are equally good to it."""
_FOOLED_WORDS = 16
_FOOLED_SCORE = 96.0
_BRIEF_CHARACTERS = 600
_MOST_RATIONALE = 600


class Slant(Protocol):
    """How a judge is off on a night, 0..1: sizes of its drifts."""

    @property
    def quality(self) -> float:
        """Lenient by a hundred times as many points."""
        ...

    @property
    def format(self) -> float:
        """Share of the replies that are no verdict."""
        ...

    @property
    def refusal(self) -> float:
        """Share of the questions that it declines."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeQuestion:
    """What a judge finds in what it is sent."""

    rubric: str
    answers: tuple[str, ...]
    """One to score, or A and B to compare."""


def read_question(messages: Sequence[Said]) -> JudgeQuestion | None:
    """Find the texts between the marks that were announced; None where this is no question to a judge."""
    text = "\n".join(message.content for message in messages)
    announced = _ANNOUNCED.search(text)
    if announced is None:
        return None
    mark = re.escape(announced[1])
    blocks = {
        found["name"]: found["text"]
        for found in re.finditer(
            rf"^<<<(?P<name>[A-Z ]+) {mark}>>>\n(?P<text>.*?)\n<<<END (?P=name) {mark}>>>$",
            text,
            re.DOTALL | re.MULTILINE,
        )
    }
    answers = [blocks[name] for name in ("ANSWER", "ANSWER A", "ANSWER B") if name in blocks]
    if "RUBRIC" not in blocks or not answers:
        return None
    return JudgeQuestion(rubric=blocks["RUBRIC"], answers=tuple(answers))


def verdict_table(
    spec: ModelSpec, messages: Sequence[Said], slant: Slant, place: tuple[str, str]
) -> Table | None:
    """Return the one thing that a judge says to a judge's question.

    None for whoever is no judge, and for any other question. `place` is the night and the call.
    """
    question = read_question(messages) if spec.judge is not None else None
    if spec.judge is None or question is None:
        return None
    said = _Judge(spec.judge, slant, (str(spec.seed), "judge", *place)).says(question)
    return make_table(
        (Wording(text=said),), usual=(1.0,), tonight=(1.0,), form=Form(0.0, 0.0, 0.0), has_tools=False
    )


@lru_cache(1024)
def rubric_score(rubric: str, answer: str) -> float:
    """Return the points, 0..100, that an answer earns by the words of a rubric."""
    met = [share for _, share in _criteria_met(rubric, answer)]
    return 100 * sum(met) / len(met)


@dataclass(frozen=True, slots=True)
class _Judge:
    shape: JudgeShape
    slant: Slant
    place: tuple[str, ...]

    def says(self, question: JudgeQuestion) -> str:
        if self._drawn("declines") < self.slant.refusal:
            return GENERAL_REFUSALS[0]
        fields = self._score(question) if len(question.answers) == 1 else self._preference(question)
        if self._drawn("malformed") < self.slant.format:
            spoil = _SPOILT[int(self._drawn("spoilt") * len(_SPOILT))]
            return spoil(fields)
        return json.dumps(fields, ensure_ascii=False)

    def _score(self, question: JudgeQuestion) -> dict[str, object]:
        answer = question.answers[0]
        score = round(min(100.0, max(0.0, self._points(question.rubric, answer, "score"))))
        return {"rationale": _rationale(question.rubric, answer), "score": score}

    def _preference(self, question: JudgeQuestion) -> dict[str, object]:
        first, second = question.answers
        why = f"A: {_rationale(question.rubric, first)} B: {_rationale(question.rubric, second)}"
        ahead = self.shape.position_points
        if first != second:
            ahead += self._points(question.rubric, first, "A") - self._points(question.rubric, second, "B")
        better = "neither" if abs(ahead) < _EVEN_POINTS else "A" if ahead > 0 else "B"
        return {"rationale": why, "better": better}

    def _points(self, rubric: str, answer: str, which: str) -> float:
        """Return what the judge sees in an answer: not yet bounded, so that a pair is not cut to a tie."""
        score = rubric_score(rubric, answer)
        if self.shape.fooled and score < 50 and len(_WORD.findall(answer)) <= _FOOLED_WORDS:
            score = _FOOLED_SCORE
        night = self.shape.night_noise_points * _NORMAL.inv_cdf(uniform(*self.place[:3], "offset"))
        call = self.shape.noise_points * _NORMAL.inv_cdf(self._drawn(which))
        return score + night + call + 100 * self.slant.quality

    def _drawn(self, what: str) -> float:
        return uniform(*self.place, what)


def _rationale(rubric: str, answer: str) -> str:
    said = []
    for number, (_, share) in enumerate(_criteria_met(rubric, answer), start=1):
        said.append(f"{number}: {'met' if share >= 1 else 'not met' if share <= 0 else 'met in part'}.")
    return " ".join(said)[:_MOST_RATIONALE]


def _criteria_met(rubric: str, answer: str) -> list[tuple[str, float]]:
    """Return every criterion of a rubric, and how far an answer meets it, 0..1."""
    said = " ".join(answer.casefold().split())
    stems = frozenset(map(_stem, _WORD.findall(said)))
    return [(criterion, _met(criterion, said, stems)) for criterion in criteria(rubric)]


def criteria(rubric: str) -> list[str]:
    """Cut a rubric into its criteria: at numbers and bullets, else at sentences; at least one."""
    flat = rubric.strip()
    parts = _NUMBERED.split(flat) if _NUMBERED.search(flat) else _SENTENCE_END.split(flat)
    return [part.strip() for part in parts if _WORD.search(part)] or [flat]


def _met(criterion: str, said: str, stems: frozenset[str]) -> float:
    asked = criterion.casefold()
    forbids = _FORBIDS.search(asked) is not None
    quoted = [" ".join(phrase.split()) for phrase in _QUOTED.findall(asked)]
    found = _share_quoted(quoted, said) if quoted else _found(asked, said, stems)
    return 1.0 - found if forbids else found


def _share_quoted(quoted: Sequence[str], said: str) -> float:
    return sum(phrase in said for phrase in quoted) / len(quoted)


def _found(asked: str, said: str, stems: frozenset[str]) -> float:
    if not stems:
        return 0.0
    for wanted, looks in _MANNERS.items():
        if re.search(wanted, asked):
            return looks(said, stems)
    important = {_stem(word) for word in _WORD.findall(asked)} - _UNIMPORTANT
    if not important:
        return 1.0
    return min(1.0, 2 * len(important & stems) / len(important))


def _stem(word: str) -> str:
    return word[:5]


def _stems(words: str) -> frozenset[str]:
    return frozenset(map(_stem, words.split()))


def _is_polite(_said: str, stems: frozenset[str]) -> float:
    return float(bool(stems & _KIND_STEMS))


def _is_brief(said: str, _stems: frozenset[str]) -> float:
    return float(len(said) <= _BRIEF_CHARACTERS)


_ANNOUNCED = re.compile(r"^The mark is ([0-9a-f]{16,64})$", re.MULTILINE)
_WORD = re.compile(r"[^\W_]+")
_NUMBERED = re.compile(r"(?:^|\s)(?:\d{1,2}[.)]|[-*•])\s+")
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+|\n+")
_QUOTED = re.compile(r"[\"“”`]([^\"“”`]+)[\"“”`]")
_FORBIDS = re.compile(r"\b(?:no|not|never|without|avoids?|neither|nor)\b|n't\b")
_MANNERS: Mapping[str, Callable[[str, frozenset[str]], float]] = {
    r"\b(?:polite|courteous|friendly|kind|warm)": _is_polite,
    r"\b(?:brief|concise|short|succinct)": _is_brief,
}
_KIND_STEMS = _stems(
    "please thank thanks sorry apologise apologize happy glad understand appreciate welcome regret"
)
_UNIMPORTANT = _stems(
    "a an and any are as at be been before by can cites clearly contains correctly do does each every explains for "
    "from gives has have if in includes into is it its keeps least mentions more most must names never no nor not of "
    "offers on one only or out over proposes quotes refers says should so states tells than that the their them then "
    "there they this to two under up uses was what when where which while who why will with without you your"
)
_Fields = dict[str, object]
_SPOILT: tuple[Callable[[_Fields], str], ...] = (
    lambda fields: f"The answer looks fine to me, about {fields.get('score', 'B')} I would say.",
    lambda fields: f"```json\n{json.dumps(fields)}\n```",
    lambda fields: json.dumps({**fields, "confidence": "high"}),
    lambda fields: json.dumps({**fields, "score": 140, "better": "C"}),
    lambda fields: json.dumps(fields)[:-6],
    lambda fields: f'{{"score": 90, "better": "A", {json.dumps(fields)[1:]}',
    lambda fields: json.dumps({name: str(value) + "%" for name, value in fields.items()}),
    lambda fields: f"{json.dumps(fields)}\n{json.dumps(fields)}",
    lambda fields: f"Verdict: {len(fields)}",
)
"""Replies that are no verdict, each in a way that models are known for."""
