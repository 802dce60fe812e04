"""Who answered, and what did not: what a verdict says of its samples beside what they say."""

from collections import Counter
from collections.abc import Iterable, Sequence

from harness.core.batch import Batch, Sample


def samples_of(batch: Batch | None) -> tuple[Sample, ...]:
    """Return all samples of a batch."""
    return tuple(s for found in batch.samples.values() for s in found) if batch is not None else ()


def failure_counts(samples: Sequence[Sample]) -> tuple[tuple[str, int], ...]:
    """Count the failed calls by kind."""
    return tuple(sorted(Counter(s.failure.kind.value for s in samples if s.failure).items()))


def served_names(samples: Sequence[Sample]) -> tuple[str, ...]:
    """Return what the answers name as their model."""
    return _distinct(sample.answer.model_served for sample in samples if sample.answer)


def fingerprints(samples: Sequence[Sample]) -> tuple[str, ...]:
    """Return the answers' system fingerprints."""
    return _distinct(sample.answer.system_fingerprint for sample in samples if sample.answer)


def _distinct(values: Iterable[str | None]) -> tuple[str, ...]:
    return tuple(sorted({value for value in values if value}))
