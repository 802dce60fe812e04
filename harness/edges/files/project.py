"""The project on disk: `drift.yaml`, found upwards, and the folders below its place."""

import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import islice
from pathlib import Path

from harness.core.config import Config
from harness.edges.encoders import ENCODERS
from harness.edges.files import litellm_names
from harness.edges.files.document import Document, ValuePath
from harness.edges.files.secrets import retold, shown
from harness.edges.files.steering import where_it_belongs
from harness.edges.files.strict_yaml import read_yaml
from harness.edges.files.validation import build
from harness.edges.providers import PROVIDERS
from harness.errors import MOST_PROBLEMS_SHOWN, DocumentError, NoProject, Problem, ProblemCode, UsageError
from harness.registry import did_you_mean
from harness.simulator.spec import model_spec

CONFIG_NAME = "drift.yaml"
MOST_PROBLEMS = 100
"""After so many the other parts are not looked at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """A configuration and where it applies."""

    root: Path
    config_path: Path
    config: Config

    @property
    def baselines(self) -> Path:
        """Accepted baselines, in git."""
        return self.root / "baselines"

    @property
    def reports(self) -> Path:
        """Run folders."""
        return self.root / "reports"

    @property
    def cache(self) -> Path:
        """What can be rebuilt."""
        return self.root / ".drift" / "cache"


def find_config(start: Path) -> Path:
    """Return the nearest `drift.yaml` from `start` upwards. Raises UsageError."""
    for folder in (start, *start.parents):
        if (folder / CONFIG_NAME).is_file():
            return folder / CONFIG_NAME
    raise NoProject(f"no {CONFIG_NAME} in {start} or above it; `drift init` writes one")


def config_path(start: Path, named: Path | None = None) -> Path:
    """Return where the configuration is: the one named, or the nearest one. Raises UsageError."""
    path = start / named if named else find_config(start)
    try:
        path = path.resolve()
        found = path.is_file()
    except (OSError, RuntimeError, ValueError) as error:  # links in a circle, a name no system takes
        raise NoProject(f"{path} leads nowhere; check --config") from error
    if not found:
        raise NoProject(f"{path} is not there, or not a file; check --config")
    return path


def load_project(start: Path, named: Path | None = None) -> Project:
    """Read the configuration named, or the nearest one. Raises DocumentError, UsageError."""
    path = config_path(start, named)
    document = read_yaml(path, root=path.parent)
    config = build(document, Config, forbid_secrets=True)
    problems = tuple(islice(_unknown_parts(document, config), MOST_PROBLEMS))
    if problems:
        raise DocumentError(problems)
    return Project(root=path.parent, config_path=path, config=_placed(config, path.parent))


def _placed(config: Config, root: Path) -> Config:
    """Take the encoder's folder from the project, as every other path, and not from where drift was called."""
    if config.encoder.path is None:
        return config
    encoder = config.encoder.model_copy(update={"path": str(root / config.encoder.path)})
    return config.model_copy(update={"encoder": encoder})


def _unknown_parts(document: Document, config: Config) -> Iterator[Problem]:
    """Find what stands for nothing, and what stands where it does not belong."""
    for number, (place, name) in enumerate(config.unknown_targets()):
        # To guess is slow, and a hostile configuration names thousands.
        known = did_you_mean(name, tuple(config.targets)) if number < MOST_PROBLEMS_SHOWN else ""
        yield document.problem(place, f"unknown target {shown(name)}{known}", code=ProblemCode.UNKNOWN_NAME)
    for place, name in config.repeated_targets():
        yield document.problem(
            place, f"{shown(name)} is named already: it is asked once, so delete one of them"
        )
    if not ENCODERS.knows(config.encoder.kind):
        yield document.problem(
            ("encoder", "name"),
            retold(ENCODERS.unknown(config.encoder.kind), None),
            code=ProblemCode.UNKNOWN_NAME,
        )
    elif config.encoder.kind == "litellm" and config.encoder.name.count("/") > 1:
        model = config.encoder.name.partition("/")[2]
        yield from _unknown_provider(document, ("encoder", "name"), model, known=())
    for name, target in config.targets.items():
        yield from _unknown_provider(
            document, ("targets", name, "model"), target.model, known=PROVIDERS.names()
        )
        for parameter in target.params:
            if belongs := where_it_belongs(parameter):
                message = f"{shown(parameter)} is no parameter of a model; {belongs}"
                yield document.problem(("targets", name, "params", parameter), message, at_key=True)
        if target.model.startswith("simulated/"):
            try:
                model_spec(target.model.removeprefix("simulated/"), target.options)
            except UsageError as error:
                for line in str(error).splitlines():
                    yield document.problem(("targets", name, "options" if ": " in line else "model"), line)


@cache
def _is_provider(prefix: str) -> bool:
    """Ask once for each name: the packages' metadata are read for it."""
    return PROVIDERS.knows(prefix)


def _unknown_provider(
    document: Document, place: ValuePath, model: str, *, known: tuple[str, ...]
) -> Iterator[Problem]:
    """Find a model that begins with no provider: neither one of drift's or of a package, nor one of LiteLLM's."""
    prefix = model.partition("/")[0]
    names = tuple(name for name in (*known, *sorted(litellm_names.PROVIDERS)) if name != "litellm")
    if prefix in names or (known and prefix != "litellm" and _is_provider(prefix)):
        return
    close = difflib.get_close_matches(prefix, names, n=1)
    tail = f", did you mean {shown(close[0])}?" if close else ": write the provider before the first '/'"
    yield document.problem(place, f"unknown provider {shown(prefix)}{tail}", code=ProblemCode.UNKNOWN_NAME)
