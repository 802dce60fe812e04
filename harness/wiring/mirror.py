"""The place that machines share their runs at."""

from harness.edges.stores.mirror import RunMirror
from harness.errors import MissingKey
from harness.wiring.workshop import Workshop

DEFAULT_ENV = "DRIFT_RUNS_URL"


def open_mirror(workshop: Workshop, url: str | None) -> RunMirror:
    """Return the place at `url`, else at the one that the environment names. Raises SetupError, UsageError."""
    named = url or workshop.environment.get(DEFAULT_ENV, "").strip()
    if not named:
        raise MissingKey(
            f"no place to share runs at: name one, or set {DEFAULT_ENV} to a URL such as s3://BUCKET/FOLDER"
        )
    return RunMirror(named, redact=workshop.redactor.redact_values)
