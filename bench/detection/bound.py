"""What no test can beat: a likelihood ratio that knows the channel that moved and its exact rates.

Its threshold is the quantile of quiet nights of the very suite, so it knows the night effect too.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.detection.drifts import Sources, quiet
from bench.detection.streams import JUDGE_NOISE, MISSING, Batches, Stream, joined
from bench.detection.suites import Flags, Floats, Prompt, Suite

QUIET, LEVEL, NIGHTS = 800, 0.0075, 5
_AT_ONCE = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class _Weights:
    """Per prompt: what a sample's value is multiplied by and what is added a sample; shape (prompts,)."""

    slope: Floats
    offset: Floats
    channel: str


def quiet_nights(suite: Suite, stream: Stream, samples: NDArray[np.intp]) -> tuple[Batches, Batches]:
    """Return the quiet nights, and their confirmations, that thresholds are learnt from."""
    parts = [stream.nights([quiet(suite)] * _AT_ONCE, samples) for _ in range(QUIET // _AT_ONCE)]
    return joined([first for first, _ in parts]), joined([confirm for _, confirm in parts])


def known_channel(
    suite: Suite,
    drifted: Sources,
    channel: str,
    calm: tuple[Batches, Batches],
    nights: tuple[Batches, Batches],
) -> Flags:
    """Say on which nights the ratio alarms: tonight and its confirmation, or the last five nights."""
    weights = _weights(suite, drifted, channel)
    single = np.quantile(_ratio(suite, weights, _together(calm)), 1.0 - LEVEL)
    # Nights of a quiet stream in any order are quiet, so that windows may overlap.
    five = _window(_ratio(suite, weights, calm[0]))[NIGHTS - 1 :]
    lasting = _window(_ratio(suite, weights, nights[0])) > np.quantile(five, 1.0 - LEVEL)
    lasting[: NIGHTS - 1] = False
    return np.asarray((_ratio(suite, weights, _together(nights)) > single) | lasting)


def _window(values: Floats) -> Floats:
    return np.convolve(values, np.ones(NIGHTS))[: len(values)]


def _together(parts: tuple[Batches, Batches]) -> Batches:
    first, confirm = parts
    return Batches(
        answer=np.concatenate([first.answer, confirm.answer], axis=2),
        score=np.concatenate([first.score, confirm.score], axis=2),
        longer=first.longer,
        samples=first.samples * 2,
    )


def _weights(suite: Suite, drifted: Sources, channel: str) -> _Weights:
    slope, offset = np.zeros((2, len(suite.prompts)))
    for n, (prompt, now, then) in enumerate(zip(suite.prompts, drifted, quiet(suite), strict=True)):
        if channel in ("quality", "length"):
            before, after, variance = _moments(prompt, channel, then.likely, now.likely, now.longer)
            if channel == "quality" and prompt.kind.value != "reasoning":
                continue
            slope[n] = (after - before) / variance
            offset[n] = -slope[n] * (after + before) / 2
            continue
        event = prompt.refused if channel == "refusal" else prompt.invalid
        rates = [float(np.clip(likely[event].sum(), 1e-3, 1 - 1e-3)) for likely in (then.likely, now.likely)]
        offset[n] = np.log((1 - rates[1]) / (1 - rates[0]))
        slope[n] = np.log(rates[1] / rates[0]) - offset[n]
    return _Weights(slope=slope, offset=offset, channel=channel)


def _moments(
    prompt: Prompt, channel: str, before: Floats, after: Floats, longer: float
) -> tuple[float, float, float]:
    values = prompt.score if channel == "quality" else prompt.length
    noise = JUDGE_NOISE**2 if channel == "quality" else 1e-4
    old, new = float(before @ values), float(after @ values) + longer
    return old, new, float(before @ (values - old) ** 2) + noise


def _ratio(suite: Suite, weights: _Weights, batches: Batches) -> Floats:
    total = np.zeros(len(batches))
    for n, prompt in enumerate(suite.prompts):
        if weights.slope[n] == 0 and weights.offset[n] == 0:
            continue
        answer = batches.answer[:, n]
        there = answer != MISSING
        match weights.channel:
            case "quality":
                values = np.nan_to_num(batches.score[:, n])
            case "length":
                values = prompt.length[answer] + batches.longer[:, n, None]
            case "refusal":
                values = prompt.refused[answer].astype(np.float64)
            case _:
                values = prompt.invalid[answer].astype(np.float64)
        total += ((weights.slope[n] * values + weights.offset[n]) * there).sum(axis=1)
    return total
