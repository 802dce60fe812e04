"""A project with its parts."""

import random
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from harness.core.config import Config, EncoderSpec
from harness.core.replies import Answer, Failure
from harness.core.run import RunEnd
from harness.core.suite import Suite, Target
from harness.core.verdict import Verdict
from harness.edges.encoders import ENCODERS
from harness.edges.environment import (
    SystemClock,
    proxy_credentials,
    read_environment,
    versions,
)
from harness.edges.files.named_files import files_named_in
from harness.edges.files.project import Project, load_project
from harness.edges.files.suites import case_files, holds_tasks, load_suite
from harness.edges.git import git_output, who
from harness.edges.providers import PROVIDERS, Surroundings, provider_name
from harness.edges.redaction import Redactor, scrubbed
from harness.edges.stores.baselines import FileBaselineStore
from harness.edges.stores.cache_folder import vectors_folder
from harness.edges.stores.history import open_configured
from harness.edges.stores.mutes import FileMuteStore
from harness.edges.stores.runs import FileRunStore
from harness.edges.stores.safe_paths import inside
from harness.edges.stores.vectors import vector_cache
from harness.edges.stores.verdicts import read_run_end, read_verdict
from harness.errors import UnknownName
from harness.ports import (
    BaselineStore,
    Clock,
    Encoder,
    HistoryStore,
    MuteStore,
    Provider,
    RunStore,
    VectorCache,
)
from harness.registry import did_you_mean
from harness.wiring.files import is_a_file


