"""Nights of a suite: what its replies were, with the load and the replicas that a night's samples share."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.detection.drifts import Source, Sources
from bench.detection.suites import Floats, Prompt, Suite

MISSING = -1
JUDGE_NOISE, SESSION_OFFSET = 0.10, 0.04
STATE_DAYS, STATES = 4.0, 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Weather:
    """What makes nights differ, beyond chance."""

    title: str
    same_hour: float = 0.5
    """Share of a night's effect that its confirmation, asked at another hour, has too."""
    load: float = 0.0
    """Share of it that all prompts feel together."""
    states: float = 0.0
    """Share of it that lasts for days: a provider's replicas."""
    weekday: float = 0.0
    """Share of it that comes back every week."""
    trend: float = 0.0
    """How many nights' effects the target wanders off during the baseline, for good."""
    missing: float = 0.0
    """Share of calls that fail."""
    outage: float = 0.0
    """Share of nights on which a fifth of the prompts lose most of their calls."""


WEATHERS: Mapping[str, Weather] = {
    "plain": Weather(title="nights apart"),
    "same-hour": Weather(title="confirmed in the same hour", same_hour=1.0),
    "load": Weather(title="load that all prompts feel", load=0.3),
    "states": Weather(title="provider states that last for days", states=0.6),
    "weekday": Weather(title="weekdays", weekday=0.5),
    "trend": Weather(title="a trend over the baseline", trend=1.0),
    "errors": Weather(title="5 % of calls fail, and outages", missing=0.05, outage=0.1),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Batches:
    """Samples of some batches; arrays have shape (batches, prompts, most samples of a prompt)."""

    answer: NDArray[np.intp]
    """Which of the prompt's answers; `MISSING` for a call that failed or was not planned."""
    score: Floats
    """The judge's; NaN where it has none."""
    longer: Floats
    """Shape (batches, prompts): added to the log lengths."""
    samples: NDArray[np.intp]
    """Shape (prompts,): samples planned."""

    def __len__(self) -> int:
        return len(self.answer)

    def part(self, rows: Sequence[int] | slice | NDArray[np.intp]) -> "Batches":
        """Return some of the batches."""
        return Batches(
            answer=self.answer[rows], score=self.score[rows], longer=self.longer[rows], samples=self.samples
        )

    def first(self, samples: int) -> "Batches":
        """Return the first samples of every prompt."""
        kept = np.minimum(self.samples, samples)
        return Batches(
            answer=self.answer[:, :, : kept.max()],
            score=self.score[:, :, : kept.max()],
            longer=self.longer,
            samples=kept,
        )

    def first_answered(self, samples: int) -> "Batches":
        """Return as many samples of every prompt, those that were answered before those that were not."""
        order = np.argsort(self.answer == MISSING, axis=2, kind="stable")
        return Batches(
            answer=np.take_along_axis(self.answer, order, axis=2),
            score=np.take_along_axis(self.score, order, axis=2),
            longer=self.longer,
            samples=self.samples,
        ).first(samples)


def joined(parts: Sequence[Batches]) -> Batches:
    """Return the batches of all parts, in order; they agree in their samples."""
    return Batches(
        answer=np.concatenate([part.answer for part in parts]),
        score=np.concatenate([part.score for part in parts]),
        longer=np.concatenate([part.longer for part in parts]),
        samples=parts[0].samples,
    )


class Stream:
    """One target's nights, in order of time: the baseline's first, then those tested."""

    def __init__(self, suite: Suite, weather: Weather, rng: np.random.Generator) -> None:
        self._suite, self._weather, self._rng = suite, weather, rng
        self._night = 0
        self._state = int(rng.integers(STATES))
        sizes = [prompt.usual.size for prompt in suite.prompts]
        self._lasting = {
            name: [rng.standard_normal((count, size)) for size in sizes]
            for name, count in (("states", STATES), ("weekday", 7), ("load", 1), ("trend", 1))
        }

    def nights(self, sources: Sequence[Sources], samples: NDArray[np.intp]) -> tuple[Batches, Batches]:
        """Return one batch of every night and its confirmation; a night answers from its `sources`."""
        first, confirm = self._effects(len(sources))
        sessions = self._sessions(len(sources))
        return (
            self._drawn(sources, samples, first, sessions[0]),
            self._drawn(sources, samples, confirm, sessions[1]),
        )

    def evening(self, sources: Sources, samples: NDArray[np.intp], bursts: int) -> Batches:
        """Return `bursts` batches of one evening, all with the same effect and in one session of the judge."""
        effects, _ = self._effects(1)
        session = np.repeat(self._sessions(1)[0], bursts)
        repeated = [np.repeat(effect, bursts, axis=0) for effect in effects]
        return self._drawn([sources] * bursts, samples, repeated, session)

    def _effects(self, nights: int) -> tuple[list[Floats], list[Floats]]:
        """Return the standard effects on log weights of nights and of their confirmations, by prompt (nights, answers)."""
        weather, rng = self._weather, self._rng
        states = np.empty(nights, dtype=np.intp)
        for night in range(nights):
            if rng.random() < 1.0 / STATE_DAYS:
                self._state = int(rng.integers(STATES))
            states[night] = self._state
        number = self._night + np.arange(nights)
        self._night += nights
        load = rng.standard_normal((nights, 1))
        ramp = np.minimum(number / 14.0, 1.0)[:, None]
        first, confirm = [], []
        own = max(0.0, 1.0 - weather.states - weather.weekday - weather.load)
        for prompt in range(len(self._suite.prompts)):
            lasting = {name: found[prompt] for name, found in self._lasting.items()}
            shared = (
                np.sqrt(weather.states) * lasting["states"][states]
                + np.sqrt(weather.weekday) * lasting["weekday"][number % 7]
                + np.sqrt(weather.load) * load * lasting["load"]
                + weather.trend * ramp * lasting["trend"]
            )
            size = (nights, shared.shape[1])
            night, one, two = (rng.standard_normal(size) for _ in range(3))
            same, apart = np.sqrt(own * weather.same_hour), np.sqrt(own * (1.0 - weather.same_hour))
            first.append(shared + same * night + apart * one)
            confirm.append(shared + same * night + apart * two)
        return first, confirm

    def _sessions(self, nights: int) -> tuple[Floats, Floats]:
        same = self._weather.same_hour
        night, one, two = self._rng.standard_normal((3, nights)) * SESSION_OFFSET
        return np.sqrt(same) * night + np.sqrt(1 - same) * one, np.sqrt(same) * night + np.sqrt(
            1 - same
        ) * two

    def _drawn(
        self,
        sources: Sequence[Sources],
        samples: NDArray[np.intp],
        effects: Sequence[Floats],
        sessions: Floats,
    ) -> Batches:
        nights, prompts = len(sources), self._suite.prompts
        shape = (nights, len(prompts), int(samples.max()))
        answer = np.full(shape, MISSING, dtype=np.intp)
        score = np.full(shape, np.nan)
        longer = np.zeros(shape[:2])
        outages = self._rng.random(nights) < self._weather.outage
        for column, prompt in enumerate(prompts):
            count = int(samples[column])
            own = [night[column] for night in sources]
            drawn = self._answers(own, effects[column], count)
            drawn[self._failed(outages, count)] = MISSING
            answer[:, column, :count] = drawn
            longer[:, column] = [source.longer for source in own]
            if self._judged(prompt):
                noise = JUDGE_NOISE * self._rng.standard_normal(drawn.shape) + sessions[:, None]
                judged = np.clip(prompt.score[drawn] + noise, 0.0, 1.0)
                score[:, column, :count] = np.where(drawn == MISSING, np.nan, judged)
        return Batches(answer=answer, score=score, longer=longer, samples=samples)

    def _judged(self, prompt: Prompt) -> bool:
        return self._suite.profile.judged and prompt.kind.value == "reasoning"

    def _answers(self, sources: Sequence[Source], effect: Floats, count: int) -> NDArray[np.intp]:
        share = np.array([source.share for source in sources])[:, None]
        scale = np.exp(self._suite.profile.night * effect)
        found = []
        for likely in ("usual", "other"):
            weights = np.stack([getattr(source, likely) for source in sources]) * scale
            found.append(weights / weights.sum(axis=1, keepdims=True))
        steps = np.cumsum((1.0 - share) * found[0] + share * found[1], axis=1)
        steps[:, -1] = 1.0
        draws = self._rng.random((len(sources), count))
        return np.stack(
            [np.searchsorted(row, draw, side="right") for row, draw in zip(steps, draws, strict=True)]
        )

    def _failed(self, outages: NDArray[np.bool_], count: int) -> NDArray[np.bool_]:
        shape = (len(outages), count)
        struck = outages & (self._rng.random(len(outages)) < 0.2)
        lost = self._rng.random(shape) < np.where(struck[:, None], 0.8, self._weather.missing)
        return np.asarray(lost)
