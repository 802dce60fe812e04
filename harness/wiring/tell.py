"""Parts that tell people of incidents: the notifier that is configured, and what was told before."""

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from harness.core.config import Config
from harness.core.run import RunKind
from harness.edges.redaction import Redactor
from harness.edges.sinks import NOTIFIERS, Places
from harness.edges.stores.safe_paths import inside
from harness.edges.stores.told import ToldFiles
from harness.errors import HarnessError, MissingPackage, UsageError
from harness.ports import Clock, Notifier, RunStore, ToldStore
from harness.wiring.workshop import Workshop

__all__ = [
    "configured_places",
    "newest_nights",
    "open_notifier",
    "places_named",
    "told_beside",
    "told_of_project",
]

MOST_NIGHTS = 30
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}\Z")
_EXTRAS = {"apprise": "notify"}


def configured_places(kind: str, config: Config) -> Places | None:
    """Return the variables that drift.yaml names for a kind of notifier."""
    webhook, apprise = config.notify.webhook, config.notify.apprise
    if kind == "webhook" and webhook is not None:
        return Places(url_env=webhook.url_env, secret_env=webhook.secret_env)
    return Places(url_env=apprise.url_env) if kind == "apprise" and apprise is not None else None


def places_named(kind: str, url_env: str | None, secret_env: str | None, configured: Places | None) -> Places:
    """Return what the command line names, else what is configured. Raises UsageError where neither does."""
    for option, name in (("--url-env", url_env), ("--secret-env", secret_env)):
        if name is not None and (not _VARIABLE.match(name) or Redactor({}).redact(name) != name):
            raise UsageError(f"{option} takes the name of a variable, never its value")
    if url_env is None and configured is None:
        raise UsageError(
            f"where to? Give --url-env NAME, or name it in drift.yaml: notify: {{{kind}: {{url_env: NAME}}}}"
        )
    return Places(
        url_env=url_env or (configured.url_env if configured is not None else ""),
        secret_env=secret_env or (configured.secret_env if configured is not None else None),
    )


def open_notifier(
    kind: str, places: Places, environment: Mapping[str, str], clock: Clock, redact: Callable[[str], str]
) -> Notifier:
    """Make a notifier. Raises SetupError for what is not installed, not set, or no address."""
    try:
        return NOTIFIERS.load(kind)(places, environment, clock, redact)
    except MissingPackage as error:
        extra = _EXTRAS.get(kind)
        raise (
            MissingPackage(f"{error}: pip install 'drift-harness[{extra}]'") if extra else error
        ) from error


def newest_nights(runs: RunStore) -> tuple[str, ...]:
    """Return the last scheduled run of every suite and target, oldest first; what cannot be read is left out.

    Of the last `MOST_NIGHTS` of them: what has not run since is nobody's news.
    """
    found: list[str] = []
    known: set[tuple[str, str]] = set()
    left = MOST_NIGHTS
    for name in reversed(runs.names()):
        try:
            manifest = runs.manifest(name)
        except HarnessError:
            continue
        if not manifest.scheduled or manifest.kind is not RunKind.CHECK:
            continue
        tracks = {(manifest.suite.name, target.name) for target in manifest.targets}
        if not tracks <= known:
            found.append(name)
        known |= tracks
        left -= 1
        if not left:
            break
    return tuple(reversed(found))


def told_of_project(workshop: Workshop, run: str) -> ToldStore:
    """Return what was told of this project's runs; what is told now is written into the folder of `run`."""
    runs, project = workshop.runs, workshop.project

    def folders() -> Iterator[Path]:
        return (project.reports / name for name in runs.names())

    return ToldFiles(
        root=project.root,
        folder=runs.path(run, "told.jsonl").parent,
        folders=folders,
        lock=inside(project.root, project.cache / "told.lock"),
        redact=workshop.redactor.redact,
    )


def told_beside(file: Path) -> ToldStore:
    """Return what was told of a verdict that lies anywhere, written down beside it."""
    folder = file.parent
    return ToldFiles(
        root=folder, folder=folder, folders=tuple, lock=folder / ".told.lock", redact=Redactor({}).redact
    )