@dataclass(frozen=True, slots=True, kw_only=True)
class Workshop:
    """A project with its parts, made when they are asked for."""

    project: Project
    environment: Mapping[str, str]
    redactor: Redactor
    clock: Clock
    jitter: random.Random

    @property
    def runs(self) -> RunStore:
        """The run folders."""
        return FileRunStore(self.project.reports, redact=self.redactor.redact_values)

    @property
    def baselines(self) -> BaselineStore:
        """What was accepted."""
        lock = inside(self.project.root, self.project.cache / "baselines.lock")
        return FileBaselineStore(self.project.baselines, lock=lock, redact=self.redactor.redact_values)

    @property
    def mutes(self) -> MuteStore:
        """Which incidents somebody muted."""
        return FileMuteStore(self.project.baselines, self.baselines, self.redactor.redact_values)

    def history(self) -> HistoryStore:
        """Return what is remembered of every night. Raises InputError where its database is not well named."""
        file = self.project.reports / "history.sqlite"
        return open_configured(self.project.config.history, self.environment, file, self.redactor.redact)

    def verdict(self, run: str) -> Verdict | None:
        """Return the verdict that a run's folder holds, or None where none can be read. Raises SetupError for a link."""
        return read_verdict(self.runs.path(run, "verdict.json"), self.project.root)

    def run_end(self, run: str) -> RunEnd | None:
        """Return how a run ended, as its verdict says it, or None. Raises SetupError for a link."""
        return read_run_end(self.runs.path(run, "verdict.json"), self.project.root)

    def suite(self, name: str) -> Suite:
        """Load a suite. Raises UsageError for a name that is not configured, DocumentError for its files."""
        suites = self.project.config.suites
        if name not in suites:
            raise UnknownName(f"unknown suite '{name}'{did_you_mean(name, tuple(suites))}")
        return load_suite(name, self.project.root / suites[name].path, root=self.project.root)

    def is_golden(self, name: str) -> bool:
        """Say whether a suite's cases are golden tasks, by the first of them; the whole suite is not read."""
        spec = self.project.config.suites.get(name)
        return spec is not None and holds_tasks(self.project.root / spec.path, root=self.project.root)

    def case_files_of(self, name: str) -> tuple[str, ...]:
        """Return the files of a suite's cases, as seen from the root."""
        root = self.project.root
        folder = root / self.project.config.suites[name].path
        return tuple(path.relative_to(root).as_posix() for path in case_files(folder, root=root))

    def files_named_by(self, name: str) -> tuple[str, ...]:
        """Return the prompt files, tools and schemas that a suite's cases name, as seen from the root."""
        folder = self.project.root / self.project.config.suites[name].path
        return files_named_in(case_files(folder, root=self.project.root), root=self.project.root)

    def under(self, config: Config) -> "Workshop":
        """Return the same project under another configuration: the merge base's, for a pull request."""
        project = replace(self.project, config=config)
        return replace(self, project=project, redactor=_redactor(config, self.environment))

    def encoder(self) -> Encoder:
        """Make the configured encoder; raises SetupError where it cannot work on this machine."""
        spec = self.project.config.encoder
        return ENCODERS.load(spec.kind)(spec, environment=self.environment, redact=self.redactor.redact)

    def builtin_encoder(self) -> Encoder:
        """Make the encoder that needs nothing."""
        return ENCODERS.load("hashed")(EncoderSpec(), environment={}, redact=self.redactor.redact)

    def vectors(self, encoder: Encoder) -> VectorCache:
        """Return the vectors kept for an encoder; the built-in one is faster than keeping any."""
        spec = self.project.config.encoder
        folder = (
            None
            if encoder.digest == self.builtin_encoder().digest
            else vectors_folder(self.environment, self.project.root, api_base=spec.api_base)
        )
        return vector_cache(folder, encoder.digest)

    def providers(self, targets: Mapping[str, Target], *, night: date, run: str) -> Mapping[str, Provider]:
        """Make the provider of every target; targets of one provider share it."""
        surroundings = Surroundings(
            root=self.project.root,
            environment=self.environment,
            redactor=self.redactor,
            night=night,
            run=run,
            max_response_bytes=self.project.config.limits.max_response_bytes,
        )
        names = {name: provider_name(target) for name, target in targets.items()}
        made = {
            wanted: PROVIDERS.load(wanted).build(
                [target for name, target in targets.items() if names[name] == wanted], surroundings
            )
            for wanted in dict.fromkeys(names.values())
        }
        return {name: made[wanted] for name, wanted in names.items()}

    def scrub(self, completion: Answer | Failure) -> Answer | Failure:
        """Take secrets out of what came back."""
        return scrubbed(completion, self.redactor)

    def who(self) -> str:
        """Return who git says is working here."""
        return who(self.project.root)

    def commit(self) -> str | None:
        """Return the commit that is checked out, or None outside git."""
        return git_output(self.project.root, "rev-parse", "HEAD")

    def uncommitted(self, *paths: str) -> bool | None:
        """Say whether any of `paths` has changes that git does not hold, or None outside git."""
        status = git_output(self.project.root, "status", "--porcelain", "--", *paths)
        return None if status is None else bool(status)

    def last_commit_day(self, path: str) -> str | None:
        """Return the date of the last commit that changed a file, or None where git knows none."""
        day = git_output(self.project.root, "log", "-1", "--format=%cs", "--", path)
        return day or None

    def versions(self) -> Mapping[str, str]:
        """Return the versions of what decides a run."""
        return versions()

    def new_run_id(self, suite: str) -> str:
        """Name a run: its UTC time, its suite, and the fraction of its second in four digits.

        So that two runs of a suite within a second are in order, too: `last` is the later one.
        """
        now = self.clock.now()
        return f"{now:%Y%m%dT%H%M%SZ}-{suite}-{now.microsecond * 0x10000 // 1_000_000:04x}"


def run_named(named: str, folder: Path) -> str:
    """Return what a store resolves: a run's folder is looked for below `folder`, as every other path is."""
    return str(folder / named) if is_a_file(folder / named / "manifest.json") else named


def open_workshop(
    folder: Path, config: Path | None, env_file: Path | None, clock: Clock | None = None
) -> Workshop:
    """Read the configuration and what it names from the environment; without a `clock`, the machine's. Raises InputError."""
    project = load_project(folder, config)
    environment = read_environment(folder / env_file if env_file else None)
    return Workshop(
        project=project,
        environment=environment,
        redactor=_redactor(project.config, environment),
        clock=clock or SystemClock(),
        jitter=random.Random(),
    )


def _redactor(config: Config, environment: Mapping[str, str]) -> Redactor:
    """Make what takes the values out that the configuration names, and the credentials of a proxy."""
    names = [name for target in config.targets.values() for name in target.secret_names()]
    if config.encoder.key_env:
        names.append(config.encoder.key_env)
    names += [name for name in (config.history.url_env, config.heartbeat.url_env) if name]
    names.extend(config.notify.secret_names())
    known = {name: environment[name] for name in names if environment.get(name)}
    return Redactor(known | proxy_credentials(environment))
